//! INVITE transactions (RFC 3261 sections 17.1.1 and 17.2.1, with the Accepted state of RFC 6026): when to send again,
//! when to give up, and the ACK and CANCEL that go with an INVITE. Times are monotonic milliseconds; the socket is the
//! caller's.

use std::sync::Arc;

use crate::{ClientStep, Error, Method, Name, Request, Response, Timers, malformed};

/// What an INVITE server transaction needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteServerStep {
    /// Send these bytes, then ask once more.
    Send(Arc<[u8]>),
    /// Nothing before this time.
    Wait(i64),
    /// Nothing until something comes in.
    Idle,
    /// It is over. Without an ACK the caller never learnt the answer (timer H).
    Ended {
        /// Whether the answer was acknowledged, or was a 2xx, whose ACK is no part of the transaction.
        acknowledged: bool,
    },
}

#[derive(Debug, Clone)]
enum Stage {
    Proceeding,
    /// A final answer other than 2xx waits for its ACK.
    Completed {
        resend_at: Option<i64>,
        interval: i64,
        give_up_at: i64,
    },
    /// Late ACKs are absorbed.
    Confirmed {
        until: i64,
    },
    /// A 2xx was sent; late INVITEs are absorbed.
    Accepted {
        until: i64,
    },
}

/// One INVITE that was received.
#[derive(Debug, Clone)]
pub struct InviteServerTransaction {
    timers: Timers,
    reliable: bool,
    stage: Stage,
    /// The latest answer.
    answer: Option<Arc<[u8]>>,
    send: bool,
}

impl InviteServerTransaction {
    /// Begins; over a reliable transport no answer is sent twice.
    #[must_use]
    pub const fn new(timers: Timers, reliable: bool) -> Self {
        Self { timers, reliable, stage: Stage::Proceeding, answer: None, send: false }
    }

    /// Whether a final answer was given.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        !matches!(self.stage, Stage::Proceeding)
    }

    /// An answer from 100 to 199. After a final one it is dropped.
    pub fn provisional(&mut self, bytes: Arc<[u8]>) {
        if !self.is_answered() {
            self.answer = Some(bytes);
            self.send = true;
        }
    }

    /// The final answer. A second one is dropped, but a 2xx may come again: the callee repeats it until the ACK has
    /// reached it, and the transaction only passes it on.
    pub fn answer(&mut self, code: u16, bytes: Arc<[u8]>, now: i64) {
        let lifetime = now.saturating_add(self.timers.lifetime());
        self.stage = match (&self.stage, code) {
            (Stage::Proceeding | Stage::Accepted { .. }, 200..=299) => Stage::Accepted { until: lifetime },
            (Stage::Proceeding, _) => Stage::Completed {
                resend_at: (!self.reliable).then(|| now.saturating_add(self.timers.t1)),
                interval: self.timers.t1,
                give_up_at: lifetime,
            },
            _ => return,
        };
        self.answer = Some(bytes);
        self.send = true;
    }

    /// The INVITE came again: it gets the latest answer again, except a 2xx.
    pub const fn repeated(&mut self) {
        if matches!(self.stage, Stage::Proceeding | Stage::Completed { .. }) {
            self.send = self.answer.is_some();
        }
    }

    /// The ACK came.
    pub const fn acknowledged(&mut self, now: i64) {
        if matches!(self.stage, Stage::Completed { .. }) {
            // Timer I: T4, which is ten times T1.
            let absorb = if self.reliable { 0 } else { self.timers.t1.saturating_mul(10) };
            self.stage = Stage::Confirmed { until: now.saturating_add(absorb) };
            self.send = false;
        }
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: i64) -> InviteServerStep {
        if let Some(answer) = self.answer.clone().filter(|_| std::mem::take(&mut self.send)) {
            return InviteServerStep::Send(answer);
        }
        match &mut self.stage {
            Stage::Proceeding => InviteServerStep::Idle,
            Stage::Completed { give_up_at, .. } if now >= *give_up_at => {
                InviteServerStep::Ended { acknowledged: false }
            }
            Stage::Completed { resend_at: Some(at), interval, .. } if now >= *at => {
                *interval = interval.saturating_mul(2).min(self.timers.t2);
                *at = now.saturating_add(*interval);
                self.answer.clone().map_or(InviteServerStep::Idle, InviteServerStep::Send)
            }
            Stage::Completed { resend_at, give_up_at, .. } => {
                InviteServerStep::Wait(resend_at.unwrap_or(*give_up_at).min(*give_up_at))
            }
            Stage::Confirmed { until } | Stage::Accepted { until } if now >= *until => {
                InviteServerStep::Ended { acknowledged: true }
            }
            Stage::Confirmed { until } | Stage::Accepted { until } => InviteServerStep::Wait(*until),
        }
    }
}

