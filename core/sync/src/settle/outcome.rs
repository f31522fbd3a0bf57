//! What became of a write: answered, refused, lost, or found when somebody looked.

use jiff::Timestamp;
use tieline_delivery::Failure;
use tieline_model::{Class, Record};

use super::Desk;
use crate::command::{Fetched, Reason, RightItem, Unit};
use crate::link::{Birth, Link, Operation, RightRef, Seen, Trouble};
use crate::merge::Base;
use crate::side::Side;

impl<R: Record> Desk<'_, R> {
    /// The mail system answered a write.
    pub(crate) fn confirmed(
        &self,
        mut link: Link<R>,
        id: String,
        etag: String,
        stored: Option<R>,
        doubtful: bool,
    ) -> Unit<R> {
        let Some(intent) = link.intent.take() else { return Unit::put(link) };
        link.trouble = None;
        let rendered = self.rendition.render(&intent.record);
        match intent.operation {
            Operation::Create => {
                link.born(Birth { written: intent.record.clone(), until: intent.settled });
                link.right = Some(RightRef { id, etag, before: None });
                (link.generation, link.epoch) = (self.generation, self.epoch);
                link.base = Some(Base { left: intent.record, right: stored.unwrap_or(rendered) });
            }
            Operation::Update => {
                link.take_etag(&etag);
                if let Some(base) = &mut link.base {
                    for field in &intent.fields {
                        base.left.copy_field(*field, &intent.record);
                    }
                    base.right = stored.unwrap_or(rendered);
                }
            }
            Operation::Delete => return self.deleted(link, intent.record),
        }
        if doubtful {
            link.seen_right = Seen::Changed;
        }
        if link.seen_right == Seen::Missing {
            link.seen_right = Seen::Changed;
        }
        Unit::put(link)
    }

    /// A deletion was carried over to the mail system.
    fn deleted(&self, link: Link<R>, record: R) -> Unit<R> {
        let undo = link.base.is_some().then(|| {
            let ours = link.base.as_ref().map_or(record, |base| base.left.clone());
            self.undo(&link, Side::Left, ours)
        });
        Unit { undo, ..self.forget(link) }
    }

    /// A write was refused for certain: the item has another version, or is gone.
    pub(crate) fn overtaken(&self, mut link: Link<R>, seen: Seen) -> Unit<R> {
        let Some(intent) = link.intent.take() else { return Unit::put(link) };
        if intent.operation == Operation::Delete && seen == Seen::Gone {
            return self.deleted(link, intent.record);
        }
        link.seen_left = if intent.operation == Operation::Delete { Seen::Gone } else { Seen::Changed };
        link.seen_right = seen;
        Unit::put(link)
    }

    /// The mail system was not reached: nothing was sent, and the item is not to blame.
    pub(crate) fn unsent(&self, link: Link<R>) -> Unit<R> {
        self.overtaken(link, Seen::Same)
    }

    /// A write failed. What may have had its effect is looked for; what has not is tried again, or put aside.
    pub(crate) fn failed(
        &self,
        mut link: Link<R>,
        failure: &Failure,
        reason: String,
        random: u64,
    ) -> Unit<R> {
        if failure.uncertain {
            return Unit::put(link);
        }
        let deletes = link.intent.take().is_some_and(|intent| intent.operation == Operation::Delete);
        link.seen_left = if deletes { Seen::Gone } else { Seen::Changed };
        self.troubled(link, failure, reason, random)
    }

    pub(super) fn troubled(
        &self,
        mut link: Link<R>,
        failure: &Failure,
        reason: String,
        random: u64,
    ) -> Unit<R> {
        let before = link.trouble.take();
        let failures = before.as_ref().map_or(0, |trouble| trouble.failures).saturating_add(1);
        let limits = &self.policy.limits;
        let quarantined = failure.class == Class::Permanent
            || (failure.class == Class::Transient
                && failures >= limits.patience
                && failure.back_off.is_none());
        let wait = limits.quarantine.saturating_mul(1 << failures.saturating_sub(1).min(5));
        let longest = jiff::SignedDuration::from_hours(24).max(limits.quarantine);
        let retry_at = if quarantined {
            self.now.saturating_add(wait.min(longest)).unwrap_or(Timestamp::MAX)
        } else {
            self.policy.times.again(failure, failures, self.now, random)
        };
        let since = before.map_or(self.now, |trouble| trouble.since);
        link.trouble = Some(Trouble { failures, reason: reason.clone(), since, retry_at, quarantined });
        let reason = quarantined.then(|| Reason {
            rule: "put-aside",
            outcome: "The item cannot be read or written and is put aside; the others go on.".to_owned(),
            inputs: vec![("the mail system said", reason)],
        });
        Unit { reason, ..Unit::put(link) }
    }

    /// Looks what became of an update or deletion whose answer was lost. `asked_at` is when the look began.
    pub(crate) fn looked(&self, mut link: Link<R>, fetched: Fetched<R>, asked_at: Timestamp) -> Unit<R> {
        let Some(intent) = &link.intent else { return Unit::put(link) };
        match fetched {
            Fetched::NotFound => self.overtaken(link, Seen::Gone),
            Fetched::Found(item) if item.stamp.is_some_and(|stamp| stamp.write == intent.write) => {
                self.adopt(link, *item)
            }
            Fetched::Found(item) if intent.if_etag.as_ref() != Some(&item.etag) => {
                self.overtaken(link, Seen::Changed)
            }
            Fetched::Found(_) if asked_at >= intent.settled => self.overtaken(link, Seen::Changed),
            Fetched::Found(_) => self.look_again(link),
            Fetched::Unreadable(failure, _) => {
                let again = self.policy.times.again(&failure, 1, self.now, 0);
                if let Some(intent) = &mut link.intent {
                    intent.look_at = again;
                }
                Unit::put(link)
            }
        }
    }

    /// Looks what became of a create whose answer was lost. Of the items with the link's mark the oldest one that may
    /// be it and was made by this very request counts: others are doubles, also of earlier requests, which are met
    /// again as items of the mail system's, or copies that users made.
    pub(crate) fn located(&self, link: Link<R>, found: Vec<RightItem<R>>, asked_at: Timestamp) -> Unit<R> {
        let Some(intent) = &link.intent else { return Unit::put(link) };
        let made = |item: &RightItem<R>| {
            item.stamp.is_some_and(|stamp| stamp.write == intent.write) && intent.record.may_be(&item.record)
        };
        match found.into_iter().find(made) {
            Some(item) => self.adopt(link, item),
            None if asked_at >= intent.settled => self.overtaken(link, Seen::Same),
            None => self.look_again(link),
        }
    }

    fn look_again(&self, mut link: Link<R>) -> Unit<R> {
        if let Some(intent) = &mut link.intent {
            intent.look_at = intent.settled.max(self.now);
        }
        Unit::put(link)
    }

    /// The effect of a write is found on an item. An item that nobody touched since it was made shows the server's way
    /// of writing it; else, what differs from what was written may have been edited since, and counts as an edit, so
    /// that nothing is lost.
    pub(crate) fn adopt(&self, link: Link<R>, item: RightItem<R>) -> Unit<R> {
        let untouched = item.edited.is_some() && item.edited == item.created;
        let as_written = link.intent.as_ref().is_some_and(|intent| {
            (intent.operation == Operation::Create && untouched)
                || self.is_as_written(&intent.record, &item.record)
        });
        let stored = as_written.then_some(item.record);
        self.confirmed(link, item.id, item.etag, stored, !as_written)
    }

    pub(crate) fn is_as_written(&self, written: &R, found: &R) -> bool {
        self.rendition.render(written).differences(found).is_empty()
    }
}
