//! One SOAP request and its answer: queue, password gate, HTTP, envelope, and a name for whatever goes wrong.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use tieline_model::{Refusal, SmtpAddress};
use tieline_ports::{Applied, PortError};
use tieline_proto_ews::{
    ConnectingSid, Encoded, Limits, Operation, Remedy, RequestHeader, ResponseCode, ResponseMessage,
    ResponseMessages, ServerVersionInfo, decode_response, encode_request_in_chunks,
};
use tieline_transport::{Outcome, Payload, Permit, Scheme, Scope};
use uuid::Uuid;

use super::account::{Session, Trial};
use super::affinity::Affinity;
use super::failure::{self, Stated};
use super::{EwsOptions, Shared, route};

/// On whose behalf and within what time a request is made.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) session: &'a Session,
    pub(super) options: &'a EwsOptions,
    /// The mailbox to act for; without one the account acts for itself.
    pub(super) mailbox: Option<&'a SmtpAddress>,
    /// Names the request in the server's logs.
    pub(super) request_id: Uuid,
    pub(super) within: Duration,
    /// For notifications, which one server keeps in its memory.
    pub(super) affinity: Option<&'a Affinity>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer<P> {
    pub(super) messages: Vec<ResponseMessage<P>>,
    pub(super) version: Option<ServerVersionInfo>,
    pub(super) headers: HeaderMap,
}

/// A whole answer: what it brought, an error that the server stated for all of it, or one of the port's own.
type Judged<P> = Result<Answer<P>, Result<(Stated, Option<ServerVersionInfo>), PortError>>;

/// Why nothing came back.
#[derive(Debug)]
pub(super) enum CallError {
    /// The server stated an error for the whole request.
    Stated { stated: Stated, at: String, pause: Option<Duration>, version: Option<ServerVersionInfo> },
    /// It did not come so far.
    Port(PortError),
}

impl From<CallError> for PortError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Stated { stated, at, pause, .. } => stated.into_error(&at, pause),
            CallError::Port(error) => error,
        }
    }
}

