//! The durable state of one delivery and its transitions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::Class;

use crate::policy::after;
use crate::{Confirm, Delivered, Evidence, Failure, Item, Outcome, Policy, Step};

/// Where one delivery stands. Serialized with the job; what is skipped there is what a crash forgets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryState {
    phase: Phase,
    /// Creates that were intended, sent or not.
    #[serde(default)]
    attempts: u32,
    /// Failures in a row.
    #[serde(default)]
    failures: u32,
    /// Since when every failure was a transient one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait_until: Option<Timestamp>,
    /// A create of this delivery was uncertain once.
    #[serde(default)]
    doubted: bool,
    /// An uncertain create failed in a way that the same message would meet again.
    #[serde(default)]
    hopeless: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// The intent is durable and this process has not sent its create yet. A crash forgets it, so that the next
    /// process must assume that the create was sent.
    #[serde(skip)]
    armed: bool,
    /// Doubled items that are to be removed.
    #[serde(skip)]
    surplus: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
enum Phase {
    /// No create can have an effect any more that is not known.
    Clear,
    /// A create may be under way.
    Doubt {
        /// It is answered or given up by then.
        deadline: Timestamp,
        /// Its effect has come by then, or never comes.
        settled: Timestamp,
        /// Looked once already while it was not settled.
        looked: bool,
    },
    /// Delivered; look for doubled items when they can no longer come.
    Confirm {
        /// From this instant on.
        settled: Timestamp,
    },
}

impl Default for DeliveryState {
    fn default() -> Self {
        Self::in_phase(Phase::Clear)
    }
}

impl DeliveryState {
    /// A delivery that nothing was tried for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The second look that [`Delivered::look_again`] asks for: removes doubled items, never creates.
    #[must_use]
    pub const fn confirming(settled: Timestamp) -> Self {
        Self::in_phase(Phase::Confirm { settled })
    }

    /// A delivery of which nothing is known any more: somebody may have created the item until `settled`. It looks
    /// before it creates.
    #[must_use]
    pub const fn suspecting(settled: Timestamp) -> Self {
        Self::in_phase(Phase::Doubt { deadline: settled, settled, looked: false })
    }

    const fn in_phase(phase: Phase) -> Self {
        Self {
            phase,
            attempts: 0,
            failures: 0,
            failing_since: None,
            wait_until: None,
            doubted: false,
            hopeless: false,
            outcome: None,
            armed: false,
            surplus: Vec::new(),
        }
    }

