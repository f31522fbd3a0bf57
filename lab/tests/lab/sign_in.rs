//! Who is it? NTLM on one connection, tokens of the lab's issuer, compressed answers.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tieline_lab::{CLIENT_ID, CLIENT_SECRET, ExtendedProtection, RESOURCE, Scheme};
use tieline_proto_ews::{DistinguishedFolderName, ResponseCode, encode_request, operations::GetFolder};
use tieline_proto_ntlm::{Authenticated, Client, FileTime, Fresh, Identity, Mode, NegState, Spnego};
use tokio::net::TcpStream;

use crate::client::{Bench, acting_as, header, reply_of};

fn get_inbox() -> GetFolder {
    GetFolder { folder_ids: vec![DistinguishedFolderName::Inbox.into()], ..GetFolder::default() }
}

/// One connection to the lab, which is what NTLM authenticates.
struct Line(SendRequest<Full<Bytes>>);

impl Line {
    async fn open(bench: &Bench) -> Self {
        let stream = TcpStream::connect(bench.lab.http_addr().expect("http")).await.expect("a connection");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    async fn post(&mut self, authorization: Option<&str>, body: Vec<u8>) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::post("/EWS/Exchange.asmx").header(header::HOST, "lab");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        self.0.ready().await.expect("an open connection");
        let (parts, body) = self.0.send_request(request).await.expect("an answer").into_parts();
        (parts.status, parts.headers, body.collect().await.expect("a body").to_bytes())
    }

