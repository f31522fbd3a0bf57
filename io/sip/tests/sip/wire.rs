//! Connections and TLS: mutual TLS in both directions, bounds, and the faults that made us leave another stack.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tieline_proto_sip::{Frame, Framer, Message};
use tieline_sip::{Class, NotifyTarget, Outcome, SipConfig, TlsListener, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{PATIENCE, Phone, config, known, loopback, voice, world};

/// Parameters under a name of their own: OpenSSL takes a certificate named like its issuer for self-signed.
fn named(common_name: &str, host: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::new(host.map(str::to_owned).into_iter().collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// A certificate authority of a test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("Lab Authority", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key of a peer, and the authority's certificate, as PEM.
    pub(crate) fn peer_pem(&self) -> [String; 3] {
        let params = named("peer", Some("peer.lab.example"));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        [certificate.pem(), key.serialize_pem(), self.0.pem()]
    }

    fn issue(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params = named(name, Some(name));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    /// A server that demands a certificate of this authority.
    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider.clone());
        let (chain, key) = self.issue(name);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key);
        Arc::new(config.unwrap())
    }

    /// A client that trusts this authority and shows a certificate of `own`, or none.
    fn client(&self, own: Option<&Self>) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots());
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let (chain, key) = own.issue("peer.lab.example");
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        })
    }
}

pub(crate) fn tls(authority: &Authority) -> SipConfig {
    let mut settings = config();
    settings.tls = vec![TlsListener { address: loopback(), config: authority.server("localhost") }];
    settings.tls_client = Some(authority.client(Some(authority)));
    settings.limits.handshake = Duration::from_secs(3);
    settings
}

pub(crate) const OPTIONS: &[u8] = b"OPTIONS sip:lab.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKo;rport\r\n\
    From: <sip:p@lab.example>;tag=1\r\nTo: <sip:lab.example>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/// Sends OPTIONS and reads the status code; `None` when the connection ends instead.
async fn options(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<u16> {
    stream.write_all(OPTIONS).await.ok()?;
    next_message(&mut stream, &mut Framer::new()).await.map(|message| match message {
        Message::Response(response) => response.code,
        Message::Request(request) => panic!("a response was expected, not {}", request.method),
    })
}

async fn next_message(stream: &mut (impl AsyncRead + Unpin), framer: &mut Framer) -> Option<Message> {
    loop {
        if let Some(Frame::Message(message)) = framer.next_frame().unwrap() {
            return Some(message);
        }
        let mut buffer = [0; 4_096];
        let length = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("nothing came").ok()?;
        if length == 0 {
            return None;
        }
        framer.push(&buffer[..length]);
    }
}

async fn dial(address: SocketAddr, client: Arc<ClientConfig>) -> Option<u16> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    // With TLS 1.3 a client learns only with the first bytes that its certificate was refused.
    options(TlsConnector::from(client).connect(name, stream).await.ok()?).await
}

/// Covers: AV-13 (mutual TLS inbound)
#[tokio::test]
async fn a_peer_needs_a_certificate_of_our_authority() {
    let (ours, other) = (Authority::new(), Authority::new());
    let world = world(tls(&ours)).await;
    let address = world.port(Transport::Tls);
    assert_eq!(dial(address, ours.client(Some(&ours))).await, Some(200));
    assert_eq!(dial(address, ours.client(None)).await, None);
    assert_eq!(dial(address, ours.client(Some(&other))).await, None);
    assert_eq!(dial(address, other.client(Some(&ours))).await, None);
    world.stack.stop().await;
}

/// A TLS peer that demands a certificate, answers one request with 200, and tells what it saw.
async fn tls_peer(config: Arc<ServerConfig>) -> (u16, tokio::task::JoinHandle<Option<(bool, Message)>>) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let accepted = TlsAcceptor::from(config).accept(stream).into_fallible().await;
        let mut stream = match accepted {
            Ok(stream) => stream,
            Err((_, mut stream)) => {
                // Closing at once would cut off the alert that says why.
                let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
                return None;
            }
        };
        let shown = stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
        let message = next_message(&mut stream, &mut Framer::new()).await?;
        if let Message::Request(request) = &message {
            stream.write_all(&request.respond(200, "t").to_bytes()).await.unwrap();
        }
        Some((shown, message))
    });
    (port, task)
}

