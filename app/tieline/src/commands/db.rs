//! `tieline db …`: the store's tables.

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;
use tieline_store::{MigrationStatus, migrate, status};

use crate::cli::Reach;
use crate::config::Config;
use crate::output::{Output, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Brings the tables to this release's form.
    Migrate,
    /// Compares the tables with what this release knows.
    Status,
}

pub(crate) async fn run(command: Db, reach: &Reach, out: Output) -> Result<(), Refusal> {
    let config = Config::load(&reach.config)?;
    let migrations = match command {
        Db::Migrate => migrate(&config.store.url).await?,
        Db::Status => status(&config.store.url).await?,
    };
    out.show(&json!({ "items": migrations.iter().map(row).collect::<Vec<_>>() }), show);
    Ok(())
}

fn row(migration: &MigrationStatus) -> Value {
    let state = match (migration.known, migration.applied) {
        (true, true) => "applied",
        (true, false) => "pending",
        (false, _) => "of a newer release",
    };
    json!({"number": migration.number, "name": migration.name, "state": state})
}

fn show(answer: &Value) -> String {
    let rows =
        items(answer).iter().map(|m| vec![text(m, "number"), text(m, "name"), text(m, "state")]).collect();
    table(&["number", "migration", "state"], rows, "No migrations.")
}
