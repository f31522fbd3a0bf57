//! One file per noun; each command asks the API once and shows the answer.

pub(crate) mod config;
pub(crate) mod contact;
pub(crate) mod db;
pub(crate) mod deletion;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod feature_group;
pub(crate) mod init;
pub(crate) mod lab;
pub(crate) mod mailbox;
pub(crate) mod meeting;
pub(crate) mod meeting_room;
pub(crate) mod preflight;
pub(crate) mod quick_call;
pub(crate) mod record;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod user;
pub(crate) mod voicemail;

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};
use tieline_model::Refusal;

use crate::output::Output;

/// Where a password is read from: never from the command line, which other users of the machine can see.
#[derive(Debug, Clone, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of this file, - for standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The password.
    fn required(&self) -> Result<String, Refusal> {
        let next = "add --password-file FILE, - for standard input";
        self.read()?.ok_or_else(|| Refusal::permanent("no-password", "no password was given", next))
    }

    /// The password, if a file was named.
    fn read(&self) -> Result<Option<String>, Refusal> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let unreadable = |error: std::io::Error| {
            let what = format!("the password cannot be read: {error}");
            Refusal::permanent("password-unreadable", what, "name a readable file, or - for standard input")
                .at(path.display().to_string())
        };
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().lock().take(4096).read_to_string(&mut text).map_err(unreadable)?;
        } else {
            text = std::fs::read_to_string(path).map_err(unreadable)?;
        }
        let first = text.lines().next().unwrap_or_default().to_owned();
        if first.is_empty() {
            return Err(Refusal::permanent(
                "password-empty",
                "the password is empty",
                "write it on the first line",
            )
            .at(path.display().to_string()));
        }
        Ok(Some(first))
    }
}

/// A JSON object of the options that were given.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(
        members.into_iter().filter_map(|(k, v)| v.map(|v| (k.to_owned(), v))).collect::<Map<_, _>>(),
    )
}

/// Lines that the server wants people to read beside an answer: they end with what to do next.
fn warn(out: Output, answer: &Value) {
    if out.json() {
        return;
    }
    for warning in answer.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        if let Ok(refusal) = serde_json::from_value::<Refusal>(warning.clone()) {
            out.line(&format!("! {refusal}"));
        }
    }
}

/// Percent-encodes a query's value.
fn query(pairs: &[(&str, Option<String>)]) -> String {
    let text: Vec<_> = pairs
        .iter()
        .filter_map(|(key, value)| {
            value.as_ref().map(|value| format!("{key}={}", crate::api::segment(value)))
        })
        .collect();
    if text.is_empty() { String::new() } else { format!("?{}", text.join("&")) }
}
