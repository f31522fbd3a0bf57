//! Requests of one identity to one server, over a few connections that are kept open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::authenticator::{Authenticator, offers, schemes};
use crate::connection::{Connection, Sent, reason};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{Phase, TransportError};
use crate::guard::Reach;
use crate::payload::{Outgoing, Payload};
use crate::trust::Trust;
use crate::trust_store::TrustStore;
use crate::unpack::{Unpacker, Unusable};

/// The measures of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// For name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// An unused connection is closed after this time. Below the 120 s after which IIS closes it, so that a
    /// request rarely meets a connection that is just going away.
    pub idle_timeout: Duration,
    /// Unused connections kept.
    pub max_idle: usize,
    pub reach: Reach,
    /// What the service believes beside the operating system.
    pub trust_store: TrustStore,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_idle: 8,
            reach: Reach::Configured,
            trust_store: TrustStore::default(),
        }
    }
}

/// One identity at one endpoint. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    credentials: Credentials,
    tls: Arc<ClientConfig>,
    options: ClientOptions,
    idle: Mutex<Vec<Idle>>,
    /// The server takes no Basic, so [`Credentials::Password`] goes by NTLM.
    by_ntlm: AtomicBool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Client {
    /// # Errors
    /// [`TransportError::BadTrust`] or [`TransportError::BadCredentials`]; nothing is contacted yet.
    pub fn new(
        endpoint: Endpoint,
        credentials: Credentials,
        trust: &Trust,
        options: ClientOptions,
    ) -> Result<Self, TransportError> {
        credentials
            .check()
            .map_err(|reason| TransportError::BadCredentials { endpoint: endpoint.authority(), reason })?;
        let tls = trust.client_config(&options.trust_store)?;
        let (idle, by_ntlm) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        Ok(Self { shared: Arc::new(Shared { endpoint, credentials, tls, options, idle, by_ntlm }) })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    pub fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    /// Sends a request whose URI is a path, and returns with the headers of the answer. `within` bounds the
    /// whole exchange up to there; the body has its own bound, given when it is read.
    ///
    /// The request is repeated on a new connection only if a kept one turned out closed before it left, and after a 401
    /// once more if there is something else to try: a new token, NTLM instead of Basic, a new handshake in place of
    /// one that the server has forgotten.
    ///
    /// # Errors
    /// [`TransportError`]; see [`TransportError::may_have_happened`].
    pub async fn send(
        &self,
        request: Request<impl Into<Payload>>,
        within: Duration,
    ) -> Result<Response, TransportError> {
        let deadline = Instant::now() + within;
        let request = request.map(|body| Outgoing::from(body.into()));
        let mut again = true;
        loop {
            let mut request = request.clone();
            let token = self.shared.token(deadline).await?;
            request.headers_mut().extend(token.clone().map(|token| (header::AUTHORIZATION, token)));
            let by_ntlm = self.shared.by_ntlm.load(Ordering::Relaxed);
            let (response, was_proven) = self.put(request, by_ntlm, deadline, within).await?;
            let refused = response.status == StatusCode::UNAUTHORIZED;
            if !refused || !std::mem::take(&mut again) {
                return Ok(response);
            }
            let other = match (&self.shared.credentials, token) {
                (Credentials::Tokens(source), Some(token)) => {
                    source.forget(&token).await;
                    true
                }
                (Credentials::Password { .. }, _) if !by_ntlm => self.shared.learn(&response.headers),
                // The server has forgotten who holds this connection; on a new one it can be told.
                _ => was_proven,
            };
            if !other {
                return Ok(response);
            }
        }
    }

    /// Sends once. Also says whether the connection had been authenticated before.
    async fn put(
        &self,
        mut request: Request<Outgoing>,
        by_ntlm: bool,
        deadline: Instant,
        within: Duration,
    ) -> Result<(Response, bool), TransportError> {
        let shared = &self.shared;
        let late =
            |phase| TransportError::Timeout { endpoint: shared.endpoint.authority(), phase, after: within };
        loop {
            let kept = shared.take_idle(by_ntlm);
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => {
                    timeout_at(deadline, shared.open(by_ntlm)).await.map_err(|_| late(Phase::Connect))??
                }
            };
            let was_proven = connection.is_proven();
            match timeout_at(deadline, connection.send(request)).await.map_err(|_| late(Phase::Answer))?? {
                Sent::Answered(response) => {
                    return Ok((Response::new(response, connection, Arc::clone(shared)), was_proven));
                }
                Sent::Unsent(_) if fresh => {
                    return Err(TransportError::NotSent {
                        endpoint: shared.endpoint.authority(),
                        reason: "the server closed the new connection".to_owned(),
                    });
                }
                Sent::Unsent(unsent) => request = unsent,
            }
        }
    }
}

impl Shared {
    async fn open(&self, by_ntlm: bool) -> Result<Connection, TransportError> {
        Connection::open(
            &self.endpoint,
            &self.tls,
            &self.options.reach,
            Authenticator::begin(&self.credentials, by_ntlm),
            self.options.connect_timeout,
        )
        .await
    }

