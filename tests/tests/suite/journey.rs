//! A voice message's way: deposited, lit, opened in a mail client nobody here wrote, and the light goes out.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::recording::{Heard, converted, spoken};
use tieline_tests::site::Site;
use tieline_tests::tool;

const CALLER: &str = "+49301234567";

fn deposit(site: &Site, name: &str) -> (Value, PathBuf) {
    let recording =
        spoken(site.folder(), name, "Hello Alice, this is Bob. Please call me back about the invoice.");
    (site.deposit(&recording, "1001", CALLER), recording)
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}"))
}

/// What exchangelib should find: one message as deposited.
fn expected(message: &Value) -> Value {
    let seconds = message["duration_ms"].as_u64().expect("a voice message has a duration").div_ceil(1000);
    json!([{"number": CALLER, "duration_s": seconds}])
}

/// The whole way, looked at from every side: the phone, a mail client, the API and the explanation.
///
/// Covers: AV-02, AV-03, AV-09 (mailbox, API), AV-10, AV-13, AV-87
#[test]
fn a_voice_message_reaches_the_mailbox_and_the_light_follows() {
    let site = Site::start();
    let (message, recording) = deposit(&site, "hello");
    site.wait_lamp("alice", true, 1, 0);
    site.wait_delivered(id(&message));

    let saved = site.folder().join("saved.wav");
    let checks =
        ["finds_what_was_delivered", "reads_the_body", "searches", "plays_the_recording", "marks_it_read"];
    let told = json!({"expect": expected(&message), "save_to": saved, "pcm": true});
    Judge::new("exchangelib_voicemail.py").arg(site.judged_by("alice", &checks, told)).run();
    assert!(Heard::in_file(&saved).like(&Heard::in_file(&recording)));

    site.wait_lamp("alice", false, 0, 1);
    assert_eq!(site.wait_state(id(&message), "read")["state"], "read");
    let shown = site.server.rest("read").get(&format!("/api/v1/messages/{}", id(&message))).ok();
    assert_eq!((&shown["state"], &shown["delivery"]["state"]), (&json!("read"), &json!("delivered")));

    let explained = site.server.cli(&["explain", id(&message)]);
    assert_eq!(explained["trace"], message["trace"]);
    assert!(explained["chain"].as_array().is_some_and(|chain| chain.len() >= 3), "{explained:#}");
    let by_trace = site.server.cli(&["explain", message["trace"].as_str().expect("a trace id")]);
    assert_eq!(by_trace["chain"], explained["chain"]);
}

/// Deleting in a mail client, three ways.
///
/// Covers: AV-10 (delete), AV-13 (delete)
#[test]
fn deleting_in_a_mail_client_deletes_here_and_puts_the_light_out() {
    let site = Site::start();
    for how in ["moves_it_to_deleted_items", "soft_deletes_it", "deletes_it_for_good"] {
        let (message, _) = deposit(&site, how);
        site.wait_delivered(id(&message));
        site.wait_lamp("alice", true, 1, 0);
        Judge::new("exchangelib_voicemail.py").arg(site.judged_by("alice", &[how], json!({}))).run();
        site.wait_state(id(&message), "deleted");
        site.wait_lamp("alice", false, 0, 0);
    }
}

/// A rule moves the message into another folder: it is neither lost nor taken for deleted, and reading it there counts.
///
/// Covers: AV-72 (moved)
#[test]
fn a_message_that_a_rule_moved_is_still_followed() {
    let site = Site::start();
    let (message, _) = deposit(&site, "moved");
    site.wait_delivered(id(&message));
    site.wait_lamp("alice", true, 1, 0);
    let told = |checks: &[&str]| site.judged_by("alice", checks, json!({"folder": "From the telephone"}));
    Judge::new("exchangelib_voicemail.py").arg(told(&["moves_it_as_a_rule_would"])).run();
    Judge::new("exchangelib_voicemail.py").arg(told(&["marks_it_read_in_that_folder"])).run();
    site.wait_state(id(&message), "read");
    site.wait_lamp("alice", false, 0, 1);
    assert_eq!(site.message(id(&message))["delivery"]["state"], "delivered");
}

