//! The pass: one command at a time, from reading the state to being in step.

mod greet;
mod listing;
mod work;

use std::collections::BTreeSet;

use jiff::Timestamp;
use tieline_delivery::Failure;
use tieline_model::{Ids, LinkId, Record, RecordHash};

use crate::command::{Backlog, Command, Commit, Event, Linked, Page, Query, Rest, Unit, Write};
use crate::merge::{Faithful, Rendition};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::settle::Desk;
use crate::side::Side;
use crate::state::{Identity, Pause, Resume, State};

/// Synchronizes one kind of record of one mailbox. Holds nothing that is not durable but the step it is at: after a
/// crash a new one begins with [`Command::Load`] and loses nothing.
pub struct Engine<R: Record> {
    policy: Policy,
    /// Of the policy's choices.
    choices: RecordHash,
    rendition: Box<dyn Rendition<R>>,
    state: State,
    /// The state as it is known to be stored.
    stored: Option<State>,
    /// The folder said in this pass who it is.
    known: bool,
    /// Something was written since.
    wrote: bool,
    stage: Stage<R>,
    /// A plan is made, nothing is written.
    plan: Option<Plan>,
    /// Something was noted on links since the plan was begun, so that there may be more to do than it says.
    noted: bool,
    /// Items in step, as last told.
    linked: u64,
    /// What a person said while something else was under way.
    word: Option<Word>,
    /// So many items at a time, whatever the policy's limits allow.
    share: usize,
}

impl<R: Record> std::fmt::Debug for Engine<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("state", &self.state)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Word {
    Approve(RecordHash),
    Resume(Resume),
}

/// What the engine waits for.
#[derive(Debug)]
enum Stage<R: Record> {
    Loading,
    Identifying(Before),
    Listing(Side),
    Matching(Side, Page),
    Sweeping {
        /// As many were asked for.
        limit: usize,
    },
    Due {
        after: Option<(u8, LinkId)>,
    },
    Reading(work::Batch<R>),
    /// The next command when the commit is durable.
    Committing(After<R>),
    Snapshotting,
    Writing {
        links: Vec<Linked<R>>,
        after: Option<(u8, LinkId)>,
    },
    Resting,
}

/// What the folder's identity is wanted for: it is asked after a page was read and before it counts, so that the
/// number it gives is not older than what the page shows.
#[derive(Debug)]
enum Before {
    /// Taking changes into account that were listed.
    Page(Page),
    /// A full listing, because the cursor is unknown.
    Listing,
    /// Reading and writing items.
    Work,
    /// The end of a pass that wrote.
    Rest(Option<Timestamp>),
}

/// What follows a commit.
#[derive(Debug)]
enum After<R: Record> {
    List(Side),
    Sweep(Option<LinkId>),
    Work(Option<(u8, LinkId)>),
    Write { writes: Vec<(Write<R>, Linked<R>)>, after: Option<(u8, LinkId)> },
    Rest(Rest),
    Begin,
}

impl<R: Record> Engine<R> {
    /// An engine and its first command.
    #[must_use]
    pub fn new(policy: Policy, rendition: Option<Box<dyn Rendition<R>>>) -> (Self, Command<R>) {
        let rendition = rendition.unwrap_or_else(|| Box::new(Faithful));
        let engine = Self {
            choices: policy.choices.hash(),
            policy,
            rendition,
            state: State::default(),
            stored: None,
            known: false,
            wrote: false,
            stage: Stage::Loading,
            plan: None,
            noted: false,
            linked: 0,
            word: None,
            share: usize::MAX,
        };
        (engine, Command::Load)
    }

    /// The state as it was loaded or committed last.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// From the next command on, so many items at a time and no more, within the policy's limits: each step is over the
    /// sooner. Nothing else changes; 0 counts as 1.
    pub const fn share(&mut self, items: usize) {
        self.share = items;
    }

