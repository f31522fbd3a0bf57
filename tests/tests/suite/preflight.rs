//! Before anything is relied on: the way to the mail server, what the service account may do, and what to do about it.

use std::fs;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tieline_tests::lab::PASSWORD;
use tieline_tests::port;
use tieline_tests::process::eventually;
use tieline_tests::recording::spoken;
use tieline_tests::rest::Rest;
use tieline_tests::site::{Options, Site};

/// The first group's way as JSON, whatever its exit code.
fn flown(site: &Site, more: &[&str]) -> Value {
    let output = site.server.command(&[&["preflight", "Staff", "--json"], more].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // A refusal follows as a line of its own.
    let first = said.lines().next().unwrap_or_default();
    let answer: Value = serde_json::from_str(first).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let failed = names(&answer["items"][0], "failed");
    assert_eq!(output.status.success(), failed.is_empty(), "{output:?}");
    answer["items"][0].clone()
}

/// The names of the findings in this state, in order.
fn names(flown: &Value, state: &str) -> Vec<String> {
    let findings = flown["findings"].as_array().unwrap_or_else(|| panic!("no findings: {flown}"));
    let named = findings.iter().filter(|finding| finding["state"] == state);
    named.map(|finding| finding["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The finding of this name that is not in order, or else the first.
fn finding<'a>(flown: &'a Value, name: &str) -> &'a Value {
    let findings = flown["findings"].as_array().unwrap_or_else(|| panic!("no findings: {flown}"));
    let mut named: Vec<_> = findings.iter().filter(|finding| finding["name"] == name).collect();
    named.sort_by_key(|finding| finding["state"] == "ok");
    named.first().unwrap_or_else(|| panic!("no {name}: {flown}"))
}

/// Every step of the way is told with what was seen, the mailboxes that the role reaches are listed, and the item that was
/// written is gone again. An account whose sign-in name is no mail address is found in the address book all the same.
///
/// Covers: AV-14 (counted), AV-17, AV-23, AV-25, AV-27, AV-29
#[test]
fn the_whole_way_is_gone_with_the_service_account() {
    let site = Site::start();
    site.add_mailbox("1002", "bob", &[]);
    let seen = flown(&site, &[]);
    let way = ["role", "name", "port", "certificate", "sign in", "version", "own mailbox", "password"];
    let ok = names(&seen, "ok");
    for step in way.iter().chain(&["role assignment", "first item"]) {
        assert!(ok.iter().any(|name| name == step), "{step}: {seen:#}");
    }
    assert_eq!(seen["may_act_for"], json!(["alice@lab.example", "bob@lab.example"]), "{seen}");
    assert!(
        finding(&seen, "role")["detail"].as_str().is_some_and(|told| told.contains("2 mailboxes")),
        "{seen}"
    );
    assert!(finding(&seen, "version")["detail"].as_str().is_some_and(|told| told.contains("2016")), "{seen}");
    assert!(
        finding(&seen, "own mailbox")["detail"].as_str().is_some_and(|told| told.contains("items")),
        "{seen}"
    );
    let operations: Vec<Value> =
        site.lab.requests().iter().map(|request| request["operation"].clone()).collect();
    let count = |operation: &str| operations.iter().filter(|one| **one == json!(operation)).count();
    assert_eq!((count("CreateItem"), count("DeleteItem")), (1, 1), "{operations:?}");

    site.server.cli(&["feature-group", "edit", "Staff", "--account", "svc-tieline@ad.lab.example"]);
    let seen = flown(&site, &[]);
    let own = finding(&seen, "own mailbox")["detail"].clone();
    assert!(
        own.as_str().is_some_and(|told| told.contains("own address is svc-tieline@lab.example")),
        "{own}"
    );
}

/// What stands in the way is named at its step, with what to do: a closed port within seconds and without a trace in the
/// settings, a certificate of nobody's, a server without EWS, EWS switched off, a wrong password.
///
/// Covers: AV-17 (what is wrong), AV-18, AV-19, AV-20
#[test]
fn what_stands_in_the_way_is_named_at_its_step() {
    let site = Site::start();
    let next = |seen: &Value, name: &str| {
        finding(seen, name)["refusal"]["next"].as_str().unwrap_or_default().to_owned()
    };
    let code = |seen: &Value, name: &str| {
        finding(seen, name)["refusal"]["code"].as_str().unwrap_or_default().to_owned()
    };

    site.lab.fault(&json!({"fault": "forbidden", "operation": "GetFolder"}));
    let seen = flown(&site, &[]);
    assert_eq!(code(&seen, "sign in"), "ews-forbidden", "{seen}");
    assert!(next(&seen, "sign in").contains("EwsEnabled") && next(&seen, "sign in").contains("EwsBlockList"));
    site.lab.clear_faults();

    let wrong = site.password_file("not the password");
    site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &wrong]);
    let seen = flown(&site, &[]);
    assert_eq!(
        (names(&seen, "failed"), code(&seen, "sign in")),
        (vec!["sign in".to_owned()], "wrong-password".to_owned())
    );
    let right = site.password_file(PASSWORD);
    site.server.cli(&["feature-group", "set-password", "Staff", "--password-file", &right]);

    // A server that is no Exchange with EWS is refused when it is saved, whatever its version is said to be.
    let admin = site.server.rest("admin");
    let refused = admin.patch("/api/v1/endpoints/lab", &json!({"path": "/owa"}));
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("not-ews")), "{refused:?}");
    for address in ["imap:mail.corp.example", "mail.corp.example"] {
        let refused = admin.post("/api/v1/endpoints", &json!({"name": "old", "address": address}));
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (422, &json!("bad-server-address")),
            "{refused:?}"
        );
    }

    let (host, https) = tieline_tests::site::host_and_port(site.lab.ews_https());
    let tls = json!({"address": format!("ews:{host}"), "port": https.parse::<u16>().expect("a port"), "https": true,
        "unchecked": true});
    admin.patch("/api/v1/endpoints/lab", &tls).ok();
    let seen = flown(&site, &[]);
    assert_eq!(names(&seen, "failed"), ["certificate"], "{seen}");
    assert!(next(&seen, "certificate").contains("tieline trust fetch"), "{seen}");

    let closed = port::free().to_string();
    site.server.cli(&["endpoint", "edit", "lab", "--port", &closed, "--unchecked"]);
    let before = site.server.cli(&["config", "export"]);
    let began = Instant::now();
    let seen = flown(&site, &[]);
    assert!(began.elapsed().as_secs() < 15, "it fails fast: {:?}", began.elapsed());
    assert_eq!(names(&seen, "failed"), ["port"], "{seen}");
    assert_eq!(site.server.cli(&["config", "export"]), before, "nothing is changed");
}

