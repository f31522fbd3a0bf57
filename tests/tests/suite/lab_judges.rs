//! The lab itself before judges that nobody here wrote: exchangelib as its client, Microsoft's schema over its answers.

use std::process::Command;

use tieline_tests::judge::Judge;
use tieline_tests::process::Running;

/// Lets exchangelib tell these stories to a lab, by http or https, and checks every answer.
fn stories(scripts: &[&str], scheme: &str, more: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let ready_file = folder.path().join("lab.json");
    let mut command = Command::new(tieline_tests::tieline());
    command.arg("lab").arg("--ready-file").arg(&ready_file).args(more);
    command.arg("--state").arg(folder.path().join("state")).arg("--record").arg(folder.path().join("record"));
    command.args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
    let mut lab = Running::start("lab", &mut command, folder.path());
    lab.wait_for_ready_file(&ready_file);
    for script in scripts {
        let judge = Judge::new(script).arg("--ready-file").arg(&ready_file);
        if scheme == "https" {
            judge.arg("--https").run()
        } else {
            judge.run()
        };
    }
    Judge::new("validate_xsd.py").arg("--ready-file").arg(&ready_file).run();
}

const MAILBOX: [&str; 3] =
    ["exchangelib_messages.py", "exchangelib_notifications.py", "exchangelib_services.py"];

/// What exchangelib does with a mailbox works as it does with Exchange, and every answer the lab gave meanwhile is valid.
#[test]
fn exchangelib_and_the_schema_find_an_exchange_server() {
    stories(&MAILBOX, "http", &[]);
}

/// The same over TLS.
#[test]
fn exchangelib_finds_an_exchange_server_over_tls() {
    stories(&MAILBOX, "https", &[]);
}

/// exchangelib signs in by NTLM, Basic and OAuth2, curl by NTLM and Basic, over http and https; where the lab requires
/// channel bindings, only who binds its answer to the TLS connection gets in.
#[test]
fn every_way_to_sign_in_is_the_one_that_clients_know() {
    for protection in ["allow", "require"] {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let ready_file = folder.path().join("lab.json");
        let mut command = Command::new(tieline_tests::tieline());
        command
            .arg("lab")
            .arg("--ready-file")
            .arg(&ready_file)
            .arg("--state")
            .arg(folder.path().join("state"));
        command.args([
            "--http",
            "127.0.0.1:0",
            "--https",
            "127.0.0.1:0",
            "--extended-protection",
            protection,
        ]);
        let mut lab = Running::start("lab", &mut command, folder.path());
        lab.wait_for_ready_file(&ready_file);
        let mut judge = Judge::new("lab_sign_in.py").arg("--ready-file").arg(&ready_file);
        if protection == "require" {
            judge = judge.arg("--require");
        }
        judge.run();
    }
}

/// Calendar views, two years of generated series (python-dateutil expands them too), occurrences and exceptions,
/// meetings from both sides, free and busy times; and every answer is valid.
#[test]
fn exchangelib_and_dateutil_find_the_calendars_of_an_exchange_server() {
    stories(&["exchangelib_calendar.py"], "http", &["--users", "4"]);
}

/// The same over TLS.
#[test]
fn exchangelib_and_dateutil_find_the_calendars_over_tls() {
    stories(&["exchangelib_calendar.py"], "https", &["--users", "4"]);
}

/// Each version that a client meets in the field is recognised by exchangelib's own guessing, which then uses what that
/// version has.
#[test]
fn exchangelib_recognises_the_versions_of_exchange() {
    for version in ["2007-sp1", "2010-sp2", "2013", "2019"] {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let ready_file = folder.path().join("lab.json");
        let mut command = Command::new(tieline_tests::tieline());
        command.arg("lab").arg("--ready-file").arg(&ready_file).args([
            "--exchange",
            version,
            "--http",
            "127.0.0.1:0",
        ]);
        command
            .arg("--state")
            .arg(folder.path().join("state"))
            .arg("--record")
            .arg(folder.path().join("record"));
        let mut lab = Running::start("lab", &mut command, folder.path());
        lab.wait_for_ready_file(&ready_file);
        Judge::new("exchangelib_versions.py")
            .arg("--ready-file")
            .arg(&ready_file)
            .env("EXCHANGE", version)
            .run();
        Judge::new("validate_xsd.py").arg("--ready-file").arg(&ready_file).run();
    }
}
