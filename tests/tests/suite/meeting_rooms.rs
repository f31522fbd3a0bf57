//! Rooms and meetings as administrators, devices and people with a link meet them: commands, REST, feeds, pages.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use tieline_tests::chromium::walk;
use tieline_tests::desk::{ADMINISTRATOR, SENTENCE};
use tieline_tests::judge::Judge;
use tieline_tests::page::Pages;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};
use tieline_tests::{source_root, tool};

const POLICY: &str = "default-conference-duration-minutes = 120\nnumbers = [\"7040-7049\"]\n";

/// Rooms 7040 to 7049; `more` goes into the section `[conferencing]` and after it.
fn site(folder: &std::path::Path, more: &str) -> Site {
    site_as(folder, more, &Options::default())
}

fn site_as(folder: &std::path::Path, more: &str, options: &Options) -> Site {
    let policy = folder.join("policy.toml");
    std::fs::write(&policy, POLICY).expect("a temporary folder can be written");
    let more = format!(
        "[conferencing]\nmailbox = \"conference@lab.example\"\nfeature_group = \"Staff\"\nsip_domain = \"vmr.example\"\n\
         check_every_s = 10\npolicy_file = \"{}\"\nwatch_rooms = [\"room-berlin@lab.example\"]\nforgotten_after_s = 1\n{more}",
        policy.display()
    );
    let site = Site::bare(&Options { more, directory: true, ..options.clone() });
    site.add_endpoint_and_group(&[]);
    site
}

fn judged(site: &Site, checks: &[&str]) {
    Judge::new("exchangelib_meetings.py").arg(site.judged_by("alice", checks, json!({}))).run();
}

const LINKS: &str = "[sign_in]\npublic_url = \"https://tieline.example\"\n";

/// exchangelib as attendee and as its device reads the join data out of the calendar itself, before and after changes; it is
/// told when the conference mailbox was forgotten.
///
/// Covers: PO-10, PO-14
#[test]
fn join_data_reach_attendees_calendars() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path(), LINKS);
    judged(&site, &["attendees_and_their_devices_have_the_join_data", "is_told_of_a_forgotten_mailbox"]);
    let meetings = site.server.cli(&["meeting", "list"]);
    let states: Vec<&str> =
        meetings["items"].as_array().unwrap().iter().filter_map(|one| one["state"].as_str()).collect();
    assert_eq!(states, ["accepted", "accepted"], "{meetings:#}");
    let rules = |at: usize| {
        let told = site.server.cli(&["explain", meetings["items"][at]["trace"].as_str().unwrap()]);
        let chain = told["chain"].as_array().unwrap().iter();
        chain.filter_map(|one| one["rule"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert!(rules(1).iter().any(|rule| rule == "join-data-inserted"), "{:?}", rules(1));
    // The other one asked in its location: its update comes back as another version, which is known for our own.
    eventually("the own update is passed over", || {
        rules(0).iter().any(|rule| rule == "own-update").then_some(())
    });
    let id = meetings["items"][1]["id"].as_str().unwrap();
    assert_eq!(site.server.cli(&["meeting", "show", id])["inserted"], true);
}

/// Switched off: attendees' calendars stay untouched, and the organizer has a mail that is ready to be sent on.
#[test]
fn join_data_stay_out_of_meetings_where_that_is_not_wanted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path(), &format!("insert_join_data = false\n\n{LINKS}"));
    judged(&site, &["without_the_right_to_act_for_organizers_the_answer_says_so"]);
}