/// A role that does not reach a mailbox, one that is not in force yet and comes while it is waited for, and one that reaches
/// too far.
///
/// Covers: AV-27 (scope), AV-28, AV-29 (as tried)
#[test]
fn a_role_is_judged_by_what_it_really_reaches() {
    let site = Site::start();
    site.add_mailbox("1002", "bob", &[]);
    site.lab.accounts(&json!({"impersonation_scope": ["alice@lab.example"]}));
    let seen = flown(&site, &["--outside", "carol@lab.example"]);
    assert_eq!(
        (&seen["may_act_for"], &seen["may_not_act_for"]),
        (&json!(["alice@lab.example"]), &json!(["bob@lab.example"]))
    );
    assert_eq!(finding(&seen, "role assignment")["refusal"]["code"], "scope-too-narrow");
    assert_eq!(finding(&seen, "scope")["state"], "ok", "{seen}");

    site.lab.accounts(&json!({"impersonation_scope": []}));
    let seen = flown(&site, &[]);
    let refusal = &finding(&seen, "role assignment")["refusal"];
    assert!(
        refusal["code"] == "no-role-yet"
            && refusal["next"].as_str().is_some_and(|next| next.contains("30 minutes"))
    );
    let waiting = Command::new(tieline_tests::tieline())
        .args(["preflight", "Staff", "--wait", "1", "--json", "--config"])
        .arg(site.server.config())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("tieline starts");
    let before = site.lab.requests().len();
    eventually("a first try", || (site.lab.requests().len() > before).then_some(()));
    let everybody =
        json!({"impersonation_scope": ["alice@lab.example", "bob@lab.example", "carol@lab.example"]});
    site.lab.accounts(&everybody);
    let output = waiting.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let seen: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(seen["items"][0]["may_not_act_for"], json!([]), "{seen}");
    let seen = flown(&site, &["--outside", "carol@lab.example"]);
    assert_eq!(finding(&seen, "scope")["refusal"]["code"], "scope-too-wide", "{seen}");
}

