//! `tieline status`: how the server is doing.

use clap::Args;
use serde_json::Value;
use tieline_model::Refusal;

use crate::api::Api;
use crate::output::{Output, fields, lasting, table, text, time};

#[derive(Debug, Args)]
pub(crate) struct Status {}

pub(crate) async fn run(api: &Api, out: Output) -> Result<(), Refusal> {
    out.show(&api.get("/api/v1/status").await?, show);
    Ok(())
}

fn show(answer: &Value) -> String {
    let members = |name: &str| answer.get(name).and_then(Value::as_object).into_iter().flatten();
    let ms = |value: &Value, name: &str| lasting(value.get(name).unwrap_or(&Value::Null));
    let queues = members("queues")
        .map(|(kind, q)| {
            vec![kind.clone(), text(q, "depth"), text(q, "due"), text(q, "quarantined"), ms(q, "oldest_ms")]
        })
        .collect();
    let lag = members("lag")
        .map(|(step, lag)| vec![step.clone(), text(lag, "count"), ms(lag, "p50_ms"), ms(lag, "p99_ms")])
        .collect();
    let mailboxes: Vec<_> = members("mailboxes").map(|(state, count)| format!("{count} {state}")).collect();
    let mailboxes = if mailboxes.is_empty() { "none looked at yet".to_owned() } else { mailboxes.join(", ") };
    let folders = answer.get("folders").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let folders = folders
        .iter()
        .map(|f| {
            let assumed = if text(f, "assumed") == "yes" { " (assumed)" } else { "" };
            let limit = format!("{}{assumed}", text(f, "limit"));
            vec![text(f, "mailbox"), text(f, "folder"), text(f, "items"), limit, text(f, "load")]
        })
        .collect();
    let certificates = answer.get("certificates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let certificates = certificates
        .iter()
        .map(|c| vec![text(c, "place"), text(c, "kind"), text(c, "not_after"), text(c, "days_left")])
        .collect();
    let enabled = text(answer, "enabled_mailboxes");
    let exchanges = match text(answer, "exchanges").as_str() {
        "no" => {
            format!("nothing: [delivery] enabled is false on this node; {enabled} mailboxes wait for another")
        }
        _ => format!("with mail servers, for {enabled} mailboxes"),
    };
    [
        fields(&[
            ("running since", time(&text(answer, "since"))),
            ("exchanges", exchanges),
            ("mailboxes", mailboxes),
        ]),
        table(&["queue", "waiting", "due", "quarantined", "oldest"], queues, "Nothing waits."),
        table(&["lag", "count", "p50", "p99"], lag, "No lag measured yet."),
        table(&["mailbox", "folder", "items", "limit", "load"], folders, "No folder was counted yet."),
        table(&["certificate of", "kind", "ends", "days left"], certificates, "No certificate ends soon."),
    ]
    .join("\n\n")
}
