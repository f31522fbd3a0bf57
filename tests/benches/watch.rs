//! What watching costs: ten thousand mailboxes over grouped streaming subscriptions by one Tieline process beside a lab of
//! as many people, then a hundred thousand beside a stub that answers as Exchange does. `cargo bench -p tieline-tests
//! --bench watch`, after `cargo build --release -p tieline`; `TIELINE_WATCHED` and `TIELINE_WATCHED_STUB` say how many,
//! 0 for none, `TIELINE_WATCHED_IDLE_S` how long idleness is measured.
//!
//! Memory is resident memory after the first pass over all mailboxes, less that of the same process without any, for
//! each mailbox. Idle CPU is what the process uses while nobody does anything: signs of life on every stream, the
//! reading of every mailbox at the interval that is the default, and whatever else goes on by itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, scope, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tieline_tests::lab::{PASSWORD, SERVICE_ACCOUNT};
use tieline_tests::process::Running;
use tieline_tests::rest::Rest;
use tieline_tests::seed::count;
use tieline_tests::site::{Options, Server};

const WANTED_KB: f64 = 16.0;
const WANTED_PERCENT: f64 = 2.0;
/// Mailboxes are added by so many clients at once.
const HANDS: usize = 16;
/// How long the first pass over everybody may take.
const PATIENCE: Duration = Duration::from_secs(3600);

fn main() {
    let idle = Duration::from_secs(count("TIELINE_WATCHED_IDLE_S", 120) as u64);
    let folder = tempfile::Builder::new().prefix("tieline-").tempdir().expect("a temporary folder");
    let folder = folder.path();
    println!("load before: {}", load());
    let many = count("TIELINE_WATCHED", 10_000);
    if many > 0 {
        let lab = Lab::start(folder, many);
        watch("lab", &sub(folder, "beside-lab"), lab.port, many, idle);
    }
    let many = count("TIELINE_WATCHED_STUB", 100_000);
    if many > 0 {
        let stub = Stub::start();
        watch("stub", &sub(folder, "beside-stub"), stub.port, many, idle);
        println!("stub: {} streams were open", stub.streams.load(Ordering::Relaxed));
    }
    println!("load afterwards: {}", load());
}

/// Watches so many mailboxes of the server at `port` and says what it costs.
fn watch(peer: &str, folder: &Path, port: u16, many: usize, idle: Duration) {
    let more = "[limits]\nrequests_per_minute = 10000000\n".to_owned();
    let mut server = Server::prepare(folder, &Options { more, own_pace: true, ..Options::default() });
    server.run();
    settle();
    let without = resident_kb(&server);
    let admin = server.rest("admin");
    let begun = Instant::now();
    configure(&server, &admin, port, folder, many);
    println!("{peer}: {many} mailboxes configured within {:.0} s", begun.elapsed().as_secs_f64());
    // What configuring took is none of watching.
    server.stop();
    server.run();
    let begun = Instant::now();
    wait_until_watched(&server, many);
    println!(
        "{peer}: {many} mailboxes subscribed and read for the first time within {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    settle();
    let kb = (resident_kb(&server) - without) / many as f64;
    let (asked, used) = (requests(&server), cpu(server.pid()));
    sleep(idle);
    let percent = (cpu(server.pid()) - used).as_secs_f64() / idle.as_secs_f64() * 100.0;
    let asked = (requests(&server) - asked) / idle.as_secs_f64();
    println!(
        "{peer}: {kb:.1} kB a mailbox beside {:.1} MB without any; ratio {:.2} ({WANTED_KB} kB over it, at least 1.00 wanted)",
        without / 1024.0,
        WANTED_KB / kb
    );
    println!(
        "{peer}: {percent:.2} % of a core while idle, {asked:.1} requests a second; ratio {:.2} ({WANTED_PERCENT} % over it, \
         at least 1.00 wanted)",
        WANTED_PERCENT / percent
    );
    server.kill();
}

/// An endpoint, a group, and its mailboxes: `user4` and so on. The password comes last, since without one nobody is
/// watched.
fn configure(server: &Server, admin: &Rest, port: u16, folder: &Path, many: usize) {
    let port = port.to_string();
    server.cli(&[
        "endpoint",
        "add",
        "peer",
        "ews:127.0.0.1",
        "--port",
        &port,
        "--http",
        "--authentication",
        "basic",
    ]);
    let password = folder.join("password.txt");
    std::fs::write(&password, PASSWORD).expect("the folder can be written");
    let password = password.display().to_string();
    let group = json!({"name": "Staff", "endpoint": "peer", "account": SERVICE_ACCOUNT});
    admin.post("/api/v1/feature-groups", &group).ok();
    let next = AtomicUsize::new(0);
    scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= many {
                        return;
                    }
                    let address = format!("user{}@lab.example", n + 4);
                    let mailbox = json!({"number": format!("{}", 10_000 + n), "address": address, "feature_group": "Staff"});
                    admin.post("/api/v1/mailboxes", &mailbox).ok();
                }
            });
        }
    });
    server.cli(&["feature-group", "set-password", "Staff", "--password-file", &password]);
}