impl From<PortError> for CallError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl Call<'_> {
    /// Sends `operation` and reads its answer. Errors of single entries are in the messages.
    pub(super) async fn send<O, P>(&self, operation: &O) -> Result<Answer<P>, CallError>
    where
        O: Operation<Response = ResponseMessages<P>>,
    {
        self.send_as(operation, |response| response.messages).await
    }

    /// The same for an operation whose answer is one message.
    pub(super) async fn send_one<O, P>(&self, operation: &O) -> Result<Answer<P>, CallError>
    where
        O: Operation<Response = ResponseMessage<P>>,
    {
        self.send_as(operation, |message| vec![message]).await
    }

    async fn send_as<O: Operation, P>(
        &self,
        operation: &O,
        messages: fn(O::Response) -> Vec<ResponseMessage<P>>,
    ) -> Result<Answer<P>, CallError> {
        match self.attempt(operation, messages).await {
            Err(CallError::Stated { stated, .. })
                if stated.code == ResponseCode::ErrorInvalidServerVersion && self.session.step_down() =>
            {
                self.attempt(operation, messages).await
            }
            other => other,
        }
    }

    async fn attempt<O: Operation, P>(
        &self,
        operation: &O,
        messages: fn(O::Response) -> Vec<ResponseMessage<P>>,
    ) -> Result<Answer<P>, CallError> {
        let deadline = Instant::now() + self.within;
        let request = self.request(operation)?;
        let (permit, _trial) = self.permit().await?;
        let begin = Instant::now();
        let sent = self.exchange(request, deadline).await;
        let status = sent.as_ref().ok().map(|(status, ..)| *status);
        let (outcome, result) = match sent {
            Err(error) => (Outcome::Unanswered, Err(Err(error))),
            Ok((status, headers, body)) => self.read::<O, P>(status, headers, &body, messages),
        };
        self.remember(status, &result);
        let pause = permit.finish(&self.charge(), outcome);
        if let Outcome::Throttled { scope, .. } = outcome {
            let scope = if scope == Scope::Server { "server" } else { "mailbox" };
            metrics::counter!("tieline_ews_throttled_total", "scope" => scope).increment(1);
        }
        self.record(O::REQUEST, &result, begin.elapsed());
        if says_elsewhere(status, &result)
            && let Some(error) = self.look_elsewhere(deadline).await
        {
            return Err(CallError::Port(error));
        }
        result.map_err(|error| match error {
            Ok((stated, version)) => CallError::Stated { stated, at: self.at(), pause, version },
            Err(error) => CallError::Port(with_pause(error, pause)),
        })
    }

    /// Keeps what the answer says about the server behind the load balancer, as long as that server works.
    fn remember<P>(&self, status: Option<StatusCode>, result: &Judged<P>) {
        let Some(mailbox) = self.mailbox.map(SmtpAddress::key) else { return };
        match result {
            Ok(answer) => self.session.back_ends.learn(&mailbox, &answer.headers),
            // A busy server is still the right one.
            Err(Ok((stated, _))) if matches!(stated.outcome(), Outcome::Throttled { .. }) => {}
            Err(failed) => {
                self.session.back_ends.forget(&mailbox);
                // Nobody there: the next attempt asks the endpoint itself again.
                let unreached = matches!(failed, Err(PortError::Failed { applied: Applied::No, .. }));
                if status.is_none() && unreached {
                    self.shared.routes.forget(self.session.endpoint_id(), &mailbox);
                }
            }
        }
    }

    /// Asks Autodiscover for the server that has the mailbox now. The error for the caller, if it is another one.
    async fn look_elsewhere(&self, deadline: Instant) -> Option<PortError> {
        let mailbox = self.mailbox?;
        // Nothing that is said without TLS is believed.
        if self.session.client.endpoint().scheme() == Scheme::Http {
            return None;
        }
        let searching =
            self.shared.routes.begin(self.session.endpoint_id(), &mailbox.key(), Instant::now())?;
        let options = &self.options.autodiscover;
        let within = options.budget.min(deadline.saturating_duration_since(Instant::now()));
        let asked = self.shared.rediscover(self.session, mailbox);
        let found = match tokio::time::timeout(within, asked).await {
            Ok(Ok(found)) => found.url,
            Ok(Err(refusal)) => {
                tracing::warn!(%mailbox, %refusal, "ews.route: Autodiscover does not help");
                searching.failed(options.pause);
                return None;
            }
            Err(_) => {
                tracing::warn!(%mailbox, "ews.route: Autodiscover took too long");
                searching.failed(options.pause);
                return None;
            }
        };
        if route::is_same(&found, &self.session.url()) {
            searching.nothing_new(options.pause);
            return None;
        }
        tracing::info!(%mailbox, from = self.session.url(), to = found, "ews.route: the mailbox is elsewhere");
        let refusal = Refusal::transient(
            "mailbox-moved",
            format!("{} does not have the mailbox; Autodiscover finds it at {found}", self.session.server()),
            "nothing; Tieline goes there from now on",
        );
        searching.found(found, options.lifetime);
        Some(PortError::refused(refusal.at(self.at())))
    }

    /// Where it happened, for messages.
    pub(super) fn at(&self) -> String {
        match self.mailbox {
            Some(mailbox) => format!("{mailbox} at {}", self.session.server()),
            None => format!("{} at {}", self.session.user(), self.session.server()),
        }
    }

    /// The mailbox whose budget the server charges: the impersonated one, else the account's own.
    pub(super) fn charge(&self) -> String {
        self.mailbox.map_or_else(|| self.session.user().to_lowercase(), SmtpAddress::key)
    }

    pub(super) async fn permit(&self) -> Result<(Permit, Trial<'_>), PortError> {
        let patience = self.options.patience.min(self.within);
        let permit = self.session.throttle.acquire(&self.charge(), patience).await.map_err(|busy| {
            let refusal = Refusal::transient(
                "exchange-busy",
                match busy.pause {
                    Some(pause) => {
                        format!("Exchange asked for a pause of {} more seconds", pause.as_secs() + 1)
                    }
                    None => "too many requests to Exchange are under way".to_owned(),
                },
                "nothing; Tieline tries again when the pause is over",
            );
            PortError::Failed {
                refusal: refusal.at(self.at()),
                back_off: busy.pause.map(failure::signed),
                applied: Applied::No,
            }
        })?;
        // Only now, since whoever asks may have become the probe of a paused password.
        let trial = self.session.ask(Instant::now())?;
        Ok((permit, trial))
    }

    /// The HTTP request for `operation`.
    pub(super) fn request<O: Operation>(&self, operation: &O) -> Result<Request<Payload>, PortError> {
        let mut soap = RequestHeader::new(self.session.version());
        if let Some(mailbox) = self.mailbox {
            soap = soap.impersonating(ConnectingSid::SmtpAddress(mailbox.to_string()));
        }
        let mailbox = self.affinity.and_then(|affinity| affinity.anchor.as_ref()).or(self.mailbox);
        let anchor = mailbox.map_or_else(|| self.session.user(), SmtpAddress::as_str);
        let mut builder = Request::builder()
            .method(Method::POST)
            .uri(self.session.client.endpoint().path())
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(header::ACCEPT, "text/xml")
            .header(header::ACCEPT_ENCODING, "gzip")
            .header(header::USER_AGENT, concat!("Tieline/", env!("CARGO_PKG_VERSION")))
            .header("client-request-id", self.request_id.to_string())
            .header("return-client-request-id", "true");
        // An address outside ASCII goes without: the header only helps the server to route.
        if let Ok(anchor) = HeaderValue::from_str(anchor) {
            builder = builder.header("X-AnchorMailbox", anchor);
        }
        match (self.affinity, self.mailbox) {
            (Some(group), _) => {
                for (name, value) in group.headers() {
                    builder = builder.header(name, value);
                }
            }
            (None, Some(mailbox)) => {
                if let Some(cookie) = self.session.back_ends.cookie(&mailbox.key()) {
                    builder = builder.header(header::COOKIE, cookie);
                }
            }
            (None, None) => {}
        }
        let document = encode_request_in_chunks(&soap, operation);
        builder.body(payload(document)).map_err(|error| {
            PortError::refused(
                Refusal::operator(
                    "bad-address",
                    error.to_string(),
                    "correct address and path of the endpoint",
                )
                .at(self.at()),
            )
        })
    }

    async fn exchange(
        &self,
        request: Request<Payload>,
        deadline: Instant,
    ) -> Result<(StatusCode, HeaderMap, Bytes), PortError> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let named = |error| failure::transport(&error);
        let response = self.session.client.send(request, left()).await.map_err(named)?;
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.collect(self.options.response_limit, left()).await.map_err(named)?;
        Ok((status, headers, body))
    }

    /// What an answer says, and what the limiter hears of it.
    fn read<O: Operation, P>(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: &Bytes,
        messages: fn(O::Response) -> Vec<ResponseMessage<P>>,
    ) -> (Outcome, Judged<P>) {
        if status != StatusCode::OK && status != StatusCode::INTERNAL_SERVER_ERROR {
            let (outcome, error) = self.refused(status, &headers);
            return (outcome, Err(Err(error)));
        }
        let limits = Limits { bytes: body.len(), ..Limits::DEFAULT };
        let reply = match decode_response::<O>(body, &limits) {
            Ok(reply) => reply,
            Err(error) => {
                return (
                    Outcome::Unanswered,
                    Err(Err(self.unreadable(status, &headers, &error.to_string()))),
                );
            }
        };
        self.session.accepted();
        let version = reply.header.server_version_info;
        match reply.body {
            Err(fault) => {
                let stated = Stated::fault(&fault);
                (stated.outcome(), Err(Ok((stated, version))))
            }
            Ok(response) => {
                let messages = messages(response);
                let throttled = messages.iter().filter_map(Stated::message).map(|stated| stated.outcome());
                let outcome = throttled.max_by_key(|outcome| pause_of(*outcome)).unwrap_or(Outcome::Served);
                (outcome, Ok(Answer { messages, version, headers }))
            }
        }
    }

    /// The refusal that an answer holds where a stream was expected.
    pub(super) fn read_refusal<O, P>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> (Outcome, PortError)
    where
        O: Operation<Response = ResponseMessages<P>>,
    {
        let (outcome, result) =
            self.read::<O, P>(status, headers.clone(), body, |response| response.messages);
        let error = match result {
            Ok(_) => self.short(),
            Err(Ok((stated, _))) => stated.into_error(&self.at(), None),
            Err(Err(error)) => error,
        };
        (outcome, error)
    }

    fn record<P, E>(
        &self,
        operation: &'static str,
        result: &Result<Answer<P>, Result<E, PortError>>,
        took: Duration,
    ) {
        let outcome = match result {
            Ok(_) => "answered",
            Err(Ok(_)) => "fault",
            Err(Err(_)) => "failed",
        };
        metrics::counter!("tieline_ews_requests_total", "operation" => operation, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("tieline_ews_request_seconds", "operation" => operation)
            .record(took.as_secs_f64());
        let server_id = result.as_ref().ok().and_then(|answer| answer.headers.get("request-id"));
        tracing::debug!(
            operation,
            outcome,
            mailbox = self.mailbox.map(SmtpAddress::as_str),
            request_id = %self.request_id,
            server_request_id = server_id.and_then(|id| id.to_str().ok()),
            ms = took.as_millis() as u64,
            "ews.call"
        );
    }
}