/// One INVITE on its way.
#[derive(Debug, Clone)]
pub struct InviteClientTransaction {
    interval: i64,
    send_at: Option<i64>,
    give_up_at: i64,
    ring: i64,
    proceeding: bool,
}

impl InviteClientTransaction {
    /// Starts at `now`; over a reliable transport nothing is sent twice. After a provisional answer the final one may
    /// take `ring` ms (timer C, RFC 3261 section 16.6, more than three minutes).
    #[must_use]
    pub const fn new(timers: Timers, reliable: bool, ring: i64, now: i64) -> Self {
        let give_up_at = now.saturating_add(timers.lifetime());
        let interval = if reliable { 0 } else { timers.t1 };
        Self { interval, send_at: Some(now), give_up_at, ring, proceeding: false }
    }

    /// Whether a provisional answer came; before that no CANCEL may be sent (RFC 3261 section 9.1).
    #[must_use]
    pub const fn is_proceeding(&self) -> bool {
        self.proceeding
    }

    /// A provisional answer came: nothing is sent again, and it may ring.
    pub const fn provisional(&mut self, now: i64) {
        self.proceeding = true;
        self.send_at = None;
        self.give_up_at = now.saturating_add(self.ring);
    }

    /// The call was cancelled: what remains is the answer to that, for which 64 * T1 is long enough.
    pub fn cancelled(&mut self, timers: Timers, now: i64) {
        self.give_up_at = self.give_up_at.min(now.saturating_add(timers.lifetime()));
    }

    /// What to do at `now` (timers A, B and C).
    pub fn step(&mut self, now: i64) -> ClientStep {
        if now >= self.give_up_at {
            return ClientStep::TimedOut;
        }
        match self.send_at {
            Some(at) if now >= at => {
                self.send_at = (self.interval > 0).then(|| now.saturating_add(self.interval));
                self.interval = self.interval.saturating_mul(2);
                ClientStep::Send
            }
            Some(at) => ClientStep::Wait(at.min(self.give_up_at)),
            None => ClientStep::Wait(self.give_up_at),
        }
    }
}

impl Request {
    /// A request that belongs to this INVITE's transaction: same Request-URI, top Via, From, Call-ID and number.
    fn beside(&self, method: Method, to: &str) -> Result<Self, Error> {
        let via = self.headers.first(Name::VIA).ok_or(Error::Missing("Via"))?;
        let via = crate::list(via).next().unwrap_or_default().to_owned();
        let mut request = Self::new(method, &self.uri);
        request.headers.push(Name::VIA, via);
        for route in self.headers.all(Name::ROUTE) {
            request.headers.push(Name::ROUTE, route);
        }
        request.headers.push(Name::MAX_FORWARDS, "70");
        let from = self.headers.first(Name::FROM).ok_or(Error::Missing("From"))?;
        request.headers.push(Name::FROM, from);
        request.headers.push(Name::TO, to);
        request.headers.push(Name::CALL_ID, self.call_id()?);
        request.headers.push(Name::CSEQ, format!("{} {}", self.cseq()?.0, request.method));
        Ok(request)
    }

    /// The ACK for a final answer other than 2xx to this INVITE as it was sent (RFC 3261 section 17.1.1.3).
    ///
    /// # Errors
    /// When a field that it needs is missing.
    pub fn ack(&self, answer: &Response) -> Result<Self, Error> {
        let to = answer.headers.first(Name::TO).ok_or(Error::Missing("To"))?;
        self.beside(Method::Ack, to)
    }

    /// The CANCEL for this INVITE as it was sent (RFC 3261 section 9.1).
    ///
    /// # Errors
    /// When a field that it needs is missing.
    pub fn cancel(&self) -> Result<Self, Error> {
        self.beside(Method::Cancel, self.headers.first(Name::TO).ok_or(Error::Missing("To"))?)
    }

