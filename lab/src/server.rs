//! One lab server: what all connections share, and the road a request takes through it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    account::{DOMAIN, Directory},
    account_policy::AccountPolicy,
    autodiscover,
    bigbluebutton::{self, Conferences},
    calendar::CalendarProcessing,
    clock::Clock,
    control,
    directory::LabDirectory,
    ews::{self, Backends, Streams},
    fault::{FaultKind, Faults},
    gzip,
    http::{Body, Cut, full},
    itsm,
    journal::{Journal, RequestRecord},
    phone::Phone,
    recorder::Recorder,
    settings::Settings,
    sign_in::{self, Connection, SignedIn, SigningKey},
    store::Store,
};

/// As Exchange's own limit for a request, in bytes.
const MAX_REQUEST: usize = 64 * 1024 * 1024;

/// What all connections of a lab share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) faults: Arc<Faults>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) signing_key: SigningKey,
    pub(crate) streams: Streams,
    pub(crate) backends: Backends,
    /// Closes every connection when it is rung.
    pub(crate) hung_up: Notify,
    /// Wakes the push notifications after a Subscribe.
    pub(crate) subscribed: Notify,
    pub(crate) phones: Vec<Phone>,
    pub(crate) conferences: Conferences,
    /// What mailboxes do by themselves with messages about meetings.
    pub(crate) calendars: Arc<CalendarProcessing>,
    /// What was done to accounts while the lab runs.
    pub(crate) accounts: Arc<AccountPolicy>,
    pub(crate) ldap: Option<LabDirectory>,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Server {
    /// Answers one HTTP request; an error closes the connection.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let compress = self.settings.gzip && gzip::is_wanted(request.headers());
        let mut response = Arc::clone(&self).route(request, connection).await?;
        self.complete(&mut response);
        if compress { gzip::compress(response).await } else { Ok(response) }
    }

    async fn route(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let path = request.uri().path().to_ascii_lowercase();
        match path.as_str() {
            "/ews/exchange.asmx" => self.ews(request, connection).await,
            "/autodiscover/autodiscover.xml" | "/autodiscover/autodiscover.svc" => {
                self.autodiscover(request, &path, connection).await
            }
            _ if path.ends_with("/oauth2/v2.0/token") => {
                let (parts, body) = request.into_parts();
                let body = read(body).await.unwrap_or_default();
                let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
                Ok(sign_in::issue(&self, &parts.method, tenant, &body))
            }
            _ if path.starts_with("/lab/") => {
                let (parts, body) = request.into_parts();
                let body = read(body).await.unwrap_or_default();
                Ok(control::answer(&self, &parts.method, &path, &body).await)
            }
            _ if path.starts_with("/bigbluebutton/api/") => {
                let query = request.uri().query().unwrap_or_default();
                Ok(bigbluebutton::answer(&self.conferences, request.uri().path(), query))
            }
            _ if path.starts_with("/itsm/") => {
                let query = request.uri().query().unwrap_or_default();
                Ok(itsm::answer(&self.directory, request.headers(), &path, query))
            }
            _ => {
                Ok(plain(StatusCode::NOT_FOUND, "The lab has nothing here. EWS is at /EWS/Exchange.asmx.\n"))
            }
        }
    }

    async fn ews(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let (parts, body) = request.into_parts();
        let body = read(body).await;
        let begun = Instant::now();
        let mut record = self.record(&parts.headers);
        let Some(body) = body else {
            return Ok(self.finish(record, begun, plain(StatusCode::PAYLOAD_TOO_LARGE, "")));
        };
        record.request_bytes = body.len() as u64;
        let caller = match self.sign_in(connection, &parts.headers) {
            Ok(SignedIn { account, by }) => {
                record.scheme = Some(by);
                account
            }
            Err(stranger) => {
                record.operation = Some(parts.method.to_string());
                return Ok(self.finish(record, begun, stranger.response()));
            }
        };
        record.user = Some(caller.address.clone());
        if caller.app_only && record.anchor_mailbox.is_none() {
            // Which server holds the mailbox is not in the token, so nobody knows where to send the request.
            record.operation = Some(parts.method.to_string());
            return Ok(self.finish(record, begun, unavailable(None)));
        }
        if parts.method == Method::POST {
            ews::answer(self, ews::Post::new(record, begun, caller, parts.headers, body)).await
        } else {
            record.operation = Some(parts.method.to_string());
            Ok(self.finish(record, begun, plain(StatusCode::OK, "Exchange Web Services of the lab.\n")))
        }
    }

    async fn autodiscover(
        self: Arc<Self>,
        request: Request<Incoming>,
        path: &str,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let (parts, body) = request.into_parts();
        let body = read(body).await.unwrap_or_default();
        let begun = Instant::now();
        let mut record = self.record(&parts.headers);
        record.operation = Some("Autodiscover".to_owned());
        record.request_bytes = body.len() as u64;
        let caller = match self.sign_in(connection, &parts.headers) {
            Ok(SignedIn { account, by }) => {
                record.scheme = Some(by);
                account
            }
            Err(stranger) => return Ok(self.finish(record, begun, stranger.response())),
        };
        record.user = Some(caller.address.clone());
        let fault = self.faults.strike(Some(&caller.address), None, "Autodiscover");
        record.fault = fault.as_ref().map(|fault| fault.name().to_owned());
        match &fault {
            Some(FaultKind::Http503 { retry_after_s }) => {
                return Ok(self.finish(record, begun, unavailable(*retry_after_s)));
            }
            Some(FaultKind::Unauthorized) => return Ok(self.finish(record, begun, unauthorized())),
            Some(FaultKind::Slow { delay_ms }) => tokio::time::sleep(Duration::from_millis(*delay_ms)).await,
            Some(FaultKind::HttpRedirect { to }) => return Ok(self.finish(record, begun, found_at(to))),
            Some(FaultKind::WebPage) => {
                let page =
                    typed(StatusCode::OK, "text/html; charset=utf-8", "<html><body>Welcome</body></html>");
                return Ok(self.finish(record, begun, page));
            }
            Some(FaultKind::LostRequest | FaultKind::LostResponse) => {
                self.drop_connection(record, begun);
                return Err(Cut);
            }
            _ => {}
        }
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or(DOMAIN);
        let scheme = if connection.secure { "https" } else { "http" };
        let base = format!("{scheme}://{host}");
        let response = if parts.method != Method::POST {
            plain(StatusCode::METHOD_NOT_ALLOWED, "")
        } else if path.ends_with(".svc") {
            autodiscover::soap(&self, &base, &body, fault.as_ref())
        } else {
            autodiscover::pox(&self, &base, &body, fault.as_ref())
        };
        Ok(self.finish(record, begun, response))
    }

    /// Closes every connection, as a process that dies does.
    pub(crate) fn hang_up(&self) {
        self.hung_up.notify_waiters();
    }

    fn record(&self, headers: &HeaderMap) -> RequestRecord {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        RequestRecord {
            seq: self.journal.next(),
            at_ms: self.clock.now_ms(),
            client_request_id: text("client-request-id"),
            anchor_mailbox: text("x-anchormailbox"),
            user_agent: text("user-agent"),
            ..RequestRecord::default()
        }
    }

    /// Journals the request and lets the response go.
    pub(crate) fn finish(
        &self,
        record: RequestRecord,
        begun: Instant,
        response: Response<Body>,
    ) -> Response<Body> {
        let record = RequestRecord { status: Some(response.status().as_u16()), ..record };
        self.journal_at(record, begun);
        response
    }

    /// Journals a request whose connection will be closed without an answer.
    pub(crate) fn drop_connection(&self, record: RequestRecord, begun: Instant) {
        self.journal_at(record, begun);
    }

    fn journal_at(&self, mut record: RequestRecord, begun: Instant) {
        record.service_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.journal.push(record);
    }
}

async fn read(body: Incoming) -> Option<Bytes> {
    Limited::new(body, MAX_REQUEST).collect().await.ok().map(|collected| collected.to_bytes())
}

/// A short text answer.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    typed(status, "text/plain; charset=utf-8", text)
}

/// An answer of a content type.
pub(crate) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// HTTP 401; what the lab takes is added on its way out.
pub(crate) fn unauthorized() -> Response<Body> {
    plain(StatusCode::UNAUTHORIZED, "")
}

/// HTTP 403, as where EWS is switched off.
pub(crate) fn forbidden() -> Response<Body> {
    plain(StatusCode::FORBIDDEN, "")
}

/// HTTP 302 to another address.
pub(crate) fn found_at(location: &str) -> Response<Body> {
    let mut response = plain(StatusCode::FOUND, "");
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// HTTP 503 as the web server answers when its own queue is full.
pub(crate) fn unavailable(retry_after_s: Option<u32>) -> Response<Body> {
    let mut response = typed(
        StatusCode::SERVICE_UNAVAILABLE,
        "text/html; charset=us-ascii",
        "<html><head><title>Service Unavailable</title></head><body>The service is unavailable.</body></html>\r\n",
    );
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
