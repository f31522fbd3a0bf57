//! One TCP or TLS connection and the HTTP/1.1 conversation on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tieline_proto_ntlm::NtlmError;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authenticator::Authenticator;
use crate::certificate::CertificateFacts;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::{Phase, TlsProblem, TransportError};
use crate::guard::Reach;
use crate::payload::Outgoing;
use crate::trust::{Fingerprint, Trust, inspection_config};
use crate::trust_store::TrustStore;

/// A server's header section may be this large, and no more is buffered ahead of the reader.
const READ_BUFFER: usize = 128 * 1024;
const MAX_HEADERS: usize = 128;

/// A live connection. Whoever holds it may send; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Outgoing>,
    driver: AbortHandle,
    authenticator: Authenticator,
    authority: String,
    host: String,
    /// The leaf that the server presented, for channel binding (RFC 5929).
    peer_certificate: Option<CertificateDer<'static>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What became of handing a request to a connection.
pub(crate) enum Sent {
    Answered(http::Response<Incoming>),
    /// The connection was already closed; the request did not leave.
    Unsent(Request<Outgoing>),
}

impl Connection {
    pub(crate) async fn open(
        endpoint: &Endpoint,
        tls: &Arc<ClientConfig>,
        reach: &Reach,
        authenticator: Authenticator,
        patience: Duration,
    ) -> Result<Self, TransportError> {
        let deadline = Instant::now() + patience;
        let stream = connect(endpoint, reach, deadline, patience).await?;
        let (sender, driver, peer_certificate) = match endpoint.scheme() {
            Scheme::Http => {
                let (sender, driver) = converse(endpoint, stream).await?;
                (sender, driver, None)
            }
            Scheme::Https => {
                let stream = handshake(endpoint, tls, stream, deadline, patience).await?;
                let certificate = leaf(&stream);
                let (sender, driver) = converse(endpoint, stream).await?;
                (sender, driver, certificate)
            }
        };
        tracing::debug!(endpoint = %endpoint.authority(), "transport.connected");
        Ok(Self {
            sender,
            driver,
            authenticator,
            host: endpoint.host().to_owned(),
            authority: endpoint.authority(),
            peer_certificate,
        })
    }

    /// Sends one request, whose URI is a path, after the handshake that the connection may still owe. Returns when the
    /// answer's headers are there.
    pub(crate) async fn send(&mut self, mut request: Request<Outgoing>) -> Result<Sent, TransportError> {
        let host = HeaderValue::from_str(&self.authority).map_err(|error| TransportError::BadRequest {
            endpoint: self.authority.clone(),
            reason: error.to_string(),
        })?;
        request.headers_mut().insert(header::HOST, host);
        if let Some(authorization) = self.authenticator.authorization() {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        if self.authenticator.handshake().is_some() {
            return self.introduce(request).await;
        }
        self.put(request).await
    }

    /// The legs of NTLM: hello without a body, challenge, and the request itself with the answer.
    async fn introduce(&mut self, mut request: Request<Outgoing>) -> Result<Sent, TransportError> {
        loop {
            let Some(ntlm) = self.authenticator.handshake() else { return self.put(request).await };
            let failed = |error: NtlmError| TransportError::SignIn {
                endpoint: self.authority.clone(),
                reason: error.to_string(),
            };
            let hello = ntlm.hello().map_err(failed)?;
            let mut leg = request.clone();
            *leg.body_mut() = Outgoing::default();
            leg.headers_mut().extend(hello.map(|hello| (header::AUTHORIZATION, hello)));
            let response = match self.put(leg).await? {
                Sent::Answered(response) => response,
                Sent::Unsent(_) => return Ok(Sent::Unsent(request)),
            };
            if response.status().is_success() {
                // Nobody is asked who they are here.
                self.drain(response).await?;
                return self.put(request).await;
            }
            let Some(ntlm) = self.authenticator.handshake() else { return Ok(Sent::Answered(response)) };
            let headers = response.headers().clone();
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(Sent::Answered(response));
            }
            let Some(challenge) = ntlm.challenge(&headers) else {
                if !ntlm.rename(&headers) {
                    return Ok(Sent::Answered(response));
                }
                self.drain(response).await?;
                continue;
            };
            let certificate = self.peer_certificate.as_ref().map(AsRef::as_ref);
            let failed = |error: NtlmError| TransportError::SignIn {
                endpoint: self.authority.clone(),
                reason: error.to_string(),
            };
            let answer = ntlm.answer(&challenge, &headers, &self.host, certificate).map_err(failed)?;
            request.headers_mut().extend(answer.map(|answer| (header::AUTHORIZATION, answer)));
            self.drain(response).await?;
            let sent = self.put(request).await?;
            if let (Sent::Answered(response), Some(ntlm)) = (&sent, self.authenticator.handshake()) {
                ntlm.done = response.status() != StatusCode::UNAUTHORIZED;
            }
            return Ok(sent);
        }
    }

    /// Reads what nobody needs, so that the connection can go on.
    async fn drain(&self, response: http::Response<Incoming>) -> Result<(), TransportError> {
        let body = Limited::new(response.into_body(), READ_BUFFER);
        body.collect().await.map(|_| ()).map_err(|error| TransportError::NotSent {
            endpoint: self.authority.clone(),
            reason: format!("the answer to the first message of NTLM could not be read: {error}"),
        })
    }

    /// Whether the connection itself has been authenticated.
    pub(crate) fn is_proven(&self) -> bool {
        self.authenticator.is_connection_proven()
    }

