//! Whom nobody knows: addresses that the directory said "nobody" to a moment ago.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tieline_model::Person;

/// More addresses are not remembered.
const MOST: usize = 4096;

/// Addresses without a person, and when that was learned.
#[derive(Debug, Default)]
pub(crate) struct Nobodies {
    known: HashMap<String, (Timestamp, Vec<Person>)>,
}

impl Nobodies {
    /// When the directory said so, and who was nearest; `None` when that is longer ago than `keep`.
    pub(crate) fn recall(
        &self,
        key: &str,
        keep: Duration,
        now: Timestamp,
    ) -> Option<(Timestamp, Vec<Person>)> {
        let (at, nearest) = self.known.get(key)?;
        fresh(*at, keep, now).then(|| (*at, nearest.clone()))
    }

    pub(crate) fn remember(&mut self, key: String, nearest: Vec<Person>, keep: Duration, now: Timestamp) {
        if self.known.len() >= MOST {
            self.known.retain(|_, (at, _)| fresh(*at, keep, now));
        }
        if self.known.len() < MOST {
            self.known.insert(key, (now, nearest));
        }
    }

    /// People may have come.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Also false when the clock was set back to before it was learned.
fn fresh(at: Timestamp, keep: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_in_time_and_stays_small() {
        let keep = Duration::from_secs(60);
        let begin = Timestamp::UNIX_EPOCH;
        let mut nobodies = Nobodies::default();
        for number in 0..2 * MOST {
            nobodies.remember(number.to_string(), Vec::new(), keep, begin);
        }
        assert_eq!(nobodies.known.len(), MOST);
        assert!(nobodies.recall("1", keep, begin + Duration::from_secs(59)).is_some());
        let later = begin + Duration::from_secs(60);
        assert!(nobodies.recall("1", keep, later).is_none());
        nobodies.remember("x".to_owned(), Vec::new(), keep, later);
        assert_eq!(nobodies.known.len(), 1);
        nobodies.clear();
        assert!(nobodies.recall("x", keep, later).is_none());
    }
}
