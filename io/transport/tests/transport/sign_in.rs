//! Tokens, a server that takes NTLM only, and compressed answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use bytes::Bytes;
use hyper::body::Incoming;
use tieline_transport::{
    Client, ClientCredentials, ClientOptions, Credentials, Endpoint, TokenSource, TransportError, Trust,
};

use crate::server::{Answer, Server, text};

const LONG: Duration = Duration::from_secs(30);
const LIMIT: u64 = 100_000;

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&format!("http://{}/EWS/Exchange.asmx", server.address)).unwrap()
}

fn client(server: &Server, credentials: Credentials) -> Client {
    Client::new(endpoint(server), credentials, &Trust::Platform, ClientOptions::default()).unwrap()
}

fn post() -> Request<Bytes> {
    Request::post("/EWS/Exchange.asmx").body(Bytes::from_static(b"<soap/>")).unwrap()
}

fn with_status(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = text(body);
    *answer.status_mut() = status;
    answer
}

fn refused(offers: &[&'static str]) -> Answer {
    let mut answer = with_status(StatusCode::UNAUTHORIZED, "");
    for offer in offers {
        answer.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(offer));
    }
    answer
}

fn authorization(headers: &HeaderMap) -> String {
    headers.get(header::AUTHORIZATION).map_or("-", |value| value.to_str().unwrap()).to_owned()
}

/// An issuer whose tokens are numbered, and how many it has issued.
async fn issuer(life: u64) -> (Server, Arc<AtomicUsize>) {
    let issued = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&issued);
    let server = Server::start(None, move |_: Request<Incoming>| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        text(format!("{{\"token_type\":\"Bearer\",\"access_token\":\"t{number}\",\"expires_in\":{life}}}"))
    })
    .await;
    (server, issued)
}

fn tokens(issuer: &Server) -> Credentials {
    let grant = ClientCredentials {
        client_id: "app".to_owned(),
        client_secret: "s3cret&=".to_owned().into(),
        scope: "https://mail.example/.default".to_owned(),
    };
    let issuer = Endpoint::parse(&format!("http://{}/t/oauth2/v2.0/token", issuer.address)).unwrap();
    Credentials::Tokens(TokenSource::new(issuer, grant, &Trust::Platform, ClientOptions::default()).unwrap())
}

#[tokio::test]
async fn one_token_serves_many_requests_and_is_renewed_before_its_end() {
    let server = Server::start(None, |request| text(authorization(request.headers()))).await;
    for (life, expected) in [(3600, ["Bearer t1"; 3]), (0, ["Bearer t1", "Bearer t2", "Bearer t3"])] {
        let (issuer, _) = issuer(life).await;
        let client = client(&server, tokens(&issuer));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let response = client.send(post(), LONG).await.unwrap();
            seen.push(String::from_utf8(response.collect(LIMIT, LONG).await.unwrap().to_vec()).unwrap());
        }
        assert_eq!(seen, expected, "life {life} s");
    }
}

