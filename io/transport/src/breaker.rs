//! Stops a credential that the server keeps refusing. No clock, no I/O.
//!
//! A directory locks an account after a few wrong passwords, and a worker pool can try hundreds in a second. So a
//! credential that was never accepted is stopped after a few refusals. One that was accepted before gets the benefit
//! of the doubt for a while, because loaded front ends also answer 401; then it is stopped as well. While
//! stopped, one probe at a time goes through, at growing intervals.

use std::time::{Duration, Instant};

/// The measures of a [`Breaker`].
#[derive(Debug, Clone)]
pub struct BreakerPolicy {
    /// Refusals in a row after which the credential is stopped. Below the usual lock-out threshold of five.
    pub refusals: u32,
    /// The first pause; doubles with each refused probe.
    pub first_pause: Duration,
    pub max_pause: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { refusals: 3, first_pause: Duration::from_secs(30), max_pause: Duration::from_secs(900) }
    }
}

/// Whether a request may be sent with the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Not before this time has passed; `None` while the one probe is under way.
    Closed {
        wait: Option<Duration>,
    },
}

/// What a 401 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The credential has worked; take this for load and try again after the pause.
    Doubtful { pause: Duration },
    /// The credential is wrong, locked or expired: somebody must act.
    Refused,
}

/// The state of one credential at one server.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    proven: bool,
    in_a_row: u32,
    closed_until: Option<Instant>,
    probing: bool,
}

impl Breaker {
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, proven: false, in_a_row: 0, closed_until: None, probing: false }
    }

    /// Asks before each request. An [`Gate::Open`] while stopped makes the asker the probe: it must tell the
    /// result by [`Breaker::accepted`], [`Breaker::rejected`] or [`Breaker::unanswered`].
    pub fn ask(&mut self, now: Instant) -> Gate {
        match self.closed_until {
            None => Gate::Open,
            Some(_) if self.probing => Gate::Closed { wait: None },
            Some(until) if now < until => Gate::Closed { wait: Some(until - now) },
            Some(_) => {
                self.probing = true;
                Gate::Open
            }
        }
    }

    /// The server took the credential, whatever it then said.
    pub fn accepted(&mut self) {
        self.proven = true;
        self.in_a_row = 0;
        self.closed_until = None;
        self.probing = false;
    }

    /// The server answered 401.
    pub fn rejected(&mut self, now: Instant) -> Rejection {
        self.probing = false;
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row < self.policy.refusals {
            return match self.proven {
                true => Rejection::Doubtful { pause: self.pause(self.in_a_row) / 10 },
                false => Rejection::Refused,
            };
        }
        let pause = self.pause(self.in_a_row - self.policy.refusals + 1);
        self.closed_until = Some(now + pause);
        Rejection::Refused
    }

    /// No answer came; a probe may be tried again.
    pub fn unanswered(&mut self) {
        self.probing = false;
    }

    pub fn is_closed(&self) -> bool {
        self.closed_until.is_some()
    }

    fn pause(&self, step: u32) -> Duration {
        let factor = 1u32 << step.saturating_sub(1).min(16);
        self.policy.first_pause.saturating_mul(factor).min(self.policy.max_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_wrong_password_is_tried_three_times_and_then_by_one_probe_at_a_time() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for _ in 0..3 {
            assert_eq!(breaker.ask(now), Gate::Open);
            assert_eq!(breaker.rejected(now), Rejection::Refused);
        }
        assert_eq!(breaker.ask(now), Gate::Closed { wait: Some(seconds(30)) });
        now += seconds(30);
        assert_eq!(breaker.ask(now), Gate::Open);
        assert_eq!(breaker.ask(now), Gate::Closed { wait: None });
        breaker.rejected(now);
        assert_eq!(breaker.ask(now), Gate::Closed { wait: Some(seconds(60)) });
    }

    #[test]
    fn a_proven_credential_is_doubted_only_after_several_refusals() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        breaker.accepted();
        assert_eq!(breaker.rejected(now), Rejection::Doubtful { pause: seconds(3) });
        assert_eq!(breaker.rejected(now), Rejection::Doubtful { pause: seconds(6) });
        assert_eq!(breaker.rejected(now), Rejection::Refused);
        assert!(breaker.is_closed());
    }

    #[test]
    fn success_in_between_starts_the_count_again() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for _ in 0..10 {
            breaker.rejected(now);
            breaker.rejected(now);
            breaker.accepted();
            assert_eq!(breaker.ask(now), Gate::Open);
        }
    }

    #[test]
    fn a_probe_without_an_answer_may_be_repeated_and_a_good_one_opens() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for _ in 0..3 {
            breaker.rejected(now);
        }
        now += seconds(31);
        assert_eq!(breaker.ask(now), Gate::Open);
        breaker.unanswered();
        assert_eq!(breaker.ask(now), Gate::Open);
        breaker.accepted();
        assert_eq!(breaker.ask(now), Gate::Open);
        assert!(!breaker.is_closed());
    }

    #[test]
    fn the_pause_grows_to_its_bound() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        let mut last = Duration::ZERO;
        for _ in 0..40 {
            breaker.rejected(now);
            if let Gate::Closed { wait: Some(wait) } = breaker.ask(now) {
                last = wait;
                now += wait;
            }
        }
        assert_eq!(last, seconds(900));
    }
}
