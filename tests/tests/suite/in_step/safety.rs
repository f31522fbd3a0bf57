//! What stops a synchronization that would do harm, and how a person lets it go on.

use serde_json::{Value, json};
use tieline_tests::mail_user::MailUser;
use tieline_tests::process::eventually;
use tieline_tests::site::Site;

use super::{add, contact, has_exactly, here, in_step, judge, start, sync, wait};

/// A site with so many contacts that both sides agree on, and her own client.
fn with_contacts(many: usize) -> (Site, MailUser) {
    let site = start();
    let alice = MailUser::of(&site.lab, "alice");
    alice.makes_contacts("Many", 0..many);
    in_step(&site);
    assert_eq!(here(&site), many);
    (site, alice)
}

fn paused(site: &Site, why: &str) -> Value {
    let status = sync(site, "run");
    assert_eq!(status["standing"], "paused", "{status:#}");
    assert!(status["pause"].as_str().is_some_and(|pause| pause.contains(why)), "{status:#}");
    status
}

fn resume(site: &Site, how: &[&str]) -> Value {
    site.server.cli(&[&["sync", "resume", "--mailbox", "1001"], how].concat())
}

/// A client that deletes nearly everything stops its own mailbox before the first deletion is carried over, and no other;
/// what a person accepts is carried over and can still be undone.
///
/// Covers: AV-85 (brake), AV-75 (a paused mailbox)
#[test]
fn a_mass_deletion_waits_for_a_person_and_can_be_undone() {
    let (site, alice) = with_contacts(30);
    site.add_mailbox("1002", "bob", &[]);
    alice.deletes(&alice.contact_ids()[..25]);
    let status = paused(&site, "25 deletions");
    assert_eq!(status["linked"], 30, "{status:#}");
    assert_eq!(here(&site), 30, "nothing was deleted");
    paused(&site, "25 deletions");

    MailUser::of(&site.lab, "bob").makes_contacts("Bobs", 0..1);
    for (verb, standing) in [("plan", "awaits-approval"), ("apply", "in-step")] {
        let status = site.server.cli(&["sync", verb, "--mailbox", "1002"]);
        assert_eq!(status["standing"], standing, "others go on: {status:#}");
    }

    let status = resume(&site, &["--accept", "25"]);
    assert_eq!(status["standing"], "in-step", "{status:#}");
    assert_eq!(here(&site), 5);
    let deletions = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    let deletions = deletions["items"].as_array().expect("a list");
    assert_eq!(deletions.len(), 25);
    let id = deletions[0]["id"].as_str().expect("an id");
    site.server.cli(&["deletion", "restore", id]);
    let status = sync(&site, "run");
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(6)), "{status:#}");
    has_exactly(&site, &["Many"; 6]);
}

/// The other answer: both sides are joined anew, in a dry run first, and what only one side has is made on the other.
///
/// Covers: AV-85 (rejoin)
#[test]
fn a_mass_deletion_is_taken_back_by_joining_both_sides_anew() {
    let (site, alice) = with_contacts(30);
    alice.deletes(&alice.contact_ids()[..25]);
    paused(&site, "25 deletions");
    let status = resume(&site, &["--rejoin"]);
    assert_eq!(status["standing"], "awaits-approval", "{status:#}");
    assert_eq!(status["plan"]["actions"], json!({"create-right": 25, "join": 5}), "{status:#}");
    let status = sync(&site, "apply");
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(30)), "{status:#}");
    assert_eq!(here(&site), 30);
    has_exactly(&site, &["Many"; 30]);
}

/// A sync state that the server does not know any more leads to a full listing. What that does not show is asked for one
/// by one, and deleted only if it does not exist; a listing that lacks too much is read again, and then a person is asked.
///
/// Covers: AV-85 (expired, silence), AV-76 (expired)
#[test]
fn an_expired_sync_state_deletes_nothing_that_is_still_there() {
    let (site, alice) = with_contacts(25);
    let expired = json!({"fault": "expired-sync-state", "operation": "SyncFolderItems", "user": "alice@lab.example", "count": 1});
    let short = |keep: u32| json!({"fault": "truncated-listing", "keep": keep, "operation": "SyncFolderItems", "user": "alice@lab.example"});

    alice.deletes(&alice.contact_ids()[..1]);
    site.lab.fault(&expired);
    let status = sync(&site, "run");
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(24)), "{status:#}");
    assert_eq!(here(&site), 24, "the one that does not exist is gone");

    site.lab.fault(&expired);
    site.lab.fault(&short(10));
    let status = sync(&site, "run");
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(24)), "{status:#}");
    site.lab.clear_faults();

    site.lab.fault(&expired);
    site.lab.fault(&short(0));
    paused(&site, "listed without 24 of 24");
    site.lab.clear_faults();
    let status = resume(&site, &["--accept", "24"]);
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(24)), "{status:#}");
    assert_eq!(here(&site), 24);
    has_exactly(&site, &["Many"; 24]);
}

