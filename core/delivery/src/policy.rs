//! How long the engine waits for what.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::Class;

use crate::Failure;

/// After which deliveries a second look for doubled items is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// After those in which a create was uncertain: one lookup more for each of them.
    #[default]
    AfterDoubt,
    /// After every one: for paths where a middlebox may repeat a request that was answered.
    Always,
}

/// How long the engine waits for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A create is given up after this; 60 s by default.
    pub call_timeout: SignedDuration,
    /// For how long after its deadline a create may still take effect: the server's own time-outs, requests that
    /// linger in proxies, and the difference between the nodes' clocks; 120 s by default. Too small makes doubles
    /// possible, too large delays repeated attempts.
    pub late_effect_bound: SignedDuration,
    /// The wait after the first transient failure; 1 s by default. Doubles with each further one.
    pub first_wait: SignedDuration,
    /// The longest wait after a transient failure; 5 min by default.
    pub longest_wait: SignedDuration,
    /// The wait after the first failure that an operator must mend; 30 s by default. Doubles up to the next one.
    pub operator_first_wait: SignedDuration,
    /// The longest wait after a failure that an operator must mend; 15 min by default.
    pub operator_longest_wait: SignedDuration,
    /// Transient refusals in an unbroken row are believed for this long, then the delivery is quarantined so that it
    /// does not hold up its mailbox for ever; 3 days by default.
    pub patience: SignedDuration,
    /// When to look for doubled items.
    pub confirm: Confirm,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            call_timeout: SignedDuration::from_secs(60),
            late_effect_bound: SignedDuration::from_secs(120),
            first_wait: SignedDuration::from_secs(1),
            longest_wait: SignedDuration::from_mins(5),
            operator_first_wait: SignedDuration::from_secs(30),
            operator_longest_wait: SignedDuration::from_mins(15),
            patience: SignedDuration::from_hours(72),
            confirm: Confirm::AfterDoubt,
        }
    }
}

impl Policy {
    /// When to try again after the `count`th failure in a row (from 1). `random` is any 64 bits: the wait lies
    /// between half and the whole of the exponential one, and never ends before the peer's own back-off.
    #[must_use]
    pub fn again(&self, failure: &Failure, count: u32, now: Timestamp, random: u64) -> Timestamp {
        let (first, longest) = match failure.class {
            Class::Operator => (self.operator_first_wait, self.operator_longest_wait),
            Class::Transient | Class::Permanent => (self.first_wait, self.longest_wait),
        };
        let doublings = count.saturating_sub(1).min(20);
        let whole = millis(first).saturating_mul(1 << doublings).min(millis(longest)).max(1);
        let jittered = whole / 2 + random % (whole / 2 + 1);
        let asked = failure.back_off.map_or(0, millis);
        after(now, SignedDuration::from_millis(i64::try_from(jittered.max(asked)).unwrap_or(i64::MAX)))
    }
}

/// `now + wait`, at most the end of time.
pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// In whole milliseconds, rounded up; negative ones are none.
fn millis(duration: SignedDuration) -> u64 {
    let up = i128::from(duration.subsec_nanos() % 1_000_000 > 0);
    u64::try_from((duration.as_millis() + up).max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Covers: AV-89 (back-off)
        #[test]
        fn a_back_off_is_never_undercut_and_no_wait_is_endless(
            count in 1..200_u32, random: u64, asked in prop::option::of(0..10_000_000_u64), operator: bool,
        ) {
            let policy = Policy::default();
            let now = Timestamp::UNIX_EPOCH;
            let failure = Failure {
                class: if operator { Class::Operator } else { Class::Transient },
                uncertain: false,
                back_off: asked.map(|ms| SignedDuration::from_millis(ms as i64)),
            };
            let wait = policy.again(&failure, count, now, random).duration_since(now).as_millis() as u64;
            let longest = if operator { 900_000 } else { 300_000 };
            prop_assert!(wait >= asked.unwrap_or(0));
            prop_assert!(wait <= longest.max(asked.unwrap_or(0)));
            prop_assert!(wait > 0, "never at once");
        }
    }

    #[test]
    fn waits_double_from_the_first_to_the_longest() {
        let policy = Policy::default();
        let failure = Failure { class: Class::Transient, uncertain: false, back_off: None };
        let waits: Vec<i64> = [1, 2, 3, 9, 30]
            .map(|count| policy.again(&failure, count, Timestamp::UNIX_EPOCH, 500).as_millisecond())
            .to_vec();
        assert_eq!(waits, [1000, 1500, 2500, 128_500, 150_500]);
    }

    #[test]
    fn a_fraction_of_a_millisecond_rounds_up() {
        assert_eq!(millis(SignedDuration::from_nanos(1)), 1);
        assert_eq!(millis(SignedDuration::from_secs(-1)), 0);
        assert_eq!(millis(SignedDuration::from_millis(5)), 5);
    }
}
