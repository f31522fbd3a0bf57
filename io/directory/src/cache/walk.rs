//! Walks over everybody that let others in between: while somebody waits to write, nobody new may read, and a look-up
//! must not wait for a walk.

use std::collections::BinaryHeap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use tieline_model::{DirectoryId, Person};

use super::Book;

/// Places looked at before others are let in.
const AT_ONCE: usize = 256;

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
