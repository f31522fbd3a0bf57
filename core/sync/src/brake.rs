//! The mass-change brake: changes that are too many to be believed wait for a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::BrakePolicy;

/// Kinds of change that are counted. Items that are new on one side never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touch {
    /// An item that both had is edited on one side because the other one was.
    Edit,
    /// An item that both had is deleted on one side because it is gone on the other.
    Delete,
}

/// What one mailbox saw of one kind of record in the last hour. Durable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Brake {
    /// One entry for each minute in which something was touched.
    minutes: Vec<Minute>,
    /// So many more are allowed, by a person's word.
    released: (u32, u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Minute {
    minute: i64,
    edits: u32,
    deletes: u32,
}

impl Brake {
    /// How many may be touched now, in all, with `linked` items in step.
    #[must_use]
    pub fn left(&self, touch: Touch, linked: u64, policy: &BrakePolicy, now: Timestamp) -> u64 {
        let done = self.done(touch, policy, now);
        let released = match touch {
            Touch::Edit => self.released.0,
            Touch::Delete => self.released.1,
        };
        (limit(linked, policy) + u64::from(released)).saturating_sub(done)
    }

    /// How many were touched within the window.
    #[must_use]
    pub fn done(&self, touch: Touch, policy: &BrakePolicy, now: Timestamp) -> u64 {
        let since = minute(now) - policy.window.as_mins();
        let recent = self.minutes.iter().filter(|entry| entry.minute >= since);
        recent.map(|entry| u64::from(if touch == Touch::Edit { entry.edits } else { entry.deletes })).sum()
    }

    /// One more. What a person allowed is used up first, and does not count.
    pub(crate) fn count(&mut self, touch: Touch, policy: &BrakePolicy, now: Timestamp) {
        let released = match touch {
            Touch::Edit => &mut self.released.0,
            Touch::Delete => &mut self.released.1,
        };
        if *released > 0 {
            *released -= 1;
            return;
        }
        let (this, since) = (minute(now), minute(now) - policy.window.as_mins());
        self.minutes.retain(|entry| entry.minute >= since);
        if self.minutes.last().is_none_or(|last| last.minute != this) {
            self.minutes.push(Minute { minute: this, edits: 0, deletes: 0 });
        }
        if let Some(entry) = self.minutes.last_mut() {
            match touch {
                Touch::Edit => entry.edits += 1,
                Touch::Delete => entry.deletes += 1,
            }
        }
    }

    /// A person has looked and allows so many more.
    pub(crate) fn release(&mut self, edits: u32, deletes: u32) {
        self.minutes.clear();
        self.released = (edits, deletes);
    }
}

/// How many an hour are believed.
#[must_use]
pub fn limit(linked: u64, policy: &BrakePolicy) -> u64 {
    u64::from(policy.floor).max(linked.saturating_mul(u64::from(policy.percent)) / 100)
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn twenty_or_a_tenth_an_hour() {
        let policy = BrakePolicy::default();
        assert_eq!((limit(0, &policy), limit(199, &policy), limit(1000, &policy)), (20, 20, 100));
        let mut brake = Brake::default();
        for minute in 0..20 {
            assert!(brake.left(Touch::Delete, 50, &policy, at(minute)) > 0);
            brake.count(Touch::Delete, &policy, at(minute));
        }
        assert_eq!(brake.left(Touch::Delete, 50, &policy, at(20)), 0);
        assert_eq!(brake.left(Touch::Edit, 50, &policy, at(20)), 20, "edits are counted apart");
        assert_eq!(brake.left(Touch::Delete, 50, &policy, at(61)), 1, "the window slides");
        brake.release(0, 300);
        assert_eq!(brake.left(Touch::Delete, 50, &policy, at(61)), 320);
        for _ in 0..300 {
            brake.count(Touch::Delete, &policy, at(61));
        }
        assert_eq!(
            brake.left(Touch::Delete, 50, &policy, at(61)),
            20,
            "as many as a person allowed, and the usual"
        );
    }
}
