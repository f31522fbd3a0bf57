//! A small HTTP server on loopback whose answers a test scripts, with TLS when it is given a certificate.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub(crate) type Answer = Response<BoxBody<Bytes, std::io::Error>>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request with what `answer` makes of it.
    pub(crate) async fn start<F>(tls: Option<rustls::ServerConfig>, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Answer + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let answer = Arc::new(answer);
        let tls = tls.map(|config| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (answer, tls) = (Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let response = answer(request);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    match tls {
                        None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, connections, task: task.abort_handle() }
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) fn text(body: impl Into<Bytes>) -> Answer {
    Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed())
}