    /// What to do at `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp, policy: &Policy) -> Step {
        if let Some(outcome) = &self.outcome {
            return Step::Finish(outcome.clone());
        }
        if let Some(until) = self.wait_until.filter(|until| now < *until) {
            return Step::Wait(until);
        }
        if let Some(item) = self.surplus.first() {
            return Step::Remove { item: item.clone() };
        }
        let intend = Step::RecordIntent { deadline: after(now, policy.call_timeout) };
        match self.phase {
            Phase::Clear => intend,
            Phase::Doubt { deadline, .. } if self.armed && now < deadline => Step::Create { deadline },
            // Recorded, not sent, and too late to send: whoever takes over counts from that deadline.
            Phase::Doubt { .. } if self.armed => intend,
            Phase::Doubt { settled, looked: true, .. } if now < settled => Step::Wait(settled),
            Phase::Confirm { settled } if now < settled => Step::Wait(settled),
            Phase::Doubt { .. } | Phase::Confirm { .. } => Step::Locate,
        }
    }

    /// Writes the intent into the state, which the driver then makes durable. Nothing may be sent yet.
    pub fn record_intent(&mut self, deadline: Timestamp, policy: &Policy) {
        let settled = after(deadline, policy.late_effect_bound);
        self.phase = Phase::Doubt { deadline, settled, looked: false };
        self.attempts = self.attempts.saturating_add(1);
        self.wait_until = None;
        self.armed = false;
    }

    /// The intent is durable: [`Step::Create`] may follow.
    pub const fn on_intent_recorded(&mut self) {
        self.armed = true;
    }

    /// The server answered that it created the item.
    pub fn on_created(&mut self, item: Item, policy: &Policy) {
        let settled = self.settled();
        let look = self.doubted || policy.confirm == Confirm::Always;
        self.finish(Outcome::Delivered(Delivered {
            item,
            by: Evidence::Created,
            look_again: settled.filter(|_| look),
        }));
    }

    /// A locate that was *begun* at `asked_at` found these items, oldest first.
    pub fn on_located(&mut self, items: Vec<Item>, asked_at: Timestamp) {
        self.armed = false;
        self.wait_until = None;
        self.failures = 0;
        let settled = self.settled().unwrap_or(asked_at);
        let mut items = items.into_iter();
        let Some(oldest) = items.next() else {
            self.found_nothing(asked_at, settled);
            return;
        };
        self.surplus = items.map(|double| double.item).collect();
        if self.surplus.is_empty() {
            let look_again = Some(settled).filter(|settled| asked_at < *settled);
            self.finish(Outcome::Delivered(Delivered { item: oldest, by: Evidence::Located, look_again }));
        }
    }

    fn found_nothing(&mut self, asked_at: Timestamp, settled: Timestamp) {
        match &mut self.phase {
            Phase::Clear => {}
            Phase::Doubt { looked, .. } if asked_at < settled => {
                *looked = true;
                self.doubted = true;
            }
            Phase::Doubt { .. } => {
                self.phase = Phase::Clear;
                self.doubted = true;
                if self.hopeless {
                    self.finish(Outcome::Quarantined);
                }
            }
            Phase::Confirm { .. } => self.finish(Outcome::Gone),
        }
    }

    /// The doubled item of [`Step::Remove`] is removed, or was not there any more. When all are, the engine looks
    /// again: an item that its user moved meanwhile has another id by now.
    pub fn on_removed(&mut self, item: &str) {
        self.surplus.retain(|double| double != item);
    }

    /// A call failed. `random` is any 64 bits, for the jitter.
    pub fn on_failed(&mut self, failure: Failure, now: Timestamp, random: u64, policy: &Policy) {
        let create = std::mem::take(&mut self.armed);
        self.surplus.clear();
        self.failures = self.failures.saturating_add(1);
        if failure.class != Class::Transient {
            self.failing_since = None;
        }
        let since = *self.failing_since.get_or_insert(now);
        self.wait_until = Some(policy.again(&failure, self.failures, now, random));
        if create && failure.uncertain {
            self.doubted = true;
            self.hopeless = failure.class == Class::Permanent;
            return;
        }
        if create {
            self.phase = Phase::Clear;
        }
        let patient = now.duration_since(since) < policy.patience;
        match failure.class {
            Class::Permanent => self.finish(Outcome::Quarantined),
            Class::Transient if !patient => self.finish(Outcome::Quarantined),
            Class::Transient | Class::Operator => {}
        }
    }

    fn finish(&mut self, outcome: Outcome) {
        self.armed = false;
        self.surplus.clear();
        self.outcome = Some(outcome);
    }

    /// An administrator wants a quarantined delivery tried again, at once. A doubt is not forgotten.
    pub fn retry(&mut self) {
        if self.outcome == Some(Outcome::Quarantined) {
            self.outcome = None;
            self.wait_until = None;
            self.failures = 0;
            self.failing_since = None;
            self.hopeless = false;
        }
    }

    /// How many creates were intended, sent or not.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How it ended, if it did.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// A create may have happened or may still happen, and nobody knows yet.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        matches!(self.phase, Phase::Doubt { .. }) && self.outcome.is_none()
    }

    const fn settled(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Clear => None,
            Phase::Doubt { settled, .. } | Phase::Confirm { settled } => Some(settled),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn item(id: &str) -> Item {
        Item { item: id.to_owned(), folder: "inbox".to_owned(), read: false, deleted: false }
    }

    fn failure(class: Class, uncertain: bool) -> Failure {
        Failure { class, uncertain, back_off: None }
    }

    /// What a process that starts anew reads from the store.
    fn crashed(state: &DeliveryState) -> DeliveryState {
        serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
    }

    fn sent(policy: &Policy) -> DeliveryState {
        let mut state = DeliveryState::new();
        assert_eq!(state.next(at(0), policy), Step::RecordIntent { deadline: at(60) });
        state.record_intent(at(60), policy);
        state.on_intent_recorded();
        assert_eq!(state.next(at(0), policy), Step::Create { deadline: at(60) });
        state
    }

    #[test]
    fn a_first_attempt_needs_no_lookup() {
        let policy = Policy::default();
        let mut state = sent(&policy);
        state.on_created(item("a"), &policy);
        let expected = Delivered { item: item("a"), by: Evidence::Created, look_again: None };
        assert_eq!(state.next(at(1), &policy), Step::Finish(Outcome::Delivered(expected)));
        assert_eq!(crashed(&state).outcome(), state.outcome());
    }

    #[test]
    fn an_intent_that_is_not_durable_yet_sends_nothing() {
        let policy = Policy::default();
        let mut state = DeliveryState::new();
        state.record_intent(at(60), &policy);
        assert_eq!(state.next(at(0), &policy), Step::Locate);
    }

    #[test]
    fn after_a_crash_nothing_is_created_before_the_window_closes() {
        let policy = Policy::default();
        let mut state = crashed(&sent(&policy));
        assert_eq!(state.next(at(5), &policy), Step::Locate, "the item may be there already");
        state.on_located(vec![], at(5));
        assert_eq!(state.next(at(6), &policy), Step::Wait(at(180)));
        assert_eq!(state.next(at(180), &policy), Step::Locate);
        state.on_located(vec![], at(179));
        assert_eq!(state.next(at(200), &policy), Step::Locate, "a look begun too early proves nothing");
        state.on_located(vec![], at(180));
        assert_eq!(state.next(at(200), &policy), Step::RecordIntent { deadline: at(260) });
        assert!(!state.is_in_doubt());
    }

    #[test]
    fn an_item_found_early_is_delivered_and_looked_at_again() {
        let policy = Policy::default();
        let mut state = crashed(&sent(&policy));
        state.on_located(vec![item("a")], at(5));
        let expected = Delivered { item: item("a"), by: Evidence::Located, look_again: Some(at(180)) };
        assert_eq!(state.outcome(), Some(&Outcome::Delivered(expected)));

        let mut second_look = DeliveryState::confirming(at(180));
        assert_eq!(second_look.next(at(6), &policy), Step::Wait(at(180)));
        assert_eq!(second_look.next(at(180), &policy), Step::Locate);
        second_look.on_located(vec![item("a"), item("b"), item("c")], at(180));
        assert_eq!(second_look.next(at(180), &policy), Step::Remove { item: "b".to_owned() });
        second_look.on_removed("b");
        assert_eq!(second_look.next(at(180), &policy), Step::Remove { item: "c".to_owned() });
        second_look.on_removed("c");
        assert_eq!(second_look.next(at(181), &policy), Step::Locate, "one may have moved meanwhile");
        second_look.on_located(vec![item("a")], at(181));
        let expected = Delivered { item: item("a"), by: Evidence::Located, look_again: None };
        assert_eq!(second_look.outcome(), Some(&Outcome::Delivered(expected)));
    }

    #[test]
    fn a_second_look_never_creates() {
        let policy = Policy::default();
        let mut state = DeliveryState::confirming(at(0));
        state.on_located(vec![], at(1));
        assert_eq!(state.next(at(2), &policy), Step::Finish(Outcome::Gone));
    }

    /// A bound that was chosen too small: the first create takes effect after all.
    #[test]
    fn a_create_after_a_doubt_is_looked_at_again() {
        let policy = Policy::default();
        let mut state = crashed(&sent(&policy));
        state.on_located(vec![], at(180));
        state.record_intent(at(240), &policy);
        state.on_intent_recorded();
        state.on_created(item("b"), &policy);
        let Some(Outcome::Delivered(delivered)) = state.outcome() else { panic!("{state:?}") };
        assert_eq!(delivered.look_again, Some(at(360)));
    }

    #[test]
    fn a_delivery_that_was_forgotten_is_looked_for_first() {
        let policy = Policy::default();
        let mut state = DeliveryState::suspecting(at(0));
        assert_eq!(state.next(at(0), &policy), Step::Locate);
        state.on_located(vec![], at(0));
        assert!(matches!(state.next(at(0), &policy), Step::RecordIntent { .. }));
    }

    #[test]
    fn an_armed_intent_whose_deadline_passed_is_recorded_anew() {
        let policy = Policy::default();
        let state = sent(&policy);
        assert_eq!(state.next(at(60), &policy), Step::RecordIntent { deadline: at(120) });
    }

    #[test]
    fn a_refusal_for_certain_leaves_no_doubt() {
        let policy = Policy::default();
        let mut state = sent(&policy);
        let asked = SignedDuration::from_secs(300);
        state.on_failed(
            Failure { back_off: Some(asked), ..failure(Class::Transient, false) },
            at(1),
            7,
            &policy,
        );
        assert_eq!(state.next(at(2), &policy), Step::Wait(at(301)));
        assert!(matches!(crashed(&state).next(at(301), &policy), Step::RecordIntent { .. }));
    }

    #[test]
    fn permanent_failures_are_quarantined_and_can_be_retried() {
        let policy = Policy::default();
        let mut state = sent(&policy);
        state.on_failed(failure(Class::Permanent, false), at(1), 0, &policy);
        assert_eq!(state.next(at(9999), &policy), Step::Finish(Outcome::Quarantined));
        state.retry();
        assert!(matches!(state.next(at(9999), &policy), Step::RecordIntent { .. }));
    }

    #[test]
    fn an_uncertain_permanent_failure_is_looked_up_before_it_is_quarantined() {
        let policy = Policy::default();
        let mut state = sent(&policy);
        state.on_failed(failure(Class::Permanent, true), at(1), 0, &policy);
        assert_eq!(state.outcome(), None);
        let mut found = state.clone();
        found.on_located(vec![item("a")], at(2));
        assert!(matches!(found.outcome(), Some(Outcome::Delivered(_))));
        state.on_located(vec![], at(200));
        assert_eq!(state.outcome(), Some(&Outcome::Quarantined));
    }

    #[test]
    fn a_retry_does_not_forget_a_doubt() {
        let policy = Policy::default();
        let mut state = crashed(&sent(&policy));
        state.on_failed(failure(Class::Permanent, false), at(2), 0, &policy);
        assert_eq!(state.outcome(), Some(&Outcome::Quarantined), "the lookup was refused");
        state.retry();
        assert_eq!(crashed(&state).next(at(3), &policy), Step::Locate);
    }

    #[test]
    fn operators_are_waited_for_patiently_and_poison_is_not() {
        let policy = Policy::default();
        let days = |n: i64| at(n * 86_400);
        for (class, quarantined) in [(Class::Operator, false), (Class::Transient, true)] {
            let mut state = DeliveryState::new();
            state.on_failed(failure(class, false), days(0), 0, &policy);
            state.on_failed(failure(class, false), days(4), 0, &policy);
            assert_eq!(state.outcome().is_some(), quarantined, "{class:?}");
        }
    }

    #[test]
    fn states_of_an_earlier_release_are_read() {
        let old = r#"{"phase":{"phase":"doubt","deadline":"2026-01-01T00:01:00Z","settled":"2026-01-01T00:03:00Z","looked":false}}"#;
        let state: DeliveryState = serde_json::from_str(old).unwrap();
        assert!(state.is_in_doubt());
    }
}