fn target(host: &str, port: u16) -> NotifyTarget {
    NotifyTarget {
        target: format!("sip:2001@{host}:{port};transport=tls").parse().unwrap(),
        user: "sip:alice@lab.example".parse().unwrap(),
        login: None,
    }
}

/// Covers: AV-13 (mutual TLS outbound)
#[tokio::test]
async fn we_show_our_certificate_and_check_the_peers() {
    let (ours, other) = (Authority::new(), Authority::new());
    let world = world(tls(&ours)).await;
    let tell = async |to: NotifyTarget| world.stack.notify_unsolicited(&to, &known(1, 0, 1)).await;

    let (port, peer) = tls_peer(ours.server("localhost")).await;
    let told = tell(target("localhost", port)).await;
    assert!(matches!(told, Ok(Outcome::Delivered { code: 200, .. })), "{told:?}");
    let (shown, message) = peer.await.unwrap().unwrap();
    assert!(shown, "no client certificate was shown");
    let Message::Request(notify) = message else { panic!("a request was expected") };
    assert_eq!(voice(&notify), (1, 0));
    assert!(notify.top_via().unwrap().transport == "TLS");

    // Another authority, and a certificate for another name: the administrator must act.
    let (port, peer) = tls_peer(other.server("localhost")).await;
    assert_eq!(tell(target("localhost", port)).await.unwrap_err().class, Class::Operator);
    assert!(peer.await.unwrap().is_none());
    let (port, peer) = tls_peer(ours.server("elsewhere.example")).await;
    assert_eq!(tell(target("localhost", port)).await.unwrap_err().class, Class::Operator);
    assert!(peer.await.unwrap().is_none());
    world.stack.stop().await;
}

/// A peer that does not trust us says so in an alert after the handshake; it must not look like a passing fault.
#[tokio::test]
async fn a_peer_that_refuses_our_certificate_is_the_administrators_business() {
    let (ours, other) = (Authority::new(), Authority::new());
    let mut settings = tls(&ours);
    settings.tls_client = Some(ours.client(Some(&other)));
    let world = world(settings).await;
    let (port, peer) = tls_peer(ours.server("localhost")).await;
    let failure =
        world.stack.notify_unsolicited(&target("localhost", port), &known(1, 0, 1)).await.unwrap_err();
    assert_eq!(failure.class, Class::Operator, "{failure}");
    assert!(peer.await.unwrap().is_none());
    world.stack.stop().await;
}

/// Covers: AV-13 (a silent peer blocks nobody)
#[tokio::test]
async fn a_silent_connection_does_not_stop_the_tls_listener() {
    let ours = Authority::new();
    let world = world(tls(&ours)).await;
    let address = world.port(Transport::Tls);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(dial(address, ours.client(Some(&ours))).await, Some(200));
    // They are thrown out once the handshake's time is over.
    for mut stream in silent {
        let end = timeout(PATIENCE, stream.read(&mut [0; 16])).await.expect("still open");
        assert!(matches!(end, Ok(0) | Err(_)));
    }
    assert_eq!(world.stack.statistics().connections, 0);
    world.stack.stop().await;
}

#[tokio::test]
async fn odd_line_ends_and_junk_end_their_connection_only() {
    let world = world(config()).await;
    let address = world.port(Transport::Tcp);
    let inputs: [&[u8]; 5] = [
        b"OPTIONS sip:a SIP/2.0\nX: y\n\r\nzzzzzz",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\0\0\0\0\n\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ];
    for input in inputs {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(input).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("still open");
    }
    assert_eq!(options(TcpStream::connect(address).await.unwrap()).await, Some(200));
    world.stack.stop().await;
}

#[tokio::test]
async fn a_peer_gets_its_share_of_connections_and_no_more() {
    let mut settings = config();
    settings.limits.connections_per_peer = 3;
    let world = world(settings).await;
    let address = world.port(Transport::Tcp);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(options(&mut stream).await, Some(200));
        held.push(stream);
    }
    assert_eq!(options(TcpStream::connect(address).await.unwrap()).await, None);
    drop(held.pop());
    let began = Instant::now();
    while options(TcpStream::connect(address).await.unwrap()).await.is_none() {
        assert!(began.elapsed() < PATIENCE, "the place was not given back");
    }
    world.stack.stop().await;
}

