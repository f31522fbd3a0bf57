//! Contacts and events edited and deleted on either side, one by one and against each other: exchangelib is the user's own
//! client there, the command line is here.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

/// What is kept in step, and how it is spoken of on either side.
struct Kind {
    name: &'static str,
    noun: &'static str,
    judge: &'static str,
    /// The field that both sides edit, here.
    field: &'static str,
}

const CONTACTS: Kind =
    Kind { name: "contacts", noun: "contact", judge: "exchangelib_contact_sync.py", field: "company" };
const CALENDAR: Kind =
    Kind { name: "calendar", noun: "event", judge: "exchangelib_calendar_sync.py", field: "location" };

impl Kind {
    fn add(&self, site: &Site, name: &str) -> String {
        let named = format!("surname={name}");
        let fields: &[&str] = match self.noun {
            "contact" => &["--set", &named],
            _ => &[
                "--subject",
                name,
                "--zone",
                "Europe/Berlin",
                "--start",
                "2026-11-23T09:00:00",
                "--end",
                "2026-11-23T10:00:00",
            ],
        };
        let added = site.server.cli(&[&[self.noun, "add", "--mailbox", "1001"], fields].concat());
        added["id"].as_str().expect("an id").to_owned()
    }

    /// What Tieline has by this name: its id and the field's value.
    fn here(&self, site: &Site, name: &str) -> Option<(String, Value)> {
        let listed = site.server.cli(&[self.noun, "list", "--mailbox", "1001", "--search", name]);
        let items = listed["items"].as_array().expect("a list");
        assert!(items.len() < 2, "once: {listed:#}");
        let one = items.first()?;
        Some((one["id"].as_str()?.to_owned(), one[self.noun][self.field].clone()))
    }

    fn edit(&self, site: &Site, id: &str, value: &str) {
        site.server.cli(&[self.noun, "edit", id, "--set", &format!("{}={value}", self.field)]);
    }

    fn judge(&self, site: &Site, check: &str, told: Value) {
        Judge::new(self.judge).arg(site.judged_by("alice", &[check], told)).run();
    }

    fn sync(&self, site: &Site, verb: &str) -> Value {
        site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", self.name])
    }

    fn wait(&self, site: &Site, name: &str, value: &str) -> String {
        let there = || self.here(site, name).filter(|(_, now)| now == value);
        eventually(&format!("{name} with {value}"), there).0
    }
}

fn start() -> Site {
    let site = Site::with(&Options::default());
    let all = ["--sync", "contacts,calendar", "--calendar-mode", "sync-with-mail-server"];
    site.server.cli(&[&["feature-group", "edit", "Staff"], &all[..]].concat());
    site
}

/// Of contacts and of events alike: an edit goes over from either side, and so does a deletion; of two edits of one field the
/// later one stays, and the other is kept as a conflict; an edit beats a deletion.
///
///
#[test]
fn edits_and_deletions_go_both_ways_and_conflicts_keep_the_loser() {
    let site = start();
    for kind in [CONTACTS, CALENDAR] {
        let ours = kind.add(&site, "Ours");
        kind.judge(&site, "makes_one_named", json!({"name": "Theirs"}));
        kind.sync(&site, "plan");
        assert_eq!(kind.sync(&site, "apply")["linked"], 2);

        kind.edit(&site, &ours, "from here");
        kind.judge(&site, "writes_company", json!({"name": "Theirs", "company": "from there"}));
        kind.sync(&site, "run");
        kind.judge(&site, "shows_company", json!({"name": "Ours", "company": "from here"}));
        let theirs = kind.wait(&site, "Theirs", "from there");

        // Both edit the same field before either sees the other's: the later one stays.
        site.lab
            .fault(&json!({"fault": "http503", "operation": "SyncFolderItems", "user": "alice@lab.example"}));
        kind.edit(&site, &ours, "first");
        kind.judge(&site, "writes_company", json!({"name": "Ours", "company": "last"}));
        site.lab.clear_faults();
        // A pass that the fault met may still wait.
        eventually("the conflict", || {
            let run = kind.sync(&site, "run");
            (run["conflicts"] == 1 && run["standing"] == "in-step").then_some(())
        });
        assert_eq!(kind.wait(&site, "Ours", "last"), ours);
        kind.judge(&site, "shows_company", json!({"name": "Ours", "company": "last"}));
        let explained = site.server.cli(&["explain", &ours]).to_string();
        assert!(explained.contains("edited-on-both"), "{explained}");

        // Deleted here, and edited there meanwhile: the edit wins. Deleted there, and untouched here: gone.
        site.lab
            .fault(&json!({"fault": "http503", "operation": "SyncFolderItems", "user": "alice@lab.example"}));
        site.server.cli(&[kind.noun, "remove", &theirs]);
        kind.judge(&site, "writes_company", json!({"name": "Theirs", "company": "stays"}));
        kind.judge(&site, "deletes_one_named", json!({"name": "Ours"}));
        site.lab.clear_faults();
        kind.sync(&site, "run");
        kind.wait(&site, "Theirs", "stays");
        eventually("the deletion", || kind.here(&site, "Ours").is_none().then_some(()));

        // Deleted here, untouched there: gone there as well.
        let (theirs, _) = kind.here(&site, "Theirs").expect("it stayed");
        site.server.cli(&[kind.noun, "remove", &theirs]);
        kind.sync(&site, "run");
        kind.judge(&site, "has_none", json!({}));
    }
}

/// A contact that is deleted here goes there, into Deleted Items, and one that is deleted there goes here; either is taken back
/// within two weeks, and then both sides have it again, once, and nothing else moves.
///
/// Covers: AV-85
#[test]
fn deletions_of_contacts_go_both_ways_and_are_taken_back() {
    let site = start();
    let names = ["First", "Second", "Stays"];
    let ids: Vec<String> = names.iter().map(|name| CONTACTS.add(&site, name)).collect();
    CONTACTS.sync(&site, "plan");
    CONTACTS.sync(&site, "apply");

    site.server.cli(&["contact", "remove", &ids[0]]);
    CONTACTS.judge(&site, "deletes_one_named", json!({"name": "Second"}));
    CONTACTS.sync(&site, "run");
    eventually("the deletion", || CONTACTS.here(&site, "Second").is_none().then_some(()));
    CONTACTS.judge(&site, "has_exactly", json!({"surnames": ["Stays"]}));
    CONTACTS.judge(&site, "finds_among_the_deleted", json!({"surnames": ["First", "Second"]}));
    let listed = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    let deletions = listed["items"].as_array().expect("a list");
    assert_eq!(deletions.len(), 2, "{listed:#}");
    for deletion in deletions {
        assert!(deletion["until"].as_str() > deletion["at"].as_str(), "{deletion:#}");
        let restored = site.server.cli(&["deletion", "restore", deletion["id"].as_str().expect("an id")]);
        assert!(ids.iter().any(|id| restored["id"] == **id), "its own id: {restored}");
    }
    let status = CONTACTS.sync(&site, "run");
    assert_eq!((&status["standing"], &status["linked"]), (&json!("in-step"), &json!(3)), "{status:#}");
    CONTACTS.judge(&site, "has_exactly", json!({"surnames": names}));
    for (name, id) in names.iter().zip(&ids) {
        assert_eq!(CONTACTS.here(&site, name).map(|(id, _)| id).as_ref(), Some(id), "{name}");
    }
}
