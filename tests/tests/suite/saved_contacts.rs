//! People of the directory that a user saved as contacts: in Outlook as well, and following the directory.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

fn judge(site: &Site, checks: &[&str], told: Value) {
    Judge::new("exchangelib_contact_sync.py").arg(site.judged_by("alice", checks, told)).run();
}

fn bob(site: &Site) -> Value {
    let listed = site.server.cli(&["contact", "list", "--mailbox", "1001", "--search", "Bob"]);
    let items = listed["items"].as_array().unwrap_or_else(|| panic!("no items: {listed}"));
    assert_eq!(items.len(), 1, "no twin: {listed}");
    items[0].clone()
}

fn sync(site: &Site) {
    site.server.cli(&["sync", "run", "--mailbox", "1001"]);
}

/// A person is saved once, reaches Outlook, and follows the directory there: a new SIP address and number arrive in the fields that
/// the directory wrote, what the user edited in Outlook stays. With the user's choice off, nothing is saved, refreshed or
/// deleted, whoever of group and mailbox decides.
///
/// Covers: LY-16, LY-28, LY-29
#[test]
fn a_saved_contact_follows_the_directory_and_the_users_choice() {
    let site = Site::with(&Options { directory: true, ..Options::default() });
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", "messages,contacts"]);
    let save = ["contact", "save", "sip:bob@lab.example", "--mailbox", "1001"];
    let saved = site.server.cli(&save)["id"].clone();
    assert_eq!(site.server.cli(&save)["id"], saved, "a second time gives the same");
    site.server.cli(&["sync", "plan", "--mailbox", "1001"]);
    site.server.cli(&["sync", "apply", "--mailbox", "1001"]);
    let phone = bob(&site)["contact"]["phones"]["business"].clone();
    judge(
        &site,
        &["has_the_saved_one"],
        json!({"name": "Bob Brown", "phone": phone, "sip": "sip:bob@lab.example"}),
    );
    judge(&site, &["edits_the_department"], json!({"name": "Bob Brown"}));
    sync(&site);
    eventually("the edit", || (bob(&site)["contact"]["department"] == "Edited There").then_some(()));

    let moved = json!({"msRTCSIP-PrimaryUserAddress": ["sip:robert@lab.example"], "telephoneNumber": ["+49 30 5550 7777"],
        "department": ["Board"]});
    site.lab.accounts(&json!({"attributes": {"bob": moved}}));
    let refresh =
        |more: &[&str]| site.server.cli(&[&["contact", "refresh", "--mailbox", "1001"], more].concat());
    let planned = refresh(&["--dry-run"]);
    assert_eq!(planned["changed"][0]["contact"], saved, "{planned:#}");
    assert_eq!(bob(&site)["contact"]["phones"]["business"], phone, "a dry run writes nothing");
    let refreshed = refresh(&[]);
    assert_eq!(refreshed["changed"], planned["changed"]);
    let kept = refreshed["kept"][0]["fields"].to_string();
    assert!(kept.contains("department: edited since"), "{refreshed:#}");
    let now = bob(&site);
    assert_eq!(now["contact"]["phones"]["business"], "+493055507777", "{now:#}");
    assert_eq!(
        (&now["contact"]["ims"]["1"], &now["contact"]["department"]),
        (&json!("sip:robert@lab.example"), &json!("Edited There"))
    );
    sync(&site);
    judge(
        &site,
        &["has_the_saved_one"],
        json!({"name": "Bob Brown", "phone": "+493055507777", "sip": "sip:robert@lab.example"}),
    );

    site.server.cli(&["feature-group", "edit", "Staff", "--save-contacts", "no"]);
    let refused = site.server.refused(&["contact", "save", "sip:carol@lab.example", "--mailbox", "1001"]);
    assert!(refused.contains("--save-contacts yes"), "{refused}");
    site.lab.accounts(&json!({"attributes": {"bob": {"telephoneNumber": ["+49 30 5550 8888"]}}}));
    assert_eq!(refresh(&[])["changed"], json!([]));
    assert_eq!(bob(&site)["contact"]["phones"]["business"], "+493055507777", "kept, and not refreshed");
    // The mailbox's own word counts where it does not follow its group.
    site.server.cli(&["mailbox", "edit", "1001", "--use-group-settings", "no", "--save-contacts", "yes"]);
    let changed = refresh(&[]);
    assert_eq!(changed["changed"].as_array().map(Vec::len), Some(1), "{changed:#}");
}
