//! `tieline snapshot …`: copies of a mailbox's contacts and calendar.

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::given;
use crate::api::{Api, segment};
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Lists a mailbox's snapshots, newest first.
    List {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Takes a snapshot now.
    Take {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// contacts or calendar.
        #[arg(long)]
        kind: String,
    },
    /// Lists what a snapshot holds.
    Show {
        /// Its id, as sn_….
        id: String,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Brings back what a snapshot holds; what came later stays.
    Restore {
        /// Its id, as sn_….
        id: String,
        /// Only this entry, as tieline snapshot show lists it.
        #[arg(long)]
        entry: Option<String>,
        /// As whose side had it.
        #[arg(long, default_value = "tieline", value_parser = ["tieline", "mail"])]
        side: String,
    },
}

pub(crate) async fn run(command: SnapshotCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let of = |mailbox: &str| format!("/api/v1/mailboxes/{}/snapshots", segment(mailbox));
    match command {
        SnapshotCommand::List { mailbox } => out.show(&api.get(&of(&mailbox)).await?, list),
        SnapshotCommand::Take { mailbox, kind } => {
            let answer = api.post(&of(&mailbox), &json!({ "kind": kind })).await?;
            out.show(&answer, |s| format!("Took {} with {} entries", text(s, "id"), text(s, "entries")));
        }
        SnapshotCommand::Show { id, limit } => {
            let path = format!("/api/v1/snapshots/{}/entries?limit={limit}", segment(&id));
            out.show(&api.get(&path).await?, entries);
        }
        SnapshotCommand::Restore { id, entry, side } => {
            let body = given([("entry", entry.map(Value::from)), ("side", Some(Value::from(side)))]);
            let answer = api.post(&format!("/api/v1/snapshots/{}/restore", segment(&id)), &body).await?;
            out.show(&answer, |a| {
                let (added, changed, same) = (text(a, "added"), text(a, "changed"), text(a, "same"));
                format!("Brought back {added}, set back {changed}, {same} are as they were")
            });
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let row = |s: &Value| {
        let complete = if text(s, "complete") == "–" { "incomplete" } else { "complete" };
        let kind = text(s, "kind");
        vec![
            text(s, "id"),
            kind,
            time(&text(s, "at")),
            text(s, "entries"),
            complete.to_owned(),
            text(s, "reason"),
        ]
    };
    let empty = "No snapshots. Take one: tieline snapshot take --mailbox 1001 --kind contacts";
    table(&["id", "kind", "at", "entries", "state", "reason"], items(answer).iter().map(row).collect(), empty)
}

fn entries(answer: &Value) -> String {
    let row = |e: &Value| vec![text(e, "side"), text(e, "entry"), text(e, "headline")];
    table(&["side", "entry", "what"], items(answer).iter().map(row).collect(), "The snapshot is empty.")
}
