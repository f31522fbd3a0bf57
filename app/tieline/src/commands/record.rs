//! What the commands for contacts and events have in common: fields from the command line, files, and what people read.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, fields, text, time};

/// Fields of a contact or event.
#[derive(Debug, Clone, Args)]
pub(crate) struct Set {
    /// Sets a field: given_name=Alice, phones.mobile=+49301234, mails.1.address=a@corp.example. Nothing behind the = removes it.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Fields as a JSON object in this file, - for standard input.
    #[arg(long, value_name = "FILE")]
    from_json: Option<PathBuf>,
}

impl Set {
    /// The body that says so; something must be said.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let body = self.optional_body()?;
        if body.as_object().is_some_and(Map::is_empty) {
            let next = "add --set FIELD=VALUE, or --from-json FILE";
            return Err(Refusal::permanent("nothing-said", "no field was given", next));
        }
        Ok(body)
    }

    /// The body that says so, which may be empty.
    pub(crate) fn optional_body(&self) -> Result<Value, Refusal> {
        let mut body = match &self.from_json {
            Some(file) => {
                let bad = |error: serde_json::Error| {
                    let what = format!("the file is no JSON object: {error}");
                    Refusal::permanent("bad-json", what, "write {\"given_name\": \"Alice\"}")
                        .at(file.display().to_string())
                };
                serde_json::from_slice(&read(file)?).map_err(bad)?
            }
            None => Value::Object(Map::new()),
        };
        for pair in &self.set {
            let (field, value) = pair.split_once('=').ok_or_else(|| {
                let what = format!("{pair:?} is not FIELD=VALUE");
                Refusal::permanent("bad-field", what, "write --set given_name=Alice")
            })?;
            put(&mut body, field, value);
        }
        Ok(body)
    }
}

/// What is done with one contact or event.
#[derive(Debug, Subcommand)]
pub(crate) enum OneCommand {
    /// Shows one, and who set which field.
    Show {
        /// Its id, from the list.
        id: String,
    },
    /// Changes fields of one.
    Edit {
        /// Its id, from the list.
        id: String,
        #[command(flatten)]
        set: Set,
    },
    /// Removes one; tieline deletion restore brings it back for 14 days.
    Remove {
        /// Its id, from the list.
        id: String,
    },
}

/// Carries it out; `noun` is contact or event.
pub(crate) async fn one(command: OneCommand, noun: &str, api: &Api, out: Output) -> Result<(), Refusal> {
    let path = |id: &str| format!("/api/v1/{noun}s/{}", segment(id));
    match command {
        OneCommand::Show { id } => out.show(&api.get(&path(&id)).await?, |answer| shown(answer, noun)),
        OneCommand::Edit { id, set } => {
            let answer = api.patch(&path(&id), &set.body()?).await?;
            out.show(&answer, |a| format!("Changed {} ({})", text(a, "id"), text(a, "headline")));
        }
        OneCommand::Remove { id } => {
            let answer = api.delete(&path(&id)).await?;
            let undo = |a: &Value| {
                format!("Removed {id}. Undo it with tieline deletion restore {}", text(a, "deletion"))
            };
            out.show(&answer, undo);
        }
    }
    Ok(())
}

fn shown(answer: &Value, noun: &str) -> String {
    let mut pairs = vec![
        ("id".to_owned(), text(answer, "id")),
        ("mailbox".to_owned(), text(answer, "mailbox")),
        ("edited".to_owned(), time(&text(answer, "edited"))),
    ];
    pairs.extend(lines(&answer[noun], &answer["provenance"]));
    let pairs: Vec<(&str, String)> = pairs.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    fields(&pairs)
}

/// Sets a member by its path. Lists and numbers are written as JSON; anything else is text.
fn put(body: &mut Value, field: &str, text: &str) {
    let mut place = body;
    for part in field.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else { return };
        place = members.entry(part.to_owned()).or_insert(Value::Null);
    }
    let literal = text.starts_with(['[', '{']) || matches!(text, "true" | "false");
    *place = match serde_json::from_str(text) {
        _ if text.is_empty() => Value::Null,
        Ok(value) if literal => value,
        _ => Value::String(text.to_owned()),
    };
}

/// A file's bytes, or those of standard input for `-`.
pub(crate) fn read(file: &Path) -> Result<Bytes, Refusal> {
    let unreadable = |error: std::io::Error| {
        let what = format!("the file cannot be read: {error}");
        Refusal::permanent("file-unreadable", what, "name a readable file, or - for standard input")
            .at(file.display().to_string())
    };
    if file.as_os_str() != "-" {
        return std::fs::read(file).map(Bytes::from).map_err(unreadable);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes.into())
}

/// Writes a file, or to standard output.
pub(crate) fn write(file: Option<&Path>, content: &[u8], out: Output) -> Result<(), Refusal> {
    let Some(file) = file else {
        if out.json() {
            out.line(&json!({"content": String::from_utf8_lossy(content)}).to_string());
        } else {
            // A closed pipe is the reader's choice.
            let _ = std::io::stdout().lock().write_all(content);
        }
        return Ok(());
    };
    std::fs::write(file, content).map_err(|error| {
        let what = format!("the file cannot be written: {error}");
        Refusal::permanent("file-unwritable", what, "name a writable file").at(file.display().to_string())
    })?;
    let answer = json!({"file": file, "bytes": content.len()});
    out.show(&answer, |_| format!("Wrote {} bytes to {}", content.len(), file.display()));
    Ok(())
}

pub(crate) fn imported(answer: &Value) -> String {
    let mut lines = vec![format!(
        "Added {}, changed {}, {} were there already",
        text(answer, "added"),
        text(answer, "changed"),
        text(answer, "same")
    )];
    for one in answer["unreadable"].as_array().into_iter().flatten() {
        lines.push(format!(
            "! entry {} ({}): {}",
            text(one, "place"),
            text(one, "name"),
            text(one, "reason")
        ));
    }
    lines.join("\n")
}

/// Every field with who set it, one line each.
fn lines(record: &Value, provenance: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    flatten("", record, &mut lines);
    for (field, value) in &mut lines {
        let name = field.split('.').take(2).collect::<Vec<_>>().join("-").replace('_', "-");
        let name = name.replace("mails-", "mail-").replace("ims-", "im-");
        let name = name.replace("phones-", "phone-").replace("addresses-", "address-");
        let set = &provenance[&name];
        if set.is_object() {
            *value = format!("{value}  ({}, {})", text(set, "from"), time(&text(set, "at")));
        }
    }
    lines
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, lines);
            }
        }
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            let words: Vec<String> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            lines.push((prefix.to_owned(), words.join(", ")));
        }
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => lines.push((prefix.to_owned(), text.clone())),
        other => lines.push((prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_by_path() {
        let set = Set {
            set: [
                "given_name=A=B",
                "phones.mobile=+49 30",
                "surname=",
                "categories=[\"x\"]",
                "mails.1.address=a@b",
            ]
            .map(str::to_owned)
            .to_vec(),
            from_json: None,
        };
        let wanted = json!({"given_name": "A=B", "phones": {"mobile": "+49 30"}, "surname": null, "categories": ["x"],
                            "mails": {"1": {"address": "a@b"}}});
        assert_eq!(set.body().unwrap(), wanted);
        assert!(Set { set: vec!["x".into()], from_json: None }.body().is_err());
        assert!(Set { set: Vec::new(), from_json: None }.body().is_err());
    }
}
