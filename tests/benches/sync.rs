//! Contacts in step, with the real binary and the lab: the first synchronization of a mailbox beside exchangelib reading the
//! same folder and vdirsyncer pulling as many from Radicale; what a pass without changes costs; and whether one huge mailbox
//! delays the others. `cargo bench -p tieline-tests --bench sync`, after `cargo build --release -p tieline`.
//!
//! `TIELINE_BENCH_CONTACTS` (10,000), `TIELINE_BENCH_MAILBOXES` (200) and `TIELINE_BENCH_LARGE` (100,000) make it smaller.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tieline_tests::judge::python;
use tieline_tests::mail_user::MailUser;
use tieline_tests::port;
use tieline_tests::rest::Rest;
use tieline_tests::seed::count;
use tieline_tests::site::{Options, Site};
use tieline_tests::source_root;

/// Mailboxes whose edits are timed while a huge one is synchronized.
const SMALL: usize = 20;
/// Edits in each of the two measurements at least.
const EDITS: usize = 300;

fn main() {
    first_synchronization(count("TIELINE_BENCH_CONTACTS", 10_000));
    passes_without_changes(count("TIELINE_BENCH_MAILBOXES", 200));
    a_huge_mailbox_among_others(count("TIELINE_BENCH_LARGE", 100_000));
}

/// From switching contacts on to the plan, and from its approval to both sides in step.
fn first_synchronization(many: usize) {
    let site = Site::with(&Options { read_every_s: Some(3600), ..Options::default() });
    MailUser::of(&site.lab, "alice").makes_contacts("Many", 0..many);
    let mut told = site.lab.account("alice");
    told["peer"] = json!("exchangelib");
    told["many"] = json!(many);
    let exchangelib = peer(&told);
    let folder = site.folder().join("peer");
    let vdirsyncer =
        peer(&json!({"peer": "vdirsyncer", "folder": folder, "port": port::free(), "many": many}));

    let rest = site.server.rest("admin");
    let cpu = cpu(site.server.pid());
    let began = Instant::now();
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "contacts"]);
    let plan = stands(&rest, "1001", "awaits-approval");
    let planned = began.elapsed();
    let began = Instant::now();
    approve(&rest, "1001", &plan);
    let status = stands(&rest, "1001", "in-step");
    let carried = began.elapsed();
    assert_eq!(status["linked"], many, "{status:#}");
    let whole = (planned + carried).as_secs_f64();
    println!("first synchronization of {many} contacts");
    println!(
        "  Tieline      {whole:8.2} s  (dry run {:.2}, snapshot and writing {:.2})",
        planned.as_secs_f64(),
        carried.as_secs_f64()
    );
    println!(
        "               {:8.2} s of its own time, {} in memory at most",
        (crate::cpu(site.server.pid()) - cpu).as_secs_f64(),
        memory(site.server.pid(), "VmHWM")
    );
    println!("  exchangelib  {exchangelib:8.2} s  reading the folder");
    println!("  vdirsyncer   {vdirsyncer:8.2} s  pulling as many from Radicale");
    println!("  ratio: {:.2} (exchangelib over Tieline, at least 10.00 wanted)", exchangelib / whole);
    println!("  ratio: {:.2} (vdirsyncer over Tieline, at least 1.00 wanted)", vdirsyncer / whole);
}

/// Mailboxes are read in turns, as often as the server paces itself, and nothing has changed in any.
fn passes_without_changes(mailboxes: usize) {
    let site = many_mailboxes(mailboxes, 10, 1);
    let (measured, pid, rest) = (Duration::from_secs(20), site.server.pid(), site.server.rest("admin"));
    // What the first synchronization wrote has come back by then.
    sleep(Duration::from_secs(5));
    let (asked_before, cpu_before, began) = (asked(&rest), cpu(pid), Instant::now());
    sleep(measured);
    let (took, used) = (began.elapsed().as_secs_f64(), (cpu(pid) - cpu_before).as_secs_f64());
    let asked: Asked = asked(&rest) - asked_before;
    let passes = asked.lists.max(1.0);
    println!("passes without changes over {mailboxes} mailboxes");
    println!("  {:.2} requests a pass, one folder each (at most 1.00 wanted)", asked.all / passes);
    println!(
        "  {:.2} ms of Tieline's own time a pass, {} in memory",
        used * 1e3 / passes,
        memory(pid, "VmRSS")
    );
    println!(
        "  {:.0} passes a minute were made, with {:.0} % of a core",
        passes * 60.0 / took,
        used * 100.0 / took
    );
    let a_minute = passes * 60.0 / used;
    println!(
        "  ratio: {:.2} ({a_minute:.0} mailboxes a minute and core over 1,000, at least 1.00 wanted)",
        a_minute / 1000.0
    );
}

/// Edits in small mailboxes, timed by Tieline, without and with the first synchronization of a huge one beside them, from its
/// dry run to its end.
fn a_huge_mailbox_among_others(many: usize) {
    let mut site = many_mailboxes(SMALL, 10, 3600);
    let huge = format!("user{}", SMALL + 4);
    MailUser::of(&site.lab, &huge).makes_contacts("Huge", 0..many);
    let alone = lag_of_edits(&site, |_, edits| edits < EDITS);
    site.server.stop();
    site.server.run();
    site.add_mailbox("4000", &huge, &[]);
    let (mut during, mut approved) = (0, false);
    let beside = lag_of_edits(&site, |rest, edits| {
        let huge = status(rest, "4000");
        if huge["standing"] == "awaits-approval" && !approved {
            approve(rest, "4000", &huge);
            approved = true;
        }
        let under_way = huge["standing"] != "in-step";
        during += u64::from(under_way);
        under_way || edits < EDITS
    });
    println!(
        "edits of {SMALL} mailboxes, {EDITS} at least, without and beside a first synchronization of {many} contacts"
    );
    println!("  alone   p50 {:5} ms  p99 {:5} ms", alone["p50_ms"], alone["p99_ms"]);
    println!(
        "  beside  p50 {:5} ms  p99 {:5} ms  ({during} edits while it was under way)",
        beside["p50_ms"], beside["p99_ms"]
    );
    println!("  memory at most {}", memory(site.server.pid(), "VmHWM"));
    let ratio = alone["p99_ms"].as_f64().unwrap_or(f64::NAN) / beside["p99_ms"].as_f64().unwrap_or(f64::NAN);
    println!("  ratio: {ratio:.2} (p99 alone over p99 beside, at least 0.83 wanted)");
}

