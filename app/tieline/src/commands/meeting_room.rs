//! `tieline meeting-room …`: rooms that exist all the time, the rules by which invitations are answered, and calendars for
//! devices.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_conferencing::{Policy, PolicyError, Trials};
use tieline_model::Refusal;

use super::given;
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text, time};

const ROOMS: &str = "/api/v1/meeting-rooms";
const FEEDS: &str = "/api/v1/conference/feeds";

#[derive(Debug, Subcommand)]
pub(crate) enum MeetingRoomCommand {
    /// Makes a room that exists all the time.
    Add {
        /// The name people see.
        name: String,
        #[command(flatten)]
        room: RoomArgs,
    },
    /// Changes a room; what is not said stays.
    Edit {
        /// Its number or id.
        #[arg(value_name = "ROOM")]
        room_ref: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        room: RoomArgs,
    },
    /// Lists people's own rooms and those that administrators made.
    List,
    /// Shows one room.
    Show {
        /// Its number or id.
        room: String,
    },
    /// Removes a room; its number can be given to meetings.
    Remove {
        /// Its number or id.
        room: String,
    },
    /// Shows how the conference mailbox is watched, since when, and why.
    Status,
    /// The rules by which invitations are answered.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Makes a calendar of a room's or a person's meetings; its address is shown once.
    Feed {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// A room's number.
        #[arg(long, conflicts_with = "person", required_unless_present = "person")]
        room: Option<String>,
        /// A person's mail address: meetings that they organize or are invited to.
        #[arg(long)]
        person: Option<String>,
        /// With the details of private meetings.
        #[arg(long)]
        private: bool,
    },
    /// Lists these calendars.
    Feeds,
    /// Ends such a calendar.
    EndFeed {
        /// Its id, from the list.
        id: String,
    },
}

/// What a room has.
#[derive(Debug, Args)]
pub(crate) struct RoomArgs {
    /// 2 to 20 digits; a new room without one gets a free number of the policy's ranges.
    #[arg(long)]
    number: Option<String>,
    /// Whose it is, as user@domain; an empty text for nobody's.
    #[arg(long)]
    owner: Option<String>,
    /// A file whose first line is what everybody enters, digits; an empty line for none.
    #[arg(long, value_name = "FILE")]
    passcode_file: Option<PathBuf>,
    /// A file whose first line opens the room for who leads, digits; an empty line for none.
    #[arg(long, value_name = "FILE")]
    chairperson_passcode_file: Option<PathBuf>,
}

