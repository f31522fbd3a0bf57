//! One link at a time: what its write came to, and what is done next about it. Pure.

use jiff::Timestamp;
use tieline_delivery::Failure;
use tieline_model::{Class, Ids, Record, RecordHash, WriteId};

use crate::brake::Touch;
use crate::command::{
    Conflict, Fetched, LeftItem, LeftWrite, Reason, RightItem, SendToNone, Undo, Unit, Write,
};
use crate::decide::{Action, Now, Rule, decide};
use crate::link::{Birth, Intent, LeftRef, Link, Operation, RightRef, Seen, Trouble};
use crate::merge::{Base, Both, Merged, Provenance, Rendition, record_provenance};
use crate::plan::Sample;
use crate::policy::Policy;
use crate::side::{Origin, Side};

/// What is at hand for every decision.
pub(crate) struct Desk<'a, R: Record> {
    pub(crate) policy: &'a Policy,
    pub(crate) rendition: &'a dyn Rendition<R>,
    pub(crate) ids: &'a dyn Ids,
    pub(crate) now: Timestamp,
    pub(crate) generation: u64,
    pub(crate) epoch: u32,
}

/// What is done about a link.
pub(crate) struct Verdict<R: Record> {
    pub(crate) unit: Unit<R>,
    pub(crate) write: Option<Write<R>>,
    pub(crate) planned: Option<(Action, Sample, usize)>,
}

impl<R: Record> Verdict<R> {
    pub(crate) const fn bookkeeping(unit: Unit<R>) -> Self {
        Self { unit, write: None, planned: None }
    }
}

/// The mail system's item as far as it is known.
struct RightNow<R> {
    record: R,
    etag: String,
    edited: Option<Timestamp>,
}

