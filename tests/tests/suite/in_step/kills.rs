//! The real server is killed again and again in the middle of a first synchronization, while Exchange loses answers and
//! lets requests take effect late: it goes on where it was, and every contact is there exactly once on both sides.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_tests::mail_user::{MailUser, vcards};
use tieline_tests::rest::Rest;
use tieline_tests::seed::{Seeded, count};
use tieline_tests::site::Options;

use super::{judge, start_with, sync};

/// As many in Exchange as in Tieline, all different. A build without optimization takes long over each, so that the CI lane
/// has 1,000 in all and three kills; `scripts/test --long` has 10,000 and twenty.
///
/// Covers: AV-12 (killed), AV-76 (killed)
#[test]
fn a_first_synchronization_that_is_killed_again_and_again_is_exact() {
    let (many, kills) = (count("TIELINE_SYNC_ITEMS", 1000), count("TIELINE_SYNC_KILLS", 3));
    let mut random = Seeded::for_test("kills of a first synchronization");
    let half = many / 2;
    let mut site = start_with(&Options::default(), "contacts");
    MailUser::of(&site.lab, "alice").makes_contacts("There", 0..half);
    let file = site.folder().join("many.vcf");
    std::fs::write(&file, vcards("Here", 0..half)).expect("the site's folder can be written");
    site.server.cli(&["contact", "import", &file.display().to_string(), "--mailbox", "1001"]);

    let plan = sync(&site, "plan");
    assert_eq!(plan["plan"]["actions"], json!({"create-left": half, "create-right": half}), "{plan:#}");
    let rest = site.server.rest("admin");
    let word = json!({"kind": "contacts", "word": "apply", "plan": plan["plan"]["fingerprint"]});
    rest.post("/api/v1/mailboxes/1001/sync", &word).ok();
    for kill in 1..=kills {
        for _ in 0..random.between(0, 3) {
            site.lab.fault(&trouble(&mut random));
        }
        let wanted = kill * many / (kills + 1);
        let linked = wait_linked(&rest, wanted);
        sleep(Duration::from_millis(random.between(0, 300)));
        site.server.kill();
        println!("kill {kill}: {linked} of {many} linked so far");
        site.server.spawn();
        site.server.wait_ready();
    }
    site.lab.clear_faults();
    wait_linked(&rest, many);
    // Longer than the latest effect that the lab lets a dead request have: its double is found and removed.
    sleep(Duration::from_millis(LATEST_EFFECT_MS + 1000));
    let mut status = sync(&site, "run");
    while status["standing"] != "in-step" || status["linked"] != many {
        status = sync(&site, "run");
    }
    judge(&site, &["has_many"], json!({"many": {"There": half, "Here": half}}));
    let exported = site.folder().join("out.vcf");
    site.server.cli(&["contact", "export", &exported.display().to_string(), "--mailbox", "1001"]);
    let text = std::fs::read_to_string(&exported).expect("written");
    for name in ["There", "Here"] {
        let mut numbers: Vec<usize> = text
            .lines()
            .filter_map(|line| {
                line.trim_end().strip_prefix("FN:Number ")?.strip_suffix(name)?.trim().parse().ok()
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..half).collect::<Vec<_>>(), "{name}, each once in Tieline");
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
        let status = rest.get("/api/v1/mailboxes/1001/sync").ok()["items"][0].clone();
        let linked = status["linked"].as_u64().unwrap_or_default() as usize;
        if linked >= wanted {
            return linked;
        }
        still = if linked > before { 0 } else { still + 1 };
        before = linked;
        assert!(still < 1200, "{linked} of {wanted} are linked, and nothing happens: {status:#}");
        sleep(Duration::from_millis(100));
    }
}
