//! One connection: TCP, TLS, bind, searches one after the other. Whoever drops an answer half-way drops the connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use secrecy::ExposeSecret;
use tieline_proto_ldap::{
    Authentication, Control, Entry, Message, Operation, Outcome, PagedResults, Password, ResultCode, Search,
    frame_length, oid,
};
use tieline_transport::TlsProblem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Account, DirectoryConfig, Security, ServerAddress};
use crate::error::DirectoryError;

/// A server that goes on sending pages without anybody in them is not followed for ever.
const MAX_EMPTY_PAGES: usize = 1000;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A bound connection.
pub(crate) struct Connection {
    server: ServerAddress,
    stream: Box<dyn Stream>,
    received: BytesMut,
    last_id: i32,
    max_message: usize,
    answer_timeout: Duration,
}

/// How a search ended, with the answer's controls.
pub(crate) struct Done {
    pub(crate) controls: Vec<Control>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.server)
    }
}

impl Connection {
    /// Connects and binds.
    pub(crate) async fn open(
        config: &DirectoryConfig,
        server: &ServerAddress,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Self, DirectoryError> {
        let after = config.limits.connect_timeout;
        let opening = async {
            let mut connection = Self::connect(config, server, tls).await?;
            if let Some(account) = &config.account {
                connection.bind(account).await?;
            }
            Ok(connection)
        };
        timeout(after, opening)
            .await
            .unwrap_or_else(|_| Err(DirectoryError::Timeout { server: server.to_string(), after }))
    }

    async fn connect(
        config: &DirectoryConfig,
        server: &ServerAddress,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Self, DirectoryError> {
        let tcp = TcpStream::connect((server.host.as_str(), server.port))
            .await
            .map_err(|source| DirectoryError::Connect { server: server.to_string(), source })?;
        // Requests are small and wait for their answer.
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = match server.security {
            Security::Plain => Box::new(tcp),
            Security::Ldaps => Box::new(handshake(server, tls, tcp).await?),
            Security::StartTls => {
                let tcp = start_tls(config, server, tcp).await?;
                Box::new(handshake(server, tls, tcp).await?)
            }
        };
        Ok(Self::over(config, server, stream))
    }

    fn over(config: &DirectoryConfig, server: &ServerAddress, stream: Box<dyn Stream>) -> Self {
        Self {
            server: server.clone(),
            stream,
            received: BytesMut::new(),
            last_id: 0,
            max_message: config.limits.max_message,
            answer_timeout: config.limits.answer_timeout,
        }
    }

    pub(crate) fn server(&self) -> &ServerAddress {
        &self.server
    }

    async fn bind(&mut self, account: &Account) -> Result<(), DirectoryError> {
        let authentication = Authentication::Simple(Password::new(account.password.expose_secret()));
        let bind = Operation::Bind { version: 3, name: account.name.clone(), authentication };
        let id = self.send(bind, Vec::new()).await?;
        match self.receive(id).await?.operation {
            Operation::BindDone(outcome) if outcome.code == ResultCode::SUCCESS => Ok(()),
            Operation::BindDone(outcome) => Err(DirectoryError::Bind {
                server: self.server.to_string(),
                account: account.name.clone(),
                outcome,
            }),
            other => Err(self.unexpected(&other)),
        }
    }

    /// One search; each entry goes to `sink`.
    pub(crate) async fn search(
        &mut self,
        search: &Search,
        controls: Vec<Control>,
        sink: &mut (dyn FnMut(Entry) -> Result<(), DirectoryError> + Send),
    ) -> Result<Done, DirectoryError> {
        let id = self.send(Operation::Search(Box::new(search.clone())), controls).await?;
        loop {
            let message = self.receive(id).await?;
            match message.operation {
                Operation::Entry(entry) => sink(entry)?,
                // Other parts of the tree have bases of their own in the settings.
                Operation::Reference(_) => {}
                Operation::SearchDone(outcome) if outcome.code == ResultCode::SUCCESS => {
                    return Ok(Done { controls: message.controls });
                }
                Operation::SearchDone(outcome) => {
                    return Err(DirectoryError::Search {
                        server: self.server.to_string(),
                        base: search.base.clone(),
                        outcome,
                    });
                }
                other => return Err(self.unexpected(&other)),
            }
        }
    }

    /// A search page by page (RFC 2696), to its end. Returns only when the listing is complete.
    pub(crate) async fn search_all(
        &mut self,
        search: &Search,
        page_size: u16,
        sink: &mut (dyn FnMut(Entry) -> Result<(), DirectoryError> + Send),
    ) -> Result<(), DirectoryError> {
        let mut cookie = Vec::new();
        let mut empty_pages = 0;
        loop {
            let paging = PagedResults { size: i32::from(page_size), cookie };
            let mut entries = 0_usize;
            let mut counted = |entry| {
                entries += 1;
                sink(entry)
            };
            let done = self.search(search, vec![paging.control(false)], &mut counted).await?;
            // A server without paging answers without the control, and has then sent all.
            cookie =
                PagedResults::find(&done.controls).map_err(|e| self.malformed(e))?.unwrap_or_default().cookie;
            empty_pages = if entries == 0 { empty_pages + 1 } else { 0 };
            if cookie.is_empty() {
                return Ok(());
            }
            if empty_pages > MAX_EMPTY_PAGES {
                return Err(self.lost("it sends empty pages without end"));
            }
        }
    }

    /// Says goodbye; nothing depends on whether it arrives.
    pub(crate) async fn close(mut self) {
        let _ = self.send(Operation::Unbind, Vec::new()).await;
        let _ = timeout(Duration::from_millis(200), self.stream.shutdown()).await;
    }

    async fn send(&mut self, operation: Operation, controls: Vec<Control>) -> Result<i32, DirectoryError> {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let message = Message::new(self.last_id, operation).with(controls);
        // The bytes may hold a password.
        let bytes = zeroize::Zeroizing::new(message.encode());
        let sending = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.answer_timeout, sending).await {
            Ok(Ok(())) => Ok(self.last_id),
            Ok(Err(error)) => Err(self.lost(error)),
            Err(_) => Err(self.late()),
        }
    }

    /// The next message that answers `id`.
    async fn receive(&mut self, id: i32) -> Result<Message, DirectoryError> {
        loop {
            let message = match timeout(self.answer_timeout, self.message()).await {
                Ok(message) => message?,
                Err(_) => return Err(self.late()),
            };
            match message.operation {
                _ if message.id == id => return Ok(message),
                Operation::ExtendedDone { outcome, .. } if message.id == 0 => {
                    return Err(self.lost(format!("notice of disconnection: {outcome}")));
                }
                // Late parts of an answer that nobody waits for.
                _ => {}
            }
        }
    }

    async fn message(&mut self) -> Result<Message, DirectoryError> {
        loop {
            let length = frame_length(&self.received, self.max_message).map_err(|e| self.malformed(e))?;
            if let Some(length) = length.filter(|length| *length <= self.received.len()) {
                let message = Message::decode(&self.received[..length]).map_err(|e| self.malformed(e));
                self.received.advance(length);
                return message;
            }
            self.received.reserve(16 * 1024);
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(self.lost("it closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(self.lost(error)),
            }
        }
    }

    fn lost(&self, reason: impl ToString) -> DirectoryError {
        DirectoryError::Lost { server: self.server.to_string(), reason: reason.to_string() }
    }

    fn late(&self) -> DirectoryError {
        DirectoryError::Timeout { server: self.server.to_string(), after: self.answer_timeout }
    }

    fn malformed(&self, error: tieline_proto_ldap::BerError) -> DirectoryError {
        DirectoryError::Malformed { server: self.server.to_string(), error }
    }

    fn unexpected(&self, operation: &Operation) -> DirectoryError {
        let kind = match operation {
            Operation::ExtendedDone { outcome, .. } => outcome.to_string(),
            _ => "an answer to another question".to_owned(),
        };
        self.lost(format!("it sent {kind}"))
    }
}

async fn handshake(
    server: &ServerAddress,
    tls: Arc<rustls::ClientConfig>,
    tcp: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, DirectoryError> {
    let failed = |problem| DirectoryError::Tls { server: server.to_string(), problem };
    let name = rustls::pki_types::ServerName::try_from(server.host.clone()).map_err(|_| {
        failed(TlsProblem::BadCertificate { detail: "the host is no name a certificate can bear".to_owned() })
    })?;
    let connector = tokio_rustls::TlsConnector::from(tls);
    connector.connect(name, tcp).await.map_err(|error| failed(TlsProblem::name(&error, &server.host)))
}

/// Asks for TLS on a plain connection (RFC 4511 section 4.14). What arrives with the answer would not be protected, and
/// nothing may: then somebody in between has put it there.
async fn start_tls(
    config: &DirectoryConfig,
    server: &ServerAddress,
    mut tcp: TcpStream,
) -> Result<TcpStream, DirectoryError> {
    let refused = |outcome| Err(DirectoryError::StartTls { server: server.to_string(), outcome });
    let id = 1;
    let request = Message::new(id, Operation::Extended { name: oid::START_TLS.to_owned(), value: None });
    let lost = |reason: String| DirectoryError::Lost { server: server.to_string(), reason };
    tcp.write_all(&request.encode()).await.map_err(|error| lost(error.to_string()))?;
    let mut received = BytesMut::new();
    loop {
        let malformed = |error| DirectoryError::Malformed { server: server.to_string(), error };
        let length = frame_length(&received, config.limits.max_message.min(64 * 1024)).map_err(malformed)?;
        if let Some(length) = length.filter(|length| *length <= received.len()) {
            let message = Message::decode(&received[..length]).map_err(malformed)?;
            if received.len() > length {
                return Err(lost("it sent something between StartTLS and TLS".to_owned()));
            }
            return match message.operation {
                Operation::ExtendedDone { outcome, .. } if outcome.code != ResultCode::SUCCESS => {
                    refused(outcome)
                }
                Operation::ExtendedDone { .. } if message.id == id => Ok(tcp),
                _ => refused(Outcome::failure(ResultCode::PROTOCOL_ERROR, "the answer is none to StartTLS")),
            };
        }
        match tcp.read_buf(&mut received).await {
            Ok(0) => return Err(lost("it closed the connection instead of answering StartTLS".to_owned())),
            Ok(_) => {}
            Err(error) => return Err(lost(error.to_string())),
        }
    }
}
