//! The loop: engine, store, server, users, an administrator, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tieline_delivery::Failure;
use tieline_model::{Class, Ids, Record};
use tieline_sync::{
    Choices, Command, Commit, DeletePolicy, Engine, Event, Fetched, FieldPolicy, LeftItem, Operation, Pause,
    Policy, Rendition, Rest, Resume, Side, Touch, Write, Written, limit,
};

use crate::mail::Mail;
use crate::sim_record::SimRecord;
use crate::store::Store;

pub(crate) const START: i64 = 1_770_000_000_000;

fn ts(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// Draws from the history's own dice.
struct Dice(std::sync::Mutex<ChaCha8Rng>);

impl Ids for Dice {
    fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        self.0.lock().unwrap().fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

struct Map;

impl<R: SimRecord> Rendition<R> for Map {
    fn render(&self, record: &R) -> R {
        record.rendered()
    }
}

pub(crate) struct Setup {
    seed: u64,
    crashes: Option<BTreeSet<u64>>,
}

impl Setup {
    pub(crate) const fn random(seed: u64) -> Self {
        Self { seed, crashes: None }
    }

    /// Nothing goes wrong but these crashes.
    pub(crate) const fn scripted(seed: u64, crashes: BTreeSet<u64>) -> Self {
        Self { seed, crashes: Some(crashes) }
    }
}

struct Crashed;

pub(crate) struct World<R: SimRecord> {
    pub(crate) seed: u64,
    rng: ChaCha8Rng,
    ids: Dice,
    now: i64,
    active_until: i64,
    faulty_until: i64,
    /// Every so many-th item cannot be read or written while things go wrong; 0: none.
    poison: u64,
    backups: bool,
    mistakes: bool,
    knows_the_map: bool,
    policy: Policy,
    script: Option<BTreeSet<u64>>,
    pub(crate) store: Store<R>,
    pub(crate) mail: Mail<R>,
    engine: Engine<R>,
    next: Command<R>,
    lineages: u64,
    words: u64,
    /// Words that their users overwrote or deleted.
    dead: BTreeSet<String>,
    alive: BTreeSet<String>,
    user_deleted: BTreeSet<u64>,
    /// Made on both sides: what cannot be read cannot be recognised as the same.
    made_twice: BTreeSet<u64>,
    /// When the engine decided to delete, by commit.
    pub(crate) deletes: Vec<i64>,
    allowed: u64,
    /// An administrator's answer that the engine has not written down yet.
    said: Option<Resume>,
    cut_short: bool,
    pub(crate) pauses: Vec<&'static str>,
    pub(crate) doubles_removed: u64,
    pub(crate) crashes: u64,
    pub(crate) points: u64,
    pub(crate) trace: Vec<String>,
    broken: Option<String>,
}

impl<R: SimRecord> World<R> {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(setup.seed);
        let quiet = setup.crashes.is_some();
        let mut policy = Policy::default();
        policy.limits.page = rng.random_range(1..=5);
        policy.limits.batch = rng.random_range(1..=4);
        policy.limits.undo = SignedDuration::from_hours(24 * 3650);
        policy.brake.floor = if quiet { 50 } else { rng.random_range(2..=8) };
        policy.choices = choices(&mut rng);
        let knows_the_map = rng.random_bool(0.7);
        let (engine, next) = new_engine(&policy, knows_the_map);
        let mut world = Self {
            seed: setup.seed,
            ids: Dice(std::sync::Mutex::new(ChaCha8Rng::seed_from_u64(setup.seed ^ 0xfeed))),
            now: START,
            active_until: START + if quiet { 40_000 } else { rng.random_range(60_000..2_000_000) },
            faulty_until: START + if quiet { 0 } else { rng.random_range(1..2_000_000) },
            poison: if !quiet && rng.random_bool(0.3) { rng.random_range(2..6) } else { 0 },
            backups: !quiet && rng.random_bool(0.15),
            mistakes: !quiet && rng.random_bool(0.15),
            knows_the_map,
            policy,
            script: setup.crashes,
            store: Store::new(),
            mail: Mail::new(),
            engine,
            next,
            lineages: 0,
            words: 0,
            dead: BTreeSet::new(),
            alive: BTreeSet::new(),
            user_deleted: BTreeSet::new(),
            made_twice: BTreeSet::new(),
            deletes: Vec::new(),
            allowed: 0,
            said: None,
            cut_short: false,
            pauses: Vec::new(),
            doubles_removed: 0,
            crashes: 0,
            points: 0,
            trace: Vec::new(),
            broken: None,
            rng,
        };
        let many = if quiet { 3 } else { world.rng.random_range(0..16) };
        for _ in 0..many {
            let what = world.rng.random_range(0..3);
            world.user_makes(what);
        }
        world
    }

    fn odds(&mut self, probability: f64) -> bool {
        self.script.is_none() && self.rng.random_bool(probability)
    }

    fn faulty(&mut self, probability: f64) -> bool {
        self.now < self.faulty_until && self.odds(probability)
    }

    fn note(&mut self, line: String) {
        self.trace.push(format!("{:>9} {line}", self.now - START));
    }

    fn break_(&mut self, what: String) {
        self.note(format!("BROKEN  {what}"));
        self.broken.get_or_insert(what);
    }

    // Users.

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}", self.words)
    }

    fn remember(&mut self, before: &[String], after: &[String]) {
        self.dead.extend(before.iter().filter(|word| !after.contains(word)).cloned());
        self.alive.extend(after.iter().filter(|word| !before.contains(word)).cloned());
    }

    fn left_put(&mut self, id: &str, record: Option<R>) {
        let etag = format!("u{}", self.rng.random::<u32>());
        let edited = Some(ts(self.now));
        self.store.put(id, record.map(|record| LeftItem { id: id.to_owned(), etag, edited, record }));
    }

    fn user_makes(&mut self, where_: u32) {
        self.lineages += 1;
        let mut record = R::make(self.lineages);
        if where_ == 2 {
            self.made_twice.insert(self.lineages);
        }
        for side in [0, 1] {
            if where_ == side || where_ == 2 {
                let (which, word) = (self.rng.random(), self.word());
                let before = record.words();
                record.edit(which, &word);
                if side == 0 {
                    let id = format!("left-{}", self.lineages);
                    self.remember(&[], &record.words());
                    self.left_put(&id, Some(record.clone()));
                } else {
                    self.remember(&before, &record.normalised().words());
                    self.mail.create(&record, None, ts(self.now));
                }
                if where_ == 2 {
                    // Made twice, by hand: only who it is, is the same.
                    record = R::make(self.lineages);
                }
            }
        }
        self.note(format!("user    makes {} ({where_})", self.lineages));
    }

    fn some_left(&mut self) -> Option<LeftItem<R>> {
        let nth = self.rng.random_range(0..self.store.items.len().max(1));
        self.store.items.values().nth(nth).cloned()
    }

    fn some_right(&mut self) -> Option<tieline_sync::RightItem<R>> {
        let nth = self.rng.random_range(0..self.mail.items().count().max(1));
        let item = self.mail.items().nth(nth).cloned()?;
        let twins = self.mail.items().filter(|other| other.record.lineage() == item.record.lineage()).count();
        (twins == 1).then_some(item)
    }

    fn user_edits(&mut self, side: Side) {
        let (which, word) = (self.rng.random(), self.word());
        match side {
            Side::Left => {
                let Some(item) = self.some_left() else { return };
                let mut record = item.record.clone();
                record.edit(which, &word);
                self.remember(&item.record.words(), &record.words());
                self.left_put(&item.id, Some(record));
                self.note(format!("user    writes {word} into {} in Tieline", item.record.lineage()));
            }
            Side::Right => {
                let Some(item) = self.some_right() else { return };
                let mut record = item.record.clone();
                record.edit(which, &word);
                self.remember(&item.record.words(), &record.normalised().words());
                self.mail.edit(&item.id, &record, None, ts(self.now));
                self.note(format!("user    writes {word} into {} in the mail system", item.record.lineage()));
            }
        }
    }

    fn user_deletes(&mut self, side: Side) {
        let record = match side {
            Side::Left => self.some_left().map(|item| {
                self.left_put(&item.id, None);
                item.record
            }),
            Side::Right => self.some_right().map(|item| {
                self.mail.delete(&item.id);
                item.record
            }),
        };
        let Some(record) = record else { return };
        self.dead.extend(record.words());
        self.user_deleted.insert(record.lineage());
        self.note(format!("user    deletes {} {side:?}", record.lineage()));
    }

    /// A copy carries our mark, and is another item all the same.
    fn user_copies(&mut self) {
        let Some(item) = self.some_right() else { return };
        self.lineages += 1;
        let record = item.record.with_lineage(self.lineages);
        self.mail.create(&record, item.stamp, ts(self.now));
        self.note(format!("user    copies {} as {}", item.record.lineage(), self.lineages));
    }

    fn users(&mut self) {
        let chance = if self.script.is_some() { 0.25 } else { 0.12 };
        if self.now >= self.active_until || !self.rng.random_bool(chance) {
            return;
        }
        match self.rng.random_range(0..100) {
            0..18 => {
                let where_ = self.rng.random_range(0..3);
                self.user_makes(where_);
            }
            18..48 => self.user_edits(Side::Left),
            48..78 => self.user_edits(Side::Right),
            78..85 => self.user_deletes(Side::Left),
            85..92 => self.user_deletes(Side::Right),
            92..95 => self.user_copies(),
            95 if self.script.is_none() => {
                let side = if self.rng.random_bool(0.5) { Side::Left } else { Side::Right };
                (0..8).for_each(|_| self.user_deletes(side));
            }
            96 if self.backups => self.mail.back_up(),
            97 if self.backups => self.restore_backup(),
            98 if self.script.is_none() => {
                self.policy.choices = choices(&mut self.rng);
                self.note(format!("admin   chooses {:?}", self.policy.choices));
                self.restart();
            }
            _ => {}
        }
    }

    /// What the server forgets, nobody can keep.
    fn restore_backup(&mut self) {
        let Some(before) = self.mail.restore() else { return };
        self.note("server  is restored from its backup".to_owned());
        let now: BTreeMap<u64, Vec<String>> =
            self.mail.items().map(|item| (item.record.lineage(), item.record.words())).collect();
        for item in before {
            let kept = now.get(&item.record.lineage());
            self.dead.extend(
                item.record.words().into_iter().filter(|word| kept.is_none_or(|kept| !kept.contains(word))),
            );
            if kept.is_none() {
                self.user_deleted.insert(item.record.lineage());
            }
        }
    }

    // The process.

    fn restart(&mut self) {
        let (engine, next) = new_engine(&self.policy, self.knows_the_map);
        self.engine = engine;
        self.next = next;
    }

    fn point(&mut self, what: &str) -> Result<(), Crashed> {
        self.points += 1;
        let crash = match &self.script {
            Some(script) => script.contains(&self.points),
            None => self.now < self.faulty_until && self.rng.random_bool(0.01),
        };
        if !crash {
            return Ok(());
        }
        self.crashes += 1;
        self.note(format!("process dies {what}"));
        self.store.crash();
        self.restart();
        Err(Crashed)
    }

    /// Runs to rest, asks the oracle, and watches three more passes.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        let mut healed = false;
        for _ in 0..60_000 {
            self.tick();
            let over = self.now >= self.active_until && self.now >= self.faulty_until;
            if over && !healed && matches!(self.next, Command::Rest(_)) {
                // One whole pass at least begins after the last thing that happened.
                healed = true;
                self.restart();
                if self.cut_short {
                    self.mail.forget_cursors();
                }
            }
            if self.step(healed) && healed && self.mail.nothing_under_way() {
                self.verdict()?;
                return self.three_more_passes();
            }
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn tick(&mut self) {
        self.now += self.rng.random_range(0..400);
        for (at, write) in self.mail.arrive(self.now) {
            self.note(format!("server  carries out late: {:?} for {}", write.operation, write.link));
            self.carry_out(&write, at);
        }
        self.users();
    }

    /// One command. `true`: both sides are in step.
    fn step(&mut self, over: bool) -> bool {
        let command = std::mem::replace(&mut self.next, Command::Load);
        let resting = match &command {
            Command::Rest(Rest::Done { until: None }) => over,
            _ => false,
        };
        if resting {
            self.next = Command::Rest(Rest::Done { until: None });
            if let Some(event) = (!self.mail.nothing_under_way()).then_some(Event::Wake) {
                self.now += 10_000;
                self.answer(event);
            }
            return true;
        }
        if let Ok(event) = self.carry(command, over) {
            self.answer(event);
        }
        false
    }

    fn answer(&mut self, event: Event<R>) {
        self.next = self.engine.handle(event, ts(self.now), &self.ids);
    }

    fn carry(&mut self, command: Command<R>, over: bool) -> Result<Event<R>, Crashed> {
        if !matches!(command, Command::Rest(_)) {
            self.note(format!("engine  {}", shown(&command)));
        }
        let remote = matches!(
            command,
            Command::Identify
                | Command::List { side: Side::Right, .. }
                | Command::Fetch { .. }
                | Command::Locate { .. }
                | Command::Write { .. }
        );
        if remote {
            self.point("before it asks")?;
            let waiting = self.store.state().and_then(|state| state.wait_until);
            if waiting.is_some_and(|until| ts(self.now) < until) && !matches!(command, Command::Write { .. })
            {
                self.break_(format!("a request before {waiting:?}"));
            }
        }
        let event = match command {
            Command::Load => Event::Loaded(self.store.state().map(Box::new)),
            Command::Identify => self.identify(),
            Command::List { side: Side::Left, cursor, limit } => {
                Event::Page(self.store.page(cursor.as_deref(), limit))
            }
            Command::List { side: Side::Right, cursor, limit } => self.list(cursor.as_deref(), limit),
            Command::Links(query) => {
                let (links, backlog) = self.store.query(&query);
                Event::Links(links, backlog)
            }
            Command::Fetch { ids } => self.fetch(&ids),
            Command::Locate { links } if self.faulty(0.04) => {
                drop(links);
                Event::Failed(transient(None))
            }
            Command::Locate { links } => {
                Event::Located(links.iter().map(|link| self.mail.located(*link)).collect())
            }
            Command::Snapshot if self.faulty(0.1) => Event::Failed(transient(None)),
            Command::Snapshot => Event::SnapshotTaken(ts(self.now)),
            Command::Commit(commit) => self.commit(&commit)?,
            Command::Write { writes, deadline } => self.write(writes, deadline),
            Command::Rest(rest) => self.rest(rest, over),
        };
        if remote {
            self.point("after it asked")?;
        }
        Ok(event)
    }

    fn identify(&mut self) -> Event<R> {
        if self.mistakes
            && self.faulty(0.02)
            && self.store.state().is_some_and(|state| state.identity.is_some())
        {
            self.note("server  takes us for somebody else".to_owned());
            self.mail.mistaken = true;
        }
        if self.faulty(0.02) {
            Event::Failed(transient(None))
        } else {
            Event::Identified(self.mail.identity())
        }
    }

    fn list(&mut self, cursor: Option<&str>, limit: usize) -> Event<R> {
        if self.faulty(0.04) {
            let back_off = self
                .rng
                .random_bool(0.5)
                .then(|| SignedDuration::from_millis(self.rng.random_range(1..60_000)));
            return Event::Failed(transient(back_off));
        }
        if self.faulty(0.02) {
            self.mail.forget_cursors();
        }
        let cut = match self.faulty(0.08) {
            true if self.rng.random_bool(0.5) => 1,
            true => 2,
            false => 0,
        };
        let salt = self.rng.random::<u32>() as usize;
        // What is made on both sides and shown by no listing cannot be recognised as the same.
        let twice = |item: &&tieline_sync::RightItem<R>| self.made_twice.contains(&item.record.lineage());
        let shown: BTreeSet<String> = self.mail.items().filter(twice).map(|item| item.id.clone()).collect();
        let half = |id: &str| (salt + id.bytes().map(usize::from).sum::<usize>()).is_multiple_of(2);
        let leave_out = |id: &str| !shown.contains(id) && (cut == 1 || (cut == 2 && half(id)));
        self.cut_short |= cut > 0;
        self.mail.page(cursor, limit, &leave_out).map_or(Event::CursorExpired, Event::Page)
    }

    fn is_poison(&self, lineage: u64) -> bool {
        self.poison > 0
            && self.now < self.faulty_until
            && lineage.is_multiple_of(self.poison)
            && !self.made_twice.contains(&lineage)
    }

    fn fetch(&mut self, ids: &[String]) -> Event<R> {
        if self.faulty(0.04) {
            return Event::Failed(transient(None));
        }
        let one = |id: &String| match self.mail.get(id) {
            None => Fetched::NotFound,
            Some(item) if self.is_poison(item.record.lineage()) => {
                Fetched::Unreadable(certain(Class::Permanent), "broken".into())
            }
            Some(item) => Fetched::Found(Box::new(item)),
        };
        Event::Fetched(ids.iter().map(one).collect())
    }

    fn commit(&mut self, commit: &Commit<R>) -> Result<Event<R>, Crashed> {
        self.point("before it commits")?;
        let linked = self.store.links().iter().filter(|link| link.base.is_some()).count() as u64;
        let deleted: BTreeMap<String, u64> =
            self.store.items.iter().map(|(id, item)| (id.clone(), item.record.lineage())).collect();
        let was_paused = self.store.state().is_some_and(|state| state.paused.is_some());
        if was_paused
            && commit.state.paused.is_none()
            && let Some(Resume::Accept { deletes, .. }) = self.said.take()
        {
            self.deletes.clear();
            self.allowed = u64::from(deletes);
        }
        let (refused, applied) = self.store.commit(commit);
        for unit in &applied {
            if let Some(write) = unit.left.as_ref().filter(|write| write.put.is_none()) {
                let lineage = deleted[&write.id];
                if !self.user_deleted.contains(&lineage) {
                    self.break_(format!("{lineage} is deleted in Tieline, and no user deleted it"));
                }
            }
            if unit.touch == Some(Touch::Delete) {
                self.deletes.push(self.now);
                self.judge_brake(linked);
            }
            let effect = unit.left.is_some() || unit.put.as_ref().is_some_and(|link| link.intent.is_some());
            let state = &commit.state;
            if effect && (state.approved != Some(self.policy.choices.hash()) || state.snapshot.is_none()) {
                let looking = unit.left.is_none() && unit.undo.is_none() && unit.touch.is_none();
                if !looking {
                    self.break_(
                        "something is written before a plan is approved and a snapshot taken".to_owned(),
                    );
                }
            }
        }
        self.point("after it committed")?;
        Ok(Event::Committed { refused })
    }

    fn judge_brake(&mut self, linked: u64) {
        let since = self.now - self.policy.brake.window.as_millis() as i64;
        let recent = self.deletes.iter().filter(|at| **at > since).count() as u64;
        let most = limit(linked, &self.policy.brake) + self.allowed;
        if recent > most {
            let at: Vec<i64> = self.deletes.iter().map(|at| at - START).collect();
            self.break_(format!("{recent} deletions in an hour, {most} are believed: {at:?}"));
        }
    }

    /// A write takes effect, now or late.
    fn carry_out(&mut self, write: &Write<R>, at: i64) -> Written<R> {
        let item = write.id.as_ref().and_then(|id| self.mail.get(id));
        let written = self.mail.apply(write, ts(at));
        if write.operation == Operation::Delete
            && let (Written::Done { .. }, Some(item)) = (&written, item)
        {
            let lineage = item.record.lineage();
            let twins = self.mail.items().filter(|other| other.record.lineage() == lineage).count();
            if twins > 0 {
                self.doubles_removed += 1;
            } else if !self.user_deleted.contains(&lineage) {
                self.break_(format!("{lineage} is deleted in the mail system, and no user deleted it"));
            }
        }
        written
    }

    fn write(&mut self, writes: Vec<Write<R>>, deadline: Timestamp) -> Event<R> {
        for write in &writes {
            if write.operation == Operation::Create && !self.mail.located(write.link).is_empty() {
                let copies = self.mail.located(write.link);
                let lineage = write.record.as_ref().map(SimRecord::lineage);
                if copies.iter().any(|copy| Some(copy.record.lineage()) == lineage) {
                    self.break_(format!("{} is made again although it is there", write.link));
                }
            }
        }
        let deadline_ms = deadline.as_millisecond();
        let settled = deadline_ms + self.policy.times.late_effect_bound.as_millis() as i64;
        let fault = if self.faulty(0.35) { self.rng.random_range(0..7) } else { 7 };
        if fault < 5 {
            self.note(format!("server  write fault {fault}"));
        }
        let uncertain = Failure { class: Class::Transient, uncertain: true, back_off: None };
        let later = |rng: &mut ChaCha8Rng, from: i64| rng.random_range(from + 1..settled);
        match fault {
            0 => {
                // The answer is lost.
                writes.iter().for_each(|write| drop(self.carry_out(write, self.now)));
                self.now = deadline_ms;
            }
            1 => {
                // The connection breaks, the requests arrive all the same.
                for write in writes {
                    let at = later(&mut self.rng, self.now);
                    self.mail.apply_later(write, at);
                }
            }
            2 => {
                // Twice, once now and once late, and no answer.
                for write in writes {
                    self.carry_out(&write, self.now);
                    let at = later(&mut self.rng, self.now);
                    self.mail.apply_later(write, at);
                }
                self.now = if self.rng.random_bool(0.5) { deadline_ms } else { self.now + 100 };
            }
            3 => self.now = deadline_ms,
            4 => {
                let back_off = Some(SignedDuration::from_millis(self.rng.random_range(1..100_000)));
                return Event::Failed(Failure { back_off, ..certain(Class::Transient) });
            }
            _ => return Event::Written(writes.iter().map(|write| self.write_one(write, settled)).collect()),
        }
        self.mail.doubts += 1;
        Event::Failed(uncertain)
    }

    fn write_one(&mut self, write: &Write<R>, settled: i64) -> Written<R> {
        let lineage = write.record.as_ref().map(SimRecord::lineage);
        if lineage.is_some_and(|lineage| self.is_poison(lineage)) {
            return Written::Failed(certain(Class::Permanent), "it cannot be written".to_owned());
        }
        if self.faulty(0.05) {
            let class = if self.rng.random_bool(0.2) { Class::Operator } else { Class::Transient };
            let back_off = self
                .rng
                .random_bool(0.5)
                .then(|| SignedDuration::from_millis(self.rng.random_range(1..60_000)));
            return Written::Failed(Failure { back_off, ..certain(class) }, "busy".to_owned());
        }
        if self.faulty(0.05) {
            let at = self.rng.random_range(self.now + 1..settled);
            self.mail.apply_later(write.clone(), at);
            self.mail.doubts += 1;
            return Written::Failed(
                Failure { class: Class::Transient, uncertain: true, back_off: None },
                "500".to_owned(),
            );
        }
        let written = self.carry_out(write, self.now);
        if self.faulty(0.04) && write.operation == Operation::Create {
            // A proxy sends it again.
            let at = self.rng.random_range(self.now + 1..settled);
            self.mail.apply_later(write.clone(), at);
        }
        let Written::Done { id, etag, .. } = written else { return written };
        // A user may be quicker than the read that follows.
        if self.odds(0.05) && self.now < self.active_until {
            self.user_edits(Side::Right);
        }
        let stored = self.mail.get(&id).filter(|item| item.etag == etag).map(|item| Box::new(item.record));
        let stored = if self.odds(0.1) { None } else { stored };
        Written::Done { id, etag, stored }
    }

    // People who are asked.

    fn rest(&mut self, rest: Rest, over: bool) -> Event<R> {
        match rest {
            Rest::Done { until } => {
                self.now += self.rng.random_range(0..30_000);
                if over && let Some(until) = until {
                    self.now = self.now.max(until.as_millisecond());
                }
                Event::Wake
            }
            Rest::Until(until) => {
                self.now = self.now.max(until.as_millisecond());
                Event::Wake
            }
            Rest::AwaitApproval(plan) | Rest::WorldChanged(plan) => {
                self.note(format!(
                    "admin   approves {:?}",
                    plan.actions.iter().map(|(a, p)| (*a, p.count)).collect::<Vec<_>>()
                ));
                self.now += self.rng.random_range(0..5000);
                Event::Approve(plan.approval())
            }
            Rest::Paused(pause) => {
                self.note(format!("admin   is asked: {}", pause.what()));
                self.now += self.rng.random_range(0..100_000);
                let answer = self.resume(&pause);
                self.note(format!("admin   answers {answer:?}"));
                self.said = Some(answer);
                Event::Resume(answer)
            }
        }
    }

    fn resume(&mut self, pause: &Pause) -> Resume {
        let (name, answer) = match pause {
            Pause::Brake { .. } => ("brake", Resume::Accept { edits: 40, deletes: 40 }),
            Pause::ShortListing { .. } => ("short-listing", Resume::Accept { edits: 0, deletes: 40 }),
            Pause::AnotherMailbox { .. } => {
                self.mail.mistaken = false;
                let accept = Resume::Accept { edits: 0, deletes: 0 };
                ("another-mailbox", if self.rng.random_bool(0.5) { Resume::Rejoin } else { accept })
            }
            Pause::SetBack { .. } => ("set-back", Resume::Rejoin),
            Pause::FolderGone => ("folder-gone", Resume::Rejoin),
        };
        self.pauses.push(name);
        answer
    }

    // The oracle.

    fn verdict(&mut self) -> Result<(), String> {
        let mut left: BTreeMap<u64, &R> = BTreeMap::new();
        for item in self.store.items.values() {
            if left.insert(item.record.lineage(), &item.record).is_some() {
                return Err(format!("{} is twice in Tieline", item.record.lineage()));
            }
        }
        let mut right: BTreeMap<u64, &R> = BTreeMap::new();
        for item in self.mail.items() {
            if right.insert(item.record.lineage(), &item.record).is_some() {
                return Err(format!("{} is twice in the mail system", item.record.lineage()));
            }
        }
        for lineage in 1..=self.lineages {
            match (left.get(&lineage), right.get(&lineage)) {
                (None, None) if self.user_deleted.contains(&lineage) => {}
                (Some(left), Some(right)) => {
                    let differences = left.normalised().differences(*right);
                    if !differences.is_empty() {
                        return Err(format!("{lineage} differs in {differences:?}:\n{left:?}\n{right:?}"));
                    }
                }
                (left, right) => {
                    return Err(format!(
                        "{lineage}: in Tieline {}, in the mail system {}",
                        left.is_some(),
                        right.is_some()
                    ));
                }
            }
        }
        let mut kept: BTreeSet<String> = BTreeSet::new();
        kept.extend(left.values().flat_map(|record| record.words()));
        kept.extend(
            self.store
                .conflicts
                .iter()
                .filter_map(|conflict| conflict.loser.as_ref())
                .flat_map(SimRecord::words),
        );
        kept.extend(self.store.undos.iter().flat_map(|undo| undo.record.words()));
        match self.alive.iter().find(|word| !kept.contains(*word) && !self.dead.contains(*word)) {
            Some(word) => Err(format!("{word} is lost")),
            None => Ok(()),
        }
    }

    fn three_more_passes(&mut self) -> Result<(), String> {
        let before = (self.mail.writes, self.store.writes);
        for pass in 0..3 {
            if pass == 1 {
                self.mail.forget_cursors();
            }
            self.now += 3_600_000;
            self.answer(Event::Wake);
            for _ in 0..2000 {
                if matches!(self.next, Command::Rest(Rest::Done { until: None })) {
                    break;
                }
                self.now += 10;
                self.step(true);
            }
            let after = (self.mail.writes, self.store.writes);
            if after != before {
                return Err(format!("pass {pass} at rest writes: {before:?}, then {after:?}"));
            }
            if !matches!(self.next, Command::Rest(Rest::Done { until: None })) {
                return Err(format!("pass {pass} at rest ends with {}", shown(&self.next)));
            }
        }
        self.broken.take().map_or(Ok(()), Err)
    }
}

