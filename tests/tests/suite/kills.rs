//! The real server is killed at random moments and started again at once, while the mail server loses answers and lets
//! requests take effect late: exactly one item for each accepted message, nothing lost.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::json;
use tieline_tests::judge::Judge;
use tieline_tests::postgres::Cluster;
use tieline_tests::recording::spoken;
use tieline_tests::rest::Rest;
use tieline_tests::seed::{Seeded, count};
use tieline_tests::site::{Options, Site};

/// Covers: AV-87 (killed), X-01 (killed)
#[test]
fn exactly_one_item_for_each_message_however_often_the_server_is_killed_sqlite() {
    torment("sqlite", &Options::default());
}

/// Covers: AV-87 (killed), X-01 (killed)
#[test]
fn exactly_one_item_for_each_message_however_often_the_server_is_killed_postgresql() {
    let database = Cluster::shared().database();
    torment("postgresql", &Options { store: Some(database.url()), ..Options::default() });
}

fn torment(store: &str, options: &Options) {
    let mut random = Seeded::for_test(&format!("kills on {store}"));
    let mut site = Site::with(options);
    let rest = site.server.rest("admin");
    let recording = std::fs::read(spoken(site.folder(), "short", "Call me.")).expect("just spoken");
    let (over, accepted) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    scope(|threads| {
        threads.spawn(|| deposit_until(&over, &accepted, &rest, &recording));
        // Ends the depositor also when this thread panics.
        let _over = Over(&over);
        for kill in 0..count("TIELINE_KILLS", 5) {
            for _ in 0..random.between(0, 4) {
                site.lab.fault(&trouble(&mut random));
            }
            sleep(Duration::from_millis(random.between(20, 3000)));
            site.server.kill();
            println!("kill {kill}: {} accepted so far", accepted.lock().expect("no panic").len());
            site.server.spawn();
        }
        site.server.wait_ready();
    });
    site.lab.clear_faults();

    let accepted = accepted.into_inner().expect("no panic");
    assert!(accepted.len() >= count("TIELINE_KILLS", 5), "only {} deposits were accepted", accepted.len());
    // As long as it goes on, however slowly.
    let mut before = undelivered(&site, accepted.len());
    while !before.is_empty() {
        sleep(Duration::from_secs(20));
        let now = undelivered(&site, accepted.len());
        assert!(now.len() < before.len(), "{} messages are stuck: {now:?}", now.len());
        before = now;
    }
    // Longer than the latest effect that the lab lets a dead request have.
    sleep(Duration::from_millis(LATEST_EFFECT_MS + 1000));
    let told = json!({"numbers": accepted});
    Judge::new("exchangelib_voicemail.py")
        .arg(site.judged_by("alice", &["holds_each_exactly_once"], told))
        .run();
    site.wait_lamp("alice", true, u32::try_from(accepted.len()).expect("few"), 0);
}

/// What keeps the messages that are not delivered yet.
fn undelivered(site: &Site, accepted: usize) -> Vec<serde_json::Value> {
    let listed = site.messages("1001");
    assert_eq!(listed.len(), accepted, "accepted and listed");
    let open = listed.iter().filter(|message| message["delivery"]["state"] != "delivered");
    open.map(|message| message["delivery"].clone()).collect()
}

const LATEST_EFFECT_MS: u64 = 1500;

/// What befalls the next create or the next look.
fn trouble(random: &mut Seeded) -> serde_json::Value {
    let operation =
        ["CreateItem", "CreateItem", "FindItem", "SyncFolderItems"][random.between(0, 4) as usize];
    let after = random.between(0, 3);
    match random.between(0, 4) {
        0 => json!({"fault": "lost-response", "operation": operation, "count": 1, "after": after}),
        1 => json!({"fault": "lost-request", "operation": operation, "count": 1, "after": after}),
        2 => json!({"fault": "http503", "operation": operation, "count": 1, "after": after}),
        _ => json!({"fault": "late-effect", "operation": "CreateItem", "count": 1, "after": after,
                    "delay_ms": random.between(100, LATEST_EFFECT_MS)}),
    }
}

/// Deposits one message after another; one that was not acknowledged is deposited again under the same id.
fn deposit_until(over: &AtomicBool, accepted: &Mutex<BTreeSet<String>>, rest: &Rest, recording: &[u8]) {
    for number in 1.. {
        let caller = format!("+49{number:05}");
        let message = json!({"mailbox": "1001", "kind": "voice", "caller": {"number": caller}, "source_id": format!("call-{number}")});
        loop {
            let answer = rest.try_deposit(&message, "short.wav", recording);
            if answer.as_ref().is_some_and(|answer| (200..300).contains(&answer.status)) {
                accepted.lock().expect("no panic").insert(caller);
                break;
            }
            // One that was not acknowledged may be there or not: it is made certain even when the end has come.
            assert!(answer.is_none_or(|answer| answer.status >= 500), "{message} was refused");
            sleep(Duration::from_millis(20));
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
        sleep(Duration::from_millis(100));
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
