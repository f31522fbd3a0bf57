//! `tieline meeting …`: meetings in rooms, and what becomes of their rooms.

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::query;
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text, time};

const MEETINGS: &str = "/api/v1/meetings";

#[derive(Debug, Subcommand)]
pub(crate) enum MeetingCommand {
    /// Lists meetings, the last changed first.
    List {
        /// Only accepted, declined, cancelled, released or forgotten ones.
        #[arg(long)]
        state: Option<String>,
        /// Only those in this room.
        #[arg(long)]
        room: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Shows a meeting with its times and answers.
    Show {
        /// Its id.
        id: String,
    },
    /// Gives a meeting's room back at once. Its organizer's next update asks for a room anew.
    Release {
        /// Its id.
        id: String,
    },
    /// Keeps a meeting's room for it, also when it is over.
    Keep {
        /// Its id.
        id: String,
        /// From now on, in days.
        #[arg(long, default_value_t = 14)]
        days: u16,
    },
    /// Releases the rooms of meetings that are over, and forgets old meetings. It is done every hour anyway.
    CleanUp {
        /// Meetings without a room are forgotten when they were last changed before so many days.
        #[arg(long, default_value_t = 90)]
        older_than_days: u16,
        /// Only count.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(command: MeetingCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |id: &str| format!("{MEETINGS}/{}", segment(id));
    match command {
        MeetingCommand::List { state, room, limit } => {
            let asked = query(&[("state", state), ("room", room), ("limit", Some(limit.to_string()))]);
            out.show(&api.get(&format!("{MEETINGS}{asked}")).await?, list);
        }
        MeetingCommand::Show { id } => out.show(&api.get(&path(&id)).await?, show),
        MeetingCommand::Release { id } => {
            let answer = api.post(&format!("{}/release", path(&id)), &json!({})).await?;
            out.show(&answer, |meeting| format!("Released: {} has no room any more", text(meeting, "id")));
        }
        MeetingCommand::Keep { id, days } => {
            let answer = api.post(&format!("{}/keep", path(&id)), &json!({ "days": days })).await?;
            out.show(&answer, |meeting| {
                format!(
                    "Room {} is kept until {}",
                    text(meeting, "number"),
                    time(&text(meeting, "kept_until"))
                )
            });
        }
        MeetingCommand::CleanUp { older_than_days, dry_run } => {
            let body = json!({ "older_than_days": older_than_days, "dry_run": dry_run });
            let answer = api.post(&format!("{MEETINGS}/clean-up"), &body).await?;
            out.show(&answer, |done| {
                let would = if dry_run { "Would release" } else { "Released" };
                format!(
                    "{would} {} rooms; {} old meetings forgotten",
                    text(done, "released"),
                    text(done, "removed")
                )
            });
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let row = |meeting: &Value| {
        let begins = format!("{} {}", text(meeting, "start"), text(meeting, "zone"));
        let names = ["number", "state", "organizer", "subject"].map(|name| text(meeting, name));
        [vec![text(meeting, "id"), begins], names.to_vec()].concat()
    };
    let empty = "No meetings. The first one comes about when somebody invites the conference mailbox";
    let headers = ["id", "begins", "room", "state", "organizer", "subject"];
    table(&headers, items(answer).iter().map(row).collect(), empty)
}

fn show(detail: &Value) -> String {
    let meeting = &detail["meeting"];
    let people: Vec<&str> =
        detail["attendees"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let head = fields(&[
        ("id", text(meeting, "id")),
        ("state", text(meeting, "state")),
        ("subject", text(meeting, "subject")),
        ("organizer", text(meeting, "organizer")),
        ("room", text(meeting, "number")),
        ("begins", format!("{} {}", text(meeting, "start"), text(meeting, "zone"))),
        ("times", text(detail, "times_total")),
        ("invited", people.join(", ")),
        ("kept until", time(&text(meeting, "kept_until"))),
        ("in the meeting itself", text(detail, "inserted")),
        ("its page", text(detail, "link")),
        ("why", format!("tieline explain {}", text(meeting, "trace"))),
    ]);
    let row = |answer: &Value| {
        let reasons: Vec<&str> =
            answer["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        vec![
            time(&text(answer, "decided")),
            text(answer, "verdict"),
            reasons.join(", "),
            text(answer, "alternatives"),
            time(&text(answer, "sent")),
        ]
    };
    let answers = detail["answers"].as_array().map_or(&[][..], Vec::as_slice);
    let headers = ["decided", "answer", "reasons", "proposals", "sent"];
    let answers = table(&headers, answers.iter().map(row).collect(), "No answers.");
    format!("{head}\n\n{answers}")
}
