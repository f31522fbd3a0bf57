//! Working off what is due: look, decide, write down, write, note what came of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tieline_model::{Class, Ids, LinkId, Record};

use super::greet::greet;
use super::{After, Before, Engine, Stage, random};
use crate::brake::Touch;
use crate::command::{
    Backlog, Command, Event, Fetched, Linked, Query, Rest, RightItem, Unit, Wanted, Write, Written,
};
use crate::decide::Action;
use crate::link::{Link, Operation, Seen};
use crate::merge::lost_fields;
use crate::plan::Plan;
use crate::settle::Verdict;
use crate::state::{Awaiting, Pause};

/// The links in hand, and what was read for them so far.
#[derive(Debug)]
pub(super) struct Batch<R: Record> {
    /// Where the next batch begins.
    after: Option<(u8, LinkId)>,
    links: Vec<Linked<R>>,
    located: BTreeMap<LinkId, Vec<RightItem<R>>>,
    fetched: BTreeMap<String, Fetched<R>>,
    kin: Vec<Linked<R>>,
    asking: Asking,
    asked_at: Timestamp,
}

#[derive(Debug)]
enum Asking {
    Locate(Vec<LinkId>),
    Fetch(Vec<String>),
    Kin,
}

/// What a batch comes to.
struct Tally<R: Record> {
    units: Vec<Unit<R>>,
    writes: Vec<(Write<R>, Linked<R>)>,
    taken: BTreeSet<LinkId>,
}

impl<R: Record> Engine<R> {
    fn is_approved(&self) -> bool {
        self.state.approved.as_ref() == Some(&self.choices)
    }

    pub(super) fn due(
        &mut self,
        after: Option<(u8, LinkId)>,
        links: Vec<Linked<R>>,
        backlog: Backlog,
        now: Timestamp,
    ) -> Command<R> {
        if let Some((pause, _)) = self.state.paused.clone() {
            return self.rest(Rest::Paused(pause));
        }
        if !self.is_approved() && self.plan.is_none() {
            if self.is_as_planned() {
                return self.approved(After::Work(None), now);
            }
            self.begin_plan();
        }
        if links.is_empty() {
            return match self.plan.take() {
                Some(plan) => self.planned(plan, now),
                None => self.in_step(backlog, now),
            };
        }
        if !self.known {
            return self.identify(Before::Work);
        }
        self.linked = backlog.linked;
        if self.plan.is_none()
            && let Some(command) = self.not_yet(after, backlog, now)
        {
            return command;
        }
        let after = links.last().map(|(link, _)| (link.rank(), link.id));
        let batch = Batch {
            after,
            links,
            located: BTreeMap::new(),
            fetched: BTreeMap::new(),
            kin: Vec::new(),
            asking: Asking::Kin,
            asked_at: now,
        };
        self.locate(batch, now)
    }

    /// What must be before anything is written: a snapshot, and changes that can be believed.
    fn not_yet(
        &mut self,
        after: Option<(u8, LinkId)>,
        backlog: Backlog,
        now: Timestamp,
    ) -> Option<Command<R>> {
        let policy = self.policy.brake;
        let allowed = self.state.brake.left(Touch::Delete, backlog.linked, &policy, now);
        if backlog.missing > allowed && !self.state.doubted {
            // The listing may have been cut short: once more, before a person is asked.
            self.state.doubted = true;
            return Some(self.list_anew(now));
        }
        if backlog.missing > allowed {
            let pause = Pause::ShortListing { missing: backlog.missing, linked: backlog.linked };
            return Some(self.pause(pause, Vec::new(), now));
        }
        self.state.doubted = false;
        if backlog.gone > allowed {
            let pause = Pause::Brake { deletes: backlog.gone, edits: 0, limit: allowed };
            return Some(self.pause(pause, Vec::new(), now));
        }
        let too_old = |taken: Timestamp| {
            self.policy.limits.snapshot_every.is_some_and(|every| now.duration_since(taken) > every)
        };
        if after.is_none() && self.state.snapshot.is_none_or(too_old) {
            self.stage = Stage::Snapshotting;
            return Some(Command::Snapshot);
        }
        None
    }

    fn planned(&mut self, plan: Plan, now: Timestamp) -> Command<R> {
        match self.state.approval.take() {
            Some(approval) if approval == plan.approval() => self.approved(After::Work(None), now),
            approval => {
                self.state.awaiting = (!self.noted).then(|| Awaiting {
                    fingerprint: plan.approval(),
                    choices: self.choices.clone(),
                    left_cursor: self.state.left_cursor.clone(),
                    right_cursor: self.state.right_cursor.clone(),
                });
                let plan = Box::new(plan);
                let rest =
                    if approval.is_some() { Rest::WorldChanged(plan) } else { Rest::AwaitApproval(plan) };
                self.commit(Vec::new(), After::Rest(rest), now)
            }
        }
    }

    fn begin_plan(&mut self) {
        self.plan = Some(Plan::under(self.choices.clone()));
        self.noted = false;
    }

