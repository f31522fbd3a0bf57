//! Judges that nobody here wrote: sipp as telephone, Kamailio as presence server, OpenSSL as TLS peer. A judge that
//! is not installed fails its test.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tieline_sip::{
    Algorithm, Class, Login, NotifyTarget, Outcome, PublicationTarget, Secret, SipConfig, SipStack, Snapshot,
    Transport,
};

use crate::support::{PASSWORD, config, known, world};
use crate::wire::{Authority, OPTIONS, tls};

/// How long a judge may take.
const JUDGMENT: Duration = Duration::from_secs(60);

/// A process of a judge, in its own process group; ended when dropped.
pub(crate) struct Judge {
    name: &'static str,
    child: Child,
    directory: TempDir,
}

impl Judge {
    fn start(name: &'static str, arguments: &[&str], directory: TempDir) -> Self {
        Self::start_with(name, arguments, directory, Stdio::null())
    }

    fn start_with(name: &'static str, arguments: &[&str], directory: TempDir, input: Stdio) -> Self {
        let output = File::create(directory.path().join("output")).unwrap();
        let child = Command::new(name)
            .args(arguments)
            .current_dir(directory.path())
            .env("TERM", "dumb")
            .stdin(input)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("the judge {name} cannot be started ({error}): run scripts/setup")
            });
        Self { name, child, directory }
    }

    /// What the judge wrote.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for entry in fs::read_dir(self.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension == "log") {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                words.push_str(&format!("== {}\n{text}\n", path.display()));
            }
        }
        words
    }

    /// Waits for the verdict.
    pub(crate) async fn agrees(&mut self) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{} disagrees ({status}):\n{}", self.name, self.words());
                return;
            }
            assert!(began.elapsed() < JUDGMENT, "{} gives no verdict:\n{}", self.name, self.words());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the judge wrote something.
    pub(crate) async fn says(&mut self, what: &str) {
        let began = Instant::now();
        while !self.words().contains(what) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended before it said {what:?}:\n{}", self.name, self.words());
            assert!(began.elapsed() < JUDGMENT, "{} does not say {what:?}:\n{}", self.name, self.words());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let signal = |signal: &str, whom: String| {
                Command::new("kill").args([signal, "--", &whom]).stderr(Stdio::null()).status()
            };
            let _ = signal("-TERM", self.child.id().to_string());
            let began = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = signal("-KILL", format!("-{}", self.child.id()));
            let _ = self.child.wait();
        }
    }
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/sip").canonicalize().unwrap()
}

/// A port that is free for datagrams and connections.
pub(crate) fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// sipp with one scenario, from `port`, for `calls` dialogs.
fn sipp(scenario: &str, transport: Transport, port: u16, calls: u32, remote: Option<SocketAddr>) -> Judge {
    sipp_with(scenario, &[], transport, port, calls, remote)
}

/// sipp with one scenario, some words of which are replaced.
pub(crate) fn sipp_with(
    scenario: &str,
    words: &[(&str, &str)],
    transport: Transport,
    port: u16,
    calls: u32,
    remote: Option<SocketAddr>,
) -> Judge {
    let directory = tempfile::tempdir().unwrap();
    let mut text = fs::read_to_string(scenarios().join(scenario)).unwrap();
    for (word, meaning) in words {
        text = text.replace(word, meaning);
    }
    let file = directory.path().join("scenario.xml");
    fs::write(&file, text).unwrap();
    let (port, calls) = (port.to_string(), calls.to_string());
    let remote = remote.map(|address| address.to_string());
    let mode = if transport == Transport::Tcp { "t1" } else { "u1" };
    let mut arguments = vec![
        "-sf",
        file.to_str().unwrap(),
        "-i",
        "127.0.0.1",
        "-p",
        &port,
        "-m",
        &calls,
        "-t",
        mode,
        "-nostdin",
        "-timeout",
        "50",
        "-timeout_error",
        "-trace_err",
        "-error_file",
        "errors.log",
        "-trace_logs",
        "-log_file",
        "words.log",
        "-trace_msg",
        "-message_file",
        "messages.log",
    ];
    arguments.extend(remote.as_deref());
    Judge::start("sipp", &arguments, directory)
}

