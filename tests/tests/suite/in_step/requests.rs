//! How often Exchange is asked, counted by the lab.

use serde_json::{Value, json};
use tieline_tests::mail_user::MailUser;
use tieline_tests::process::eventually;
use tieline_tests::rest::Rest;
use tieline_tests::site::{Options, Site};

use super::{in_step, sync};

/// Two pages of a listing, the second one short.
const MANY: usize = 600;

/// A first synchronization reads the folder once: a listing, and each item one time, for dry run, snapshot and writing
/// together. A pass without changes is one request.
///
/// Covers: AV-12 (read once)
#[test]
fn a_first_synchronization_reads_the_folder_once_and_a_pass_without_changes_asks_once() {
    let site = Site::with(&Options { read_every_s: Some(3600), ..Options::default() });
    MailUser::of(&site.lab, "alice").makes_contacts("Many", 0..MANY);
    forget_requests(&site);
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "contacts"]);
    let applied = in_step(&site);
    assert_eq!(applied["linked"], MANY, "{applied:#}");
    assert!(applied["snapshot"].is_string(), "{applied:#}");
    let asked = asked(&site);
    // A page is read by three requests side by side, of 171 items each.
    assert_eq!(times(&asked, "GetItem"), 3 + 1, "{asked:?}");
    // Two pages for the plan; what changed since, before it is carried out; and once for each hint in between.
    let listed = times(&asked, "SyncFolderItems");
    assert!((3..=6).contains(&listed), "{asked:?}");
    assert_eq!(times(&asked, "FindItem"), 0, "{asked:?}");

    let snapshots = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    assert_eq!(snapshots["items"][0]["entries"], MANY, "all of the mail system's: {snapshots:#}");

    let before = passes(&site);
    forget_requests(&site);
    for _ in 0..3 {
        assert_eq!(sync(&site, "run")["standing"], "in-step");
    }
    // A pass by a person's word may be followed by one of the usual kind.
    let asked = eventually("one request for each pass", || {
        let (asked, passes) = (self::asked(&site), passes(&site) - before);
        (passes >= 3 && asked.len() == passes).then_some(asked)
    });
    assert!(asked.iter().all(|operation| operation == "SyncFolderItems"), "{asked:?}");
}

/// What changed between plan and approval is read again, and nothing else.
///
/// Covers: AV-12 (read once), AV-63 (world changed)
#[test]
fn what_changes_between_plan_and_approval_is_read_and_nothing_else() {
    let site = Site::with(&Options { read_every_s: Some(3600), ..Options::default() });
    let alice = MailUser::of(&site.lab, "alice");
    alice.makes_contacts("Many", 0..40);
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "contacts"]);
    let plan = sync(&site, "plan");
    assert_eq!(plan["plan"]["actions"], json!({"create-left": 40}), "{plan:#}");
    alice.makes_contacts("Late", 0..2);
    let ids = alice.contact_ids();
    alice.deletes(&ids[..1]);
    forget_requests(&site);
    let word = json!({"kind": "contacts", "word": "apply", "plan": plan["plan"]["fingerprint"]});
    site.server.rest("admin").post("/api/v1/mailboxes/1001/sync", &word).ok();
    let again = eventually("another plan", || {
        let status = site.server.rest("admin").get("/api/v1/mailboxes/1001/sync").ok()["items"][0].clone();
        (status["plan"]["actions"]["create-left"] == 41).then_some(status)
    });
    assert_eq!(again["standing"], "awaits-approval", "{again:#}");
    let applied = sync(&site, "apply");
    assert_eq!((&applied["standing"], &applied["linked"]), (&json!("in-step"), &json!(41)), "{applied:#}");
    // The new ones, and whether the one that was reported gone is gone.
    let asked = asked(&site);
    assert!((1..=2).contains(&times(&asked, "GetItem")), "{asked:?}");
    let snapshots = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    assert_eq!(snapshots["items"][0]["entries"], 41, "{snapshots:#}");
}

fn control(site: &Site) -> Rest {
    Rest::new(site.lab.ready()["control"].as_str().expect("the lab is controlled"))
}

fn forget_requests(site: &Site) {
    control(site).delete("/requests").ok();
}

/// What Exchange was asked, but for notifications.
fn asked(site: &Site) -> Vec<String> {
    let operations = site.lab.requests().into_iter().filter_map(|request: Value| {
        let operation = request["operation"].as_str()?.to_owned();
        (!["Subscribe", "Unsubscribe", "GetStreamingEvents"].contains(&operation.as_str()))
            .then_some(operation)
    });
    operations.collect()
}

/// Passes that came to an end, as Tieline's metrics say.
fn passes(site: &Site) -> usize {
    let text = site.server.rest("admin").get("/metrics").ok();
    let lines = text.as_str().unwrap_or_default().lines();
    lines
        .filter(|line| line.starts_with("tieline_job_outcomes_total{") && line.contains("kind=\"records\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum()
}

fn times(asked: &[String], operation: &str) -> usize {
    asked.iter().filter(|one| *one == operation).count()
}
