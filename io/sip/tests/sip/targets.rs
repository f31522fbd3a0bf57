//! Unsolicited NOTIFY and PUBLISH, against peers that follow a script.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tieline_proto_sip::digest::{Challenge, Verifier};
use tieline_proto_sip::{Message, MessageSummary, Name, Request, Response, header_name};
use tieline_sip::{
    Algorithm, Class, Failure, Login, NotifyTarget, Outcome, PublicationTarget, Secret, Timers,
};
use tokio::net::UdpSocket;

use crate::support::{
    Answered, DOMAIN, World, body, config, known, loopback, unknown, voice, world, world_with,
};

/// A UDP peer.
struct Peer {
    socket: UdpSocket,
    answered: Answered,
}

impl Peer {
    async fn new() -> Self {
        Self { socket: UdpSocket::bind(loopback()).await.unwrap(), answered: Answered::default() }
    }

    fn target(&self) -> NotifyTarget {
        target(&format!("sip:2001@{}", self.socket.local_addr().unwrap()))
    }

    fn presence(&self, lifetime: u32) -> PublicationTarget {
        PublicationTarget {
            server: format!("sip:{}", self.socket.local_addr().unwrap()).parse().unwrap(),
            user: "sip:alice@lab.example".parse().unwrap(),
            login: Some(Login { username: "alice".into(), secret: Secret::Password("lab-password".into()) }),
            lifetime,
        }
    }

    async fn request(&self) -> (Request, SocketAddr) {
        match self.answered.receive(&self.socket).await {
            (Message::Request(request), from) => (request, from),
            (Message::Response(_), _) => panic!("a request was expected"),
        }
    }

    async fn send(&self, request: &Request, response: &Response, to: SocketAddr) {
        self.answered.send(&self.socket, request, response, to).await;
    }

    async fn answer(&self, code: u16, headers: &[(&str, &str)]) -> Request {
        let (request, from) = self.request().await;
        let mut response = request.respond(code, "peer");
        for (name, value) in headers {
            response.headers.push(header_name(name), value);
        }
        self.send(&request, &response, from).await;
        request
    }
}

fn target(uri: &str) -> NotifyTarget {
    NotifyTarget { target: uri.parse().unwrap(), user: "sip:alice@lab.example".parse().unwrap(), login: None }
}

fn impatient() -> tieline_sip::SipConfig {
    let mut settings = config();
    settings.timers = Timers { t1: 30, t2: 60 };
    settings
}

/// Covers: AV-13 (unsolicited NOTIFY)
#[tokio::test]
async fn a_target_is_told_and_any_2xx_is_fine() {
    let world = world(config()).await;
    let peer = Peer::new().await;
    for (code, revision) in [(200, 1), (202, 2)] {
        let (snapshot, to) = (known(2, 1, revision), peer.target());
        let (told, request) =
            tokio::join!(world.stack.notify_unsolicited(&to, &snapshot), peer.answer(code, &[]));
        assert!(matches!(told, Ok(Outcome::Delivered { code: got, sent: 1, .. }) if got == code), "{told:?}");
        assert_eq!(voice(&request), (2, 1));
        assert_eq!(body(&request).account.as_deref(), Some("sip:alice@lab.example"));
        assert_eq!(request.headers.first(Name::TO), Some("<sip:alice@lab.example>"));
        assert_eq!(
            request.headers.first(header_name("X-Tieline-Trace")),
            Some(format!("tr_{revision}").as_str())
        );
    }
    assert_eq!(world.stack.notify_unsolicited(&peer.target(), &unknown(3)).await, Ok(Outcome::Withheld));
    assert_eq!(
        world.stack.notify_unsolicited(&peer.target(), &known(9, 9, 2)).await,
        Ok(Outcome::Superseded)
    );
    world.stack.stop().await;
}

/// Covers: AV-13 (UDP retransmission)
#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let world = world(impatient()).await;
    let peer = Peer::new().await;
    let (snapshot, to) = (known(1, 0, 1), peer.target());
    let (told, ()) = tokio::join!(world.stack.notify_unsolicited(&to, &snapshot), async {
        let (first, _) = peer.request().await;
        let (second, _) = peer.request().await;
        assert_eq!(first.to_bytes(), second.to_bytes());
        peer.answer(200, &[]).await;
    });
    assert!(matches!(told, Ok(Outcome::Delivered { sent: 3.., .. })), "{told:?}");
    world.stack.stop().await;
}

