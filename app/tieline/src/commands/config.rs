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
    /// Reads the configuration file and says what is wrong with it.
    Check,
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
            let answer = json!({"file": reach.config, "ok": true});
            out.show(&answer, |_| format!("{} is in order", reach.config.display()));
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
