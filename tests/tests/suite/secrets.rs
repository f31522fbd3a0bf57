//! The key of the passwords at rest, changed while everything runs.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;
use tieline_tests::recording::spoken;
use tieline_tests::seed::Seeded;
use tieline_tests::site::Site;

fn keys(site: &Site) -> usize {
    let text = fs::read_to_string(site.folder().join("tieline.key")).expect("the key file");
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count()
}

/// Rotated while messages are delivered; the old key goes when nothing needs it, and the file is still its owner's only.
///
/// Covers: AV-06 (rotated without downtime)
#[test]
fn the_key_is_rotated_while_messages_are_delivered() {
    let site = Site::start();
    let before = site.server.cli(&["secret", "list"]);
    assert_eq!((&before["keys"], &before["behind"]), (&json!(1), &json!(0)), "{before}");
    assert!(!before.to_string().contains("lab-password"));
    let recording = spoken(site.folder(), "short", "Call me.");
    let first = site.deposit(&recording, "1001", "111");
    let rotated = site.server.cli(&["secret", "rotate"]);
    assert_eq!(
        (&rotated["resealed"], &rotated["resumed"], keys(&site)),
        (&json!(1), &json!(false), 2),
        "{rotated}"
    );
    assert_ne!(rotated["key"], before["key"]);
    let dropped = site.server.cli(&["secret", "rotate", "--drop-old-keys"]);
    assert_eq!((&dropped["dropped"], keys(&site)), (&json!(2), 1), "{dropped}");
    let second = site.deposit(&recording, "1001", "222");
    for message in [first, second] {
        site.wait_delivered(message["id"].as_str().expect("an id"));
    }
    let mode = fs::metadata(site.folder().join("tieline.key")).expect("the key file").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

/// Killed at any moment of a rotation, the server starts again with everything readable, and the same command finishes.
///
/// Covers: AV-06 (killed in the middle)
#[test]
fn a_rotation_survives_being_killed_at_any_moment() {
    let mut site = Site::start();
    let mut random = Seeded::for_test("a_rotation_survives_being_killed_at_any_moment");
    let kills = std::env::var("TIELINE_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(5);
    for round in 0..kills {
        let mut rotating = Command::new(tieline_tests::tieline())
            .args(["secret", "rotate", "--config"])
            .arg(site.server.config())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tieline starts");
        std::thread::sleep(std::time::Duration::from_micros(random.next_u64() % 60_000));
        site.server.kill();
        rotating.wait().expect("the command ends");
        site.server.run();
        site.server.cli(&["secret", "rotate"]);
        let listed = site.server.cli(&["secret", "list"]);
        assert_eq!(listed["behind"], 0, "round {round}: {listed}");
        site.server.cli(&["secret", "drop-old-keys"]);
        assert_eq!(keys(&site), 1, "round {round}");
    }
    let message = site.deposit(&spoken(site.folder(), "after", "After it all."), "1001", "111");
    site.wait_delivered(message["id"].as_str().expect("an id"));
}