/// Covers: AV-13 (typed errors)
#[tokio::test]
async fn every_failure_says_who_must_act() {
    let world = world(impatient()).await;
    let peer = Peer::new().await;
    for (n, (code, class)) in [
        (404, Class::Permanent),
        (481, Class::Permanent),
        (489, Class::Permanent),
        (401, Class::Operator),
        (403, Class::Operator),
        (503, Class::Transient),
    ]
    .into_iter()
    .enumerate()
    {
        let (snapshot, to) = (known(1, 0, n as u64), peer.target());
        let headers = [("Retry-After", "17")];
        let (told, _) =
            tokio::join!(world.stack.notify_unsolicited(&to, &snapshot), peer.answer(code, &headers));
        let failure: Failure = told.unwrap_err();
        assert_eq!((failure.class, failure.code), (class, Some(code)));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(17)));
    }
    let silent = world.stack.notify_unsolicited(&peer.target(), &known(1, 0, 99)).await.unwrap_err();
    assert_eq!((silent.class, silent.code), (Class::Transient, None));
    let closed = { tokio::net::TcpListener::bind(loopback()).await.unwrap().local_addr().unwrap() };
    let nobody = target(&format!("sip:2001@{closed};transport=tcp"));
    let refused = world.stack.notify_unsolicited(&nobody, &known(1, 0, 1)).await.unwrap_err();
    assert_eq!(refused.class, Class::Transient);
    let tls = target(&format!("sips:2001@{}", world.port(tieline_sip::Transport::Tcp)));
    let without = world.stack.notify_unsolicited(&tls, &known(1, 0, 1)).await.unwrap_err();
    assert_eq!(without.class, Class::Operator, "{without}");
    assert_eq!(world.stack.statistics().in_flight, 0);
    world.stack.stop().await;
}

/// Covers: AV-13 (never a stale count)
#[tokio::test]
async fn a_slow_target_gets_the_newest_only() {
    let world = world(config()).await;
    let peer = Peer::new().await;
    let (stack, to) = (world.stack.clone(), peer.target());
    let tell = |new, revision| {
        let (stack, to) = (stack.clone(), to.clone());
        tokio::spawn(async move { stack.notify_unsolicited(&to, &known(new, 0, revision)).await })
    };
    let first = tell(1, 1);
    let (held, from) = peer.request().await;
    let waiting = [tell(2, 2), tell(3, 3), tell(4, 4)];
    tokio::time::sleep(Duration::from_millis(50)).await;
    peer.send(&held, &held.respond(200, "p"), from).await;
    assert_eq!(voice(&peer.answer(200, &[]).await), (4, 0));
    assert!(matches!(first.await.unwrap(), Ok(Outcome::Delivered { .. })));
    let mut superseded = 0;
    for task in waiting {
        superseded += usize::from(task.await.unwrap() == Ok(Outcome::Superseded));
    }
    assert_eq!(superseded, 2);
    world.stack.stop().await;
}

/// Answers one PUBLISH after a digest challenge, as RFC 8760 has it.
async fn accept_publish(peer: &Peer, verifier: &mut Verifier, etag: &str, expires: &str) -> Request {
    let challenges = verifier.challenges(false, 1_000, 5);
    let first: Vec<_> = challenges.iter().map(|c| ("WWW-Authenticate", c.as_str())).collect();
    assert!(Challenge::parse(&challenges[0]).is_ok());
    let plain = peer.answer(401, &first).await;
    let signed = peer.answer(200, &[("SIP-ETag", etag), ("Expires", expires)]).await;
    assert!(signed.cseq().unwrap().0 > plain.cseq().unwrap().0);
    let claim = signed.headers.first(Name::AUTHORIZATION).expect("credentials");
    let claim = tieline_proto_sip::digest::Credentials::parse(claim).unwrap();
    let secret = Secret::Password("lab-password".into());
    let verdict = verifier.verify(&claim, "PUBLISH", Some(&secret), 1_001);
    assert_eq!(verdict, tieline_proto_sip::digest::Verdict::Accepted);
    signed
}

