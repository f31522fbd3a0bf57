//! `tieline doctor`: looks at everything that must be right before calls and messages can be, and says what is not.
//!
//! What belongs to this machine is looked at from here: configuration, key, store, directory. The rest is asked of the
//! running server, which has the accounts and the network: mail servers and ticket systems. Nothing is changed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tieline_directory::{ServerFacts, probe};
use tieline_model::{Class, Refusal};
use tieline_store::KeyFile;

use crate::api::{Api, segment};
use crate::cli::Reach;
use crate::config::Config;
use crate::output::{Output, items, text, time};
use crate::wiring::directory_config;

/// What is wrong when nothing could be looked at: the configuration cannot be read.
const NOT_LOOKED: u8 = 2;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also write what was found, with the configuration and the targets, into this file for whoever helps. Passwords,
    /// tokens and links are not in it.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

/// One thing that was looked at.
struct Finding {
    area: &'static str,
    name: String,
    state: State,
    detail: String,
    refusal: Option<Refusal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// It works all the same; somebody should look.
    Warning,
    Failed,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What was found, and what a bundle holds beside it.
#[derive(Default)]
struct Examination {
    findings: Vec<Finding>,
    targets: Value,
    status: Value,
}

impl Examination {
    fn good(&mut self, area: &'static str, name: impl Into<String>, detail: impl Into<String>) {
        let (name, detail) = (name.into(), detail.into());
        self.findings.push(Finding { area, name, state: State::Ok, detail, refusal: None });
    }

    fn bad(&mut self, area: &'static str, name: impl Into<String>, refusal: Refusal) {
        self.found(area, name, State::Failed, refusal);
    }

    fn doubtful(&mut self, area: &'static str, name: impl Into<String>, refusal: Refusal) {
        self.found(area, name, State::Warning, refusal);
    }

    fn found(&mut self, area: &'static str, name: impl Into<String>, state: State, refusal: Refusal) {
        let (name, detail) = (name.into(), refusal.what.clone());
        self.findings.push(Finding { area, name, state, detail, refusal: Some(refusal) });
    }

    fn json(&self) -> Value {
        let rows = self.findings.iter().map(|finding| {
            let mut row = json!({"area": finding.area, "name": finding.name, "state": finding.state.word(),
                "detail": finding.detail});
            if let (Some(refusal), Some(row)) = (&finding.refusal, row.as_object_mut()) {
                row.insert("refusal".to_owned(), json!(refusal));
            }
            row
        });
        json!({"ok": self.is_ok(), "findings": rows.collect::<Vec<_>>()})
    }

    fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Failed)
    }
}

