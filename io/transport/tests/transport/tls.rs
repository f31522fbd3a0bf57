//! Each way in which a certificate can be wrong is named, with what to do.

use std::time::Duration;

use crate::server::{Server, text};
use ::http::Request;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tieline_transport::{
    CertificateFacts, CertificateRole, Client, ClientOptions, Credentials, Endpoint, Fingerprint, Pin,
    TlsProblem, TransportError, Trust, TrustStore, certificates_of_pem, chain_leads_to, is_name_mismatch,
    presented_chain,
};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(20);

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Lab CA");
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn trust(&self) -> Trust {
        Trust::Authorities(self.issuer.pem())
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> rustls::ServerConfig {
        let mut params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        config(certificate.der().clone(), &key)
    }
}

fn config(certificate: rustls::pki_types::CertificateDer<'static>, key: &KeyPair) -> rustls::ServerConfig {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::ring::default_provider();
    rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

fn self_signed(is_ca: IsCa) -> rustls::ServerConfig {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    config(certificate.der().clone(), &key)
}

async fn start(config: rustls::ServerConfig) -> Server {
    Server::start(Some(config), |_| text("hello")).await
}

async fn ask(server: &Server, host: &str, trust: &Trust) -> Result<Bytes, TransportError> {
    let endpoint = Endpoint::parse(&format!("https://{host}:{}/", server.address.port())).unwrap();
    let client = Client::new(endpoint, Credentials::Anonymous, trust, ClientOptions::default())?;
    let response = client.send(Request::new(Bytes::new()), LONG).await?;
    assert!(response.peer_certificate().is_some());
    response.collect(1000, LONG).await
}

async fn problem(server: &Server, host: &str, trust: &Trust) -> TlsProblem {
    match ask(server, host, trust).await {
        Err(TransportError::Tls { problem, .. }) => problem,
        other => panic!("expected a TLS problem, got {other:?}"),
    }
}

#[tokio::test]
async fn an_authority_that_was_imported_is_believed() {
    let authority = Authority::new();
    let server = start(authority.issue(&["localhost"], |_| ())).await;
    assert_eq!(ask(&server, "localhost", &authority.trust()).await.unwrap(), "hello");
}

/// A client that was made before an authority was let in believes it from the next connection on, and no longer once it was
/// taken out; a server's own certificate is believed at its host only.
///
/// Covers: AV-62 (every client), AV-55 (beside the system's)
#[tokio::test]
async fn what_the_store_holds_counts_at_each_handshake() {
    let authority = Authority::new();
    let server = start(authority.issue(&["localhost"], |_| ())).await;
    let store = TrustStore::default();
    let client = |host: &str| {
        let options = ClientOptions { trust_store: store.clone(), max_idle: 0, ..ClientOptions::default() };
        let endpoint = Endpoint::parse(&format!("https://{host}:{}/", server.address.port())).unwrap();
        Client::new(endpoint, Credentials::Anonymous, &Trust::Platform, options).unwrap()
    };
    // The same client throughout.
    let by_name = client("localhost");
    let ask = || async { by_name.send(Request::new(Bytes::new()), LONG).await.map(drop) };
    let unknown = |result: Result<(), TransportError>| {
        assert!(
            matches!(result, Err(TransportError::Tls { problem: TlsProblem::UnknownIssuer { .. }, .. })),
            "{result:?}"
        );
    };
    unknown(ask().await);
    store.replace(vec![authority.issuer.der().to_vec()], Vec::new()).unwrap();
    ask().await.unwrap();
    store.replace(Vec::new(), Vec::new()).unwrap();
    unknown(ask().await);

    let endpoint = Endpoint::parse(&format!("https://localhost:{}/", server.address.port())).unwrap();
    let chain = presented_chain(&endpoint, LONG).await.unwrap();
    store.replace(Vec::new(), vec![("LOCALHOST".to_owned(), chain[0].fingerprint)]).unwrap();
    ask().await.unwrap();
    let by_address = client("127.0.0.1").send(Request::new(Bytes::new()), LONG).await;
    assert!(by_address.is_err(), "believed at its host only");
    let refused = store.replace(vec![b"no certificate".to_vec()], Vec::new());
    assert!(matches!(refused, Err(TransportError::BadTrust(_))), "{refused:?}");
    ask().await.unwrap();
}

/// Authorities of a file are believed by those who were made with it and by nobody else; read again, the same client believes
/// what the file holds by then, and a file that holds none changes nothing.
///
/// Covers: AV-62 (files)
#[tokio::test]
async fn authorities_of_a_file_are_taken_up_while_clients_run() {
    let (before, after) = (Authority::new(), Authority::new());
    let server = start(after.issue(&["localhost"], |_| ())).await;
    let shared = TrustStore::default();
    let own = shared.beside(&before.issuer.pem()).unwrap();
    let client = |store: &TrustStore| {
        let options = ClientOptions { trust_store: store.clone(), max_idle: 0, ..ClientOptions::default() };
        let endpoint = Endpoint::parse(&format!("https://localhost:{}/", server.address.port())).unwrap();
        Client::new(endpoint, Credentials::Anonymous, &Trust::Platform, options).unwrap()
    };
    let (with_file, without) = (client(&own), client(&shared));
    let ask = |client: Client| async move { client.send(Request::new(Bytes::new()), LONG).await.map(drop) };
    assert!(ask(with_file.clone()).await.is_err(), "another authority");
    assert!(matches!(own.replace_own("no certificate"), Err(TransportError::BadTrust(_))));
    own.replace_own(&after.issuer.pem()).unwrap();
    ask(with_file.clone()).await.unwrap();
    assert!(ask(without).await.is_err(), "not everybody's");
    shared.replace(vec![before.issuer.der().to_vec()], Vec::new()).unwrap();
    ask(with_file).await.unwrap();
}

/// Covers: AV-59 (read)
#[tokio::test]
async fn a_certificates_own_words_are_read() {
    let authority = Authority::new();
    let server = start(authority.issue(&["localhost", "127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
    }))
    .await;
    let endpoint = Endpoint::parse(&format!("https://localhost:{}/", server.address.port())).unwrap();
    let chain = presented_chain(&endpoint, LONG).await.unwrap();
    let facts = chain[0].facts.clone().unwrap();
    assert_eq!(
        (facts.role, facts.names.as_slice()),
        (CertificateRole::Server, &["localhost".to_owned(), "127.0.0.1".to_owned()][..])
    );
    assert_eq!((facts.not_after_s, facts.issuer.as_str()), (2_208_988_800, "CN=Lab CA"));
    let root = certificates_of_pem(&authority.issuer.pem()).unwrap();
    assert_eq!(root[0].facts.as_ref().map(|facts| facts.role), Some(CertificateRole::Root));
    let now_s = 1_790_000_000;
    chain_leads_to(&chain, &root[0].der, "localhost", now_s).unwrap();
    let elsewhere = chain_leads_to(&chain, &root[0].der, "mail.example", now_s).unwrap_err();
    assert!(is_name_mismatch(&elsewhere), "{elsewhere}");
    let stranger = certificates_of_pem(&Authority::new().issuer.pem()).unwrap();
    assert!(chain_leads_to(&chain, &stranger[0].der, "localhost", now_s).is_err());
    for bytes in [&b""[..], b"0", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &chain[0].der[..40]] {
        assert_eq!(CertificateFacts::read(bytes), None);
    }
}

#[tokio::test]
async fn an_unknown_issuer_is_named_with_the_command_that_helps() {
    let server = start(Authority::new().issue(&["localhost"], |_| ())).await;
    for trust in [Authority::new().trust(), Trust::Platform] {
        let error = ask(&server, "localhost", &trust).await.unwrap_err();
        let TransportError::Tls { endpoint, problem } = &error else { panic!("{error:?}") };
        assert_eq!(*problem, TlsProblem::UnknownIssuer { host: "localhost".to_owned() });
        assert!(error.next().contains(&format!("`tieline trust fetch {endpoint}`")), "{error}");
    }
}

/// Covers: AV-56
#[tokio::test]
async fn reaching_a_server_by_its_address_is_a_name_mismatch() {
    let authority = Authority::new();
    let server = start(authority.issue(&["mail.lab.example"], |_| ())).await;
    let problem = problem(&server, "127.0.0.1", &authority.trust()).await;
    let TlsProblem::NameMismatch { expected, presented } = &problem else { panic!("{problem}") };
    assert_eq!(
        (expected.as_str(), presented.as_slice()),
        ("127.0.0.1", &["mail.lab.example".to_owned()][..])
    );
    assert!(problem.to_string().starts_with("name mismatch: "), "{problem}");
}

#[tokio::test]
async fn an_expired_certificate_and_a_future_one_are_told_apart() {
    let authority = Authority::new();
    let expired = start(authority.issue(&["localhost"], |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    }))
    .await;
    let problem_then = problem(&expired, "localhost", &authority.trust()).await;
    assert_eq!(problem_then, TlsProblem::Expired { host: "localhost".to_owned() });
    let future =
        start(authority.issue(&["localhost"], |params| params.not_before = date_time_ymd(4000, 1, 1))).await;
    let problem_then = problem(&future, "localhost", &authority.trust()).await;
    assert_eq!(problem_then, TlsProblem::NotYetValid { host: "localhost".to_owned() });
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_under_any_name_and_no_other_is() {
    let server = start(self_signed(IsCa::NoCa)).await;
    let endpoint = Endpoint::parse(&format!("https://127.0.0.1:{}/", server.address.port())).unwrap();
    let chain = presented_chain(&endpoint, LONG).await.unwrap();
    let certificate = Trust::Pinned(vec![Pin::Certificate(chain[0].fingerprint)]);
    let key = Trust::Pinned(vec![Pin::PublicKey(chain[0].key_fingerprint.unwrap())]);
    for trust in [certificate, key] {
        assert_eq!(ask(&server, "127.0.0.1", &trust).await.unwrap(), "hello");
    }
    let other =
        Trust::Pinned(vec![Pin::Certificate(Fingerprint([7; 32])), Pin::PublicKey(chain[0].fingerprint)]);
    let problem = problem(&server, "127.0.0.1", &other).await;
    assert_eq!(problem, TlsProblem::PinMismatch { host: "127.0.0.1".to_owned() });
}

#[tokio::test]
async fn a_self_signed_server_can_be_imported_unless_it_calls_itself_an_authority() {
    for (is_ca, expected) in [
        (IsCa::NoCa, None),
        (
            IsCa::Ca(BasicConstraints::Unconstrained),
            Some(TlsProblem::AuthorityAsServer { host: "localhost".to_owned() }),
        ),
    ] {
        let server = start(self_signed(is_ca)).await;
        let endpoint = Endpoint::parse(&format!("https://localhost:{}/", server.address.port())).unwrap();
        let chain = presented_chain(&endpoint, LONG).await.unwrap();
        let pem = pem(&chain[0].der);
        let trust = Trust::Authorities(pem);
        match expected {
            None => assert_eq!(ask(&server, "localhost", &trust).await.unwrap(), "hello"),
            Some(expected) => assert_eq!(problem(&server, "localhost", &trust).await, expected),
        }
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn a_plain_server_is_recognised_as_not_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.ok();
        }
    });
    let endpoint = Endpoint::parse(&format!("https://127.0.0.1:{port}/")).unwrap();
    let client =
        Client::new(endpoint, Credentials::Anonymous, &Trust::Platform, ClientOptions::default()).unwrap();
    match client.send(Request::new(Bytes::new()), LONG).await {
        Err(TransportError::Tls { problem: TlsProblem::NotTls, .. }) => {}
        other => panic!("{other:?}"),
    }
}
