//! What the tests stand on: a product in memory, and a telephone made of the sans-IO codec.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jiff::Timestamp;
use tieline_model::{Clock, ManualClock};
use tieline_proto_sip::digest::{Challenge, Login, Secret};
use tieline_proto_sip::{Message, MessageSummary, Name, Request, Response, Uri, subscribe};
use tieline_sip::{
    Access, Accounts, BoxFuture, Calls, Counts, IncomingCall, Light, Observer, Routing, Services, SipConfig,
    SipEvent, SipStack, Snapshot, StoreError, StoredSubscription, SubscriptionStore, Tally, Transport,
};
use tokio::net::UdpSocket;
use tokio::time::timeout;

pub(crate) const DOMAIN: &str = "lab.example";
pub(crate) const PASSWORD: &str = "lab-password";
/// Far longer than anything in these tests takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that goes on by itself from a fixed day, and can be pushed ahead.
pub(crate) struct TestClock {
    began: Instant,
    ahead: AtomicI64,
}

impl TestClock {
    pub(crate) fn push(&self, by: Duration) {
        self.ahead.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.began.elapsed().as_millis() as i64;
        Timestamp::from_millisecond(1_800_000_000_000 + elapsed + self.ahead.load(Ordering::SeqCst)).unwrap()
    }
}

/// Users alice, bob and carol with mailboxes of the same names; carol may watch alice's too.
#[derive(Default)]
pub(crate) struct Product {
    pub(crate) lights: Mutex<HashMap<String, Snapshot>>,
    pub(crate) stored: Mutex<HashMap<String, StoredSubscription>>,
    pub(crate) fail_saves: std::sync::atomic::AtomicBool,
    pub(crate) events: Mutex<Vec<String>>,
    /// By number; others do not exist, and "7099" is never decided on.
    pub(crate) routes: Mutex<HashMap<String, Routing>>,
}

impl Calls for Product {
    fn route<'a>(&'a self, call: &'a IncomingCall) -> BoxFuture<'a, Routing> {
        let dialled = call.dialled.as_ref();
        let number = dialled.map(|dialled| dialled.number.clone()).unwrap_or_default();
        let code =
            call.passcode.clone().or_else(|| dialled.and_then(|dialled| dialled.codes.first().cloned()));
        let known = self.routes.lock().unwrap().get(&number).cloned();
        async move {
            if number == "7099" {
                std::future::pending::<()>().await;
            }
            known.unwrap_or_else(|| Routing::Refuse {
                code: 404,
                phrase: format!("No room {number}"),
                warning: Some(format!("asked with code \"{}\"", code.unwrap_or_default())),
                retry_after: Some(60),
            })
        }
        .boxed()
    }
}

impl Accounts for Product {
    fn secret<'a>(&'a self, username: &'a str) -> BoxFuture<'a, Option<Secret>> {
        let known = ["alice", "bob", "carol"].contains(&username);
        async move { known.then(|| Secret::Password(PASSWORD.to_owned())) }.boxed()
    }

    fn access<'a>(&'a self, address: &'a str, username: &'a str) -> BoxFuture<'a, Access> {
        let mailbox = address.strip_prefix("sip:").and_then(|a| a.strip_suffix("@lab.example"));
        let access = match mailbox {
            Some(mailbox) if !["alice", "bob", "carol"].contains(&mailbox) => Access::Unknown,
            Some(mailbox) if mailbox == username || username == "carol" => {
                Access::Granted(mailbox.to_owned())
            }
            Some(_) => Access::Forbidden,
            None => Access::Unknown,
        };
        async move { access }.boxed()
    }

    fn light<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Snapshot> {
        let unknown = Snapshot { light: Light::Unknown, revision: 0, trace: None };
        let light = self.lights.lock().unwrap().get(account).cloned().unwrap_or(unknown);
        async move { light }.boxed()
    }
}

impl SubscriptionStore for Product {
    fn save(&self, record: StoredSubscription) -> BoxFuture<'_, Result<(), StoreError>> {
        let result = match self.fail_saves.load(Ordering::SeqCst) {
            true => Err("disk full".into()),
            false => {
                self.stored.lock().unwrap().insert(record.id.clone(), record);
                Ok(())
            }
        };
        async move { result }.boxed()
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.stored.lock().unwrap().remove(id);
        async { Ok(()) }.boxed()
    }

    fn load(&self) -> BoxFuture<'_, Result<Vec<StoredSubscription>, StoreError>> {
        let all = self.stored.lock().unwrap().values().cloned().collect();
        async move { Ok(all) }.boxed()
    }
}

