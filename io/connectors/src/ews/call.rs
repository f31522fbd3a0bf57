//! One SOAP request and its answer: queue, password gate, HTTP, envelope, and a name for whatever goes wrong.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use tieline_model::{Refusal, SmtpAddress};
use tieline_ports::{Applied, PortError};
use tieline_proto_ews::{
    ConnectingSid, Limits, Operation, RequestHeader, ResponseCode, ResponseMessage, ResponseMessages,
    ServerVersionInfo, decode_response, encode_request,
};
use tieline_transport::{Outcome, Permit, Rejection, Scope};
use uuid::Uuid;

use super::EwsOptions;
use super::account::{Session, Trial};
use super::failure::{self, Stated};

/// On whose behalf and within what time a request is made.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
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

/// Leads requests that belong together to the same server behind a load balancer.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    /// The mailbox whose server all requests go to.
    pub(super) anchor: Option<SmtpAddress>,
    /// `X-BackEndOverrideCookie` of the first answer.
    pub(super) cookie: Option<String>,
}

impl Affinity {
    const COOKIE: &'static str = "X-BackEndOverrideCookie=";

    /// The cookie that an answer sets, as it is to be sent back.
    pub(super) fn cookie_of(headers: &HeaderMap) -> Option<String> {
        let set = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = set.filter_map(|value| value.split(';').next()).map(str::trim);
        pairs.find(|pair| pair.starts_with(Self::COOKIE)).map(str::to_owned)
    }

    fn headers(&self) -> Vec<(&'static str, HeaderValue)> {
        let mut headers = vec![("X-PreferServerAffinity", HeaderValue::from_static("true"))];
        let cookie = self.cookie.as_deref().and_then(|cookie| HeaderValue::from_str(cookie).ok());
        headers.extend(cookie.map(|cookie| ("Cookie", cookie)));
        headers
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer<P> {
    pub(super) messages: Vec<ResponseMessage<P>>,
    pub(super) version: Option<ServerVersionInfo>,
    pub(super) headers: HeaderMap,
}

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
        match self.attempt(operation).await {
            Err(CallError::Stated { stated, .. })
                if stated.code == ResponseCode::ErrorInvalidServerVersion && self.session.step_down() =>
            {
                self.attempt(operation).await
            }
            other => other,
        }
    }

