//! What a search goes through, entry by entry, and where it stands between two pages (RFC 2696).
//!
//! A listing holds the books as they were when it began: whatever changes meanwhile, no contact comes twice and none is
//! left out.

use std::collections::VecDeque;
use std::sync::Arc;

use tieline_proto_ldap::{Entry, Scope, Search};

use crate::Listed;
use crate::entry::entry;
use crate::search::{matches, normalised, selected};

/// The entries below some books, in their order.
#[derive(Default)]
pub(crate) struct Listing {
    parts: VecDeque<Part>,
    /// The next one, when it was looked whether there is one.
    ahead: Option<Entry>,
    /// So many were given.
    given: usize,
}

enum Part {
    /// The book itself.
    Node(Entry),
    /// Contacts in it.
    Contacts { book: String, contacts: Arc<Vec<Listed>>, next: usize },
}

impl Listing {
    /// Adds a book's own entry.
    pub(crate) fn node(&mut self, node: Entry) {
        self.parts.push_back(Part::Node(node));
    }

    /// Adds contacts of a book.
    pub(crate) fn contacts(&mut self, book: &str, contacts: Arc<Vec<Listed>>) {
        self.parts.push_back(Part::Contacts { book: book.to_owned(), contacts, next: 0 });
    }

    /// How many were given so far.
    pub(crate) const fn given(&self) -> usize {
        self.given
    }

    /// At most so many, and whether there are more.
    pub(crate) fn take(&mut self, search: &Search, most: usize) -> (Vec<Entry>, bool) {
        let mut found = Vec::new();
        while found.len() < most {
            let Some(entry) = self.next(search) else { break };
            found.push(entry);
        }
        self.given = self.given.saturating_add(found.len());
        self.ahead = self.next(search);
        (found, self.ahead.is_some())
    }

    fn next(&mut self, search: &Search) -> Option<Entry> {
        if let Some(ahead) = self.ahead.take() {
            return Some(ahead);
        }
        let wanted = |entry: &Entry| reaches(search, &entry.dn) && matches(&search.filter, entry);
        loop {
            let candidate = match self.parts.front_mut()? {
                Part::Node(node) => {
                    let node = std::mem::take(node);
                    self.parts.pop_front();
                    Some(node)
                }
                Part::Contacts { book, contacts, next } => match contacts.get(*next) {
                    Some(listed) => {
                        *next += 1;
                        entry(listed, book)
                    }
                    None => {
                        self.parts.pop_front();
                        None
                    }
                },
            };
            if let Some(entry) = candidate.filter(wanted) {
                return Some(selected(&entry, search));
            }
        }
    }
}

/// Whether the entry lies where the search looks.
fn reaches(search: &Search, dn: &str) -> bool {
    let (dn, base) = (normalised(dn), normalised(&search.base));
    let below = dn.strip_suffix(&base).and_then(|rest| rest.strip_suffix(','));
    match search.scope {
        Scope::Base => dn == base,
        Scope::OneLevel => below.is_some_and(|rest| !rest.contains(',')),
        Scope::Subtree => dn == base || below.is_some(),
    }
}
