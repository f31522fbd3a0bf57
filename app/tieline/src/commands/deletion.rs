//! `tieline deletion …`: what was deleted and can be brought back.

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum DeletionCommand {
    /// Lists the contacts and events of a mailbox that were deleted and can be restored, newest first.
    List {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Brings a deleted contact or event back, here and in the mail server.
    Restore {
        /// Its id, as dl_….
        id: String,
    },
}

pub(crate) async fn run(command: DeletionCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        DeletionCommand::List { mailbox, limit } => {
            let path = format!("/api/v1/mailboxes/{}/deletions?limit={limit}", segment(&mailbox));
            out.show(&api.get(&path).await?, list);
        }
        DeletionCommand::Restore { id } => {
            let answer = api.post(&format!("/api/v1/deletions/{}/restore", segment(&id)), &json!({})).await?;
            out.show(&answer, |a| format!("Restored {}", text(a, "id")));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let row = |d: &Value| {
        let state = match text(d, "restored").as_str() {
            "–" => format!("until {}", time(&text(d, "until"))),
            at => format!("restored {}", time(at)),
        };
        vec![text(d, "id"), text(d, "kind"), text(d, "headline"), text(d, "by"), time(&text(d, "at")), state]
    };
    let empty = "Nothing was deleted in the last 14 days.";
    table(&["id", "kind", "what", "by", "at", "state"], items(answer).iter().map(row).collect(), empty)
}
