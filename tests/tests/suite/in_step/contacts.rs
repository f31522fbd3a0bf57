//! A mailbox's contacts in step with Exchange, both ways, judged by exchangelib as the user's own client.

use serde_json::json;
use tieline_tests::process::eventually;

use super::{add, contact, judge, start, sync, wait};

/// The first run writes nothing and says what it would do; what is approved is done exactly; then both sides follow each
/// other field by field, and a deletion is carried over and undone.
///
/// Covers: AV-63 (contacts), AV-64 (before the first write), AV-70 (on), AV-76 (contacts), AV-83 (appears), AV-85 (there and undone)
#[test]
fn contacts_follow_each_other_after_a_dry_run() {
    let site = start();
    judge(&site, &["makes_a_contact"], json!({}));
    let ours = add(
        &site,
        &["given_name=Ours", "surname=Only", "display_name=Ours Only", "mails.1.address=ours@x.example"],
    );

    let plan = sync(&site, "plan");
    assert_eq!(plan["standing"], "awaits-approval", "{plan:#}");
    assert_eq!(plan["plan"]["actions"], json!({"create-left": 1, "create-right": 1}), "{plan:#}");
    judge(&site, &["has_only_its_own"], json!({}));
    assert!(contact(&site, "Theirs").is_none(), "a dry run writes nothing");

    let applied = sync(&site, "apply");
    assert_eq!((&applied["standing"], &applied["linked"]), (&json!("in-step"), &json!(2)), "{applied:#}");
    assert!(applied["snapshot"].is_string(), "{applied:#}");
    let snapshots = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    assert!(snapshots["items"][0]["complete"].is_string(), "{snapshots:#}");
    judge(&site, &["has_both"], json!({}));
    let theirs = wait(&site, "Theirs", "here", |_| true);
    assert_eq!(theirs["provenance"]["company"]["from"], "mail");

    // Both edit the same contact, different fields: nothing is lost on either side.
    site.server.cli(&["contact", "edit", &ours, "--set", "phones.mobile=+49 1"]);
    judge(&site, &["edits_another_field"], json!({}));
    sync(&site, "run");
    wait(&site, "Ours", "with both edits", |c| {
        c["phones"]["mobile"] == "+49 1" && c["company"] == "Edited There"
    });
    judge(&site, &["sees_both_edits"], json!({}));

    // Deleted there: gone here, restored here: there again.
    judge(&site, &["deletes_ours"], json!({}));
    sync(&site, "run");
    eventually("the deletion", || contact(&site, "Ours").is_none().then_some(()));
    let deletions = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    let deletion = deletions["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{deletions:#}"));
    let restored = site.server.cli(&["deletion", "restore", deletion]);
    assert_eq!(restored["id"], ours.as_str(), "its own id");
    sync(&site, "run");
    judge(&site, &["has_both"], json!({}));
    let explained = site.server.cli(&["explain", &ours]);
    let rules: Vec<&str> =
        explained["chain"].as_array().into_iter().flatten().filter_map(|one| one["rule"].as_str()).collect();
    assert!(rules.len() >= 4, "{explained:#}");

    // In step: a further pass changes nothing on either side.
    let before = site.server.cli(&["contact", "show", &ours])["version"].clone();
    let writes = || {
        let writes = site.lab.requests().into_iter().filter(|request| {
            let operation = request["operation"].as_str().unwrap_or_default();
            matches!(operation, "CreateItem" | "UpdateItem" | "DeleteItem")
        });
        writes.count()
    };
    let written = writes();
    sync(&site, "run");
    assert_eq!(writes(), written);
    assert_eq!(site.server.cli(&["contact", "show", &ours])["version"], before);
}

/// Switching contacts off keeps both sides as they are, and switching on again goes on without doubling anything.
///
/// Covers: AV-11 (contacts), AV-44 (contacts), AV-70, AV-74 (contacts)
#[test]
fn switching_off_and_on_doubles_and_deletes_nothing() {
    let site = start();
    add(&site, &["surname=Stays"]);
    sync(&site, "plan");
    sync(&site, "apply");
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "messages"]);
    let status = site.server.cli(&["sync", "status", "--mailbox", "1001"]);
    assert!(status["items"][0]["off"].is_string(), "{status:#}");
    site.server.refused(&["sync", "run", "--mailbox", "1001"]);
    judge(&site, &["has_one_named"], json!({"name": "Stays"}));
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "messages,contacts"]);
    let run = sync(&site, "run");
    assert_eq!((&run["standing"], &run["linked"]), (&json!("in-step"), &json!(1)), "{run:#}");
    judge(&site, &["has_one_named"], json!({"name": "Stays"}));
    assert_eq!(
        site.server.cli(&["contact", "list", "--mailbox", "1001"])["items"].as_array().map(Vec::len),
        Some(1)
    );
}
