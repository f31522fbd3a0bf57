//! Running it: how it is doing, reload, graceful stop, tokens, and settings as documents.

use std::fs;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::lab::PASSWORD;
use tieline_tests::process::eventually;
use tieline_tests::recording::spoken;
use tieline_tests::site::{Options, Server, Site};

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}")).to_owned()
}

/// Where an address is set for it, Exchange posts its notifications and nothing hangs; a stranger's post is told to end.
#[test]
fn exchange_posts_its_notifications_where_an_address_is_set() {
    let site = Site::with(&Options { push: true, ..Options::default() });
    let message = id(&site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111"));
    site.wait_delivered(&message);
    let posted = |line: &&str| {
        line.starts_with("tieline_http_request_seconds_count{")
            && line.contains("route=\"/ews/push/{token}\"")
            && line.contains("status=\"200\"")
    };
    eventually("a post", || {
        let metrics = site.server.anonymous().get("/metrics").body;
        let line = metrics.as_str()?.lines().find(posted)?.to_owned();
        // The first only says that the subscription stands.
        line.rsplit(' ').next()?.parse::<u32>().ok().filter(|count| *count > 1)
    });
    let hanging = |record: &Value| record["operation"] == "GetStreamingEvents";
    assert!(!site.lab.requests().iter().any(hanging));
    let told = site.server.anonymous().upload("/ews/push/guessed", "text/xml", "<nonsense/>");
    assert_eq!(told.status, 200);
    assert!(told.body.as_str().is_some_and(|body| body.contains("Unsubscribe")), "{told:?}");
}

/// Lag of each kind with p50 and p99, depth and age of the queues while the mail server is busy, and the same figures for
/// Prometheus.
///
/// Covers: AV-89, AV-90
#[test]
fn load_and_lag_are_measured_and_shown() {
    let site = Site::start();
    let recording = spoken(site.folder(), "short", "Call me.");
    let delivered = id(&site.deposit(&recording, "1001", "111"));
    site.wait_delivered(&delivered);
    let lag = &site.server.cli(&["status"])["lag"]["delivered-voice"].clone();
    assert!(lag["p50_ms"].is_u64() && lag["p99_ms"].as_u64() >= lag["p50_ms"].as_u64(), "{lag}");

    site.lab
        .fault(&json!({"fault": "server-busy", "back_off_ms": 3000, "operation": "CreateItem", "count": 1}));
    let began = site.lab.requests().len();
    let waiting =
        [id(&site.deposit(&recording, "1001", "222")), id(&site.deposit(&recording, "1001", "333"))];
    let deliver = eventually("a queue", || {
        let queues = site.server.cli(&["status"])["queues"].clone();
        (!queues["deliver"].is_null()).then(|| queues["deliver"].clone())
    });
    assert!(deliver.to_string().contains(char::is_numeric), "{deliver}");
    for message in &waiting {
        site.wait_delivered(message);
    }
    let creates: Vec<u64> = site.lab.requests()[began..]
        .iter()
        .filter(|request| request["operation"] == "CreateItem")
        .map(|request| request["at_ms"].as_u64().expect("a time"))
        .collect();
    assert!(creates.len() >= 3 && creates[1] - creates[0] >= 3000, "BackOff is obeyed: {creates:?}");

    let metrics = site.server.anonymous().get("/metrics");
    let text = metrics.body.as_str().unwrap_or_default().to_owned();
    for name in ["tieline_deposits_total", "tieline_ews_requests_total", "tieline_job_wait_seconds"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(!text.contains("alice"), "no names of people in metrics");
    assert_eq!(site.server.anonymous().get("/healthz").status, 200);
}

/// SIGHUP: a good file is taken up, a bad one is refused in one line and the old settings stay; the server goes on.
#[test]
fn a_reload_is_taken_whole_or_not_at_all() {
    let mut site = Site::start();
    let good = fs::read_to_string(site.server.config()).expect("the configuration");
    fs::write(site.server.config(), format!("{good}\n[logg]\nfilter = \"debug\"\n")).expect("writable");
    site.server.process().signal("HUP");
    eventually("the refusal", || site.server.log().contains("logg").then_some(()));
    fs::write(site.server.config(), format!("{good}\n[log]\nfilter = \"debug\"\n")).expect("writable");
    site.server.process().signal("HUP");
    eventually("debug lines", || site.server.log().contains("\"DEBUG\"").then_some(()));
    let message = id(&site.deposit(&spoken(site.folder(), "after", "After the reload."), "1001", "111"));
    site.wait_delivered(&message);
    site.server.stop();
}

/// SIGTERM with work in hand: it ends in time with exit code 0, and after the next start everything is there once.
#[test]
fn a_graceful_stop_with_work_in_hand_loses_and_doubles_nothing() {
    let mut site = Site::start();
    let recording = spoken(site.folder(), "short", "Call me.");
    site.lab.fault(&json!({"fault": "slow", "operation": "CreateItem", "delay_ms": 1500}));
    let numbers: Vec<String> = (0..5).map(|n| format!("+4930{n}")).collect();
    let messages: Vec<String> =
        numbers.iter().map(|number| id(&site.deposit(&recording, "1001", number))).collect();
    site.server.stop();
    site.lab.clear_faults();
    site.server.run();
    for message in &messages {
        site.wait_delivered(message);
    }
    let told = site.judged_by("alice", &["holds_each_exactly_once"], json!({"numbers": numbers}));
    Judge::new("exchangelib_voicemail.py").arg(told).run();
}

/// Tokens: none, a wrong one, one with too small a role, and one that was removed are refused with the way to a good one.
#[test]
fn tokens_open_what_their_role_may_and_nothing_more() {
    let site = Site::start();
    assert_eq!(site.server.anonymous().get("/api/v1/mailboxes").status, 401);
    assert_eq!(site.server.anonymous().with_token("guessed").get("/api/v1/mailboxes").status, 401);
    let read = site.server.rest("read");
    read.get("/api/v1/mailboxes/1001").ok();
    let refused = read.patch("/api/v1/mailboxes/1001", &json!({"display_name": "Alice"}));
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(
        refused.body["next"].as_str().is_some_and(|next| next.contains("tieline token add")),
        "{refused:?}"
    );
    let tokens = site.server.cli(&["token", "list"]);
    let token = tokens["items"][0]["id"].as_str().expect("an id").to_owned();
    site.server.cli(&["token", "remove", &token]);
    assert_eq!(read.get("/api/v1/mailboxes/1001").status, 401);
    assert_eq!(
        site.server.anonymous().get("/api/v1/openapi.json").ok()["openapi"].as_str().map(|v| &v[..2]),
        Some("3.")
    );
}

/// Settings leave as one document and make another server the same, all or nothing; a version can be gone back to.
///
/// Covers: AV-15, AV-45
#[test]
fn settings_travel_as_one_document_and_versions_can_be_restored() {
    let site = Site::start();
    let document = site.server.cli(&["config", "export"]);
    assert!(!document.to_string().contains(PASSWORD), "passwords stay");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let other = Server::start(folder.path(), &Options::default());
    let file = folder.path().join("settings.json");
    // The version belongs to the server that it was exported from: with it, only that version is replaced.
    let file = file.display().to_string();
    fs::write(&file, document.to_string()).expect("own folder");
    assert!(other.refused(&["config", "apply", &file]).contains("version"));
    let mut portable = document.clone();
    portable.as_object_mut().expect("an object").remove("version");
    fs::write(&file, portable.to_string()).expect("own folder");
    let planned = other.cli(&["config", "apply", &file, "--dry-run"]);
    assert!(planned["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{planned}");
    assert_eq!(other.cli(&["mailbox", "list"])["items"], json!([]), "a dry run changes nothing");
    other.cli(&["config", "apply", &file]);
    let copied = other.cli(&["config", "export"]);
    for noun in ["endpoints", "feature_groups", "mailboxes"] {
        assert_eq!(copied[noun], document[noun]);
    }
    let mut newer = portable.clone();
    newer["form"] = json!(99);
    fs::write(&file, newer.to_string()).expect("own folder");
    let refused = other.refused(&["config", "apply", &file]);
    assert!(refused.contains("form 99") && refused.contains("upgrade"), "{refused}");
    let mut broken = portable;
    broken["mailboxes"][0]["feature_group"] = json!("fg_00000000000000000000000000000000");
    broken["endpoints"][0]["name"] = json!("must not be taken alone");
    fs::write(&file, broken.to_string()).expect("own folder");
    other.refused(&["config", "apply", &file]);
    assert_eq!(other.cli(&["config", "export"])["endpoints"], document["endpoints"], "all or nothing");

    let before = site.server.cli(&["config", "versions"])["items"][0]["version"].to_string();
    site.server.cli(&["mailbox", "edit", "1001", "--name", "Alice Adams"]);
    site.server.cli(&["config", "roll-back", &before]);
    assert_eq!(site.server.cli(&["mailbox", "show", "1001"])["display_name"], "");
}

/// The service account's password changes in Exchange's sense while everything runs: the old one stops, the new one holds at
/// once, without a restart, and nothing accepted is lost. An account without the right to impersonate is refused by name.
///
/// Covers: X-19 (rotation, scope)
#[test]
fn passwords_are_rotated_live_and_an_account_without_the_right_is_refused() {
    let site = Site::start();
    let recording = spoken(site.folder(), "short", "Call me.");
    let pid = site.lab.ready()["pid"].clone();
    for (round, password) in ["outdated", PASSWORD, "outdated again", PASSWORD].iter().enumerate() {
        let file = site.password_file(password);
        site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &file]);
        let message = id(&site.deposit(&recording, "1001", &format!("{round}")));
        if *password == PASSWORD {
            site.wait_delivered(&message);
        }
    }
    eventually("all four", || {
        site.messages("1001").iter().all(|message| message["delivery"]["state"] == "delivered").then_some(())
    });
    assert_eq!(site.lab.ready()["pid"], pid);

    site.server.cli(&["feature-group", "edit", "Staff", "--account", "bob@lab.example"]);
    let file = site.password_file(PASSWORD);
    site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &file]);
    let checked = site.server.command(&["mailbox", "check", "1001"]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("ApplicationImpersonation") && said.contains("alice@lab.example"), "{said}");
}

