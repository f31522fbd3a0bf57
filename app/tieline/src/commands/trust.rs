//! `tieline trust …`: whose certificates are believed.
//!
//! It is the server that looks and believes, not the account that types: what it lets in holds for every connection that it
//! makes, on every node, from the next one on.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::{given, warn};
use crate::api::{Api, segment};
use crate::output::{Output, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Shows the certificates that a server presents, and asks whether to believe them.
    Fetch {
        /// The server, as mail.corp.example or mail.corp.example:8443.
        host: String,
        #[command(flatten)]
        assent: Assent,
        /// Believe the server's own certificate, for this host only, although an authority signed it. It must be let in
        /// anew when it is renewed.
        #[arg(long)]
        server_only: bool,
        /// Write the chain to this file, PEM.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Believes the authority in a PEM file.
    Add {
        /// The file.
        file: PathBuf,
        /// The SHA-256 that the authority publishes; nothing else in the file is believed.
        #[arg(long, value_name = "SHA256")]
        fingerprint: String,
    },
    /// Lists what was let in, and the days that certificates in use are still good.
    List,
    /// Looks at the certificates of all servers now, instead of within the hour.
    Look,
    /// Takes a certificate out.
    Remove {
        /// Its SHA-256.
        sha256: String,
    },
}

/// How it is made certain that the certificate is the right one.
#[derive(Debug, Args)]
pub(crate) struct Assent {
    /// The SHA-256 that the server's or the authority's administrator read out; nothing else is believed.
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    /// Do not ask. Only with --fingerprint: nothing is believed unseen.
    #[arg(long)]
    yes: bool,
}

impl Assent {
    /// The fingerprint that somebody vouches for; `None` when nobody does and the certificates are only shown.
    fn given(&self, out: Output, proposed: &str, whom: &str) -> Result<Option<String>, Refusal> {
        match (&self.fingerprint, self.yes) {
            (None, true) => {
                let what = "--yes without --fingerprint would believe whoever answers";
                let next = "add --fingerprint with the SHA-256 that the server's administrator reads out";
                Err(Refusal::permanent("blind-trust", what, next))
            }
            (Some(print), true) => Ok(Some(print.clone())),
            (given, false) => {
                if out.json() || !std::io::stdin().is_terminal() {
                    return Ok(None);
                }
                let print = given.as_deref().unwrap_or(proposed);
                Ok(asked(print, whom)?.then(|| print.to_owned()))
            }
        }
    }
}

/// Asks at the terminal. Only the whole word counts.
fn asked(print: &str, whom: &str) -> Result<bool, Refusal> {
    let failed = |error: std::io::Error| {
        Refusal::permanent(
            "no-answer",
            format!("the question cannot be asked: {error}"),
            "add --fingerprint and --yes",
        )
    };
    let mut terminal = std::io::stderr();
    write!(
        terminal,
        "Has its administrator read out the same fingerprint {print}?\nBelieve {whom}? Type yes: "
    )
    .and_then(|()| terminal.flush())
    .map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim() == "yes")
}