impl RoomArgs {
    fn body(&self, name: Option<&String>) -> Result<Value, Refusal> {
        let code = |file: &Option<PathBuf>| -> Result<Option<Value>, Refusal> {
            let Some(file) = file else { return Ok(None) };
            Ok(Some(json!(read(file)?.lines().next().unwrap_or_default().trim())))
        };
        Ok(given([
            ("name", name.map(|name| json!(name))),
            ("number", self.number.as_ref().map(|number| json!(number))),
            ("owner", self.owner.as_ref().map(|owner| json!(owner))),
            ("passcode", code(&self.passcode_file)?),
            ("chairperson_passcode", code(&self.chairperson_passcode_file)?),
        ]))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Tries a policy against the tests beside it: for policy.toml those in policy.tests.toml.
    Test {
        /// The policy file.
        file: PathBuf,
        /// The file with the tests, where it lies elsewhere.
        #[arg(long, value_name = "FILE")]
        tests: Option<PathBuf>,
    },
    /// Shows what a policy would have made of the invitations of the last days. Nothing is applied, nobody is told.
    Replay {
        /// The policy file.
        file: PathBuf,
        /// The invitations of so many days.
        #[arg(long, default_value_t = 30)]
        days: u16,
    },
}

pub(crate) async fn run(
    command: MeetingRoomCommand,
    api: impl FnOnce() -> Result<Api, Refusal>,
    out: Output,
) -> Result<(), Refusal> {
    let path = |room: &str| format!("{ROOMS}/{}", segment(room));
    // Trying a policy against its tests needs no server.
    if let MeetingRoomCommand::Policy(PolicyCommand::Test { file, tests }) = command {
        return test(&file, tests, out);
    }
    let api = api()?;
    match command {
        MeetingRoomCommand::Add { name, room } => {
            let answer = api.post(ROOMS, &room.body(Some(&name))?).await?;
            out.show(&answer, |room| format!("Added room {}\n{}", text(room, "number"), show(room)));
        }
        MeetingRoomCommand::Edit { room_ref, name, room } => {
            let answer = api.patch(&path(&room_ref), &room.body(name.as_ref())?).await?;
            out.show(&answer, |room| format!("Changed room {}\n{}", text(room, "number"), show(room)));
        }
        MeetingRoomCommand::List => out.show(&api.get(ROOMS).await?, list),
        MeetingRoomCommand::Show { room } => out.show(&api.get(&path(&room)).await?, show),
        MeetingRoomCommand::Remove { room } => {
            let answer = api.delete(&path(&room)).await?;
            out.show(&answer, |_| format!("Removed {room}; its number can be given to meetings"));
        }
        MeetingRoomCommand::Status => out.show(&api.get("/api/v1/conference").await?, status),
        MeetingRoomCommand::Policy(PolicyCommand::Replay { file, days }) => {
            let body = json!({ "policy": read(&file)?, "days": days });
            out.show(&api.post("/api/v1/conference/replay", &body).await?, replayed);
        }
        MeetingRoomCommand::Policy(PolicyCommand::Test { .. }) => {}
        MeetingRoomCommand::Feed { name, room, person, private } => {
            let body = given([
                ("name", Some(json!(name))),
                ("room", room.map(|room| json!(room))),
                ("person", person.map(|person| json!(person))),
                ("private", Some(json!(private))),
            ]);
            out.show(&api.post(FEEDS, &body).await?, |feed| {
                format!("Made {}. Its address, shown only now: {}", text(feed, "id"), text(feed, "path"))
            });
        }
        MeetingRoomCommand::Feeds => out.show(&api.get(FEEDS).await?, feeds),
        MeetingRoomCommand::EndFeed { id } => {
            let answer = api.delete(&format!("{FEEDS}/{}", segment(&id))).await?;
            out.show(&answer, |_| format!("Ended {id}"));
        }
    }
    Ok(())
}

fn test(file: &Path, tests: Option<PathBuf>, out: Output) -> Result<(), Refusal> {
    let tests = tests.unwrap_or_else(|| file.with_extension("tests.toml"));
    let policy = Policy::parse(&read(file)?).map_err(|error| refused(&error, file))?;
    let trials = Trials::parse(&read(&tests)?).map_err(|error| refused(&error, &tests))?;
    let outcomes = trials.run(&policy).map_err(|error| refused(&error, &tests))?;
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    let answer = json!({ "tests": outcomes, "failed": failed });
    out.show(&answer, tested);
    if failed == 0 {
        return Ok(());
    }
    let what = format!("{failed} of {} tests did not come out as expected", outcomes.len());
    let next = "correct the policy or the tests; nothing was applied";
    Err(Refusal::permanent("policy-tests-failed", what, next).at(file.display().to_string()))
}

fn read(file: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(file).map_err(|error| {
        let what = format!("the file cannot be read: {error}");
        Refusal::permanent("file-unreadable", what, "name an existing file").at(file.display().to_string())
    })
}

fn refused(error: &PolicyError, file: &Path) -> Refusal {
    let next = "correct the file";
    Refusal::permanent("policy-invalid", error.to_string(), next).at(file.display().to_string())
}

fn list(answer: &Value) -> String {
    let row = |room: &Value| {
        ["number", "name", "kind", "owner", "passcode_set", "id"].map(|name| text(room, name)).to_vec()
    };
    let empty = "No rooms that exist all the time. Make one: tieline meeting-room add NAME --number 7000";
    let headers = ["number", "name", "kind", "owner", "passcode", "id"];
    table(&headers, items(answer).iter().map(row).collect(), empty)
}

fn show(room: &Value) -> String {
    fields(&[
        ("number", text(room, "number")),
        ("name", text(room, "name")),
        ("kind", text(room, "kind")),
        ("owner", text(room, "owner")),
        ("address", text(room, "sip")),
        ("passcode", text(room, "passcode_set")),
        ("chairperson passcode", text(room, "chairperson_passcode_set")),
        ("id", text(room, "id")),
    ])
}

fn status(status: &Value) -> String {
    fields(&[
        ("state", text(status, "state")),
        ("since", time(&text(status, "since"))),
        ("cause", text(status, "cause")),
        ("next", text(status, "next")),
        ("mailbox", text(status, "mailbox")),
        ("subscription", text(status, "subscription")),
    ])
}

fn feeds(answer: &Value) -> String {
    let row = |feed: &Value| {
        let whose = text(feed, if feed["room"].is_string() { "room" } else { "person" });
        vec![text(feed, "id"), text(feed, "name"), whose, text(feed, "private"), time(&text(feed, "created"))]
    };
    let empty = "No calendars. Make one: tieline meeting-room feed --room 7042 --name Panel";
    table(&["id", "name", "of", "private", "made"], items(answer).iter().map(row).collect(), empty)
}

fn kinds(value: &Value) -> String {
    let kinds: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if kinds.is_empty() { "accepted".to_owned() } else { kinds.join(", ") }
}

fn replayed(answer: &Value) -> String {
    let head = format!(
        "Of {} invitations {} would be accepted that were not, and {} declined that were accepted.",
        text(answer, "invitations"),
        text(answer, "newly_accepted"),
        text(answer, "newly_declined")
    );
    let differences = answer["differences"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |one: &Value| {
        vec![time(&text(one, "at")), text(one, "subject"), kinds(&one["before"]), kinds(&one["after"])]
    };
    let rows = table(
        &["decided", "subject", "was", "would be"],
        differences.iter().map(row).collect(),
        "Every answer stays as it was.",
    );
    format!("{head}\n{rows}\nNothing was applied.")
}

fn tested(answer: &Value) -> String {
    let line = |outcome: &Value| {
        let name = outcome["name"].as_str().unwrap_or_default();
        match outcome["passed"].as_bool() {
            Some(true) => format!("ok      {name}: {}", kinds(&outcome["got"])),
            _ => format!(
                "FAILED  {name}: {}, expected {}",
                kinds(&outcome["got"]),
                kinds(&outcome["expected"])
            ),
        }
    };
    answer["tests"].as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
