//! Who may send next: a queue that obeys the server. No clock, no I/O.
//!
//! Exchange charges a request to a mailbox and refuses when that mailbox has spent its budget, naming the time
//! after which to try again. So there is one limiter per charged mailbox and a cap over the server:
//!
//! * A request is granted only when its mailbox and the server have a free place and neither is backing off.
//! * A back-off is obeyed to the instant: nothing of that scope is granted before it.
//! * Being throttled halves the number of places, once for all requests that were in flight together; a run of
//!   served requests gives one place back.
//! * Places go round among the mailboxes that wait, and first come first served within one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The mailbox that a request is charged to, as the server names it.
pub type Charge = Arc<str>;

/// The measures of a [`Limiter`].
#[derive(Debug, Clone)]
pub struct LimiterPolicy {
    /// Requests in flight to the server. Exchange 2013 and later refuse the 28th of one account.
    pub per_server: usize,
    /// Requests in flight for one mailbox.
    pub per_charge: usize,
    /// Requests served in a row before a lost place comes back.
    pub recover_after: u32,
    /// The first back-off when the server names none, or names 0 ms and refuses all the same. Doubles.
    pub first_back_off: Duration,
    /// The longest back-off of our own making. One that the server names is obeyed whatever its length.
    pub max_back_off: Duration,
}

impl Default for LimiterPolicy {
    fn default() -> Self {
        Self {
            per_server: 20,
            per_charge: 3,
            recover_after: 20,
            first_back_off: Duration::from_secs(1),
            max_back_off: Duration::from_secs(300),
        }
    }
}

/// How a granted request ended, as far as manners are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server did its work, whether it said yes or no.
    Served,
    /// The server asked for less.
    Throttled { scope: Scope, back_off: Option<Duration> },
    /// No answer; says nothing about load.
    Unanswered,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The budget of the charged mailbox.
    Charge,
    /// The server as a whole (HTTP 503, connection count).
    Server,
}

/// A place in the queue, then a request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Places of one scope.
#[derive(Debug)]
struct Lane {
    places: usize,
    max: usize,
    in_flight: usize,
    not_before: Option<Instant>,
    /// Rises with each halving, so that requests of one burst count once.
    epoch: u64,
    served_in_a_row: u32,
    throttled_in_a_row: u32,
}

impl Lane {
    fn new(max: usize) -> Self {
        Self {
            places: max,
            max,
            in_flight: 0,
            not_before: None,
            epoch: 0,
            served_in_a_row: 0,
            throttled_in_a_row: 0,
        }
    }

    fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    fn has_room(&self, now: Instant) -> bool {
        self.in_flight < self.places && self.blocked_until(now).is_none()
    }

    fn served(&mut self, epoch: u64, policy: &LimiterPolicy) {
        // A success that set out before the refusal says nothing about the time after it.
        if epoch != self.epoch {
            return;
        }
        self.throttled_in_a_row = 0;
        self.served_in_a_row += 1;
        if self.places < self.max && self.served_in_a_row >= policy.recover_after {
            self.served_in_a_row = 0;
            self.places += 1;
        }
    }

    fn throttled(&mut self, now: Instant, epoch: u64, back_off: Option<Duration>, policy: &LimiterPolicy) {
        if epoch == self.epoch {
            self.places = (self.places / 2).max(1);
            self.epoch += 1;
            self.served_in_a_row = 0;
            self.throttled_in_a_row += 1;
        }
        let own = policy.first_back_off.saturating_mul(1 << (self.throttled_in_a_row - 1).min(16));
        let wait = back_off.filter(|named| !named.is_zero()).unwrap_or(own.min(policy.max_back_off));
        let until = now + wait;
        self.not_before = Some(self.not_before.map_or(until, |earlier| earlier.max(until)));
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.in_flight == 0
            && self.places == self.max
            && self.throttled_in_a_row == 0
            && self.blocked_until(now).is_none()
    }
}

#[derive(Debug)]
struct Flight {
    charge: Charge,
    charge_epoch: u64,
    server_epoch: u64,
}

/// The queue. Callers give `now`; time never runs backwards between calls.
#[derive(Debug)]
pub struct Limiter {
    policy: LimiterPolicy,
    server: Lane,
    lanes: HashMap<Charge, Lane>,
    waiting: HashMap<Charge, VecDeque<Ticket>>,
    /// The mailboxes that wait, in the order of their next turn.
    turns: VecDeque<Charge>,
    flights: HashMap<Ticket, Flight>,
    next: u64,
}

impl Limiter {
    pub fn new(policy: LimiterPolicy) -> Self {
        Self {
            server: Lane::new(policy.per_server.max(1)),
            policy,
            lanes: HashMap::new(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            flights: HashMap::new(),
            next: 0,
        }
    }

    /// Takes a place at the end of the queue of `charge`.
    pub fn enqueue(&mut self, charge: Charge) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let queue = self.waiting.entry(Arc::clone(&charge)).or_default();
        if queue.is_empty() {
            self.turns.push_back(charge);
        }
        queue.push_back(ticket);
        ticket
    }

