//! `tieline config …`: the configuration file, and the settings that the store keeps.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::api::Api;
use crate::cli::Reach;
use crate::config::{Config, example, schema};
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reads the configuration file and says what is wrong with it; while the server runs, also which changed settings it
    /// would take up, and which wait for a restart.
    Check,
    /// Has the running server read the file again, as SIGHUP does, and says which changed settings wait for a restart.
    Reload,
    /// Prints the file's JSON Schema, for editors.
    Schema,
    /// Prints every setting of the file with its meaning and default.
    Example,
    /// Prints endpoints, feature groups and mailboxes as one document; passwords are not in it.
    Export,
    /// Makes endpoints, feature groups and mailboxes what the document says, all or nothing.
    Apply {
        /// The document, as written by export; - for standard input.
        file: PathBuf,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Lists the versions of the settings: who changed what, when.
    Versions,
    /// Goes back to the settings of a version, as a new version.
    RollBack {
        /// The version's number, as tieline config versions shows it.
        #[arg(id = "number", value_name = "VERSION")]
        version: u64,
    },
}

pub(crate) async fn run(command: ConfigCommand, reach: &Reach, out: Output) -> Result<(), Refusal> {
    match command {
        ConfigCommand::Check => {
            Config::load(&reach.config)?;
            let mut answer = json!({"file": reach.config, "ok": true});
            // Without a running server there is nothing to compare with.
            let running = match Api::new(reach) {
                Ok(api) => api.post("/api/v1/reload?dry_run=true", &json!({})).await.ok(),
                Err(_) => None,
            };
            if let (Some(running), Some(answer)) = (running, answer.as_object_mut()) {
                answer.insert("restart".to_owned(), running.get("restart").cloned().unwrap_or_default());
            }
            out.show(&answer, |answer| {
                let restart =
                    waiting(answer).map(|settings| format!("\nA restart would take up: {settings}"));
                format!("{} is in order{}", reach.config.display(), restart.unwrap_or_default())
            });
        }
        ConfigCommand::Reload => {
            let answer = Api::new(reach)?.post("/api/v1/reload", &json!({})).await?;
            out.show(&answer, |answer| {
                let restart =
                    waiting(answer).map(|settings| format!("\nThese wait for a restart: {settings}"));
                format!(
                    "Taken up: the log's settings, and the operating system's authorities{}",
                    restart.unwrap_or_default()
                )
            });
        }
        ConfigCommand::Schema => out.line(&format!("{:#}", schema())),
        ConfigCommand::Example => out.line(example().trim_end()),
        ConfigCommand::Export => out.line(&format!("{:#}", Api::new(reach)?.get("/api/v1/config").await?)),
        ConfigCommand::Apply { file, dry_run } => {
            let document = read(&file)?;
            let answer =
                Api::new(reach)?.post(&format!("/api/v1/config?dry_run={dry_run}"), &document).await?;
            out.show(&answer, |a| changes(a, dry_run));
        }
        ConfigCommand::Versions => {
            out.show(&Api::new(reach)?.get("/api/v1/config/versions").await?, versions);
        }
        ConfigCommand::RollBack { version } => {
            let path = format!("/api/v1/config/versions/{version}/restore");
            let answer = Api::new(reach)?.post(&path, &json!({})).await?;
            out.show(&answer, |a| changes(a, false));
        }
    }
    Ok(())
}

/// Settings that wait for a restart; `None` when there are none.
fn waiting(answer: &Value) -> Option<String> {
    let settings = answer.get("restart").and_then(Value::as_array)?;
    let settings: Vec<_> = settings.iter().filter_map(Value::as_str).collect();
    (!settings.is_empty()).then(|| settings.join(", "))
}

fn read(file: &PathBuf) -> Result<Value, Refusal> {
    let at = |refusal: Refusal| refusal.at(file.display().to_string());
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| {
        let what = format!("the document cannot be read: {error}");
        at(Refusal::permanent("document-unreadable", what, "name a file written by tieline config export"))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let what = format!("the document is not JSON: {error}");
        at(Refusal::permanent(
            "document-invalid",
            what,
            "correct the line; tieline config export shows the form",
        ))
    })
}

fn changes(answer: &Value, dry_run: bool) -> String {
    let changes = answer.get("changes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if changes.is_empty() {
        return "Nothing to change.".to_owned();
    }
    let rows = changes
        .iter()
        .map(|c| {
            vec![text(c, "noun"), text(c, "name"), text(c, "field"), text(c, "before"), text(c, "after")]
        })
        .collect();
    let shown = table(&["noun", "name", "field", "before", "after"], rows, "");
    let end = if dry_run {
        "Nothing was changed (dry run).".to_owned()
    } else {
        format!("Saved as version {}", text(answer, "version"))
    };
    format!("{shown}\n{end}")
}

fn versions(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|v| vec![text(v, "version"), time(&text(v, "at")), text(v, "author"), text(v, "summary")])
        .collect();
    table(&["version", "at", "by", "what"], rows, "Nothing was changed yet.")
}
