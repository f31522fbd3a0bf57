//! What a decision does: the item as it becomes on both sides, and the write that makes it so.

use jiff::Timestamp;
use tieline_model::{Record, WriteId};

use super::{Case, Desk, Verdict};
use crate::brake::Touch;
use crate::command::{Conflict, LeftWrite, Reason, RightItem, SendToNone, Unit, Write};
use crate::decide::Rule;
use crate::link::{Intent, LeftRef, Link, Operation, Seen};
use crate::merge::{Base, Both, Merged, record_provenance};
use crate::plan::Sample;
use crate::side::{Origin, Side};

impl<R: Record> Desk<'_, R> {
    pub(super) fn merge(&self, case: Case<R>) -> Verdict<R> {
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
        let planned = self
            .planning
            .then(|| (action, sample(&link, rule, &merged, &merged.left), merged.conflicts.len()));
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

    pub(super) fn create_left(&self, case: Case<R>) -> Verdict<R> {
        let planned = self.planned(&case, R::fields(), 0);
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

    pub(super) fn create_right(&self, case: Case<R>) -> Verdict<R> {
        let planned = self.planned(&case, R::fields(), 0);
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

    pub(super) fn delete_left(&self, case: Case<R>) -> Verdict<R> {
        let planned = self.planned(&case, &[], 0);
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

    pub(super) fn delete_right(&self, case: Case<R>) -> Verdict<R> {
        let planned = self.planned(&case, &[], 0);
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
