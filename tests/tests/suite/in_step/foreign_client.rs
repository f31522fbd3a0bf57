//! The user's own programs speak CardDAV and CalDAV (vdirsyncer through DavMail) to the same mailbox.

use serde_json::json;
use tieline_tests::judge::Judge;
use tieline_tests::site::Options;

use super::start_with;

/// Contacts and events that the programs make, edit and delete arrive; Tieline's are seen by them; a series keeps its changed and
/// cancelled occurrences through both, and nothing is doubled.
#[test]
fn programs_that_speak_dav_and_tieline_agree() {
    let site = start_with(&Options::default(), "contacts,calendar");
    site.server.cli(&["feature-group", "edit", "Staff", "--calendar-mode", "sync-with-mail-server"]);
    for verb in ["plan", "apply"] {
        let status = site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", "all"]);
        assert_eq!(status["items"].as_array().map(Vec::len), Some(2), "{status:#}");
    }
    let made = site.server.cli(&["token", "add", "judge", "--role", "admin"]);
    let told = json!({"tieline": site.server.base(), "token": made["token"]});
    Judge::new("davmail_sync.py")
        .arg(site.judged_by("alice", &["contacts_meet", "calendars_meet"], told))
        .run();
}
