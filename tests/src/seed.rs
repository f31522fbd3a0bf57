//! Randomness that can be had again: one seed a test, printed, taken from `TIELINE_SEED` when that is set.

use std::hash::{BuildHasher, RandomState};

/// A small deterministic generator (SplitMix64), good enough for picking moments and payloads.
#[derive(Debug, Clone)]
pub struct Seeded {
    seed: u64,
    state: u64,
}

impl Seeded {
    /// The seed of `TIELINE_SEED`, or a fresh one; printed, so that a failure shows it.
    pub fn for_test(test: &str) -> Self {
        let seed = match std::env::var("TIELINE_SEED") {
            Ok(text) => {
                text.parse().unwrap_or_else(|_| panic!("TIELINE_SEED is {text:?}; write a whole number"))
            }
            Err(_) => RandomState::new().hash_one(test),
        };
        println!("{test}: TIELINE_SEED={seed}");
        Self::new(seed)
    }

    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next_u64() % (high - low)
    }
}

/// How often to do a thing: the number in this environment variable, or the given default.
pub fn count(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}; write a whole number")),
        Err(_) => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut two) = (Seeded::new(7), Seeded::new(7));
        let numbers: Vec<u64> = (0..100).map(|_| one.between(10, 20)).collect();
        assert!(numbers.iter().all(|number| (10..20).contains(number)));
        assert_eq!(numbers, (0..100).map(|_| two.between(10, 20)).collect::<Vec<_>>());
    }
}