/// Everybody is subscribed and nothing is left to be done.
fn wait_until_watched(server: &Server, many: usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut calm = 0;
    while calm < 3 {
        assert!(Instant::now() < deadline, "not watched:\n{}", last_words(&server.log()));
        sleep(Duration::from_secs(2));
        let metrics = metrics(server);
        let subscribed = sum(&metrics, "tieline_ews_requests_total", &["\"Subscribe\"", "\"answered\""]);
        let due = sum(&metrics, "tieline_jobs", &["\"due\""]);
        // Somebody is always due to be read again.
        let done = subscribed >= many as f64 && due <= many as f64 / 100.0;
        calm = if done { calm + 1 } else { 0 };
    }
}

fn requests(server: &Server) -> f64 {
    sum(&metrics(server), "tieline_ews_requests_total", &[])
}

fn metrics(server: &Server) -> String {
    String::from_utf8_lossy(&server.anonymous().download("/metrics")).into_owned()
}

/// Adds up the lines of a metric that hold all these words.
fn sum(metrics: &str, name: &str, words: &[&str]) -> f64 {
    let lines = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    let lines = lines.filter(|line| words.iter().all(|word| line.contains(word)));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// What a process's memory does after a burst of work.
fn settle() {
    sleep(Duration::from_secs(5));
}

fn resident_kb(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).expect("a number")
}

/// The processor time that a process has used.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux counts in hundredths of a second, whatever its own clock.
    Duration::from_millis(ticks * 10)
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

fn last_words(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn sub(folder: &Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::create_dir(&path).expect("the folder can be written");
    path
}

/// A lab with many people, and only what is asked of it here.
struct Lab {
    port: u16,
    _running: Running,
}

impl Lab {
    fn start(folder: &Path, people: usize) -> Self {
        let ready = folder.join("lab.json");
        let mut command = Command::new(tieline_tests::tieline());
        command.args(["lab", "--http", "127.0.0.1:0", "--authentication", "basic"]);
        command.args(["--users", &(people + 3).to_string()]);
        command.arg("--state").arg(folder.join("lab")).arg("--ready-file").arg(&ready);
        let mut running = Running::start("lab", &mut command, folder);
        let ready: Value = running.wait_for_ready_file(&ready);
        let (_, port) = tieline_tests::site::host_and_port(ready["ews_http"].as_str().expect("http"));
        Self { port: port.parse().expect("a port"), _running: running }
    }
}

/// Answers what watching asks, as Exchange does, for any number of mailboxes: it remembers nothing.
struct Stub {
    port: u16,
    streams: Arc<AtomicUsize>,
}

impl Stub {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("an address").port();
        let streams = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&streams);
        spawn(move || {
            for connection in listener.incoming().flatten() {
                let streams = Arc::clone(&counted);
                // A connection that breaks is its client's affair.
                let serve = move || drop(serve(connection, &streams));
                Builder::new().stack_size(256 * 1024).spawn(serve).expect("a thread");
            }
        });
        Self { port, streams }
    }
}

fn serve(connection: TcpStream, streams: &AtomicUsize) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut out = connection.try_clone()?;
    let mut input = BufReader::new(connection);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body);
        if body.contains("GetStreamingEvents>") {
            streams.fetch_add(1, Ordering::Relaxed);
            return stream(&mut out, &body);
        }
        let answer = answer(&body);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        out.write_all((head + &answer).as_bytes())?;
    }
}

/// Signs of life every 45 seconds, one for each subscription.
fn stream(out: &mut TcpStream, request: &str) -> std::io::Result<()> {
    let ids: Vec<&str> = request
        .split("SubscriptionId>")
        .filter(|text| text.starts_with("stub-"))
        .filter_map(|text| text.split('<').next())
        .collect();
    out.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    let mut send = |inner: &str| {
        let document = message("GetStreamingEvents", inner);
        out.write_all(format!("{:x}\r\n{document}\r\n", document.len()).as_bytes())
    };
    send("<m:ConnectionStatus>OK</m:ConnectionStatus>")?;
    let beats: String = ids
        .iter()
        .map(|id| {
            format!(
                "<m:Notification><t:SubscriptionId>{id}</t:SubscriptionId><t:StatusEvent/></m:Notification>"
            )
        })
        .collect();
    loop {
        sleep(Duration::from_secs(45));
        send(&format!("<m:Notifications>{beats}</m:Notifications>"))?;
    }
}

fn answer(request: &str) -> String {
    let mailbox =
        request.split("SmtpAddress>").nth(1).and_then(|text| text.split('<').next()).unwrap_or("nobody");
    if request.contains("Subscribe>") {
        return message("Subscribe", &format!("<m:SubscriptionId>stub-{mailbox}</m:SubscriptionId>"));
    }
    let folder = format!(
        "<m:Folders><t:Folder><t:FolderId Id=\"inbox-{mailbox}\" ChangeKey=\"AQAAAA==\"/>\
         <t:TotalCount>0</t:TotalCount><t:ChildFolderCount>0</t:ChildFolderCount></t:Folder></m:Folders>"
    );
    message("GetFolder", &folder)
}

fn message(operation: &str, inner: &str) -> String {
    const SCHEMA: &str = "http://schemas.microsoft.com/exchange/services/2006";
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Header><t:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" MajorBuildNumber=\"2507\" MinorBuildNumber=\"39\" \
         Version=\"Exchange2016\" xmlns:t=\"{SCHEMA}/types\"/></s:Header>\
         <s:Body><m:{operation}Response xmlns:m=\"{SCHEMA}/messages\" xmlns:t=\"{SCHEMA}/types\"><m:ResponseMessages>\
         <m:{operation}ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{inner}\
         </m:{operation}ResponseMessage></m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"
    )
}
