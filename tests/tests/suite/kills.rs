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

const MAILBOXES: [(&str, &str); 3] = [("1001", "alice"), ("1002", "bob"), ("1003", "carol")];

/// The callers whose messages were acknowledged, by mailbox.
type Accepted = Mutex<[BTreeSet<String>; 3]>;

fn torment(store: &str, options: &Options) {
    let kills = count("TIELINE_KILLS", 5);
    let mut random = Seeded::for_test(&format!("kills on {store}"));
    let mut site = Site::with(options);
    for (number, user) in &MAILBOXES[1..] {
        site.add_mailbox(number, user, &[&site.lab.phone_uri(user)]);
    }
    let rest = site.server.rest("admin");
    let recording = std::fs::read(spoken(site.folder(), "short", "Call me.")).expect("just spoken");
    let (over, accepted) = (AtomicBool::new(false), Accepted::default());
    scope(|threads| {
        threads.spawn(|| deposit_until(&over, &accepted, &rest, &recording));
        // Ends the depositor also when this thread panics.
        let _over = Over(&over);
        for kill in 0..kills {
            for _ in 0..random.between(0, 4) {
                site.lab.fault(&trouble(&mut random));
            }
            sleep(Duration::from_millis(random.between(20, 3000)));
            site.server.kill();
            let so_far: Vec<usize> = accepted.lock().expect("no panic").iter().map(BTreeSet::len).collect();
            println!("kill {kill}: {so_far:?} accepted so far");
            site.server.spawn();
        }
        site.server.wait_ready();
    });
    site.lab.clear_faults();

    let accepted = accepted.into_inner().expect("no panic");
    let total: usize = accepted.iter().map(BTreeSet::len).sum();
    assert!(total >= kills, "only {total} deposits were accepted");
    for ((number, user), accepted) in MAILBOXES.iter().zip(&accepted) {
        wait_delivered(&site, number, accepted.len());
        site.wait_lamp(user, !accepted.is_empty(), u32::try_from(accepted.len()).expect("few"), 0);
    }
    // Longer than the latest effect that the lab lets a dead request have.
    sleep(Duration::from_millis(LATEST_EFFECT_MS + 1000));
    for ((_, user), numbers) in MAILBOXES.iter().zip(&accepted) {
        let told = site.judged_by(user, &["holds_each_exactly_once"], json!({"numbers": numbers}));
        Judge::new("exchangelib_voicemail.py").arg(told).run();
    }
}

/// As long as it goes on, however slowly.
fn wait_delivered(site: &Site, mailbox: &str, accepted: usize) {
    let waiting = || {
        let listed = site.messages(mailbox);
        assert_eq!(listed.len(), accepted, "accepted and listed");
        let open = listed.iter().filter(|message| message["delivery"]["state"] != "delivered");
        open.map(|message| message["delivery"].clone()).collect::<Vec<_>>()
    };
    let mut before = waiting();
    while !before.is_empty() {
        sleep(Duration::from_secs(if before.len() > 10 { 20 } else { 10 }));
        let now = waiting();
        assert!(now.len() < before.len(), "{} messages are stuck: {now:?}", now.len());
        before = now;
    }
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
fn deposit_until(over: &AtomicBool, accepted: &Accepted, rest: &Rest, recording: &[u8]) {
    for number in 1.. {
        let whose = number % MAILBOXES.len();
        let caller = format!("+49{number:05}");
        let message = json!({"mailbox": MAILBOXES[whose].0, "kind": "voice", "caller": {"number": caller}, "source_id": format!("call-{number}")});
        loop {
            let answer = rest.try_deposit(&message, "short.wav", recording);
            if answer.as_ref().is_some_and(|answer| (200..300).contains(&answer.status)) {
                accepted.lock().expect("no panic")[whose].insert(caller);
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