    /// The plan that was approved is the one that would be made again: it was whole, and neither the choices nor either side
    /// changed since.
    fn is_as_planned(&self) -> bool {
        self.state.awaiting.as_ref().is_some_and(|awaiting| {
            self.state.approval.as_ref() == Some(&awaiting.fingerprint)
                && self.choices == awaiting.choices
                && self.state.left_cursor == awaiting.left_cursor
                && self.state.right_cursor == awaiting.right_cursor
        })
    }

    fn approved(&mut self, after: After<R>, now: Timestamp) -> Command<R> {
        self.state.approved = Some(self.choices.clone());
        (self.state.approval, self.state.awaiting) = (None, None);
        self.commit(Vec::new(), after, now)
    }

    fn ask(&mut self, mut batch: Batch<R>, asking: Asking, command: Command<R>) -> Command<R> {
        batch.asking = asking;
        self.stage = Stage::Reading(batch);
        command
    }

    fn locate(&mut self, batch: Batch<R>, now: Timestamp) -> Command<R> {
        let creating =
            |link: &Link<R>| link.intent.as_ref().is_some_and(|intent| intent.operation == Operation::Create);
        let links: Vec<LinkId> =
            batch.links.iter().filter(|(link, _)| creating(link)).map(|(link, _)| link.id).collect();
        if links.is_empty() {
            return self.fetch(batch, now);
        }
        self.ask(batch, Asking::Locate(links.clone()), Command::Locate { links })
    }

    fn fetch(&mut self, mut batch: Batch<R>, now: Timestamp) -> Command<R> {
        let wanted = |link: &Link<R>| match &link.intent {
            Some(intent) => intent.operation != Operation::Create,
            None => link.seen_right != Seen::Same || link.base.is_none(),
        };
        // An item that is new to both and was listed as it was read is no other now than it was then.
        let afresh =
            |link: &Link<R>| link.intent.is_some() || link.base.is_some() || link.seen_right != Seen::Changed;
        let mut items: BTreeMap<&str, bool> = BTreeMap::new();
        for (link, _) in batch.links.iter().filter(|(link, _)| wanted(link)) {
            if let Some(right) = &link.right {
                *items.entry(&right.id).or_default() |= afresh(link);
            }
        }
        let items: Vec<Wanted> =
            items.into_iter().map(|(id, afresh)| Wanted { id: id.to_owned(), afresh }).collect();
        // Links whose create is being located keep the time of that look, which is the earlier one.
        batch.asked_at = batch.asked_at.min(now);
        if items.is_empty() {
            return self.find_kin(batch);
        }
        let ids = items.iter().map(|item| item.id.clone()).collect();
        self.ask(batch, Asking::Fetch(ids), Command::Fetch { items })
    }

    /// Items that only the mail system has may be Tieline's own, or be known to it by another way.
    fn find_kin(&mut self, batch: Batch<R>) -> Command<R> {
        let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for (link, _) in batch.links.iter().filter(|(link, _)| link.rank() == 1) {
            if let Some(Fetched::Found(item)) =
                link.right.as_ref().and_then(|right| batch.fetched.get(&right.id))
            {
                ids.extend(item.stamp.map(|stamp| stamp.link));
                keys.extend(super::listing::keys(&item.record));
            }
        }
        let query = Query::Kin { ids: ids.into_iter().collect(), keys: keys.into_iter().collect() };
        self.ask(batch, Asking::Kin, Command::Links(query))
    }

    pub(super) fn read(
        &mut self,
        mut batch: Batch<R>,
        event: Event<R>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        match (&batch.asking, event) {
            (Asking::Locate(links), Event::Located(found)) if found.len() == links.len() => {
                batch.located = links.iter().copied().zip(found).collect();
                self.fetch(batch, now)
            }
            (Asking::Fetch(ids), Event::Fetched(found)) if found.len() == ids.len() => {
                batch.fetched = ids.iter().cloned().zip(found).collect();
                self.find_kin(batch)
            }
            (Asking::Kin, Event::Links(kin, _)) => {
                batch.kin = kin;
                self.decide(batch, now, ids)
            }
            _ => self.load(),
        }
    }

