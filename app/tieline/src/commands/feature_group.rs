//! `tieline feature-group …`: groups of mailboxes that share settings and a service account.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use tieline_model::{CalendarMode, FolderPath, Refusal};

use super::{PasswordSource, endpoint, given, warn};
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum FeatureGroupCommand {
    /// Adds a group.
    Add {
        /// Its name.
        name: String,
        /// The mail server, by name or id ("IMAP Server").
        #[arg(long)]
        endpoint: String,
        /// The service account that may impersonate the users ("IMAP Account"), as user@domain.
        #[arg(long)]
        account: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Changes a group.
    Edit {
        /// Its name or id.
        group: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// Another mail server, by name or id.
        #[arg(long)]
        endpoint: Option<String>,
        /// Another service account.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Stores the service account's password, encrypted.
    SetPassword {
        /// The group's name or id.
        group: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Lists the groups.
    List,
    /// Shows one group.
    Show {
        /// Its name or id.
        group: String,
    },
    /// Checks the service account: that it may act for the mailboxes, and what it could do in wrong hands.
    Check {
        /// The group's name or id.
        group: String,
        /// A mailbox outside the group, which the service account should not be able to open.
        #[arg(long, value_name = "ADDRESS")]
        outside: Option<String>,
    },
    /// Removes a group that no mailbox is in.
    Remove {
        /// Its name or id.
        group: String,
    },
}

/// Synchronization Options and Mailbox Options, as far as they are said here.
#[derive(Debug, Clone, Args)]
pub(crate) struct SettingsArgs {
    /// What is synchronized: any of messages, contacts, calendar, separated by commas; none for nothing.
    #[arg(long, value_delimiter = ',')]
    sync: Option<Vec<String>>,
    /// Where voice messages go, as inbox or inbox/Voice mail; none to keep them in Tieline.
    #[arg(long)]
    voice_folder: Option<String>,
    /// Where fax goes.
    #[arg(long)]
    fax_folder: Option<String>,
    /// Where text messages go.
    #[arg(long)]
    text_folder: Option<String>,
    /// The subject line; {kind}, {caller} and {duration} are replaced.
    #[arg(long)]
    subject: Option<String>,
    /// Calendar Mode: none, or sync-with-mail-server, also written "Sync with Mail Server Calendar".
    #[arg(long, value_name = "MODE")]
    calendar_mode: Option<String>,
    /// Calendar events move the user's location.
    #[arg(long, value_name = "yes|no")]
    change_location: Option<YesNo>,
    /// People of the directory may be saved as contacts, which then follow it ("save Lync contacts in Outlook").
    #[arg(long, value_name = "yes|no")]
    save_contacts: Option<YesNo>,
}

/// A switch that can be said both ways.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl SettingsArgs {
    /// The settings that were said; `None` when none was.
    pub(super) fn json(&self) -> Result<Option<Value>, Refusal> {
        let mut settings = Map::new();
        if let Some(sync) = &self.sync {
            let names = ["messages", "contacts", "calendar"];
            if let Some(bad) = sync.iter().find(|s| *s != "none" && !names.contains(&s.as_str())) {
                let what = format!("{bad:?} cannot be synchronized");
                return Err(Refusal::permanent(
                    "unknown-kind",
                    what,
                    "choose from messages, contacts, calendar, none",
                ));
            }
            let kinds = names.map(|name| (name.to_owned(), Value::from(sync.iter().any(|s| s == name))));
            settings.insert("kinds".to_owned(), Value::Object(kinds.into_iter().collect()));
        }
        let folders = [("voice", &self.voice_folder), ("fax", &self.fax_folder), ("text", &self.text_folder)];
        if folders.iter().any(|(_, folder)| folder.is_some()) {
            let mut rules = Map::new();
            for (kind, folder) in folders {
                rules.insert(kind.to_owned(), folder_rule(folder.as_deref())?);
            }
            settings.insert("folders".to_owned(), Value::Object(rules));
        }
        if let Some(subject) = &self.subject {
            settings.insert("subject".to_owned(), subject.as_str().into());
        }
        if let Some(mode) = &self.calendar_mode {
            settings.insert("calendar_mode".to_owned(), json!(calendar_mode(mode)?));
        }
        if let Some(change) = self.change_location {
            settings.insert("change_location".to_owned(), matches!(change, YesNo::Yes).into());
        }
        if let Some(save) = self.save_contacts {
            settings.insert("save_contacts".to_owned(), matches!(save, YesNo::Yes).into());
        }
        Ok((!settings.is_empty()).then_some(Value::Object(settings)))
    }
}

/// In whatever letters.
fn calendar_mode(text: &str) -> Result<CalendarMode, Refusal> {
    match text.to_lowercase().as_str() {
        "none" => Ok(CalendarMode::None),
        "sync-with-mail-server" | "sync with mail server" | "sync with mail server calendar" => {
            Ok(CalendarMode::SyncWithMailServer)
        }
        _ => Err(Refusal::permanent(
            "unknown-calendar-mode",
            format!("{text:?} is no Calendar Mode"),
            "write --calendar-mode none or --calendar-mode sync-with-mail-server",
        )),
    }
}

fn folder_rule(folder: Option<&str>) -> Result<Value, Refusal> {
    match folder {
        Some("none") => Ok(Value::Null),
        Some(path) => Ok(path.parse::<FolderPath>()?.to_string().into()),
        None => Ok(FolderPath::inbox().to_string().into()),
    }
}

pub(crate) async fn run(command: FeatureGroupCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |reference: &str| format!("/api/v1/feature-groups/{}", segment(reference));
    match command {
        FeatureGroupCommand::Add { name, endpoint, account, password, settings } => {
            let password = password.read()?;
            let body = given([
                ("name", Some(name.into())),
                ("endpoint", Some(endpoint.into())),
                ("account", Some(account.into())),
                ("password_confirm", password.clone().map(Into::into)),
                ("password", password.map(Into::into)),
                ("settings", settings.json()?),
            ]);
            let answer = api.post("/api/v1/feature-groups", &body).await?;
            out.show(&answer, |a| {
                let name = text(a, "name");
                let next = match text(a, "password_stored").as_str() {
                    "yes" => format!("tieline mailbox add 1001 alice@corp.example --group {name}"),
                    _ => format!("tieline feature-group set-password {name} --password-file FILE"),
                };
                format!("Added feature group {name}\nNext: {next}")
            });
            warn(out, &answer);
        }
        FeatureGroupCommand::Edit { group, name, endpoint, account, settings } => {
            let body = given([
                ("name", name.map(Into::into)),
                ("endpoint", endpoint.map(Into::into)),
                ("account", account.map(Into::into)),
                ("settings", settings.json()?),
            ]);
            let answer = api.patch(&path(&group), &body).await?;
            out.show(&answer, show);
            warn(out, &answer);
        }
        FeatureGroupCommand::SetPassword { group, password } => {
            let password = password.required()?;
            api.put(
                &format!("{}/password", path(&group)),
                &json!({"password": password, "confirm": password}),
            )
            .await?;
            out.show(&json!({"stored": group}), |_| format!("Stored the password of feature group {group}"));
        }
        FeatureGroupCommand::List => out.show(&api.get("/api/v1/feature-groups").await?, list),
        FeatureGroupCommand::Show { group } => out.show(&api.get(&path(&group)).await?, show),
        FeatureGroupCommand::Check { group, outside } => {
            let body = given([("outside", outside.map(Into::into))]);
            let answer = api.post(&format!("{}/check", path(&group)), &body).await?;
            out.show(&answer, |a| {
                format!("{}\nPrecautions taken: {} of 3", endpoint::findings(out, a), text(a, "precautions"))
            });
            return endpoint::failed(&answer);
        }
        FeatureGroupCommand::Remove { group } => {
            api.delete(&path(&group)).await?;
            out.show(&json!({"removed": group}), |_| format!("Removed feature group {group}"));
        }
    }
    Ok(())
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|g| vec![text(g, "name"), text(g, "endpoint_name"), text(g, "account"), text(g, "mailboxes")])
        .collect();
    let empty = "No feature groups yet. Add one: tieline feature-group add Sales --endpoint corp --account svc@corp.example";
    table(&["name", "endpoint", "account", "mailboxes"], rows, empty)
}

/// A setting of a group, or that it says nothing.
fn said(g: &Value, path: &str) -> String {
    match words(g, path).as_str() {
        "–" => "not set; Tieline's default holds".to_owned(),
        words => words.to_owned(),
    }
}

/// A setting in words: the kinds that are synchronized, the folder of each kind, or a plain value.
pub(super) fn words(value: &Value, path: &str) -> String {
    let members = value.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_object);
    let Some(members) = members else { return text(value, path) };
    let words: Vec<_> = members
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Bool(yes) => yes.then(|| name.clone()),
            Value::Null => Some(format!("{name} stays in Tieline")),
            Value::String(folder) => Some(format!("{name} to {folder}")),
            other => Some(format!("{name} {other}")),
        })
        .collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn show(g: &Value) -> String {
    fields(&[
        ("id", text(g, "id")),
        ("name", text(g, "name")),
        ("endpoint", text(g, "endpoint_name")),
        ("account", text(g, "account")),
        ("password", if text(g, "password_stored") == "yes" { "stored" } else { "missing" }.to_owned()),
        ("synchronizes", said(g, "settings.kinds")),
        ("folders", said(g, "settings.folders")),
        ("subject", said(g, "settings.subject")),
        ("calendar mode", said(g, "settings.calendar_mode")),
        ("change location", said(g, "settings.change_location")),
        ("saves contacts", said(g, "settings.save_contacts")),
        ("mailboxes", text(g, "mailboxes")),
    ])
}
