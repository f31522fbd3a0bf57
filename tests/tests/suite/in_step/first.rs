//! The first synchronization: what comes before it, what it takes with it, and whom it keeps waiting.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::mail_user::{MailUser, vcards};
use tieline_tests::process::eventually;
use tieline_tests::recording::spoken;
use tieline_tests::rest::Rest;
use tieline_tests::site::{Options, Site};

use super::{add, contact, has_exactly, here, judge, start_with, sync, wait};

fn writes(site: &Site) -> usize {
    let writes = ["CreateItem", "UpdateItem", "DeleteItem"];
    let requests = site.lab.requests();
    requests.iter().filter(|one| writes.contains(&one["operation"].as_str().unwrap_or_default())).count()
}

/// Approves the plan that waits, and does not wait for its end.
fn approve(rest: &Rest) {
    let fingerprint = status(rest, "1001")["plan"]["fingerprint"].clone();
    let word = json!({"kind": "contacts", "word": "apply", "plan": fingerprint});
    rest.post("/api/v1/mailboxes/1001/sync", &word).ok();
}

/// Where a mailbox's contacts stand.
fn status(rest: &Rest, number: &str) -> Value {
    rest.get(&format!("/api/v1/mailboxes/{number}/sync")).ok()["items"][0].clone()
}

/// The snapshot cannot be taken: what was approved is not begun, on neither side, and the status says what it waits for. As
/// soon as it can be, it is taken, and then everything goes over.
///
/// Covers: AV-64
#[test]
fn without_a_snapshot_nothing_is_written() {
    let site = start_with(&Options::default(), "contacts");
    add(&site, &["surname=Ours"]);
    // Too long to be kept from the plan on: the snapshot has to ask for it.
    judge(&site, &["makes_one_named"], json!({"name": "Theirs", "notes": "A long story. ".repeat(5000)}));
    sync(&site, "plan");
    let before = writes(&site);
    site.lab.fault(&json!({"fault": "error", "code": "ErrorInternalServerError", "operation": "GetItem",
        "user": "alice@lab.example"}));
    let held = sync(&site, "apply");
    assert_eq!((&held["standing"], &held["snapshot"]), (&json!("waits"), &Value::Null), "{held:#}");
    let snapshots = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    let complete =
        snapshots["items"].as_array().into_iter().flatten().filter(|one| one["complete"].is_string());
    assert_eq!(complete.count(), 0, "{snapshots:#}");
    assert_eq!(writes(&site), before, "nothing there");
    assert!(contact(&site, "Theirs").is_none(), "nothing here");

    site.lab.clear_faults();
    wait(&site, "Theirs", "here", |_| true);
    let rest = site.server.rest("read");
    let in_step = || Some(status(&rest, "1001")).filter(|now| now["standing"] == "in-step");
    let status = eventually("both in step", in_step);
    assert!(status["snapshot"].is_string(), "{status:#}");
    has_exactly(&site, &["Ours", "Theirs"]);
    let listed = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    let taken = listed["items"].as_array().into_iter().flatten().find(|one| one["complete"].is_string());
    let taken = taken.unwrap_or_else(|| panic!("{listed:#}"));
    assert_eq!(taken["entries"], 2, "both sides as they were: {listed:#}");
}