    async fn attempt<O, P>(&self, operation: &O) -> Result<Answer<P>, CallError>
    where
        O: Operation<Response = ResponseMessages<P>>,
    {
        let begin = Instant::now();
        let (permit, _trial) = self.permit().await?;
        let request = self.request(operation)?;
        let sent = self.exchange(request).await;
        let (outcome, result) = match sent {
            Err(error) => (Outcome::Unanswered, Err(Err(error))),
            Ok((status, headers, body)) => self.read::<O, P>(status, headers, &body),
        };
        let pause = permit.finish(&self.charge(), outcome);
        self.record(O::REQUEST, &result, begin.elapsed());
        result.map_err(|error| match error {
            Ok((stated, version)) => CallError::Stated { stated, at: self.at(), pause, version },
            Err(error) => CallError::Port(with_pause(error, pause)),
        })
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
    pub(super) fn request<O: Operation>(&self, operation: &O) -> Result<Request<Bytes>, PortError> {
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
            .header(header::USER_AGENT, concat!("Tieline/", env!("CARGO_PKG_VERSION")))
            .header("client-request-id", self.request_id.to_string())
            .header("return-client-request-id", "true");
        // An address outside ASCII goes without: the header only helps the server to route.
        if let Ok(anchor) = HeaderValue::from_str(anchor) {
            builder = builder.header("X-AnchorMailbox", anchor);
        }
        for (name, value) in self.affinity.map(Affinity::headers).unwrap_or_default() {
            builder = builder.header(name, value);
        }
        builder.body(Bytes::from(encode_request(&soap, operation))).map_err(|error| {
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

    async fn exchange(&self, request: Request<Bytes>) -> Result<(StatusCode, HeaderMap, Bytes), PortError> {
        let named = |error| failure::transport(&error);
        let response = self.session.client.send(request, self.within).await.map_err(named)?;
        let status = response.status;
        let headers = response.headers.clone();
        let body = response.collect(self.options.response_limit, self.within).await.map_err(named)?;
        Ok((status, headers, body))
    }

    #[expect(
        clippy::type_complexity,
        reason = "a stated error, or one of the port's own, beside what the limiter hears"
    )]
    fn read<O, P>(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: &Bytes,
    ) -> (Outcome, Result<Answer<P>, Result<(Stated, Option<ServerVersionInfo>), PortError>>)
    where
        O: Operation<Response = ResponseMessages<P>>,
    {
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
            Ok(ResponseMessages { messages }) => {
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
        let (outcome, result) = self.read::<O, P>(status, headers.clone(), body);
        let error = match result {
            Ok(_) => self.short(),
            Err(Ok((stated, _))) => stated.into_error(&self.at(), None),
            Err(Err(error)) => error,
        };
        (outcome, error)
    }

    /// An answer that is no SOAP at all. After a 200 or 500 the server may have worked all the same.
    fn unreadable(&self, status: StatusCode, headers: &HeaderMap, why: &str) -> PortError {
        let media =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
        if status == StatusCode::OK && !media.contains("xml") {
            return PortError::refused(self.not_ews(&format!("it answers with {}", shown(media))));
        }
        PortError::uncertain(
            Refusal::transient(
                "answer-unreadable",
                format!("the answer (HTTP {}) cannot be read: {why}", status.as_u16()),
                "nothing; if it stays, look for a proxy or a failing Exchange server",
            )
            .at(self.at()),
        )
    }

    fn not_ews(&self, why: &str) -> Refusal {
        Refusal::operator(
            "not-ews",
            format!("the server is there, but Exchange Web Services are not: {why}"),
            "check address, port and path of the endpoint; the path of every Exchange is /EWS/Exchange.asmx",
        )
        .at(self.session.url())
    }

    /// What a status other than 200 and 500 means.
    pub(super) fn refused(&self, status: StatusCode, headers: &HeaderMap) -> (Outcome, PortError) {
        let number = status.as_u16();
        if number == 401 {
            return self.unauthorised(headers);
        }
        let retry_after = retry_after(headers);
        match number {
            429 | 456 | 503 => {
                let refusal = Refusal::transient(
                    "exchange-busy",
                    format!("the server refuses requests for the moment (HTTP {number})"),
                    "nothing; Tieline waits as long as the server asks and tries again",
                );
                let outcome = Outcome::Throttled { scope: Scope::Server, back_off: retry_after };
                let back_off = retry_after.map(failure::signed);
                (
                    outcome,
                    PortError::Failed { refusal: refusal.at(self.at()), back_off, applied: Applied::No },
                )
            }
            408 | 502 | 504 => {
                let refusal = Refusal::transient(
                    "gateway-failed",
                    format!("a gateway before Exchange gave up (HTTP {number})"),
                    "nothing; if it stays, look at the load balancer before Exchange",
                );
                (Outcome::Unanswered, PortError::uncertain(refusal.at(self.at())))
            }
            400 => (Outcome::Served, PortError::refused(self.bad_request())),
            413 => (Outcome::Served, PortError::refused(self.too_large())),
            403 => (Outcome::Served, PortError::refused(self.forbidden())),
            300..=399 | 421 | 451 => {
                let to = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).map(shown);
                let why = match to {
                    Some(to) => format!("it sends its visitors to {to} (HTTP {number})"),
                    None => format!("it says that another server is meant (HTTP {number})"),
                };
                (Outcome::Served, PortError::refused(self.not_ews(&why)))
            }
            _ if status.is_server_error() => {
                let refusal = Refusal::transient(
                    "exchange-failed",
                    format!("Exchange failed (HTTP {number})"),
                    "nothing; if it stays, look into the event log of the Exchange server",
                );
                (Outcome::Unanswered, PortError::uncertain(refusal.at(self.at())))
            }
            _ => (Outcome::Served, PortError::refused(self.not_ews(&format!("it answers HTTP {number}")))),
        }
    }

    fn unauthorised(&self, headers: &HeaderMap) -> (Outcome, PortError) {
        let (server, user) = (self.session.server(), self.session.user());
        if let Rejection::Doubtful { pause } = self.session.rejected(Instant::now()) {
            let refusal = Refusal::transient(
                "account-doubted",
                format!("{server} refused {user}, which it accepted before"),
                "nothing yet; a busy Exchange does that, and Tieline tries again before it gives up",
            );
            let outcome = Outcome::Throttled { scope: Scope::Server, back_off: Some(pause) };
            let back_off = Some(failure::signed(pause));
            return (
                outcome,
                PortError::Failed { refusal: refusal.at(self.at()), back_off, applied: Applied::No },
            );
        }
        let offered = schemes(headers);
        let refusal = if offered.is_empty()
            || offered.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"))
        {
            Refusal::operator(
                "wrong-password",
                format!("{server} does not accept {user} with this password"),
                "check user name and password of the service account, and that it is neither locked nor expired",
            )
        } else {
            Refusal::operator(
                "no-basic-authentication",
                format!("{server} offers {} but not Basic authentication", offered.join(", ")),
                "run Set-WebServicesVirtualDirectory -BasicAuthentication $true in the Exchange Management Shell",
            )
        };
        (Outcome::Served, PortError::refused(refusal.at(self.session.url())))
    }

    fn forbidden(&self) -> Refusal {
        Refusal::operator(
            "ews-forbidden",
            "Exchange forbids this account or program the use of Exchange Web Services (HTTP 403)",
            "check EwsEnabled, EwsApplicationAccessPolicy and EwsBlockList with Get-CASMailbox and Get-OrganizationConfig",
        )
        .at(self.at())
    }

    fn too_large(&self) -> Refusal {
        Refusal::permanent(
            "message-too-large",
            "the server takes no request of this size (HTTP 413)",
            "choose a Voice Format with shorter files, or raise maxRequestLength in the web.config of EWS",
        )
        .at(self.at())
    }

    fn bad_request(&self) -> Refusal {
        Refusal::permanent(
            "exchange-refused",
            "the server found the request malformed (HTTP 400)",
            "see the trace with `tieline explain`; this needs another input or a newer Tieline",
        )
        .at(self.at())
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

/// The authentication schemes that a 401 offers.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| value.split_ascii_whitespace().next()).map(shown).collect()
}

/// `Retry-After` in seconds, at most an hour; the form with a date is rare and would need a clock that agrees.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
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

/// A peer's text in a message: printable and short.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
