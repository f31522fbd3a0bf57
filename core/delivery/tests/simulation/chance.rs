//! What happens by chance, or by script.

use std::collections::{BTreeSet, VecDeque};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tieline_delivery::Confirm;
use tieline_model::Class;

use crate::world::Setup;

/// What becomes of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreateFault {
    /// Applied and answered.
    None,
    /// Applied, the answer never arrives.
    LostAnswer,
    /// Applied after the caller gave up.
    Late,
    /// Never applied, never answered.
    LostRequest,
    /// The connection breaks; applied later.
    ResetThenApplied,
    /// Applied twice, the second time late; no answer.
    Doubled,
    /// Applied and answered, and applied again later. Only where every delivery is confirmed.
    DoubledAnswered,
    /// Refused: throttled, with a back-off.
    Throttled,
    /// Refused: a permission is missing.
    Forbidden,
    /// Refused: the message itself.
    Rejected,
    /// An error that may have come after the effect, and that looks permanent.
    UncertainError,
}

impl CreateFault {
    /// Those that any setting survives.
    pub(crate) const ALL: [Self; 10] = [
        Self::None,
        Self::LostAnswer,
        Self::Late,
        Self::LostRequest,
        Self::ResetThenApplied,
        Self::Doubled,
        Self::Throttled,
        Self::Forbidden,
        Self::Rejected,
        Self::UncertainError,
    ];

    /// Refused for certain: with this class.
    pub(crate) fn refusal(self) -> Option<Class> {
        match self {
            Self::Throttled => Some(Class::Transient),
            Self::Forbidden => Some(Class::Operator),
            Self::Rejected => Some(Class::Permanent),
            _ => None,
        }
    }
}

pub(crate) struct Chance {
    pub(crate) seed: u64,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) setup: Setup,
    pub(crate) confirm: Confirm,
    pub(crate) messages: usize,
    pub(crate) workers: usize,
    /// Faults stop at this instant, in ms.
    pub(crate) faulty_until: i64,
    script: Option<Script>,
}

struct Script {
    creates: VecDeque<CreateFault>,
    crashes: BTreeSet<u64>,
}

impl Chance {
    pub(crate) fn random(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            seed,
            setup: [Setup::RestartAtOnce, Setup::TakenOver, Setup::Mixed][rng.random_range(0..3)],
            confirm: if rng.random_bool(0.2) { Confirm::Always } else { Confirm::AfterDoubt },
            messages: rng.random_range(1..=5),
            workers: rng.random_range(1..=3),
            faulty_until: rng.random_range(1..2_000_000),
            rng,
            script: None,
        }
    }

    pub(crate) fn scripted(
        setup: Setup,
        confirm: Confirm,
        creates: Vec<CreateFault>,
        crashes: BTreeSet<u64>,
    ) -> Self {
        Self {
            seed: 0,
            rng: ChaCha8Rng::seed_from_u64(0),
            setup,
            confirm,
            messages: 1,
            workers: 2,
            faulty_until: 0,
            script: Some(Script { creates: creates.into(), crashes }),
        }
    }

    pub(crate) fn is_scripted(&self) -> bool {
        self.script.is_some()
    }

    /// In milliseconds, from `low` up to but without `high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low { low } else { self.rng.random_range(low..high) }
    }

    pub(crate) fn odds(&mut self, probability: f64) -> bool {
        self.script.is_none() && self.rng.random_bool(probability)
    }

    pub(crate) fn crash(&mut self, point: u64, now: i64) -> bool {
        match &self.script {
            Some(script) => script.crashes.contains(&point),
            None => now < self.faulty_until && self.rng.random_bool(0.06),
        }
    }

    /// How long a worker thinks between two steps; now and then it is paused for minutes.
    pub(crate) fn think(&mut self, now: i64) -> i64 {
        if now < self.faulty_until && self.odds(0.03) {
            // Often to the end of a window that began a moment ago: there the races are.
            if self.odds(0.5) { self.between(170_000, 180_500) } else { self.between(10_000, 400_000) }
        } else {
            self.between(0, 40)
        }
    }

    /// When a late effect comes: as late as it may, rather often.
    pub(crate) fn late(&mut self, from: i64, settled: i64) -> i64 {
        let from = if self.odds(0.5) { from.max(settled - 3000) } else { from };
        self.between(from, settled)
    }

    pub(crate) fn create_fault(&mut self, now: i64) -> CreateFault {
        if let Some(script) = &mut self.script {
            return script.creates.pop_front().unwrap_or(CreateFault::None);
        }
        if now >= self.faulty_until || self.rng.random_bool(0.4) {
            return CreateFault::None;
        }
        let fault = CreateFault::ALL[self.rng.random_range(0..CreateFault::ALL.len())];
        if fault == CreateFault::Doubled && self.confirm == Confirm::Always && self.rng.random_bool(0.5) {
            return CreateFault::DoubledAnswered;
        }
        fault
    }
}
