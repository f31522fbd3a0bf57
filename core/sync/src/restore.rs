//! Undoing a deletion that was carried over.

use jiff::Timestamp;
use tieline_model::{Ids, LinkId, Record};

use crate::command::{LeftWrite, Undo, Unit};
use crate::link::{LeftRef, Link, Seen};

/// What a restore writes, and why not.
#[derive(Debug, Clone, PartialEq)]
pub enum Restored<R: Record> {
    /// In one transaction; the next pass makes the item in the mail system again, with its attendees and without a
    /// word to them.
    Unit(Box<Unit<R>>),
    /// It was kept until then.
    TooLate(Timestamp),
}

/// Brings a deleted item back: in Tieline under its own id, in the mail system as a new item with the same UID.
///
/// The write is refused when an item with that id exists again; then there is nothing to restore.
#[must_use]
pub fn restore<R: Record>(undo: &Undo<R>, epoch: u32, now: Timestamp, ids: &dyn Ids) -> Restored<R> {
    if now > undo.until {
        return Restored::TooLate(undo.until);
    }
    let fresh = || ids.uuid().simple().to_string();
    let (id, etag) = (undo.left.clone().unwrap_or_else(fresh), fresh());
    let mut link = Link::new(LinkId::from_uuid(ids.uuid()), 0, epoch);
    link.left = Some(LeftRef { id: id.clone(), etag: etag.clone() });
    link.seen_left = Seen::Changed;
    let left = Some(LeftWrite { id, if_etag: None, put: Some((undo.record.clone(), etag)) });
    Restored::Unit(Box::new(Unit { left, ..Unit::put(link) }))
}
