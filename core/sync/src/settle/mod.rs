//! One link at a time: what its write came to, and what is done next about it. Pure.

mod carry;
mod kept;
mod outcome;

use jiff::Timestamp;
use tieline_model::{Ids, Record};

use crate::command::{Fetched, LeftItem, Unit, Write};
use crate::decide::{Action, Now, Rule, decide};
use crate::link::{Birth, LeftRef, Link, Seen};
use crate::merge::Rendition;
use crate::plan::Sample;
use crate::policy::Policy;

/// What is at hand for every decision.
pub(crate) struct Desk<'a, R: Record> {
    pub(crate) policy: &'a Policy,
    pub(crate) rendition: &'a dyn Rendition<R>,
    pub(crate) ids: &'a dyn Ids,
    pub(crate) now: Timestamp,
    pub(crate) generation: u64,
    pub(crate) epoch: u32,
    /// A plan is made: samples are wanted.
    pub(crate) planning: bool,
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
        link.earlier_births.retain(|birth| !forgotten(birth));
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
                let planned = self.planned(&case, &[], 0);
                Verdict { planned, ..Verdict::bookkeeping(self.forget(case.link)) }
            }
        }
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
}

impl<R: Record> Desk<'_, R> {
    /// The case as a line of the plan; `None` when no plan is made.
    fn planned(
        &self,
        case: &Case<R>,
        fields: &[R::Field],
        conflicts: usize,
    ) -> Option<(Action, Sample, usize)> {
        let (left, right) = (case.left.as_ref(), case.right.as_ref());
        let record =
            left.map(|item| &item.record).or(right.map(|item| &item.record)).filter(|_| self.planning)?;
        let fields =
            fields.iter().filter(|field| !record.canonical(**field).is_empty()).map(ToString::to_string);
        let sample = Sample {
            link: case.link.id,
            headline: record.headline(),
            rule: case.rule.name.to_owned(),
            fields: fields.collect(),
        };
        Some((case.action, sample, conflicts))
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