    /// A token for the next request, where tokens are what proves us.
    async fn token(&self, deadline: Instant) -> Result<Option<HeaderValue>, TransportError> {
        let Credentials::Tokens(source) = &self.credentials else { return Ok(None) };
        source.authorization(deadline.saturating_duration_since(Instant::now())).await.map(Some)
    }

    /// From a 401: whether the server takes NTLM but no Basic.
    fn learn(&self, headers: &HeaderMap) -> bool {
        let other = !offers(headers, "Basic") && (offers(headers, "NTLM") || offers(headers, "Negotiate"));
        if other {
            tracing::info!(endpoint = %self.endpoint.authority(), "transport: no Basic here, NTLM is used");
            self.by_ntlm.store(true, Ordering::Relaxed);
        }
        other
    }

    /// The most recently used open connection: the others may then grow old and close.
    fn take_idle(&self, by_ntlm: bool) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let learnt = |kept: &Idle| !by_ntlm || kept.connection.is_proven();
        let fresh = |kept: &Idle| now - kept.since < self.options.idle_timeout;
        idle.retain(|kept| kept.connection.is_open() && fresh(kept) && learnt(kept));
        idle.pop().map(|kept| kept.connection)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.is_open() && idle.len() < self.options.max_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Body,
}

impl Response {
    fn new(response: http::Response<Incoming>, connection: Connection, shared: Arc<Shared>) -> Self {
        let (parts, incoming) = response.into_parts();
        let body = Body { incoming, connection: Some(connection), shared };
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The schemes that a 401 offers, in the server's order and spelling: `Negotiate`, `NTLM`, `Basic`.
    pub fn challenges(&self) -> Vec<String> {
        schemes(&self.headers)
    }

    /// The leaf certificate of the connection that carried this answer.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.body.connection.as_ref().and_then(Connection::peer_certificate)
    }

    /// The whole body, unpacked, if it is at most `limit` bytes and complete `within` this time.
    ///
    /// # Errors
    /// [`TransportError::TooLarge`], [`TransportError::Timeout`], [`TransportError::Lost`].
    pub async fn collect(mut self, limit: u64, within: Duration) -> Result<Bytes, TransportError> {
        let coding = self.headers.get(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip")) {
            return self.unpack(limit, within).await;
        }
        let too_large = TransportError::TooLarge { endpoint: self.body.shared.endpoint.authority(), limit };
        if self.body.incoming.size_hint().lower() > limit {
            return Err(too_large);
        }
        let deadline = Instant::now() + within;
        let mut whole = BytesMut::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.body.chunk(left).await? {
                Some(chunk) if (whole.len() + chunk.len()) as u64 > limit => return Err(too_large),
                Some(chunk) if whole.is_empty() && self.body.incoming.is_end_stream() => {
                    self.body.release();
                    return Ok(chunk);
                }
                Some(chunk) => whole.extend_from_slice(&chunk),
                None => return Ok(whole.freeze()),
            }
        }
    }

    async fn unpack(mut self, limit: u64, within: Duration) -> Result<Bytes, TransportError> {
        let endpoint = self.body.shared.endpoint.authority();
        let unusable = |why| match why {
            Unusable::TooLarge => TransportError::TooLarge { endpoint: endpoint.clone(), limit },
            Unusable::Damaged => TransportError::Lost {
                endpoint: endpoint.clone(),
                phase: Phase::Body,
                reason: "the compressed answer cannot be unpacked".to_owned(),
            },
        };
        let deadline = Instant::now() + within;
        let mut unpacker = Unpacker::new(limit);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.body.chunk(left).await? {
                Some(chunk) => unpacker.push(&chunk).map_err(unusable)?,
                None => return unpacker.finish().map_err(unusable),
            }
        }
    }

    /// For a body that arrives over minutes.
    pub fn into_body(self) -> Body {
        self.body
    }
}

/// The rest of an answer. Reading to the end gives the connection back; dropping it earlier closes it.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    connection: Option<Connection>,
    shared: Arc<Shared>,
}

impl Body {
    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    /// [`TransportError::Timeout`] when nothing came for `patience`: the sign of a connection that is dead
    /// without saying so. [`TransportError::Lost`] when it broke.
    pub async fn chunk(&mut self, patience: Duration) -> Result<Option<Bytes>, TransportError> {
        let endpoint = || self.shared.endpoint.authority();
        let deadline = Instant::now() + patience;
        loop {
            let frame = timeout_at(deadline, self.incoming.frame()).await.map_err(|_| {
                TransportError::Timeout { endpoint: endpoint(), phase: Phase::Body, after: patience }
            })?;
            match frame {
                None => {
                    self.release();
                    return Ok(None);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Ok(Some(data)),
                    // Trailers carry nothing that is used here.
                    Err(_) => {}
                },
                Some(Err(error)) => {
                    return Err(TransportError::Lost {
                        endpoint: endpoint(),
                        phase: Phase::Body,
                        reason: reason(&error),
                    });
                }
            }
        }
    }

    fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.keep(connection);
        }
    }
}
