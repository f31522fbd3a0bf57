//! `tieline voicemail …`: voice messages, fax and text messages.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tieline_model::{MessageKind, Refusal};

use super::{given, query};
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, lasting, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Voicemail {
    /// Leaves recordings (or a fax, or a text message) in a mailbox.
    Deposit(Deposit),
    /// Lists messages, newest first.
    List {
        /// Only of this mailbox, by number, address or id.
        #[arg(long)]
        mailbox: Option<String>,
        /// Only unread, read or deleted ones.
        #[arg(long)]
        state: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Shows one message: who called, where it is, what happened to it.
    Show {
        /// Its id, as vm_….
        id: String,
    },
    /// Writes the recording to a file.
    Fetch {
        /// Its id.
        id: String,
        /// The file.
        file: PathBuf,
    },
    /// Marks a message as heard.
    Read {
        /// Its id.
        id: String,
    },
    /// Marks a message as not heard.
    Unread {
        /// Its id.
        id: String,
    },
    /// Deletes a message, here and in the mail server.
    Delete {
        /// Its id.
        id: String,
    },
    /// Tries a quarantined delivery again.
    Retry {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Deposit {
    /// The recordings: WAV, MP3, GSM; with --kind fax, PDF or TIFF.
    #[arg(required_unless_present = "text")]
    files: Vec<PathBuf>,
    /// The mailbox, by number, address or id.
    #[arg(long)]
    mailbox: String,
    /// voice, fax or text.
    #[arg(long)]
    kind: Option<MessageKind>,
    /// The caller's number.
    #[arg(long)]
    from: Option<String>,
    /// The caller's name.
    #[arg(long)]
    name: Option<String>,
    /// A text message instead of a file.
    #[arg(long, conflicts_with = "files")]
    text: Option<String>,
    /// The id that makes the same deposit, made twice, one message. With several files, each gets a number behind it.
    #[arg(long)]
    source_id: Option<String>,
}

pub(crate) async fn run(command: Voicemail, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |id: &str| format!("/api/v1/messages/{}", segment(id));
    match command {
        Voicemail::Deposit(deposit) => return deposit.run(api, out).await,
        Voicemail::List { mailbox, state, limit } => {
            let asked = query(&[("mailbox", mailbox), ("state", state), ("limit", Some(limit.to_string()))]);
            out.show(&api.get(&format!("/api/v1/messages{asked}")).await?, list);
        }
        Voicemail::Show { id } => out.show(&api.get(&path(&id)).await?, show),
        Voicemail::Fetch { id, file } => {
            let content = api.bytes(&format!("{}/content", path(&id))).await?;
            std::fs::write(&file, &content).map_err(|error| {
                let what = format!("the recording cannot be written: {error}");
                Refusal::permanent("file-unwritable", what, "name a writable file")
                    .at(file.display().to_string())
            })?;
            let answer = json!({"id": id, "file": file, "bytes": content.len()});
            out.show(&answer, |_| format!("Wrote {} bytes to {}", content.len(), file.display()));
        }
        Voicemail::Read { id } => {
            let answer = api.patch(&path(&id), &json!({"state": "read"})).await?;
            out.show(&answer, |_| format!("Marked {id} as read"));
        }
        Voicemail::Unread { id } => {
            let answer = api.patch(&path(&id), &json!({"state": "unread"})).await?;
            out.show(&answer, |_| format!("Marked {id} as unread"));
        }
        Voicemail::Delete { id } => {
            let answer = api.delete(&path(&id)).await?;
            out.show(&answer, |_| format!("Deleted {id}"));
        }
        Voicemail::Retry { id } => {
            let answer = api.post(&format!("{}/retry", path(&id)), &json!({})).await?;
            out.show(&answer, |_| format!("Delivery of {id} is tried again"));
        }
    }
    Ok(())
}

impl Deposit {
    async fn run(self, api: &Api, out: Output) -> Result<(), Refusal> {
        if let Some(text) = &self.text {
            let body = self.message(MessageKind::Text, Some(text), self.source_id.clone());
            let answer = api.post("/api/v1/messages", &body).await?;
            out.show(&answer, accepted);
            return Ok(());
        }
        let kind = self.kind.unwrap_or(MessageKind::Voice);
        let bar = progress(self.files.len(), out);
        for (index, file) in self.files.iter().enumerate() {
            bar.set_message(file.display().to_string());
            let source = self.source_id.as_ref().map(|id| match self.files.len() {
                1 => id.clone(),
                _ => format!("{id}-{index}"),
            });
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let content = (name.as_str(), read(file)?);
            let answer = api.form("/api/v1/messages", &self.message(kind, None, source), Some(content)).await;
            // The server does not know what the file is called here.
            let about_file =
                |refusal: &Refusal| refusal.where_.is_empty() && !refusal.code.starts_with("unknown-");
            let answer = answer.map_err(|refusal| {
                if about_file(&refusal) { refusal.at(file.display().to_string()) } else { refusal }
            })?;
            bar.suspend(|| out.show(&answer, accepted));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn message(&self, kind: MessageKind, text: Option<&str>, source: Option<String>) -> Value {
        let caller = given([
            ("number", self.from.clone().map(Into::into)),
            ("name", self.name.clone().map(Into::into)),
        ]);
        given([
            ("mailbox", Some(self.mailbox.clone().into())),
            ("kind", Some(kind.name().into())),
            ("caller", Some(caller)),
            ("text", text.map(Into::into)),
            ("source_id", source.map(Into::into)),
        ])
    }
}

/// A bar for several files; hidden for one, in pipes and with `--json`.
fn progress(files: usize, out: Output) -> ProgressBar {
    if files < 2 || out.json() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn read(file: &Path) -> Result<Bytes, Refusal> {
    std::fs::read(file).map(Bytes::from).map_err(|error| {
        let what = format!("the recording cannot be read: {error}");
        Refusal::permanent("file-unreadable", what, "name a readable file").at(file.display().to_string())
    })
}

fn accepted(answer: &Value) -> String {
    let seconds = answer.get("duration_ms").and_then(Value::as_u64).unwrap_or(0) as f64 / 1000.0;
    match text(answer, "kind").as_str() {
        "voice" => {
            format!("Accepted {} ({seconds:.1} s, {} bytes)", text(answer, "id"), text(answer, "size"))
        }
        "text" => {
            format!("Accepted {} ({} characters)", text(answer, "id"), text(answer, "text").chars().count())
        }
        _ => format!("Accepted {} ({} bytes)", text(answer, "id"), text(answer, "size")),
    }
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|m| {
            let caller = [text(m, "caller.name"), text(m, "caller.number")].into_iter().find(|c| c != "–");
            let caller = caller.unwrap_or_else(|| "unknown caller".to_owned());
            let received = time(&text(m, "received"));
            let mailbox = text(m, "mailbox_number");
            vec![text(m, "id"), received, mailbox, caller, text(m, "state"), text(m, "delivery.state")]
        })
        .collect();
    let empty = "No messages. Leave one: tieline voicemail deposit hello.wav --mailbox 1001 --from 5551234";
    table(&["id", "received", "mailbox", "caller", "state", "delivery"], rows, empty)
}

/// Name and number, as far as they are known.
fn caller(m: &Value) -> String {
    match (text(m, "caller.name").as_str(), text(m, "caller.number").as_str()) {
        ("–", "–") => "unknown caller".to_owned(),
        ("–", one) | (one, "–") => one.to_owned(),
        (name, number) => format!("{name}, {number}"),
    }
}

/// The word, and when it was delivered or is tried next.
fn delivery(m: &Value) -> String {
    let word = text(m, "delivery.state");
    match (word.as_str(), text(m, "delivery.at").as_str()) {
        (_, "–") => word,
        ("delivered", at) => format!("{word} {}", time(at)),
        (_, at) => format!("{word}, next try {}", time(at)),
    }
}

fn show(m: &Value) -> String {
    // A text has no duration, and a recording no text.
    let content = match text(m, "kind").as_str() {
        "text" => ("text", text(m, "text")),
        "fax" => ("pages", text(m, "pages")),
        _ => ("duration", lasting(m.get("duration_ms").unwrap_or(&Value::Null))),
    };
    fields(&[
        ("id", text(m, "id")),
        ("trace", text(m, "trace")),
        ("mailbox", format!("{} ({})", text(m, "mailbox_number"), text(m, "mailbox"))),
        ("kind", text(m, "kind")),
        ("caller", caller(m)),
        ("received", time(&text(m, "received"))),
        content,
        ("size", format!("{} bytes", text(m, "size"))),
        ("state", text(m, "state")),
        ("delivery", delivery(m)),
        ("cause", text(m, "delivery.cause")),
        ("why", format!("tieline explain {}", text(m, "id"))),
    ])
}