/// A room's life on the command line, a meeting's after its answer, calendars for devices, and how the watching stands.
///
/// Covers: PO-11, PO-18 (made), PO-30
#[test]
fn rooms_and_meetings_are_looked_after_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path(), LINKS);
    let server = &site.server;
    let status = eventually("the watching proves itself", || {
        let status = server.cli(&["meeting-room", "status"]);
        (status["state"] == "ok").then_some(status)
    });
    assert!(status["since"].as_str().is_some() && status["cause"].is_null(), "{status:#}");
    assert_eq!((&status["touch_after_s"], &status["check_every_s"]), (&json!(20), &json!(10)));
    let metrics = Pages::new(&server.base()).get("/metrics").body;
    assert!(metrics.contains("tieline_conference_state{state=\"ok\"} 1"), "{metrics}");
    assert!(metrics.contains("tieline_conference_state{state=\"degraded\"} 0"), "{metrics}");

    let code = site.folder().join("code");
    std::fs::write(&code, "4711\n").unwrap();
    let code = code.display().to_string();
    let made = server.cli(&["meeting-room", "add", "Board", "--number", "7048", "--passcode-file", &code]);
    assert_eq!((&made["sip"], &made["passcode_set"]), (&json!("sip:7048@vmr.example"), &json!(true)));
    assert!(!made.to_string().contains("4711"), "{made}");
    assert!(server.refused(&["meeting-room", "add", "Twin", "--number", "7048"]).contains("7048 belongs to"));
    let free = server.cli(&["meeting-room", "add", "Any"]);
    assert_eq!(free["number"], "7040");
    server.cli(&["meeting-room", "edit", "7040", "--name", "Huddle", "--owner", "bob@lab.example"]);
    let shown = server.cli(&["meeting-room", "show", "7040"]);
    assert_eq!((&shown["name"], &shown["owner"]), (&json!("Huddle"), &json!("bob@lab.example")));
    assert_eq!(server.cli(&["meeting-room", "list"])["items"].as_array().unwrap().len(), 2);
    server.cli(&["meeting-room", "remove", "7040"]);
    assert!(server.refused(&["meeting-room", "show", "7040"]).contains("no meeting room"));

    judged(&site, &["meets_now"]);
    let meeting = |subject: &str| {
        let all = server.cli(&["meeting", "list", "--state", "accepted"]);
        let found = all["items"].as_array().unwrap().iter().find(|one| one["subject"] == subject).cloned();
        found.unwrap_or_else(|| panic!("no {subject}: {all:#}"))
    };
    let then = meeting("Then")["id"].as_str().unwrap().to_owned();
    assert!(
        server
            .refused(&["meeting-room", "add", "Late", "--number", "7042"])
            .contains("reserved for a meeting")
    );
    let detail = server.cli(&["meeting", "show", &then]);
    assert!(detail["link"].as_str().unwrap().starts_with("https://tieline.example/join/"), "{detail:#}");
    assert_eq!((&detail["answers"][0]["verdict"], &detail["times_total"]), (&json!("accepted"), &json!(1)));

    let feed = server.cli(&["meeting-room", "feed", "--name", "Panel", "--room", "7042"]);
    let path = feed["path"].as_str().unwrap().to_owned();
    let read = || Pages::new(&server.base()).get(&path);
    let calendar = read().body;
    let unfolded = calendar.replace("\r\n ", "");
    assert!(
        unfolded.contains("SUMMARY:Then") && unfolded.contains("LOCATION:sip:7042@vmr.example"),
        "{calendar}"
    );
    assert!(!unfolded.contains("Salaries") && unfolded.matches("BEGIN:VEVENT").count() == 2, "{calendar}");
    assert!(unfolded.contains("BEGIN:VALARM"), "a device reminds: {calendar}");
    let person = server.cli(&[
        "meeting-room",
        "feed",
        "--name",
        "Alice",
        "--person",
        "alice@lab.example",
        "--private",
    ]);
    let mine = Pages::new(&server.base()).get(person["path"].as_str().unwrap()).body;
    assert!(mine.contains("Salaries") && mine.matches("BEGIN:VEVENT").count() == 3, "{mine}");
    server.cli(&["meeting-room", "end-feed", feed["id"].as_str().unwrap()]);
    assert_eq!(read().status, 404);

    let kept = server.cli(&["meeting", "keep", &then, "--days", "360"]);
    assert!(kept["kept_until"].as_str().is_some(), "{kept}");
    server.cli(&["meeting", "release", &then]);
    assert!(server.refused(&["meeting", "keep", &then]).contains("has no room"));
    assert_eq!(server.cli(&["meeting", "show", &then])["meeting"]["state"], "released");
    let cleaned = server.cli(&["meeting", "clean-up", "--older-than-days", "0", "--dry-run"]);
    assert_eq!((&cleaned["released"], &cleaned["dry_run"]), (&json!(0), &json!(true)), "{cleaned}");

    let strict = site.folder().join("strict.toml");
    std::fs::write(&strict, "default-conference-duration-minutes = 30\nnumbers = [\"7040-7049\"]\n").unwrap();
    let replay = server.cli(&["meeting-room", "policy", "replay", &strict.display().to_string()]);
    assert_eq!((&replay["invitations"], &replay["newly_declined"]), (&json!(3), &json!(3)), "{replay:#}");
}