fn verifier() -> Verifier {
    Verifier::new(DOMAIN, [9; 32], &[Algorithm::Sha256, Algorithm::Md5], 60_000, 0)
}

/// Covers: AV-13 (PUBLISH)
#[tokio::test]
async fn a_publication_is_made_modified_refreshed_and_taken_up_again() {
    let world = world(config()).await;
    let peer = Peer::new().await;
    let to = peer.presence(600);
    let publish = async |world: &World, snapshot, etag: &str| {
        let mut verifier = verifier();
        let (told, request) = tokio::join!(
            world.stack.publish_presence(&to, &snapshot),
            accept_publish(&peer, &mut verifier, etag, "600")
        );
        assert!(matches!(told, Ok(Outcome::Delivered { .. })), "{told:?}");
        request
    };
    let if_match = || header_name("SIP-If-Match");
    let first = publish(&world, known(1, 0, 1), "e1").await;
    assert!(first.headers.first(if_match()).is_none());
    let second = publish(&world, known(0, 1, 2), "e2").await;
    assert_eq!(second.headers.first(if_match()), Some("e1"));
    assert!(!MessageSummary::parse(&second.body).unwrap().waiting);
    assert_eq!(world.stack.publish_presence(&to, &known(0, 1, 3)).await, Ok(Outcome::Unchanged));

    world.clock.push(Duration::from_secs(550));
    let refresh = accept_publish(&peer, &mut verifier(), "e3", "600").await;
    assert_eq!(refresh.headers.first(if_match()), Some("e2"));
    assert!(refresh.body.is_empty());
    while !world.product.stored.lock().unwrap().values().any(|r| r.record.contains("e3")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.stack.stop().await;

    let again = world_with(config(), world.product.clone(), world.clock.clone()).await;
    let third = publish(&again, known(2, 1, 4), "e4").await;
    assert_eq!(third.headers.first(if_match()), Some("e3"));
    assert_eq!(again.stack.publish_presence(&to, &unknown(5)).await, Ok(Outcome::Withheld));
    assert_eq!(again.stack.statistics().publications, 1);
    again.stack.stop().await;
}

#[tokio::test]
async fn a_presence_server_that_forgot_is_told_anew() {
    let world = world(config()).await;
    let peer = Peer::new().await;
    let mut to = peer.presence(600);
    to.login = None;
    let told = |snapshot| {
        let (stack, to) = (world.stack.clone(), to.clone());
        tokio::spawn(async move { stack.publish_presence(&to, &snapshot).await })
    };
    let first = told(known(1, 0, 1));
    peer.answer(200, &[("SIP-ETag", "e1")]).await;
    first.await.unwrap().unwrap();
    let second = told(known(2, 0, 2));
    peer.answer(412, &[]).await;
    let anew = peer.answer(200, &[("SIP-ETag", "e2")]).await;
    assert!(anew.headers.first(header_name("SIP-If-Match")).is_none());
    assert_eq!(voice(&anew), (2, 0));
    assert!(matches!(second.await.unwrap(), Ok(Outcome::Delivered { .. })));
    let third = told(known(3, 0, 3));
    peer.answer(489, &[]).await;
    assert_eq!(third.await.unwrap().unwrap_err().class, Class::Permanent);
    assert!(!world.product.fail_saves.load(Ordering::SeqCst));
    world.stack.stop().await;
}

/// A datagram that answers nobody changes nothing.
#[tokio::test]
async fn stray_answers_are_dropped() {
    let world = world(config()).await;
    let peer = Arc::new(Peer::new().await);
    let server = world.port(tieline_sip::Transport::Udp);
    for junk in [
        &b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKnobody\r\n\r\n"[..],
        b"\r\n\r\n",
        b"\0\0",
        b"junk",
    ] {
        peer.socket.send_to(junk, server).await.unwrap();
    }
    let (snapshot, to) = (known(1, 0, 1), peer.target());
    let (told, _) = tokio::join!(world.stack.notify_unsolicited(&to, &snapshot), peer.answer(200, &[]));
    assert!(told.is_ok());
    world.stack.stop().await;
}
