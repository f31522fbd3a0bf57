//! The listeners: HTTP/1.1 on loopback, plain and with TLS, one task a connection.

use std::{convert::Infallible, fmt, net::SocketAddr, pin::pin, sync::Arc};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use crate::{LabError, server::Server, sign_in::Connection, tls::Tls};

/// A response's body; its error cuts the connection.
pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;

/// The connection is closed on purpose: a fault was asked for, or the lab stops.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lab closed the connection on purpose")
    }
}

impl std::error::Error for Cut {}

/// A body that is all there.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that is made while it is sent.
pub(crate) fn in_pieces(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

/// Binds a listener; other machines must not reach the lab, whose passwords are public.
pub(crate) async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, LabError> {
    if !address.ip().is_loopback() {
        return Err(LabError::NotLoopback { what, address });
    }
    TcpListener::bind(address).await.map_err(|error| LabError::Listen { what, address, error })
}

/// Accepts connections until the lab stops.
pub(crate) async fn accept(server: Arc<Server>, listener: TcpListener, tls: Option<Tls>) {
    loop {
        let stream = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "lab could not accept a connection");
                    continue;
                }
            },
        };
        // Small answers must not wait for more bytes.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "lab could not set TCP_NODELAY");
        }
        let connection_server = Arc::clone(&server);
        let tls = tls.clone();
        server.tasks.spawn(async move {
            match tls {
                None => serve(connection_server, stream, Connection::new(false, None)).await,
                Some(tls) => match tls.acceptor.accept(stream).await {
                    Ok(stream) => {
                        serve(connection_server, stream, Connection::new(true, Some(tls.binding))).await;
                    }
                    Err(error) => tracing::debug!(%error, "lab: TLS handshake failed"),
                },
            }
        });
    }
}

async fn serve(
    server: Arc<Server>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Connection,
) {
    let identity = Arc::new(connection);
    let stop = server.stop.clone();
    let answering = Arc::clone(&server);
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, identity) = (Arc::clone(&answering), Arc::clone(&identity));
        async move { server.answer(request, &identity).await }
    });
    let connection = http1::Builder::new().keep_alive(true).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut hung_up = pin!(server.hung_up.notified());
    hung_up.as_mut().enable();
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = hung_up => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "lab: connection ended");
    }
}
