//! The lab before clients of other protocols: DavMail turns IMAP, POP, SMTP, CalDAV, CardDAV and LDAP into EWS, and SMTP
//! peers hand over and take mail. Every answer the lab gave meanwhile is valid by Microsoft's schema.

use std::path::Path;
use std::process::Command;

use tieline_tests::judge::Judge;
use tieline_tests::port;
use tieline_tests::process::Running;

/// Starts a lab with these listeners, lets the judge work with it, and checks the answers.
fn judged(script: &str, listeners: &[&str], arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let ready_file = folder.path().join("lab.json");
    let mut lab = start(folder.path(), &ready_file, listeners);
    lab.wait_for_ready_file(&ready_file);
    let judge = Judge::new(script).arg("--ready-file").arg(&ready_file);
    arguments.iter().fold(judge, |judge, argument| judge.arg(argument)).run();
    Judge::new("validate_xsd.py").arg("--ready-file").arg(&ready_file).run();
}

fn start(folder: &Path, ready_file: &Path, listeners: &[&str]) -> Running {
    let mut command = Command::new(tieline_tests::tieline());
    command.arg("lab").arg("--ready-file").arg(ready_file).args(["--http", "127.0.0.1:0"]).args(listeners);
    command.arg("--state").arg(folder.join("state")).arg("--record").arg(folder.join("record"));
    Running::start("lab", &mut command, folder)
}

/// Mail programs that know IMAP, POP and SMTP alone see an Exchange mailbox through DavMail.
#[test]
fn mail_goes_through_davmail() {
    judged("davmail_mail.py", &[], &[]);
}

/// Contacts stay the same on both sides of CardDAV, and the directory answers over LDAP.
#[test]
fn contacts_and_directory_go_through_davmail() {
    judged("davmail_people.py", &[], &[]);
}

/// Appointments, series with exceptions and invitations stay the same on both sides of CalDAV.
#[test]
fn calendars_go_through_davmail() {
    judged("davmail_calendar.py", &[], &[]);
}

/// What the lab shows of items as MIME, iCalendar and vCard, other libraries read, and the other way round.
#[test]
fn content_is_what_other_libraries_read_and_write() {
    judged("exchangelib_content.py", &[], &[]);
}

/// Mail comes in and goes out over SMTP, with invitations and answers to them.
#[test]
fn mail_and_invitations_go_over_smtp() {
    let port = port::free().to_string();
    let smart_host = format!("127.0.0.1:{port}");
    let listeners = ["--smtp", "127.0.0.1:0", "--smart-host", &smart_host];
    judged("smtp_mail.py", &listeners, &["--smart-host", &port]);
}
