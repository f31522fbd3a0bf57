//! One action of a person fires several events. The first becomes a hint at once, the others of the next moment one
//! hint at its end. No clock.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Coalesce<K> {
    window: Duration,
    /// When the window of a mailbox ends, and whether something came within it.
    open: HashMap<K, (Instant, bool)>,
}

impl<K: Copy + Eq + Hash> Coalesce<K> {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, open: HashMap::new() }
    }

    /// Whether the event is to be told now. If not, it is told when its window ends.
    pub(super) fn event(&mut self, now: Instant, key: K) -> bool {
        match self.open.get_mut(&key) {
            Some((_, pending)) => {
                *pending = true;
                false
            }
            None => {
                self.open.insert(key, (now + self.window, false));
                true
            }
        }
    }

    /// What is to be told now. Its windows begin anew.
    pub(super) fn due(&mut self, now: Instant) -> Vec<K> {
        let mut due = Vec::new();
        let window = self.window;
        self.open.retain(|key, (end, pending)| {
            if *end > now {
                return true;
            }
            if !*pending {
                return false;
            }
            due.push(*key);
            (*end, *pending) = (now + window, false);
            true
        });
        due
    }

    /// When [`Coalesce::due`] is to be asked next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.open.values().map(|(end, _)| *end).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_at_its_start_and_once_at_its_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut coalesce = Coalesce::new(Duration::from_millis(500));
        assert!(coalesce.event(at(0), 'a'));
        assert!(!coalesce.event(at(10), 'a'));
        assert!(!coalesce.event(at(400), 'a'));
        assert!(coalesce.event(at(400), 'b'));
        assert_eq!(coalesce.next(), Some(at(500)));
        assert!(coalesce.due(at(499)).is_empty());
        assert_eq!(coalesce.due(at(500)), vec!['a']);
        assert!(coalesce.due(at(900)).is_empty());
        assert!(coalesce.due(at(1000)).is_empty());
        assert_eq!(coalesce.next(), None);
        assert!(coalesce.event(at(1001), 'a'));
    }
}
