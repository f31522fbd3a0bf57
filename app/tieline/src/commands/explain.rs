//! `tieline explain`: why something happened.

use clap::Args;
use serde_json::Value;
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, fields, text};

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// What to explain: vm_…, mb_…, job_… or tr_….
    id: String,
}

pub(crate) async fn run(command: Explain, api: &Api, out: Output) -> Result<(), Refusal> {
    let answer = api.get(&format!("/api/v1/explain/{}", segment(&command.id))).await?;
    out.show(&answer, |answer| chain(out, answer));
    Ok(())
}

/// An instant to the millisecond, so that columns stay columns.
fn time(text: &str) -> String {
    text.parse::<jiff::Timestamp>().map_or_else(|_| text.to_owned(), |at| format!("{at:.3}"))
}

/// The chain of decisions, oldest first: time, rule and outcome on one line, inputs below.
pub(crate) fn chain(out: Output, answer: &Value) -> String {
    let decisions = answer.get("chain").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if decisions.is_empty() {
        return format!("Nothing was decided about {} yet.", text(answer, "subject"));
    }
    let about = match text(answer, "trace").as_str() {
        "–" => text(answer, "subject"),
        trace => format!("Trace {trace}"),
    };
    let mut lines = vec![out.heading(&about)];
    for decision in decisions {
        lines.push(format!("{}  {}", time(&text(decision, "at")), text(decision, "outcome")));
        let mut inputs = vec![("rule", text(decision, "rule"))];
        let more = decision.get("inputs").and_then(Value::as_object).into_iter().flatten();
        inputs
            .extend(more.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default().to_owned())));
        lines.extend(fields(&inputs).lines().map(|line| out.quiet(&format!("    {line}"))));
    }
    for job in answer.get("waiting").and_then(Value::as_array).into_iter().flatten() {
        let state = if text(job, "quarantined") == "yes" { "quarantined" } else { "waits" };
        let again = time(&text(job, "not_before"));
        let reason = match text(job, "reason").as_str() {
            "–" => String::new(),
            reason => format!(": {reason}"),
        };
        lines.push(format!("Job {} {state}, next try {again}{reason}", text(job, "kind")));
    }
    lines.join("\n")
}
