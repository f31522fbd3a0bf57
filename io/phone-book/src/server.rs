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

use crate::session::{Next, Protection, Session};
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
    /// How its connections are protected.
    pub security: Security,
}

/// How connections are protected.
#[derive(Clone)]
pub enum Security {
    /// Not at all.
    Plain,
    /// By TLS as soon as the telephone asks for it (StartTLS).
    StartTls(Arc<rustls::ServerConfig>),
    /// By TLS from the first byte on (`ldaps`).
    Tls(Arc<rustls::ServerConfig>),
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
        for Listener { address, security } in listeners {
            let failed = |error| PhoneBookError::Listen { address, error };
            let socket = TcpListener::bind(address).await.map_err(failed)?;
            addresses.push(socket.local_addr().map_err(failed)?);
            let (access, books) = (Arc::clone(&access), Arc::clone(&books));
            tokio::spawn(accept(socket, security, access, books, Arc::clone(&places), stop.clone()));
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
    security: Security,
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
        let protection = match security {
            Security::Plain => Protection::None,
            Security::StartTls(_) => Protection::Offered,
            Security::Tls(_) => Protection::Tls,
        };
        let session = Session::new(Arc::clone(&access), Arc::clone(&books), protection);
        let (security, stop) = (security.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve(stream, security, session) => {}
            }
            drop(place);
        });
    }
}

async fn serve(mut stream: TcpStream, security: Security, mut session: Session) {
    let _ = stream.set_nodelay(true);
    let mut wrong = 0;
    let tls = match security {
        Security::Tls(tls) => tls,
        Security::Plain => {
            converse(&mut stream, &mut session, &mut wrong).await;
            return;
        }
        Security::StartTls(tls) => match converse(&mut stream, &mut session, &mut wrong).await {
            Ended::Secure => tls,
            Ended::Over => return,
        },
    };
    if let Ok(Ok(mut stream)) = timeout(WITHIN, TlsAcceptor::from(tls).accept(stream)).await {
        session.secured();
        converse(&mut stream, &mut session, &mut wrong).await;
    }
}

/// How a conversation ended.
enum Ended {
    /// For good.
    Over,
    /// It goes on under TLS.
    Secure,
}

/// One connection, to its end or to StartTLS.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    session: &mut Session,
    wrong: &mut usize,
) -> Ended {
    let mut received = BytesMut::new();
    loop {
        match frame_length(&received, MAX_REQUEST) {
            Ok(Some(length)) if length <= received.len() => {
                let request = received.get(..length).map(Message::decode);
                received.advance(length);
                let Some(Ok(request)) = request else {
                    let _ = send(stream, &[disconnection()]).await;
                    return Ended::Over;
                };
                let answers = match session.answer(request).await {
                    Next::Answer(answers) => answers,
                    Next::Wrong(answers) => {
                        *wrong += 1;
                        tokio::time::sleep(WRONG).await;
                        answers
                    }
                    // What came before TLS and was not asked for may be anybody's: the connection ends.
                    Next::Secure(_) if !received.is_empty() => return Ended::Over,
                    Next::Secure(answers) => {
                        return if send(stream, &answers).await { Ended::Secure } else { Ended::Over };
                    }
                    Next::Close => return Ended::Over,
                };
                if !send(stream, &answers).await || *wrong >= MOST_WRONG {
                    return Ended::Over;
                }
            }
            Ok(_) => match timeout(IDLE, stream.read_buf(&mut received)).await {
                Ok(Ok(read)) if read > 0 => {}
                _ => return Ended::Over,
            },
            Err(_) => {
                let _ = send(stream, &[disconnection()]).await;
                return Ended::Over;
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
