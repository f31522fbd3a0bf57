//! Organizers invite the conference mailbox and are answered.

use std::time::Duration;

use serde_json::json;
use tieline_tests::gate::Gate;
use tieline_tests::judge::Judge;
use tieline_tests::port;
use tieline_tests::process::eventually;
use tieline_tests::seed::count;
use tieline_tests::sipp::{Sipp, Transport};
use tieline_tests::site::{Options, Site};

/// Rooms 7040 to 7049, two hours at most; the mailbox is watched as in real life, only checked more often at the start.
fn site(folder: &std::path::Path) -> Site {
    site_with(folder, "")
}

fn site_with(folder: &std::path::Path, settings: &str) -> Site {
    site_told(folder, settings, None, RULES)
}

const RULES: &str = "default-conference-duration-minutes = 120\nnumbers = [\"7040-7049\"]\n";

/// With `push_at`, Exchange posts there.
fn site_told(folder: &std::path::Path, settings: &str, push_at: Option<String>, rules: &str) -> Site {
    let policy = folder.join("policy.toml");
    std::fs::write(&policy, rules).expect("a temporary folder can be written");
    let more = format!(
        "[conferencing]\nmailbox = \"conference@lab.example\"\nfeature_group = \"Staff\"\nsip_domain = \"vmr.example\"\n\
         check_every_s = 10\npolicy_file = \"{}\"\n{settings}",
        policy.display()
    );
    let site = Site::bare(&Options { more, directory: true, push_at, ..Options::default() });
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

/// SIGKILL while an answer is on its way, after another number of requests each time: the organizer has one answer.
///
/// Covers: PO-15 (killed)
#[test]
fn a_server_that_is_killed_between_decision_and_answer_answers_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut site = site(folder.path());
    let judge = |site: &Site, check: &str, kill: usize| {
        let (day, hour) = (1 + kill % 28, 8 + kill / 28 * 2);
        let told = json!({"subject": format!("Kill {kill}."), "day": day, "hour": hour});
        Judge::new("exchangelib_meetings.py").arg(site.judged_by("alice", &[check], told)).run();
    };
    for kill in 0..count("TIELINE_KILLS", 5) {
        // From the reading of the invitation to the note that it was answered.
        let requests = 2 + kill % 4;
        let before = site.lab.requests().len();
        judge(&site, "invites", kill);
        eventually("the server is at it", || (site.lab.requests().len() >= before + requests).then_some(()));
        site.server.kill();
        site.server.run();
        judge(&site, "is_answered_once", kill);
    }
}

/// What a call to a room comes to, as sipp sees it over both transports, and the way into the room.
///
/// Covers: PO-09 (sipp dials)
/// Covers: PO-22 (dialled)
#[test]
fn sipp_dials_rooms_in_time_and_out_of_time_with_right_and_wrong_passcodes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = port::free();
    let bridge = format!("\n[conferencing.bridge]\naddress = \"sip:{{number}}@127.0.0.1:{port}\"\n");
    let site = site_with(folder.path(), &bridge);
    let told = site.judged_by("alice", &["meets_now_and_tomorrow"], json!({}));
    Judge::new("exchangelib_meetings.py").arg(told).run();
    let server = site.server.sip();
    let target = format!("<sip:7047@127.0.0.1:{port}>");
    for transport in [Transport::Udp, Transport::Tcp] {
        for (nth, (dialled, code, said)) in [
            ("7047**123456@vmr.example", "302", target.as_str()),
            ("7047**987654@vmr.example", "302", target.as_str()),
            ("7047@vmr.example", "403", "403 Passcode needed"),
            ("7047**000000@vmr.example", "403", "403 Wrong passcode"),
            ("7048@vmr.example", "480", "480 The room opens at 20"),
            ("7049@vmr.example", "404", "404 No such room"),
            ("7047**123456@elsewhere.example", "404", "404 No such room"),
            ("not-a-room@vmr.example", "404", "404 No such room"),
        ]
        .into_iter()
        .enumerate()
        {
            let uri = format!("sip:{dialled}");
            let words = [("URI", uri.as_str()), ("CODE", code), ("EXTRA", "")];
            let name = format!("caller-{transport:?}-{nth}");
            let seen = Sipp::caller(folder.path(), &name, "call_answered.xml", &words, &server, transport);
            let seen = seen.finish().join("\n");
            assert!(seen.contains(said), "{dialled} over {transport:?}: {seen}");
        }
    }
    let hangup = "<recv request=\"BYE\"/><send><![CDATA[\n\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n\
                  [last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>";
    let room = Sipp::bridge(folder.path(), "bridge", "bridge_answers.xml", &[("HANGUP", hangup)], port);
    let words = [("URI", "sip:7047**123456@vmr.example"), ("CODE", "302"), ("EXTRA", "")];
    let caller =
        Sipp::caller(folder.path(), "follows", "call_redirected.xml", &words, &server, Transport::Udp);
    caller.finish();
    let seen = room.finish().join("\n");
    assert!(seen.contains(&format!("called: INVITE sip:7047@127.0.0.1:{port}")), "{seen}");
}

