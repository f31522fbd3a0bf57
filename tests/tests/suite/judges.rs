//! The judges themselves are there: a missing one fails here by name, before a story fails for a reason less plain.

use tieline_tests::{judge, process, tool};

#[test]
fn every_judge_is_installed() {
    for name in ["sipp", "kamailio", "espeak-ng", "sox", "ffmpeg", "setpriv", "davmail-server", "ldapsearch"]
    {
        assert!(tool(name).is_file());
    }
    let mut import = std::process::Command::new(judge::python());
    let version = process::run(
        import.args(["-c", "import aiosmtpd, exchangelib, icalendar, lxml, schemathesis, vdirsyncer; print(exchangelib.__version__)"]),
    );
    assert_eq!(version.trim(), "5.6.0");
}
