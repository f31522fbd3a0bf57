//! sipp as a telephone: it runs a scenario of `tests/judges/`, and what the scenario logs is what the telephone saw.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Running;
use crate::{port, source_root, tool};

/// Transport of a scenario, in sipp's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// A running sipp.
#[derive(Debug)]
pub struct Sipp {
    running: Running,
    address: String,
    transport: Transport,
    log: PathBuf,
}

impl Sipp {
    /// A telephone that takes unsolicited NOTIFYs for as long as it runs, and logs `waiting=yes voice=1/0 account=…`.
    pub fn target(folder: &Path, name: &str, transport: Transport) -> Self {
        Self::start(folder, name, "sipp_target.xml", transport, |_| ())
    }

    /// A telephone that subscribes to `account` at `server` (host and port), sees the light as it is and one change of
    /// it, and unsubscribes; its lines are those two and `terminated`.
    pub fn subscriber(folder: &Path, server: &str, account: &Account, transport: Transport) -> Self {
        Self::start(folder, "subscriber", "sipp_subscriber.xml", transport, |sipp| {
            sipp.arg(server).args(["-m", "1", "-s", &account.number, "-key", "domain", &account.domain]);
            sipp.args(["-au", &account.user, "-ap", &account.password]);
        })
    }

    /// A watcher of the presence server at this address: logs `waiting=yes voice=1/0` for each NOTIFY.
    pub fn watcher(folder: &Path, server: &str, number: &str, domain: &str) -> Self {
        Self::start(folder, "watcher", "sipp_watcher.xml", Transport::Udp, |sipp| {
            sipp.arg(server).args(["-m", "1", "-s", number, "-key", "domain", domain]);
        })
    }

    /// A watcher of a person's presence at a presence server.
    pub fn presence_watcher(folder: &Path, server: &str, number: &str, domain: &str) -> Self {
        Self::start(folder, "presence", "sipp_presence_watcher.xml", Transport::Udp, |sipp| {
            sipp.arg(server).args(["-m", "1", "-s", number, "-key", "domain", domain]);
        })
    }

    /// A telephone that makes one call through `server`, by a scenario of `tests/judges/sip` in which words are replaced.
    pub fn caller(
        folder: &Path,
        name: &str,
        scenario: &str,
        words: &[(&str, &str)],
        server: &str,
        transport: Transport,
    ) -> Self {
        let file = worded(folder, name, scenario, words);
        Self::start_on(port::free(), folder, name, &file, transport, |sipp| {
            sipp.arg(server).args(["-m", "1", "-timeout", "60", "-timeout_error"]);
        })
    }

    /// A conference bridge on this port that takes one call.
    pub fn bridge(folder: &Path, name: &str, scenario: &str, words: &[(&str, &str)], port: u16) -> Self {
        let file = worded(folder, name, scenario, words);
        Self::start_on(port, folder, name, &file, Transport::Udp, |sipp| {
            sipp.args(["-m", "1", "-timeout", "120", "-timeout_error"]);
        })
    }

    fn start(
        folder: &Path,
        name: &str,
        scenario: &str,
        transport: Transport,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let file = source_root().join("tests/judges").join(scenario);
        Self::start_on(port::free(), folder, name, &file, transport, more)
    }

    fn start_on(
        port: u16,
        folder: &Path,
        name: &str,
        scenario: &Path,
        transport: Transport,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let log = folder.join(format!("{name}.seen"));
        let mut sipp = Command::new(tool("sipp"));
        sipp.arg("-sf").arg(scenario);
        sipp.args([
            "-i",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-nostdin",
            "-trace_logs",
            "-trace_err",
            "-log_file",
        ]);
        sipp.arg(&log).arg("-error_file").arg(folder.join(format!("{name}.errors")));
        sipp.args([
            "-t",
            match transport {
                Transport::Udp => "u1",
                Transport::Tcp => "t1",
            },
        ]);
        more(&mut sipp);
        let running = Running::start(name, sipp.current_dir(folder), folder);
        Self { running, address: format!("127.0.0.1:{port}"), transport, log }
    }

    /// Where it listens, as a SIP URI for a user.
    pub fn uri(&self, user: &str) -> String {
        match self.transport {
            Transport::Udp => format!("sip:{user}@{}", self.address),
            Transport::Tcp => format!("sip:{user}@{};transport=tcp", self.address),
        }
    }

    /// What it saw so far, a line each.
    pub fn seen(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Waits until it saw a line that begins so.
    pub fn wait_for(&mut self, beginning: &str) -> String {
        let log = self.log.clone();
        self.running.wait_until(beginning, || {
            let text = fs::read_to_string(&log).ok()?;
            text.lines().map(str::trim).find(|line| line.starts_with(beginning)).map(str::to_owned)
        })
    }

    /// Waits until the scenario ended by itself.
    ///
    /// # Panics
    /// When sipp says that a message was not as the scenario wants it.
    pub fn finish(mut self) -> Vec<String> {
        let status = self.running.wait();
        assert!(status.success(), "sipp: {status}\nseen: {:?}\n{}", self.seen(), self.running.output());
        self.seen()
    }

    /// Waits until the scenario ended because it was refused, and gives what it saw until then.
    ///
    /// # Panics
    /// When it was let in.
    pub fn turned_away(mut self) -> Vec<String> {
        let status = self.running.wait();
        assert!(!status.success(), "sipp was let in: {:?}", self.seen());
        self.seen()
    }
}

/// A scenario of `tests/judges/sip` with some of its words replaced, in the test's folder.
fn worded(folder: &Path, name: &str, scenario: &str, words: &[(&str, &str)]) -> PathBuf {
    let file = source_root().join("tests/judges/sip").join(scenario);
    let mut text = fs::read_to_string(&file).expect("the judge's scenario");
    for (word, meaning) in words {
        text = text.replace(word, meaning);
    }
    let file = folder.join(format!("{name}.xml"));
    fs::write(&file, text).expect("the test's folder can be written");
    file
}

/// Who subscribes to what.
#[derive(Debug, Clone)]
pub struct Account {
    pub number: String,
    pub domain: String,
    pub user: String,
    pub password: String,
}
