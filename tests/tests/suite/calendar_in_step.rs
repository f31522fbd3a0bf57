//! A mailbox's calendar in step with Exchange, both ways, judged by exchangelib as the user's own client.

use std::fs;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::Site;

/// Weekly on Mondays; the second is off, the third in the afternoon.
const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:s1\r\nSUMMARY:Stand-up\r\n\
    LOCATION:Desk\r\nDTSTART;TZID=Europe/Berlin:20260302T090000\r\nDTEND;TZID=Europe/Berlin:20260302T091500\r\n\
    RRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE;TZID=Europe/Berlin:20260309T090000\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:s1\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260316T090000\r\nSUMMARY:Stand-up\\, later\r\n\
    LOCATION:Desk\r\nDTSTART;TZID=Europe/Berlin:20260316T140000\r\nDTEND;TZID=Europe/Berlin:20260316T141500\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn judge_as(site: &Site, user: &str, checks: &[&str], told: Value) {
    Judge::new("exchangelib_calendar_sync.py").arg(site.judged_by(user, checks, told)).run();
}

fn judge(site: &Site, checks: &[&str]) {
    judge_as(site, "alice", checks, json!({}));
}

fn start() -> Site {
    let site = Site::start();
    let calendar = ["--sync", "messages,calendar", "--calendar-mode", "Sync with Mail Server Calendar"];
    site.server.cli(&[&["feature-group", "edit", "Staff"], &calendar[..]].concat());
    site
}

fn sync(site: &Site, verb: &str) -> Value {
    site.server.cli(&["sync", verb, "--mailbox", "1001", "--kind", "calendar"])
}

fn add(site: &Site, subject: &str, zone: &str, (start, end): (&str, &str), set: &[&str]) -> String {
    let mut command = vec!["event", "add", "--mailbox", "1001", "--subject", subject];
    command.extend(["--zone", zone, "--start", start, "--end", end]);
    set.iter().for_each(|field| command.extend(["--set", field]));
    site.server.cli(&command)["id"].as_str().expect("an id").to_owned()
}

fn event(site: &Site, subject: &str) -> Option<Value> {
    let listed = site.server.cli(&["event", "list", "--mailbox", "1001", "--search", subject]);
    listed["items"].as_array().and_then(|items| items.first().cloned())
}

fn wait(site: &Site, subject: &str, what: &str, hold: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{subject} {what}"), || event(site, subject).filter(|one| hold(&one["event"])))
}

fn starts(site: &Site, subject: &str) -> Vec<String> {
    let span = ["--from", "2026-03-01T00:00:00Z", "--to", "2026-04-20T00:00:00Z", "--search", subject];
    let listed = site.server.cli(&[&["event", "list", "--mailbox", "1001"], &span[..]].concat());
    let all = listed["items"][0]["occurrences"].as_array().into_iter().flatten();
    all.filter_map(|one| one["start"].as_str()).map(str::to_owned).collect()
}

fn writes(site: &Site) -> usize {
    let is_write = |request: &Value| {
        matches!(
            request["operation"].as_str().unwrap_or_default(),
            "CreateItem" | "UpdateItem" | "DeleteItem"
        )
    };
    site.lab.requests().iter().filter(|request| is_write(request)).count()
}

fn nothing_more_is_written(site: &Site) {
    let written = writes(site);
    for _ in 0..3 {
        let run = sync(site, "run");
        assert_eq!(run["standing"], "in-step", "{run:#}");
    }
    assert_eq!(writes(site), written);
}

/// What Tieline has before the first run: a meeting, whole days, a series, a zone that only its rules explain, and events
/// far from today, which no window of time leaves out.
fn ours(site: &Site) -> String {
    let guests =
        r#"attendees=[{"address":"bob@lab.example","name":"Bob","role":"required","response":"none"}]"#;
    let set = ["location=Room 1", "body=our agenda", "busy=tentative", guests];
    let ours = add(site, "Ours", "Europe/Berlin", ("2026-11-23T09:00:00", "2026-11-23T10:30:00"), &set);
    let path = format!("/api/v1/events/{ours}");
    site.server.rest("admin").patch(&path, &json!({"reminder": 5})).ok();
    add(site, "Long ago", "UTC", ("2019-01-01T09:00:00", "2019-01-01T10:00:00"), &[]);
    add(site, "Long after", "UTC", ("2031-01-01T09:00:00", "2031-01-01T10:00:00"), &[]);
    let post = |subject: &str, zone: Value, (start, end): (&str, &str), all_day: bool| {
        let when = |local: &str| json!({"local": local, "zone": zone});
        let schedule =
            json!({"start": when(start), "end": when(end), "all_day": all_day, "recurrence": null});
        let body = json!({"subject": subject, "schedule": schedule});
        site.server.rest("admin").post("/api/v1/mailboxes/1001/events", &body).ok();
    };
    let days = ("2026-12-24T00:00:00", "2026-12-26T00:00:00");
    post("Our holiday", json!({"id": "Europe/Berlin"}), days, true);
    let zone = json!({"id": "Customized Time Zone", "rules": {"standard": 20_700}});
    post("Night", zone, ("2026-12-01T02:15:00", "2026-12-01T03:00:00"), false);
    let file = site.folder().join("series.ics");
    fs::write(&file, SERIES).expect("written");
    site.server.cli(&["event", "import", &file.display().to_string(), "--mailbox", "1001"]);
    ours
}