    /// The first two messages; the third is the caller's to send.
    async fn greet(&mut self, scheme: &str, logon: &str, password: &str) -> Authenticated {
        let mut client = Client::new(Identity::new(logon, password), Mode::Stream);
        let hello = format!("{scheme} {}", STANDARD.encode(client.negotiate().expect("a hello")));
        let (status, headers, _) = self.post(Some(&hello), Vec::new()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let challenges: Vec<_> = headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
        let [challenge] = challenges[..] else {
            panic!("a step of the handshake and nothing else: {headers:?}")
        };
        let token =
            challenge.to_str().expect("text").strip_prefix(&format!("{scheme} ")).expect("a challenge");
        let challenge = STANDARD.decode(token).expect("base64");
        let fresh = Fresh { client_challenge: [1; 8], session_key: [2; 16].into(), time: FileTime(0) };
        client.authenticate(&challenge, &fresh, None, Some("HTTP/mail.lab.example")).expect("an answer")
    }

    /// One step of SPNEGO that is answered by another.
    async fn negotiate(&mut self, token: &Spnego) -> Spnego {
        let (status, headers, _) = self.post(Some(&negotiate(token)), Vec::new()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let answer = headers[header::WWW_AUTHENTICATE].to_str().expect("text");
        let token = answer.strip_prefix("Negotiate ").expect("a step of the handshake");
        Spnego::parse(&STANDARD.decode(token).expect("base64")).expect("SPNEGO")
    }

    async fn sign_in(&mut self, scheme: &str, logon: &str, password: &str) -> StatusCode {
        let answer = self.greet(scheme, logon, password).await;
        let answer = format!("{scheme} {}", STANDARD.encode(answer.message));
        self.post(Some(&answer), inbox()).await.0
    }
}

fn negotiate(token: &Spnego) -> String {
    format!("Negotiate {}", STANDARD.encode(token.encode()))
}

fn inbox() -> Vec<u8> {
    encode_request(&header(), &get_inbox())
}

#[tokio::test]
async fn ntlm_makes_the_connection_somebodys_and_only_that_one() {
    let bench = Bench::start().await;
    let mut line = Line::open(&bench).await;
    assert_eq!(line.post(None, inbox()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(line.sign_in("NTLM", "LAB\\alice", "lab-password").await, StatusCode::OK);
    for _ in 0..3 {
        assert_eq!(line.post(None, inbox()).await.0, StatusCode::OK, "without any header");
    }
    assert_eq!(Line::open(&bench).await.post(None, inbox()).await.0, StatusCode::UNAUTHORIZED);
    let signed_in: Vec<_> = bench
        .lab
        .journal()
        .records()
        .into_iter()
        .filter_map(|record| Some((record.user?, record.scheme?)))
        .collect();
    assert_eq!(signed_in.len(), 4);
    assert!(signed_in.iter().all(|known| *known == ("alice@lab.example".to_owned(), Scheme::Ntlm)));
}

#[tokio::test]
async fn an_answer_on_another_connection_or_with_another_password_is_a_strangers() {
    let bench = Bench::start().await;
    let mut line = Line::open(&bench).await;
    let answer = line.greet("NTLM", "LAB\\alice", "lab-password").await;
    let answer = format!("NTLM {}", STANDARD.encode(answer.message));
    assert_eq!(Line::open(&bench).await.post(Some(&answer), inbox()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(line.sign_in("NTLM", "LAB\\alice", "wrong").await, StatusCode::UNAUTHORIZED);
    assert_eq!(line.post(None, inbox()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(line.sign_in("NTLM", "nobody@lab.example", "lab-password").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        line.sign_in("NTLM", "bob@lab.example", "lab-password").await,
        StatusCode::OK,
        "a new handshake"
    );
}

#[tokio::test]
async fn what_is_not_offered_is_not_taken() {
    let bench = Bench::with(|settings| {
        settings.authentication = vec![Scheme::Negotiate];
        settings.extended_protection = ExtendedProtection::Require;
    })
    .await;
    let refused = bench.send("alice", &get_inbox()).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "Basic");
    assert_eq!(refused.headers()["www-authenticate"], "Negotiate");
    let mut line = Line::open(&bench).await;
    // There is no TLS here to be bound to, and that is what is required.
    assert_eq!(line.sign_in("Negotiate", "LAB\\alice", "lab-password").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn spnego_chooses_ntlm_and_guards_the_list_of_mechanisms() {
    // Kerberos before NTLM, as a client of the domain has it.
    let mechanisms = b"\x30\x17\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\
        \x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
    let bench = Bench::with(|settings| settings.authentication = vec![Scheme::Negotiate]).await;
    for (signed, expected) in
        [(mechanisms.to_vec(), StatusCode::OK), (Spnego::mechanisms(), StatusCode::UNAUTHORIZED)]
    {
        let mut line = Line::open(&bench).await;
        let mut client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
        let ticket = Spnego::Init {
            mechanisms: mechanisms.to_vec(),
            ntlm_first: false,
            token: Some(b"a ticket".to_vec()),
        };
        let chosen = line.negotiate(&ticket).await;
        assert!(matches!(chosen, Spnego::Response { chooses_ntlm: true, token: None, .. }), "{chosen:?}");
        let next =
            |token, mic| Spnego::Response { state: None, chooses_ntlm: false, token: Some(token), mic };
        let hello = next(client.negotiate().expect("a hello"), None);
        let Spnego::Response { token: Some(challenge), state, .. } = line.negotiate(&hello).await else {
            panic!("no challenge");
        };
        assert_eq!(state, Some(NegState::AcceptIncomplete));
        let fresh = Fresh { client_challenge: [1; 8], session_key: [2; 16].into(), time: FileTime(0) };
        let mut answer = client.authenticate(&challenge, &fresh, None, None).expect("an answer");
        let mic = answer.session.sign(&signed).to_vec();
        let last = negotiate(&next(answer.message, Some(mic)));
        assert_eq!(line.post(Some(&last), inbox()).await.0, expected);
    }
}

async fn token(bench: &Bench, changed: &[(&str, &str)], url: &str) -> (StatusCode, Value) {
    let scope = format!("{RESOURCE}/.default");
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", scope.as_str()),
    ];
    for (name, value) in changed {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let response = bench.http.post(url).body(body).send().await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

async fn ask_with(bench: &Bench, token: &str, anchor: bool, document: Vec<u8>) -> reqwest::Response {
    let mut request = bench.http.post(bench.lab.ews_url()).bearer_auth(token).body(document);
    if anchor {
        request = request.header("X-AnchorMailbox", "alice@lab.example");
    }
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn an_application_with_a_token_acts_for_the_mailbox_that_it_names() {
    let bench = Bench::start().await;
    let url = bench.lab.ready().oauth2.token_url.clone();
    let (status, granted) = token(&bench, &[], &url).await;
    assert_eq!(
        (status, &granted["token_type"], &granted["expires_in"]),
        (StatusCode::OK, &"Bearer".into(), &3599.into())
    );
    let granted = granted["access_token"].as_str().expect("a token");
    let as_alice = || encode_request(&acting_as("alice@lab.example"), &get_inbox());
    assert_eq!(ask_with(&bench, granted, true, as_alice()).await.status(), StatusCode::OK);
    assert_eq!(ask_with(&bench, granted, false, as_alice()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let alone = ask_with(&bench, granted, true, inbox()).await;
    assert_eq!(alone.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let reply = reply_of::<GetFolder>(&alone.bytes().await.expect("a body"));
    let code = reply.body.expect_err("a fault").code();
    assert_eq!(code, ResponseCode::ErrorInvalidExchangeImpersonationHeaderData);
}

#[tokio::test]
async fn tokens_that_are_old_forged_or_for_somebody_else_are_told_apart() {
    let bench = Bench::with(|settings| settings.token_lifetime = Duration::ZERO).await;
    let url = bench.lab.ready().oauth2.token_url.clone();
    let (_, old) = token(&bench, &[], &url).await;
    let lasting = Bench::start().await;
    let elsewhere_url = lasting.lab.ready().oauth2.token_url.clone();
    let (_, elsewhere) =
        token(&lasting, &[("scope", "https://graph.microsoft.com/.default")], &elsewhere_url).await;
    for (bench, token, reason) in [
        (&bench, old["access_token"].as_str().expect("a token"), "The token has expired."),
        (&lasting, old["access_token"].as_str().expect("a token"), "The token has an invalid signature."),
        (&lasting, "x.y.z", "The token has an invalid signature."),
        (
            &lasting,
            elsewhere["access_token"].as_str().expect("a token"),
            "The audience claim value is invalid 'https://graph.microsoft.com'.",
        ),
    ] {
        let refused = ask_with(bench, token, true, inbox()).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{reason}");
        let told = refused.headers()["x-ms-diagnostics"].to_str().expect("text");
        assert!(told.contains(reason), "{told}");
        let offer = refused.headers()["www-authenticate"].to_str().expect("text");
        assert!(offer.starts_with("Bearer ") && offer.ends_with("error=\"invalid_token\""), "{offer}");
    }
}

#[tokio::test]
async fn the_issuer_refuses_as_microsofts_does() {
    let bench = Bench::start().await;
    let url = bench.lab.ready().oauth2.token_url.clone();
    let elsewhere = url.replace(bench.lab.ready().oauth2.tenant, "contoso.example");
    let table = [
        (None, &elsewhere, 400, "invalid_request", "AADSTS90002"),
        (Some(("client_id", "other")), &url, 400, "unauthorized_client", "AADSTS700016"),
        (Some(("client_secret", "guess")), &url, 401, "invalid_client", "AADSTS7000215"),
        (Some(("scope", "EWS.AccessAsUser.All")), &url, 400, "invalid_scope", "AADSTS1002012"),
        (Some(("scope", "https://x.example/.default")), &url, 400, "invalid_resource", "AADSTS500011"),
        (Some(("grant_type", "password")), &url, 400, "unsupported_grant_type", "AADSTS70003"),
    ];
    for (changed, url, status, error, code) in table {
        let (found, body) = token(&bench, changed.as_slice(), url).await;
        assert_eq!((found.as_u16(), body["error"].as_str()), (status, Some(error)), "{body}");
        assert!(body["error_description"].as_str().expect("text").starts_with(code), "{body}");
    }
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let bench = Bench::start().await;
    for number in 0..10 {
        bench.save(&format!("message {number}")).await;
    }
    let find = encode_request(&header(), &crate::client::find(None));
    let plain = bench.post("alice", find.clone()).send().await.expect("an answer");
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.expect("a body");
    let asked = bench.post("alice", find).header("Accept-Encoding", "gzip, deflate");
    let packed = asked.send().await.expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = packed.bytes().await.expect("a body");
    assert!(packed.len() * 3 < plain.len(), "{} of {}", packed.len(), plain.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain);
}
