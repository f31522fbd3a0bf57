//! A burst of invitations to the conference mailbox, with the real binary over EWS: how long from the arrival of each to
//! its answer. `cargo bench -p tieline-tests --bench conference_burst`, after `cargo build --release -p tieline`.
//! `TIELINE_BURST` is how many, 1,000 unless told.
//!
//! Fifty organizers invite at once, each meeting into a room of its own choice. An invitation has arrived when the lab
//! has ended the organizer's request; it is answered when Tieline has noted that Exchange took the answer. Beside it stands
//! what the lab's own work for Tieline's requests took: the floor for one mailbox, which is served in order.

use std::collections::HashMap;
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use serde_json::Value;
use tieline_tests::lab::PASSWORD;
use tieline_tests::seed::count;
use tieline_tests::site::{Options, Site};
use tieline_tests::tool;

const ORGANIZERS: usize = 50;
/// Organizers that send at the same time.
const AT_ONCE: usize = 8;
/// The invitation beforehand; no burst is so large.
const WARM: usize = 8_999;
const PATIENCE: Duration = Duration::from_secs(900);

fn main() {
    let many = count("TIELINE_BURST", 1000);
    let more = "[conferencing]\nmailbox = \"conference@lab.example\"\nfeature_group = \"Staff\"\nsip_domain = \"vmr.example\"\n\
                check_every_s = 10\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("rooms.toml");
    std::fs::write(&policy, "numbers = [\"70000-79999\"]\n").expect("the folder can be written");
    let more = format!("{more}policy_file = \"{}\"\n", policy.display());
    let options = Options { more, directory: true, ..Options::default() };
    let users = u32::try_from(ORGANIZERS + 3).expect("few");
    let site = Site::bare_with_users(&options, users);
    site.add_endpoint_and_group(&[]);

    // One beforehand, so that the subscription stands and every cache is filled.
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
    invite(&client, site.lab.ews(), 0, WARM);
    wait_answered(&site, 1);

    let begun = Instant::now();
    scope(|threads| {
        for part in 0..AT_ONCE {
            let (client, ews) = (&client, site.lab.ews());
            threads.spawn(move || {
                (part..many).step_by(AT_ONCE).for_each(|nth| invite(client, ews, nth % ORGANIZERS, nth));
            });
        }
    });
    let sent = begun.elapsed();
    wait_answered(&site, many + 1);
    let all = begun.elapsed();
    report(&site, many, sent, all);
}

/// One organizer's invitation; the lab's journal knows it by its number.
fn invite(client: &Client, ews: &str, organizer: usize, nth: usize) {
    let (room, minute) = (70_000 + nth % 9_000, nth / 9_000 * 30);
    let body = format!(
        r#"<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
        xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
        xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
        <s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>
        <m:CreateItem SendMeetingInvitations="SendOnlyToAll"><m:Items><t:CalendarItem>
        <t:Subject>Burst {nth}</t:Subject><t:Start>2030-03-04T{:02}:{:02}:00Z</t:Start>
        <t:End>2030-03-04T{:02}:{:02}:00Z</t:End><t:Location>@vmr {room}</t:Location>
        <t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>conference@lab.example</t:EmailAddress>
        </t:Mailbox></t:Attendee></t:RequiredAttendees></t:CalendarItem></m:Items></m:CreateItem></s:Body></s:Envelope>"#,
        8 + minute / 60,
        minute % 60,
        8 + (minute + 30) / 60,
        (minute + 30) % 60,
    );
    let request = client.post(ews).basic_auth(format!("user{}@lab.example", 4 + organizer), Some(PASSWORD));
    let request = request.header("Content-Type", "text/xml; charset=utf-8");
    let answer = request.header("client-request-id", format!("burst-{nth}")).body(body).send();
    let answer = answer.and_then(reqwest::blocking::Response::text).expect("the lab answers");
    assert!(answer.contains("NoError"), "{answer}");
}

/// What the server's database says.
fn asked(site: &Site, sql: &str) -> String {
    let mut sqlite = Command::new(tool("sqlite3"));
    sqlite.args(["-readonly", "-cmd", ".timeout 5000"]).arg(site.folder().join("tieline.db")).arg(sql);
    let output = sqlite.output().expect("sqlite3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn wait_answered(site: &Site, many: usize) {
    let begun = Instant::now();
    loop {
        let answered = asked(site, "SELECT COUNT(*) FROM meeting_answer WHERE sent_ms IS NOT NULL");
        if answered.trim().parse::<usize>().is_ok_and(|answered| answered >= many) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {many} answered\n{}", answered.trim(), site.server.log());
        sleep(Duration::from_millis(200));
    }
}

fn report(site: &Site, many: usize, sent: Duration, all: Duration) {
    let journal = site.lab.requests();
    let number = |record: &Value, name: &str| record[name].as_f64().unwrap_or(0.0);
    let arrived: HashMap<usize, f64> = journal
        .iter()
        .filter_map(|record| {
            Some((number_of(record)?, number(record, "at_ms") + number(record, "service_us") / 1e3))
        })
        .collect();
    let rows = asked(
        site,
        "SELECT json_extract(m.body, '$.subject') || '|' || a.sent_ms FROM meeting_answer a JOIN meeting m ON m.id = a.meeting",
    );
    let mut ways: Vec<f64> = rows
        .lines()
        .filter_map(|row| {
            let (subject, answered) = row.split_once('|')?;
            let nth = subject.strip_prefix("Burst ")?.parse().ok()?;
            Some(answered.parse::<f64>().ok()? - arrived.get(&nth)?)
        })
        .collect();
    ways.sort_by(f64::total_cmp);
    let accepted = asked(site, "SELECT COUNT(*) FROM meeting WHERE state = 'accepted'");
    println!(
        "{many} invitations sent in {:.1} s, all answered after {:.1} s ({:.0} a second); {} meetings have their room",
        sent.as_secs_f64(),
        all.as_secs_f64(),
        many as f64 / all.as_secs_f64(),
        accepted.trim()
    );
    let first = journal.iter().position(|record| number_of(record).is_some()).unwrap_or(0);
    let is_ours = |record: &&Value| {
        let user = record["user"].as_str().unwrap_or_default();
        user.starts_with("svc-tieline") && record["operation"] != "GetStreamingEvents"
    };
    let ours: Vec<&Value> = journal.iter().skip(first).filter(is_ours).collect();
    let mut service: Vec<f64> = ours.iter().map(|record| number(record, "service_us") / 1e3).collect();
    service.sort_by(f64::total_cmp);
    println!("arrival to answer   p50 {:8.0} ms  p99 {:8.0} ms", at(&ways, 50), at(&ways, 99));
    println!("lab's time a call   p50 {:8.2} ms  p99 {:8.2} ms", at(&service, 50), at(&service, 99));
    let total: f64 = service.iter().sum();
    println!(
        "{} calls for {many} invitations ({:.2} each), {:.1} s of the lab's own time; ratio of the whole burst to it: {:.2}",
        ours.len(),
        ours.len() as f64 / many as f64,
        total / 1e3,
        all.as_secs_f64() * 1e3 / total
    );
    assert!(ways.len() >= many, "{} of {many} answers could be timed", ways.len());
}

/// Which invitation of the burst a request of the lab's journal is.
fn number_of(record: &Value) -> Option<usize> {
    let nth = record["client_request_id"].as_str()?.strip_prefix("burst-")?.parse().ok()?;
    (nth != WARM).then_some(nth)
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
