//! The tour that a newcomer sees first.

use std::process::Command;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::{Running, run};
use tieline_tests::recording::spoken;

fn steps(said: &str) -> Vec<Value> {
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Every step of it holds and says how long it took, with the built-in recording and with the visitor's own.
#[test]
fn every_step_of_the_tour_holds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = spoken(folder.path(), "own", "This is my own recording.");
    for more in [&[][..], &["--voicemail".into(), own.into_os_string()]] {
        let mut demo = Command::new(tieline_tests::tieline());
        let said = run(demo.args(["demo", "--once", "--json"]).args(more).current_dir(folder.path()));
        let steps = steps(&said);
        for step in &steps {
            assert_eq!(step["ok"], true, "{step:#}");
            assert!(step["ms"].is_u64() && step["detail"].is_object(), "{step:#}");
        }
        let messaging = steps.iter().filter(|step| step["job"] == "messaging");
        let names: Vec<&str> = messaging.filter_map(|step| step["step"].as_str()).collect();
        for wanted in ["deposit", "light-on", "item-in-inbox", "light-off", "crash", "explain"] {
            assert!(names.contains(&wanted), "no step {wanted} in {names:?}");
        }
        let in_step = steps.iter().filter(|step| step["job"] == "contacts-and-calendars");
        let names: Vec<&str> = in_step.filter_map(|step| step["step"].as_str()).collect();
        assert_eq!(names, ["plan", "apply", "merge", "undo", "location"]);
        let quick_call = steps.iter().filter(|step| step["job"] == "quick-call");
        let names: Vec<&str> = quick_call.filter_map(|step| step["step"].as_str()).collect();
        assert_eq!(names, ["targets", "directory", "sign-in", "form", "hostile", "registry-file"]);
        let rooms = steps.iter().filter(|step| step["job"] == "conferencing");
        let names: Vec<&str> = rooms.filter_map(|step| step["step"].as_str()).collect();
        let wanted = ["room-given", "room-declined", "room-proposed", "room-now", "dial-refused", "dial-in"];
        assert_eq!(names, wanted);
    }
    // Nothing is left behind where it was called from.
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("own folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with("own")), "{left:?}");
}

/// For people it is a story: a line a step with a tick and milliseconds, and at the end the settings for a mail client, which
/// hold as long as the demo stays up.
#[test]
fn the_tour_reads_as_a_story_and_stays_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(tieline_tests::tieline());
    command.arg("demo").env("NO_COLOR", "1").current_dir(folder.path());
    let mut demo = Running::start("demo", &mut command, folder.path());
    let log = folder.path().join("demo.log");
    let address = demo.wait_until("settings for a mail client", || {
        let said = std::fs::read_to_string(&log).ok()?;
        let ews = said
            .split_whitespace()
            .find(|word| word.starts_with("http://") && word.contains("/EWS/Exchange.asmx"))?;
        said.contains("lab-password").then(|| ews.trim_matches(',').to_owned())
    });
    let said = demo.output();
    let ticks: Vec<&str> = said.lines().filter(|line| line.contains('✓')).collect();
    assert!(ticks.len() >= 6 && ticks.iter().all(|line| line.trim_end().ends_with(" ms")), "{said}");
    assert!(!said.contains('✗'), "{said}");
    let told = json!({"ews": address, "address": "alice@lab.example", "password": "lab-password",
                      "checks": ["sends_an_ordinary_message"]});
    Judge::new("exchangelib_voicemail.py").arg(told.to_string()).run();
    demo.stop();
}
