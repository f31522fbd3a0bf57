//! `tieline endpoint …`: mail servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_model::{Authentication, Refusal, ServerAddress, VoiceFormat};

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
    /// Finds a mail server by the address of one of its users (Autodiscover).
    Discover {
        /// A mail address of the server's users.
        address: String,
        /// Who signs in; the address itself unless said otherwise.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        password: PasswordSource,
        /// A host to which a redirection that came without TLS may lead; may be given several times.
        #[arg(long, value_name = "HOST")]
        confirm: Vec<String>,
        /// Add what is found under this name.
        #[arg(long, value_name = "NAME")]
        add: Option<String>,
        #[command(flatten)]
        trust: TrustSource,
    },
    /// Removes a mail server that no feature group uses.
    Remove {
        /// Its name or id.
        endpoint: String,
    },
}

/// Whose certificates are believed.
#[derive(Debug, Args)]
pub(crate) struct TrustSource {
    /// Trust this certificate authority in addition to the system's, PEM.
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    ca: Option<PathBuf>,
    /// Trust exactly the certificate with this SHA-256 fingerprint.
    #[arg(long, value_name = "SHA256")]
    pin: Option<String>,
}

impl TrustSource {
    fn json(&self) -> Result<Option<Value>, Refusal> {
        Ok(match (&self.ca, &self.pin) {
            (Some(path), _) => Some(json!({"trust": "ca", "pem": read_pem(path)?})),
            (None, Some(pin)) => {
                Some(json!({"trust": "pinned", "sha256": pin.replace(':', "").to_lowercase()}))
            }
            (None, None) => None,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// The port; EWS answers at 443.
    #[arg(long)]
    port: Option<u16>,
    /// Plain http, for a lab on loopback only.
    #[arg(long)]
    http: bool,
    #[command(flatten)]
    trust: TrustSource,
    /// How the service accounts sign in: automatic (Basic, or NTLM where there is no Basic), basic, ntlm or oauth2.
    #[arg(long, value_name = "KIND", value_parser = ["automatic", "basic", "ntlm", "oauth2"])]
    authentication: Option<String>,
    /// Where tokens are issued, for oauth2.
    #[arg(long, value_name = "URL", required_if_eq("authentication", "oauth2"))]
    token_url: Option<String>,
    /// The application that was registered for Tieline, for oauth2; its secret is the password of the feature group.
    #[arg(long, value_name = "ID", required_if_eq("authentication", "oauth2"))]
    client_id: Option<String>,
    /// What tokens are for.
    #[arg(long, default_value = Authentication::EXCHANGE_ONLINE)]
    scope: String,
    /// The format of recordings: pcm-wav, g711-ulaw-wav, g711-alaw-wav, gsm-wav, mp3, opus.
    #[arg(long)]
    voice_format: Option<VoiceFormat>,
    /// Save even if the server cannot be reached now.
    #[arg(long)]
    unchecked: bool,
}

impl Settings {
    fn json(&self, name: Option<&str>, address: Option<&ServerAddress>) -> Result<Value, Refusal> {
        let tls = self.trust.json()?;
        Ok(given([
            ("name", name.map(Into::into)),
            ("address", address.map(|address| address.to_string().into())),
            ("port", self.port.map(Into::into)),
            ("https", self.http.then_some(false.into())),
            ("tls", tls),
            ("authentication", self.authentication()),
            ("voice_format", self.voice_format.map(|format| format.name().into())),
            ("unchecked", self.unchecked.then_some(true.into())),
        ]))
    }
}

impl Settings {
    fn authentication(&self) -> Option<Value> {
        match self.authentication.as_deref()? {
            "oauth2" => Some(json!({
                "kind": "oauth2", "token_url": self.token_url, "client_id": self.client_id, "scope": self.scope,
            })),
            kind => Some(json!({ "kind": kind })),
        }
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
        EndpointCommand::Discover { address, account, password, confirm, add, trust } => {
            let tls = trust.json()?;
            let body = given([
                ("address", Some(address.into())),
                ("account", account.map(Into::into)),
                ("password", Some(password.required()?.into())),
                ("confirm", Some(confirm.into())),
                ("tls", tls.clone()),
            ]);
            let found = api.post("/api/v1/endpoints/discover", &body).await?;
            let Some(name) = add else {
                out.show(&found, discovered);
                return Ok(());
            };
            let part = |field: &str| found.get(field).cloned();
            let body = given([
                ("name", Some(name.into())),
                ("address", part("address")),
                ("port", part("port")),
                ("path", part("path")),
                ("tls", tls),
            ]);
            let answer = api.post("/api/v1/endpoints", &body).await?;
            out.show(&answer, show);
            warn(out, &answer);
        }
        EndpointCommand::Remove { endpoint } => {
            api.delete(&path(&endpoint)).await?;
            out.show(&json!({"removed": endpoint}), |_| format!("Removed endpoint {endpoint}"));
        }
    }
    Ok(())
}

fn discovered(found: &Value) -> String {
    let shown = fields(&[
        ("mailbox", text(found, "mailbox")),
        ("EWS", text(found, "url")),
        ("said by", text(found, "said_by")),
    ]);
    format!(
        "{shown}\nNext: tieline endpoint add NAME {} --port {}",
        text(found, "address"),
        text(found, "port")
    )
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
        ("signs in by", text(e, "authentication.kind")),
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
        let mark = if text(finding, "state") == "warning" { "!" } else { out.mark(ok) };
        lines.push(format!("{mark} {}: {}", text(finding, "name"), text(finding, "detail")));
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