/// Exit codes: 0 nothing must be set right, 1 something must, 2 the configuration cannot be read.
pub(crate) async fn run(command: &Doctor, reach: &Reach, out: Output) -> Result<ExitCode, Refusal> {
    let mut seen = Examination::default();
    let config = match Config::load(&reach.config) {
        Ok(config) => config,
        Err(refusal) => {
            seen.bad("configuration", "file", refusal);
            out.show(&seen.json(), |_| shown(out, &seen));
            return Ok(ExitCode::from(NOT_LOOKED));
        }
    };
    configuration(&mut seen, reach, &config);
    store(&mut seen, &config).await;
    directory(&mut seen, &config).await;
    server(&mut seen, reach, &config).await;
    out.show(&seen.json(), |_| shown(out, &seen));
    if let Some(file) = &command.bundle {
        bundle(file, &seen, &config)?;
        if !out.json() {
            out.line(&format!(
                "Wrote {}. It holds names and addresses; passwords, tokens and links are not in it.",
                file.display()
            ));
        }
    }
    Ok(if seen.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn configuration(seen: &mut Examination, reach: &Reach, config: &Config) {
    seen.good("configuration", "file", format!("{} is in order", reach.config.display()));
    let sign_in = &config.sign_in;
    match &sign_in.public_url {
        Some(url) if url.starts_with("https://") => seen.good("configuration", "public address", url),
        Some(url) => {
            let next = "let browsers come over https, and write [sign_in] public_url so";
            let refusal =
                Refusal::operator("public-url-plain", format!("browsers come to {url}, unprotected"), next);
            seen.doubtful("configuration", "public address", refusal);
        }
        None => {
            let next =
                "set [sign_in] public_url to the address that browsers use, as https://tieline.corp.example";
            let what =
                "the address that browsers use is not said; cookies are not kept to encrypted connections";
            seen.doubtful("configuration", "public address", Refusal::operator("no-public-url", what, next));
        }
    }
    if !sign_in.local_accounts && sign_in.openid.is_none() && sign_in.proxy.is_none() {
        let next = "set [sign_in] local_accounts = true, or a provider or proxy";
        let what = "nobody can sign in to the pages";
        seen.bad("configuration", "sign-in", Refusal::operator("no-sign-in", what, next));
    }
}

async fn store(seen: &mut Examination, config: &Config) {
    match KeyFile::at(&config.store.key_file).check() {
        Ok(()) => seen.good(
            "store",
            "key",
            format!("{} is readable by its owner only", config.store.key_file.display()),
        ),
        Err(error) => seen.bad("store", "key", error.into()),
    }
    match tieline_store::status(&config.store.url).await {
        Ok(migrations) if migrations.iter().any(|migration| !migration.known) => {
            let next = "run that release, or restore the backup made before the upgrade";
            let what = "the database was changed by a newer release";
            seen.bad("store", "database", Refusal::operator("schema-newer", what, next));
        }
        Ok(migrations) => {
            let missing = migrations.iter().filter(|migration| !migration.applied).count();
            if missing == 0 {
                seen.good("store", "database", format!("up to date, {} migrations", migrations.len()));
            } else {
                let what = format!("{missing} of {} migrations are not applied", migrations.len());
                let next = "tieline db migrate, or start the server when [store] migrate is true";
                seen.doubtful("store", "database", Refusal::operator("schema-behind", what, next));
            }
        }
        Err(error) => seen.bad("store", "database", error.into()),
    }
}

async fn directory(seen: &mut Examination, config: &Config) {
    const AREA: &str = "directory";
    let wanted = match directory_config(&config.directory) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return seen.good(AREA, "servers", "none is configured: there is no quick call"),
        Err(refusal) => return seen.bad(AREA, "settings", refusal),
    };
    match probe(&wanted).await {
        Err(error) => seen.bad(AREA, "settings", error.refusal()),
        Ok(probes) => {
            for one in probes {
                match one.result {
                    Ok(facts) => server_facts(seen, &one.server, &facts),
                    Err(refusal) => seen.bad(AREA, one.server, refusal),
                }
            }
        }
    }
}

fn server_facts(seen: &mut Examination, server: &str, facts: &ServerFacts) {
    if !facts.empty_bases.is_empty() {
        let what = format!("the account sees nobody below {}", facts.empty_bases.join(", "));
        let next = "correct [directory] bases, or let the account read people there";
        return seen.bad("directory", server, Refusal::operator("empty-base", what, next).at(server));
    }
    let kind = if facts.active_directory { "Active Directory" } else { "an LDAP directory" };
    let changes = match facts.tracking {
        Some(tracking) => format!("changes by {tracking:?}"),
        None => "every pass lists everybody".to_owned(),
    };
    if facts.protected {
        seen.good(
            "directory",
            server,
            format!("{kind}, its certificate is trusted, the account may read, {changes}"),
        );
    } else {
        let what = format!("{kind} answers, and the password travels unprotected");
        let next = "use ldaps:// or ldap:// with StartTLS, unless the directory is on this machine";
        seen.doubtful("directory", server, Refusal::operator("directory-plain", what, next).at(server));
    }
}

/// What only the running server can tell.
async fn server(seen: &mut Examination, reach: &Reach, config: &Config) {
    let status = match Api::new(reach) {
        Ok(api) => api.get("/api/v1/status").await.map(|status| (api, status)),
        Err(refusal) => Err(refusal),
    };
    let (api, status) = match status {
        Ok(asked) => asked,
        Err(refusal) => {
            seen.bad("server", "process", refusal);
            return;
        }
    };
    seen.good("server", "process", format!("runs since {}", time(&text(&status, "since"))));
    seen.status = status;
    mail_servers(seen, &api).await;
    service_accounts(seen, &api).await;
    certificates(seen, &api).await;
    secrets(seen, &api).await;
    if !config.directory.servers.is_empty() {
        ticket_systems(seen, &api).await;
    }
}

async fn mail_servers(seen: &mut Examination, api: &Api) {
    const AREA: &str = "mail server";
    let listed = match api.get("/api/v1/endpoints").await {
        Ok(listed) => listed,
        Err(refusal) => return seen.bad(AREA, "list", refusal),
    };
    if items(&listed).is_empty() {
        seen.good(AREA, "list", "none is set up yet");
    }
    for endpoint in items(&listed) {
        let name = text(endpoint, "name");
        let path = format!("/api/v1/endpoints/{}/check", segment(&name));
        match api.post(&path, &json!({})).await {
            Ok(answer) => take(seen, AREA, &name, &answer),
            Err(refusal) => seen.bad(AREA, name, refusal),
        }
    }
}

/// The way to each mail server with each service account; no item is written.
async fn service_accounts(seen: &mut Examination, api: &Api) {
    const AREA: &str = "service account";
    let listed = match api.get("/api/v1/feature-groups").await {
        Ok(listed) => listed,
        Err(refusal) => return seen.bad(AREA, "list", refusal),
    };
    for group in items(&listed) {
        let name = text(group, "name");
        let path = format!("/api/v1/feature-groups/{}/preflight", segment(&name));
        match api.post(&path, &json!({"without_item": true})).await {
            Ok(answer) => take(seen, AREA, &name, &answer),
            Err(refusal) => seen.bad(AREA, name, refusal),
        }
    }
}

/// Days to the end of every certificate in use.
async fn certificates(seen: &mut Examination, api: &Api) {
    const AREA: &str = "certificate";
    let answer = match api.post("/api/v1/trust/look", &json!({})).await {
        Ok(answer) => answer,
        Err(refusal) => return seen.bad(AREA, "list", refusal),
    };
    for one in answer.get("seen").and_then(Value::as_array).into_iter().flatten() {
        let place = text(one, "place");
        let warning =
            one.get("warning").and_then(|warning| serde_json::from_value::<Refusal>(warning.clone()).ok());
        match warning {
            Some(refusal) if text(one, "days_left").starts_with('-') => seen.bad(AREA, place, refusal),
            Some(refusal) => seen.doubtful(AREA, place, refusal),
            None => seen.good(AREA, place, format!("good for {} days", text(one, "days_left"))),
        }
    }
}

/// Whether everything is sealed with the present key.
async fn secrets(seen: &mut Examination, api: &Api) {
    match api.get("/api/v1/secrets").await {
        Ok(answer) if text(&answer, "behind") != "0" => {
            let what = "a rotation of the key is not finished";
            seen.doubtful(
                "store",
                "key",
                Refusal::operator("rotation-unfinished", what, "tieline secret rotate"),
            );
        }
        Ok(_) => {}
        Err(refusal) => seen.bad("store", "secrets", refusal),
    }
}

async fn ticket_systems(seen: &mut Examination, api: &Api) {
    const AREA: &str = "quick call";
    let listed = match api.get("/api/v1/quick-call/targets").await {
        Ok(listed) => listed,
        Err(refusal) => return seen.bad(AREA, "list", refusal),
    };
    if items(&listed).is_empty() {
        seen.good(AREA, "list", "no ticket system is set up yet");
    }
    for target in items(&listed) {
        let name = text(target, "name");
        let path = format!("/api/v1/quick-call/targets/{}/check", segment(&text(target, "id")));
        match api.post(&path, &Value::Null).await {
            Ok(answer) => take(seen, AREA, &name, &answer),
            Err(refusal) => seen.bad(AREA, name, refusal),
        }
    }
    seen.targets = listed;
}

/// A check's findings; the mail servers' say `ok`, the ticket systems' `state`.
fn take(seen: &mut Examination, area: &'static str, whose: &str, answer: &Value) {
    for finding in answer.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let name = format!("{whose}, {}", text(finding, "name"));
        let refusal = finding
            .get("refusal")
            .and_then(|refusal| serde_json::from_value::<Refusal>(refusal.clone()).ok());
        let warning = text(finding, "state") == "warning";
        match refusal {
            None => seen.good(area, name, text(finding, "detail")),
            Some(refusal) if warning => seen.doubtful(area, name, refusal),
            Some(refusal) => seen.bad(area, name, refusal),
        }
    }
}