    fn decide(&mut self, batch: Batch<R>, now: Timestamp, ids: &dyn Ids) -> Command<R> {
        let Batch { mut after, links, located, mut fetched, kin, asked_at, .. } = batch;
        let mut sharers: BTreeMap<String, usize> = BTreeMap::new();
        for right in links.iter().filter_map(|(link, _)| link.right.as_ref()) {
            *sharers.entry(right.id.clone()).or_default() += 1;
        }
        let mut postponed = false;
        let mut tally = Tally { units: Vec::new(), writes: Vec::new(), taken: BTreeSet::new() };
        for (link, left) in links {
            if tally.taken.contains(&link.id) {
                continue;
            }
            let desk = self.desk(now, ids);
            // Two links may have one item while a create is in doubt.
            let right = link.right.as_ref().and_then(|right| match sharers.get(&right.id) {
                Some(1) => fetched.remove(&right.id),
                _ => fetched.get(&right.id).cloned(),
            });
            let lossy = self
                .plan
                .is_some()
                .then(|| left.as_ref().map(|item| lost_fields(&item.record, desk.rendition)));
            let verdict = match (&link.intent, right) {
                (Some(intent), _) if intent.operation == Operation::Create => {
                    let found = located.get(&link.id).cloned().unwrap_or_default();
                    tally.taken.insert(link.id);
                    Verdict::bookkeeping(desk.located(link, found, asked_at))
                }
                (Some(_), Some(found)) => Verdict::bookkeeping(desk.looked(link, found, asked_at)),
                (Some(_), None) => continue,
                (None, Some(Fetched::Found(item))) if link.rank() == 1 => {
                    let dry = self.plan.is_some();
                    let Some(verdict) = greet(&desk, link, *item, &kin, &mut tally.taken, dry) else {
                        postponed = true;
                        continue;
                    };
                    verdict
                }
                (None, right) => desk.settle(link, left, right),
            };
            if !self.tally(&mut tally, verdict, lossy.flatten().unwrap_or_default(), now) {
                break;
            }
        }
        let Tally { units, writes, .. } = tally;
        self.noted |= !units.is_empty();
        let joined = units.iter().any(|unit| unit.absorbed.is_some());
        if joined || (postponed && !units.is_empty()) {
            // What was joined has another place in the order now, and what an item waits for may have been settled: from
            // the beginning, before anything that comes later.
            after = None;
            if self.plan.is_some() {
                self.begin_plan();
            }
        }
        let next = if writes.is_empty() { After::Work(after) } else { After::Write { writes, after } };
        if units.is_empty() && matches!(next, After::Work(_)) {
            return self.next_due(after, now);
        }
        self.commit(units, next, now)
    }

    /// Takes a verdict into the batch, or into the plan. `false`: the brake stops everything from here on.
    fn tally(
        &mut self,
        tally: &mut Tally<R>,
        verdict: Verdict<R>,
        lossy: Vec<R::Field>,
        now: Timestamp,
    ) -> bool {
        let samples = self.policy.limits.samples;
        if let Some(plan) = &mut self.plan {
            plan.unreadable +=
                u64::from(verdict.unit.put.as_ref().is_some_and(|link| link.trouble.is_some()));
            if let Some((action, sample, conflicts)) = verdict.planned {
                if matches!(action, Action::CreateRight | Action::UpdateRight | Action::Join | Action::Merge)
                {
                    for field in lossy {
                        *plan.lossy.entry(field.to_string()).or_default() += 1;
                    }
                }
                plan.add(action, sample, conflicts, samples);
                return true;
            }
            if verdict.write.is_some() {
                return true;
            }
        }
        if let Some(touch) = verdict.unit.touch {
            let policy = self.policy.brake;
            if self.state.brake.left(touch, self.linked, &policy, now) == 0 {
                let limit = crate::brake::limit(self.linked, &policy);
                let one = |wanted| u64::from(touch == wanted);
                let pause = Pause::Brake { deletes: one(Touch::Delete), edits: one(Touch::Edit), limit };
                self.state.paused = Some((pause, now));
                return false;
            }
            self.state.brake.count(touch, &policy, now);
        }
        if let (Some(write), Some(link)) = (verdict.write, &verdict.unit.put) {
            tally.writes.push((write, (link.clone(), None)));
        }
        tally.units.push(verdict.unit);
        true
    }

    /// The intents are durable.
    pub(super) fn write(
        &mut self,
        writes: Vec<(Write<R>, Linked<R>)>,
        after: Option<(u8, LinkId)>,
        now: Timestamp,
    ) -> Command<R> {
        let deadlines = writes.iter().filter_map(|(_, (link, _))| Some(link.intent.as_ref()?.deadline));
        let deadline = deadlines.min().unwrap_or(now);
        if writes.is_empty() || now >= deadline {
            // Too late to send: whoever looks at them next finds that nothing happened.
            return self.next_due(after, now);
        }
        let (writes, links) = writes.into_iter().unzip();
        self.wrote = true;
        self.stage = Stage::Writing { links, after };
        Command::Write { writes, deadline }
    }

    pub(super) fn written(
        &mut self,
        links: Vec<Linked<R>>,
        results: Vec<Written<R>>,
        after: Option<(u8, LinkId)>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        let mut units = Vec::new();
        let mut wait: Option<Timestamp> = None;
        for ((link, _), result) in links.into_iter().zip(results) {
            let desk = self.desk(now, ids);
            units.push(match result {
                Written::Done { id, etag, stored } => {
                    desk.confirmed(link, id, etag, stored.map(|stored| *stored), false)
                }
                Written::Stale => desk.overtaken(link, Seen::Changed),
                Written::NotFound => desk.overtaken(link, Seen::Gone),
                Written::Failed(failure, reason) => {
                    let random = random(ids);
                    if failure.back_off.is_some() || failure.class == Class::Operator {
                        let until = desk.policy.times.again(&failure, self.state.failures + 1, now, random);
                        wait = wait.max(Some(until));
                    }
                    desk.failed(link, &failure, reason, random)
                }
            });
        }
        match wait {
            Some(until) => {
                self.state.failures = self.state.failures.saturating_add(1);
                self.wait(until, units, now)
            }
            None => self.commit(units, After::Work(after), now),
        }
    }
}