/// The token of a meeting's page.
fn join_path(site: &Site, subject: &str) -> String {
    let all = site.server.cli(&["meeting", "list"]);
    let found =
        all["items"].as_array().unwrap().iter().find(|one| one["subject"] == subject).cloned().unwrap();
    let detail = site.server.cli(&["meeting", "show", found["id"].as_str().unwrap()]);
    detail["link"].as_str().unwrap().trim_start_matches("https://tieline.example").to_owned()
}

/// A link that was given out works in a browser without account, client or script: open, too early, called off, forged.
///
/// Covers: PO-12 (browser)
#[test]
fn a_meetings_page_opens_in_a_browser() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path(), LINKS);
    judged(&site, &["meets_now"]);
    let (now, then) = (join_path(&site, "Now"), join_path(&site, "Then"));
    let gone = site.server.cli(&["meeting", "list"]);
    let of = |subject: &str| {
        let all = gone["items"].as_array().unwrap();
        all.iter().find(|one| one["subject"] == subject).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let other = if &now[10..11] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &now[..10], &now[11..]);
    for width in [360, 1280] {
        let seen = walk(
            &site.server.base(),
            &[],
            width,
            &json!([
                {"open": now}, {"axe": true}, {"shot": format!("join-open-{width}")},
                {"open": then}, {"axe": true}, {"shot": format!("join-not-yet-{width}")},
            ]),
        );
        assert_eq!((&seen["axe"], &seen["foreign"]), (&json!([]), &json!([])));
        let pages = seen["pages"].as_array().unwrap();
        let text = |at: usize| pages[at]["text"].as_str().unwrap();
        assert!(text(0).contains("Now") && text(0).contains("sip:7041@vmr.example"), "{}", text(0));
        assert!(text(1).contains("not open yet") && text(1).contains("2027-03-09 10:00"), "{}", text(1));
        assert!(!text(1).contains("7042"), "nothing to dial before the door opens: {}", text(1));
        assert!(pages.iter().all(|page| page["overflow"].as_i64() <= Some(0)), "{seen:#}");
    }
    let mut german = Pages::new(&site.server.base()).with_header("accept-language", "de-DE,de;q=0.9");
    let page = german.get(&now);
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("lang=\"de\"") && page.body.contains("Mit einem Videoprogramm"),
        "{}",
        page.body
    );
    assert_eq!((page.header("referrer-policy"), page.header("x-robots-tag")), ("no-referrer", "noindex"));
    let page = german.get(&forged);
    assert!(page.status == 404 && page.body.contains("Dieser Link ist nicht gültig"), "{}", page.body);
    site.server.cli(&["meeting", "release", &of("Then")]);
    let page = german.get(&then);
    assert!(page.status == 410 && page.body.contains("vorbei"), "{}", page.body);
}

