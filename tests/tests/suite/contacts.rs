//! Tieline's own contacts from outside: command line, REST, vCard, undo and snapshots.

use std::fs;

use serde_json::{Value, json};
use tieline_tests::rest::Rest;
use tieline_tests::site::Site;

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("no id: {answer}")).to_owned()
}

fn names(site: &Site, more: &[&str]) -> Vec<String> {
    let listed = site.server.cli(&[&["contact", "list", "--mailbox", "1001"], more].concat());
    let items = listed["items"].as_array().unwrap_or_else(|| panic!("no items: {listed}"));
    items.iter().map(|contact| contact["headline"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A contact is added, found, edited field by field with its history, removed and restored under its own id.
///
/// Covers: AV-85 (undo)
#[test]
fn a_contact_is_edited_explained_removed_and_restored() {
    let site = Site::start();
    let set = ["--set", "given_name=Ada", "--set", "surname=Lovelace", "--set", "phones.mobile=+44 20 1234"];
    let added = site.server.cli(&[&["contact", "add", "--mailbox", "1001"], &set[..]].concat());
    let contact = id(&added);
    assert_eq!(names(&site, &["--search", "201234"]), ["Ada Lovelace"]);
    assert!(names(&site, &["--search", "Babbage"]).is_empty());

    site.server.cli(&["contact", "edit", &contact, "--set", "phones.mobile=", "--set", "company=Analytical"]);
    let shown = site.server.cli(&["contact", "show", &contact]);
    assert_eq!(
        (&shown["contact"]["phones"], &shown["contact"]["company"]),
        (&json!({}), &json!("Analytical"))
    );
    assert_eq!(shown["provenance"]["company"]["from"], "tieline");
    let refused = site.server.refused(&["contact", "edit", &contact, "--set", "phone=1"]);
    assert!(refused.contains("phone"), "{refused}");

    let removed = site.server.cli(&["contact", "remove", &contact]);
    assert!(names(&site, &[]).is_empty());
    site.server.refused(&["contact", "show", &contact]);
    let deletion = removed["deletion"].as_str().expect("an id");
    let listed = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["record"]),
        (&json!(deletion), &json!(contact))
    );
    assert_eq!(id(&site.server.cli(&["deletion", "restore", deletion])), contact, "its own id");
    site.server.refused(&["deletion", "restore", deletion]);
    assert_eq!(site.server.cli(&["contact", "show", &contact])["contact"]["surname"], "Lovelace");

    let explained = site.server.cli(&["explain", &contact]);
    let rules: Vec<&str> =
        explained["chain"].as_array().into_iter().flatten().filter_map(|one| one["rule"].as_str()).collect();
    assert_eq!(rules, ["edited-in-tieline", "edited-in-tieline", "deleted-in-tieline", "edited-in-tieline"]);
}

/// A vCard file goes in and comes out; the same file once more adds nothing, and what cannot be read is named.
///
/// Covers: AV-84 (vCard)
#[test]
fn vcard_files_go_in_and_come_out() {
    let site = Site::start();
    let card = |uid: &str, name: &str| {
        format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nN:{name};;;;\r\nFN:{name}\r\nTEL;TYPE=CELL:+1 555\r\nEND:VCARD\r\n"
        )
    };
    let file = site.folder().join("in.vcf");
    let broken = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:none\r\nEND:VCARD\r\n";
    fs::write(&file, format!("{}{broken}{}", card("1", "Müller"), card("2", "李"))).expect("written");
    let import = || site.server.cli(&["contact", "import", &file.display().to_string(), "--mailbox", "1001"]);
    let first = import();
    assert_eq!((&first["added"], &first["unreadable"][0]["place"]), (&json!(2), &json!(2)), "{first}");
    let second = import();
    assert_eq!((&second["added"], &second["same"]), (&json!(0), &json!(2)), "{second}");
    for version in ["3", "4"] {
        let out = site.folder().join(format!("out{version}.vcf"));
        let path = out.display().to_string();
        site.server.cli(&["contact", "export", &path, "--mailbox", "1001", "--vcard", version]);
        let text = fs::read_to_string(&out).expect("written");
        assert!(text.contains(&format!("VERSION:{version}.0")) && text.contains("Müller"), "{text}");
        assert_eq!(site.server.cli(&["contact", "import", &path, "--mailbox", "1001"])["same"], 2, "{text}");
    }
    let nothing = site.folder().join("nothing.vcf");
    fs::write(&nothing, "hello").expect("written");
    site.server.refused(&["contact", "import", &nothing.display().to_string(), "--mailbox", "1001"]);
}

/// A snapshot brings back one entry or all, and keeps what came later.
///
/// Covers: AV-77 (restore)
#[test]
fn a_snapshot_brings_back_one_contact_or_all() {
    let site = Site::start();
    let add = |name: &str| {
        id(&site.server.cli(&["contact", "add", "--mailbox", "1001", "--set", &format!("surname={name}")]))
    };
    let (one, two) = (add("One"), add("Two"));
    let snapshot = id(&site.server.cli(&["snapshot", "take", "--mailbox", "1001", "--kind", "contacts"]));
    site.server.cli(&["contact", "edit", &one, "--set", "surname=Changed"]);
    site.server.cli(&["contact", "remove", &two]);
    let later = add("Later");
    let restored = site.server.cli(&["snapshot", "restore", &snapshot, "--entry", &two]);
    assert_eq!((&restored["added"], &restored["changed"]), (&json!(1), &json!(0)));
    let restored = site.server.cli(&["snapshot", "restore", &snapshot]);
    assert_eq!((&restored["changed"], &restored["same"]), (&json!(1), &json!(1)), "{restored}");
    assert_eq!(names(&site, &[]), ["Later", "One", "Two"]);
    assert_eq!(site.server.cli(&["contact", "show", &later])["id"], later.as_str());
    let listed = site.server.cli(&["snapshot", "show", &snapshot]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

/// Two programs that edit the same version: the second is told, and nothing is lost.
#[test]
fn a_stale_edit_is_refused_over_rest() {
    let site = Site::start();
    let rest: Rest = site.server.rest("admin");
    let added = rest.post("/api/v1/mailboxes/1001/contacts", &json!({"surname": "One"})).ok();
    let path = format!("/api/v1/contacts/{}", id(&added));
    let stale = "0".repeat(32);
    let patch = |client: &reqwest::blocking::Client| {
        client.patch(rest.url(&path)).header("if-match", &stale).json(&json!({"surname": "Two"}))
    };
    let refused = rest.try_send(patch).expect("an answer");
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("changed-meanwhile")), "{refused:?}");
    assert_eq!(rest.get(&path).ok()["contact"]["surname"], "One");
    assert_eq!(rest.post("/api/v1/mailboxes/1001/contacts", &json!({})).status, 400);
    assert_eq!(rest.get("/api/v1/contacts/ct_x").status, 404);
}
