//! A call that is passed on to another server (RFC 3261 section 16): one branch, answers passed back as they come.

use std::sync::Arc;

use tieline_proto_sip::{
    ClientStep, ClientTransaction, InviteClientTransaction, InviteServerStep, Name, Request, Response, Uri,
};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::{Call, Event, RING};
use crate::wire::Flow;

/// The branch towards the callee.
struct Branch {
    /// As it was sent, Via included: what ACK and CANCEL are made from.
    invite: Request,
    flow: Flow,
    transaction: InviteClientTransaction,
    /// The CANCEL on its way.
    cancel: Option<(Arc<[u8]>, ClientTransaction)>,
    /// The callee answered with something else than 2xx: each repetition is acknowledged.
    answered: bool,
}

/// What woke the call.
enum Woken {
    Event(Option<Event>),
    Answer(Response),
    Deadline,
    Closed,
    Stopping,
}

impl Call {
    /// Passes the INVITE on and its answers back, until its transactions are over.
    pub(super) async fn forward(&mut self, to: &Uri) {
        if let Some(required) = self.request.headers.first(Name::PROXY_REQUIRE).map(str::to_owned) {
            let mut response = self.request.respond(420, &self.tag);
            response.headers.push(Name::UNSUPPORTED, required);
            return self.tell(response).await;
        }
        let invite = match self.request.forwarded(to.as_str()) {
            Ok(invite) => invite,
            Err(error) => {
                let code = if matches!(error, tieline_proto_sip::Error::TooLarge { .. }) { 483 } else { 400 };
                return self.tell(self.request.respond(code, &self.tag)).await;
            }
        };
        let core = Arc::clone(&self.core);
        let flow = match core.wire.flow_to(to, "INVITE").await {
            Ok(flow) => flow,
            Err(failure) => return self.unreachable(&failure.why).await,
        };
        let branch = format!("z9hG4bK{}", core.token());
        let (_pending, mut answers) = core.client.expect(&branch);
        let timers = core.config.timers;
        let ring = i64::try_from(RING.as_millis()).unwrap_or(i64::MAX);
        let reliable = flow.transport.is_reliable();
        let transaction = InviteClientTransaction::new(timers, reliable, ring, core.uptime());
        let invite = core.with_via(&invite, &flow, &branch);
        let mut branch = Branch { invite, flow, transaction, cancel: None, answered: false };
        loop {
            let now = core.uptime();
            if self.cancelled && branch.cancel.is_none() && branch.transaction.is_proceeding() {
                branch.cancel = branch.invite.cancel().ok().map(|cancel| {
                    (Arc::from(cancel.to_bytes()), ClientTransaction::new(timers, reliable, now))
                });
                branch.transaction.cancelled(timers, now);
            }
            let Some(until) = self.attend(&mut branch).await else { return };
            match self.wait(&branch, &mut answers, until).await {
                Woken::Event(event) => self.take(event),
                Woken::Answer(answer) => self.answered(&mut branch, answer).await,
                Woken::Deadline => {}
                Woken::Closed => match answers.try_recv() {
                    Ok(answer) => self.answered(&mut branch, answer).await,
                    Err(_) => self.unreachable("the connection was closed").await,
                },
                Woken::Stopping => return,
            }
        }
    }

    /// Sends what is due, both ways. When something is due next; `None` when the call's transactions are over.
    async fn attend(&mut self, branch: &mut Branch) -> Option<i64> {
        let now = self.core.uptime();
        let mut next = i64::MAX;
        match self.transaction.step(now) {
            InviteServerStep::Send(bytes) => {
                self.core.answer_bytes(&self.request, &self.flow, bytes).await;
                next = now;
            }
            InviteServerStep::Wait(until) => next = until,
            InviteServerStep::Idle => {}
            InviteServerStep::Ended { .. } => return None,
        }
        if !self.transaction.is_answered() {
            match branch.transaction.step(now) {
                ClientStep::Send => {
                    let bytes = Arc::from(branch.invite.to_bytes());
                    if let Err(error) = branch.flow.send(bytes).await {
                        self.unreachable(&error.to_string()).await;
                    }
                    next = now;
                }
                ClientStep::Wait(until) => next = next.min(until),
                ClientStep::TimedOut => {
                    // Timer C, or B: as if the callee had said 408 (RFC 3261 sections 16.7 and 16.8).
                    if branch.transaction.is_proceeding() && branch.cancel.is_none() {
                        self.hang_up(branch).await;
                    }
                    let code = if self.cancelled { 487 } else { 408 };
                    self.tell(self.request.respond(code, &self.tag)).await;
                    next = now;
                }
            }
        }
        if let Some((bytes, cancel)) = branch.cancel.as_mut().filter(|_| !self.transaction.is_answered()) {
            match cancel.step(now) {
                ClientStep::Send => {
                    let _ = branch.flow.send(bytes.clone()).await;
                    next = now;
                }
                ClientStep::Wait(until) => next = next.min(until),
                ClientStep::TimedOut => {}
            }
        }
        Some(next)
    }

    /// The callee rings for too long.
    async fn hang_up(&self, branch: &Branch) {
        if let Ok(cancel) = branch.invite.cancel() {
            let _ = branch.flow.send(Arc::from(cancel.to_bytes())).await;
        }
    }

    async fn wait(&mut self, branch: &Branch, answers: &mut mpsc::Receiver<Response>, until: i64) -> Woken {
        let open = !self.transaction.is_answered();
        let until = self.core.instant(until);
        let stopping = self.core.wire.stopping().clone();
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => Woken::Answer(answer),
            event = self.events.recv() => Woken::Event(event),
            () = branch.flow.closed(), if open => Woken::Closed,
            () = stopping.cancelled() => Woken::Stopping,
            () = sleep_until(until) => Woken::Deadline,
        }
    }

    fn take(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Repeated) => self.transaction.repeated(),
            Some(Event::Acknowledged) => self.transaction.acknowledged(self.core.uptime()),
            Some(Event::Cancelled) => self.cancelled = true,
            None => {}
        }
    }

    /// The callee said something.
    async fn answered(&mut self, branch: &mut Branch, answer: Response) {
        let of_invite = answer.cseq().is_ok_and(|(_, method)| method == "INVITE");
        if !of_invite {
            // The answer to our CANCEL: what counts is the one to the INVITE.
            if answer.code >= 200
                && let Some((_, cancel)) = &mut branch.cancel
            {
                cancel.provisional();
            }
            return;
        }
        if answer.code >= 300 {
            if let Ok(ack) = branch.invite.ack(&answer) {
                let _ = branch.flow.send(Arc::from(ack.to_bytes())).await;
            }
            if std::mem::replace(&mut branch.answered, true) {
                return;
            }
        } else if answer.code < 200 {
            branch.transaction.provisional(self.core.uptime());
            // 100 is from one server to the next (RFC 3261 section 16.7).
            if answer.code == 100 {
                return;
            }
        }
        match answer.passed_back() {
            Some(answer) => self.pass(&answer).await,
            None => tracing::debug!(peer = %branch.flow.peer, "an answer lost the caller's Via"),
        }
    }

    /// The callee cannot be reached.
    async fn unreachable(&mut self, why: &str) {
        tracing::warn!(why, "the conference bridge cannot be reached");
        let response = self.refusal(503, "The bridge cannot be reached", Some(why), Some(30));
        self.tell(response).await;
    }
}
