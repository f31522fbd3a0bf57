//! Organizers invite the conference mailbox and are answered.

use serde_json::json;
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

/// Rooms 7040 to 7049, two hours at most; the mailbox is watched as in real life, only checked more often at the start.
fn site(folder: &std::path::Path) -> Site {
    let policy = folder.join("policy.toml");
    let rules = "default-conference-duration-minutes = 120\nnumbers = [\"7040-7049\"]\n";
    std::fs::write(&policy, rules).expect("a temporary folder can be written");
    let more = format!(
        "[conferencing]\nmailbox = \"conference@lab.example\"\nfeature_group = \"Staff\"\nsip_domain = \"vmr.example\"\n\
         check_every_s = 10\npolicy_file = \"{}\"\n",
        policy.display()
    );
    let site = Site::bare(&Options { more, directory: true, ..Options::default() });
    site.add_endpoint_and_group(&[]);
    site
}

/// exchangelib invites, is declined with three reasons, takes a proposal, moves, calls off, and holds a series.
///
/// Covers: PO-16 (exchangelib)
#[test]
fn exchangelib_is_answered_as_an_organizer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path());
    let told = site.judged_by(
        "alice",
        &[
            "is_given_a_room_with_everything_to_join",
            "is_declined_with_three_reasons_and_accepted_with_a_proposal",
            "moves_and_frees_the_room",
            "a_series_is_kept_and_one_occurrence_moves_alone",
        ],
        json!({}),
    );
    Judge::new("exchangelib_meetings.py").arg(told).run();
}

/// SIGKILL while an answer is on its way, after one more request each time: the organizer has one answer.
#[test]
fn a_server_that_is_killed_between_decision_and_answer_answers_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut site = site(folder.path());
    let judge = |site: &Site, check: &str, day: usize| {
        let told = site.judged_by("alice", &[check], json!({"subject": format!("Kill {day}"), "day": day}));
        Judge::new("exchangelib_meetings.py").arg(told).run();
    };
    for requests in 2..=4 {
        let before = site.lab.requests().len();
        judge(&site, "invites", requests);
        eventually("the server is at it", || (site.lab.requests().len() >= before + requests).then_some(()));
        site.server.kill();
        site.server.run();
        judge(&site, "is_answered_once", requests);
    }
}