fn sipp_target(port: u16, transport: Transport) -> NotifyTarget {
    NotifyTarget {
        target: format!("sip:alice@127.0.0.1:{port};transport={}", transport.param()).parse().unwrap(),
        user: "sip:alice@lab.example".parse().unwrap(),
        login: None,
    }
}

/// Tells a target as the product does: again while the failure may pass.
async fn tell(stack: &SipStack, target: &NotifyTarget, snapshot: &Snapshot) -> Outcome {
    let began = Instant::now();
    loop {
        match stack.notify_unsolicited(target, snapshot).await {
            Ok(outcome) => return outcome,
            Err(failure) => {
                assert_eq!(failure.class, Class::Transient, "{failure}");
                assert!(began.elapsed() < JUDGMENT, "{failure}");
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn sipp_takes_unsolicited_notifies(transport: Transport) {
    let port = free_port();
    let mut telephone = sipp("mwi_target.xml", transport, port, 2, None);
    let world = world(config()).await;
    let target = sipp_target(port, transport);
    for snapshot in [known(2, 8, 1), known(0, 10, 2)] {
        let told = tell(&world.stack, &target, &snapshot).await;
        assert!(matches!(told, Outcome::Delivered { code: 200, .. }), "{told:?}");
    }
    telephone.agrees().await;
    let words = fs::read_to_string(telephone.directory.path().join("words.log")).unwrap();
    assert!(words.contains("Messages-Waiting: yes Voice-Message: 2/8 tr_1"), "{words}");
    assert!(words.contains("Messages-Waiting: no Voice-Message: 0/10 tr_2"), "{words}");
    world.stack.stop().await;
}

/// Covers: AV-13 (sipp as target, UDP)
#[tokio::test]
async fn sipp_takes_unsolicited_notifies_over_udp() {
    sipp_takes_unsolicited_notifies(Transport::Udp).await;
}

/// Covers: AV-13 (sipp as target, TCP)
#[tokio::test]
async fn sipp_takes_unsolicited_notifies_over_tcp() {
    sipp_takes_unsolicited_notifies(Transport::Tcp).await;
}

async fn sipp_watches(transport: Transport, settings: SipConfig) {
    let world = world(settings).await;
    world.product.set("alice", &known(1, 2, 1));
    let server = world.port(transport);
    let mut telephone = sipp("mwi_watcher.xml", transport, free_port(), 1, Some(server));
    tokio::select! {
        _ = world.product.event("notified alice on") => {}
        () = telephone.agrees() => panic!("sipp ended too early:\n{}", telephone.words()),
    }
    world.product.set("alice", &known(0, 3, 2));
    assert_eq!(world.stack.publish("alice", &known(0, 3, 2)), 1);
    telephone.agrees().await;
    world.product.event("ended alice Unsubscribed").await;
    assert_eq!(world.stack.statistics().subscriptions, 0);
    world.stack.stop().await;
}

/// sipp 3.6 reads only the first challenge and knows MD5 alone: the order of algorithms is a setting for such peers.
fn md5_first() -> SipConfig {
    let mut settings = config();
    settings.algorithms = vec![Algorithm::Md5, Algorithm::Sha256];
    settings
}

/// Covers: AV-13 (sipp as subscriber, UDP)
#[tokio::test]
async fn sipp_subscribes_refreshes_and_unsubscribes_over_udp() {
    sipp_watches(Transport::Udp, md5_first()).await;
}

/// Covers: AV-13 (sipp as subscriber, TCP)
#[tokio::test]
async fn sipp_subscribes_refreshes_and_unsubscribes_over_tcp() {
    sipp_watches(Transport::Tcp, md5_first()).await;
}

/// Covers: AV-13 (OpenSSL over mutual TLS)
#[tokio::test]
async fn openssl_speaks_to_us_with_its_certificate_and_not_without() {
    let authority = Authority::new();
    let world = world(tls(&authority)).await;
    let address = world.port(Transport::Tls).to_string();
    for (shows_certificate, answered) in [(true, true), (false, false)] {
        let directory = tempfile::tempdir().unwrap();
        for (name, pem) in ["own.pem", "key.pem", "ca.pem"].into_iter().zip(authority.peer_pem()) {
            fs::write(directory.path().join(name), pem).unwrap();
        }
        let mut arguments = vec![
            "s_client",
            "-connect",
            &address,
            "-servername",
            "localhost",
            "-CAfile",
            "ca.pem",
            "-verify_return_error",
            "-quiet",
        ];
        if shows_certificate {
            arguments.extend(["-cert", "own.pem", "-key", "key.pem"]);
        }
        let mut client = Judge::start_with("openssl", &arguments, directory, Stdio::piped());
        // Without a certificate the pipe may break first: that is the refusal.
        let mut input = client.child.stdin.take().unwrap();
        let _ = std::io::Write::write_all(&mut input, OPTIONS);
        match answered {
            true => client.says("SIP/2.0 200 OK").await,
            false => {
                let began = Instant::now();
                while client.child.try_wait().unwrap().is_none() {
                    assert!(began.elapsed() < JUDGMENT, "OpenSSL was not sent away:\n{}", client.words());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                assert!(!client.words().contains("SIP/2.0 200"), "{}", client.words());
            }
        }
    }
    world.stack.stop().await;
}

fn kamailio(port: u16, algorithm: &str) -> Judge {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    let database = directory.path().join("kamailio.sqlite");
    for tables in ["standard-create.sql", "presence-create.sql"] {
        let sql = File::open(Path::new("/usr/share/kamailio/db_sqlite").join(tables))
            .expect("Kamailio's SQLite tables are missing: run scripts/setup");
        let made =
            Command::new("sqlite3").arg(&database).stdin(sql).status().expect("sqlite3: run scripts/setup");
        assert!(made.success());
    }
    let template = fs::read_to_string(scenarios().join("kamailio.cfg")).unwrap();
    let settings = template
        .replace("PORT", &port.to_string())
        .replace("/DIRECTORY", &path)
        .replace("ALGORITHM", algorithm);
    let file = directory.path().join("kamailio.cfg");
    fs::write(&file, settings).unwrap();
    let arguments =
        ["-DD", "-E", "-f", file.to_str().unwrap(), "-w", &path, "-Y", &path, "-m", "64", "-M", "8"];
    Judge::start("kamailio", &arguments, directory)
}

/// Covers: AV-13 (Kamailio takes the PUBLISH)
#[tokio::test]
async fn kamailio_takes_publications_and_notifies_its_own_watcher() {
    kamailio_publishes("", Transport::Udp).await;
}

/// Covers: AV-13 (Kamailio takes the PUBLISH, SHA-256 and TCP)
#[tokio::test]
async fn kamailio_challenges_with_sha_256_over_tcp() {
    kamailio_publishes("SHA-256", Transport::Tcp).await;
}

async fn kamailio_publishes(algorithm: &str, transport: Transport) {
    let port = free_port();
    let mut server = kamailio(port, algorithm);
    let world = world(config()).await;
    let mut target = PublicationTarget {
        server: format!("sip:127.0.0.1:{port};transport={}", transport.param()).parse().unwrap(),
        user: format!("sip:alice@127.0.0.1:{port}").parse().unwrap(),
        login: Some(Login { username: "alice".into(), secret: Secret::Password(PASSWORD.into()) }),
        lifetime: 600,
    };
    let began = Instant::now();
    let told = loop {
        match world.stack.publish_presence(&target, &known(2, 8, 1)).await {
            Ok(told) => break told,
            Err(failure) => assert!(began.elapsed() < JUDGMENT, "{failure}\n{}", server.words()),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(matches!(told, Outcome::Delivered { code: 200, .. }), "{told:?}");

    let address = ([127, 0, 0, 1], port).into();
    let mut watcher = sipp("presence_watcher.xml", Transport::Udp, free_port(), 1, Some(address));
    watcher.says("Voice-Message: 2/8").await;
    let told = world.stack.publish_presence(&target, &known(0, 10, 2)).await;
    assert!(matches!(told, Ok(Outcome::Delivered { .. })), "{told:?}\n{}", server.words());
    watcher.agrees().await;
    server.says("PUBLISH with SIP-If-Match").await;
    let spoken = if algorithm.is_empty() { "algorithm=MD5" } else { "algorithm=SHA-256" };
    server.says(spoken).await;

    // Wrong credentials are the administrator's business, and nothing is published.
    target.login = Some(Login { username: "alice".into(), secret: Secret::Password("guess".into()) });
    let refused = world.stack.publish_presence(&target, &known(5, 5, 3)).await.unwrap_err();
    assert_eq!((refused.class, refused.code), (Class::Operator, Some(401)), "{refused}");
    world.stack.stop().await;
}
