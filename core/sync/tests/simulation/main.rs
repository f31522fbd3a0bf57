//! Random histories on a virtual clock: users who edit, make, copy and delete on both sides; a store whose commits are
//! atomic; a mail server that loses answers, applies requests late or twice, writes fields its own way, throttles,
//! forgets cursors, cuts listings short, refuses single items, and is now and then restored from a backup or mistaken for
//! another mailbox; and a crash before and after every commit and every remote call.
//!
//! The oracle: nothing a user wrote is lost (it is on both sides, or kept as the loser of a conflict, or in the undo
//! store, or a user overwrote or deleted it); nothing is deleted that no user deleted; one item for each item; both
//! sides equal but for what the server writes its own way; no write in three more passes; never more deletions in an
//! hour than are believed; nothing written before the plan is approved and a snapshot is taken. One seed is one history:
//! `TIELINE_SEED=7` replays it. `TIELINE_SIMULATIONS=100000` is the long lane.

mod card;
mod mail;
mod mutant;
mod passes;
mod sim_record;
mod store;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use card::Card;
use mutant::Mutant;
use sim_record::SimRecord;
use tieline_model::{Contact, Event};
use world::{Setup, World};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What the histories saw, all together.
#[derive(Debug, Default)]
struct Tally {
    crashes: u64,
    doubts: u64,
    late: u64,
    doubles: u64,
    conflicts: u64,
    deletes: u64,
    expired: u64,
    pauses: BTreeSet<&'static str>,
    refused: u64,
    put_aside: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.doubts += other.doubts;
        self.late += other.late;
        self.doubles += other.doubles;
        self.conflicts += other.conflicts;
        self.deletes += other.deletes;
        self.expired += other.expired;
        self.pauses.extend(other.pauses);
        self.refused += other.refused;
        self.put_aside += other.put_aside;
    }
}

/// Histories share nothing: each core takes the next one that nobody has. The first that breaks ends all.
fn on_all_cores(seeds: std::ops::Range<u64>, one: impl Fn(u64, &mut Tally) + Sync) -> Vec<Tally> {
    let next = AtomicU64::new(seeds.start);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let mut tally = Tally::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return tally;
                }
                one(seed, &mut tally);
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|broken| std::panic::resume_unwind(broken)))
            .collect()
    })
}

fn check<R: SimRecord>(name: &str, setup: Setup, tally: &mut Tally) -> World<R> {
    let mut world = World::<R>::new(setup.clone());
    if world.run().is_err() {
        // Once more, to be read.
        let mut world = World::<R>::new(setup.traced());
        let broken = world.run().err().unwrap_or_else(|| "only the first time".to_owned());
        let whole = number("TIELINE_SEED").is_some();
        let from = world.trace.len().saturating_sub(if whole { usize::MAX } else { 160 });
        panic!(
            "{name}: {broken}\n{}\n{name}: {broken}\nreplay: TIELINE_SEED={}",
            world.trace[from..].join("\n"),
            world.seed
        );
    }
    tally.crashes += world.crashes;
    tally.doubts += world.mail.doubts;
    tally.late += world.mail.late_effects;
    tally.doubles += world.doubles_removed;
    tally.conflicts += world.store.conflicts.len() as u64;
    tally.deletes += world.deletes.len() as u64;
    tally.expired += world.mail.expired;
    tally.refused += world.store.refused;
    tally.put_aside += world.store.put_aside;
    tally.pauses.extend(world.pauses.iter());
    world
}

fn history(seed: u64, tracing: bool, tally: &mut Tally) -> Vec<String> {
    let name = format!("seed {seed}");
    let setup = if tracing { Setup::random(seed).traced() } else { Setup::random(seed) };
    match seed % 16 {
        14 => check::<Contact>(&name, setup, tally).trace,
        15 => check::<Event>(&name, setup, tally).trace,
        _ => check::<Card>(&name, setup, tally).trace,
    }
}

/// Covers: AV-85 (engine), X-08 (engine), AV-76 (engine), AV-12 (resumes), AV-63 (engine), AV-64 (engine)
#[test]
fn random_histories_end_in_step_and_lose_nothing() {
    let mut tally = Tally::default();
    if let Some(seed) = number("TIELINE_SEED") {
        println!("{}", history(seed, true, &mut tally).join("\n"));
        return;
    }
    let first = number("TIELINE_FIRST_SEED").unwrap_or(0);
    let many = number("TIELINE_SIMULATIONS").unwrap_or(2000);
    for other in on_all_cores(first..first + many, |seed, tally| drop(history(seed, false, tally))) {
        tally.add(other);
    }
    println!("{tally:?}");
    let eventful = [
        tally.crashes,
        tally.doubts,
        tally.late,
        tally.doubles,
        tally.conflicts,
        tally.deletes,
        tally.expired,
        tally.refused,
        tally.put_aside,
    ];
    assert!(eventful.iter().all(|count| *count > 0), "the histories are eventful: {tally:?}");
    let pauses = BTreeSet::from(["another-mailbox", "brake", "set-back", "short-listing"]);
    assert_eq!(tally.pauses, pauses, "every reason to pause was met");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let mut tally = Tally::default();
    for seed in 0..64 {
        assert_eq!(history(seed, true, &mut tally), history(seed, true, &mut tally), "seed {seed}");
    }
    assert_ne!(history(1, true, &mut tally), history(2, true, &mut tally));
}

/// Small quiet histories in which the process dies at each point, and at each pair of points not far apart.
#[test]
fn every_crash_point_of_small_histories_is_survived() {
    let scripts = number("TIELINE_SIMULATIONS").unwrap_or(2000) / 1000;
    let histories = AtomicU64::new(0);
    on_all_cores(0..scripts.max(2), |seed, tally| {
        let mut run = |crashes: BTreeSet<u64>| {
            histories.fetch_add(1, Ordering::Relaxed);
            let name = format!("script {seed} crashes at {crashes:?}");
            check::<Card>(&name, Setup::scripted(seed, crashes), tally).points
        };
        let points = run(BTreeSet::new());
        for first in 1..=points {
            let reached = run(BTreeSet::from([first]));
            for second in first + 1..=(first + 6).min(reached) {
                run(BTreeSet::from([first, second]));
            }
        }
    });
    let histories = histories.into_inner();
    println!("{histories} histories");
    assert!(histories > 1000, "{histories}");
}

/// An oracle that never finds anything is no oracle.
#[test]
fn every_deliberate_fault_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let caught = (0..400).find_map(|seed| {
            let broken = World::<Card>::new(Setup::mutated(seed, mutant)).run().err()?;
            Some((seed, broken))
        });
        match caught {
            Some((seed, broken)) => println!("{mutant:?}: seed {seed}: {broken}"),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
