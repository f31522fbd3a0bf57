//! HTTP/1.1 over a Unix socket: how the command line reaches the server on the same machine. The socket's file
//! permissions are the authentication.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::error::{Phase, TransportError};

/// A server behind a Unix socket. Each request is a connection of its own.
#[derive(Debug, Clone)]
pub struct LocalClient {
    socket: PathBuf,
}

impl LocalClient {
    /// Nothing is opened yet.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// The socket's path.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends a request whose URI is a path and reads the whole answer, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// [`TransportError::Connect`], [`TransportError::Lost`], [`TransportError::Timeout`],
    /// [`TransportError::TooLarge`].
    pub async fn send(
        &self,
        request: Request<Bytes>,
        within: Duration,
        limit: u64,
    ) -> Result<(StatusCode, Bytes), TransportError> {
        let late =
            |_| TransportError::Timeout { endpoint: self.endpoint(), phase: Phase::Answer, after: within };
        timeout(within, self.exchange(request, limit)).await.map_err(late)?
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limit: u64,
    ) -> Result<(StatusCode, Bytes), TransportError> {
        let lost = |error: hyper::Error| TransportError::Lost {
            endpoint: self.endpoint(),
            phase: Phase::Answer,
            reason: error.to_string(),
        };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| TransportError::Connect { endpoint: self.endpoint(), source })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let mut request = request.map(Full::new);
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        let conversation = async {
            let response = sender.send_request(request).await.map_err(lost)?;
            let status = response.status();
            let mut body = response.into_body();
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame.map_err(lost)?.into_data() {
                    if (whole.len() + data.len()) as u64 > limit {
                        return Err(TransportError::TooLarge { endpoint: self.endpoint(), limit });
                    }
                    whole.extend_from_slice(&data);
                }
            }
            Ok((status, whole.freeze()))
        };
        // The connection is driven here, beside the conversation, so that no task outlives the request.
        let mut connection = std::pin::pin!(connection);
        let mut conversation = std::pin::pin!(conversation);
        tokio::select! {
            answer = &mut conversation => answer,
            ended = &mut connection => {
                ended.map_err(lost)?;
                conversation.await
            }
        }
    }

    fn endpoint(&self) -> String {
        self.socket.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    async fn answered(answer: &'static [u8], limit: u64) -> Result<(StatusCode, Bytes), TransportError> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let request = Request::get("/api/v1/status").body(Bytes::new()).unwrap();
        let answer = LocalClient::new(&socket).send(request, Duration::from_secs(5), limit).await;
        assert!(server.await.unwrap().starts_with("GET /api/v1/status HTTP/1.1\r\n"));
        answer
    }

    #[tokio::test]
    async fn an_answer_is_read_whole() {
        let (status, body) = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 100).await.unwrap();
        assert_eq!((status, body.as_ref()), (StatusCode::OK, b"{}".as_ref()));
    }

    #[tokio::test]
    async fn too_much_and_too_little_are_errors() {
        let large = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n01234567890123456789", 10).await;
        assert!(matches!(large, Err(TransportError::TooLarge { limit: 10, .. })), "{large:?}");
        let cut = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n0123", 100).await;
        assert!(matches!(cut, Err(TransportError::Lost { .. })), "{cut:?}");
    }

    #[tokio::test]
    async fn nobody_behind_the_socket_is_an_error() {
        let client = LocalClient::new(Path::new("/nonexistent/admin.sock"));
        let request = Request::get("/").body(Bytes::new()).unwrap();
        let error = client.send(request, Duration::from_secs(1), 10).await.unwrap_err();
        assert!(error.to_string().contains("admin.sock"), "{error}");
    }
}
