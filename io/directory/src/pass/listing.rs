//! Everybody.

use std::sync::{PoisonError, RwLock};

use tieline_model::DirectoryId;
use tieline_ports::ChangeTracking;
use tieline_proto_ldap::{Entry, Scope, Search};

use super::marker::{Marker, Newest};
use super::{Config, Root, dir_sync};
use crate::cache::{self, Book, Change};
use crate::config::{DirectoryConfig, Limits};
use crate::error::DirectoryError;
use crate::ldap::Connection;

/// A complete listing.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) book: Book,
    pub(crate) seen: usize,
    pub(crate) unusable: usize,
    pub(crate) marker: Option<Marker>,
}

impl Listing {
    /// Takes an entry into the book.
    ///
    /// # Errors
    /// When that are more than the settings allow.
    pub(super) fn take(&mut self, entry: &Entry, config: &DirectoryConfig) -> Result<(), DirectoryError> {
        self.seen += 1;
        if self.seen > config.limits.max_people {
            return Err(DirectoryError::TooMany { limit: config.limits.max_people });
        }
        match config.attributes.person(entry, &config.dial_plan) {
            // Two bases may overlap.
            Some(person) => drop::<Change>(self.book.enter(&person)),
            None => self.unusable += 1,
        }
        Ok(())
    }
}

/// Lists everybody below all bases. Returns only a listing that the server completed.
pub(crate) async fn list_everybody(
    connection: &mut Connection,
    config: &Config,
) -> Result<Listing, DirectoryError> {
    // Before the listing, so that what changes meanwhile lies behind the marker.
    let root = Root::read(connection).await?;
    let tracking = root.tracking(config.tracking);
    if tracking == Some(ChangeTracking::DirSync) {
        return dir_sync::list_everybody(connection, config, &root).await;
    }
    let mut listing = Listing::default();
    let mut newest = Newest::default();
    for base in &config.bases {
        let mut sink = |entry: Entry| {
            newest.see(&entry);
            listing.take(&entry, config)
        };
        connection.search_all(&everybody(config, base), config.limits.page_size, &mut sink).await?;
    }
    listing.marker = match (tracking, root.update_sequence()) {
        (Some(ChangeTracking::UpdateSequence), Some(last)) => {
            Some(Marker::UpdateSequence { service: root.service().unwrap_or_default().to_owned(), last })
        }
        _ => newest.marker(tracking),
    };
    Ok(listing)
}

pub(super) fn everybody(config: &DirectoryConfig, base: &str) -> Search {
    let mut attributes = config.attributes.wanted();
    attributes.extend(Newest::WANTED.map(str::to_owned));
    Search {
        base: base.to_owned(),
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: config.people.clone(),
        attributes,
    }
}

/// What a complete listing changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
    pub(crate) withheld: usize,
}

/// Compares a complete listing with what is known, and keeps whom it lacks when that are too many to believe. Look-ups
/// go on meanwhile.
pub(crate) fn merge(known: &RwLock<Book>, listed: &mut Book, limits: &Limits, accept_losses: bool) -> Merged {
    let known_person = |id: &DirectoryId| known.read().unwrap_or_else(PoisonError::into_inner).person(id);
    let mut merged = Merged::default();
    for person in listed.iter() {
        match known_person(&person.id) {
            None => merged.added += 1,
            Some(before) if before != person => merged.changed += 1,
            Some(_) => {}
        }
    }
    let (mut people, mut missing) = (0, Vec::new());
    cache::each(known, |id| {
        people += 1;
        if !listed.contains(&id) {
            missing.push(id);
        }
    });
    let believable = limits.losses_free.max(people * usize::from(limits.losses_percent) / 100);
    if missing.len() <= believable || accept_losses {
        merged.removed = missing.len();
        return merged;
    }
    merged.withheld = missing.len();
    for person in missing.iter().filter_map(known_person) {
        listed.enter(&person);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tieline_model::Person;

    fn book(people: impl IntoIterator<Item = usize>, name: &str) -> Book {
        let mut book = Book::default();
        for number in people {
            book.enter(&Person::named(DirectoryId::new(&format!("id{number}")).unwrap(), name));
        }
        book
    }

    #[test]
    fn a_listing_from_which_many_are_missing_forgets_nobody() {
        let known = RwLock::new(book(0..1000, "A"));
        let limits = Limits::default();
        let mut short = book(0..799, "B");
        let merged = merge(&known, &mut short, &limits, false);
        assert_eq!(merged, Merged { added: 0, changed: 799, removed: 0, withheld: 201 });
        assert_eq!(short.len(), 1000);
        let mut plausible = book(0..800, "B");
        assert_eq!(merge(&known, &mut plausible, &limits, false).removed, 200);
        assert_eq!(plausible.len(), 800);
        let mut accepted = book(0..10, "A");
        assert_eq!(merge(&known, &mut accepted, &limits, true).removed, 990);
        assert_eq!(accepted.len(), 10);
    }

    proptest! {
        /// Nobody is lost beyond the measure, and whoever is listed is there.
        #[test]
        fn losses_are_bounded(known in 0usize..200, listed in proptest::collection::btree_set(0usize..220, 0..220)) {
            let limits = Limits::default();
            let before = RwLock::new(book(0..known, "A"));
            let mut after = book(listed.iter().copied(), "A");
            let merged = merge(&before, &mut after, &limits, false);
            let lost = (0..known).filter(|n| !after.contains(&DirectoryId::new(&format!("id{n}")).unwrap())).count();
            prop_assert_eq!(lost, merged.removed);
            prop_assert!(lost <= limits.losses_free.max(known / 5));
            let is_there = |n: &usize| after.contains(&DirectoryId::new(&format!("id{n}")).unwrap());
            prop_assert!(listed.iter().all(is_there));
        }
    }
}