/// A message that trickles in byte by byte does not hold its connection for ever.
#[tokio::test]
async fn half_a_message_is_not_waited_for() {
    let mut settings = config();
    settings.limits.handshake = Duration::from_millis(200);
    let world = world(settings).await;
    let mut stream = TcpStream::connect(world.port(Transport::Tcp)).await.unwrap();
    stream.write_all(&OPTIONS[..40]).await.unwrap();
    let end = timeout(PATIENCE, stream.read(&mut [0; 16])).await.expect("still open");
    assert!(matches!(end, Ok(0) | Err(_)));
    world.stack.stop().await;
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Covers: AV-13 (bounded memory)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_strangers_leave_nothing_behind() {
    let mut settings = config();
    settings.limits.transactions = 1_000;
    let world = world(settings).await;
    let server = world.port(Transport::Udp);
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    socket.connect(server).await.unwrap();
    let flood = async |first: u32, count: u32| {
        let mut buffer = [0; 4_096];
        for n in first..first + count {
            let text = format!(
                "SUBSCRIBE sip:alice@lab.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{n};rport\r\n\
                 From: <sip:x@y>;tag={n}\r\nTo: <sip:alice@lab.example>\r\nCall-ID: {n}\r\nCSeq: 1 SUBSCRIBE\r\n\
                 Contact: <sip:x@127.0.0.1>\r\nEvent: message-summary\r\nContent-Length: 0\r\n\r\n"
            );
            socket.send(text.as_bytes()).await.unwrap();
            let answer = timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("no answer").unwrap();
            assert!(buffer[..answer].starts_with(b"SIP/2.0 401 "));
        }
    };
    flood(0, 2_000).await;
    let before = resident_kib();
    flood(10_000, 10_000).await;
    let grown = resident_kib().saturating_sub(before);
    assert!(world.stack.statistics().transactions <= 1, "{:?}", world.stack.statistics());
    // 10 kB each, as the stack that we left kept them, would be 100 MB.
    assert!(grown < 8 * 1024, "{grown} KiB more after 10,000 requests of strangers");

    // Answers that are kept are bounded too; beyond, a new request waits for room and is sent again.
    let mut answered = 0;
    let mut buffer = [0; 4_096];
    for n in 0..1_200 {
        let text = String::from_utf8(OPTIONS.to_vec()).unwrap().replace("z9hG4bKo", &format!("z9hG4bKp{n}"));
        socket.send(text.as_bytes()).await.unwrap();
        let patience = if n < 1_000 { PATIENCE } else { Duration::from_millis(1) };
        answered += usize::from(timeout(patience, socket.recv(&mut buffer)).await.is_ok());
    }
    assert_eq!((answered, world.stack.statistics().transactions), (1_000, 1_000));
    world.stack.stop().await;
}

/// A watcher over TCP is told over its own connection, which may be the only way to it.
#[tokio::test]
async fn a_watcher_behind_a_connection_is_told_over_it() {
    let world = world(config()).await;
    world.product.set("alice", &known(4, 0, 1));
    let mut stream = TcpStream::connect(world.port(Transport::Tcp)).await.unwrap();
    let mut framer = Framer::new();
    let mut phone = Phone::new(&world, "alice").await;
    let challenge = {
        stream.write_all(&phone.request(600).to_bytes()).await.unwrap();
        let Some(Message::Response(challenge)) = next_message(&mut stream, &mut framer).await else {
            panic!("401")
        };
        challenge
    };
    let mut signed = phone.request(600);
    signed.headers.set(tieline_proto_sip::Name::CONTACT, "<sip:alice@192.0.2.10:5060;transport=tcp>");
    phone.sign(&mut signed, &challenge);
    stream.write_all(&signed.to_bytes()).await.unwrap();
    let Some(Message::Response(accepted)) = next_message(&mut stream, &mut framer).await else {
        panic!("200")
    };
    assert_eq!(accepted.code, 200);
    let Some(Message::Request(notify)) = next_message(&mut stream, &mut framer).await else {
        panic!("NOTIFY")
    };
    assert_eq!(voice(&notify), (4, 0));
    stream.write_all(&notify.respond(200, "p").to_bytes()).await.unwrap();
    world.product.event("notified alice on").await;
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, stream.read_exact(&mut pong)).await.unwrap().unwrap();
    assert_eq!(&pong, b"\r\n");
    world.stack.stop().await;
}
