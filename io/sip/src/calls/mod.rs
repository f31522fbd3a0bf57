//! Calls: an INVITE is answered by whoever knows where it belongs. It is refused with a reason, redirected (302, RFC 3261
//! section 8.3), or passed on to another server and its answers passed back (section 16). Tieline takes no part in the
//! call itself: it adds no Record-Route, so that ACK, BYE and everything later go between caller and bridge.
//!
//! Each call is a task that owns its server transaction and, where it is passed on, its client transaction. Their number
//! is bounded, and each ends: a refusal after 64 * T1 without an ACK, a call that rings after [`RING`].

mod forward;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tieline_proto_sip::{
    DialString, InviteServerStep, InviteServerTransaction, Name, Request, Response, TransactionKey, Uri,
    header_name,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::lock;
use crate::ports::BoxFuture;
use crate::stack::Core;
use crate::wire::Flow;

/// Timer C: how long a callee may let it ring (RFC 3261 section 16.6 wants more than three minutes).
pub(crate) const RING: Duration = Duration::from_secs(200);
/// How long the decision may take.
const DECISION: Duration = Duration::from_secs(10);
/// The header in which a voice menu that stands before Tieline hands over the code that the caller entered.
const PASSCODE_HEADER: &str = "X-Tieline-Passcode";
/// What wakes one call.
const EVENTS: usize = 8;

/// A call that wants in.
#[derive(Clone)]
pub struct IncomingCall {
    /// What was dialled: the host.
    pub host: String,
    /// What was dialled: number and codes; `None` when it cannot be read.
    pub dialled: Option<DialString>,
    /// A code that stands in the header `X-Tieline-Passcode`.
    pub passcode: Option<String>,
    /// The caller, as `sip:bob@lab.example`; nobody has proved it.
    pub from: String,
    /// Where the request came from.
    pub peer: SocketAddr,
}

impl std::fmt::Debug for IncomingCall {
    /// Without codes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (dialled, from) = (&self.dialled, &self.from);
        f.debug_struct("IncomingCall").field("dialled", dialled).field("from", from).finish_non_exhaustive()
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// 302: the caller is to call there.
    Redirect(Uri),
    /// It is passed on.
    Forward(Uri),
    /// It is refused.
    Refuse {
        /// 400 to 699.
        code: u16,
        /// The phrase behind the code; telephones show it.
        phrase: String,
        /// A sentence for whoever looks into it: `Warning: 399`.
        warning: Option<String>,
        /// When it may be tried again, in seconds.
        retry_after: Option<u32>,
    },
}

/// Knows where calls belong.
pub trait Calls: Send + Sync + 'static {
    /// Where does this call belong?
    fn route<'a>(&'a self, call: &'a IncomingCall) -> BoxFuture<'a, Routing>;
}

/// What wakes a call's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The INVITE came again.
    Repeated,
    /// The ACK came.
    Acknowledged,
    /// The caller hung up before the answer.
    Cancelled,
}

/// The calls under way.
#[derive(Default)]
pub(crate) struct CallTable(Mutex<HashMap<TransactionKey, mpsc::Sender<Event>>>);

impl CallTable {
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Tells a call; whether there is one.
    fn tell(&self, key: &TransactionKey, event: Event) -> bool {
        // Full only when the peer repeats itself faster than the task runs: one of them is enough.
        lock(&self.0).get(key).map(|call| call.try_send(event)).is_some()
    }
}

impl Core {
    /// An ACK for an answer of ours.
    pub(crate) fn call_acknowledged(&self, request: &Request) {
        if let Ok(key) = request.transaction_key() {
            self.calls.tell(&key, Event::Acknowledged);
        }
    }

    /// Whether the INVITE that this CANCEL is about is known; if so it is told.
    pub(crate) fn call_cancelled(&self, request: &Request) -> bool {
        request.invite_key().is_ok_and(|key| self.calls.tell(&key, Event::Cancelled))
    }

    /// An INVITE, which is well-formed. The future ends at once; the call lives on.
    pub(crate) async fn invited(&self, key: TransactionKey, request: Request, flow: Flow) {
        if self.calls.tell(&key, Event::Repeated) {
            return;
        }
        let Some(core) = self.me() else { return };
        let Some(desk) = self.desk().filter(|_| request.to().is_ok_and(|to| to.tag().is_none())) else {
            // No dialog with us exists that it could be about; or nobody takes calls here.
            let mut response = match self.desk() {
                Some(_) => request.respond(481, &self.token()),
                None => request.respond(405, &self.token()),
            };
            if response.code == 405 {
                response.headers.push(Name::ALLOW, self.allow());
            }
            self.answer(&request, &flow, response).await;
            return;
        };
        let (wake, events) = mpsc::channel(EVENTS);
        let room = {
            let mut calls = lock(&self.calls.0);
            let room = calls.len() < self.config.limits.calls;
            if room {
                calls.insert(key.clone(), wake);
            }
            room
        };
        if !room {
            metrics::counter!("tieline_sip_refused_requests_total").increment(1);
            let mut response = request.respond(503, &self.token());
            response.headers.push(Name::RETRY_AFTER, "10");
            self.answer(&request, &flow, response).await;
            return;
        }
        let transaction = InviteServerTransaction::new(self.config.timers, flow.transport.is_reliable());
        let tag = self.token();
        let call = Call { core, key, request, flow, tag, events, transaction, cancelled: false };
        self.wire.tasks().spawn(call.run(desk));
    }
}

/// One call on its way to an answer.
struct Call {
    core: Arc<Core>,
    key: TransactionKey,
    request: Request,
    flow: Flow,
    tag: String,
    events: mpsc::Receiver<Event>,
    transaction: InviteServerTransaction,
    cancelled: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        lock(&self.core.calls.0).remove(&self.key);
    }
}

