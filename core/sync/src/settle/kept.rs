//! What is kept of a decision: for the undo bar, as a conflict, as where an item came from.

use jiff::Timestamp;
use tieline_model::{Record, RecordHash};

use super::Desk;
use crate::command::{Conflict, Undo, Unit};
use crate::decide::Rule;
use crate::link::{Link, Seen};
use crate::merge::Provenance;
use crate::side::{Origin, Side};

impl<R: Record> Desk<'_, R> {
    pub(super) fn forget(&self, mut link: Link<R>) -> Unit<R> {
        if link.birth.as_ref().is_none_or(|birth| birth.until <= self.now) {
            return Unit::remove(link.id);
        }
        // A double may still turn up, and must be recognised as one.
        (link.left, link.right, link.base, link.intent, link.trouble) = (None, None, None, None, None);
        (link.seen_left, link.seen_right) = (Seen::Same, Seen::Same);
        Unit::put(link)
    }

    pub(super) fn undo(&self, link: &Link<R>, deleted_on: Side, record: R) -> Undo<R> {
        Undo {
            link: link.id,
            deleted_on,
            at: self.now,
            until: self.now.saturating_add(self.policy.limits.undo).unwrap_or(Timestamp::MAX),
            left: link.left.as_ref().map(|left| left.id.clone()),
            right: link.right.as_ref().map(|right| right.id.clone()),
            record,
        }
    }

    pub(super) fn deletion_lost(&self, link: &Link<R>, rule: &Rule, winner: Side) -> Conflict<R> {
        Conflict {
            link: link.id,
            at: self.now,
            rule: rule.name.to_owned(),
            winner,
            fields: Vec::new(),
            loser: None,
        }
    }

    pub(super) fn edit_lost(&self, link: &Link<R>, rule: &Rule, winner: Side, loser: R) -> Conflict<R> {
        Conflict { loser: Some(loser), ..self.deletion_lost(link, rule, winner) }
    }

    pub(super) fn made(&self, origin: Origin, at: Option<Timestamp>, record: &R) -> Provenance {
        let value = RecordHash::of(record.hash().as_str());
        Provenance { origin, at: at.unwrap_or(self.now), rule: "made-there".to_owned(), value }
    }

    pub(super) fn fresh(&self) -> String {
        self.ids.uuid().simple().to_string()
    }
}