/// The source's account with rights over every mailbox works; the check says what it could do in wrong hands, scores the
/// precautions, and the score is better where the role is scoped.
///
///
#[test]
fn an_all_powerful_account_works_and_is_scored_lower_than_a_scoped_one() {
    let site = Site::start();
    let message = id(&site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111"));
    site.wait_delivered(&message);
    let check = |outside: &str| {
        let words = ["feature-group", "check", "Staff", "--outside", outside, "--json"];
        let output = site.server.command(&words);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer = said.lines().find_map(|line| {
            serde_json::from_str::<Value>(line).ok().filter(|answer| answer["precautions"].is_u64())
        });
        answer.unwrap_or_else(|| panic!("no score: {said}{}", String::from_utf8_lossy(&output.stderr)))
    };
    let finding = |answer: &Value, name: &str| {
        let findings = answer["findings"].as_array().into_iter().flatten();
        findings.clone().find(|finding| finding["name"] == name).cloned().unwrap_or_default()
    };
    // Carol is not in the group, and the lab's service account may act for everybody.
    let wide = check("carol@lab.example");
    assert_eq!(finding(&wide, "impersonation")["ok"], true, "{wide}");
    assert_eq!(finding(&wide, "scope")["ok"], false, "{wide}");
    assert!(finding(&wide, "scope").to_string().contains("CustomRecipientWriteScope"), "{wide}");
    assert_eq!(finding(&wide, "password")["ok"], true, "{wide}");
    let as_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    assert_eq!(finding(&wide, "process user")["ok"], !as_root, "{wide}");

    let scoped = check("stranger@elsewhere.example");
    assert_eq!(finding(&scoped, "scope")["ok"], true, "{scoped}");
    assert_eq!(scoped["precautions"].as_u64(), wide["precautions"].as_u64().map(|taken| taken + 1));
}
