//! Where a user is: moved by the calendar, told to Kamailio as presence server and to a webhook.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tieline_tests::kamailio::Kamailio;
use tieline_tests::process::eventually;
use tieline_tests::sipp::Sipp;
use tieline_tests::site::{Options, Site};

/// A receiver of webhooks that is busy the first time, and keeps what it took with its signature.
struct Receiver {
    address: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// Signature and body of a webhook.
type Taken = (String, Vec<u8>);

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("an address").to_string();
        let taken: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = Arc::clone(&taken);
        std::thread::spawn(move || {
            let mut busy = true;
            for stream in listener.incoming().flatten() {
                let answered = answer(stream, std::mem::take(&mut busy));
                if let Some(Some(request)) = answered {
                    kept.lock().expect("no panic").push(request);
                }
            }
        });
        Self { address, taken }
    }

    fn locations(&self) -> Vec<String> {
        let taken = self.taken.lock().expect("no panic");
        let location = |(_, body): &(String, Vec<u8>)| {
            let body: Value = serde_json::from_slice(body).expect("JSON");
            format!("{} {} {}", body["number"], body["location"], body["cause"]).replace('"', "")
        };
        taken.iter().map(location).collect()
    }
}

/// Reads one request and answers it; gives the signature and the body of one that was taken.
fn answer(mut stream: TcpStream, busy: bool) -> Option<Option<(String, Vec<u8>)>> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut length, mut signature, mut line) = (0, String::new(), String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if let Some(value) = lower.strip_prefix("x-tieline-signature:") {
            value.trim().clone_into(&mut signature);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if busy { "503 Service Unavailable" } else { "204 No Content" };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((!busy).then_some((signature, body)))
}

/// The HMAC as Python's standard library makes it.
fn signed(secret: &str, body: &[u8]) -> String {
    let script = "import hashlib, hmac, sys; \
        print('sha256=' + hmac.new(sys.argv[1].encode(), sys.stdin.buffer.read(), hashlib.sha256).hexdigest())";
    let mut python = Command::new("python3")
        .args(["-c", script, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    python.stdin.take().expect("a pipe").write_all(body).expect("written");
    let output = python.wait_with_output().expect("python3 ends");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// UTC on the wall, so many seconds from now.
fn wall(seconds: i64) -> String {
    let then = format!("{seconds} seconds");
    let output = Command::new("date").args(["-u", "-d", &then, "+%Y-%m-%dT%H:%M:%S"]).output();
    String::from_utf8_lossy(&output.expect("date runs").stdout).trim().to_owned()
}

fn location(site: &Site) -> String {
    let answer = site.server.cli(&["mailbox", "location", "1001"]);
    format!("{} {}", answer["location"], answer["cause"]).replace('"', "")
}

fn wait(site: &Site, wanted: &str) {
    eventually(&format!("location {wanted}"), || (location(site) == wanted).then_some(()));
}

fn add(site: &Site, subject: &str, (from, to): (i64, i64), set: &[&str]) -> String {
    let (from, to) = (wall(from), wall(to));
    let mut command = vec!["event", "add", "--mailbox", "1001", "--subject", subject, "--zone", "UTC"];
    command.extend(["--start", &from, "--end", &to]);
    set.iter().for_each(|field| command.extend(["--set", field]));
    site.server.cli(&command)["id"].as_str().expect("an id").to_owned()
}

fn ends(site: &Site, event: &str, seconds: i64) {
    let shown = site.server.cli(&["event", "show", event]);
    let mut schedule = shown["event"]["schedule"].clone();
    schedule["end"]["local"] = json!(wall(seconds));
    let path = format!("/api/v1/events/{event}");
    site.server.rest("admin").patch(&path, &json!({"schedule": schedule})).ok();
}

const HOUR: i64 = 3600;

/// A meeting moves the location when it begins and back when it ends, on time and without anybody's doing; a category
/// assigns another, a location that was set by hand stays whatever the calendar says, and Kamailio's watcher and a webhook see
/// each change: where, and never why.
///
/// Covers: AV-73, AV-80, AV-81, AV-82
#[test]
fn a_meeting_moves_the_location_and_others_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kamailio = Kamailio::start(folder.path());
    let receiver = Receiver::start();
    std::fs::write(folder.path().join("secret"), "between us\n").expect("written");
    let site = Site::bare(&Options {
        sip: format!("[sip.presence]\nserver = \"sip:{}\"\n", kamailio.address()),
        more: format!(
            "[location]\nwebhook = \"http://{}/hook\"\nwebhook_secret_file = \"{}\"\n",
            receiver.address,
            folder.path().join("secret").display()
        ),
        ..Options::default()
    });
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1001", "alice", &[]);
    let mut watcher = Sipp::presence_watcher(folder.path(), &kamailio.address(), "1001", "lab.example");
    assert_eq!(location(&site), "office usual");
    let early = add(&site, "Before it was switched on", (-HOUR, HOUR), &[]);
    assert_eq!(location(&site), "office usual", "Change Location is off");
    site.server.cli(&["feature-group", "edit", "Staff", "--change-location", "yes"]);
    wait(&site, "meeting event");
    watcher.wait_for("note=Meeting activity=meeting");
    eventually("the webhook", || {
        receiver.locations().contains(&"1001 meeting event".to_owned()).then_some(())
    });

    // It ends by the clock.
    ends(&site, &early, 3);
    wait(&site, "office usual");
    watcher.wait_for("note=Office");
    // The next one begins by the clock, at the place that its category names; a private one, and nobody is told why.
    let set = ["categories=[\"Location: Home\"]", "sensitivity=private"];
    let home = add(&site, "Surgery", (3, HOUR), &set);
    wait(&site, "home event");
    watcher.wait_for("note=Home");

    // By hand: no event moves it, not one that begins, is moved or goes.
    site.server.cli(&["mailbox", "location", "1001", "--set", "mobile"]);
    wait(&site, "mobile by-hand");
    watcher.wait_for("note=Mobile");
    let away = add(&site, "Fair", (-HOUR, HOUR), &["busy=out-of-office", "uc_location=travel"]);
    ends(&site, &home, 2);
    assert_eq!(location(&site), "mobile by-hand");
    site.server.cli(&["mailbox", "location", "1001", "--clear"]);
    wait(&site, "travel event");
    watcher.wait_for("note=Travel activity=travel");
    site.server.cli(&["event", "remove", &away]);
    wait(&site, "office usual");

    // Free, tentative and cancelled ones move nothing.
    for set in ["busy=free", "busy=tentative", "cancelled=true"] {
        add(&site, "Perhaps", (-HOUR, HOUR), &[set]);
    }
    assert_eq!(location(&site), "office usual");
    site.server.refused(&["mailbox", "location", "1001", "--set", "moon"]);
    watcher.wait_for("note=Office");

    eventually("all of them", || {
        let told = receiver.locations();
        let wanted = ["meeting event", "office usual", "home event", "mobile by-hand", "travel event"];
        wanted.iter().all(|one| told.contains(&format!("1001 {one}"))).then_some(())
    });
    for (signature, body) in receiver.taken.lock().expect("no panic").iter() {
        assert_eq!(*signature, signed("between us", body));
        let text = String::from_utf8_lossy(body);
        assert!(!text.contains("Surgery") && !text.contains("Fair"), "{text}");
    }
    let mailbox = site.server.cli(&["mailbox", "show", "1001"]);
    let explained = site.server.cli(&["explain", mailbox["id"].as_str().expect("an id")]);
    let chain = explained["chain"].as_array().cloned().unwrap_or_default();
    let rule = |name: &str| chain.iter().any(|one| one["rule"] == name);
    assert!(rule("location-by-event") && rule("location-said"), "{explained:#}");
}

/// A killed server goes on where the clock is by then, and tells what is true, not what was.
///
/// Covers: AV-73 (after a crash)
#[test]
fn a_killed_server_finds_the_location_that_is_true_by_then() {
    let receiver = Receiver::start();
    let more = format!("[location]\nwebhook = \"http://{}/hook\"\n", receiver.address);
    let mut site = Site::with(&Options { more, ..Options::default() });
    site.server.cli(&["feature-group", "edit", "Staff", "--change-location", "yes"]);
    let event = add(&site, "Meeting", (-HOUR, HOUR), &[]);
    wait(&site, "meeting event");
    eventually("the webhook", || {
        receiver.locations().contains(&"1001 meeting event".to_owned()).then_some(())
    });
    ends(&site, &event, 2);
    site.server.kill();
    std::thread::sleep(Duration::from_secs(3));
    site.server.run();
    eventually("the way back", || {
        (receiver.locations().last().map(String::as_str) == Some("1001 office usual")).then_some(())
    });
}
