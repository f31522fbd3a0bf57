//! `tieline event …`: Tieline's own calendar of a mailbox.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::query;
use super::record::{self, OneCommand, Set};
use crate::api::{Api, segment};
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// Lists a mailbox's events, by subject; a series is one.
    List {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// Only those that take place after this, as 2026-03-02T00:00:00Z; together with --to.
        #[arg(long, requires = "to")]
        from: Option<String>,
        /// Only those that take place before this.
        #[arg(long, requires = "from")]
        to: Option<String>,
        /// Only those whose subject holds this.
        #[arg(long)]
        search: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    #[command(flatten)]
    One(OneCommand),
    /// Adds an event; nobody is invited.
    Add {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// When it begins, on the wall: 2026-03-02T09:00:00.
        #[arg(long)]
        start: String,
        /// When it ends, on the wall.
        #[arg(long)]
        end: String,
        /// Whose wall: Europe/Berlin, or a Windows name.
        #[arg(long)]
        zone: String,
        /// What it is about.
        #[arg(long)]
        subject: String,
        #[command(flatten)]
        set: Set,
    },
    /// Takes the events of an iCalendar file in.
    Import {
        /// The file, - for standard input.
        file: PathBuf,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// The zone of times that have none, as Europe/Berlin.
        #[arg(long)]
        zone: Option<String>,
    },
    /// Writes a mailbox's calendar as an iCalendar file.
    Export {
        /// The file; standard output without it.
        file: Option<PathBuf>,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Makes a feed that calendar programs subscribe to; its address is shown once.
    Feed {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// With the details of private events.
        #[arg(long)]
        private: bool,
    },
    /// Lists a mailbox's feeds.
    Feeds {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Ends a feed.
    EndFeed {
        /// Its id, from the list.
        id: String,
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
}

pub(crate) async fn run(command: EventCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let of = |mailbox: &str, what: &str| format!("/api/v1/mailboxes/{}/{what}", segment(mailbox));
    match command {
        EventCommand::List { mailbox, from, to, search, limit } => {
            let asked =
                query(&[("from", from), ("to", to), ("search", search), ("limit", Some(limit.to_string()))]);
            out.show(&api.get(&format!("{}{asked}", of(&mailbox, "events"))).await?, list);
        }
        EventCommand::One(command) => record::one(command, "event", api, out).await?,
        EventCommand::Add { mailbox, start, end, zone, subject, set } => {
            let when = |local: &str| json!({"local": local, "zone": {"id": zone}});
            let schedule =
                json!({"start": when(&start), "end": when(&end), "all_day": false, "recurrence": null});
            let mut body = set.optional_body()?;
            body["subject"] = json!(subject);
            body["schedule"] = schedule;
            let answer = api.post(&of(&mailbox, "events"), &body).await?;
            out.show(&answer, |e| format!("Added {} ({})", text(e, "id"), text(e, "headline")));
        }
        EventCommand::Import { file, mailbox, zone } => {
            let asked = query(&[("zone", zone)]);
            let to = format!("{}{asked}", of(&mailbox, "events/import"));
            out.show(&api.upload(&to, "text/calendar", record::read(&file)?).await?, record::imported);
        }
        EventCommand::Export { file, mailbox } => {
            let content = api.bytes(&of(&mailbox, "events/export")).await?;
            record::write(file.as_deref(), &content, out)?;
        }
        EventCommand::Feed { mailbox, name, private } => {
            let answer = api.post(&of(&mailbox, "feeds"), &json!({"name": name, "private": private})).await?;
            out.show(&answer, |f| {
                format!("Made {}. Its address, shown only now: {}", text(f, "id"), text(f, "path"))
            });
        }
        EventCommand::Feeds { mailbox } => out.show(&api.get(&of(&mailbox, "feeds")).await?, feeds),
        EventCommand::EndFeed { id, mailbox } => {
            let answer = api.delete(&format!("{}/{}", of(&mailbox, "feeds"), segment(&id))).await?;
            out.show(&answer, |_| format!("Ended {id}"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let row = |e: &Value| {
        let start = &e["event"]["schedule"]["start"];
        let series = if e["event"]["schedule"]["recurrence"].is_object() { "series" } else { "" };
        let begins = format!("{} {}", text(start, "local"), text(start, "zone.id"));
        vec![text(e, "id"), begins, series.to_owned(), text(e, "headline")]
    };
    let empty = "No events. Take some in: tieline event import FILE.ics --mailbox 1001";
    table(&["id", "begins", "", "subject"], items(answer).iter().map(row).collect(), empty)
}

fn feeds(answer: &Value) -> String {
    let row = |f: &Value| vec![text(f, "id"), text(f, "name"), text(f, "private"), time(&text(f, "created"))];
    let empty = "No feeds. Make one: tieline event feed --mailbox 1001 --name Outlook";
    table(&["id", "name", "private", "made"], items(answer).iter().map(row).collect(), empty)
}