/// Contacts, calendar and messages are switched on where each has a past, and the server is killed in the middle: one
/// command a step carries all of them over, contacts first, then the calendar; each is there once, and how far it is is
/// told meanwhile.
///
/// Covers: AV-12, AV-76
#[test]
fn a_full_synchronization_takes_all_kinds_and_goes_on_after_a_kill() {
    const EACH: usize = 120;
    let mut site = start_with(&Options::default(), "contacts");
    MailUser::of(&site.lab, "alice").makes_contacts("There", 0..EACH);
    let file = site.folder().join("many.vcf");
    std::fs::write(&file, vcards("Here", 0..EACH)).expect("the site's folder can be written");
    site.server.cli(&["contact", "import", &file.display().to_string(), "--mailbox", "1001"]);
    calendar_judge(&site, &["makes_events"]);
    site.server.cli(&[
        "event",
        "add",
        "--mailbox",
        "1001",
        "--subject",
        "Ours",
        "--zone",
        "Europe/Berlin",
        "--start",
        "2026-11-23T09:00:00",
        "--end",
        "2026-11-23T10:00:00",
    ]);
    let message = site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111");
    let message = message["id"].as_str().expect("an id").to_owned();
    assert_ne!(site.message(&message)["delivery"]["state"], "delivered", "messages are switched off");

    let all = ["--sync", "messages,contacts,calendar", "--calendar-mode", "sync-with-mail-server"];
    site.server.cli(&[&["feature-group", "edit", "Staff"], &all[..]].concat());
    site.wait_delivered(&message);
    let of_all = |verb: &str| site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", "all"]);
    let planned = of_all("plan");
    let actions: Vec<&Value> =
        planned["items"].as_array().into_iter().flatten().map(|one| &one["plan"]["actions"]).collect();
    let wanted =
        [json!({"create-left": EACH, "create-right": EACH}), json!({"create-left": 3, "create-right": 1})];
    assert_eq!(actions, wanted.iter().collect::<Vec<_>>(), "{planned:#}");

    // Each write takes a while, so that the kill falls into the middle.
    site.lab.fault(&json!({"fault": "slow", "operation": "CreateItem", "delay_ms": 1500}));
    let rest = site.server.rest("admin");
    approve(&rest);
    let halfway = eventually("the first ones", || {
        let now = status(&rest, "1001");
        (now["linked"].as_u64() > Some(0)).then_some(now)
    });
    assert_eq!(halfway["standing"], "under-way", "{halfway:#}");
    assert!(halfway["linked"].as_u64() < halfway["links"].as_u64(), "how far it is: {halfway:#}");
    site.server.kill();
    site.lab.clear_faults();
    site.server.run();

    let of_all = |verb: &str| site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", "all"]);
    let applied = eventually("everything", || {
        // What the kill left in doubt is looked for once the old request can have no effect any more.
        let now = of_all("apply");
        let done = |one: &Value| one["standing"] == "in-step" && one["links"] == one["linked"];
        now["items"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(done)).then_some(now)
    });
    assert_eq!(applied["items"][0]["linked"], 2 * EACH, "{applied:#}");
    assert_eq!(applied["items"][1]["linked"], 4, "{applied:#}");
    judge(&site, &["has_many"], json!({"many": {"There": EACH, "Here": EACH}}));
    calendar_judge(&site, &["has_each_once"]);
    assert_eq!(here(&site), 2 * EACH);
    let delivered = site.message(&message);
    assert_eq!(delivered["delivery"]["state"], "delivered", "{delivered:#}");
}

/// Many in one mailbox, and only one mailbox is served at a time: the command returns at once, everything happens in the
/// background, and the edit of somebody else arrives long before the first one is done.
///
/// Covers: AV-75
#[test]
fn a_long_first_synchronization_keeps_nobody_waiting() {
    const MANY: usize = 900;
    let options = Options { more: "parallel_mailboxes = 1\n".to_owned(), ..Options::default() };
    let site = start_with(&options, "contacts");
    site.add_mailbox("1002", "bob", &[]);
    let file = site.folder().join("many.vcf");
    std::fs::write(&file, vcards("Many", 0..MANY)).expect("the site's folder can be written");
    site.server.cli(&["contact", "import", &file.display().to_string(), "--mailbox", "1001"]);
    for verb in ["plan", "apply"] {
        site.server.cli(&["sync", verb, "--mailbox", "1002"]);
    }
    sync(&site, "plan");
    // Eighteen requests of fifty, each slow: several turns.
    site.lab.fault(
        &json!({"fault": "slow", "operation": "CreateItem", "user": "alice@lab.example", "delay_ms": 1000}),
    );
    let rest = site.server.rest("admin");
    approve(&rest);
    let ours = site.server.cli(&["contact", "add", "--mailbox", "1002", "--set", "surname=Bobs"]);
    assert!(ours["id"].is_string(), "{ours}");
    let bobs = site.server.cli(&["sync", "run", "--mailbox", "1002"]);
    let alices = status(&rest, "1001");
    assert_eq!((&bobs["standing"], &bobs["linked"]), (&json!("in-step"), &json!(1)), "{bobs:#}");
    assert_eq!(alices["standing"], "under-way", "{alices:#}");
    assert!(alices["linked"].as_u64() < Some(MANY as u64), "{alices:#}");
    site.lab.clear_faults();
    eventually("alice's", || {
        let now = status(&rest, "1001");
        (now["standing"] == "in-step" && now["linked"] == MANY).then_some(())
    });
}

fn calendar_judge(site: &Site, checks: &[&str]) {
    Judge::new("exchangelib_calendar_sync.py").arg(site.judged_by("alice", checks, json!({}))).run();
}