impl<R: Record> Desk<'_, R> {
    /// Decides about a link without an open write. `fetched` is `None` when nothing new is known of the mail
    /// system's item.
    pub(crate) fn settle(
        &self,
        mut link: Link<R>,
        left: Option<LeftItem<R>>,
        fetched: Option<Fetched<R>>,
    ) -> Verdict<R> {
        let right = match fetched {
            Some(Fetched::Found(item)) => {
                let item = *item;
                link.take_etag(&item.etag);
                Some(RightNow { record: item.record, etag: item.etag, edited: item.edited })
            }
            Some(Fetched::NotFound) => None,
            Some(Fetched::Unreadable(failure, reason)) => {
                let unit = self.troubled(link, &failure, reason, 0);
                return Verdict::bookkeeping(unit);
            }
            None => match (&link.right, &link.base) {
                (Some(right), Some(base)) => {
                    Some(RightNow { record: base.right.clone(), etag: right.etag.clone(), edited: None })
                }
                _ => None,
            },
        };
        let left_now =
            now_of(link.base.as_ref().map(|base| &base.left), left.as_ref().map(|item| &item.record));
        let right_now =
            now_of(link.base.as_ref().map(|base| &base.right), right.as_ref().map(|item| &item.record));
        if link.base.is_none() && left.is_some() && right.is_none() && link.right.is_some() {
            // The counterpart it was to be joined with is not there: it may have another one.
            link.right = None;
            (link.seen_left, link.seen_right) = (Seen::Changed, Seen::Same);
            return Verdict::bookkeeping(Unit::put(link));
        }
        link.epoch = self.epoch;
        let forgotten = |birth: &Birth<R>| self.now.duration_since(birth.until) > self.policy.limits.undo;
        if link.birth.as_ref().is_some_and(forgotten) {
            link.birth = None;
        }
        let (rule, action) = decide(left_now, right_now, self.policy.choices.deletes);
        link.seen_left = Seen::Same;
        link.seen_right = Seen::Same;
        if let Some(item) = &left {
            link.left = Some(LeftRef { id: item.id.clone(), etag: item.etag.clone() });
        }
        let case = Case { link, rule, action, left, right };
        match action {
            Action::Nothing => case.nothing(),
            Action::Join | Action::Merge | Action::UpdateLeft | Action::UpdateRight => self.merge(case),
            Action::CreateLeft => self.create_left(case),
            Action::CreateRight => self.create_right(case),
            Action::DeleteLeft => self.delete_left(case),
            Action::DeleteRight => self.delete_right(case),
            Action::Forget => {
                let planned = case.planned(&[], 0);
                Verdict { planned, ..Verdict::bookkeeping(self.forget(case.link)) }
            }
        }
    }

    fn merge(&self, case: Case<R>) -> Verdict<R> {
        let Case { mut link, rule, action, left: Some(left), right: Some(right) } = case else {
            return case.nothing();
        };
        let both = Both {
            base: link.base.as_ref(),
            left: &left.record,
            right: &right.record,
            edited: (left.edited, right.edited),
            provenance: &link.provenance,
        };
        let merged = both.merge(self.policy.choices.fields, self.rendition);
        let unlinked = link.base.is_none();
        let planned = Some((action, sample(&link, rule, &merged, &merged.left), merged.conflicts.len()));
        let conflict = merged.conflicts.first().map(|(_, winner)| Conflict {
            link: link.id,
            at: self.now,
            rule: rule.name.to_owned(),
            winner: *winner,
            fields: merged.conflicts.iter().map(|(field, _)| *field).collect(),
            loser: Some(if *winner == Side::Left { right.record.clone() } else { left.record.clone() }),
        });
        record_provenance(&mut link.provenance, &merged, (left.edited, right.edited), self.now);
        link.base = Some(merged.base_before_write(&right.record));
        let left_write = (!merged.to_left.is_empty()).then(|| {
            let etag = self.fresh();
            link.left = Some(LeftRef { id: left.id.clone(), etag: etag.clone() });
            LeftWrite {
                id: left.id.clone(),
                if_etag: Some(left.etag.clone()),
                put: Some((merged.left.clone(), etag)),
            }
        });
        let reason = merge_reason(rule, &merged);
        let write = (!merged.to_right.is_empty()).then(|| {
            self.intend(&mut link, Operation::Update, merged.right, merged.to_right.clone(), Some(right.etag))
        });
        if write.is_none() {
            link.trouble = None;
        }
        let touched = left_write.is_some() || write.is_some();
        let unit = Unit {
            left: left_write,
            conflict,
            reason: touched.then_some(reason),
            touch: (touched && !unlinked).then_some(Touch::Edit),
            ..Unit::put(link)
        };
        Verdict { unit, write, planned }
    }

    fn create_left(&self, case: Case<R>) -> Verdict<R> {
        let planned = case.planned(R::fields(), 0);
        let Case { mut link, rule, right: Some(right), .. } = case else { return case.nothing() };
        let (id, etag) =
            (link.left.as_ref().map_or_else(|| self.fresh(), |left| left.id.clone()), self.fresh());
        let restored = link.base.is_some();
        let conflict = restored.then(|| self.deletion_lost(&link, rule, Side::Right));
        if !restored {
            link.made = Some(self.made(Origin::Right, right.edited, &right.record));
        }
        link.left = Some(LeftRef { id: id.clone(), etag: etag.clone() });
        link.base = Some(Base { left: right.record.clone(), right: right.record.clone() });
        link.trouble = None;
        let unit = Unit {
            left: Some(LeftWrite { id, if_etag: None, put: Some((right.record, etag)) }),
            conflict,
            reason: Some(plain_reason(rule)),
            ..Unit::put(link)
        };
        Verdict { unit, write: None, planned }
    }

    fn create_right(&self, case: Case<R>) -> Verdict<R> {
        let planned = case.planned(R::fields(), 0);
        let Case { mut link, rule, left: Some(left), .. } = case else { return case.nothing() };
        let restored = link.base.is_some();
        let conflict = restored.then(|| self.deletion_lost(&link, rule, Side::Left));
        if !restored && link.made.is_none() {
            link.made = Some(self.made(Origin::Left, left.edited, &left.record));
        }
        link.base = None;
        link.right = None;
        let write = self.intend(&mut link, Operation::Create, left.record, R::fields().to_vec(), None);
        let unit = Unit { conflict, reason: Some(plain_reason(rule)), ..Unit::put(link) };
        Verdict { unit, write: Some(write), planned }
    }

    fn delete_left(&self, case: Case<R>) -> Verdict<R> {
        let planned = case.planned(&[], 0);
        let Case { link, rule, left: Some(left), .. } = case else { return case.nothing() };
        let edited = link.base.as_ref().is_some_and(|base| !left.record.differences(&base.left).is_empty());
        let conflict = edited.then(|| self.edit_lost(&link, rule, Side::Right, left.record.clone()));
        let undo = self.undo(&link, Side::Right, left.record);
        let unit = Unit {
            left: Some(LeftWrite { id: left.id, if_etag: Some(left.etag), put: None }),
            undo: Some(undo),
            conflict,
            reason: Some(plain_reason(rule)),
            touch: Some(Touch::Delete),
            ..self.forget(link)
        };
        Verdict { unit, write: None, planned }
    }

    fn delete_right(&self, case: Case<R>) -> Verdict<R> {
        let planned = case.planned(&[], 0);
        let Case { mut link, rule, right: Some(right), .. } = case else { return case.nothing() };
        let edited = link.base.as_ref().is_some_and(|base| !right.record.differences(&base.right).is_empty());
        let conflict = edited.then(|| self.edit_lost(&link, rule, Side::Left, right.record.clone()));
        link.seen_left = Seen::Gone;
        let write = self.intend(&mut link, Operation::Delete, right.record, Vec::new(), Some(right.etag));
        let unit = Unit {
            conflict,
            reason: Some(plain_reason(rule)),
            touch: Some(Touch::Delete),
            ..Unit::put(link)
        };
        Verdict { unit, write: Some(write), planned }
    }

    /// A late double of an item that Tieline made, unchanged since: it is removed again.
    pub(crate) fn remove_double(&self, mut link: Link<R>, double: RightItem<R>) -> Verdict<R> {
        link.take_etag(&double.etag);
        link.seen_right = Seen::Same;
        let write = self.intend(&mut link, Operation::Delete, double.record, Vec::new(), Some(double.etag));
        let reason = Reason {
            rule: "late-double",
            outcome: "A request that was given up took effect after all; the second item is removed."
                .to_owned(),
            inputs: Vec::new(),
        };
        Verdict { unit: Unit { reason: Some(reason), ..Unit::put(link) }, write: Some(write), planned: None }
    }

    /// Writes the intent into the link. It is sent only when that is durable.
    fn intend(
        &self,
        link: &mut Link<R>,
        operation: Operation,
        record: R,
        fields: Vec<R::Field>,
        if_etag: Option<String>,
    ) -> Write<R> {
        let times = &self.policy.times;
        let deadline = self.now.saturating_add(times.call_timeout).unwrap_or(Timestamp::MAX);
        let settled = deadline.saturating_add(times.late_effect_bound).unwrap_or(Timestamp::MAX);
        let write = WriteId::from_uuid(self.ids.uuid());
        let id = link.right.as_ref().map(|right| right.id.clone()).filter(|_| operation != Operation::Create);
        link.intent = Some(Intent {
            write,
            operation,
            record: record.clone(),
            fields: fields.clone(),
            if_etag: if_etag.clone(),
            deadline,
            settled,
            look_at: self.now,
        });
        let record = (operation != Operation::Delete).then_some(record);
        Write { link: link.id, write, operation, id, if_etag, record, fields, invitations: SendToNone }
    }

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
                link.birth = Some(Birth { written: intent.record.clone(), until: intent.settled });
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

    fn troubled(&self, mut link: Link<R>, failure: &Failure, reason: String, random: u64) -> Unit<R> {
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

    fn forget(&self, mut link: Link<R>) -> Unit<R> {
        if link.birth.as_ref().is_none_or(|birth| birth.until <= self.now) {
            return Unit::remove(link.id);
        }
        // A double may still turn up, and must be recognised as one.
        (link.left, link.right, link.base, link.intent, link.trouble) = (None, None, None, None, None);
        (link.seen_left, link.seen_right) = (Seen::Same, Seen::Same);
        Unit::put(link)
    }

    fn undo(&self, link: &Link<R>, deleted_on: Side, record: R) -> Undo<R> {
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

    fn deletion_lost(&self, link: &Link<R>, rule: &Rule, winner: Side) -> Conflict<R> {
        Conflict {
            link: link.id,
            at: self.now,
            rule: rule.name.to_owned(),
            winner,
            fields: Vec::new(),
            loser: None,
        }
    }

    fn edit_lost(&self, link: &Link<R>, rule: &Rule, winner: Side, loser: R) -> Conflict<R> {
        Conflict { loser: Some(loser), ..self.deletion_lost(link, rule, winner) }
    }

    fn made(&self, origin: Origin, at: Option<Timestamp>, record: &R) -> Provenance {
        let value = RecordHash::of(record.hash().as_str());
        Provenance { origin, at: at.unwrap_or(self.now), rule: "made-there".to_owned(), value }
    }

    fn fresh(&self) -> String {
        self.ids.uuid().simple().to_string()
    }
}

/// A link with everything known about it.
struct Case<R: Record> {
    link: Link<R>,
    rule: &'static Rule,
    action: Action,
    left: Option<LeftItem<R>>,
    right: Option<RightNow<R>>,
}

impl<R: Record> Case<R> {
    fn nothing(mut self) -> Verdict<R> {
        self.link.trouble = None;
        Verdict::bookkeeping(Unit::put(self.link))
    }

    fn planned(&self, fields: &[R::Field], conflicts: usize) -> Option<(Action, Sample, usize)> {
        let record =
            self.left.as_ref().map(|item| &item.record).or(self.right.as_ref().map(|item| &item.record))?;
        let fields =
            fields.iter().filter(|field| !record.canonical(**field).is_empty()).map(ToString::to_string);
        let sample = Sample {
            link: self.link.id,
            headline: record.headline(),
            rule: self.rule.name.to_owned(),
            fields: fields.collect(),
        };
        Some((self.action, sample, conflicts))
    }
}

fn now_of<R: Record>(base: Option<&R>, item: Option<&R>) -> Now {
    match (base, item) {
        (None, None) => Now::Absent,
        (None, Some(_)) => Now::New,
        (Some(_), None) => Now::Gone,
        (Some(base), Some(item)) if item.differences(base).is_empty() => Now::Same,
        (Some(_), Some(_)) => Now::Edited,
    }
}

fn sample<R: Record>(link: &Link<R>, rule: &Rule, merged: &Merged<R>, record: &R) -> Sample {
    let to_left = merged.to_left.iter().map(|field| format!("{field} to Tieline"));
    let to_right = merged.to_right.iter().map(|field| format!("{field} to the mail system"));
    Sample {
        link: link.id,
        headline: record.headline(),
        rule: rule.name.to_owned(),
        fields: to_left.chain(to_right).collect(),
    }
}

fn plain_reason(rule: &'static Rule) -> Reason {
    Reason { rule: rule.name, outcome: rule.why.to_owned(), inputs: Vec::new() }
}

fn merge_reason<R: Record>(rule: &'static Rule, merged: &Merged<R>) -> Reason {
    let list = |fields: &[R::Field]| match fields {
        [] => "none".to_owned(),
        _ => fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let lost: Vec<R::Field> = merged.conflicts.iter().map(|(field, _)| *field).collect();
    let mut inputs = vec![
        ("fields that go to Tieline", list(&merged.to_left)),
        ("fields that go to the mail system", list(&merged.to_right)),
    ];
    if let Some((_, winner)) = merged.conflicts.first() {
        inputs.push(("fields that both edited", list(&lost)));
        inputs.push(("whose edit won", winner.label().to_owned()));
    }
    Reason { rule: rule.name, outcome: rule.why.to_owned(), inputs }
}
