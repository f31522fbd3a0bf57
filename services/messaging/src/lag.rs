//! How long things take (AV-90): the last thousand of each step and kind, in memory, and as a metric.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tieline_model::{MessageId, MessageKind, RecordKind};

/// A step of a message's journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LagStep {
    /// From acceptance to the item in the mail system.
    Delivered,
    /// From the item in the mail system to its first sight among the folder's changes.
    Seen,
    /// From a change of state in Tieline to the lamps told.
    Light,
    /// From an edit in Tieline to the same in the mail system.
    ToMail,
    /// From an edit in the mail system, by its clock, to the same in Tieline.
    ToTieline,
}

impl LagStep {
    const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Seen => "seen",
            Self::Light => "light",
            Self::ToMail => "to-mail",
            Self::ToTieline => "to-tieline",
        }
    }
}

/// How long one step takes for one kind of message, contact or event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// How many were measured, the last thousand at most.
    pub count: usize,
    /// Half take at most this long, in ms.
    pub p50_ms: u64,
    /// Ninety-nine of a hundred take at most this long, in ms.
    pub p99_ms: u64,
}

impl Lag {
    fn of(ring: &VecDeque<u64>) -> Self {
        let mut sorted: Vec<u64> = ring.iter().copied().collect();
        sorted.sort_unstable();
        Self { count: sorted.len(), p50_ms: percentile(&sorted, 50), p99_ms: percentile(&sorted, 99) }
    }
}

/// How many measurements and expected sights are kept.
const KEPT: usize = 1000;

#[derive(Default)]
pub(crate) struct Lags {
    measured: Mutex<BTreeMap<(LagStep, &'static str), VecDeque<u64>>>,
    expected: Mutex<(HashMap<MessageId, Timestamp>, VecDeque<MessageId>)>,
}

impl Lags {
    pub(crate) fn record(&self, step: LagStep, kind: MessageKind, lag: SignedDuration) {
        self.note(step, kind.name(), lag);
    }

    /// The same for a contact or an event.
    pub(crate) fn carried(&self, step: LagStep, kind: RecordKind, lag: SignedDuration) {
        self.note(step, kind.label(), lag);
    }

    fn note(&self, step: LagStep, kind: &'static str, lag: SignedDuration) {
        let ms = u64::try_from(lag.as_millis()).unwrap_or(0);
        metrics::histogram!("tieline_lag_seconds", "step" => step.name(), "kind" => kind)
            .record(lag.as_secs_f64().max(0.0));
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = measured.entry((step, kind)).or_default();
        if ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(ms);
    }

    /// A message was delivered: its first sight is waited for.
    pub(crate) fn expect(&self, message: MessageId, delivered: Timestamp) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, order) = &mut *expected;
        if order.len() >= KEPT
            && let Some(oldest) = order.pop_front()
        {
            since.remove(&oldest);
        }
        order.push_back(message);
        since.insert(message, delivered);
    }

    /// The first sight of a message: when it was delivered.
    pub(crate) fn seen(&self, message: MessageId) -> Option<Timestamp> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).0.remove(&message)
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Lag> {
        let measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured
            .iter()
            .map(|((step, kind), ring)| (format!("{}-{kind}", step.name()), Lag::of(ring)))
            .collect()
    }

    /// Both ways of a kind that is kept in step, by the step's name.
    pub(crate) fn in_step(&self, kind: RecordKind) -> BTreeMap<&'static str, Lag> {
        let measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let way = |step: LagStep| Some((step.name(), Lag::of(measured.get(&(step, kind.label()))?)));
        [LagStep::ToMail, LagStep::ToTieline].into_iter().filter_map(way).collect()
    }
}

/// The smallest value that so many percent do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

impl crate::Messaging {
    /// How long deposits take to be delivered and seen, changes to reach the lamps, and edits of contacts and events to
    /// reach the other side, by step and kind (`delivered-voice`, `to-mail-contacts`); since this process started.
    #[must_use]
    pub fn lag(&self) -> BTreeMap<String, Lag> {
        self.0.lag.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-90 (measure)
    #[test]
    fn the_last_thousand_are_measured() {
        let lags = Lags::default();
        for ms in 1..=1100 {
            lags.record(LagStep::Delivered, MessageKind::Voice, SignedDuration::from_millis(ms));
        }
        lags.record(LagStep::Light, MessageKind::Voice, SignedDuration::from_millis(-5));
        let all = lags.all();
        assert_eq!(all["delivered-voice"], Lag { count: 1000, p50_ms: 600, p99_ms: 1090 });
        assert_eq!(all["light-voice"].p99_ms, 0, "clocks go backwards at times");
    }

    #[test]
    fn a_first_sight_comes_once_and_the_oldest_are_forgotten() {
        let lags = Lags::default();
        let id = |n: u128| MessageId::from_uuid(uuid::Uuid::from_u128(n));
        for n in 0..1001 {
            lags.expect(id(n), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(lags.seen(id(0)), None);
        assert!(lags.seen(id(1)).is_some());
        assert_eq!(lags.seen(id(1)), None);
    }
}
