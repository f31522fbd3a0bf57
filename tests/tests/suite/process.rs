//! The server as a process: who may talk to it, what happens when it is started twice, and how it reads its file again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Server, one_line};

fn server(options: &Options) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    (Server::start(folder.path(), options), folder)
}

/// The admin socket is the administrator's door without a key: only the server's own user may open it, and it is gone when
/// the server is.
#[test]
fn the_admin_socket_belongs_to_the_servers_user_alone() {
    let (mut server, folder) = server(&Options::default());
    let mode = |name: &str| {
        let about = fs::metadata(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        about.permissions().mode() & 0o777
    };
    assert_eq!(mode("tieline.sock"), 0o600);
    assert_eq!(mode("tieline.key"), 0o600);
    server.stop();
    assert!(!folder.path().join("tieline.sock").exists());
    assert!(server.refused(&["status"]).contains("no server answers"));
}

/// A second server with the same configuration is refused in one line, and the first one works on.
#[test]
fn a_second_server_is_refused_and_the_first_one_stays() {
    let (mut server, folder) = server(&Options::default());
    let line = server.refused(&["serve"]);
    assert!(line.contains("127.0.0.1") || line.contains("tieline.sock"), "{line}");

    // Another port, the same socket: it must not take the socket away from the first one.
    let text = fs::read_to_string(server.config()).expect("the configuration");
    let other = folder.path().join("other.toml");
    let elsewhere = |line: &str| match line.split_once(" = ").map(|(name, _)| name) {
        Some("http") => "http = \"127.0.0.1:0\"\n".to_owned(),
        Some("udp" | "tcp") => String::new(),
        _ => format!("{line}\n"),
    };
    fs::write(&other, text.lines().map(elsewhere).collect::<String>()).expect("own folder");
    let mut second = std::process::Command::new(tieline_tests::tieline());
    second.args(["serve", "--config"]).arg(&other).current_dir(folder.path());
    let output = second.output().expect("tieline starts");
    assert_eq!(output.status.code(), Some(1));
    let line = one_line(&String::from_utf8_lossy(&output.stderr));
    assert!(line.contains("another server"), "{line}");
    server.cli(&["status"]);
    server.stop();
}

/// A socket file left by a process that was killed is no obstacle.
#[test]
fn a_killed_server_starts_again_at_once() {
    let (mut server, folder) = server(&Options::default());
    server.kill();
    assert!(folder.path().join("tieline.sock").exists(), "nobody tidied up");
    server.run();
    server.cli(&["status"]);
    server.stop();
}

/// SIGHUP: what can change changes, what needs a restart is named, and a file with a mistake changes nothing.
#[test]
fn a_reload_names_what_waits_for_a_restart() {
    let (mut server, _folder) = server(&Options::default());
    let good = fs::read_to_string(server.config()).expect("the configuration");
    let moved = good.replace("domain = \"lab.example\"", "domain = \"elsewhere.example\"");
    assert_ne!(moved, good);
    fs::write(server.config(), moved).expect("own folder");
    let checked = server.cli(&["config", "check"]);
    assert_eq!(
        checked["restart"],
        serde_json::json!(["sip.domain"]),
        "told before anything is taken up: {checked}"
    );
    let reloaded = server.cli(&["config", "reload"]);
    assert_eq!(reloaded["restart"], checked["restart"], "{reloaded}");
    server.process().signal("HUP");
    let line = eventually("the settings", || {
        server.log().lines().find(|line| line.contains("wait for a restart")).map(str::to_owned)
    });
    assert!(line.contains("sip.domain") && !line.contains("store"), "{line}");

    let at = 1 + good.lines().position(|line| line.starts_with("stop_within_s")).expect("it is set");
    fs::write(server.config(), good.replace("stop_within_s = 10", "stop_within_s = \"ten\""))
        .expect("own folder");
    server.process().signal("HUP");
    let line = eventually("the refusal", || {
        server.log().lines().find(|line| line.contains("configuration kept as it was")).map(str::to_owned)
    });
    assert!(line.contains(&format!("tieline.toml:{at}")) && line.contains("Next: "), "{line}");
    fs::write(server.config(), good).expect("own folder");
    server.cli(&["status"]);
    server.stop();
}
