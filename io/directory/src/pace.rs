//! How many look-ups the directory is sent.

use jiff::Timestamp;

/// So many a second on average, and a few at once. Decides with the time it is given.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Timestamp,
}

impl Pace {
    pub(crate) fn new(per_second: u32, burst: u32, now: Timestamp) -> Self {
        Self { per_second: f64::from(per_second), burst: f64::from(burst), left: f64::from(burst), at: now }
    }

    /// Whether one more may be sent now.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        // A clock that was set back gives nothing for the time that it takes back.
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.at = now;
        self.left = (self.left + passed * self.per_second).min(self.burst);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn a_burst_and_then_the_average() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut pace = Pace::new(10, 3, now);
        assert_eq!([0; 5].map(|_| pace.take(now)), [true, true, true, false, false]);
        now += SignedDuration::from_millis(100);
        assert_eq!([0; 2].map(|_| pace.take(now)), [true, false]);
        now += SignedDuration::from_hours(1);
        assert_eq!((0..10).filter(|_| pace.take(now)).count(), 3);
        assert!(!pace.take(now - SignedDuration::from_hours(1)));
    }
}