/// So many mailboxes with so many contacts each, in step.
fn many_mailboxes(mailboxes: usize, contacts: usize, read_every_s: u32) -> Site {
    let options = Options { read_every_s: Some(read_every_s), ..Options::default() };
    let users = u32::try_from(mailboxes).expect("not so many") + 4;
    let site = Site::bare_with_users(&options, users);
    site.add_endpoint_and_group(&[]);
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "contacts"]);
    let rest = site.server.rest("admin");
    for (number, user) in small(mailboxes) {
        MailUser::of(&site.lab, &user).makes_contacts("Few", 0..contacts);
        site.add_mailbox(&number, &user, &[]);
    }
    for (number, _) in small(mailboxes) {
        let plan = stands(&rest, &number, "awaits-approval");
        approve(&rest, &number, &plan);
    }
    for (number, _) in small(mailboxes) {
        stands(&rest, &number, "in-step");
    }
    site
}

fn small(mailboxes: usize) -> impl Iterator<Item = (String, String)> {
    (0..mailboxes).map(|nth| (format!("{}", 2000 + nth), format!("user{}", nth + 4)))
}

/// Edits a contact in each mailbox in turn, ten a second, as long as it is to go on, and gives what Tieline measured.
fn lag_of_edits(site: &Site, mut goes_on: impl FnMut(&Rest, usize) -> bool) -> Value {
    let rest = site.server.rest("admin");
    let first = |number: String| {
        let listed = rest.get(&format!("/api/v1/mailboxes/{number}/contacts?limit=1")).ok();
        listed["items"][0]["id"].as_str().expect("a contact").to_owned()
    };
    let contacts: Vec<String> = small(SMALL).map(|(number, _)| first(number)).collect();
    let (mut edits, mut due) = (0, Instant::now());
    for contact in contacts.iter().cycle() {
        if !goes_on(&rest, edits) {
            break;
        }
        sleep(due.saturating_duration_since(Instant::now()));
        rest.patch(&format!("/api/v1/contacts/{contact}"), &json!({"job_title": format!("Edit {edits}")}))
            .ok();
        edits += 1;
        due += Duration::from_millis(100);
    }
    loop {
        let lag = rest.get("/api/v1/status").ok()["lag"]["to-mail-contacts"].clone();
        let busy = small(SMALL).any(|(number, _)| status(&rest, &number)["busy"] == true);
        if lag.is_object() && !busy {
            return lag;
        }
        sleep(Duration::from_millis(100));
    }
}

fn status(rest: &Rest, mailbox: &str) -> Value {
    rest.get(&format!("/api/v1/mailboxes/{mailbox}/sync")).ok()["items"][0].clone()
}

/// Waits for it, however long it takes.
fn stands(rest: &Rest, mailbox: &str, standing: &str) -> Value {
    loop {
        let status = status(rest, mailbox);
        if status["standing"] == standing {
            return status;
        }
        assert_ne!(status["standing"], "paused", "{status:#}");
        // Seldom enough that asking does not count.
        sleep(Duration::from_millis(50));
    }
}

fn approve(rest: &Rest, mailbox: &str, status: &Value) {
    let word = json!({"kind": "contacts", "word": "apply", "plan": status["plan"]["fingerprint"]});
    rest.post(&format!("/api/v1/mailboxes/{mailbox}/sync"), &word).ok();
}

/// What Tieline asked of Exchange so far, but for notifications.
#[derive(Clone, Copy)]
struct Asked {
    all: f64,
    lists: f64,
}

impl std::ops::Sub for Asked {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { all: self.all - before.all, lists: self.lists - before.lists }
    }
}

/// As Tieline's metrics say.
fn asked(rest: &Rest) -> Asked {
    let text = rest.get("/metrics").ok();
    let lines = text.as_str().unwrap_or_default().lines();
    let mut asked = Asked { all: 0.0, lists: 0.0 };
    for line in lines.filter(|line| line.starts_with("tieline_ews_requests_total{")) {
        let count: f64 = line.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0.0);
        let is_of = |operation: &str| line.contains(&format!("operation=\"{operation}"));
        if !["Subscribe", "Unsubscribe", "GetStreamingEvents"].iter().any(|one| is_of(one)) {
            asked.all += count;
        }
        if is_of("SyncFolderItems") {
            asked.lists += count;
        }
    }
    asked
}

/// The seconds that another program takes.
fn peer(told: &Value) -> f64 {
    let script = source_root().join("tests/judges/sync_peers.py");
    let output = Command::new(python()).arg(script).arg(told.to_string()).output().expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds = said.lines().last().and_then(|line| line.trim().parse().ok());
    seconds.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Processor time of a process so far.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts in hundredths of a second.
    Duration::from_millis(ticks * 10)
}

fn memory(pid: u32, line: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes: f64 =
        found.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN);
    format!("{:.0} MB", kilobytes / 1024.0)
}