/// What policy will do to the account: a password that ends within 14 days by Exchange's word, a lock and an end by the
/// directory's. The doctor says the same.
///
/// Covers: AV-21, AV-22
#[test]
fn an_account_that_policy_will_lock_out_is_told_in_time() {
    let site = Site::with(&Options { directory: true, ..Options::default() });
    assert_eq!(finding(&flown(&site, &[]), "policy")["state"], "ok");
    let in_days = |days: u64| {
        let date = Command::new("date")
            .args(["-u", "-d", &format!("+{days} days +1 hour"), "+%Y-%m-%dT%H:%M:%SZ"])
            .output();
        String::from_utf8_lossy(&date.expect("date runs").stdout).trim().to_owned()
    };
    site.lab.accounts(&json!({"password_ends": {"svc-tieline@lab.example": in_days(10)}}));
    let seen = flown(&site, &[]);
    assert_eq!(finding(&seen, "password")["state"], "warning", "{seen}");
    assert_eq!(finding(&seen, "password")["detail"], "the password ends in 10 days");
    site.lab.accounts(&json!({"password_ends": {"svc-tieline@lab.example": in_days(40)}}));
    assert_eq!(finding(&flown(&site, &[]), "password")["state"], "ok");

    let attributes = json!({"lockoutTime": ["134119584000000000"], "accountExpires": ["134119584000000000"]});
    site.lab.accounts(&json!({"attributes": {"svc-tieline": attributes}}));
    let seen = flown(&site, &[]);
    let codes: Vec<_> =
        seen["findings"].as_array().into_iter().flatten().filter(|one| one["name"] == "policy").collect();
    assert!(codes.iter().any(|one| one["refusal"]["code"] == "account-locked"), "{seen}");
    assert!(codes.iter().any(|one| one["refusal"]["code"] == "account-ended"), "{seen}");
    let doctor = site.server.command(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(said.contains("Unlock-ADAccount") && said.contains("service account"), "{said}");
}

/// The role is a flag of the node: off, it says so everywhere, takes messages in and keeps them; on again, they go.
///
/// Covers: AV-14
#[test]
fn a_node_without_the_role_says_so_and_keeps_what_comes_in() {
    let off = "enabled = false\n".to_owned();
    let mut site = Site::with(&Options { more: off, ..Options::default() });
    let status = site.server.cli(&["status"]);
    assert_eq!((&status["exchanges"], &status["enabled_mailboxes"]), (&json!(false), &json!(1)), "{status}");
    let seen = flown(&site, &[]);
    assert_eq!(names(&seen, "failed"), ["role"], "{seen}");
    assert!(
        finding(&seen, "role")["refusal"]["next"]
            .as_str()
            .is_some_and(|next| next.contains("[delivery] enabled"))
    );
    let message = site.deposit(&spoken(site.folder(), "kept", "Call me."), "1001", "111");
    let message = message["id"].as_str().expect("an id").to_owned();
    assert!(site.server.log().contains("[delivery] enabled is false"), "{}", site.server.log());
    assert!(
        site.lab.requests().iter().all(|request| request["operation"] != "SyncFolderItems"),
        "nothing is exchanged"
    );
    site.server.stop();
    let text = fs::read_to_string(site.server.config()).expect("the configuration");
    fs::write(site.server.config(), text.replace("enabled = false", "enabled = true")).expect("writable");
    site.server.run();
    site.wait_delivered(&message);
}

/// A mailbox's user name is compared with the directory when it is saved: nobody's and somebody else's are warned about, since
/// a wrong one would send messages to the wrong person.
///
/// Covers: AV-48 (mailbox)
#[test]
fn a_user_name_that_the_directory_does_not_know_is_warned_about() {
    let site = Site::with(&Options { directory: true, ..Options::default() });
    let admin: Rest = site.server.rest("admin");
    let add = |number: &str, address: &str, name: &str| {
        let body =
            json!({"number": number, "address": address, "display_name": name, "feature_group": "Staff"});
        admin.post("/api/v1/mailboxes", &body).ok()["warnings"].clone()
    };
    assert_eq!(add("1002", "bob@lab.example", "Bob Brown"), Value::Null);
    let nobody = add("1003", "carrol@lab.example", "Carol Clark");
    assert_eq!(nobody[0]["code"], "user-name-doubtful", "{nobody}");
    let other = admin.patch("/api/v1/mailboxes/1002", &json!({"display_name": "Alice Adams"})).ok();
    let told = other["warnings"][0]["what"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("Bob Brown") && told.contains("Alice Adams"), "{other}");
}
