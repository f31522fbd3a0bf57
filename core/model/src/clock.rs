//! Time and randomness are arguments. These two traits are how they arrive; only `app` implements them with real ones.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, in UTC.
    fn now(&self) -> Timestamp;
}

/// Draws new ids.
pub trait Ids: Send + Sync + 'static {
    /// A UUIDv7 that was not drawn before.
    fn uuid(&self) -> Uuid;
}

/// A clock and id source that stand still until told otherwise: the same calls give the same values.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, u64)>,
}

impl ManualClock {
    /// Starts at `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, 0)) }
    }

    /// Moves the clock forward; saturates at the end of time.
    pub fn advance(&self, by: SignedDuration) {
        let mut state = self.lock();
        state.0 = state.0.saturating_add(by).unwrap_or(Timestamp::MAX);
    }

    /// Sets the clock, backwards as well: peers' clocks do that.
    pub fn set(&self, now: Timestamp) {
        self.lock().0 = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, u64)> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().0
    }
}

impl Ids for ManualClock {
    fn uuid(&self) -> Uuid {
        let mut state = self.lock();
        state.1 += 1;
        let millis = u64::try_from(state.0.as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        for (slot, byte) in random.iter_mut().rev().zip(state.1.to_le_bytes()) {
            *slot = byte;
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
