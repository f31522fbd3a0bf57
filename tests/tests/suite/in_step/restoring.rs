//! What a snapshot of the mail system's side gives back: one contact, or the whole folder.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

use super::{add, contact, has_exactly, here, in_step, judge, start, start_with, sync, wait};

/// The snapshot that was taken before the first write, and its entry of the mail system's with this headline.
fn snapshot_with(site: &Site, headline: &str) -> (String, String) {
    let listed = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    let id = listed["items"][0]["id"].as_str().expect("a snapshot").to_owned();
    let shown = site.server.cli(&["snapshot", "show", &id]);
    let wanted = |one: &&Value| {
        one["side"] == "mail" && one["headline"].as_str().is_some_and(|text| text.contains(headline))
    };
    let entry = shown["items"].as_array().into_iter().flatten().find(wanted);
    let entry = entry.and_then(|one| one["entry"].as_str()).unwrap_or_else(|| panic!("{shown:#}"));
    (id, entry.to_owned())
}

/// A contact that its owner spoilt in Outlook becomes what it was before the first write, on both sides; then all that
/// were deleted since are there again. What came later stays.
///
/// Covers: AV-77 (mail side), AV-64 (mail side)
#[test]
fn a_snapshot_of_the_mail_side_gives_back_one_contact_or_all() {
    let site = start();
    for name in ["Spoilt", "Deleted"] {
        judge(&site, &["makes_one_named"], json!({"name": name}));
    }
    judge(&site, &["writes_company"], json!({"name": "Spoilt", "company": "Before"}));
    in_step(&site);
    judge(&site, &["writes_company"], json!({"name": "Spoilt", "company": "Spoilt"}));
    judge(&site, &["deletes_one_named"], json!({"name": "Deleted"}));
    sync(&site, "run");
    wait(&site, "Spoilt", "spoilt", |contact| contact["company"] == "Spoilt");
    add(&site, &["surname=Later"]);
    assert_eq!(here(&site), 2);

    let (snapshot, entry) = snapshot_with(&site, "Spoilt");
    let from_mail = ["snapshot", "restore", &snapshot, "--side", "mail"];
    let restored = site.server.cli(&[&from_mail[..], &["--entry", &entry]].concat());
    assert_eq!((&restored["added"], &restored["changed"]), (&json!(0), &json!(1)), "{restored}");
    sync(&site, "run");
    judge(&site, &["shows_company"], json!({"name": "Spoilt", "company": "Before"}));
    has_exactly(&site, &["Later", "Spoilt"]);

    let restored = site.server.cli(&from_mail);
    assert_eq!((&restored["added"], &restored["same"]), (&json!(1), &json!(1)), "{restored}");
    sync(&site, "run");
    has_exactly(&site, &["Deleted", "Later", "Spoilt"]);
    assert_eq!(here(&site), 3);
    let again = site.server.cli(&from_mail);
    assert_eq!(again, json!({"added": 0, "changed": 0, "same": 2}), "twice is once");
    site.server.refused(&[&from_mail[..], &["--entry", "nobody"]].concat());
}

/// A contact that gets its picture back from a snapshot, or is taken back whole after it was deleted, has its picture in
/// Exchange again, and one only.
///
/// Covers: AV-77 (pictures), AV-85 (pictures)
#[test]
fn what_is_taken_back_has_its_picture_in_exchange_again() {
    let site = start();
    let user = |checks: &[&str]| {
        Judge::new("exchangelib_contacts.py").arg(site.judged_by("alice", checks, json!({}))).run();
    };
    user(&["makes_contacts"]);
    in_step(&site);
    user(&["removes_the_picture"]);
    sync(&site, "run");
    wait(&site, "小龙", "without a picture", |now| now["photo"].is_null());
    let (snapshot, entry) = snapshot_with(&site, "小龙");
    let restored = site.server.cli(&["snapshot", "restore", &snapshot, "--side", "mail", "--entry", &entry]);
    assert_eq!(restored["changed"], 1, "{restored}");
    sync(&site, "run");
    user(&["has_one_picture"]);

    user(&["deletes_the_person"]);
    sync(&site, "run");
    eventually("the deletion", || contact(&site, "小龙").is_none().then_some(()));
    let deletions = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    let deletion = deletions["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{deletions:#}"));
    site.server.cli(&["deletion", "restore", deletion]);
    sync(&site, "run");
    user(&["has_one_picture"]);
    let back = contact(&site, "小龙").expect("it is back");
    assert!(back["contact"]["photo"].is_string(), "{back:#}");
}

/// The complete snapshots, oldest first.
fn taken(site: &Site) -> Vec<String> {
    let listed = site.server.cli(&["snapshot", "list", "--mailbox", "1001"]);
    let complete = listed["items"].as_array().into_iter().flatten().filter(|one| one["complete"].is_string());
    let mut ids: Vec<String> = complete.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
    ids.reverse();
    ids
}

/// Snapshots are taken on their schedule without anybody's asking, each before something is written; any of them gives back
/// one contact as it was at that time, or everything the user had.
///
/// Covers: AV-77
#[test]
fn scheduled_snapshots_give_back_one_contact_or_everything() {
    let options = Options { more: "snapshot_every_s = 1\n".to_owned(), ..Options::default() };
    let site = start_with(&options, "contacts");
    let kept = add(&site, &["surname=Kept", "company=Sunday"]);
    let gone = add(&site, &["surname=Gone"]);
    in_step(&site);
    assert_eq!(taken(&site).len(), 1, "before the first write");
    let mut day = 0;
    eventually("two more on schedule", || {
        day += 1;
        site.server.cli(&["contact", "edit", &kept, "--set", &format!("company=Day {day}")]);
        sync(&site, "run");
        (taken(&site).len() >= 3).then_some(())
    });
    site.server.cli(&["contact", "remove", &gone]);
    sync(&site, "run");
    has_exactly(&site, &["Kept"]);

    let first = taken(&site).remove(0);
    let one = site.server.cli(&["snapshot", "restore", &first, "--entry", &kept]);
    assert_eq!((&one["added"], &one["changed"]), (&json!(0), &json!(1)), "{one}");
    sync(&site, "run");
    judge(&site, &["shows_company"], json!({"name": "Kept", "company": "Sunday"}));
    has_exactly(&site, &["Kept"]);
    let all = site.server.cli(&["snapshot", "restore", &first]);
    assert_eq!((&all["added"], &all["same"]), (&json!(1), &json!(1)), "{all}");
    sync(&site, "run");
    has_exactly(&site, &["Gone", "Kept"]);
    assert_eq!(contact(&site, "Gone").map(|one| one["id"].clone()), Some(json!(gone)), "under its own id");
}
