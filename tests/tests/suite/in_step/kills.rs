//! The real server is killed again and again in the middle of a first synchronization of contacts and calendar, while
//! Exchange loses answers and lets requests take effect late: it goes on where it was, and every contact and every event is
//! there exactly once on both sides.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::mail_user::{MailUser, events, vcards};
use tieline_tests::rest::Rest;
use tieline_tests::seed::{Seeded, count};
use tieline_tests::site::{Options, Site};

use super::judge;

/// As many in Exchange as in Tieline, all different; half as many events as contacts. A build without optimization takes
/// long over each, so that the CI lane has 600 contacts, 300 events and three kills; `scripts/test --long` has 10,000, 5,000
/// and twenty.
///
/// Covers: AV-12 (killed), AV-76 (killed), AV-76 (killed calendar)
#[test]
fn a_first_synchronization_that_is_killed_again_and_again_is_exact() {
    let (many, kills) = (count("TIELINE_SYNC_ITEMS", 600), count("TIELINE_SYNC_KILLS", 3));
    let mut random = Seeded::for_test("kills of a first synchronization");
    let (contacts, meetings) = (many / 2, many / 4);
    let mut site = Site::with(&Options::default());
    let alice = MailUser::of(&site.lab, "alice");
    alice.makes_contacts("There", 0..contacts);
    alice.makes_events("There", 0..meetings);
    import(&site, "contact", "many.vcf", &vcards("Here", 0..contacts));
    import(&site, "event", "many.ics", &events("Here", 0..meetings));
    let both = ["--sync", "contacts,calendar", "--calendar-mode", "Sync with Mail Server Calendar"];
    site.server.cli(&[&["feature-group", "edit", "Staff"], &both[..]].concat());

    let rest = site.server.rest("admin");
    for (kind, half) in [("contacts", contacts), ("calendar", meetings)] {
        let plan = sync(&site, "plan", kind);
        assert_eq!(plan["plan"]["actions"], json!({"create-left": half, "create-right": half}), "{plan:#}");
        let word = json!({"kind": kind, "word": "apply", "plan": plan["plan"]["fingerprint"]});
        rest.post("/api/v1/mailboxes/1001/sync", &word).ok();
    }
    let all = 2 * (contacts + meetings);
    for kill in 1..=kills {
        for _ in 0..random.between(0, 3) {
            site.lab.fault(&trouble(&mut random));
        }
        let linked = wait_linked(&rest, kill * all / (kills + 1));
        sleep(Duration::from_millis(random.between(0, 300)));
        site.server.kill();
        println!("kill {kill}: {linked} of {all} linked so far");
        site.server.spawn();
        site.server.wait_ready();
    }
    site.lab.clear_faults();
    wait_linked(&rest, all);
    // Longer than the latest effect that the lab lets a dead request have: its double is found and removed.
    sleep(Duration::from_millis(LATEST_EFFECT_MS + 1000));
    for (kind, half) in [("contacts", contacts), ("calendar", meetings)] {
        let mut status = sync(&site, "run", kind);
        while status["standing"] != "in-step" || status["linked"] != 2 * half {
            status = sync(&site, "run", kind);
        }
    }
    judge(&site, &["has_many"], json!({"many": {"There": contacts, "Here": contacts}}));
    let told = json!({"many": {"There": meetings, "Here": meetings}});
    Judge::new("exchangelib_calendar_sync.py").arg(site.judged_by("alice", &["has_many_events"], told)).run();
    is_exact(&site, "contact", "out.vcf", "FN:Number ", contacts);
    is_exact(&site, "event", "out.ics", "SUMMARY:Number ", meetings);
}

fn sync(site: &Site, verb: &str, kind: &str) -> Value {
    site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", kind])
}

fn import(site: &Site, noun: &str, name: &str, text: &str) {
    let file = site.folder().join(name);
    std::fs::write(&file, text).expect("the site's folder can be written");
    site.server.cli(&[noun, "import", &file.display().to_string(), "--mailbox", "1001"]);
}

/// Each number once under both names, in what Tieline exports.
fn is_exact(site: &Site, noun: &str, name: &str, before: &str, half: usize) {
    let exported = site.folder().join(name);
    site.server.cli(&[noun, "export", &exported.display().to_string(), "--mailbox", "1001"]);
    let text = std::fs::read_to_string(&exported).expect("written");
    for name in ["There", "Here"] {
        let number =
            |line: &str| line.trim_end().strip_prefix(before)?.strip_suffix(name)?.trim().parse().ok();
        let mut numbers: Vec<usize> = text.lines().filter_map(number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..half).collect::<Vec<_>>(), "{noun} {name}, each once in Tieline");
    }
}

const LATEST_EFFECT_MS: u64 = 1500;

/// What befalls the next create or the next look.
fn trouble(random: &mut Seeded) -> Value {
    let operation = ["CreateItem", "GetItem", "SyncFolderItems"][random.between(0, 3) as usize];
    match random.between(0, 3) {
        0 => json!({"fault": "lost-response", "operation": operation, "count": 1}),
        1 => json!({"fault": "http503", "operation": operation, "count": 1}),
        _ => json!({"fault": "late-effect", "operation": "CreateItem", "count": 1,
                    "delay_ms": random.between(100, LATEST_EFFECT_MS)}),
    }
}

/// Waits as long as it goes on, however slowly; nothing for two minutes is a failure.
fn wait_linked(rest: &Rest, wanted: usize) -> usize {
    let (mut before, mut still) = (0, 0);
    loop {
        let status = rest.get("/api/v1/mailboxes/1001/sync").ok();
        let kinds = status["items"].as_array().into_iter().flatten();
        let linked = kinds.filter_map(|kind| kind["linked"].as_u64()).sum::<u64>() as usize;
        if linked >= wanted {
            return linked;
        }
        still = if linked > before { 0 } else { still + 1 };
        before = linked;
        assert!(still < 1200, "{linked} of {wanted} are linked, and nothing happens: {status:#}");
        sleep(Duration::from_millis(100));
    }
}
