//! The client against small servers on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::{Server, text};
use ::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tieline_transport::{
    Client, ClientOptions, Credentials, Endpoint, Guard, Phase, Reach, TransportError, Trust,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(20);
const LIMIT: u64 = 1 << 20;

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&format!("http://{}/EWS/Exchange.asmx", server.address)).unwrap()
}

fn client_with(endpoint: Endpoint, credentials: Credentials, options: ClientOptions) -> Client {
    Client::new(endpoint, credentials, &Trust::Platform, options).unwrap()
}

fn client(endpoint: Endpoint) -> Client {
    client_with(endpoint, Credentials::Anonymous, ClientOptions::default())
}

fn post(body: &'static str) -> Request<Bytes> {
    Request::builder()
        .method(Method::POST)
        .uri("/EWS/Exchange.asmx")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

#[tokio::test]
async fn requests_carry_host_and_identity_and_share_one_connection() {
    let server = Server::start(None, |request| {
        let header =
            |name| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        text(format!("{} {} {} {}", request.method(), request.uri(), header("host"), header("authorization")))
    })
    .await;
    let client = client_with(endpoint(&server), Credentials::basic("u", "p"), ClientOptions::default());
    for _ in 0..5 {
        let response = client.send(post("x"), LONG).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        let body = response.collect(LIMIT, LONG).await.unwrap();
        assert_eq!(body, format!("POST /EWS/Exchange.asmx {} Basic dTpw", server.address));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_at_the_same_time_have_connections_of_their_own() {
    let server = Server::start(None, |_| text("ok")).await;
    let client = client(endpoint(&server));
    let first = client.send(post("1"), LONG).await.unwrap();
    let second = client.send(post("2"), LONG).await.unwrap();
    assert_eq!(server.connections(), 2);
    first.collect(LIMIT, LONG).await.unwrap();
    second.collect(LIMIT, LONG).await.unwrap();
    client.send(post("3"), LONG).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_is_dropped_unread_takes_its_connection_with_it() {
    let server = Server::start(None, |_| text("ok")).await;
    let client = client(endpoint(&server));
    drop(client.send(post("1"), LONG).await.unwrap());
    client.send(post("2"), LONG).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_announced_or_not() {
    let server = Server::start(None, |request| {
        if request.uri().path() == "/announced" {
            return text(vec![b'x'; 5000]);
        }
        let pieces = (0..50).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b'x'; 100]))));
        let stream = StreamBody::new(tokio_stream_iter(pieces));
        Response::new(BodyExt::boxed(stream))
    })
    .await;
    let client = client(endpoint(&server));
    for path in ["/announced", "/chunked"] {
        let request = Request::builder().uri(path).body(Bytes::new()).unwrap();
        let response = client.send(request, LONG).await.unwrap();
        let error = response.collect(4999, LONG).await.unwrap_err();
        assert!(matches!(error, TransportError::TooLarge { limit: 4999, .. }), "{path}: {error}");
        let request = Request::builder().uri(path).body(Bytes::new()).unwrap();
        let whole = client.send(request, LONG).await.unwrap().collect(5000, LONG).await.unwrap();
        assert_eq!(whole.len(), 5000);
    }
}

fn tokio_stream_iter<I>(items: I) -> impl futures_util::Stream<Item = I::Item>
where
    I: Iterator,
{
    futures_util::stream::iter(items)
}

/// A server that answers the raw bytes of `replies`, one per request, then does `then`.
async fn raw_server(replies: Vec<&'static str>, close: bool) -> (Endpoint, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            for reply in &replies {
                let mut buffer = vec![0; 65536];
                if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(reply.as_bytes()).await.ok();
            }
            if !close {
                std::future::pending::<()>().await;
            }
        }
    });
    (endpoint, requests)
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_a_word() {
    let (endpoint, requests) = raw_server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], true).await;
    let client = client(endpoint);
    for _ in 0..4 {
        let response = client.send(post("x"), LONG).await.unwrap();
        response.collect(LIMIT, LONG).await.unwrap();
        // Let the close arrive, as it does between two requests of a quiet mailbox.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_lost_answer_is_reported_as_such_and_never_repeated() {
    let (endpoint, requests) = raw_server(vec![""], true).await;
    let error = client(endpoint).send(post("x"), LONG).await.unwrap_err();
    assert!(matches!(error, TransportError::Lost { phase: Phase::Answer, .. }), "{error}");
    assert!(error.may_have_happened() && error.is_transient());
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_at_the_deadline() {
    let (endpoint, _) = raw_server(vec![""], false).await;
    let error = client(endpoint).send(post("x"), Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { phase: Phase::Answer, .. }), "{error}");
    assert!(error.may_have_happened());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost_in_its_body() {
    let (endpoint, _) = raw_server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf"], true).await;
    let response = client(endpoint).send(post("x"), LONG).await.unwrap();
    let error = response.collect(LIMIT, LONG).await.unwrap_err();
    assert!(matches!(error, TransportError::Lost { phase: Phase::Body, .. }), "{error}");
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_noticed() {
    let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    let (endpoint, _) = raw_server(vec![start], false).await;
    let mut body = client(endpoint).send(post("x"), LONG).await.unwrap().into_body();
    assert_eq!(body.chunk(LONG).await.unwrap().unwrap(), "first");
    let error = body.chunk(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { phase: Phase::Body, .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_http_is_not_an_answer() {
    for reply in ["SSH-2.0-OpenSSH_9.2\r\n", "* OK IMAP4rev1 ready\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"] {
        let (endpoint, _) = raw_server(vec![reply], true).await;
        let error = client(endpoint).send(post("x"), LONG).await.unwrap_err();
        assert!(matches!(error, TransportError::Lost { .. }), "{reply:?}: {error}");
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = client(Endpoint::parse(&url).unwrap()).send(post("x"), LONG).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error}");
    assert!(!error.may_have_happened() && error.is_transient());
    let unknown = Endpoint::parse("http://no-such-host.invalid/").unwrap();
    let error = client(unknown).send(post("x"), LONG).await.unwrap_err();
    assert!(matches!(error, TransportError::Resolve { .. }), "{error}");
}

#[tokio::test]
async fn a_guarded_client_does_not_reach_this_machine_under_any_name() {
    let server = Server::start(None, |_| text("secret")).await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let endpoint = Endpoint::parse(&format!("http://{host}:{port}/")).unwrap();
        let reach = Reach::Guarded(Guard::default());
        let options = ClientOptions { reach, ..ClientOptions::default() };
        let error =
            client_with(endpoint, Credentials::Anonymous, options).send(post("x"), LONG).await.unwrap_err();
        assert!(matches!(error, TransportError::Guarded { .. }), "{host}: {error}");
    }
    assert_eq!(server.connections(), 0);
    let reach = Reach::Guarded(Guard::new(vec!["127.0.0.0/8".parse().unwrap()]));
    let options = ClientOptions { reach, ..ClientOptions::default() };
    let allowed = client_with(endpoint(&server), Credentials::Anonymous, options);
    allowed.send(post("x"), LONG).await.unwrap();
}

#[tokio::test]
async fn a_401_lists_its_schemes() {
    let server = Server::start(None, |_| {
        let mut response = text("");
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        for challenge in ["Negotiate", "NTLM", "Basic realm=\"lab\""] {
            response.headers_mut().append("www-authenticate", challenge.parse().unwrap());
        }
        response
    })
    .await;
    let response = client(endpoint(&server)).send(post("x"), LONG).await.unwrap();
    assert_eq!(response.challenges(), ["Negotiate", "NTLM", "Basic"]);
}
