//! Non-INVITE transactions (RFC 3261 sections 17.1.2 and 17.2.2): when to send again, when to give up, and the
//! memory that absorbs a peer's retransmissions. Times are monotonic milliseconds; the socket is the caller's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::TransactionKey;

/// The timers of RFC 3261 table 4, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Estimate of the round trip.
    pub t1: i64,
    /// Longest interval between retransmissions.
    pub t2: i64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: 500, t2: 4_000 }
    }
}

impl Timers {
    /// Timer F (no answer) and timer J (answers are repeated).
    #[must_use]
    pub const fn lifetime(&self) -> i64 {
        self.t1.saturating_mul(64)
    }
}

/// What a client transaction needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientStep {
    /// Send the request (again), then ask once more.
    Send,
    /// Nothing before this time.
    Wait(i64),
    /// No answer: timer F.
    TimedOut,
}

/// One request on its way.
#[derive(Debug, Clone)]
pub struct ClientTransaction {
    timers: Timers,
    interval: i64,
    send_at: Option<i64>,
    give_up_at: i64,
    reliable: bool,
    sent: u32,
}

impl ClientTransaction {
    /// Starts at `now`; over a reliable transport nothing is sent twice.
    #[must_use]
    pub const fn new(timers: Timers, reliable: bool, now: i64) -> Self {
        let give_up_at = now.saturating_add(timers.lifetime());
        Self { timers, interval: timers.t1, send_at: Some(now), give_up_at, reliable, sent: 0 }
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: i64) -> ClientStep {
        if now >= self.give_up_at {
            return ClientStep::TimedOut;
        }
        match self.send_at {
            Some(at) if now >= at => {
                self.sent += 1;
                self.send_at = (!self.reliable).then(|| now.saturating_add(self.interval));
                self.interval = self.interval.saturating_mul(2).min(self.timers.t2);
                ClientStep::Send
            }
            Some(at) => ClientStep::Wait(at.min(self.give_up_at)),
            None => ClientStep::Wait(self.give_up_at),
        }
    }

    /// A provisional answer came: retransmissions slow down to T2.
    pub const fn provisional(&mut self) {
        self.interval = self.timers.t2;
    }

    /// How often the request was sent.
    #[must_use]
    pub const fn sent(&self) -> u32 {
        self.sent
    }
}

/// What a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Not seen before: handle it, then call [`ServerTransactions::answered`].
    New,
    /// Seen: send this answer again, or nothing while it is being handled.
    Repeat(Option<Arc<[u8]>>),
    /// No room to remember it: drop it (datagrams) or answer 503.
    Full,
}

/// Requests being handled or answered lately. At most `capacity` are remembered.
///
/// Only answers that must not be computed twice are kept. A refusal or a challenge is forgotten at once, so that a
/// flood of requests from nobody fills nothing; computing it again does no harm.
#[derive(Debug)]
pub struct ServerTransactions {
    lifetime: i64,
    capacity: usize,
    known: HashMap<TransactionKey, Option<Arc<[u8]>>>,
    ends: VecDeque<(i64, TransactionKey)>,
}

impl ServerTransactions {
    /// None yet.
    #[must_use]
    pub fn new(timers: Timers, capacity: usize) -> Self {
        Self { lifetime: timers.lifetime(), capacity, known: HashMap::new(), ends: VecDeque::new() }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A request arrives at `now`.
    pub fn arrive(&mut self, key: &TransactionKey, now: i64) -> Arrival {
        while let Some((_, key)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            self.known.remove(&key);
        }
        if let Some(answer) = self.known.get(key) {
            return Arrival::Repeat(answer.clone());
        }
        if self.known.len() >= self.capacity {
            return Arrival::Full;
        }
        self.known.insert(key.clone(), None);
        Arrival::New
    }

    /// The final answer to a new request was sent. It is kept for repetition when `keep` holds.
    pub fn answered(&mut self, key: TransactionKey, answer: Arc<[u8]>, keep: bool, now: i64) {
        if keep {
            self.known.insert(key.clone(), Some(answer));
            self.ends.push_back((now.saturating_add(self.lifetime), key));
        } else {
            self.known.remove(&key);
        }
    }

    /// A new request was dropped without an answer.
    pub fn abandoned(&mut self, key: &TransactionKey) {
        if self.known.get(key).is_some_and(Option::is_none) {
            self.known.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, Name, Request};

    fn key(branch: &str) -> TransactionKey {
        let mut request = Request::new(Method::Options, "sip:a");
        request.headers.push(Name::VIA, format!("SIP/2.0/UDP a;branch=z9hG4bK{branch}"));
        request.transaction_key().unwrap()
    }

    /// RFC 3261 section 17.1.2.2: 500 ms, 1 s, 2 s, then every 4 s; given up after 32 s.
    #[test]
    fn timer_e_and_timer_f() {
        let mut transaction = ClientTransaction::new(Timers::default(), false, 0);
        let mut sent = Vec::new();
        let mut now = 0;
        loop {
            match transaction.step(now) {
                ClientStep::Send => sent.push(now),
                ClientStep::Wait(until) => now = until,
                ClientStep::TimedOut => break,
            }
        }
        assert_eq!(sent, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(now, 32_000);
        assert_eq!(transaction.sent(), 11);
    }

    #[test]
    fn a_reliable_transport_sends_once() {
        let mut transaction = ClientTransaction::new(Timers::default(), true, 0);
        assert_eq!(transaction.step(0), ClientStep::Send);
        assert_eq!(transaction.step(0), ClientStep::Wait(32_000));
        assert_eq!(transaction.step(32_000), ClientStep::TimedOut);
    }

    #[test]
    fn a_retransmission_gets_the_same_answer_until_timer_j() {
        let mut table = ServerTransactions::new(Timers::default(), 10);
        assert_eq!(table.arrive(&key("1"), 0), Arrival::New);
        assert_eq!(table.arrive(&key("1"), 1), Arrival::Repeat(None));
        let answer: Arc<[u8]> = Arc::from(&b"200"[..]);
        table.answered(key("1"), answer.clone(), true, 5);
        assert_eq!(table.arrive(&key("1"), 32_004), Arrival::Repeat(Some(answer)));
        assert_eq!(table.arrive(&key("1"), 32_005), Arrival::New);
    }

    /// Covers: AV-13 (bounded memory)
    #[test]
    fn refusals_are_forgotten_and_the_table_is_bounded() {
        let mut table = ServerTransactions::new(Timers::default(), 3);
        let answer: Arc<[u8]> = Arc::from(&b"401"[..]);
        for n in 0..1_000 {
            let key = key(&n.to_string());
            assert_eq!(table.arrive(&key, 0), Arrival::New);
            table.answered(key, answer.clone(), false, 0);
        }
        assert!(table.is_empty());
        for n in 0..3 {
            assert_eq!(table.arrive(&key(&n.to_string()), 0), Arrival::New);
        }
        assert_eq!(table.arrive(&key("x"), 0), Arrival::Full);
        table.abandoned(&key("0"));
        assert_eq!(table.arrive(&key("x"), 0), Arrival::New);
        assert_eq!(table.len(), 3);
    }
}