    /// The tickets that may go now, each once.
    pub fn grant(&mut self, now: Instant) -> Vec<Ticket> {
        let mut granted = Vec::new();
        // Each round looks at every waiting mailbox once and ends when a round grants nothing.
        let mut misses = 0;
        while self.server.has_room(now) && misses < self.turns.len() {
            let Some(charge) = self.turns.pop_front() else { break };
            match self.grant_one(now, &charge) {
                Some(ticket) => {
                    granted.push(ticket);
                    misses = 0;
                }
                None => misses += 1,
            }
            if self.waiting.get(&charge).is_some_and(|queue| !queue.is_empty()) {
                self.turns.push_back(charge);
            } else {
                self.waiting.remove(&charge);
            }
        }
        granted
    }

    fn grant_one(&mut self, now: Instant, charge: &Charge) -> Option<Ticket> {
        let max = self.policy.per_charge.max(1);
        let lane = self.lanes.entry(Arc::clone(charge)).or_insert_with(|| Lane::new(max));
        if !lane.has_room(now) {
            return None;
        }
        let ticket = self.waiting.get_mut(charge)?.pop_front()?;
        lane.in_flight += 1;
        self.server.in_flight += 1;
        let flight =
            Flight { charge: Arc::clone(charge), charge_epoch: lane.epoch, server_epoch: self.server.epoch };
        self.flights.insert(ticket, flight);
        Some(ticket)
    }

    /// Ends a granted request. An unknown or finished ticket is ignored.
    pub fn finish(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        let Some(flight) = self.flights.remove(&ticket) else { return };
        self.server.in_flight -= 1;
        let Some(lane) = self.lanes.get_mut(&flight.charge) else { return };
        lane.in_flight -= 1;
        match outcome {
            Outcome::Served => {
                lane.served(flight.charge_epoch, &self.policy);
                self.server.served(flight.server_epoch, &self.policy);
            }
            Outcome::Throttled { scope: Scope::Charge, back_off } => {
                lane.throttled(now, flight.charge_epoch, back_off, &self.policy);
            }
            Outcome::Throttled { scope: Scope::Server, back_off } => {
                self.server.throttled(now, flight.server_epoch, back_off, &self.policy);
            }
            Outcome::Unanswered => {}
        }
        if lane.is_fresh(now) {
            self.lanes.remove(&flight.charge);
        }
    }

    /// Leaves the queue; a ticket that was granted meanwhile is ended.
    pub fn cancel(&mut self, now: Instant, ticket: Ticket) {
        if self.flights.contains_key(&ticket) {
            self.finish(now, ticket, Outcome::Unanswered);
            return;
        }
        self.waiting.retain(|_, queue| {
            queue.retain(|waiting| *waiting != ticket);
            !queue.is_empty()
        });
        let waiting = &self.waiting;
        self.turns.retain(|charge| waiting.contains_key(charge));
    }

    /// Until when requests charged to `charge` are held back, if they are.
    pub fn not_before(&self, now: Instant, charge: &str) -> Option<Instant> {
        let lane = self.lanes.get(charge).and_then(|lane| lane.blocked_until(now));
        lane.max(self.server.blocked_until(now))
    }