/// How the watching stands, once it is this.
fn watched(site: &Site, state: &str) -> serde_json::Value {
    eventually(&format!("the state {state}"), || {
        let status = site.server.cli(&["meeting-room", "status"]);
        (status["state"] == state).then_some(status)
    })
}

fn invites_and_is_answered(site: &Site, kill: usize) {
    let told = json!({"subject": format!("Way {kill}."), "day": 1 + kill, "hour": 8});
    let told = site.judged_by("alice", &["invites", "is_answered_once"], told);
    Judge::new("exchangelib_meetings.py").arg(told).run();
}

/// Exchange is asked for what is new; nothing hangs and nothing is posted. When the questions get no answer while the rest
/// of Exchange does, the mailbox is checked at an interval, and nobody waits for an answer in vain.
///
/// Covers: PO-02 (pull)
#[test]
fn a_mailbox_that_is_asked_for_what_is_new_is_answered_from() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pull = "subscription = \"pull\"\npull_every_s = 1\ntouch_after_s = 2\ndegraded_after_s = 6\n";
    let site = site_with(folder.path(), pull);
    assert_eq!(watched(&site, "ok")["subscription"], "pull");
    invites_and_is_answered(&site, 1);
    let asked = |operation: &str| {
        site.lab.requests().iter().filter(|request| request["operation"] == operation).count()
    };
    assert!(asked("GetEvents") > 0);
    assert_eq!(asked("GetStreamingEvents"), 0);

    site.lab.fault(&json!({"fault": "lost-request", "operation": "GetEvents"}));
    assert_eq!(watched(&site, "degraded")["subscription"], "pull");
    invites_and_is_answered(&site, 2);
    site.lab.clear_faults();
    watched(&site, "ok");
    invites_and_is_answered(&site, 3);
}

/// A firewall between Exchange and this server: Exchange answers everything and takes every subscription, and what it
/// posts never comes. The state is degraded after 30 s and not before, invitations are answered all the same, and when the
/// way is free again the subscription proves itself.
///
/// Covers: PO-05 (blocked push)
/// Covers: X-14 (blocked push)
#[test]
fn a_push_way_that_is_blocked_while_exchange_answers_is_degraded_after_30_s() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gate = Gate::new();
    let site = site_told(folder.path(), "touch_after_s = 2\n", Some(gate.base()), RULES);
    gate.leads_to(site.server.base().trim_start_matches("http://"));
    let status = watched(&site, "ok");
    assert_eq!((&status["subscription"], &status["degraded_after_s"]), (&json!("push"), &json!(30)));
    gate.shut();
    let status = watched(&site, "degraded");
    let silence = gate.passed().elapsed();
    assert!(silence >= Duration::from_secs(30), "degraded after {silence:?}");
    assert!(status["cause"].as_str().unwrap().contains("nothing came through the subscription for 30 s"));
    invites_and_is_answered(&site, 1);
    gate.open();
    watched(&site, "ok");
    invites_and_is_answered(&site, 2);
    let hung = |request: &serde_json::Value| request["operation"] == "GetStreamingEvents";
    assert!(!site.lab.requests().iter().any(hung));
}

/// Meetings by the clock of a zone that no table knows, as both schemas say it: the room is theirs at their times, summer
/// and winter, and never at those of UTC.
///
/// Covers: PO-08 (zones of invitations)
#[test]
fn a_zone_that_nobody_knows_counts_by_its_rules() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = site(folder.path());
    let told = site.judged_by("alice", &["meets_by_the_clock_of_a_zone_that_nobody_knows"], json!({}));
    Judge::new("exchangelib_meetings.py").arg(told).run();
}

/// More than 300 invitations by iMIP and by EWS, as gateways and people leave them: each has the answer or the reason that
/// it should have, once.
///
/// Covers: PO-03 (mutated)
/// Covers: PO-20 (mutated)
#[test]
fn mutated_invitations_are_answered_with_the_right_room_or_the_right_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = "default-conference-duration-minutes = 120\nnumbers = [\"7000-7999\"]\n";
    let site = site_told(folder.path(), "insert_join_data = false\n", None, rules);
    let smtp = site.lab.ready()["smtp"].as_str().expect("the lab takes mail").to_owned();
    let checks = ["each_ends_in_the_right_answer_or_the_right_reason"];
    let told = site.judged_by("alice", &checks, json!({"smtp": smtp, "patience_s": 240}));
    Judge::new("invitation_mutations.py").arg(told).run();
}
