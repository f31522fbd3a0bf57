//! The loop: engine, store, server, users, an administrator, and what goes wrong.

mod administrator;
mod driver;
mod oracle;
mod shown;
mod users;
mod writing;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tieline_delivery::Failure;
use tieline_model::{Class, Ids, RecordHash};
use tieline_sync::{
    Choices, Command, DeletePolicy, Engine, Event, FieldPolicy, Page, Policy, Rendition, Rest, Resume,
    Written,
};

use crate::mail::Mail;
use crate::mutant::{Asked, Mutant};
use crate::sim_record::SimRecord;
use crate::store::Store;
use shown::shown;

/// A line of the history, when somebody wants to read it.
macro_rules! note {
    ($world:expr, $($line:tt)*) => {
        if $world.tracing {
            let line = format!($($line)*);
            $world.note(&line);
        }
    };
}
use note;

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

#[derive(Clone)]
pub(crate) struct Setup {
    seed: u64,
    crashes: Option<BTreeSet<u64>>,
    mutant: Option<Mutant>,
    /// Keep the history for reading. It is the same history without.
    tracing: bool,
}

impl Setup {
    pub(crate) const fn random(seed: u64) -> Self {
        Self { seed, crashes: None, mutant: None, tracing: false }
    }

    pub(crate) const fn mutated(seed: u64, mutant: Mutant) -> Self {
        Self { seed, crashes: None, mutant: Some(mutant), tracing: false }
    }

    pub(crate) fn traced(self) -> Self {
        Self { tracing: true, ..self }
    }

    /// Nothing goes wrong but these crashes.
    pub(crate) const fn scripted(seed: u64, crashes: BTreeSet<u64>) -> Self {
        Self { seed, crashes: Some(crashes), mutant: None, tracing: false }
    }
}

struct Crashed;

