//! Tieline's own calendar from outside: command line, REST, iCalendar and feeds.

use std::fs;

use serde_json::json;
use tieline_tests::site::Site;

const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:s1\r\nSUMMARY:Stand-up\r\n\
    DTSTART;TZID=Europe/Berlin:20260302T090000\r\nDTEND;TZID=Europe/Berlin:20260302T091500\r\n\
    RRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE;TZID=Europe/Berlin:20260309T090000\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:s1\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260316T090000\r\nSUMMARY:Stand-up\\, moved\r\n\
    DTSTART;TZID=Europe/Berlin:20260316T140000\r\nDTEND;TZID=Europe/Berlin:20260316T141500\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:s2\r\nSUMMARY:Nowhere\r\nDTSTART;TZID=Nowhere:20260302T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// A series with an exception and a cancelled occurrence goes in, is seen on the right days across the change to summer
/// time, and comes out; what cannot be placed is refused by name.
///
/// Covers: AV-78 (iCalendar), AV-79 (iCalendar)
#[test]
fn a_series_goes_in_and_comes_out_with_its_exceptions() {
    let site = Site::start();
    let file = site.folder().join("in.ics");
    fs::write(&file, SERIES).expect("written");
    let path = file.display().to_string();
    let imported = site.server.cli(&["event", "import", &path, "--mailbox", "1001"]);
    assert_eq!((&imported["added"], &imported["unreadable"][0]["name"]), (&json!(1), &json!("Nowhere")));
    let span = ["--from", "2026-03-01T00:00:00Z", "--to", "2026-04-07T00:00:00Z"];
    let listed = site.server.cli(&[&["event", "list", "--mailbox", "1001"], &span[..]].concat());
    let starts: Vec<&str> = listed["items"][0]["occurrences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["start"].as_str())
        .collect();
    let wanted = [
        "2026-03-02T08:00:00Z",
        "2026-03-16T13:00:00Z",
        "2026-03-23T08:00:00Z",
        "2026-03-30T07:00:00Z",
        "2026-04-06T07:00:00Z",
    ];
    assert_eq!(starts, wanted, "summer time begins on the 29th");
    let out = site.folder().join("out.ics");
    let out_path = out.display().to_string();
    site.server.cli(&["event", "export", &out_path, "--mailbox", "1001"]);
    assert_eq!(site.server.cli(&["event", "import", &out_path, "--mailbox", "1001"])["same"], 1);
}

/// Events are edited, removed and restored; a feed shows them to who knows its address, without private details, until it
/// is ended.
#[test]
fn a_feed_shows_the_calendar_until_it_is_ended() {
    let site = Site::start();
    let add = |subject: &str, more: &[&str]| {
        let when = [
            "--start",
            "2026-11-23T09:00:00",
            "--end",
            "2026-11-23T10:00:00",
            "--zone",
            "W. Europe Standard Time",
        ];
        let command =
            [&["event", "add", "--mailbox", "1001", "--subject", subject], &when[..], more].concat();
        site.server.cli(&command)["id"].as_str().expect("an id").to_owned()
    };
    let review = add("Review", &["--set", "location=Room 1"]);
    add("Surgery", &["--set", "sensitivity=private"]);
    site.server.cli(&["event", "edit", &review, "--set", "subject=Review 2"]);
    let made = site.server.cli(&["event", "feed", "--mailbox", "1001", "--name", "Outlook"]);
    let anybody = site.server.anonymous();
    let feed = anybody.get(made["path"].as_str().expect("a path"));
    assert_eq!(feed.status, 200, "{feed:?}");
    assert!(feed.content_type.starts_with("text/calendar"), "{feed:?}");
    let text = feed.ok().as_str().expect("text").to_owned();
    assert!(
        text.contains("Review 2") && text.contains("TZID:Europe/Berlin") && !text.contains("Surgery"),
        "{text}"
    );
    assert_eq!(anybody.get("/feeds/guessed.ics").status, 404);
    let id = made["id"].as_str().expect("an id");
    site.server.cli(&["event", "end-feed", id, "--mailbox", "1001"]);
    assert_eq!(anybody.get(made["path"].as_str().expect("a path")).status, 404);

    let removed = site.server.cli(&["event", "remove", &review]);
    let deletion = removed["deletion"].as_str().expect("an id");
    assert_eq!(site.server.cli(&["deletion", "restore", deletion])["id"], review.as_str());
    let bad = site.server.refused(&[
        "event",
        "add",
        "--mailbox",
        "1001",
        "--subject",
        "x",
        "--start",
        "2026-11-23T09:00:00",
        "--end",
        "2026-11-23T10:00:00",
        "--zone",
        "Nowhere",
    ]);
    assert!(bad.contains("Nowhere"), "{bad}");
}