/// From the meeting's page into the bridge's own, each with a link of their own that the lab's BigBlueButton judges: to take
/// part with the link alone, to lead with the chairperson's code, and not at all with a code that is made up.
///
/// Covers: PO-12 (into the bridge)
/// Covers: PO-22 (by browser)
/// Covers: PO-23 (by browser)
#[test]
fn a_meetings_page_leads_into_the_bridge_as_who_one_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options { bigbluebutton: true, ..Options::default() };
    let site = site_as(folder.path(), LINKS, &options);
    judged(&site, &["meets_now_and_tomorrow"]);
    let now = join_path(&site, "Now");
    let bridge = site.lab.ready()["bigbluebutton"].as_str().unwrap();
    let bridge = bridge.split("/bigbluebutton").next().unwrap().to_owned();
    let enter = "form.entry .primary";
    for (width, guest, code, role) in
        [(390, "Bob & Co", "", "VIEWER"), (1280, "Alice", "987654", "MODERATOR")]
    {
        let seen = walk(
            &site.server.base(),
            &[&bridge],
            width,
            &json!([
                {"open": now}, {"axe": true}, {"shot": format!("join-bridge-{width}")},
                {"fill": {"#name": guest, "#code": "111111"}}, {"click": enter}, {"axe": true}, {"shot": format!("join-wrong-{width}")},
                {"fill": {"#code": code}}, {"touch": enter, "until": role},
            ]),
        );
        assert_eq!((&seen["axe"], &seen["foreign"]), (&json!([]), &json!([])), "{seen:#}");
        let pages = seen["pages"].as_array().unwrap();
        let text = |at: usize| pages[at]["text"].as_str().unwrap_or_else(|| panic!("{seen:#}"));
        assert!(text(1).contains("not one of the meeting's passcodes"), "{}", text(1));
        let last = &pages[pages.len() - 1];
        assert!(
            last["url"].as_str().unwrap().starts_with(&format!("{bridge}/bigbluebutton/api/join?")),
            "{last:#}"
        );
        for part in ["7047", guest, role] {
            assert!(last["text"].as_str().unwrap().contains(part), "{last:#}");
        }
    }
    let mut pages = Pages::new(&site.server.base());
    let form = pages.get(&now).body;
    assert!(form.contains("name=\"name\"") && !form.contains("checksum"), "{form}");
    let onward = pages.post(&now, &[("name", "Carol")]);
    assert_eq!((onward.status, onward.header("referrer-policy")), (200, "no-referrer"));
    assert!(onward.body.contains("fullName=Carol") && onward.body.contains("role=VIEWER"), "{}", onward.body);
    assert_eq!(pages.post(&now, &[("name", " ")]).status, 400);
    // The link of a meeting that is not open yet lets nobody in.
    let early = pages.post(&join_path(&site, "Tomorrow"), &[("name", "Carol")]);
    assert!(early.body.contains("not open yet") && !early.body.contains("checksum"), "{}", early.body);
    for _ in 0..4 {
        pages.post(&now, &[("name", "Carol"), ("code", "000000")]);
    }
    assert_eq!(pages.post(&now, &[("name", "Carol")]).status, 429, "who guesses is not heard for a while");
}