impl Call {
    async fn run(mut self, desk: Arc<dyn Calls>) {
        self.tell(self.request.respond(100, "")).await;
        let call = incoming(&self.request, self.flow.peer);
        let mut routing = timeout(DECISION, desk.route(&call)).boxed();
        let stop = self.core.wire.stopping().clone();
        let routed = loop {
            tokio::select! {
                routed = &mut routing => break Some(routed),
                () = self.heard() => if self.cancelled { break None },
                () = stop.cancelled() => return,
            }
        };
        drop(routing);
        let outcome = match &routed {
            None => "cancelled",
            Some(Err(_)) => "undecided",
            Some(Ok(Routing::Refuse { .. })) => "refused",
            Some(Ok(Routing::Redirect(_))) => "redirected",
            Some(Ok(Routing::Forward(_))) => "forwarded",
        };
        metrics::counter!("tieline_sip_calls_total", "outcome" => outcome).increment(1);
        match routed {
            None => self.tell(self.request.respond(487, &self.tag)).await,
            Some(Err(_)) => {
                let mut response = self.request.respond(503, &self.tag).because("No decision in time");
                response.headers.push(Name::RETRY_AFTER, "30");
                self.tell(response).await;
            }
            Some(Ok(Routing::Refuse { code, phrase, warning, retry_after })) => {
                self.tell(self.refusal(code, &phrase, warning.as_deref(), retry_after)).await;
            }
            Some(Ok(Routing::Redirect(to))) => {
                let mut response = self.request.respond(302, &self.tag);
                response.headers.push(Name::CONTACT, format!("<{to}>"));
                self.tell(response).await;
            }
            Some(Ok(Routing::Forward(to))) => self.forward(&to).await,
        }
        self.finish().await;
    }

    fn refusal(&self, code: u16, phrase: &str, warning: Option<&str>, retry_after: Option<u32>) -> Response {
        let mut response = self.request.respond(code, &self.tag).because(phrase);
        if let Some(warning) = warning {
            let quoted = warning.replace(['\\', '"'], "'");
            let agent = &self.core.config.domain;
            response.headers.push(header_name("Warning"), format!("399 {agent} \"{quoted}\""));
        }
        if let Some(seconds) = retry_after {
            response.headers.push(Name::RETRY_AFTER, seconds.to_string());
        }
        response
    }

    /// Waits for something that concerns the transaction, or for its next deadline, and takes it in. Never ends the
    /// call by itself.
    async fn heard(&mut self) {
        let event = match self.transaction.step(self.core.uptime()) {
            InviteServerStep::Send(bytes) => {
                self.core.answer_bytes(&self.request, &self.flow, bytes).await;
                return;
            }
            InviteServerStep::Wait(until) => {
                let until = self.core.instant(until);
                tokio::select! {
                    event = self.events.recv() => event,
                    () = sleep_until(until) => None,
                }
            }
            InviteServerStep::Idle | InviteServerStep::Ended { .. } => self.events.recv().await,
        };
        match event {
            Some(Event::Repeated) => self.transaction.repeated(),
            Some(Event::Acknowledged) => self.transaction.acknowledged(self.core.uptime()),
            Some(Event::Cancelled) => self.cancelled = true,
            None => {}
        }
    }

    /// Gives an answer of our own.
    async fn tell(&mut self, mut response: Response) {
        response.headers.push(Name::SERVER, &self.core.config.user_agent);
        self.pass(&response).await;
    }

    /// Gives an answer as it is.
    async fn pass(&mut self, response: &Response) {
        let bytes: Arc<[u8]> = Arc::from(response.to_bytes());
        match response.code {
            100..=199 => self.transaction.provisional(bytes),
            code => self.transaction.answer(code, bytes, self.core.uptime()),
        }
        if let InviteServerStep::Send(bytes) = self.transaction.step(self.core.uptime()) {
            self.core.answer_bytes(&self.request, &self.flow, bytes).await;
        }
    }

    /// Repeats the final answer until it was acknowledged, or nobody will.
    async fn finish(mut self) {
        let stop = self.core.wire.stopping().clone();
        loop {
            match self.transaction.step(self.core.uptime()) {
                InviteServerStep::Ended { acknowledged } => {
                    if !acknowledged {
                        tracing::debug!(peer = %self.flow.peer, "a caller acknowledged no answer");
                    }
                    return;
                }
                InviteServerStep::Idle => return,
                InviteServerStep::Send(bytes) => {
                    self.core.answer_bytes(&self.request, &self.flow, bytes).await;
                }
                InviteServerStep::Wait(_) => tokio::select! {
                    () = self.heard() => {}
                    () = stop.cancelled() => return,
                },
            }
        }
    }
}

fn incoming(request: &Request, peer: SocketAddr) -> IncomingCall {
    let uri: Option<Uri> = request.uri.parse().ok();
    let passcode = request.headers.first(header_name(PASSCODE_HEADER)).map(str::trim);
    IncomingCall {
        host: uri.as_ref().map(|uri| uri.host().to_owned()).unwrap_or_default(),
        dialled: uri.as_ref().and_then(DialString::of),
        passcode: passcode.filter(|code| (1..=64).contains(&code.len())).map(str::to_owned),
        from: request.from().map(|from| from.uri.chars().take(200).collect()).unwrap_or_default(),
        peer,
    }
}

impl Core {
    /// An instant of the stack's own clock.
    fn instant(&self, uptime: i64) -> Instant {
        self.started + Duration::from_millis(u64::try_from(uptime).unwrap_or(0))
    }
}
