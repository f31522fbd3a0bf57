//! `tieline mailbox …`: mailboxes, their settings and lights.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_model::{Refusal, SmtpAddress};

use super::feature_group::{SettingsArgs, YesNo, words};
use super::{PasswordSource, endpoint, given, warn};
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum MailboxCommand {
    /// Adds a mailbox.
    Add {
        /// The number or extension that callers dial.
        number: String,
        /// The mail server's mailbox, as user@domain ("User Name").
        address: SmtpAddress,
        /// The feature group that owns the service account, by name or id.
        #[arg(long)]
        group: String,
        #[command(flatten)]
        rest: Rest,
    },
    /// Changes a mailbox.
    Edit {
        /// Its number, address or id.
        mailbox: String,
        /// Another number.
        #[arg(long)]
        number: Option<String>,
        /// Another mail address.
        #[arg(long)]
        address: Option<SmtpAddress>,
        /// Another feature group; nothing is copied again or deleted.
        #[arg(long)]
        group: Option<String>,
        #[command(flatten)]
        rest: Rest,
    },
    /// Lists the mailboxes.
    List {
        /// Only of this feature group.
        #[arg(long)]
        group: Option<String>,
    },
    /// Shows one mailbox: every setting with where it comes from, its state and its light.
    Show {
        /// Its number, address or id.
        mailbox: String,
    },
    /// Checks that the service account may act for the mailbox.
    Check {
        /// Its number, address or id.
        mailbox: String,
    },
    /// Shows what the light should be, and what every telephone was last told.
    Light {
        /// Its number, address or id.
        mailbox: String,
    },
    /// Shows where the user is and why, or sets it by hand: then no event moves it until it is taken back.
    Location {
        /// Its number, address or id.
        mailbox: String,
        /// Sets it: office, meeting, home, mobile, travel, out-of-office or vacation.
        #[arg(long, value_name = "LOCATION", conflicts_with = "clear")]
        set: Option<String>,
        /// Until then, as 2026-03-02T17:00:00Z; until it is taken back without it.
        #[arg(long, requires = "set")]
        until: Option<String>,
        /// Takes back what was set by hand.
        #[arg(long)]
        clear: bool,
        /// Where this user is when nothing says otherwise; "" for as everybody.
        #[arg(long, value_name = "LOCATION")]
        usual: Option<String>,
    },
    /// Tells every telephone again.
    Resync {
        /// Its number, address or id.
        mailbox: String,
    },
    /// Lifts the brake of a paused mailbox: what vanished counts as deleted from now on.
    Resume {
        /// Its number, address or id.
        mailbox: String,
    },
    /// Stores the password with which its telephones subscribe to the light; their user name is the number.
    SetSipPassword {
        /// Its number, address or id.
        mailbox: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Removes a mailbox; what was delivered stays in the mail server.
    Remove {
        /// Its number, address or id.
        mailbox: String,
    },
}

/// What can be said of a mailbox besides who it is.
#[derive(Debug, Args)]
pub(crate) struct Rest {
    /// The person's name.
    #[arg(long)]
    name: Option<String>,
    /// messaging, messaging-collab, voice-only or collab; only the first two may synchronize.
    #[arg(long)]
    user_type: Option<String>,
    /// synchronization, local-only or mail-only.
    #[arg(long)]
    storage_mode: Option<String>,
    /// "Use Feature Group settings for IMAP".
    #[arg(long, value_name = "yes|no")]
    use_group_settings: Option<YesNo>,
    /// A lamp that follows the mailbox, as sip:1001@10.0.0.5; may be given several times.
    #[arg(long = "light", value_name = "SIP-URI")]
    lights: Vec<String>,
    /// Switched off: nothing is delivered, nothing is lost.
    #[arg(long, value_name = "yes|no")]
    enabled: Option<YesNo>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Rest {
    fn json(self, who: [(&str, Option<Value>); 3]) -> Result<Value, Refusal> {
        let yes = |choice: YesNo| Value::from(matches!(choice, YesNo::Yes));
        let mut body = given([
            ("display_name", self.name.map(Into::into)),
            ("user_type", self.user_type.map(Into::into)),
            ("storage_mode", self.storage_mode.map(Into::into)),
            ("use_group_settings", self.use_group_settings.map(yes)),
            ("light_targets", (!self.lights.is_empty()).then(|| self.lights.into())),
            ("enabled", self.enabled.map(yes)),
            ("settings", self.settings.json()?),
        ]);
        if let (Some(body), Value::Object(who)) = (body.as_object_mut(), given(who)) {
            body.extend(who);
        }
        Ok(body)
    }
}

pub(crate) async fn run(command: MailboxCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |reference: &str| format!("/api/v1/mailboxes/{}", segment(reference));
    match command {
        MailboxCommand::Add { number, address, group, rest } => {
            let who = [
                ("number", Some(number.into())),
                ("address", Some(address.to_string().into())),
                ("feature_group", Some(group.into())),
            ];
            let answer = api.post("/api/v1/mailboxes", &rest.json(who)?).await?;
            out.show(&answer, |a| {
                let number = text(a, "number");
                format!(
                    "Added mailbox {number} ({})\nNext: tieline mailbox check {number}",
                    text(a, "address")
                )
            });
            warn(out, &answer);
        }
        MailboxCommand::Edit { mailbox, number, address, group, rest } => {
            let who = [
                ("number", number.map(Into::into)),
                ("address", address.map(|a| a.to_string().into())),
                ("feature_group", group.map(Into::into)),
            ];
            let answer = api.patch(&path(&mailbox), &rest.json(who)?).await?;
            out.show(&answer, show);
            warn(out, &answer);
        }
        MailboxCommand::List { group } => {
            let answer = api.get(&format!("/api/v1/mailboxes{}", super::query(&[("group", group)]))).await?;
            out.show(&answer, list);
        }
        MailboxCommand::Show { mailbox } => out.show(&api.get(&path(&mailbox)).await?, show),
        MailboxCommand::Check { mailbox } => {
            let answer = api.post(&format!("{}/check", path(&mailbox)), &json!({})).await?;
            out.show(&answer, |a| endpoint::findings(out, a));
            return endpoint::failed(&answer);
        }
        MailboxCommand::Light { mailbox } => {
            out.show(&api.get(&format!("{}/light", path(&mailbox))).await?, light);
        }
        MailboxCommand::Location { mailbox, set, until, clear, usual } => {
            let path = format!("{}/location", path(&mailbox));
            let now = api.get(&path).await?;
            let answer = if set.is_none() && !clear && usual.is_none() {
                now
            } else {
                let kept = |name: &str| if clear { Value::Null } else { now[name].clone() };
                let (location, until) = match set {
                    Some(set) => (json!(set), json!(until)),
                    None => (kept("by_hand"), kept("by_hand_until")),
                };
                let usual = usual.map_or_else(
                    || now["usual"].clone(),
                    |usual| match usual.as_str() {
                        "" => Value::Null,
                        usual => json!(usual),
                    },
                );
                api.put(&path, &json!({"location": location, "until": until, "usual": usual})).await?
            };
            out.show(&answer, location);
        }
        MailboxCommand::Resync { mailbox } => {
            let answer = api.post(&format!("{}/light/resync", path(&mailbox)), &json!({})).await?;
            out.show(&answer, |_| format!("Telling every telephone of {mailbox} again"));
        }
        MailboxCommand::Resume { mailbox } => {
            api.post(&format!("{}/resume", path(&mailbox)), &json!({})).await?;
            out.show(&json!({"resumed": mailbox}), |_| format!("Mailbox {mailbox} is followed again"));
        }
        MailboxCommand::SetSipPassword { mailbox, password } => {
            let password = password.required()?;
            let body = json!({"password": password, "confirm": password});
            api.put(&format!("{}/sip-password", path(&mailbox)), &body).await?;
            out.show(&json!({"stored": mailbox}), |_| {
                format!("Stored the SIP password of mailbox {mailbox}")
            });
        }
        MailboxCommand::Remove { mailbox } => {
            api.delete(&path(&mailbox)).await?;
            out.show(&json!({"removed": mailbox}), |_| format!("Removed mailbox {mailbox}"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|m| {
            let state = text(m, "health.state");
            vec![
                text(m, "number"),
                text(m, "address"),
                text(m, "feature_group_name"),
                state,
                text(m, "light.light"),
            ]
        })
        .collect();
    let empty = "No mailboxes yet. Add one: tieline mailbox add 1001 alice@corp.example --group Sales";
    table(&["number", "address", "feature group", "state", "light"], rows, empty)
}

fn show(m: &Value) -> String {
    let origin = |name: &str| {
        let from = text(m, &format!("effective.{name}.origin.from"));
        let from = match from.as_str() {
            "feature-group" => {
                format!("from feature group {}", text(m, &format!("effective.{name}.origin.name")))
            }
            "mailbox" => "set on the mailbox".to_owned(),
            _ => from,
        };
        format!("{}  ({from})", words(m, &format!("effective.{name}.value")))
    };
    fields(&[
        ("id", text(m, "id")),
        ("number", text(m, "number")),
        ("address", text(m, "address")),
        ("name", text(m, "display_name")),
        ("feature group", text(m, "feature_group_name")),
        ("user type", text(m, "user_type")),
        ("storage mode", text(m, "storage_mode")),
        ("use group settings", text(m, "use_group_settings")),
        ("synchronizes", origin("kinds")),
        ("folders", origin("folders")),
        ("subject", origin("subject")),
        ("change location", origin("change_location")),
        ("saves contacts", origin("save_contacts")),
        ("calendar mode", origin("calendar_mode")),
        ("enabled", text(m, "enabled")),
        ("state", state(m)),
        ("cause", text(m, "health.cause")),
        ("light", light_words(m.get("light").unwrap_or(&Value::Null))),
        ("lamps", lamps(m)),
    ])
}

/// The state's word, since when it holds, and when it was last looked at.
fn state(m: &Value) -> String {
    let word = text(m, "health.state");
    match text(m, "health.since").as_str() {
        "–" => word,
        since => format!("{word} since {}, checked {}", time(since), time(&text(m, "health.checked"))),
    }
}

fn lamps(m: &Value) -> String {
    let targets = m.get("light_targets").and_then(Value::as_array).into_iter().flatten();
    targets.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// `on: 1 new, 0 old`, or the word alone when the counts are not known.
fn light_words(light: &Value) -> String {
    let word = text(light, "light");
    match light.get("new") {
        Some(new) => format!("{word}: {new} new, {} old", text(light, "old")),
        None => word,
    }
}

/// What a lamp was told: the counts of each kind that has any.
fn told(target: &Value) -> String {
    let Some(told) = target.get("told").and_then(Value::as_object) else { return "nothing yet".to_owned() };
    if told.get("unknown") == Some(&Value::Bool(true)) {
        return "unknown".to_owned();
    }
    let counts = |kind: &str| {
        let of = told.get(kind)?;
        let (new, old) = (of.get("new")?.as_u64()?, of.get("old")?.as_u64()?);
        (kind == "voice" || new + old > 0).then(|| format!("{kind} {new} new, {old} old"))
    };
    ["voice", "fax", "text"].into_iter().filter_map(counts).collect::<Vec<_>>().join("; ")
}

fn location(answer: &Value) -> String {
    let by = match text(answer, "cause").as_str() {
        "event" => text(answer, "event"),
        "by-hand" => "set by hand".to_owned(),
        _ => "nothing says otherwise".to_owned(),
    };
    let mut pairs = vec![
        ("location", text(answer, "location")),
        ("why", by),
        ("until", time(&text(answer, "until"))),
        ("moved by the calendar", text(answer, "moved_by_calendar")),
    ];
    let unknown = items_of(answer, "unknown");
    pairs.extend((!unknown.is_empty()).then(|| ("in unknown time zones", unknown.join(", "))));
    fields(&pairs)
}

fn items_of(answer: &Value, name: &str) -> Vec<String> {
    let list = answer[name].as_array().into_iter().flatten();
    list.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

fn light(answer: &Value) -> String {
    let rows = answer
        .get("targets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|t| vec![text(t, "target"), told(t), time(&text(t, "at")), text(t, "problem")])
        .collect();
    let none =
        "No telephone follows this light. Add one: tieline mailbox edit NUMBER --light sip:1001@10.0.0.5";
    let reason = match text(answer, "reason").as_str() {
        "–" => String::new(),
        reason => format!(" ({reason})"),
    };
    let light = format!("The light is {}{reason}", light_words(answer));
    format!("{light}\n{}", table(&["lamp", "told", "at", "problem"], rows, none))
}
