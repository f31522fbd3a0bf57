//! Contacts and events as text that other programs read: vCard 3.0 and 4.0 (RFC 2426, RFC 6350), iCalendar (RFC 5545).
//!
//! Sans-IO and deterministic. The grammar is the library calcard's; what a property means for Tieline is said here:
//! [`vcard`] for [`tieline_model::Contact`], [`icalendar`] for [`tieline_model::Event`], `zone` for VTIMEZONE, whose
//! body the library does not look at.
//!
//! What is written can be read back without loss; what has no property of its own travels in an `X-` property. What is
//! read and cannot be held as it is meant (a repetition that Exchange does not know, a time in an unknown zone) is
//! refused with a reason ([`Unreadable`]), entry by entry: nothing is guessed, and one bad entry stops no other.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod icalendar;
mod rule;
pub mod vcard;
mod zone;

/// An entry that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which entry of the file, counted from 1.
    pub place: usize,
    /// What it calls itself; empty when it does not.
    pub name: String,
    /// Why, as half a sentence.
    pub reason: String,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<T> {
    /// What was understood, in the file's order.
    pub entries: Vec<T>,
    /// What was not.
    pub unreadable: Vec<Unreadable>,
}

impl<T> Default for Read<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), unreadable: Vec::new() }
    }
}

impl<T> Read<T> {
    fn refuse(&mut self, place: usize, name: &str, reason: impl Into<String>) {
        let name = name.chars().filter(|c| !c.is_control()).take(80).collect();
        self.unreadable.push(Unreadable { place, name, reason: reason.into() });
    }
}

/// The file is no vCard or iCalendar file at all, or more than is taken at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterchangeError {
    /// Larger than [`MOST_BYTES`].
    #[error("the file has {0} bytes; {MOST_BYTES} are taken at once")]
    TooLarge(usize),
    /// More than [`MOST_ENTRIES`].
    #[error("the file has more than {MOST_ENTRIES} entries")]
    TooMany,
    /// Nothing of the kind is in it.
    #[error("the file holds no {0}")]
    Nothing(&'static str),
}

/// The largest file that is read, in bytes.
pub const MOST_BYTES: usize = 64 << 20;
/// The most entries that are read from one file.
pub const MOST_ENTRIES: usize = 50_000;
/// The longest text of one field, in bytes; Exchange takes less of most.
const LONGEST: usize = 256 << 10;
/// The most values of one list.
const MOST_VALUES: usize = 1000;

/// Without control characters other than line ends, and not longer than what is kept.
fn clean(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    (text.len() <= LONGEST).then_some(text)
}