/// The first run writes nothing and says what it would do; what is approved is done, on both sides, to the minute, with
/// series, exceptions, attendees, reminder, whole days and a zone of its own; edits of both sides are joined, and nobody
/// is ever invited.
///
/// Covers: AV-11 (calendar), AV-44 (calendar), AV-63, AV-64 (calendar), AV-71, AV-74 (calendar), AV-76 (calendar), AV-78, AV-79
#[test]
fn calendars_follow_each_other_after_a_dry_run() {
    let site = start();
    judge(&site, &["makes_events"]);
    let ours = ours(&site);

    let plan = sync(&site, "plan");
    assert_eq!(plan["standing"], "awaits-approval", "{plan:#}");
    assert_eq!(plan["plan"]["actions"], json!({"create-left": 3, "create-right": 6}), "{plan:#}");
    judge(&site, &["has_only_its_own"]);
    assert!(event(&site, "Theirs").is_none(), "a dry run writes nothing");
    let applied = sync(&site, "apply");
    assert_eq!((&applied["standing"], &applied["linked"]), (&json!("in-step"), &json!(9)), "{applied:#}");
    assert!(applied["snapshot"].is_string(), "{applied:#}");
    judge(&site, &["has_ours", "has_our_series"]);
    let theirs = wait(&site, "Theirs", "here", |_| true)["event"].clone();
    assert_eq!(theirs["schedule"]["start"]["local"], "2026-03-24T14:00:00", "{theirs:#}");
    for (field, value) in [
        ("location", json!("Hall")),
        ("sensitivity", json!("private")),
        ("busy", json!("out-of-office")),
        ("reminder", json!(45)),
        ("categories", json!(["Red"])),
    ] {
        assert_eq!(theirs[field], value, "{field}: {theirs:#}");
    }
    assert_eq!(theirs["attendees"][0]["address"], "bob@lab.example", "{theirs:#}");
    let holiday = wait(&site, "Their holiday", "here", |_| true)["event"].clone();
    assert_eq!(holiday["schedule"]["all_day"], true, "{holiday:#}");
    let wanted =
        ["2026-03-16T08:00:00Z", "2026-03-24T15:00:00Z", "2026-03-30T07:00:00Z", "2026-04-13T07:00:00Z"];
    assert_eq!(starts(&site, "Their series"), wanted, "moved, off, and summer time");
    nothing_more_is_written(&site);

    // Both edit the same meeting and the same series; each edit stays.
    let standup = event(&site, "Stand-up").expect("the series");
    let series = standup["id"].as_str().expect("an id");
    let mut schedule = standup["event"]["schedule"].clone();
    let cancelled = schedule["recurrence"]["cancelled"].as_array_mut().expect("cancelled occurrences");
    cancelled.push(json!("2026-03-30T09:00:00"));
    let rest = site.server.rest("admin");
    rest.patch(&format!("/api/v1/events/{series}"), &json!({"schedule": schedule})).ok();
    let mut moved = event(&site, "Ours").expect("ours")["event"]["schedule"].clone();
    moved["start"]["local"] = json!("2026-11-23T11:00:00");
    moved["end"]["local"] = json!("2026-11-23T12:00:00");
    let edit = json!({"subject": "Our subject", "schedule": moved});
    judge(&site, &["edits_ours"]);
    rest.patch(&format!("/api/v1/events/{ours}"), &edit).ok();
    sync(&site, "run");
    wait(&site, "Our subject", "with both edits", |one| one["location"] == "Room 2");
    judge(&site, &["sees_both_edits", "knows_what_tieline_does_not"]);
    sync(&site, "run");
    let later = "2026-04-07T08:00:00Z".to_owned();
    eventually("the moved occurrence", || starts(&site, "Stand-up").contains(&later).then_some(()));
    nothing_more_is_written(&site);

    // A further cancelled occurrence leaves what Exchange alone knows of the others.
    let mut schedule = event(&site, "Stand-up").expect("the series")["event"]["schedule"].clone();
    let cancelled = schedule["recurrence"]["cancelled"].as_array_mut().expect("cancelled occurrences");
    cancelled.push(json!("2026-04-13T09:00:00"));
    rest.patch(&format!("/api/v1/events/{series}"), &json!({"schedule": schedule})).ok();
    sync(&site, "run");
    judge(&site, &["still_has_it"]);
    judge(&site, &["was_told_nothing"]);
    judge_as(&site, "bob", &["was_told_nothing"], json!({}));
}