/// Everything that administrators see of it, in a real Chromium, narrow and wide.
///
/// Covers: PO-30 (page), PO-18 (page)
#[test]
fn administrators_look_after_rooms_in_a_browser() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path(), "");
    let password = site.folder().join("root.pw");
    std::fs::write(&password, SENTENCE).unwrap();
    let password = password.display().to_string();
    let role = ["--role", "administrator", "--password-file", &password];
    site.server.cli(&[&["user", "add", ADMINISTRATOR][..], &role].concat());
    judged(&site, &["meets_now"]);
    let all = site.server.cli(&["meeting", "list"]);
    let then = all["items"].as_array().unwrap().iter().find(|one| one["subject"] == "Then").unwrap();
    let meeting = format!("/conferencing/meetings/{}", then["id"].as_str().unwrap());
    for width in [390, 1280] {
        let number = format!("80{width}");
        let seen = walk(
            &site.server.base(),
            &[],
            width,
            &json!([
                {"open": "/conferencing"}, {"fill": {"#name": ADMINISTRATOR, "#password": SENTENCE}}, {"click": "button"},
                {"axe": true}, {"shot": format!("conferencing-{width}")},
                {"open": "/conferencing/rooms"}, {"axe": true},
                {"open": "/conferencing/rooms/new"}, {"axe": true},
                {"fill": {"#name": format!("Board {width}"), "#number": number, "#passcode": "12"}}, {"click": ".sheet .primary"},
                {"axe": true}, {"shot": format!("room-refused-{width}")},
                {"fill": {"#passcode": "1234"}}, {"click": ".sheet .primary"},
                {"axe": true}, {"shot": format!("rooms-{width}")},
                {"click": "td a"}, {"axe": true}, {"click": "section button"}, {"axe": true},
                {"open": meeting}, {"axe": true}, {"shot": format!("meeting-{width}")},
                {"fill": {"#days": "200"}}, {"click": "form.line button"}, {"axe": true}, {"shot": format!("meeting-kept-{width}")},
                {"open": "/conferencing/policy"}, {"axe": true}, {"shot": format!("policy-{width}")},
                {"fill": {"#policy": "numbers = [\"7040-7049\"]\ndefault-conference-duration-minutes = 30"}}, {"click": ".sheet .primary"},
                {"axe": true}, {"shot": format!("policy-replay-{width}")},
                {"fill": {"#policy": "nonsense = 1"}}, {"click": ".sheet .primary"}, {"axe": true},
            ]),
        );
        assert_eq!((&seen["axe"], &seen["foreign"]), (&json!([]), &json!([])), "at {width} px: {seen:#}");
        let pages = seen["pages"].as_array().unwrap();
        let text = |at: usize| pages[at]["text"].as_str().unwrap_or_else(|| panic!("{seen:#}"));
        assert!(pages.iter().all(|page| page["overflow"].as_i64() <= Some(0)), "{seen:#}");
        assert!(
            text(1).contains("Watching") && text(1).contains("Then") && text(1).contains("Private meeting")
        );
        assert!(!text(1).contains("Salaries"), "{}", text(1));
        assert!(text(4).contains("passcode is not a valid one"), "{}", text(4));
        assert!(text(5).contains(&format!("Room {number} is saved")), "{}", text(5));
        assert!(text(7).contains(&format!("Room {number} is removed")), "{}", text(7));
        assert!(text(8).contains("accepted: room 7042 for alice@lab.example"), "{}", text(8));
        assert!(text(9).contains("Its room is kept for it"), "{}", text(9));
        assert!(text(10).contains("7040-7049") && text(10).contains("120 minutes"), "{}", text(10));
        assert!(text(11).contains("Of 3 invitations 0 would be accepted"), "{}", text(11));
        assert!(!text(11).contains("Salaries"), "{}", text(11));
        assert!(text(11).contains("Then") && text(11).contains("too long"), "{}", text(11));
        assert!(text(12).contains("nonsense"), "{}", text(12));
    }
    let seen: Value = site.server.cli(&["meeting-room", "list"]);
    assert_eq!(seen["items"], json!([]));
}

/// What the add-in meets inside Outlook, as far as it uses it: it notes what is asked of the meeting.
const OUTLOOK: &str = r#"
window.Office = (() => {
  const note = (text) => { const line = document.createElement("p"); line.textContent = text; document.body.querySelector("main").append(line); };
  const done = (value) => ({ status: "succeeded", value });
  const item = {
    location: { getAsync: (back) => back(done("")), setAsync: (place, back) => { note("location " + place); back(done()); } },
    body: { prependAsync: (text, options, back) => { note("body " + text); back(done()); } },
    requiredAttendees: { addAsync: (people, back) => { note("invited " + people.join()); back(done()); } },
  };
  return { AsyncResultStatus: { Succeeded: "succeeded" }, context: { mailbox: { item } }, onReady: (go) => go() };
})();
"#;

