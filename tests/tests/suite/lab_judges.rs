//! The lab itself before judges that nobody here wrote: exchangelib as its client, Microsoft's schema over its answers.

use std::process::Command;

use tieline_tests::judge::Judge;
use tieline_tests::process::Running;

/// What exchangelib does with a mailbox works as it does with Exchange, over plain HTTP and over TLS, and every
/// answer the lab gave meanwhile is valid.
#[test]
fn exchangelib_and_the_schema_find_an_exchange_server() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let ready_file = folder.path().join("lab.json");
    let mut command = Command::new(tieline_tests::tieline());
    command.arg("lab").arg("--ready-file").arg(&ready_file);
    command.arg("--state").arg(folder.path().join("state")).arg("--record").arg(folder.path().join("record"));
    command.args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
    let mut lab = Running::start("lab", &mut command, folder.path());
    lab.wait_for_ready_file(&ready_file);
    Judge::new("exchangelib_messages.py").arg("--ready-file").arg(&ready_file).run();
    Judge::new("exchangelib_notifications.py").arg("--https").arg("--ready-file").arg(&ready_file).run();
    Judge::new("exchangelib_services.py").arg("--ready-file").arg(&ready_file).run();
    Judge::new("validate_xsd.py").arg("--ready-file").arg(&ready_file).run();
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
    let folder = tempfile::tempdir().expect("a folder for the test");
    let ready_file = folder.path().join("lab.json");
    let mut command = Command::new(tieline_tests::tieline());
    command.arg("lab").arg("--ready-file").arg(&ready_file).args(["--users", "4", "--http", "127.0.0.1:0"]);
    command.arg("--state").arg(folder.path().join("state")).arg("--record").arg(folder.path().join("record"));
    let mut lab = Running::start("lab", &mut command, folder.path());
    lab.wait_for_ready_file(&ready_file);
    Judge::new("exchangelib_calendar.py").arg("--ready-file").arg(&ready_file).run();
    Judge::new("validate_xsd.py").arg("--ready-file").arg(&ready_file).run();
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
