//! Calls: refused, redirected, passed on, cancelled; sipp plays caller and bridge.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tieline_proto_sip::{Message, Method, Name, Request, Response, header_name};
use tieline_sip::{Routing, SipConfig, Timers, Transport};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::judges::{Judge, free_port, sipp_with};
use crate::support::{PATIENCE, World, config, loopback, world};

const ROOM: &str = "sip:7042@vmr.example";

/// T1 of 20 ms, so that giving up takes a second.
fn hasty() -> SipConfig {
    let mut config = config();
    config.timers = Timers { t1: 20, t2: 160 };
    config
}

fn invite(own: SocketAddr, uri: &str, branch: &str) -> Request {
    let mut request = Request::new(Method::Invite, uri);
    for (name, value) in [
        (Name::VIA, format!("SIP/2.0/UDP {own};branch=z9hG4bK{branch};rport")),
        (Name::MAX_FORWARDS, "70".to_owned()),
        (Name::FROM, "<sip:bob@lab.example>;tag=b".to_owned()),
        (Name::TO, format!("<{uri}>")),
        (Name::CALL_ID, branch.to_owned()),
        (Name::CSEQ, "1 INVITE".to_owned()),
        (Name::CONTACT, format!("<sip:bob@{own}>")),
    ] {
        request.headers.push(name, value);
    }
    request
}

struct Caller {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Caller {
    async fn new(world: &World) -> Self {
        Self { socket: UdpSocket::bind(loopback()).await.unwrap(), server: world.port(Transport::Udp) }
    }

    fn invite(&self, uri: &str, branch: &str) -> Request {
        invite(self.socket.local_addr().unwrap(), uri, branch)
    }

    async fn send(&self, request: &Request) {
        self.socket.send_to(&request.to_bytes(), self.server).await.unwrap();
    }

    async fn response(&self) -> Response {
        let mut buffer = vec![0; 65_535];
        let length = timeout(PATIENCE, self.socket.recv(&mut buffer)).await.expect("nothing came").unwrap();
        match Message::parse_datagram(&buffer[..length]).unwrap() {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a response was expected, not {}", request.method),
        }
    }

