//! The message-waiting light, judged by telephones and a presence server that nobody here wrote.

use serde_json::{Value, json};
use tieline_tests::kamailio::Kamailio;
use tieline_tests::process::eventually;
use tieline_tests::recording::spoken;
use tieline_tests::sipp::{Account, Sipp, Transport};
use tieline_tests::site::{Options, Site};

fn deposit(site: &Site, name: &str) -> Value {
    site.deposit(&spoken(site.folder(), name, "Please call me."), "1001", "5551234")
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}"))
}

/// Several telephones at once, over UDP and TCP, see exact counts, and a resync tells them again.
///
/// Covers: AV-13 (target, resync)
#[test]
fn sipp_as_telephone_sees_exact_counts_over_udp_and_tcp() {
    let site = Site::bare(&Default::default());
    site.add_endpoint_and_group(&[]);
    let mut phones = [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")]
        .map(|(way, name)| Sipp::target(site.folder(), name, way));
    site.add_mailbox("1001", "alice", &[&phones[0].uri("1001"), &phones[1].uri("1001")]);
    let first = deposit(&site, "first");
    for phone in &mut phones {
        assert!(phone.wait_for("waiting=yes voice=1/0").contains("1001"));
    }
    deposit(&site, "second");
    for phone in &mut phones {
        phone.wait_for("waiting=yes voice=2/0");
    }
    site.server.cli(&["voicemail", "read", id(&first)]);
    for phone in &mut phones {
        phone.wait_for("waiting=yes voice=1/1");
    }
    let before: Vec<usize> = phones.iter().map(|phone| phone.seen().len()).collect();
    site.server.cli(&["mailbox", "resync", "1001"]);
    for (phone, before) in phones.iter().zip(before) {
        let seen = eventually("the resync", || {
            let seen = phone.seen();
            (seen.len() > before).then_some(seen)
        });
        assert!(seen.last().is_some_and(|line| line.starts_with("waiting=yes voice=1/1")), "{seen:?}");
    }
}

/// A telephone subscribes with digest authentication, sees the light as it is and as it changes, and unsubscribes; a wrong
/// password gets no light.
///
/// Covers: AV-13 (subscriber)
#[test]
fn sipp_as_subscriber_sees_the_light_with_digest_authentication() {
    for transport in [Transport::Udp, Transport::Tcp] {
        // sipp reads only the first offer and knows MD5 alone.
        let site =
            Site::with(&Options { sip: "digest = [\"md5\", \"sha-256\"]\n".into(), ..Options::default() });
        let password = site.password_file("1001-secret");
        site.server.cli(&["mailbox", "set-sip-password", "1001", "--password-file", &password]);
        let account = Account {
            number: "1001".into(),
            domain: "lab.example".into(),
            user: "1001".into(),
            password: "1001-secret".into(),
        };
        let mut phone = Sipp::subscriber(site.folder(), &site.server.sip(), &account, transport);
        phone.wait_for("waiting=no voice=0/0");
        deposit(&site, "heard");
        assert_eq!(phone.finish(), ["waiting=no voice=0/0", "waiting=yes voice=1/0", "terminated"]);

        let intruder = Account { password: "guessed".into(), ..account };
        let refused = Sipp::subscriber(site.folder(), &site.server.sip(), &intruder, transport);
        assert!(refused.turned_away().is_empty(), "a wrong password must see nothing");
    }
}

/// Kamailio takes the PUBLISH and tells its own watcher.
///
/// Covers: AV-13 (presence server)
#[test]
fn kamailio_takes_the_publication_and_notifies_its_watcher() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kamailio = Kamailio::start(folder.path());
    let presence = format!("[sip.presence]\nserver = \"sip:{}\"\n", kamailio.address());
    let site = Site::bare(&Options { sip: presence, ..Options::default() });
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1001", "alice", &["publish:sip:1001@lab.example"]);
    let mut watcher = Sipp::watcher(folder.path(), &kamailio.address(), "1001", "lab.example");
    watcher.wait_for("waiting=");
    let first = deposit(&site, "first");
    watcher.wait_for("waiting=yes voice=1/0");
    deposit(&site, "second");
    watcher.wait_for("waiting=yes voice=2/0");
    site.server.cli(&["voicemail", "read", id(&first)]);
    watcher.wait_for("waiting=yes voice=1/1");
}

/// While Exchange cannot be asked, the light is unknown, never 0, and what the telephone shows stays; afterwards it is exact.
///
/// Covers: AV-13 (unknown)
#[test]
fn an_exchange_that_does_not_answer_makes_the_light_unknown_and_never_zero() {
    let site = Site::with(&Options { sip: "unknown_after_s = 30\n".into(), ..Options::default() });
    let message = deposit(&site, "before");
    site.wait_delivered(id(&message));
    site.wait_lamp("alice", true, 1, 0);
    site.lab.fault(&json!({"fault": "lost-request"}));
    eventually("an unknown light", || {
        (site.server.cli(&["mailbox", "show", "1001"])["light"]["light"] == "unknown").then_some(())
    });
    let lamp = site.lab.phone("alice");
    assert_eq!((&lamp["lamp"]["on"], &lamp["lamp"]["new"]), (&json!(true), &json!(1)));
    site.lab.clear_faults();
    eventually("a light that is known", || {
        (site.server.cli(&["mailbox", "show", "1001"])["light"]["light"] == "on").then_some(())
    });
    let history = site.lab.phone("alice")["history"].as_array().cloned().unwrap_or_default();
    assert!(history.iter().all(|shown| shown["new"] != 0 || history[0] == *shown), "{history:?}");
}

/// A telephone that is switched off says nothing at all: the others are told at once, and the light says which one is silent.
#[test]
fn a_silent_telephone_holds_up_no_other() {
    let site = Site::bare(&Options::default());
    site.add_endpoint_and_group(&[]);
    // It takes what is sent and never answers.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let silent = format!("sip:off@{}", silent.local_addr().expect("an address"));
    site.add_mailbox("1001", "alice", &[&silent, &site.lab.phone_uri("alice")]);
    let begun = std::time::Instant::now();
    let message = site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111");
    site.wait_lamp("alice", true, 1, 0);
    site.server.cli(&["voicemail", "read", message["id"].as_str().expect("an id")]);
    site.wait_lamp("alice", false, 0, 1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(25), "SIP gives up after 32 s only");
    eventually("the silent one is named", || {
        let light = site.server.cli(&["mailbox", "light", "1001"]);
        let targets = light["targets"].as_array()?.clone();
        let told = |target: &str| targets.iter().find(|told| told["target"] == target).cloned();
        let problem = told(&silent)?["problem"].as_str()?.to_owned();
        (problem.contains("again") && told(&site.lab.phone_uri("alice"))?["problem"].is_null()).then_some(())
    });
}