    /// Takes what happened and says what is next. An event that does not answer the last command begins the pass
    /// anew, which is always safe.
    pub fn handle(&mut self, event: Event<R>, now: Timestamp, ids: &dyn Ids) -> Command<R> {
        let stage = std::mem::replace(&mut self.stage, Stage::Resting);
        match (stage, event) {
            (_, Event::Approve(approval)) => self.hear(Word::Approve(approval)),
            (_, Event::Resume(resume)) => self.hear(Word::Resume(resume)),
            (Stage::Writing { links, .. }, Event::Failed(failure)) if !failure.uncertain => {
                let desk = self.desk(now, ids);
                let units = links.into_iter().map(|(link, _)| desk.unsent(link)).collect();
                self.failed(&failure, units, now, ids)
            }
            (Stage::Committing(_), Event::Failed(failure)) => {
                // Whether it is durable is not known, so nothing of it may be written again: a cursor without the
                // changes before it would lose them.
                self.rest(Rest::Until(self.policy.times.again(&failure, 1, now, random(ids))))
            }
            (_, Event::Failed(failure)) => self.failed(&failure, Vec::new(), now, ids),
            (Stage::Loading, Event::Loaded(state)) => {
                self.stored = state.as_deref().cloned();
                self.state = state.map(|state| *state).unwrap_or_default();
                self.begin(now)
            }
            (Stage::Identifying(before), Event::Identified(identity)) => {
                self.identified(identity, before, now, ids)
            }
            (Stage::Identifying(_) | Stage::Listing(Side::Right), Event::FolderGone) => {
                self.pause(Pause::FolderGone, Vec::new(), now)
            }
            (Stage::Listing(side), Event::Page(page)) => self.listed(side, page, now, ids),
            (Stage::Listing(Side::Right), Event::CursorExpired) if !self.known => {
                self.identify(Before::Listing)
            }
            (Stage::Listing(Side::Right), Event::CursorExpired) => self.list_anew(now),
            (Stage::Matching(Side::Left, page), Event::Links(links, _)) => {
                self.left_page(page, links, now, ids)
            }
            (Stage::Matching(Side::Right, page), Event::Links(links, _)) => {
                self.right_page(page, links, now, ids)
            }
            (Stage::Sweeping { limit }, Event::Links(links, _)) => self.sweep(links, limit, now),
            (Stage::Due { after }, Event::Links(links, backlog)) => self.due(after, links, backlog, now),
            (Stage::Reading(batch), event) => self.read(batch, event, now, ids),
            (Stage::Snapshotting, Event::SnapshotTaken(at)) => {
                self.state.snapshot = Some(at);
                self.commit(Vec::new(), After::Work(None), now)
            }
            (Stage::Committing(after), Event::Committed { refused }) => {
                self.stored = Some(self.state.clone());
                self.committed(after, &refused, now)
            }
            (Stage::Writing { links, after }, Event::Written(results)) => {
                self.written(links, results, after, now, ids)
            }
            (_, _) => self.load(),
        }
    }

    fn load(&mut self) -> Command<R> {
        self.stage = Stage::Loading;
        Command::Load
    }

    fn hear(&mut self, word: Word) -> Command<R> {
        self.word = Some(word);
        self.load()
    }

    fn rest(&mut self, rest: Rest) -> Command<R> {
        self.stage = Stage::Resting;
        Command::Rest(rest)
    }

    /// Writes the state and the units. What would change nothing is not written.
    fn commit(&mut self, units: Vec<Unit<R>>, after: After<R>, now: Timestamp) -> Command<R> {
        if units.is_empty() && self.stored.as_ref() == Some(&self.state) {
            return self.committed(after, &[], now);
        }
        self.stage = Stage::Committing(after);
        Command::Commit(Box::new(Commit { state: self.state.clone(), units }))
    }

    fn links(&mut self, query: Query, stage: Stage<R>) -> Command<R> {
        self.stage = stage;
        Command::Links(query)
    }

    fn desk<'a>(&'a self, now: Timestamp, ids: &'a dyn Ids) -> Desk<'a, R> {
        Desk {
            policy: &self.policy,
            rendition: &*self.rendition,
            ids,
            now,
            generation: self.state.generation,
            epoch: self.state.epoch,
            planning: self.plan.is_some(),
        }
    }

    /// The state is loaded.
    fn begin(&mut self, now: Timestamp) -> Command<R> {
        (self.plan, self.known, self.wrote) = (None, false, false);
        match self.word.take() {
            Some(Word::Approve(approval)) => {
                self.state.approval = Some(approval);
                return self.commit(Vec::new(), After::Begin, now);
            }
            Some(Word::Resume(resume)) if self.state.paused.is_some() => return self.resume(resume, now),
            Some(Word::Resume(_)) | None => {}
        }
        if let Some((pause, _)) = &self.state.paused {
            let pause = pause.clone();
            return self.rest(Rest::Paused(pause));
        }
        if let Some(until) = self.state.wait_until.filter(|until| now < *until) {
            return self.rest(Rest::Until(until));
        }
        self.state.wait_until = None;
        self.list(Side::Left, now)
    }

