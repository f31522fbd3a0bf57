//! `tieline contact …`: Tieline's own contacts of a mailbox.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::query;
use super::record::{self, OneCommand, Set};
use crate::api::{Api, segment};
use crate::output::{Output, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ContactCommand {
    /// Lists a mailbox's contacts, by name.
    List {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// Only those whose name, company or number holds this.
        #[arg(long)]
        search: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    #[command(flatten)]
    One(OneCommand),
    /// Writes a contact's picture into a file.
    Photo {
        /// Its id, as ct_….
        id: String,
        /// The file; standard output without it.
        file: Option<PathBuf>,
    },
    /// Adds a contact.
    Add {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        #[command(flatten)]
        set: Set,
    },
    /// Saves a person of the directory among a mailbox's contacts; saved contacts follow the directory.
    Save {
        /// An address of the person, as sip:bob@corp.example or bob@corp.example.
        address: String,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Refreshes saved contacts from the directory now: fields that it wrote and nobody edited since.
    Refresh {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Takes the contacts of a vCard file in.
    Import {
        /// The file, - for standard input.
        file: PathBuf,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Writes a mailbox's contacts as a vCard file.
    Export {
        /// The file; standard output without it.
        file: Option<PathBuf>,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// The version of vCard: 3 for older programs and telephones, or 4.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
        vcard: u8,
    },
}

pub(crate) async fn run(command: ContactCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let of = |mailbox: &str| format!("/api/v1/mailboxes/{}/contacts", segment(mailbox));
    match command {
        ContactCommand::List { mailbox, search, limit } => {
            let asked = query(&[("search", search), ("limit", Some(limit.to_string()))]);
            out.show(&api.get(&format!("{}{asked}", of(&mailbox))).await?, list);
        }
        ContactCommand::One(command) => record::one(command, "contact", api, out).await?,
        ContactCommand::Photo { id, file } => {
            let content = api.bytes(&format!("/api/v1/contacts/{}/photo", segment(&id))).await?;
            record::write(file.as_deref(), &content, out)?;
        }
        ContactCommand::Add { mailbox, set } => {
            let answer = api.post(&of(&mailbox), &set.body()?).await?;
            out.show(&answer, |c| format!("Added {} ({})", text(c, "id"), text(c, "headline")));
        }
        ContactCommand::Save { address, mailbox } => {
            let answer = api.post(&format!("{}/save", of(&mailbox)), &json!({ "address": address })).await?;
            out.show(&answer, |c| format!("Saved {} ({})", text(c, "id"), text(c, "headline")));
        }
        ContactCommand::Refresh { mailbox, dry_run } => {
            let path = format!("{}/refresh?dry_run={dry_run}", of(&mailbox));
            out.show(&api.post(&path, &json!({})).await?, |answer| refreshed(answer, dry_run));
        }
        ContactCommand::Import { file, mailbox } => {
            let answer =
                api.upload(&format!("{}/import", of(&mailbox)), "text/vcard", record::read(&file)?).await?;
            out.show(&answer, record::imported);
        }
        ContactCommand::Export { file, mailbox, vcard } => {
            let content = api.bytes(&format!("{}/export?version={vcard}", of(&mailbox))).await?;
            record::write(file.as_deref(), &content, out)?;
        }
    }
    Ok(())
}

fn refreshed(answer: &Value, dry_run: bool) -> String {
    let rows = |member: &str, what: &str| -> Vec<Vec<String>> {
        let entries = answer.get(member).and_then(Value::as_array).into_iter().flatten();
        let row = |c: &Value| {
            let fields = c["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
            vec![what.to_owned(), text(c, "contact"), text(c, "name"), fields.collect::<Vec<_>>().join(", ")]
        };
        entries.map(row).collect()
    };
    let changed = if dry_run { "would change" } else { "changed" };
    let all = [rows("changed", changed), rows("kept", "kept")].concat();
    let shown = table(
        &["what", "contact", "name", "fields"],
        all,
        "The saved contacts are as the directory has them.",
    );
    format!(
        "{shown}\nCompared with the directory: {}; no longer there: {}",
        text(answer, "compared"),
        text(answer, "gone")
    )
}

fn first(value: Option<&Value>, member: &str) -> String {
    let entries = value.and_then(Value::as_object);
    let found = entries.and_then(|entries| entries.values().next());
    let found =
        found.and_then(|entry| if member.is_empty() { entry.as_str() } else { entry[member].as_str() });
    found.unwrap_or("–").to_owned()
}

fn list(answer: &Value) -> String {
    let row = |c: &Value| {
        let mail = first(c["contact"].get("mails"), "address");
        vec![text(c, "id"), text(c, "headline"), mail, first(c["contact"].get("phones"), "")]
    };
    let empty = "No contacts. Take some in: tieline contact import FILE.vcf --mailbox 1001";
    table(&["id", "name", "mail", "telephone"], items(answer).iter().map(row).collect(), empty)
}