pub(crate) async fn run(command: Trust, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        Trust::Fetch { host, assent, server_only, save } => {
            let presented = api.post("/api/v1/trust/fetch", &json!({ "host": host })).await?;
            let certificates = certificates(&presented);
            if let Some(file) = &save {
                write(file, &certificates.iter().map(|one| text(one, "pem")).collect::<String>())?;
            }
            if !out.json() {
                out.line(&shown(&presented));
                warn(out, &presented);
            }
            let own = certificates.first().map(|one| text(one, "sha256")).unwrap_or_default();
            let (proposed, kind) = if server_only {
                (own, "server".to_owned())
            } else {
                (text(&presented, "proposed"), text(&presented, "proposed_as"))
            };
            let whom = match kind.as_str() {
                "authority" => "this authority, and every server that it signs for".to_owned(),
                _ => format!("this certificate at {host}"),
            };
            match assent.given(out, &proposed, &whom)? {
                Some(print) => {
                    let server_only = server_only.then_some(true.into());
                    let body = given([
                        ("host", Some(host.into())),
                        ("sha256", Some(print.into())),
                        ("server_only", server_only),
                    ]);
                    let answer = api.post("/api/v1/trust", &body).await?;
                    out.show(&answer, let_in);
                }
                None if out.json() => out.show(&presented, |_| String::new()),
                None => out.line(&format!(
                    "Nothing was let in. Compare a fingerprint with what the server's administrator reads out, then: \
                     tieline trust fetch {host} --fingerprint SHA256 --yes"
                )),
            }
        }
        Trust::Add { file, fingerprint } => {
            let pem = std::fs::read_to_string(&file).map_err(|error| {
                let what = format!("the certificate cannot be read: {error}");
                Refusal::permanent("certificate-unreadable", what, "name a PEM file")
                    .at(file.display().to_string())
            })?;
            let answer = api.post("/api/v1/trust", &json!({ "pem": pem, "sha256": fingerprint })).await?;
            out.show(&answer, let_in);
        }
        Trust::List => out.show(&api.get("/api/v1/trust").await?, list),
        Trust::Look => out.show(&api.post("/api/v1/trust/look", &json!({})).await?, list),
        Trust::Remove { sha256 } => {
            api.delete(&format!("/api/v1/trust/{}", segment(&sha256))).await?;
            out.show(&json!({ "removed": sha256 }), |_| format!("No longer believed: {sha256}"));
        }
    }
    Ok(())
}

fn certificates(answer: &Value) -> &[Value] {
    answer.get("certificates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

fn write(file: &PathBuf, pem: &str) -> Result<(), Refusal> {
    std::fs::write(file, pem).map_err(|error| {
        let what = format!("the certificates cannot be written: {error}");
        Refusal::permanent("file-unwritable", what, "name a writable file").at(file.display().to_string())
    })
}

fn shown(presented: &Value) -> String {
    let certificates = certificates(presented);
    let count = match certificates.len() {
        1 => "one certificate".to_owned(),
        count => format!("{count} certificates, its own first"),
    };
    let mut lines = vec![format!("{} presents {count}:", text(presented, "host"))];
    for (index, one) in certificates.iter().enumerate() {
        lines.push(format!("  {}. {} ({})", index + 1, text(one, "subject"), text(one, "role")));
        lines.push(format!("     signed by {}", text(one, "issuer")));
        let names =
            one.get("names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            lines.push(format!("     for {}", names.join(", ")));
        }
        let (begins, ends) = (time(&text(one, "not_before")), time(&text(one, "not_after")));
        lines.push(format!("     from {begins} to {ends}, {} days left", text(one, "days_left")));
        lines.push(format!("     SHA-256 {}", text(one, "sha256")));
    }
    lines.join("\n")
}

fn let_in(answer: &Value) -> String {
    let trusted = answer.get("trusted").unwrap_or(&Value::Null);
    let what = match text(trusted, "trusted_as").as_str() {
        "authority" => "Believed from now on, with every server that it signs for".to_owned(),
        _ => format!("Believed from now on, at {}", text(trusted, "host")),
    };
    let ends = time(&text(trusted, "certificate.not_after"));
    let days = text(trusted, "certificate.days_left");
    format!("{what}: {}, until {ends} ({days} days)", text(trusted, "certificate.subject"))
}

fn list(answer: &Value) -> String {
    let rows = |name: &str| answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let trusted = rows("trusted")
        .iter()
        .map(|t| {
            let certificate = t.get("certificate").unwrap_or(&Value::Null);
            vec![
                text(certificate, "subject"),
                text(certificate, "role"),
                text(t, "trusted_as"),
                text(t, "host"),
                text(certificate, "days_left"),
                text(certificate, "sha256"),
            ]
        })
        .collect();
    let seen = rows("seen")
        .iter()
        .map(|s| vec![text(s, "place"), text(s, "kind"), time(&text(s, "not_after")), text(s, "days_left")])
        .collect();
    [
        table(
            &["let in", "role", "as", "fetched from", "days left", "SHA-256"],
            trusted,
            "Nothing beside what the operating system believes.",
        ),
        table(&["in use at", "kind", "ends", "days left"], seen, "No server is asked over TLS yet."),
    ]
    .join("\n\n")
}