    /// This request as a proxy sends it on to `target` (RFC 3261 section 16.6), without the proxy's Via. Routes are
    /// dropped: the caller's way ended here.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it has passed too many proxies (answer 483), or a field is malformed (answer 400).
    pub fn forwarded(&self, target: &str) -> Result<Self, Error> {
        let left = match self.headers.first(Name::MAX_FORWARDS) {
            None => 70,
            Some(value) => {
                value.trim().parse::<u8>().map_err(|_| malformed("Max-Forwards", "not a number up to 255"))?
            }
        };
        let Some(left) = left.checked_sub(1) else {
            return Err(Error::TooLarge { what: "number of proxies", limit: 0 });
        };
        let mut request = self.clone();
        target.clone_into(&mut request.uri);
        request.headers.remove(Name::ROUTE);
        request.headers.set(Name::MAX_FORWARDS, left.to_string());
        Ok(request)
    }
}

impl Response {
    /// This answer as a proxy passes it back: without the topmost Via, which is the proxy's own. `None` when no other
    /// is left: then it was for the proxy itself.
    #[must_use]
    pub fn passed_back(&self) -> Option<Self> {
        let mut response = self.clone();
        let values = response.headers.remove(Name::VIA);
        let elements: Vec<&str> = values.iter().flat_map(|value| crate::list(value)).skip(1).collect();
        if elements.is_empty() {
            return None;
        }
        for element in elements {
            response.headers.push(Name::VIA, element);
        }
        Some(response)
    }

