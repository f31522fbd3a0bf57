//! A mailbox's contacts in step with Exchange, both ways, judged by exchangelib as the user's own client.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::Site;

use super::{add, contact, in_step, judge, start, sync, wait};

/// The user as `exchangelib_contacts.py` has her.
fn user(site: &Site, checks: &[&str], told: Value) {
    Judge::new("exchangelib_contacts.py").arg(site.judged_by("alice", checks, told)).run();
}

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

/// A contact that was made in a mail client is here whole: its name in its own script, each of its telephones, and its
/// picture; so is a distribution list with its members. A picture that is taken away there goes here.
///
/// Covers: AV-83
#[test]
fn what_is_made_in_a_mail_client_arrives_whole() {
    let site = start();
    user(&site, &["makes_contacts"], json!({}));
    let applied = in_step(&site);
    assert_eq!((&applied["linked"], &applied["aside"]), (&json!(2), &json!({})), "{applied:#}");
    let person = wait(&site, "小龙", "here", |_| true);
    let fields = &person["contact"];
    assert_eq!((&fields["given_name"], &fields["display_name"]), (&json!("李"), &json!("李 小龙")));
    assert_eq!(fields["phones"], json!({"business": "1", "business-2": "2", "mobile": "3"}));
    let list = contact(&site, "Team").expect("the list")["contact"].clone();
    let members: Vec<&Value> =
        list["members"].as_array().into_iter().flatten().map(|one| &one["address"]).collect();
    assert_eq!(
        (&list["form"], members),
        (&json!("list"), vec![&json!("a@x.example"), &json!("b@x.example")])
    );

    let file = site.folder().join("face.jpg");
    let id = person["id"].as_str().expect("an id");
    site.server.command(&["contact", "photo", id, &file.display().to_string()]);
    let mut picture = vec![0xff, 0xd8, 0xff, 0xe0];
    picture.extend(b"JFIF a face".repeat(100));
    assert_eq!(std::fs::read(&file).expect("written"), picture);
    user(&site, &["removes_the_picture"], json!({}));
    sync(&site, "run");
    wait(&site, "小龙", "without a picture", |now| now["photo"].is_null());
    site.server.refused(&["contact", "photo", id]);
}

/// A field that Exchange cannot hold is named by the plan before anything is written. The rest goes over, nothing is lost
/// here, and what was cut there is no edit of anybody's.
///
/// Covers: AV-84
#[test]
fn what_cannot_go_over_is_named_and_stays_here() {
    let site = start();
    let long = "Ä".repeat(300);
    add(&site, &["surname=Long", "company=Analytical", &format!("department={long}")]);
    let plan = sync(&site, "plan");
    assert_eq!(plan["plan"]["lossy"], json!({"department": 1}), "{plan:#}");
    let applied = sync(&site, "apply");
    assert_eq!((&applied["standing"], &applied["linked"]), (&json!("in-step"), &json!(1)), "{applied:#}");
    user(&site, &["reads_what_fits"], json!({"department": "Ä".repeat(255)}));
    judge(&site, &["writes_company"], json!({"name": "Long", "company": "Edited there"}));
    sync(&site, "run");
    let now = wait(&site, "Long", "edited", |now| now["company"] == "Edited there");
    assert_eq!(now["contact"]["department"], json!(long), "whole");
}
