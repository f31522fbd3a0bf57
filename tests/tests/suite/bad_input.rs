//! What goes wrong at the edges: one clear line each (what, where, what next), and nothing already accepted is lost.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::lab::PASSWORD;
use tieline_tests::postgres::Cluster;
use tieline_tests::process::{eventually, run};
use tieline_tests::recording::spoken;
use tieline_tests::site::{Options, Server, Site, host_and_port, one_line};
use tieline_tests::{port, tool};

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}")).to_owned()
}

#[test]
fn broken_recordings_and_unknown_mailboxes_are_refused_in_one_line() {
    let site = Site::start();
    let whole = fs::read(spoken(site.folder(), "whole", "All of it.")).expect("just spoken");
    for (name, content) in [
        ("empty.wav", &b""[..]),
        ("text.wav", b"Dear Alice, this is no recording."),
        ("header.wav", &whole[..20]),
        ("claims-too-much.wav", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff\x01\x00"),
        ("program.wav", b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    ] {
        let file = site.folder().join(name);
        fs::write(&file, content).expect("the site's folder can be written");
        let line =
            site.server.refused(&["voicemail", "deposit", &file.display().to_string(), "--mailbox", "1001"]);
        assert!(!line.contains("panicked"), "{line}");
    }
    let good = site.folder().join("whole.wav").display().to_string();
    let line = site.server.refused(&["voicemail", "deposit", &good, "--mailbox", "9999"]);
    assert!(line.contains("9999"), "{line}");
    let line = site.server.refused(&["voicemail", "deposit", "absent.wav", "--mailbox", "1001"]);
    assert!(line.contains("absent.wav"), "{line}");
    assert!(site.messages("1001").is_empty());

    let rest = site.server.rest("deposit");
    let message = json!({"mailbox": "1001", "kind": "voice"});
    let refused = rest.try_deposit(&message, "text.wav", b"no recording").expect("an answer");
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert!(refused.content_type.starts_with("application/problem+json"), "{refused:?}");
    for field in ["title", "detail", "next"] {
        assert!(refused.body[field].as_str().is_some_and(|text| !text.is_empty()), "{refused:?}");
    }
}

/// The password is wrong: checks say so in one line, accepted messages wait with the cause shown, and go when it is right.
#[test]
fn a_wrong_password_is_named_and_loses_nothing() {
    let site = Site::start();
    let wrong = site.password_file("something else");
    site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &wrong]);
    let output = site.server.command(&["mailbox", "check", "1001"]);
    assert_eq!(output.status.code(), Some(1));
    let line = one_line(&String::from_utf8_lossy(&output.stderr));
    assert!(line.contains("svc-tieline@lab.example"), "{line}");
    assert!(!line.contains("something else"), "{line}");

    let message = id(&site.deposit(&spoken(site.folder(), "waits", "I can wait."), "1001", "5551234"));
    site.wait_lamp("alice", true, 1, 0);
    eventually("a cause", || {
        let shown = site.message(&message);
        (shown["delivery"]["cause"].as_str().is_some_and(|cause| cause.contains("svc-tieline"))).then_some(())
    });
    let right = site.password_file(PASSWORD);
    site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &right]);
    site.wait_delivered(&message);
}

#[test]
fn unreachable_and_foreign_servers_are_refused_in_one_line() {
    let site = Site::bare(&Options::default());
    let closed = port::free().to_string();
    let add = |name: &str, port: &str, scheme: &[&str]| {
        let words = ["endpoint", "add", name, "ews:127.0.0.1", "--port", port];
        site.server.refused(&[&words[..], scheme].concat())
    };
    let line = add("closed", &closed, &["--http"]);
    assert!(line.contains(&closed), "{line}");

    let web = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = web.local_addr().expect("an address").port().to_string();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let page = "<!DOCTYPE html><html><body>A web server, but no mail server</body></html>";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    let line = add("web", &port, &["--http"]);
    assert!(line.contains("EWS"), "{line}");

    let (_, https) = host_and_port(site.lab.ews_https());
    let line = add("untrusted", &https, &[]);
    assert!(line.contains("certificate"), "{line}");
    let ca = site.lab.certificate().display().to_string();
    site.server.cli(&["endpoint", "add", "trusted", "ews:127.0.0.1", "--port", &https, "--ca", &ca]);
}

/// A typing error in the configuration file: file, line and what is known, from `config check` and from `serve` alike.
#[test]
fn a_typing_error_in_the_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::prepare(
        folder.path(),
        &Options { more: "[limits]\nrecording_byte = 5\n".into(), ..Options::default() },
    );
    let text = fs::read_to_string(server.config()).expect("just written");
    let line = 1 + text.lines().position(|line| line.starts_with("recording_byte")).expect("just written");
    for command in [&["config", "check"][..], &["serve"]] {
        let said = server.refused(command);
        assert!(said.contains(&format!("tieline.toml:{line}")), "{said}");
        assert!(said.contains("recording_bytes"), "{said}");
    }
}