fn shown(out: Output, seen: &Examination) -> String {
    let mut lines = Vec::new();
    for finding in &seen.findings {
        let mark = if finding.state == State::Warning { "!" } else { out.mark(finding.state == State::Ok) };
        let place =
            finding.refusal.as_ref().map(|refusal| refusal.where_.as_str()).filter(|place| !place.is_empty());
        let place = place.filter(|place| *place != finding.name).map(|place| format!(" ({place})"));
        lines.push(format!(
            "{mark} {} · {}: {}{}",
            finding.area,
            finding.name,
            finding.detail,
            place.unwrap_or_default()
        ));
        if let Some(refusal) = &finding.refusal {
            lines.push(format!("    Next: {}", refusal.next));
        }
    }
    let count = |state| seen.findings.iter().filter(|finding| finding.state == state).count();
    let (warnings, failed) = (count(State::Warning), count(State::Failed));
    lines.push(match (failed, warnings) {
        (0, 0) => "Everything is in order.".to_owned(),
        (0, _) => format!("Everything works; to look at: {warnings}."),
        _ => format!("To be set right: {failed}; to look at: {warnings}."),
    });
    lines.join("\n")
}

/// For whoever helps. Links and tokens are secrets of the store and are not in what the API shows; passwords stand in files
/// of their own.
fn bundle(file: &PathBuf, seen: &Examination, config: &Config) -> Result<(), Refusal> {
    let mut settings = serde_json::to_value(config).unwrap_or_default();
    if let Some(url) = settings.pointer_mut("/store/url") {
        *url = json!(without_password(&config.store.url));
    }
    let content = json!({
        "tieline": env!("CARGO_PKG_VERSION"),
        "doctor": seen.json(),
        "configuration": settings,
        "quick_call_targets": seen.targets,
        "status": seen.status,
    });
    std::fs::write(file, format!("{content:#}\n")).map_err(|error| {
        let what = format!("the bundle cannot be written: {error}");
        Refusal {
            class: Class::Operator,
            ..Refusal::permanent("file-unwritable", what, "name a writable file")
        }
        .at(file.display().to_string())
    })
}

/// A PostgreSQL URL without what stands before its host.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.split('?').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_holds_no_password() {
        assert_eq!(without_password("postgres://tieline:p@ss@db/tieline"), "postgres://…@db/tieline");
        assert_eq!(without_password("postgres://db/tieline?password=x"), "postgres://db/tieline");
        assert_eq!(without_password("sqlite:tieline.db"), "sqlite:tieline.db");
    }
}