/// The address leads to another mailbox: it was moved without its content, or given to somebody else.
///
/// Covers: AV-85 (another mailbox)
#[test]
fn another_mailbox_behind_the_address_freezes_and_asks() {
    let (mut site, _) = with_contacts(3);
    site.lab.restarted(|state| std::fs::remove_dir_all(state).expect("the lab's folder"));
    // A pass that was under way when the server went down saw the old mailbox; the next one sees the other.
    let status =
        eventually("the pause", || Some(sync(&site, "run")).filter(|status| status["standing"] == "paused"));
    let why = status["pause"].as_str().unwrap_or_default();
    assert!(why.contains("another one than before") || why.contains("is not there any more"), "{why}");
    assert_eq!(here(&site), 3);
    has_exactly(&site, &[]);

    let status = resume(&site, &["--rejoin"]);
    assert_eq!(status["plan"]["actions"], json!({"create-right": 3}), "{status:#}");
    sync(&site, "apply");
    assert_eq!(here(&site), 3);
    has_exactly(&site, &["Many"; 3]);
}

/// Exchange is restored from a backup: an item that shows an earlier version of itself gives it away. Nothing of the old
/// day is taken for an edit; after the answer nobody's newer words are lost.
///
/// Covers: AV-85 (set back)
#[test]
fn a_restored_backup_freezes_and_asks_and_loses_nothing() {
    let mut site = start();
    judge(&site, &["makes_one_named"], json!({"name": "Kept"}));
    in_step(&site);
    let writes = |company: &str| {
        judge(&site, &["writes_company"], json!({"name": "Kept", "company": company}));
        sync(&site, "run");
        wait(&site, "Kept", company, |contact| contact["company"] == company);
    };
    writes("Monday");
    let backup = site.lab.back_up();
    let writes = |company: &str| {
        judge(&site, &["writes_company"], json!({"name": "Kept", "company": company}));
        sync(&site, "run");
        wait(&site, "Kept", company, |contact| contact["company"] == company);
    };
    writes("Tuesday");
    site.lab.restore(&backup);

    paused(&site, "set back to an earlier state");
    assert_eq!(contact(&site, "Kept").map(|one| one["contact"]["company"].clone()), Some(json!("Tuesday")));
    judge(&site, &["shows_company"], json!({"name": "Kept", "company": "Monday"}));
    let status = resume(&site, &["--rejoin"]);
    assert_eq!(status["plan"]["actions"], json!({"join": 1}), "{status:#}");
    let status = sync(&site, "apply");
    assert_eq!(status["standing"], "in-step", "{status:#}");
    let company = contact(&site, "Kept").map(|one| one["contact"]["company"].clone());
    judge(&site, &["shows_company"], json!({"name": "Kept", "company": company}));
    let kept = company == Some(json!("Tuesday")) || status["conflicts"] == 1;
    assert!(kept, "Tuesday's word is there, or kept as a conflict: {company:?} {status:#}");
}

/// One item that cannot be read is put aside with its reason, the others go on; asked for again, it comes.
///
/// Covers: AV-76 (poison), AV-83 (poison)
#[test]
fn a_poison_item_is_put_aside_and_the_others_go_on() {
    let site = start();
    add(&site, &["surname=Ours"]);
    MailUser::of(&site.lab, "alice").puts_a_note_among_contacts();
    in_step(&site);
    let aside = |status: &Value| status["aside"].as_object().map_or(0, serde_json::Map::len);
    let status = sync(&site, "run");
    assert_eq!((aside(&status), here(&site)), (1, 1), "a note is no contact: {status:#}");

    let corrupt = json!({"fault": "error", "code": "ErrorItemCorrupt", "operation": "GetItem", "user": "alice@lab.example"});
    site.lab.fault(&corrupt);
    judge(&site, &["makes_one_named"], json!({"name": "Poison"}));
    let status = sync(&site, "run");
    assert_eq!((aside(&status), &status["standing"]), (2, &json!("in-step")), "{status:#}");
    assert!(contact(&site, "Poison").is_none());
    site.lab.clear_faults();

    judge(&site, &["makes_one_named"], json!({"name": "Healthy"}));
    let status = sync(&site, "run");
    assert_eq!(aside(&status), 2, "it rests: {status:#}");
    assert!(contact(&site, "Healthy").is_some(), "the others go on");

    let status = sync(&site, "retry");
    assert_eq!(aside(&status), 1, "{status:#}");
    assert!(contact(&site, "Poison").is_some(), "it can be read now");
    assert_eq!(here(&site), 3);
}