fn new_engine<R: SimRecord>(policy: &Policy, knows_the_map: bool) -> (Engine<R>, Command<R>) {
    let map: Option<Box<dyn Rendition<R>>> = if knows_the_map { Some(Box::new(Map)) } else { None };
    Engine::new(policy.clone(), map)
}

fn choices(rng: &mut ChaCha8Rng) -> Choices {
    let fields = [FieldPolicy::Later, FieldPolicy::Later, FieldPolicy::Left, FieldPolicy::Right];
    let deletes = if rng.random_bool(0.2) { DeletePolicy::DeleteWins } else { DeletePolicy::EditWins };
    Choices { deletes, fields: fields[rng.random_range(0..4)] }
}

const fn certain(class: Class) -> Failure {
    Failure { class, uncertain: false, back_off: None }
}

const fn transient(back_off: Option<SignedDuration>) -> Failure {
    Failure { class: Class::Transient, uncertain: true, back_off }
}

fn shown<R: Record>(command: &Command<R>) -> String {
    match command {
        Command::Commit(commit) => {
            let units: Vec<String> = commit
                .units
                .iter()
                .map(|unit| {
                    let rule = unit.reason.as_ref().map_or("", |reason| reason.rule);
                    let state = unit.put.as_ref().map(|link| {
                        let intent = link.intent.as_ref().map(|intent| intent.operation);
                        let sides = (
                            link.left.is_some(),
                            link.right.as_ref().map(|right| right.id.as_str()),
                            link.base.is_some(),
                        );
                        format!("{sides:?} {:?}/{:?} {intent:?}", link.seen_left, link.seen_right)
                    });
                    format!(
                        "{} {rule} {}",
                        &unit.link.to_string()[..9],
                        state.unwrap_or_else(|| "removed".to_owned())
                    )
                })
                .collect();
            format!("commits {}", units.join("; "))
        }
        Command::Write { writes, .. } => {
            let writes: Vec<String> = writes
                .iter()
                .map(|write| {
                    format!(
                        "{:?} {:?} if {:?} {:?}",
                        write.operation,
                        write.id,
                        write.if_etag,
                        write.fields.len()
                    )
                })
                .collect();
            format!("writes {}", writes.join("; "))
        }
        other => format!("{other:?}").chars().take(160).collect(),
    }
}