impl Observer for Product {
    fn observe(&self, event: SipEvent<'_>) {
        let text = match event {
            SipEvent::Subscribed { account, refresh, .. } => format!("subscribed {account} {refresh}"),
            SipEvent::Notified { account, light, revision, trace, .. } => {
                format!("notified {account} {} {revision} {}", light.word(), trace.unwrap_or("-"))
            }
            SipEvent::Ended { account, why, .. } => format!("ended {account} {why:?}"),
            SipEvent::RefreshFailed { user, failure } => format!("refresh failed {user} {failure}"),
        };
        self.events.lock().unwrap().push(text);
    }
}

impl Product {
    pub(crate) fn set(&self, account: &str, snapshot: &Snapshot) {
        self.lights.lock().unwrap().insert(account.to_owned(), snapshot.clone());
    }

    /// Waits until an event is seen that begins with `start`.
    pub(crate) async fn event(&self, start: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(event) = self.events.lock().unwrap().iter().find(|e| e.starts_with(start)) {
                return event.clone();
            }
            assert!(began.elapsed() < PATIENCE, "no event {start:?} in {:?}", self.events.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A running stack and the product around it.
pub(crate) struct World {
    pub(crate) stack: SipStack,
    pub(crate) product: Arc<Product>,
    pub(crate) clock: Arc<TestClock>,
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// UDP and TCP on free ports, no pause between NOTIFYs.
pub(crate) fn config() -> SipConfig {
    let mut config = SipConfig::new(DOMAIN, [3; 32]);
    config.udp = vec![loopback()];
    config.tcp = vec![loopback()];
    config.limits.notify_interval = Duration::ZERO;
    config
}

pub(crate) async fn world(config: SipConfig) -> World {
    let clock = Arc::new(TestClock { began: Instant::now(), ahead: AtomicI64::new(0) });
    world_with(config, Arc::new(Product::default()), clock).await
}

pub(crate) async fn world_with(config: SipConfig, product: Arc<Product>, clock: Arc<TestClock>) -> World {
    static STACKS: AtomicI64 = AtomicI64::new(0);
    // Ids of different stacks, and of different test processes, differ.
    let seed = STACKS.fetch_add(1, Ordering::SeqCst) * 1_000_000 + i64::from(std::process::id());
    let ids = Arc::new(ManualClock::new(Timestamp::from_millisecond(1_700_000_000_000 + seed).unwrap()));
    let services = Services {
        clock: clock.clone(),
        ids,
        accounts: product.clone(),
        store: product.clone(),
        observer: Some(product.clone()),
        calls: Some(product.clone()),
    };
    let stack = SipStack::start(config, services).await.unwrap();
    World { stack, product, clock }
}

impl World {
    pub(crate) fn port(&self, transport: Transport) -> SocketAddr {
        self.stack.listening().into_iter().find(|(t, _)| *t == transport).unwrap().1
    }
}

pub(crate) fn known(new: u32, old: u32, revision: u64) -> Snapshot {
    let tally = Tally { voice: Counts::new(new, old), ..Tally::default() };
    Snapshot { light: Light::Known(tally), revision, trace: Some(format!("tr_{revision}")) }
}

pub(crate) fn unknown(revision: u64) -> Snapshot {
    Snapshot { light: Light::Unknown, revision, trace: None }
}

/// What a UDP peer has answered: a request that comes again because the machine is slow gets the same answer again,
/// as RFC 3261 has it, and is not seen by the test.
#[derive(Default)]
pub(crate) struct Answered(Mutex<HashMap<String, Vec<u8>>>);

fn branch(request: &Request) -> String {
    request.top_via().unwrap().params.value("branch").unwrap().to_owned()
}

impl Answered {
    pub(crate) async fn receive(&self, socket: &UdpSocket) -> (Message, SocketAddr) {
        let mut buffer = vec![0; 65_535];
        loop {
            let received = timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
            let (length, from) = received.expect("nothing came").unwrap();
            let message = Message::parse_datagram(&buffer[..length]).unwrap();
            let again = match &message {
                Message::Request(request) => self.0.lock().unwrap().get(&branch(request)).cloned(),
                Message::Response(_) => None,
            };
            match again {
                Some(answer) => drop(socket.send_to(&answer, from).await),
                None => return (message, from),
            }
        }
    }

    pub(crate) async fn send(
        &self,
        socket: &UdpSocket,
        request: &Request,
        response: &Response,
        to: SocketAddr,
    ) {
        let answer = response.to_bytes();
        socket.send_to(&answer, to).await.unwrap();
        self.0.lock().unwrap().insert(branch(request), answer);
    }
}

/// A telephone on a UDP socket.
pub(crate) struct Phone {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) call_id: String,
    pub(crate) to_tag: Option<String>,
    pub(crate) cseq: u32,
    pub(crate) mailbox: String,
    pub(crate) answered: Answered,
}

impl Phone {
    pub(crate) async fn new(world: &World, user: &str) -> Self {
        static PHONES: AtomicI64 = AtomicI64::new(0);
        let n = PHONES.fetch_add(1, Ordering::SeqCst);
        Self {
            socket: UdpSocket::bind(loopback()).await.unwrap(),
            server: world.port(Transport::Udp),
            user: user.to_owned(),
            password: PASSWORD.to_owned(),
            call_id: format!("phone-{n}"),
            to_tag: None,
            cseq: 0,
            mailbox: format!("sip:{user}@{DOMAIN}"),
            answered: Answered::default(),
        }
    }

    pub(crate) fn request(&mut self, expires: u32) -> Request {
        self.cseq += 1;
        let own = self.socket.local_addr().unwrap();
        let contact = format!("sip:{}@{own}", self.user);
        let mailbox: Uri = self.mailbox.parse().unwrap();
        let mut request =
            subscribe(&mailbox, &self.mailbox, (&self.call_id, "phone"), self.cseq, &contact, expires);
        request.headers.push_front(
            Name::VIA,
            format!("SIP/2.0/UDP {own};branch=z9hG4bK{}.{};rport", self.call_id, self.cseq),
        );
        if let Some(tag) = &self.to_tag {
            request.headers.set(Name::TO, format!("<{}>;tag={tag}", self.mailbox));
        }
        request
    }

    pub(crate) fn sign(&self, request: &mut Request, challenge: &Response) {
        let challenges: Vec<_> = challenge
            .headers
            .all(Name::WWW_AUTHENTICATE)
            .map(|value| Challenge::parse(value).unwrap())
            .collect();
        let login = Login { username: self.user.clone(), secret: Secret::Password(self.password.clone()) };
        let credentials = login.answer(&challenges, request.method.as_str(), &request.uri, 1, "cn").unwrap();
        request.headers.push(Name::AUTHORIZATION, credentials.to_header());
    }

    pub(crate) async fn send(&self, request: &Request) {
        self.socket.send_to(&request.to_bytes(), self.server).await.unwrap();
    }

    pub(crate) async fn receive(&self) -> Message {
        self.answered.receive(&self.socket).await.0
    }

    pub(crate) async fn answer(&self, request: &Request, code: u16) {
        self.answered.send(&self.socket, request, &request.respond(code, "phone"), self.server).await;
    }

    pub(crate) async fn response(&self) -> Response {
        match self.receive().await {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a response was expected, not {}", request.method),
        }
    }

    /// SUBSCRIBE, challenge, SUBSCRIBE with credentials.
    pub(crate) async fn subscribe(&mut self, expires: u32) -> Response {
        let first = self.request(expires);
        self.send(&first).await;
        let challenge = self.response().await;
        assert_eq!(challenge.code, 401);
        let mut second = self.request(expires);
        self.sign(&mut second, &challenge);
        self.send(&second).await;
        let response = self.response().await;
        if response.code == 200 {
            self.to_tag = response.to().unwrap().tag().map(str::to_owned);
        }
        response
    }

    /// The next NOTIFY, answered.
    pub(crate) async fn notify(&self, code: u16) -> Request {
        match self.receive().await {
            Message::Request(request) => {
                assert_eq!(request.method.as_str(), "NOTIFY");
                self.answer(&request, code).await;
                request
            }
            Message::Response(response) => panic!("a NOTIFY was expected, not {}", response.code),
        }
    }

    /// Nothing more arrives for a while.
    pub(crate) async fn silence(&self) {
        let mut buffer = [0; 2_048];
        let got = timeout(Duration::from_millis(300), self.socket.recv(&mut buffer)).await;
        assert!(got.is_err(), "{}", String::from_utf8_lossy(&buffer));
    }
}

pub(crate) fn body(request: &Request) -> MessageSummary {
    MessageSummary::parse(&request.body).unwrap()
}

pub(crate) fn voice(request: &Request) -> (u32, u32) {
    let counts = body(request).class(tieline_proto_sip::MessageClass::VoiceMessage).unwrap();
    (counts.new, counts.old)
}
