//! `tieline meeting-room …`: the rules by which invitations to virtual meeting rooms are answered.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_conferencing::{Policy, PolicyError, Trials};
use tieline_model::Refusal;

use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum MeetingRoomCommand {
    /// The policy file.
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Tries a policy against the tests beside it: for policy.toml those in policy.tests.toml.
    Test {
        /// The policy file.
        file: PathBuf,
        /// The file with the tests, where it lies elsewhere.
        #[arg(long, value_name = "FILE")]
        tests: Option<PathBuf>,
    },
}

pub(crate) fn run(command: MeetingRoomCommand, out: Output) -> Result<(), Refusal> {
    let MeetingRoomCommand::Policy(PolicyCommand::Test { file, tests }) = command;
    let tests = tests.unwrap_or_else(|| file.with_extension("tests.toml"));
    let policy = Policy::parse(&read(&file)?).map_err(|error| refused(&error, &file))?;
    let trials = Trials::parse(&read(&tests)?).map_err(|error| refused(&error, &tests))?;
    let outcomes = trials.run(&policy).map_err(|error| refused(&error, &tests))?;
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    let answer = json!({ "tests": outcomes, "failed": failed });
    out.show(&answer, shown);
    if failed == 0 {
        return Ok(());
    }
    let what = format!("{failed} of {} tests did not come out as expected", outcomes.len());
    let next = "correct the policy or the tests; nothing was applied";
    Err(Refusal::permanent("policy-tests-failed", what, next).at(file.display().to_string()))
}

fn read(file: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(file).map_err(|error| {
        let what = format!("the file cannot be read: {error}");
        Refusal::permanent("file-unreadable", what, "name an existing file").at(file.display().to_string())
    })
}

fn refused(error: &PolicyError, file: &Path) -> Refusal {
    let next = "correct the file";
    Refusal::permanent("policy-invalid", error.to_string(), next).at(file.display().to_string())
}

fn shown(answer: &Value) -> String {
    let kinds = |value: &Value| {
        let kinds: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if kinds.is_empty() { "accepted".to_owned() } else { kinds.join(", ") }
    };
    let line = |outcome: &Value| {
        let name = outcome["name"].as_str().unwrap_or_default();
        match outcome["passed"].as_bool() {
            Some(true) => format!("ok      {name}: {}", kinds(&outcome["got"])),
            _ => format!(
                "FAILED  {name}: {}, expected {}",
                kinds(&outcome["got"]),
                kinds(&outcome["expected"])
            ),
        }
    };
    answer["tests"].as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