/// A document on its way: large contents are encoded while it is sent, each time that it is.
fn payload(document: Encoded) -> Payload {
    if document.is_whole() {
        return document.into_bytes().into();
    }
    Payload::in_pieces(document.len() as u64, move || document.chunks())
}

/// Whether an answer says that another server has the mailbox, by its status or in all its messages.
fn says_elsewhere<P>(status: Option<StatusCode>, result: &Judged<P>) -> bool {
    let elsewhere = |stated: &Stated| stated.code.remedy() == Remedy::Rediscover;
    match result {
        Ok(answer) => {
            let mut messages = answer.messages.iter().map(Stated::message);
            !answer.messages.is_empty()
                && messages.all(|stated| stated.is_some_and(|stated| elsewhere(&stated)))
        }
        Err(Ok((stated, _))) => elsewhere(stated),
        Err(Err(_)) => {
            status.is_some_and(|status| matches!(status.as_u16(), 301 | 302 | 307 | 308 | 404 | 421 | 451))
        }
    }
}

fn pause_of(outcome: Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Throttled { back_off, .. } => Some(back_off.unwrap_or_default()),
        _ => None,
    }
}

/// A pause that the limiter made of a refusal without a time.
fn with_pause(error: PortError, pause: Option<Duration>) -> PortError {
    match error {
        PortError::Failed { refusal, back_off: None, applied } => {
            PortError::Failed { refusal, back_off: pause.map(failure::signed), applied }
        }
        other => other,
    }
}