    /// Another phrase behind the code. Control characters become spaces, so that no phrase can start a header line.
    #[must_use]
    pub fn because(mut self, phrase: &str) -> Self {
        self.reason = phrase.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    const INVITE: &str = "INVITE sip:7042@vmr.example SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKa;rport\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb\r\n\
        Route: <sip:10.0.0.7;lr>\r\nMax-Forwards: 3\r\nFrom: <sip:bob@lab.test>;tag=77\r\n\
        To: <sip:7042@vmr.example>\r\nCall-ID: x1\r\nCSeq: 4 INVITE\r\nContact: <sip:bob@10.0.0.9:5062>\r\n\r\n";

    fn invite() -> Request {
        match Message::parse_datagram(INVITE.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request was expected"),
        }
    }

    fn bytes(text: &str) -> Arc<[u8]> {
        Arc::from(text.as_bytes())
    }

    fn sent(transaction: &mut InviteServerTransaction, now: i64) -> Option<Arc<[u8]>> {
        match transaction.step(now) {
            InviteServerStep::Send(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// RFC 3261 section 17.2.1: timer G from T1 to T2, timer H after 64 * T1.
    #[test]
    fn a_refusal_is_sent_again_until_it_is_given_up() {
        let mut transaction = InviteServerTransaction::new(Timers::default(), false);
        transaction.answer(403, bytes("403"), 0);
        let (mut at, mut now) = (Vec::new(), 0);
        let acknowledged = loop {
            match transaction.step(now) {
                InviteServerStep::Send(_) => at.push(now),
                InviteServerStep::Wait(until) => now = until,
                InviteServerStep::Idle => panic!("it waits for something"),
                InviteServerStep::Ended { acknowledged } => break acknowledged,
            }
        };
        assert_eq!(at, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!((now, acknowledged), (32_000, false));
    }

    #[test]
    fn an_acknowledged_refusal_absorbs_late_requests_and_ends() {
        let mut transaction = InviteServerTransaction::new(Timers::default(), false);
        assert_eq!(transaction.step(0), InviteServerStep::Idle);
        transaction.provisional(bytes("100"));
        assert_eq!(sent(&mut transaction, 0), Some(bytes("100")));
        transaction.repeated();
        assert_eq!(sent(&mut transaction, 1), Some(bytes("100")));
        transaction.answer(480, bytes("480"), 2);
        transaction.provisional(bytes("180"));
        assert_eq!(sent(&mut transaction, 2), Some(bytes("480")));
        transaction.repeated();
        assert_eq!(sent(&mut transaction, 3), Some(bytes("480")));
        transaction.acknowledged(10);
        transaction.repeated();
        assert_eq!(transaction.step(10), InviteServerStep::Wait(5_010));
        assert_eq!(transaction.step(5_010), InviteServerStep::Ended { acknowledged: true });
    }

    #[test]
    fn over_a_connection_nothing_is_sent_twice() {
        let mut transaction = InviteServerTransaction::new(Timers::default(), true);
        transaction.answer(302, bytes("302"), 0);
        assert_eq!(sent(&mut transaction, 0), Some(bytes("302")));
        assert_eq!(transaction.step(1), InviteServerStep::Wait(32_000));
        transaction.acknowledged(7);
        assert_eq!(transaction.step(7), InviteServerStep::Ended { acknowledged: true });
    }

    /// RFC 6026: a callee's 2xx comes until the ACK has reached it, and each is passed on.
    #[test]
    fn every_2xx_is_passed_on() {
        let mut transaction = InviteServerTransaction::new(Timers::default(), false);
        transaction.answer(200, bytes("200"), 0);
        assert_eq!(sent(&mut transaction, 0), Some(bytes("200")));
        transaction.repeated();
        assert_eq!(sent(&mut transaction, 1), None);
        transaction.answer(200, bytes("200"), 500);
        assert_eq!(sent(&mut transaction, 500), Some(bytes("200")));
        transaction.answer(486, bytes("486"), 600);
        assert_eq!(transaction.step(600), InviteServerStep::Wait(32_500));
        assert_eq!(transaction.step(32_500), InviteServerStep::Ended { acknowledged: true });
    }

    /// RFC 3261 section 17.1.1.2: timer A doubles without end, timer B ends it, a provisional answer stops both.
    #[test]
    fn an_invite_is_sent_again_until_something_is_heard() {
        let mut transaction = InviteClientTransaction::new(Timers::default(), false, 200_000, 0);
        let (mut at, mut now) = (Vec::new(), 0);
        loop {
            match transaction.step(now) {
                ClientStep::Send => at.push(now),
                ClientStep::Wait(until) => now = until,
                ClientStep::TimedOut => break,
            }
        }
        assert_eq!((at, now), (vec![0, 500, 1_500, 3_500, 7_500, 15_500, 31_500], 32_000));

        let mut rings = InviteClientTransaction::new(Timers::default(), false, 200_000, 0);
        assert_eq!((rings.step(0), rings.is_proceeding()), (ClientStep::Send, false));
        rings.provisional(100);
        assert_eq!((rings.step(500), rings.is_proceeding()), (ClientStep::Wait(200_100), true));
        rings.cancelled(Timers::default(), 1_000);
        assert_eq!(rings.step(33_000), ClientStep::TimedOut);
    }

    #[test]
    fn ack_and_cancel_belong_to_the_invite() {
        let invite = invite();
        let answer = invite.respond(486, "b1");
        let (ack, cancel) = (invite.ack(&answer).unwrap(), invite.cancel().unwrap());
        for request in [&ack, &cancel] {
            request.check().unwrap();
            assert_eq!(request.uri, invite.uri);
            let vias: Vec<_> = request.headers.all(Name::VIA).collect();
            assert_eq!(vias, ["SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKa;rport"]);
            assert_eq!(request.headers.first(Name::ROUTE), Some("<sip:10.0.0.7;lr>"));
        }
        assert_eq!((ack.cseq().unwrap(), ack.to().unwrap().tag()), ((4, "ACK"), Some("b1")));
        assert_eq!((cancel.cseq().unwrap(), cancel.to().unwrap().tag()), ((4, "CANCEL"), None));
        assert_eq!(ack.transaction_key().unwrap(), invite.transaction_key().unwrap());
        assert_ne!(cancel.transaction_key().unwrap(), invite.transaction_key().unwrap());
        assert_eq!(cancel.invite_key().unwrap(), invite.transaction_key().unwrap());
    }

    #[test]
    fn a_proxy_counts_down_and_takes_its_own_via_off() {
        let mut sent = invite().forwarded("sip:7042@10.0.0.8").unwrap();
        assert_eq!(sent.headers.first(Name::MAX_FORWARDS), Some("2"));
        assert_eq!((sent.uri.as_str(), sent.headers.first(Name::ROUTE)), ("sip:7042@10.0.0.8", None));
        sent.headers.push_front(Name::VIA, "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKown");
        let back = sent.respond(180, "b1").passed_back().unwrap();
        let vias: Vec<_> = back.headers.all(Name::VIA).collect();
        assert_eq!(
            vias,
            ["SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKa;rport", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb"]
        );
        let mut spent = invite();
        spent.headers.set(Name::MAX_FORWARDS, "0");
        assert!(matches!(spent.forwarded("sip:a@b"), Err(Error::TooLarge { .. })));
        spent.headers.set(Name::MAX_FORWARDS, "many");
        assert!(matches!(spent.forwarded("sip:a@b"), Err(Error::Malformed { .. })));
        let mut own = invite();
        own.headers.set(Name::VIA, "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKown");
        assert!(own.respond(200, "b1").passed_back().is_none());
    }

    #[test]
    fn a_phrase_starts_no_header_line() {
        let response = invite().respond(403, "t").because("no\r\nEvil: yes");
        assert!(
            String::from_utf8(response.to_bytes()).unwrap().starts_with("SIP/2.0 403 no  Evil: yes\r\nVia")
        );
    }
}
