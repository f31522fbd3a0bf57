//! The listener: connections, their limits, and the bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tieline_proto_ldap::{Message, Operation, Outcome, ResultCode, frame_length, oid};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::session::{Next, Session};
use crate::{Access, Books};

/// The largest request, in bytes: a filter with some attributes.
const MAX_REQUEST: usize = 64 * 1024;
/// Connections at once.
const MAX_CONNECTIONS: usize = 512;
/// A telephone that is silent for so long is hung up on.
const IDLE: Duration = Duration::from_secs(300);
/// A telephone must take its answers and finish its handshake within this time.
const WITHIN: Duration = Duration::from_secs(10);
/// What a wrong password costs.
const WRONG: Duration = Duration::from_secs(1);
/// After so many wrong passwords the connection ends.
const MOST_WRONG: usize = 3;

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PhoneBookError {
    /// The address is taken or not this machine's.
    #[error("the phone book cannot be served at {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

/// One place where it is served.
#[derive(Clone)]
pub struct Listener {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// With TLS from the first byte on (`ldaps`).
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// A phone book that is being served.
#[derive(Debug)]
pub struct PhoneBook {
    addresses: Vec<SocketAddr>,
}

impl PhoneBook {
    /// Serves it until `stop`. When this returns, everything listens.
    ///
    /// # Errors
    /// [`PhoneBookError::Listen`].
    pub async fn start(
        listeners: Vec<Listener>,
        access: Access,
        books: Arc<dyn Books>,
        stop: CancellationToken,
    ) -> Result<Self, PhoneBookError> {
        let access = Arc::new(access);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut addresses = Vec::new();
        for Listener { address, tls } in listeners {
            let failed = |error| PhoneBookError::Listen { address, error };
            let socket = TcpListener::bind(address).await.map_err(failed)?;
            addresses.push(socket.local_addr().map_err(failed)?);
            let (access, books) = (Arc::clone(&access), Arc::clone(&books));
            tokio::spawn(accept(
                socket,
                tls.map(TlsAcceptor::from),
                access,
                books,
                Arc::clone(&places),
                stop.clone(),
            ));
        }
        Ok(Self { addresses })
    }

    /// Where it is served.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

async fn accept(
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    access: Arc<Access>,
    books: Arc<dyn Books>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a telephone's connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Above the limit, the newest goes.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let session = Session::new(Arc::clone(&access), Arc::clone(&books));
        let (tls, stop) = (tls.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve(stream, tls, session) => {}
            }
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, session: Session) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => converse(stream, session).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(WITHIN, tls.accept(stream)).await {
                converse(stream, session).await;
            }
        }
    }
}

/// One connection, to its end.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, mut session: Session) {
    let mut received = BytesMut::new();
    let mut wrong = 0;
    loop {
        match frame_length(&received, MAX_REQUEST) {
            Ok(Some(length)) if length <= received.len() => {
                let request = received.get(..length).map(Message::decode);
                received.advance(length);
                let Some(Ok(request)) = request else {
                    let _ = send(&mut stream, &[disconnection()]).await;
                    return;
                };
                let answers = match session.answer(request).await {
                    Next::Answer(answers) => answers,
                    Next::Wrong(answers) => {
                        wrong += 1;
                        tokio::time::sleep(WRONG).await;
                        answers
                    }
                    Next::Close => return,
                };
                if !send(&mut stream, &answers).await || wrong >= MOST_WRONG {
                    return;
                }
            }
            Ok(_) => match timeout(IDLE, stream.read_buf(&mut received)).await {
                Ok(Ok(read)) if read > 0 => {}
                _ => return,
            },
            Err(_) => {
                let _ = send(&mut stream, &[disconnection()]).await;
                return;
            }
        }
    }
}

/// False when the telephone is gone or does not take its answers.
async fn send(stream: &mut (impl AsyncWrite + Unpin), answers: &[Message]) -> bool {
    let bytes: Vec<u8> = answers.iter().flat_map(Message::encode).collect();
    let sending = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    matches!(timeout(WITHIN, sending).await, Ok(Ok(())))
}

/// The last word to somebody who does not speak LDAP (RFC 4511 section 4.4.1).
fn disconnection() -> Message {
    let outcome = Outcome::failure(ResultCode::PROTOCOL_ERROR, "this is not LDAP, or too long");
    Message::new(
        0,
        Operation::ExtendedDone { outcome, name: Some(oid::DISCONNECTION.to_owned()), value: None },
    )
}
