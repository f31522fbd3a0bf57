//! How long after a deposit its NOTIFY is sent, with the real binary over REST and SIP: 30 deposits a second for 20 s, over
//! 30 mailboxes, each with a telephone. `cargo bench -p tieline-tests --bench deposit_to_notify`, after
//! `cargo build --release -p tieline`.
//!
//! The clock runs from the first byte of the request to the arrival of the first NOTIFY that counts the message. A light
//! does not wait for Exchange, so nothing is subtracted; the time that the lab's own requests took is stated beside it.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::json;
use tieline_tests::recording::spoken;
use tieline_tests::site::{Options, Site};

const A_SECOND: u32 = 30;
const SECONDS: u32 = 20;
const MAILBOXES: u32 = 30;
const WANTED: Duration = Duration::from_millis(50);

/// By mailbox: how many new messages a NOTIFY said, and when it arrived.
type Arrivals = Arc<Mutex<HashMap<u32, Vec<(u32, Instant)>>>>;

fn main() {
    let arrivals = Arrivals::default();
    let telephones = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let address = telephones.local_addr().expect("an address");
    spawn({
        let arrivals = Arc::clone(&arrivals);
        move || answer(&telephones, &arrivals)
    });
    let site = Site::bare_with_users(&Options::default(), MAILBOXES + 3);
    site.add_endpoint_and_group(&[]);
    for number in 0..MAILBOXES {
        site.add_mailbox(
            &format!("{}", 2000 + number),
            &format!("user{}", 4 + number),
            &[&format!("sip:{}@{address}", 2000 + number)],
        );
    }
    let rest = site.server.rest("deposit");
    let recording = Arc::new(
        std::fs::read(spoken(site.folder(), "ten", &"This takes a while. ".repeat(6))).expect("spoken"),
    );

    // One thread a deposit: the rate is kept whatever the answers take.
    let began = Instant::now();
    let deposits: Vec<_> = (0..A_SECOND * SECONDS)
        .map(|n| {
            let due = began + Duration::from_secs(1) * n / A_SECOND;
            sleep(due.saturating_duration_since(Instant::now()));
            let (rest, recording) = (rest.clone(), Arc::clone(&recording));
            spawn(move || {
                let message = json!({"mailbox": (2000 + n % MAILBOXES).to_string(), "caller": {"number": n.to_string()}});
                let sent = Instant::now();
                rest.try_deposit(&message, "ten.wav", &recording).expect("an answer").ok();
                (n, sent, sent.elapsed())
            })
        })
        .collect();
    let deposits: Vec<_> = deposits.into_iter().map(|thread| thread.join().expect("a deposit")).collect();
    sleep(Duration::from_secs(2));

    let arrivals = arrivals.lock().expect("no panic");
    let counted = |n: u32, sent: Instant| {
        let (mailbox, at_least) = (2000 + n % MAILBOXES, n / MAILBOXES + 1);
        let first = arrivals.get(&mailbox)?.iter().find(|(new, _)| *new >= at_least)?;
        Some(first.1.duration_since(sent))
    };
    let ways = sorted(deposits.iter().filter_map(|(n, sent, _)| counted(*n, *sent)).collect());
    let answers = sorted(deposits.iter().map(|(_, _, answered)| *answered).collect());
    let lab = site.lab.requests();
    let lab =
        sorted(lab.iter().filter_map(|r| Some(Duration::from_micros(r["service_us"].as_u64()?))).collect());
    println!(
        "{} deposits, {} shown by NOTIFY, {} requests at the lab",
        deposits.len(),
        ways.len(),
        lab.len()
    );
    for (what, times) in [("deposit answered", &answers), ("NOTIFY arrived", &ways), ("lab's own time", &lab)]
    {
        println!("{what:18} p50 {:6.1} ms  p99 {:6.1} ms", ms(times, 50), ms(times, 99));
    }
    assert_eq!(ways.len(), deposits.len(), "messages that no light showed");
    println!(
        "ratio: {:.2} (50 ms over p99, at least 1.00 wanted)",
        WANTED.as_secs_f64() * 1e3 / ms(&ways, 99)
    );
}

/// Answers every NOTIFY and notes what it says.
fn answer(telephones: &UdpSocket, arrivals: &Arrivals) {
    let mut buffer = [0; 65_536];
    while let Ok((length, peer)) = telephones.recv_from(&mut buffer) {
        let now = Instant::now();
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let line = |name: &str| {
            request.lines().find(|line| line.to_lowercase().starts_with(name)).unwrap_or_default()
        };
        let mailbox = request.split(['@', ':']).nth(1).and_then(|number| number.parse().ok());
        let new = line("voice-message:").split([' ', '/']).nth(1).and_then(|new| new.parse().ok());
        if let (Some(mailbox), Some(new)) = (mailbox, new) {
            arrivals.lock().expect("no panic").entry(mailbox).or_default().push((new, now));
        }
        let copied = ["via:", "from:", "to:", "call-id:", "cseq:"].map(line);
        let answer = format!("SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n", copied.join("\r\n"));
        // A telephone that cannot answer is asked again.
        let _ = telephones.send_to(answer.as_bytes(), peer);
    }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

/// A percentile in milliseconds.
fn ms(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
