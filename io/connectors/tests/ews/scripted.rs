//! A server on loopback that answers as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub(crate) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: AbortHandle,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    /// `answer` is given the number of the request, from 0.
    pub(crate) async fn start<F>(answer: F) -> Self
    where
        F: Fn(usize) -> Answer + Send + Sync + 'static,
    {
        Self::reading(move |number, _| answer(number)).await
    }

    /// `answer` is given the number of the request and the request itself.
    pub(crate) async fn reading<F>(answer: F) -> Self
    where
        F: Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                        async move {
                            let (parts, body) = request.into_parts();
                            let body = body.collect().await.unwrap().to_bytes();
                            let body = String::from_utf8(body.to_vec()).unwrap();
                            let asked =
                                Asked { path: parts.uri.path().to_owned(), headers: parts.headers, body };
                            let number = {
                                let mut seen = seen.lock().unwrap();
                                seen.push(asked.clone());
                                seen.len() - 1
                            };
                            Ok::<_, Infallible>(answer(number, &asked))
                        }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    http.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Self { address, asked, task: task.abort_handle() }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) fn status(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into()).boxed()).unwrap()
}

pub(crate) fn xml(code: u16, body: Vec<u8>) -> Answer {
    status(code, &[("content-type", "text/xml; charset=utf-8")], body)
}

/// An answer that goes on as long as its sender lives.
pub(crate) fn stream() -> (mpsc::UnboundedSender<Vec<u8>>, Answer) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<u8>>();
    let pieces = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(Bytes::from(piece)))))
    });
    let body = BodyExt::boxed(StreamBody::new(pieces));
    (sender, Response::builder().header("content-type", "text/xml").body(body).unwrap())
}