    /// The first response that is final.
    async fn answer(&self) -> Response {
        loop {
            let response = self.response().await;
            if response.code >= 200 {
                return response;
            }
        }
    }
}

/// Waits until no call is under way.
async fn quiet(world: &World) {
    let began = Instant::now();
    while world.stack.statistics().calls > 0 {
        assert!(began.elapsed() < PATIENCE, "calls do not end: {:?}", world.stack.statistics());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn route(world: &World, number: &str, routing: Routing) {
    world.product.routes.lock().unwrap().insert(number.to_owned(), routing);
}

#[tokio::test]
async fn a_refusal_says_why_and_comes_again_until_it_is_acknowledged() {
    let world = world(hasty()).await;
    let caller = Caller::new(&world).await;
    let request = caller.invite("sip:7000**1234@vmr.example", "one");
    caller.send(&request).await;
    assert_eq!(caller.response().await.code, 100);
    let first = caller.answer().await;
    assert_eq!((first.code, first.reason.as_str()), (404, "No room 7000"));
    assert_eq!(
        first.headers.first(header_name("Warning")),
        Some("399 lab.example \"asked with code '1234'\"")
    );
    assert_eq!(first.retry_after(), Some(60));
    let again = caller.answer().await;
    assert_eq!((again.code, again.to().unwrap().tag()), (404, first.to().unwrap().tag()));
    caller.send(&request.ack(&first).unwrap()).await;
    quiet(&world).await;

    // Without an ACK it ends as well, later.
    caller.send(&caller.invite(ROOM, "two")).await;
    assert_eq!(caller.answer().await.code, 404);
    quiet(&world).await;
    world.stack.stop().await;
}

#[tokio::test]
async fn a_code_may_stand_in_a_header() {
    let world = world(hasty()).await;
    let caller = Caller::new(&world).await;
    let mut request = caller.invite(ROOM, "one");
    request.headers.push(header_name("X-Tieline-Passcode"), "9876");
    caller.send(&request).await;
    let warning = caller.answer().await.headers.first(header_name("Warning")).map(str::to_owned);
    assert_eq!(warning.as_deref(), Some("399 lab.example \"asked with code '9876'\""));
    world.stack.stop().await;
}

#[tokio::test]
async fn what_is_no_new_call_is_refused() {
    let mut settings = hasty();
    settings.limits.calls = 1;
    let world = world(settings).await;
    let caller = Caller::new(&world).await;
    let mut inside = caller.invite(ROOM, "inside");
    inside.headers.set(Name::TO, format!("<{ROOM}>;tag=gone"));
    let mut untagged = caller.invite(ROOM, "untagged");
    untagged.headers.set(Name::FROM, "<sip:bob@lab.example>");
    let mut other = caller.invite(ROOM, "other");
    other.headers.set(Name::CSEQ, "1 BYE");
    for (request, code) in [(inside, 481), (untagged, 400), (other, 400)] {
        caller.send(&request).await;
        assert_eq!(caller.answer().await.code, code);
    }
    let mut bye = caller.invite(ROOM, "bye");
    bye.method = Method::Bye;
    bye.headers.set(Name::CSEQ, "1 BYE");
    caller.send(&bye).await;
    let answer = caller.answer().await;
    assert_eq!(answer.code, 405);
    assert!(answer.headers.first(Name::ALLOW).unwrap().starts_with("INVITE"), "{answer:?}");

    caller.send(&caller.invite("sip:7099@vmr.example", "waits")).await;
    assert_eq!(caller.response().await.code, 100);
    caller.send(&caller.invite("sip:7000@vmr.example", "too-many")).await;
    let full = caller.answer().await;
    assert_eq!((full.code, full.retry_after()), (503, Some(10)));
    world.stack.stop().await;
}

#[tokio::test]
async fn a_bridge_that_is_away_is_said_to_be() {
    let world = world(hasty()).await;
    let caller = Caller::new(&world).await;
    let closed = free_port();
    let tcp = format!("sip:7001@127.0.0.1:{closed};transport=tcp");
    route(&world, "7001", Routing::Forward(tcp.parse().unwrap()));
    // Nobody answers there.
    let silent = UdpSocket::bind(loopback()).await.unwrap();
    let udp = format!("sip:7002@{}", silent.local_addr().unwrap());
    route(&world, "7002", Routing::Forward(udp.parse().unwrap()));
    let first = caller.invite("sip:7001@vmr.example", "closed");
    caller.send(&first).await;
    let answer = caller.answer().await;
    assert_eq!((answer.code, answer.reason.as_str()), (503, "The bridge cannot be reached"));
    caller.send(&first.ack(&answer).unwrap()).await;
    quiet(&world).await;
    caller.send(&caller.invite("sip:7002@vmr.example", "silent")).await;
    assert_eq!(caller.answer().await.code, 408);
    let mut looping = caller.invite("sip:7002@vmr.example", "looping");
    looping.headers.set(Name::MAX_FORWARDS, "0");
    caller.send(&looping).await;
    // The 408 may still come again.
    while caller.answer().await.code != 483 {}
    world.stack.stop().await;
}

struct Bridge {
    judge: Judge,
    address: SocketAddr,
}

fn bridge(scenario: &str, hangup: &str, transport: Transport) -> Bridge {
    let port = free_port();
    let judge = sipp_with(scenario, &[("HANGUP", hangup)], transport, port, 1, None);
    Bridge { judge, address: ([127, 0, 0, 1], port).into() }
}

/// The bridge's part when the caller hangs up.
const LEFT: &str = r#"<recv request="BYE"/>
  <send>
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>"#;

fn caller(scenario: &str, uri: &str, code: &str, transport: Transport, world: &World) -> Judge {
    let words =
        [("URI", uri), ("CODE", code), ("EXTRA", ""), ("OFFSET", "2"), ("BACK", "5"), ("RINGING", "")];
    sipp_with(scenario, &words, transport, free_port(), 1, Some(world.port(transport)))
}

/// Covers: PO-09 (sipp is redirected)
#[tokio::test]
async fn sipp_is_redirected_and_talks_to_the_bridge() {
    let world = world(config()).await;
    let mut room = bridge("bridge_answers.xml", LEFT, Transport::Udp);
    let target = format!("sip:7042@{}", room.address);
    route(&world, "7042", Routing::Redirect(target.parse().unwrap()));
    let mut telephone = caller("call_redirected.xml", ROOM, "302", Transport::Udp, &world);
    telephone.agrees().await;
    room.judge.agrees().await;
    room.judge.says(&format!("called: INVITE {target}")).await;
    world.stack.stop().await;
}

/// Over TCP sipp cannot call elsewhere: that the 302 is right and acknowledged is what counts.
///
/// Covers: PO-09 (sipp is redirected over TCP)
#[tokio::test]
async fn sipp_is_redirected_or_refused_over_tcp() {
    let world = world(config()).await;
    route(&world, "7042", Routing::Redirect("sip:7042@10.0.0.9:5070;transport=tcp".parse().unwrap()));
    let mut telephone = caller("call_answered.xml", ROOM, "302", Transport::Tcp, &world);
    telephone.agrees().await;
    telephone.says("<sip:7042@10.0.0.9:5070;transport=tcp>").await;
    let mut telephone = caller("call_answered.xml", "sip:7000@vmr.example", "404", Transport::Tcp, &world);
    telephone.agrees().await;
    telephone.says("404 No room 7000").await;
    quiet(&world).await;
    world.stack.stop().await;
}

async fn sipp_is_passed_on(caller_over: Transport, bridge_over: Transport) {
    let world = world(config()).await;
    let mut room = bridge("bridge_answers.xml", "", bridge_over);
    room_listens(&room, bridge_over).await;
    let target = format!("sip:7042@{};transport={}", room.address, bridge_over.param());
    route(&world, "7042", Routing::Forward(target.parse().unwrap()));
    let mut telephone = caller("call_forwarded.xml", ROOM, "200", caller_over, &world);
    telephone.agrees().await;
    telephone.says(&format!("answered by sip:bridge@{}", room.address)).await;
    room.judge.says(&format!("called: INVITE {target}")).await;
    world.stack.stop().await;
}

/// A TCP listener is there once it can be connected to.
async fn room_listens(room: &Bridge, transport: Transport) {
    let began = Instant::now();
    while transport == Transport::Tcp && tokio::net::TcpStream::connect(room.address).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "sipp does not listen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Covers: PO-09 (sipp is passed on)
#[tokio::test]
async fn sipp_is_passed_on_to_the_bridge_over_udp() {
    sipp_is_passed_on(Transport::Udp, Transport::Udp).await;
}

/// Covers: PO-09 (sipp is passed on, TCP)
#[tokio::test]
async fn sipp_is_passed_on_from_tcp_to_a_bridge_on_udp() {
    sipp_is_passed_on(Transport::Tcp, Transport::Udp).await;
}

#[tokio::test]
async fn sipp_is_passed_on_from_udp_to_a_bridge_on_tcp() {
    sipp_is_passed_on(Transport::Udp, Transport::Tcp).await;
}

#[tokio::test]
async fn a_full_bridge_says_so_itself() {
    let world = world(config()).await;
    let mut room = bridge("bridge_busy.xml", "", Transport::Udp);
    route(&world, "7042", Routing::Forward(format!("sip:7042@{}", room.address).parse().unwrap()));
    let mut telephone = caller("call_answered.xml", ROOM, "486", Transport::Udp, &world);
    telephone.agrees().await;
    telephone.says("486 Full House").await;
    room.judge.agrees().await;
    world.stack.stop().await;
}

/// Covers: PO-09 (CANCEL)
#[tokio::test]
async fn sipp_hangs_up_before_anything_was_decided() {
    let world = world(config()).await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut telephone = caller("call_cancelled.xml", "sip:7099@vmr.example", "", transport, &world);
        telephone.agrees().await;
    }
    quiet(&world).await;
    let caller = Caller::new(&world).await;
    caller.send(&caller.invite("sip:7099@vmr.example", "unknown").cancel().unwrap()).await;
    assert_eq!(caller.answer().await.code, 481);
    world.stack.stop().await;
}

/// Covers: PO-09 (CANCEL at the bridge)
#[tokio::test]
async fn sipp_hangs_up_while_it_rings_at_the_bridge() {
    let world = world(config()).await;
    let mut room = bridge("bridge_rings.xml", "", Transport::Udp);
    route(&world, "7042", Routing::Forward(format!("sip:7042@{}", room.address).parse().unwrap()));
    let ringing = "<recv response=\"180\"/>";
    let words = [("URI", ROOM), ("EXTRA", ""), ("OFFSET", "3"), ("BACK", "6"), ("RINGING", ringing)];
    let server = world.port(Transport::Udp);
    let mut telephone = sipp_with("call_cancelled.xml", &words, Transport::Udp, free_port(), 1, Some(server));
    telephone.agrees().await;
    room.judge.agrees().await;
    world.stack.stop().await;
}

/// Bytes of an INVITE with something wrong with it.
fn mutated(request: &Request, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = request.to_bytes();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(0..25)).min(bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] = rng.random(),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let odd: [&[u8]; 10] =
                    [b"**", b"$$", b"%00", b"%", b"@", b";tag=", b"\r\n", b"9999999999", b"<", b"sip:"];
                bytes.splice(at..at, odd.choose(rng).unwrap().iter().copied());
            }
            _ => bytes.truncate(at.max(1)),
        }
        if bytes.is_empty() {
            bytes.push(b'I');
        }
    }
    bytes
}