/// Serves a script to whoever asks, and gives its address.
fn served(script: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            // What is asked does not matter: there is one thing to have.
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                script.len()
            );
            let _ = stream.write_all(format!("{head}{script}").as_bytes());
        }
    });
    format!("http://{address}")
}

/// The add-in's manifest as Microsoft's packages from npm see it, as far as they work offline: the validator of
/// `office-addin-manifest` sends the XML to a service of Microsoft's, so that its reader, Microsoft's converter and the JSON
/// schema that they bring along judge here in its place. The add-in's pane inside of Outlook, where it puts the conference into the
/// meeting, and in a plain browser, where it shows the line to copy; and the line is understood.
///
/// Covers: PO-01
#[test]
fn the_add_in_puts_a_conference_into_a_meeting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let office = served(OUTLOOK);
    let site = site(folder.path(), &format!("office_library = \"{office}/office.js\"\n\n{LINKS}"));
    let mut pages = Pages::new(&site.server.base());
    let manifest = pages.get("/addin/manifest.xml");
    assert_eq!((manifest.status, manifest.header("content-type")), (200, "application/xml; charset=utf-8"));
    let file = site.folder().join("manifest.xml");
    std::fs::write(&file, &manifest.body).unwrap();
    let modules = source_root().join("target/browser");
    let order = json!({"modules": modules, "manifest": file, "folder": site.folder()});
    let script = source_root().join("tests/judges/addin_manifest.mjs");
    let output = Command::new(tool("node")).arg(script).arg(order.to_string()).output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["errors"], json!([]));
    assert_eq!(found["pages"], json!(["https://tieline.example/addin/?office=1"]));
    assert_eq!(found["read"]["permissions"], "ReadWriteItem");
    for icon in [16, 32, 64, 80, 128] {
        let seen = pages.get(&format!("/addin/icon-{icon}.png"));
        assert_eq!((seen.status, seen.header("content-type")), (200, "image/png"));
    }
    let fill = json!({"#number": "7049", "#passcode": "123456"});
    let seen = walk(
        &site.server.base(),
        &[&office],
        360,
        &json!([
            {"open": "/addin/?office=1"}, {"axe": true}, {"fill": fill},
            {"touch": "#into", "until": "Done. Send the meeting"}, {"axe": true}, {"shot": "addin-outlook"},
            {"open": "/addin/"}, {"fill": fill}, {"click": "#into"}, {"axe": true}, {"shot": "addin-plain"},
            {"open": "/addin/"}, {"fill": {"#number": "room 7"}}, {"click": "#into"}, {"axe": true},
        ]),
    );
    assert_eq!(
        (&seen["axe"], &seen["foreign"], &seen["errors"]),
        (&json!([]), &json!([]), &json!([])),
        "{seen:#}"
    );
    let walked = seen["pages"].as_array().unwrap();
    let text = |at: usize| walked[at]["text"].as_str().unwrap();
    let line = "[tieline-conference number=7049 passcode=123456]";
    assert!(text(0).contains("Put it into the meeting"), "{}", text(0));
    for part in ["location VMR 7049", &format!("body {line}"), "invited conference@lab.example"] {
        assert!(text(1).contains(part), "{part}: {}", text(1));
    }
    assert!(text(3).contains(line) && text(3).contains("conference@lab.example"), "{}", text(3));
    assert!(text(5).contains("digits only"), "{}", text(5));
}

/// Nothing in the manuals is there in two languages of which one could be behind.
///
/// Covers: PO-29
#[test]
fn english_governs_and_is_said_to() {
    let docs = source_root().join("docs");
    let manual = std::fs::read_to_string(docs.join("conferencing.md")).unwrap();
    assert!(manual.contains("The English text governs where a translation says something else"));
    let names = std::fs::read_dir(docs).unwrap().flatten().map(|one| one.file_name().into_string().unwrap());
    let translated: Vec<String> =
        names.filter(|name| [".de.", ".fr.", ".es."].iter().any(|tag| name.contains(tag))).collect();
    assert_eq!(translated, Vec::<String>::new());
}