/// PostgreSQL goes away and comes back: deposits are refused in one line meanwhile, nothing accepted is lost, and work goes
/// on without a restart.
#[test]
fn a_postgresql_that_goes_away_loses_nothing() {
    let mut cluster = Cluster::start();
    let database = cluster.database();
    let site = Site::with(&Options { store: Some(database.url()), ..Options::default() });
    let recording = spoken(site.folder(), "short", "Call me.");
    // The mail server is busy, so that work is in hand when the database goes.
    site.lab.fault(&json!({"fault": "http503", "operation": "CreateItem"}));
    let before = id(&site.deposit(&recording, "1001", "111"));
    cluster.go_away();
    let file = recording.display().to_string();
    let line = site.server.refused(&["voicemail", "deposit", &file, "--mailbox", "1001", "--from", "222"]);
    assert!(line.to_lowercase().contains("postgresql") || line.contains("database"), "{line}");
    let ready = site.server.anonymous().get("/readyz");
    assert_eq!(ready.status, 503, "{ready:?}");
    cluster.come_back();
    site.lab.clear_faults();
    let after = eventually("a deposit after the return", || {
        let output = site.server.command(&[
            "voicemail",
            "deposit",
            &file,
            "--mailbox",
            "1001",
            "--from",
            "333",
            "--json",
        ]);
        output.status.success().then(|| serde_json::from_slice::<Value>(&output.stdout).expect("JSON"))
    });
    site.wait_delivered(&before);
    site.wait_delivered(&id(&after));
    let told = json!({"expect": [{"number": "333"}, {"number": "111"}]});
    Judge::new("exchangelib_voicemail.py").arg(site.judged_by("alice", &["becomes"], told)).run();
}

/// The disk is full: deposits are refused in one line, what was accepted before is delivered, and with room again new ones
/// are taken without a restart.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let small = folder.path().join("small");
    fs::create_dir(&small).expect("own folder");
    let store = format!("sqlite:{}", small.join("tieline.db").display());
    let mut server = Server::prepare(folder.path(), &Options { store: Some(store), ..Options::default() });
    server.spawn_on_small_disk(&small, 4);
    server.wait_ready();
    let site = Site::around(server, folder);
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1001", "alice", &[&site.lab.phone_uri("alice")]);
    site.lab.fault(&json!({"fault": "http503", "operation": "CreateItem"}));

    let recording =
        spoken(site.folder(), "long", &"This fills the disk before long. ".repeat(12)).display().to_string();
    let mut accepted = Vec::new();
    let line = loop {
        let from = format!("+49{:04}", accepted.len());
        let words = ["voicemail", "deposit", &recording, "--mailbox", "1001", "--from", &from];
        let output = site.server.command(&words);
        if !output.status.success() {
            break one_line(&String::from_utf8_lossy(&output.stderr));
        }
        accepted.push(from);
        assert!(accepted.len() < 100, "4 MB never fill");
    };
    assert!(line.contains("full") || line.contains("space"), "{line}");
    assert!(!accepted.is_empty());
    site.server.grow_small_disk(&small, 64);
    site.lab.clear_faults();
    accepted.push("+490000000".to_owned());
    eventually("a deposit with room again", || {
        let words = ["voicemail", "deposit", &recording, "--mailbox", "1001", "--from", "+490000000"];
        site.server.command(&words).status.success().then_some(())
    });
    eventually("everything delivered", || {
        let listed = site.messages("1001");
        (listed.len() == accepted.len() && listed.iter().all(|m| m["delivery"]["state"] == "delivered"))
            .then_some(())
    });
    let told = json!({"numbers": accepted});
    Judge::new("exchangelib_voicemail.py")
        .arg(site.judged_by("alice", &["holds_each_exactly_once"], told))
        .run();
}

/// Wrong usage is exit code 2; no server is exit code 1 with the way to start one.
#[test]
fn the_command_line_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::prepare(folder.path(), &Options::default());
    assert!(server.refused(&["mailbox", "list"]).contains("tieline serve"));
    assert_eq!(server.command(&["mailbox", "liszt"]).status.code(), Some(2));
    let help = run(Command::new(tieline_tests::tieline()).arg("--help"));
    for noun in [
        "demo",
        "lab",
        "serve",
        "config",
        "db",
        "endpoint",
        "feature-group",
        "mailbox",
        "voicemail",
        "explain",
    ] {
        assert!(help.contains(noun), "{noun}");
    }
    assert!(tool("unshare").is_file());
}
