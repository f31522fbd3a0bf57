//! `tieline status`: how the server is doing.

use clap::Args;
use serde_json::Value;
use tieline_model::Refusal;

use crate::api::Api;
use crate::output::{Output, table, text};

#[derive(Debug, Args)]
pub(crate) struct Status {}

pub(crate) async fn run(api: &Api, out: Output) -> Result<(), Refusal> {
    out.show(&api.get("/api/v1/status").await?, show);
    Ok(())
}

fn show(answer: &Value) -> String {
    let rows = |name: &str, columns: [&str; 2]| -> Vec<Vec<String>> {
        let members = answer.get(name).and_then(Value::as_object);
        let row = |(key, value): (&String, &Value)| {
            vec![key.clone(), text(value, columns[0]), text(value, columns[1])]
        };
        members.into_iter().flatten().map(row).collect()
    };
    let folders = answer.get("folders").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let folders = folders
        .iter()
        .map(|f| {
            let assumed = if text(f, "assumed") == "yes" { " (assumed)" } else { "" };
            let limit = format!("{}{assumed}", text(f, "limit"));
            vec![text(f, "mailbox"), text(f, "folder"), text(f, "items"), limit, text(f, "load")]
        })
        .collect();
    [
        table(&["queue", "waiting", "oldest ms"], rows("queues", ["depth", "oldest_ms"]), "Nothing waits."),
        table(&["lag", "p50 ms", "p99 ms"], rows("lag", ["p50_ms", "p99_ms"]), "No lag measured yet."),
        table(&["mailbox", "folder", "items", "limit", "load"], folders, "No folder was counted yet."),
    ]
    .join("\n\n")
}
