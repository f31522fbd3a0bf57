//! Walks over everybody that let others in between: while somebody waits to write, nobody new may read, and a look-up
//! must not wait for a walk.

use std::collections::BinaryHeap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tieline_model::{ContactAddress, DirectoryId, Person};

use super::Book;
use super::likeness::{MOST_ALIKE, Query};

/// Places looked at before others are let in.
const AT_ONCE: usize = 256;
/// Words compared before others are let in.
const WORDS_AT_ONCE: usize = 16 * 1024;

fn read(book: &RwLock<Book>) -> RwLockReadGuard<'_, Book> {
    book.read().unwrap_or_else(PoisonError::into_inner)
}

/// Shows everybody's id. Whoever comes or changes during the walk may be shown or not.
pub(crate) fn each(book: &RwLock<Book>, mut show: impl FnMut(DirectoryId)) {
    let mut from = 0;
    loop {
        let ids = read(book).ids(from, AT_ONCE);
        let Some(ids) = ids else { return };
        ids.into_iter().for_each(&mut show);
        from += AT_ONCE;
    }
}

/// At most `limit` people with ids behind `after`, by id.
pub(crate) fn page(book: &RwLock<Book>, after: Option<&DirectoryId>, limit: usize) -> Vec<Person> {
    // The least ids so far, the greatest of them on top.
    let mut least = BinaryHeap::new();
    each(book, |id| {
        let wanted = least.len() < limit || least.peek().is_some_and(|greatest| id < *greatest);
        if wanted && after.is_none_or(|after| id > *after) {
            least.push(id);
            if least.len() > limit {
                least.pop();
            }
        }
    });
    least.into_sorted_vec().iter().filter_map(|id| read(book).person(id)).collect()
}

/// Whose names are alike, the most alike first.
pub(crate) fn nearest(book: &RwLock<Book>, contact: &ContactAddress, limit: usize) -> Vec<Person> {
    Query::of(contact).map(|query| most_alike(book, &query, limit)).unwrap_or_default()
}

/// The same for a name that somebody typed.
pub(crate) fn named(book: &RwLock<Book>, name: &str, limit: usize) -> Vec<Person> {
    Query::named(name).map(|query| most_alike(book, &query, limit)).unwrap_or_default()
}

fn most_alike(book: &RwLock<Book>, query: &Query, limit: usize) -> Vec<Person> {
    let (mut from, mut alike) = (0, Vec::new());
    loop {
        let some = read(book).alike(query, from, WORDS_AT_ONCE);
        let Some((next, some)) = some.filter(|_| alike.len() < MOST_ALIKE) else { break };
        alike.extend(some);
        from = next;
    }
    alike.sort_by(|(a, p), (b, q)| {
        (a, p.disabled, &p.display_name, &p.id).cmp(&(b, q.disabled, &q.display_name, &q.id))
    });
    alike.dedup_by(|(_, p), (_, q)| p.id == q.id);
    alike.into_iter().take(limit).map(|(_, person)| person).collect()
}