/// Whatever comes instead of an INVITE: the stack goes on answering, and no call is left behind.
#[tokio::test]
async fn mutated_invites_leave_nothing_behind() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let iterations = number("TIELINE_FUZZ_ITERATIONS").unwrap_or(4_000) / 20;
    let seed = number("TIELINE_FUZZ_SEED").unwrap_or(0x1_4017);
    let mut settings = hasty();
    settings.timers = Timers { t1: 1, t2: 4 };
    let world = world(settings).await;
    let caller = Caller::new(&world).await;
    route(&world, "7001", Routing::Redirect("sip:7001@10.0.0.9".parse().unwrap()));
    let mut buffer = vec![0; 65_535];
    for nth in 0..iterations {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(nth));
        let uri = if nth % 2 == 0 { "sip:7001**1234@vmr.example" } else { "sip:7000@vmr.example;x=y" };
        let bytes = mutated(&caller.invite(uri, &format!("m{nth}")), &mut rng);
        caller.socket.send_to(&bytes, caller.server).await.unwrap();
        // Answers are read away, so that the socket's buffer does not fill.
        while caller.socket.try_recv(&mut buffer).is_ok() {}
        if nth % 50 == 0 {
            let good = caller.invite("sip:7001@vmr.example", &format!("good{nth}"));
            let began = Instant::now();
            caller.send(&good).await;
            loop {
                let length = timeout(Duration::from_secs(1), caller.socket.recv(&mut buffer)).await;
                match length {
                    Ok(length) => {
                        let text = String::from_utf8_lossy(&buffer[..length.unwrap()]).into_owned();
                        if text.starts_with("SIP/2.0 302") && text.contains(&format!("good{nth}")) {
                            break;
                        }
                    }
                    Err(_) => caller.send(&good).await,
                }
                assert!(began.elapsed() < PATIENCE, "no answer after seed {seed} + {nth}");
            }
        }
    }
    quiet(&world).await;
    world.stack.stop().await;
}