    /// When [`Limiter::grant`] may next grant something that it cannot now, apart from requests that end.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.server.blocked_until(now) {
            return (!self.turns.is_empty()).then_some(until);
        }
        self.turns.iter().filter_map(|charge| self.lanes.get(charge)?.blocked_until(now)).min()
    }

    /// Requests in flight, for metrics.
    pub fn in_flight(&self) -> usize {
        self.server.in_flight
    }

    /// Requests waiting, for metrics.
    pub fn waiting(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Outcome = Outcome::Throttled { scope: Scope::Charge, back_off: None };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn busy(back_off: u64) -> Outcome {
        Outcome::Throttled { scope: Scope::Charge, back_off: Some(ms(back_off)) }
    }

    fn limiter(per_server: usize, per_charge: usize) -> Limiter {
        Limiter::new(LimiterPolicy { per_server, per_charge, recover_after: 3, ..LimiterPolicy::default() })
    }

    fn take(limiter: &mut Limiter, now: Instant, charge: &str) -> Option<Ticket> {
        let ticket = limiter.enqueue(charge.into());
        let granted = limiter.grant(now);
        if granted.contains(&ticket) {
            Some(ticket)
        } else {
            limiter.cancel(now, ticket);
            None
        }
    }

    #[test]
    fn places_are_bounded_per_mailbox_and_per_server() {
        let now = Instant::now();
        let mut limiter = limiter(5, 2);
        let alice: Vec<_> = (0..4).filter_map(|_| take(&mut limiter, now, "alice")).collect();
        assert_eq!(alice.len(), 2);
        let others = (0..9).filter(|n| take(&mut limiter, now, &format!("user{n}")).is_some()).count();
        assert_eq!(others, 3);
        limiter.finish(now, alice[0], Outcome::Served);
        assert!(take(&mut limiter, now, "bob").is_some());
    }

    /// Covers: AV-89
    #[test]
    fn a_back_off_is_obeyed_to_the_instant_and_by_its_mailbox_only() {
        let now = Instant::now();
        let mut limiter = limiter(10, 4);
        let ticket = take(&mut limiter, now, "alice").unwrap();
        limiter.finish(now, ticket, busy(5000));
        let waiting = limiter.enqueue("alice".into());
        assert!(take(&mut limiter, now, "bob").is_some());
        assert_eq!(limiter.next_deadline(now), Some(now + ms(5000)));
        assert_eq!(limiter.grant(now + ms(4999)), vec![]);
        assert_eq!(limiter.grant(now + ms(5000)), vec![waiting]);
    }

    #[test]
    fn a_shorter_back_off_never_shortens_a_longer_one() {
        let now = Instant::now();
        let mut limiter = limiter(10, 4);
        let tickets: Vec<_> = (0..2).filter_map(|_| take(&mut limiter, now, "alice")).collect();
        limiter.finish(now, tickets[0], busy(5000));
        limiter.finish(now + ms(10), tickets[1], busy(100));
        assert_eq!(limiter.not_before(now + ms(10), "alice"), Some(now + ms(5000)));
    }

    #[test]
    fn one_burst_halves_once_and_recovery_is_one_place_at_a_time() {
        let mut now = Instant::now();
        let mut limiter = limiter(100, 8);
        let places = |limiter: &mut Limiter, now| {
            let taken: Vec<_> = std::iter::from_fn(|| take(limiter, now, "alice")).collect();
            for ticket in &taken {
                limiter.finish(now, *ticket, Outcome::Unanswered);
            }
            taken.len()
        };
        let burst: Vec<_> = (0..8).filter_map(|_| take(&mut limiter, now, "alice")).collect();
        for ticket in burst {
            limiter.finish(now, ticket, busy(100));
        }
        now += ms(100);
        assert_eq!(places(&mut limiter, now), 4);
        for _ in 0..3 {
            let ticket = take(&mut limiter, now, "alice").unwrap();
            limiter.finish(now, ticket, Outcome::Served);
        }
        assert_eq!(places(&mut limiter, now), 5);
    }

    #[test]
    fn a_refusal_without_a_time_or_with_zero_backs_off_by_itself_and_doubles() {
        let mut now = Instant::now();
        let mut limiter = limiter(10, 1);
        let mut waits = Vec::new();
        for outcome in [BUSY, busy(0), BUSY] {
            let ticket = take(&mut limiter, now, "alice").unwrap();
            limiter.finish(now, ticket, outcome);
            let until = limiter.not_before(now, "alice").unwrap();
            waits.push((until - now).as_millis());
            now = until;
        }
        assert_eq!(waits, [1000, 2000, 4000]);
    }

    #[test]
    fn a_server_wide_refusal_holds_everybody() {
        let now = Instant::now();
        let mut limiter = limiter(10, 4);
        let ticket = take(&mut limiter, now, "alice").unwrap();
        let outcome = Outcome::Throttled { scope: Scope::Server, back_off: Some(ms(700)) };
        limiter.finish(now, ticket, outcome);
        assert!(take(&mut limiter, now + ms(699), "bob").is_none());
        assert!(take(&mut limiter, now + ms(700), "bob").is_some());
    }

    #[test]
    fn turns_go_round_so_that_a_long_queue_starves_nobody() {
        let now = Instant::now();
        let mut limiter = limiter(1, 4);
        let first = limiter.enqueue("alice".into());
        let alice: Vec<_> = (0..3).map(|_| limiter.enqueue("alice".into())).collect();
        let bob = limiter.enqueue("bob".into());
        assert_eq!(limiter.grant(now), vec![first]);
        limiter.finish(now, first, Outcome::Served);
        assert_eq!(limiter.grant(now), vec![bob]);
        limiter.finish(now, bob, Outcome::Served);
        assert_eq!(limiter.grant(now), vec![alice[0]]);
    }

    #[test]
    fn who_leaves_the_queue_or_is_dropped_in_flight_gives_the_place_back() {
        let now = Instant::now();
        let mut limiter = limiter(1, 1);
        let first = take(&mut limiter, now, "alice").unwrap();
        let second = limiter.enqueue("bob".into());
        limiter.cancel(now, second);
        assert_eq!((limiter.waiting(), limiter.in_flight()), (0, 1));
        limiter.cancel(now, first);
        limiter.finish(now, first, Outcome::Served);
        assert_eq!((limiter.waiting(), limiter.in_flight()), (0, 0));
        assert!(take(&mut limiter, now, "bob").is_some());
    }

    #[test]
    fn a_mailbox_at_rest_leaves_no_trace() {
        let now = Instant::now();
        let mut limiter = limiter(4, 2);
        for user in 0..1000 {
            let ticket = take(&mut limiter, now, &format!("user{user}")).unwrap();
            limiter.finish(now, ticket, Outcome::Served);
        }
        assert_eq!(
            limiter.lanes.len() + limiter.waiting.len() + limiter.turns.len() + limiter.flights.len(),
            0
        );
    }
}