/// What is done in Tieline shows in the mail client: read, unread, deleted.
///
/// Covers: AV-10 (from here), X-01
#[test]
fn reading_and_deleting_here_shows_in_the_mail_client() {
    let site = Site::start();
    let (message, _) = deposit(&site, "here");
    site.wait_delivered(id(&message));
    let seen = |expect: Value| {
        let told = site.judged_by("alice", &["becomes"], json!({"expect": expect}));
        Judge::new("exchangelib_voicemail.py").arg(told).run();
    };
    let mut one = expected(&message);
    site.server.cli(&["voicemail", "read", id(&message)]);
    one[0]["read"] = json!(true);
    seen(one.clone());
    site.wait_lamp("alice", false, 0, 1);
    site.server.cli(&["voicemail", "unread", id(&message)]);
    one[0]["read"] = json!(false);
    seen(one);
    site.wait_lamp("alice", true, 1, 0);
    site.server.cli(&["voicemail", "delete", id(&message)]);
    seen(json!([]));
    site.wait_lamp("alice", false, 0, 0);
}

/// Messages born in Exchange stay there: ordinary ones, forged voice messages, and copies of real ones with all their marks.
///
/// Covers: AV-86, AV-88
#[test]
fn nothing_born_in_exchange_is_copied_here() {
    let site = Site::start();
    let (message, _) = deposit(&site, "real");
    site.wait_delivered(id(&message));
    site.wait_lamp("alice", true, 1, 0);
    let checks = ["sends_an_ordinary_message", "forges_a_voice_message"];
    Judge::new("exchangelib_voicemail.py")
        .arg(site.judged_by("alice", &checks, json!({"copy": false})))
        .run();

    // A second deposit passes through the same change stream behind the forgeries: once it is in, they were looked at.
    let recording = spoken(site.folder(), "second", "The second one.");
    let second = site.deposit(&recording, "1001", "+49309876543");
    site.wait_delivered(id(&second));
    site.wait_lamp("alice", true, 2, 0);
    Judge::new("exchangelib_voicemail.py")
        .arg(site.judged_by("alice", &["marks_it_read"], json!({"number": "+49309876543"})))
        .run();
    site.wait_lamp("alice", true, 1, 1);

    let ids: Vec<Value> = site.messages("1001").iter().map(|message| message["id"].clone()).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.contains(&message["id"]) && ids.contains(&second["id"]));
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool(program)).args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a temporary path is text")
}

/// Every Voice Format arrives with the length and loudness it was recorded with.
///
/// Covers: AV-38
#[test]
fn every_voice_format_arrives_as_long_and_as_loud() {
    let site = Site::start();
    let recording = spoken(site.folder(), "speech", "One, two, three. This is how the message should sound.");
    let original = Heard::in_file(&recording);
    for (format, extension, encoding) in [
        ("pcm-wav", "wav", "Signed Integer PCM"),
        ("g711-ulaw-wav", "wav", "u-law"),
        ("g711-alaw-wav", "wav", "A-law"),
        ("gsm-wav", "wav", "GSM"),
        ("mp3", "mp3", "MPEG audio (layer I, II or III)"),
        ("opus", "opus", "codec_name=opus"),
    ] {
        site.server.cli(&["endpoint", "edit", "lab", "--voice-format", format]);
        let message = site.deposit(&recording, "1001", CALLER);
        site.wait_delivered(id(&message));
        let saved = site.folder().join(format!("{format}.{extension}"));
        let told = json!({"save_to": saved});
        Judge::new("exchangelib_voicemail.py")
            .arg(site.judged_by("alice", &["plays_the_recording"], told))
            .run();
        let plain = site.folder().join(format!("{format}-plain.wav"));
        let told = match format {
            // Debian's sox reads no Opus: ffmpeg says what it is and opens it, sox measures what was in it.
            "opus" => {
                said_by("ffmpeg", &["-v", "error", "-i", path(&saved), path(&plain)]);
                said_by("ffprobe", &["-v", "error", "-show_streams", path(&saved)])
            }
            _ => {
                converted(&saved, &plain, &["-e", "signed-integer"]);
                said_by("soxi", &[path(&saved)])
            }
        };
        let heard = Heard::in_file(&plain);
        assert!(heard.like(&original), "{format}: {heard:?} instead of {original:?}");
        assert!(told.contains(encoding), "{format}: {told}");
        site.server.cli(&["voicemail", "delete", id(&message)]);
        Judge::new("exchangelib_voicemail.py")
            .arg(site.judged_by("alice", &["becomes"], json!({"expect": []})))
            .run();
    }
}