    fn identify(&mut self, before: Before) -> Command<R> {
        self.stage = Stage::Identifying(before);
        Command::Identify
    }

    fn resume(&mut self, resume: Resume, now: Timestamp) -> Command<R> {
        let pause = self.state.paused.take();
        // Whoever the folder is by now, a person has looked at it.
        self.state.identity = None;
        self.state.doubted = false;
        match resume {
            Resume::Accept { edits, deletes } if !matches!(pause, Some((Pause::SetBack { .. }, _))) => {
                self.state.brake.release(edits, deletes);
            }
            // An earlier state must not be taken for edits: it is joined with what came after it.
            Resume::Accept { .. } | Resume::Rejoin => {
                self.state.epoch += 1;
                self.state.approved = None;
                self.state.approval = None;
                self.state.right_cursor = None;
                self.state.listing = false;
                self.state.sweeping = false;
            }
        }
        self.commit(Vec::new(), After::Begin, now)
    }

    fn pause(&mut self, pause: Pause, units: Vec<Unit<R>>, now: Timestamp) -> Command<R> {
        self.state.paused = Some((pause.clone(), now));
        self.commit(units, After::Rest(Rest::Paused(pause)), now)
    }

    fn identified(
        &mut self,
        identity: Identity,
        before: Before,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        if let Some(was) = &self.state.identity {
            if was.mailbox != identity.mailbox || was.folder != identity.folder {
                let pause = Pause::AnotherMailbox { was: was.clone(), is: identity };
                return self.pause(pause, Vec::new(), now);
            }
            if let (Some(was), Some(is)) = (was.high_water, identity.high_water)
                && is < was
            {
                let evidence = format!("its change number was {was} and is {is}");
                return self.pause(Pause::SetBack { evidence }, Vec::new(), now);
            }
        }
        self.state.identity = Some(identity);
        self.state.identified = Some(now);
        self.known = true;
        match before {
            Before::Page(page) => self.match_page(Side::Right, page, now, ids),
            Before::Listing => self.list_anew(now),
            Before::Work => self.next_due(None, now),
            Before::Rest(until) => self.commit(Vec::new(), After::Rest(Rest::Done { until }), now),
        }
    }

    /// A call failed as a whole: the mailbox waits, what is durable stays.
    fn failed(
        &mut self,
        failure: &Failure,
        units: Vec<Unit<R>>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        self.state.failures = self.state.failures.saturating_add(1);
        let until = self.policy.times.again(failure, self.state.failures, now, random(ids));
        self.wait(until, units, now)
    }

    fn wait(&mut self, until: Timestamp, units: Vec<Unit<R>>, now: Timestamp) -> Command<R> {
        self.state.wait_until = Some(until);
        self.commit(units, After::Rest(Rest::Until(until)), now)
    }

    fn committed(&mut self, after: After<R>, refused: &[LinkId], now: Timestamp) -> Command<R> {
        match after {
            After::List(side) => self.list(side, now),
            After::Sweep(after) => self.next_sweep(after),
            // What a user changed meanwhile is decided anew before anything that comes later in the order.
            After::Work(_) if !refused.is_empty() => self.next_due(None, now),
            After::Work(after) => self.next_due(after, now),
            After::Rest(rest) => self.rest(rest),
            After::Begin => self.load(),
            After::Write { writes, after } => {
                let after = after.filter(|_| refused.is_empty());
                let refused: BTreeSet<&LinkId> = refused.iter().collect();
                let writes = writes.into_iter().filter(|(write, _)| !refused.contains(&write.link));
                self.write(writes.collect(), after, now)
            }
        }
    }

    fn next_due(&mut self, after: Option<(u8, LinkId)>, now: Timestamp) -> Command<R> {
        let limit = self.within_share(self.policy.limits.batch);
        self.links(Query::Due { now, after, limit }, Stage::Due { after })
    }

    fn within_share(&self, limit: usize) -> usize {
        limit.min(self.share.max(1))
    }

    /// Nothing is due any more.
    fn in_step(&mut self, backlog: Backlog, now: Timestamp) -> Command<R> {
        self.state.failures = 0;
        if std::mem::take(&mut self.wrote) {
            return self.identify(Before::Rest(backlog.next));
        }
        self.commit(Vec::new(), After::Rest(Rest::Done { until: backlog.next }), now)
    }
}

fn random(ids: &dyn Ids) -> u64 {
    let (high, low) = ids.uuid().as_u64_pair();
    high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low
}
