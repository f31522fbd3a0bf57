//! `tieline secret …`: the passwords at rest, and the key that they are sealed with.

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::api::Api;
use crate::output::{Output, items, table, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Lists the secrets by name; what they say is never shown.
    List,
    /// Adds a key to the key file and seals every secret with it, while everything runs. If it is interrupted, the same
    /// command goes on.
    Rotate {
        /// Take the old keys out of the key file when everything is sealed with the new one.
        #[arg(long, conflicts_with = "prepare")]
        drop_old_keys: bool,
        /// Only add the key to the key file. With several nodes: copy the file to the others before you rotate.
        #[arg(long)]
        prepare: bool,
    },
    /// Takes the keys out of the key file that seal nothing any more, so that an old copy of it opens nothing new.
    DropOldKeys,
}

pub(crate) async fn run(command: &SecretCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        SecretCommand::List => out.show(&api.get("/api/v1/secrets").await?, list),
        SecretCommand::Rotate { prepare: true, .. } => {
            let answer = api.post("/api/v1/secrets/rotate?prepare=true", &json!({})).await?;
            out.show(&answer, |answer| {
                format!(
                    "A new key is in the key file: {}. Nothing is sealed with it yet\nNext: copy the key file to the other nodes; then tieline secret rotate",
                    text(answer, "key")
                )
            });
        }
        SecretCommand::Rotate { drop_old_keys, .. } => {
            let mut answer = api.post("/api/v1/secrets/rotate", &json!({})).await?;
            if *drop_old_keys {
                let dropped = dropped(api).await?;
                if let Some(answer) = answer.as_object_mut() {
                    answer.insert("dropped".to_owned(), dropped.get("dropped").cloned().unwrap_or_default());
                }
            }
            out.show(&answer, rotated);
        }
        SecretCommand::DropOldKeys => out.show(&dropped(api).await?, |answer| {
            format!("Old keys taken out of the key file: {}", text(answer, "dropped"))
        }),
    }
    Ok(())
}

async fn dropped(api: &Api) -> Result<Value, Refusal> {
    api.post("/api/v1/secrets/drop-old-keys", &json!({})).await
}

fn rotated(answer: &Value) -> String {
    let how = if text(answer, "resumed") == "yes" { "An earlier rotation is finished" } else { "A new key" };
    let first = format!("{how}: {}. Secrets sealed anew: {}", text(answer, "key"), text(answer, "resealed"));
    match answer.get("dropped") {
        Some(dropped) => format!("{first}. Old keys taken out of the key file: {dropped}"),
        None => format!(
            "{first}\nNext: keep a new copy of the key file apart from the backups; then tieline secret drop-old-keys"
        ),
    }
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|s| vec![text(s, "name"), text(s, "set_by"), time(&text(s, "set")), text(s, "key")])
        .collect();
    let shown = table(&["secret", "set by", "at", "key"], rows, "There are no secrets yet.");
    let behind = match text(answer, "behind").as_str() {
        "0" => String::new(),
        behind => format!("; {behind} entries are sealed with an older one: tieline secret rotate"),
    };
    format!("{shown}\n\nThe present key is {}{behind}", text(answer, "key"))
}
