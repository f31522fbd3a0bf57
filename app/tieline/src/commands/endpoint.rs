//! `tieline endpoint …`: mail servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_model::{Refusal, ServerAddress, VoiceFormat};

use super::{PasswordSource, given, warn};
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum EndpointCommand {
    /// Adds a mail server.
    Add {
        /// A name for people; it has no technical effect.
        name: String,
        /// The server, as ews:mail.corp.example.
        address: ServerAddress,
        #[command(flatten)]
        settings: Settings,
    },
    /// Changes a mail server.
    Edit {
        /// Its name or id.
        endpoint: String,
        /// A new name; feature groups keep their reference.
        #[arg(long)]
        name: Option<String>,
        /// A new address, as ews:mail.corp.example.
        #[arg(long)]
        address: Option<ServerAddress>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Lists the mail servers.
    List,
    /// Shows one mail server.
    Show {
        /// Its name or id.
        endpoint: String,
    },
    /// Reaches the server, signs in and says what it found.
    Check {
        /// Its name or id.
        endpoint: String,
        /// Sign in with this account instead of a feature group's.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Removes a mail server that no feature group uses.
    Remove {
        /// Its name or id.
        endpoint: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The port; EWS answers at 443.
    #[arg(long)]
    port: Option<u16>,
    /// Plain http, for a lab on loopback only.
    #[arg(long)]
    http: bool,
    /// Trust this certificate authority in addition to the system's, PEM.
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    ca: Option<PathBuf>,
    /// Trust exactly the certificate with this SHA-256 fingerprint.
    #[arg(long, value_name = "SHA256")]
    pin: Option<String>,
    /// The format of recordings: pcm-wav, g711-ulaw-wav, g711-alaw-wav, gsm-wav, mp3, opus.
    #[arg(long)]
    voice_format: Option<VoiceFormat>,
    /// Save even if the server cannot be reached now.
    #[arg(long)]
    unchecked: bool,
}

impl Settings {
    fn json(&self, name: Option<&str>, address: Option<&ServerAddress>) -> Result<Value, Refusal> {
        let tls = match (&self.ca, &self.pin) {
            (Some(path), _) => Some(json!({"trust": "ca", "pem": read_pem(path)?})),
            (None, Some(pin)) => {
                Some(json!({"trust": "pinned", "sha256": pin.replace(':', "").to_lowercase()}))
            }
            (None, None) => None,
        };
        Ok(given([
            ("name", name.map(Into::into)),
            ("address", address.map(|address| address.to_string().into())),
            ("port", self.port.map(Into::into)),
            ("https", self.http.then_some(false.into())),
            ("tls", tls),
            ("voice_format", self.voice_format.map(|format| format.name().into())),
            ("unchecked", self.unchecked.then_some(true.into())),
        ]))
    }
}

fn read_pem(path: &PathBuf) -> Result<String, Refusal> {
    std::fs::read_to_string(path).map_err(|error| {
        let what = format!("the certificate cannot be read: {error}");
        Refusal::permanent("certificate-unreadable", what, "name a PEM file").at(path.display().to_string())
    })
}

pub(crate) async fn run(command: EndpointCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |reference: &str| format!("/api/v1/endpoints/{}", segment(reference));
    match command {
        EndpointCommand::Add { name, address, settings } => {
            let body = settings.json(Some(&name), Some(&address))?;
            let answer = api.post("/api/v1/endpoints", &body).await?;
            out.show(&answer, |a| {
                let (name, version) = (text(a, "name"), text(a, "server_version"));
                let place = format!("{}, port {}", text(a, "address"), text(a, "port"));
                match version.as_str() {
                    "–" => format!("Added endpoint {name} ({place})\nNext: tieline feature-group add Sales --endpoint {name} --account svc-tieline@corp.example --password-file FILE"),
                    _ => format!("Added endpoint {name} ({place}, build {version})"),
                }
            });
            warn(out, &answer);
        }
        EndpointCommand::Edit { endpoint, name, address, settings } => {
            let body = settings.json(name.as_deref(), address.as_ref())?;
            let answer = api.patch(&path(&endpoint), &body).await?;
            out.show(&answer, show);
            warn(out, &answer);
        }
        EndpointCommand::List => {
            let answer = api.get("/api/v1/endpoints").await?;
            out.show(&answer, list);
        }
        EndpointCommand::Show { endpoint } => out.show(&api.get(&path(&endpoint)).await?, show),
        EndpointCommand::Check { endpoint, account, password } => {
            let body =
                given([("account", account.map(Into::into)), ("password", password.read()?.map(Into::into))]);
            let answer = api.post(&format!("{}/check", path(&endpoint)), &body).await?;
            out.show(&answer, |a| findings(out, a));
            return failed(&answer);
        }
        EndpointCommand::Remove { endpoint } => {
            api.delete(&path(&endpoint)).await?;
            out.show(&json!({"removed": endpoint}), |_| format!("Removed endpoint {endpoint}"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|e| {
            vec![
                text(e, "name"),
                text(e, "address"),
                text(e, "port"),
                text(e, "server_version"),
                text(e, "voice_format"),
            ]
        })
        .collect();
    let empty = "No mail servers yet. Add one: tieline endpoint add corp ews:mail.corp.example";
    table(&["name", "address", "port", "version", "voice format"], rows, empty)
}

fn show(e: &Value) -> String {
    fields(&[
        ("id", text(e, "id")),
        ("name", text(e, "name")),
        ("address", text(e, "address")),
        ("port", text(e, "port")),
        ("https", text(e, "https")),
        ("path", text(e, "path")),
        ("trusts", trust(e)),
        ("voice format", text(e, "voice_format")),
        ("version", text(e, "server_version")),
    ])
}

fn trust(e: &Value) -> String {
    match (text(e, "https").as_str(), text(e, "tls.trust").as_str()) {
        ("no", _) => "nothing to check without TLS".to_owned(),
        (_, "ca") => "the system's authorities and the one that was given".to_owned(),
        (_, "pinned") => format!("only the certificate with SHA-256 {}", text(e, "tls.sha256")),
        _ => "the system's authorities".to_owned(),
    }
}

/// A check's findings, one line each.
pub(super) fn findings(out: Output, answer: &Value) -> String {
    let mut lines = Vec::new();
    let mut refused = false;
    for finding in answer.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let ok = finding.get("ok").and_then(Value::as_bool).unwrap_or(false);
        lines.push(format!("{} {}: {}", out.mark(ok), text(finding, "name"), text(finding, "detail")));
        // The first one that failed is what the command ends with, on standard error and with its next step.
        let next = finding.pointer("/refusal/next").and_then(Value::as_str);
        if let Some(next) = next.filter(|_| std::mem::replace(&mut refused, true)) {
            lines.push(format!("  Next: {next}"));
        }
    }
    lines.join("\n")
}

/// The first finding that failed, so that the command's exit code tells.
pub(super) fn failed(answer: &Value) -> Result<(), Refusal> {
    let findings = answer.get("findings").and_then(Value::as_array);
    let bad = findings.into_iter().flatten().find(|f| f.get("ok").and_then(Value::as_bool) == Some(false));
    match bad.and_then(|finding| finding.get("refusal")) {
        Some(refusal) => Err(serde_json::from_value(refusal.clone()).unwrap_or_else(|_| {
            Refusal::operator("check-failed", "a check failed", "read the finding above")
        })),
        None => Ok(()),
    }
}