/// A deletion goes over, either way, and comes back with its attendees; switching the calendar off, or its mode to none,
/// keeps both sides as they are, and switching on again doubles nothing.
///
/// Covers: AV-11 (calendar), AV-43, AV-71 (off and on), AV-74, AV-77 (undone)
#[test]
fn deletions_come_back_and_switching_off_loses_nothing() {
    let site = start();
    let guests = r#"attendees=[{"address":"bob@lab.example","name":"","role":"required","response":"none"}]"#;
    let when = ("2026-11-23T09:00:00", "2026-11-23T10:00:00");
    let ours = add(&site, "Our subject", "Europe/Berlin", when, &[guests]);
    sync(&site, "plan");
    sync(&site, "apply");
    judge(&site, &["deletes_ours"]);
    sync(&site, "run");
    eventually("the deletion", || event(&site, "Our subject").is_none().then_some(()));
    let deletions = site.server.cli(&["deletion", "list", "--mailbox", "1001"]);
    let deletion = deletions["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{deletions:#}"));
    assert_eq!(site.server.cli(&["deletion", "restore", deletion])["id"], ours.as_str(), "its own id");
    sync(&site, "run");
    judge(&site, &["has_ours_again"]);

    let named = json!({"name": "Our subject"});
    for off in [["--calendar-mode", "none"], ["--sync", "messages"]] {
        site.server.cli(&[&["feature-group", "edit", "Staff"], &off[..]].concat());
        site.server.refused(&["sync", "run", "--mailbox", "1001", "--kind", "calendar"]);
        judge_as(&site, "alice", &["has_one_named"], named.clone());
        let on = ["--calendar-mode", "sync-with-mail-server", "--sync", "messages,calendar"];
        site.server.cli(&[&["feature-group", "edit", "Staff"], &on[..]].concat());
        let run = sync(&site, "run");
        assert_eq!((&run["standing"], &run["linked"]), (&json!("in-step"), &json!(1)), "{run:#}");
        judge_as(&site, "alice", &["has_one_named"], named.clone());
    }
    site.server.cli(&["event", "remove", &ours]);
    sync(&site, "run");
    judge_as(&site, "bob", &["was_told_nothing"], json!({}));
    site.server.refused(&["feature-group", "edit", "Staff", "--calendar-mode", "sometimes"]);
}

