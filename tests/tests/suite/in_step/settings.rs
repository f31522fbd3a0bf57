//! What an administrator switches, in whatever order, and what follows by itself.

use serde_json::{Value, json};
use tieline_tests::mail_user::MailUser;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

use super::{add, contact, has_exactly, here, in_step, judge, start_with, sync, wait};

fn contacts_status(site: &Site) -> Value {
    site.server.cli(&["sync", "status", "--mailbox", "1001"])["items"][0].clone()
}

/// Waits until the first dry run that nobody asked for is done, and gives what it found.
fn plan_by_itself(site: &Site) -> Value {
    let status = eventually("the first dry run", || {
        let status = contacts_status(site);
        (status["standing"] == "awaits-approval").then_some(status)
    });
    json!([status["plan"]["actions"], status["plan"]["conflicts"], status["off"]])
}

/// The group first and then the mailbox, the mailbox first and then the group, or a setting of the mailbox's own: the dry
/// run begins by itself, finds the same, and what is approved gives the same.
///
/// Covers: AV-98, AV-74 (orders), AV-12 (by itself)
#[test]
fn configuring_group_or_mailbox_first_gives_the_same() {
    let on = ["--sync", "messages,contacts"];
    let orders: [&dyn Fn(&Site); 3] = [
        &|site| {
            site.server.cli(&[&["feature-group", "edit", "Staff"], &on[..]].concat());
            site.add_mailbox("1001", "alice", &[]);
        },
        &|site| {
            site.add_mailbox("1001", "alice", &[]);
            site.server.cli(&[&["feature-group", "edit", "Staff"], &on[..]].concat());
        },
        &|site| {
            site.add_mailbox("1001", "alice", &[]);
            let own = ["mailbox", "edit", "1001", "--use-group-settings", "no"];
            site.server.cli(&[&own[..], &on[..]].concat());
        },
    ];
    // Nothing is read unasked meanwhile: what begins, begins because it was switched on.
    let options = Options { read_every_s: Some(3600), ..Options::default() };
    let mut results = Vec::new();
    for order in orders {
        let site = Site::bare(&options);
        MailUser::of(&site.lab, "alice").makes_contacts("Many", 0..3);
        site.add_endpoint_and_group(&[]);
        order(&site);
        let plan = plan_by_itself(&site);
        let applied = sync(&site, "apply");
        assert_eq!(applied["standing"], "in-step", "{applied:#}");
        results.push((plan, applied["linked"].clone(), here(&site)));
    }
    assert_eq!(results[0], (json!([{"create-left": 3}, 0, null]), json!(3), 3));
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
}

/// While contacts are switched off both sides live on by themselves; switched on again, each gets what the other did, and
/// nothing is doubled or lost.
///
/// Covers: AV-70 (off and on with edits), AV-11 (contacts)
#[test]
fn what_both_sides_did_while_switched_off_is_carried_over_later() {
    let site = start_with(&Options::default(), "messages,contacts");
    let ours = add(&site, &["surname=Both"]);
    judge(&site, &["makes_one_named"], json!({"name": "Goes"}));
    in_step(&site);
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "messages"]);
    site.server.cli(&["contact", "edit", &ours, "--set", "phones.mobile=+49 1"]);
    judge(&site, &["writes_company"], json!({"name": "Both", "company": "There"}));
    judge(&site, &["deletes_one_named", "makes_one_named"], json!({"name": "Goes"}));
    add(&site, &["surname=New here"]);
    judge(&site, &["makes_one_named"], json!({"name": "New there"}));
    assert!(contact(&site, "New there").is_none());

    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "messages,contacts"]);
    let status = sync(&site, "run");
    assert_eq!((&status["standing"], &status["conflicts"]), (&json!("in-step"), &json!(0)), "{status:#}");
    wait(&site, "Both", "with both edits", |both| {
        both["company"] == "There" && both["phones"]["mobile"] == "+49 1"
    });
    assert_eq!(here(&site), 4);
    has_exactly(&site, &["Both", "Goes", "New here", "New there"]);
}

/// A mailbox whose messages stay here is told of edits all the same: long before it would be read unasked.
///
/// Covers: AV-74 (contacts alone), AV-83 (at once)
#[test]
fn edits_reach_a_mailbox_of_contacts_alone_at_once() {
    let options = Options { read_every_s: Some(3600), ..Options::default() };
    let site = start_with(&options, "contacts");
    judge(&site, &["makes_one_named"], json!({"name": "First"}));
    in_step(&site);
    judge(&site, &["writes_company"], json!({"name": "First", "company": "Told"}));
    wait(&site, "First", "edited", |contact| contact["company"] == "Told");
    let lag = eventually("the lag", || {
        let lag = contacts_status(&site)["lag"]["to-tieline"].clone();
        lag.is_object().then_some(lag)
    });
    assert!(lag["p50_ms"].as_u64() <= lag["p99_ms"].as_u64() && lag["count"] == 1, "{lag}");
    let everywhere = site.server.cli(&["status"]);
    assert_eq!(everywhere["lag"]["to-tieline-contacts"], lag);
}
