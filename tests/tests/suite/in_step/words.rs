//! What a person says to a pass: heard once, by a pass that begins afterwards.

use serde_json::json;
use tieline_tests::mail_user::MailUser;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

use super::{contact, in_step, judge, start_with, sync};

/// The next pass takes long over this.
fn slow(site: &Site, operation: &str) {
    site.lab.fault(&json!({"fault": "slow", "operation": operation, "user": "alice@lab.example", "count": 1,
        "delay_ms": 2500}));
}

/// A fault that struck is not armed any more.
fn is_under_way(site: &Site) {
    eventually("the pass to be under way", || site.lab.faults().is_empty().then_some(()));
}

/// A pass is under way and has read its listing when somebody edits and says `run`: what is reported is not that pass's end
/// but that of the next one, which knows the edit.
#[test]
fn run_reports_a_pass_that_began_afterwards() {
    // Nothing is read unasked: the first pass begins by the notification, the next one by the command.
    let options = Options { read_every_s: Some(3600), ..Options::default() };
    let site = start_with(&options, "contacts");
    let alice = MailUser::of(&site.lab, "alice");
    alice.makes_contacts("Before", 0..1);
    in_step(&site);
    slow(&site, "GetItem");
    alice.makes_contacts("Meanwhile", 0..1);
    is_under_way(&site);
    alice.makes_contacts("Afterwards", 0..1);
    let status = sync(&site, "run");
    for name in ["Before", "Meanwhile", "Afterwards"] {
        assert!(contact(&site, name).is_some(), "{name} is here when the command returns: {status:#}");
    }
    assert_eq!((&status["linked"], &status["standing"]), (&json!(3), &json!("in-step")), "{status:#}");
}

/// A word that is said while a pass is under way is heard, whatever that pass was begun by and however it ends.
#[test]
fn a_word_that_is_said_during_a_pass_is_not_lost() {
    let site = start_with(&Options::default(), "contacts");
    judge(&site, &["makes_one_named"], json!({"name": "Theirs"}));
    sync(&site, "plan");
    let rest = site.server.rest("admin");
    let path = "/api/v1/mailboxes/1001/sync";
    // Nothing has changed, and so nothing but the listing is asked for.
    slow(&site, "SyncFolderItems");
    let again = rest.post(path, &json!({"kind": "contacts", "word": "run"})).ok();
    is_under_way(&site);
    // The dry run is made once more, and approved before it ends.
    let plan = again["items"][0]["plan"]["fingerprint"].clone();
    rest.post(path, &json!({"kind": "contacts", "word": "apply", "plan": plan})).ok();
    eventually("what was approved", || contact(&site, "Theirs").map(|_| ()));
}