/// A series takes several requests. If they break off in the middle, what is left is done before anybody compares, and
/// neither side takes the half for an edit.
///
/// Covers: AV-78 (broken off)
#[test]
fn a_series_that_was_broken_off_in_the_middle_is_completed() {
    let site = start();
    add(&site, "Whole", "UTC", ("2026-11-23T09:00:00", "2026-11-23T10:00:00"), &[]);
    sync(&site, "plan");
    sync(&site, "apply");
    for (nth, operation) in ["DeleteItem", "UpdateItem"].into_iter().enumerate() {
        let file = site.folder().join("series.ics");
        let subject = format!("Broken {nth}");
        let series = SERIES.replace("Stand-up", &subject).replace("UID:s1", &format!("UID:b{nth}"));
        fs::write(&file, series).expect("written");
        site.server.cli(&["event", "import", &file.display().to_string(), "--mailbox", "1001"]);
        site.lab.fault(&json!({"fault": "lost-request", "operation": operation, "count": 1}));
        sync(&site, "run");
        let status = || {
            let status = site.server.cli(&["sync", "status", "--mailbox", "1001"]);
            status["items"][1].clone()
        };
        let linked = json!(nth + 2);
        eventually("both in step", || {
            let now = status();
            (now["standing"] == "in-step" && now["linked"] == linked && now["busy"] == false).then_some(())
        });
        site.lab.clear_faults();
        judge_as(&site, "alice", &["has_the_series"], json!({"name": subject}));
        let wanted =
            ["2026-03-02T08:00:00Z", "2026-03-16T13:00:00Z", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"];
        assert_eq!(starts(&site, &subject)[..4], wanted);
        nothing_more_is_written(&site);
    }
}

/// One occurrence of a series has a text and guests of its own, with their answers to it: from either side, each on another
/// occurrence, and the series keeps its own. Nobody is told.
///
/// Covers: AV-78 (one occurrence's text and guests)
#[test]
fn one_occurrence_has_a_text_and_guests_of_its_own() {
    let site = start();
    let file = site.folder().join("series.ics");
    let weekly = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:w1\r\nSUMMARY:Ours weekly\r\n\
        DESCRIPTION:usual\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@lab.example\r\n\
        DTSTART;TZID=Europe/Berlin:20260302T090000\r\nDTEND;TZID=Europe/Berlin:20260302T091500\r\n\
        RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    fs::write(&file, weekly).expect("written");
    site.server.cli(&["event", "import", &file.display().to_string(), "--mailbox", "1001"]);
    sync(&site, "plan");
    sync(&site, "apply");
    judge(&site, &["changes_one_occurrence"]);
    sync(&site, "run");
    let second = "2026-03-09T09:00:00";
    let here = wait(&site, "Ours weekly", "changed", |one| {
        one["schedule"]["recurrence"]["exceptions"][second]["body"].as_str().map(str::trim)
            == Some("bring slides")
    });
    let series = &here["event"]["schedule"]["recurrence"];
    let guests: Vec<(&Value, &Value)> = series["exceptions"][second]["attendees"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (&one["address"], &one["response"]))
        .collect();
    let wanted =
        [("bob@lab.example", "declined"), ("carol@lab.example", "none")].map(|(a, b)| (json!(a), json!(b)));
    assert_eq!(guests, wanted.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>(), "{here:#}");
    assert_eq!(here["event"]["attendees"].as_array().map(Vec::len), Some(1), "{here:#}");

    let mut schedule = here["event"]["schedule"].clone();
    let third = "2026-03-16T09:00:00";
    schedule["recurrence"]["exceptions"][third] = json!({
        "start": third, "end": "2026-03-16T09:15:00", "body": "from here",
        "attendees": [{"address": "carol@lab.example", "role": "required", "response": "none"}],
    });
    let path = format!("/api/v1/events/{}", here["id"].as_str().expect("an id"));
    site.server.rest("admin").patch(&path, &json!({"schedule": schedule})).ok();
    sync(&site, "run");
    judge(&site, &["sees_the_other_occurrence"]);
    nothing_more_is_written(&site);
    for user in ["alice", "bob", "carol"] {
        judge_as(&site, user, &["was_told_nothing"], json!({}));
    }
}

/// Who organizes a meeting is the same on both sides: whoever makes an event in their own calendar, and the foreign organizer
/// of one that was taken in. A meeting that was called off there says so here, and the other way round, and nobody is told by
/// us.
///
/// Covers: AV-78 (organizer, called off)
#[test]
fn organizers_and_meetings_that_were_called_off_go_both_ways() {
    let site = start();
    judge_as(&site, "bob", &["invites_alice"], json!({}));
    let when = ("2026-11-23T09:00:00", "2026-11-23T10:00:00");
    let own = add(&site, "Own", "Europe/Berlin", when, &[]);
    let file = site.folder().join("carols.ics");
    let carols = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:c1\r\nSUMMARY:Carol's\r\n\
        ORGANIZER:mailto:carol@lab.example\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@lab.example\r\n\
        DTSTART;TZID=Europe/Berlin:20261124T090000\r\nDTEND;TZID=Europe/Berlin:20261124T100000\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    fs::write(&file, carols).expect("written");
    site.server.cli(&["event", "import", &file.display().to_string(), "--mailbox", "1001"]);
    let shown = site.server.cli(&["event", "show", &own]);
    assert_eq!(shown["event"]["organizer"], "alice@lab.example", "{shown:#}");

    sync(&site, "plan");
    sync(&site, "apply");
    judge(&site, &["sees_who_organizes"]);
    let bobs = wait(&site, "Bob's", "here", |one| one["organizer"] == "bob@lab.example");
    assert_eq!(bobs["event"]["cancelled"], false, "{bobs:#}");
    judge_as(&site, "bob", &["calls_it_off"], json!({}));
    sync(&site, "run");
    wait(&site, "Bob's", "called off", |one| one["cancelled"] == true);

    let carols = event(&site, "Carol's").expect("carol's")["id"].clone();
    let path = format!("/api/v1/events/{}", carols.as_str().expect("an id"));
    site.server.rest("admin").patch(&path, &json!({"cancelled": true})).ok();
    sync(&site, "run");
    judge(&site, &["sees_it_called_off"]);
    nothing_more_is_written(&site);
    judge_as(&site, "carol", &["was_told_nothing"], json!({}));
}