    async fn put(&mut self, request: Request<Outgoing>) -> Result<Sent, TransportError> {
        let lost = |reason: String| TransportError::Lost {
            endpoint: self.authority.clone(),
            phase: Phase::Answer,
            reason,
        };
        if self.sender.ready().await.is_err() {
            return Ok(Sent::Unsent(request));
        }
        match self.sender.try_send_request(request).await {
            Ok(response) => Ok(Sent::Answered(response)),
            Err(mut error) => match error.take_message() {
                Some(request) => Ok(Sent::Unsent(request)),
                None => Err(lost(reason(error.error()))),
            },
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(crate) fn peer_certificate(&self) -> Option<&[u8]> {
        self.peer_certificate.as_ref().map(AsRef::as_ref)
    }
}

/// The innermost cause says most: hyper's own text is only "connection error".
pub(crate) fn reason(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

async fn connect(
    endpoint: &Endpoint,
    reach: &Reach,
    deadline: Instant,
    patience: Duration,
) -> Result<TcpStream, TransportError> {
    let late = |_| TransportError::Timeout {
        endpoint: endpoint.authority(),
        phase: Phase::Connect,
        after: patience,
    };
    let addresses = timeout_at(deadline, resolve(endpoint)).await.map_err(late)??;
    let mut last = None;
    for address in addresses {
        if let Reach::Guarded(guard) = reach {
            guard.check(address.ip()).map_err(|class| TransportError::Guarded {
                host: endpoint.host().to_owned(),
                address: address.ip(),
                class,
            })?;
        }
        match timeout_at(deadline, TcpStream::connect(address)).await.map_err(late)? {
            Ok(stream) => {
                // A request is one write; waiting for more only delays it.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let source = last.unwrap_or_else(|| std::io::Error::other("the name has no address"));
    Err(TransportError::Connect { endpoint: endpoint.authority(), source })
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, TransportError> {
    let found = tokio::net::lookup_host((endpoint.host(), endpoint.port()))
        .await
        .map_err(|source| TransportError::Resolve { host: endpoint.host().to_owned(), source })?;
    Ok(found.collect())
}

async fn handshake(
    endpoint: &Endpoint,
    tls: &Arc<ClientConfig>,
    stream: TcpStream,
    deadline: Instant,
    patience: Duration,
) -> Result<TlsStream<TcpStream>, TransportError> {
    let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|_| TransportError::BadUrl {
        url: endpoint.to_string(),
        reason: "its host is neither a DNS name nor an address",
    })?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(TransportError::Tls {
            endpoint: endpoint.authority(),
            problem: TlsProblem::name(&error, endpoint.host()),
        }),
        Err(_) => Err(TransportError::Timeout {
            endpoint: endpoint.authority(),
            phase: Phase::Handshake,
            after: patience,
        }),
    }
}

async fn converse<S>(
    endpoint: &Endpoint,
    stream: S,
) -> Result<(SendRequest<Outgoing>, AbortHandle), TransportError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = Builder::new()
        .max_buf_size(READ_BUFFER)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| TransportError::NotSent {
            endpoint: endpoint.authority(),
            reason: reason(&error),
        })?;
    // Its error also reaches the request in flight, so it is not reported a second time here.
    let driver = tokio::spawn(async move {
        connection.await.ok();
    });
    Ok((sender, driver.abort_handle()))
}

fn leaf(stream: &TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().and_then(|chain| chain.first()).cloned().map(CertificateDer::into_owned)
}

/// A certificate as a server presents it, believed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedCertificate {
    pub der: Vec<u8>,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of its subject public key info, where the certificate can be parsed.
    pub key_fingerprint: Option<Fingerprint>,
    /// What it says of itself, where the certificate can be parsed.
    pub facts: Option<CertificateFacts>,
}

/// What the server at `endpoint` presents, leaf first. Nothing is sent and nothing is believed: this is for
/// showing fingerprints to a person who compares them.
///
/// # Errors
/// [`TransportError`] when there is no TLS server to ask.
pub async fn presented_chain(
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<Vec<PresentedCertificate>, TransportError> {
    let deadline = Instant::now() + patience;
    let stream = connect(endpoint, &Reach::Configured, deadline, patience).await?;
    let stream = handshake(endpoint, &inspection_config()?, stream, deadline, patience).await?;
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default();
    Ok(chain.iter().map(|certificate| PresentedCertificate::new(certificate.to_vec())).collect())
}

/// Goes the way to a server as a client with this trust does, and no further: name, port, certificate. Gives where it
/// answers, and the chain it presents; none without TLS.
///
/// # Errors
/// [`TransportError`] says how far it came.
pub async fn walk(
    endpoint: &Endpoint,
    trust: &Trust,
    store: &TrustStore,
    patience: Duration,
) -> Result<(SocketAddr, Vec<PresentedCertificate>), TransportError> {
    let deadline = Instant::now() + patience;
    let tls = trust.client_config(store)?;
    let stream = connect(endpoint, &Reach::Configured, deadline, patience).await?;
    let address = stream
        .peer_addr()
        .map_err(|source| TransportError::Connect { endpoint: endpoint.authority(), source })?;
    if endpoint.scheme() == Scheme::Http {
        return Ok((address, Vec::new()));
    }
    let stream = handshake(endpoint, &tls, stream, deadline, patience).await?;
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default();
    Ok((address, chain.iter().map(|one| PresentedCertificate::new(one.to_vec())).collect()))
}