pub(crate) struct World<R: SimRecord> {
    pub(crate) seed: u64,
    rng: ChaCha8Rng,
    ids: Dice,
    /// For the engine's share: dice of its own.
    shares: ChaCha8Rng,
    now: i64,
    active_until: i64,
    faulty_until: i64,
    /// Every so many-th item cannot be read or written while things go wrong; 0: none.
    poison: u64,
    backups: bool,
    mistakes: bool,
    /// While things go wrong, nearly every full listing is cut short.
    short: bool,
    knows_the_map: bool,
    policy: Policy,
    script: Option<BTreeSet<u64>>,
    mutant: Option<Mutant>,
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
    /// Made once more by a late request and edited by a user at once, or made again a moment after a backup brought it
    /// back: nobody can know.
    rightly_two: BTreeSet<u64>,
    /// When the engine decided to delete, by commit.
    pub(crate) deletes: Vec<i64>,
    allowed: u64,
    /// The choices under which the administrator approved plans since both sides were joined.
    approved: BTreeSet<RecordHash>,
    snapshot_taken: bool,
    /// An administrator's answer that the engine has not written down yet.
    said: Option<Resume>,
    pub(crate) pauses: Vec<&'static str>,
    pub(crate) doubles_removed: u64,
    pub(crate) crashes: u64,
    pub(crate) points: u64,
    /// A late effect came after the last pass began.
    disturbed: bool,
    /// The page that was listed last, until what it shows is committed.
    listed: Option<Page>,
    tracing: bool,
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
        policy.limits.identify_every = SignedDuration::from_secs(rng.random_range(1..4000));
        policy.brake.floor = if quiet { 50 } else { rng.random_range(2..=8) };
        policy.choices = choices(&mut rng);
        policy.limits.list_every = list_every(setup.seed, quiet);
        let knows_the_map = rng.random_bool(0.7);
        let (engine, next) = new_engine(&policy, knows_the_map, setup.mutant);
        let mut world = Self {
            seed: setup.seed,
            ids: Dice(std::sync::Mutex::new(ChaCha8Rng::seed_from_u64(setup.seed ^ 0xfeed))),
            shares: ChaCha8Rng::seed_from_u64(setup.seed ^ 0x54a2e),
            now: START,
            active_until: START + if quiet { 40_000 } else { rng.random_range(40_000..700_000) },
            faulty_until: START + if quiet { 0 } else { rng.random_range(1..700_000) },
            poison: if !quiet && rng.random_bool(0.3) { rng.random_range(2..6) } else { 0 },
            backups: !quiet && rng.random_bool(0.15),
            mistakes: !quiet && rng.random_bool(0.15),
            short: !quiet && rng.random_bool(0.1),
            knows_the_map,
            policy,
            script: setup.crashes,
            mutant: setup.mutant,
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
            rightly_two: BTreeSet::new(),
            deletes: Vec::new(),
            allowed: 0,
            approved: BTreeSet::new(),
            snapshot_taken: false,
            said: None,
            pauses: Vec::new(),
            doubles_removed: 0,
            crashes: 0,
            points: 0,
            disturbed: false,
            listed: None,
            tracing: setup.tracing,
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

    fn note(&mut self, line: &str) {
        self.trace.push(format!("{:>9} {line}", self.now - START));
    }

    fn break_(&mut self, what: String) {
        note!(self, "BROKEN  {what}");
        self.broken.get_or_insert(what);
    }

    fn restart(&mut self) {
        let (engine, next) = new_engine(&self.policy, self.knows_the_map, self.mutant);
        self.engine = engine;
        self.next = next;
        self.listed = None;
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
        note!(self, "process dies {what}");
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
            if over && !healed && matches!(self.next, Command::Rest(Rest::Done { .. })) {
                // One whole pass at least begins after the last thing that happened, and no full listing goes on whose
                // first pages were cut.
                healed = true;
                self.restart();
                // What changes do not show, the next full listing does.
                self.now += self.policy.limits.list_every.as_millis() as i64;
            }
            if self.step(healed) && healed {
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
            note!(self, "server  carries out late: {:?} for {}", write.operation, write.link);
            if let Written::Done { id, .. } = self.carry_out(&write, at) {
                self.mail.note_late(&id);
            }
            self.disturbed = true;
        }
        self.users();
    }

    /// One command. `true`: both sides are in step.
    fn step(&mut self, over: bool) -> bool {
        let mut command = std::mem::replace(&mut self.next, Command::Load);
        if over && matches!(command, Command::Rest(Rest::Done { until: None })) {
            if !self.mail.nothing_under_way() {
                self.now += 10_000;
            } else if !self.disturbed {
                self.next = command;
                return true;
            }
            // What comes late is seen by a pass that begins later.
            self.answer(Event::Wake);
            return false;
        }
        if matches!(command, Command::Load) {
            self.disturbed = false;
        }
        let asked = self.mutant.map(|mutant| {
            mutant.command(&mut command, &self.store, &self.mail);
            (mutant, Asked::of(&command, &self.policy))
        });
        if let Ok(mut event) = self.carry(command, over) {
            if let Some((mutant, asked)) = asked {
                mutant.event(&mut event, &asked, &self.store, ts(self.now));
            }
            self.answer(event);
        }
        false
    }

    fn answer(&mut self, event: Event<R>) {
        if self.shares.random_bool(0.05) {
            let share = self.shares.random_range(1..=6);
            self.engine.share(share);
        }
        self.next = self.engine.handle(event, ts(self.now), &self.ids);
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

fn new_engine<R: SimRecord>(
    policy: &Policy,
    knows_the_map: bool,
    mutant: Option<Mutant>,
) -> (Engine<R>, Command<R>) {
    let map: Option<Box<dyn Rendition<R>>> = if knows_the_map { Some(Box::new(Map)) } else { None };
    let mut policy = policy.clone();
    if let Some(mutant) = mutant {
        mutant.policy(&mut policy);
    }
    Engine::new(policy, map)
}

fn choices(rng: &mut ChaCha8Rng) -> Choices {
    let fields = [FieldPolicy::Later, FieldPolicy::Later, FieldPolicy::Left, FieldPolicy::Right];
    let deletes = if rng.random_bool(0.2) { DeletePolicy::DeleteWins } else { DeletePolicy::EditWins };
    Choices { deletes, fields: fields[rng.random_range(0..4)] }
}

/// A week as a rule, now and then minutes; of dice of its own.
fn list_every(seed: u64, quiet: bool) -> SignedDuration {
    let mut dice = ChaCha8Rng::seed_from_u64(seed ^ 0x1157);
    match !quiet && dice.random_bool(0.2) {
        true => SignedDuration::from_secs(dice.random_range(5..600)),
        false => Policy::default().limits.list_every,
    }
}

const fn certain(class: Class) -> Failure {
    Failure { class, uncertain: false, back_off: None }
}

const fn transient(back_off: Option<SignedDuration>) -> Failure {
    Failure { class: Class::Transient, uncertain: true, back_off }
}
