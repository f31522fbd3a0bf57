//! `tieline explain`: why something happened.

use clap::Args;
use serde_json::Value;
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, text};

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

/// The chain of decisions, oldest first: time, rule and outcome on one line, inputs below.
pub(crate) fn chain(out: Output, answer: &Value) -> String {
    let decisions = answer.get("chain").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if decisions.is_empty() {
        return format!("Nothing was decided about {} yet.", text(answer, "subject"));
    }
    let mut lines = vec![out.heading(&format!("Trace {}", text(answer, "trace")))];
    for decision in decisions {
        lines.push(format!("{}  {}", text(decision, "at"), text(decision, "outcome")));
        lines.push(out.quiet(&format!("  rule    {}", text(decision, "rule"))));
        for (name, value) in decision.get("inputs").and_then(Value::as_object).into_iter().flatten() {
            lines.push(out.quiet(&format!("  {name:7} {}", value.as_str().unwrap_or_default())));
        }
    }
    lines.join("\n")
}