#[tokio::test]
async fn many_requests_at_once_fetch_one_token() {
    let server = Server::start(None, |_| text("ok")).await;
    let (issuer, issued) = issuer(3600).await;
    let client = client(&server, tokens(&issuer));
    let all = futures_util::future::join_all((0..20).map(|_| client.send(post(), LONG))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap().status == StatusCode::OK));
    assert_eq!(issued.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_request_repeated() {
    let bad = Arc::new(AtomicUsize::new(1));
    let worst = Arc::clone(&bad);
    let server = Server::start(None, move |request| {
        let number: usize = authorization(request.headers()).trim_start_matches("Bearer t").parse().unwrap();
        match number <= worst.load(Ordering::SeqCst) {
            true => refused(&["Bearer error=\"invalid_token\""]),
            false => text("in"),
        }
    })
    .await;
    let (issuer, issued) = issuer(3600).await;
    let client = client(&server, tokens(&issuer));
    assert_eq!(client.send(post(), LONG).await.unwrap().status, StatusCode::OK);
    assert_eq!(issued.load(Ordering::SeqCst), 2);
    bad.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(client.send(post(), LONG).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!(issued.load(Ordering::SeqCst), 3, "not for ever");
}

#[tokio::test]
async fn what_the_issuer_says_reaches_the_administrator_and_the_secret_does_not() {
    let server = Server::start(None, |_| text("never reached")).await;
    let issuer = Server::start(None, |_| {
        let words = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"}"#;
        with_status(StatusCode::UNAUTHORIZED, words)
    })
    .await;
    let error = client(&server, tokens(&issuer)).send(post(), LONG).await.unwrap_err();
    assert!(matches!(error, TransportError::Token { transient: false, .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("invalid_client: AADSTS7000215: Invalid client secret provided."), "{told}");
    assert!(!format!("{told} {error:?}").contains("s3cret"), "{told}");
    let down = Server::start(None, |_| with_status(StatusCode::BAD_GATEWAY, "")).await;
    let error = client(&server, tokens(&down)).send(post(), LONG).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn a_secret_does_not_go_to_an_issuer_in_clear() {
    let grant = ClientCredentials {
        client_id: "app".to_owned(),
        client_secret: "x".to_owned().into(),
        scope: "y/.default".to_owned(),
    };
    let issuer = Endpoint::parse("http://login.example/t/oauth2/v2.0/token").unwrap();
    let error = TokenSource::new(issuer, grant, &Trust::Platform, ClientOptions::default()).unwrap_err();
    assert!(matches!(error, TransportError::BadCredentials { .. }), "{error}");
}

#[tokio::test]
async fn a_password_goes_by_ntlm_where_there_is_no_basic() {
    let server = Server::start(None, |request| {
        let seen = authorization(request.headers());
        match seen.starts_with("NTLM ") {
            true => with_status(StatusCode::SERVICE_UNAVAILABLE, seen),
            false => refused(&["Negotiate", "NTLM"]),
        }
    })
    .await;
    let password = || Credentials::Password { user: "LAB\\svc".to_owned(), password: "x".to_owned().into() };
    let ntlm_only = client(&server, password());
    let answer = ntlm_only.send(post(), LONG).await.unwrap();
    // A busy server is passed on as such, in whatever leg.
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let hello = answer.collect(LIMIT, LONG).await.unwrap();
    assert!(hello.starts_with(b"NTLM TlRMTVNTUAAB"), "{hello:?}");
    let strict = Credentials::basic("LAB\\svc", "x");
    assert_eq!(client(&server, strict).send(post(), LONG).await.unwrap().status, StatusCode::UNAUTHORIZED);
    let both = Server::start(None, |_| refused(&["NTLM", "Basic realm=\"x\""])).await;
    let answer = client(&both, password()).send(post(), LONG).await.unwrap();
    assert_eq!(answer.challenges(), ["NTLM", "Basic"], "refused for its password, not for its scheme");
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_compressed_answer_is_unpacked_within_the_limit() {
    let server = Server::start(None, |request| {
        let body = match request.uri().path() {
            "/bomb" => packed(&vec![0; 5_000_000]),
            "/cut" => packed(b"hello hello hello").split_last().map(|(_, rest)| rest[..12].to_vec()).unwrap(),
            "/noise" => b"not gzip at all".to_vec(),
            _ => packed(b"hello hello hello"),
        };
        let mut answer = text(body);
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        answer
    })
    .await;
    let client = client(&server, Credentials::Anonymous);
    let get = async |path: &str| {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        client.send(request, LONG).await.unwrap().collect(LIMIT, LONG).await
    };
    assert_eq!(get("/").await.unwrap(), "hello hello hello");
    assert!(matches!(get("/bomb").await.unwrap_err(), TransportError::TooLarge { .. }));
    for path in ["/cut", "/noise"] {
        assert!(matches!(get(path).await.unwrap_err(), TransportError::Lost { .. }), "{path}");
    }
}
