//! Random and exhaustive histories on a virtual clock: several workers with leases, a store whose commits are atomic,
//! a mail server that loses answers, applies requests late or twice, throttles and refuses, users who read, move and
//! delete, and a crash before and after every commit and every remote call.
//!
//! The oracle: nothing lost, exactly one item outside for each message inside, no create inside the window in which
//! an earlier one may still take effect, no back-off undercut. One seed is one history: `TIELINE_SEED=7` replays it.
//! `TIELINE_SIMULATIONS=100000` is the long lane.

mod chance;
mod mail;
mod store;
mod world;

use std::collections::BTreeSet;

use chance::{Chance, CreateFault};
use tieline_delivery::Confirm;
use world::{Setup, World};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn random(seed: u64) -> World {
    World::new(Chance::random(seed))
}

/// Runs to rest, or fails with the seed and the end of the history.
fn check(name: &str, mut world: World) -> World {
    if let Err(broken) = world.run() {
        let from = world.trace.len().saturating_sub(120);
        let history = world.trace[from..].join("\n");
        panic!("{name}: {broken}\n{history}\n{name}: {broken}\nreplay: TIELINE_SEED={}", world.seed());
    }
    world
}

/// Covers: X-01 (creation), AV-87 (once)
#[test]
fn random_histories_end_with_exactly_one_item_for_each_message() {
    if let Some(seed) = number("TIELINE_SEED") {
        println!("{}", check(&format!("seed {seed}"), random(seed)).trace.join("\n"));
        return;
    }
    let (mut crashes, mut doubts, mut doubles, mut takeovers) = (0, 0, 0, 0);
    for seed in 0..number("TIELINE_SIMULATIONS").unwrap_or(4000) {
        let world = check(&format!("seed {seed}"), random(seed));
        crashes += world.crashes;
        doubts += world.mail.uncertain;
        doubles += world.mail.removed;
        takeovers += world.store.takeovers;
    }
    println!(
        "{crashes} crashes, {doubts} uncertain creates, {doubles} doubles removed, {takeovers} takeovers"
    );
    assert!(crashes > 0 && doubts > 0 && doubles > 0 && takeovers > 0, "the histories are eventful");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..200 {
        let (first, second) = (check("first", random(seed)), check("second", random(seed)));
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
    assert_ne!(random(1).into_trace(), random(2).into_trace());
}

/// One message; every create fault, followed by each of the treacherous ones; a crash at every point, and at every pair of points; the dead process
/// restarts at once and breaks its own lease, or another one takes over when the lease expires.
#[test]
fn every_crash_point_of_a_small_scenario_is_survived() {
    let mut histories = 0;
    for setup in [Setup::RestartAtOnce, Setup::TakenOver] {
        for first in CreateFault::ALL {
            for second in [CreateFault::None, CreateFault::Late, CreateFault::Doubled] {
                histories += crash_everywhere(setup, Confirm::AfterDoubt, &[first, second]);
            }
        }
    }
    for first in [CreateFault::DoubledAnswered, CreateFault::Doubled, CreateFault::None] {
        histories += crash_everywhere(Setup::RestartAtOnce, Confirm::Always, &[first]);
    }
    println!("{histories} histories");
    assert!(histories > 10_000, "{histories}");
}

fn crash_everywhere(setup: Setup, confirm: Confirm, faults: &[CreateFault]) -> u64 {
    let mut histories = 0;
    let mut run = |crashes: BTreeSet<u64>| {
        histories += 1;
        let name = format!("{setup:?} {confirm:?} {faults:?} crashes at {crashes:?}");
        check(&name, World::new(Chance::scripted(setup, confirm, faults.to_vec(), crashes))).points
    };
    let points = run(BTreeSet::new());
    for first in 1..=points {
        let reached = run(BTreeSet::from([first]));
        for second in first + 1..=reached {
            run(BTreeSet::from([first, second]));
        }
    }
    histories
}
