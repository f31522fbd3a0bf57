//! Requests of one identity to one server, over a few connections that are kept open.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Connection, Sent, reason};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{Phase, TransportError};
use crate::guard::Reach;
use crate::trust::Trust;

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
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_idle: 8,
            reach: Reach::Configured,
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
        let tls = trust.client_config()?;
        let idle = Mutex::new(Vec::new());
        Ok(Self { shared: Arc::new(Shared { endpoint, credentials, tls, options, idle }) })
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
    /// The request is repeated on a new connection only if a kept one turned out closed before it left.
    ///
    /// # Errors
    /// [`TransportError`]; see [`TransportError::may_have_happened`].
    pub async fn send(&self, request: Request<Bytes>, within: Duration) -> Result<Response, TransportError> {
        let shared = &self.shared;
        let late =
            |phase| TransportError::Timeout { endpoint: shared.endpoint.authority(), phase, after: within };
        let deadline = Instant::now() + within;
        let mut request = request.map(Full::new);
        loop {
            let kept = shared.take_idle();
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => timeout_at(deadline, shared.open()).await.map_err(|_| late(Phase::Connect))??,
            };
            match timeout_at(deadline, connection.send(request)).await.map_err(|_| late(Phase::Answer))?? {
                Sent::Answered(response) => {
                    return Ok(Response::new(response, connection, Arc::clone(shared)));
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
    async fn open(&self) -> Result<Connection, TransportError> {
        Connection::open(
            &self.endpoint,
            &self.tls,
            &self.options.reach,
            &self.credentials,
            self.options.connect_timeout,
        )
        .await
    }

    /// The most recently used open connection: the others may then grow old and close.
    fn take_idle(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.connection.is_open() && now - kept.since < self.options.idle_timeout);
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
        let values =
            self.headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        values.filter_map(|value| value.split_ascii_whitespace().next()).map(str::to_owned).collect()
    }

    /// The leaf certificate of the connection that carried this answer.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.body.connection.as_ref().and_then(Connection::peer_certificate)
    }

    /// The whole body, if it is at most `limit` bytes and complete `within` this time.
    ///
    /// # Errors
    /// [`TransportError::TooLarge`], [`TransportError::Timeout`], [`TransportError::Lost`].
    pub async fn collect(mut self, limit: u64, within: Duration) -> Result<Bytes, TransportError> {
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
