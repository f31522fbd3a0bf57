//! Judges: programs that nobody here wrote, driven by a Python script in `tests/judges/`.
//!
//! A script prints `ok <check>` or `failed <check>` for each thing it looked at and exits 1 when one failed
//! (`tests/judges/judge.py` does that). What it said is appended to `target/judges.txt`, where `scripts/inventory` looks
//! up the rows that the script's docstrings claim.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::source_root;

/// One run of a script.
#[derive(Debug)]
pub struct Judge {
    script: String,
    command: Command,
}

impl Judge {
    /// A script of `tests/judges/`, such as `exchangelib_voicemail.py`, with the interpreter of `target/venv`.
    ///
    /// # Panics
    /// When the venv or the script is missing.
    pub fn new(script: &str) -> Self {
        let python = python();
        let path = source_root().join("tests/judges").join(script);
        assert!(path.is_file(), "there is no judge {}", path.display());
        let mut command = Command::new(python);
        command.arg(path).env("PYTHONDONTWRITEBYTECODE", "1");
        Self { script: script.to_owned(), command }
    }

    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to the end and gives what it printed.
    ///
    /// # Panics
    /// With everything it said when it finds against us, or looked at nothing.
    pub fn run(mut self) -> String {
        let output =
            self.command.output().unwrap_or_else(|error| panic!("{} did not start: {error}", self.script));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let passed = output.status.success() && said.lines().any(|line| line.starts_with("ok "));
        self.record(&said, passed);
        assert!(
            passed,
            "{} found against us ({}):\n{said}{}",
            self.script,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// One line a check, and one for the whole script under the name `-`; written at once, so that tests do not mix.
    fn record(&self, said: &str, passed: bool) {
        let mut lines = format!("{} {} -\n", self.script, if passed { "ok" } else { "failed" });
        for (outcome, name) in said.lines().filter_map(|line| line.split_once(' ')) {
            if matches!(outcome, "ok" | "failed") {
                lines.push_str(&format!("{} {outcome} {name}\n", self.script));
            }
        }
        let record = source_root().join("target/judges.txt");
        let written = File::options()
            .create(true)
            .append(true)
            .open(&record)
            .and_then(|mut file| file.write_all(lines.as_bytes()));
        written.unwrap_or_else(|error| panic!("{}: {error}", record.display()));
    }
}

/// The interpreter of the venv that `scripts/setup` makes.
///
/// # Panics
/// When it is missing.
pub fn python() -> PathBuf {
    let python = source_root().join("target/venv/bin/python");
    assert!(python.is_file(), "no Python judges in target/venv. Next: scripts/setup");
    python
}
