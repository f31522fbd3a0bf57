//! Why something happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_model::{Decision, MessageId, Refusal};
use utoipa::ToSchema;

use crate::extract::Segment;
use crate::problem::{Problem, Refused};
use crate::web::Web;

/// The decisions about something, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// What was asked about.
    subject: String,
    /// The journey, when they are all of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    /// The decisions.
    chain: Vec<Explained>,
}

/// One decision.
#[derive(Debug, Serialize, ToSchema)]
struct Explained {
    /// When.
    at: String,
    /// What it is about.
    subject: String,
    /// Its journey.
    trace: String,
    /// The rule that applied.
    rule: String,
    /// What the rule looked at.
    inputs: BTreeMap<String, String>,
    /// What came of it.
    outcome: String,
}

impl From<Decision> for Explained {
    fn from(decision: Decision) -> Self {
        Self {
            at: decision.at.to_string(),
            subject: decision.subject,
            trace: decision.trace.to_string(),
            rule: decision.rule,
            inputs: decision.inputs,
            outcome: decision.outcome,
        }
    }
}

/// Explains a message, mailbox, job or trace: inputs, rule and outcome of every decision. A message is explained by
/// its whole journey.
#[utoipa::path(get, path = "/explain/{id}", tag = "operations",
    params(("id" = String, Path, description = "A printed id: vm_…, mb_…, job_…, tr_…")),
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem)))]
pub(super) async fn explain(State(web): State<Arc<Web>>, Segment(id): Segment) -> Result<Json<Explanation>, Refused> {
    let looks_like_an_id = id.len() <= 80 && id.split_once('_').is_some_and(|(prefix, _)| !prefix.is_empty());
    if !looks_like_an_id {
        let what = format!("{:?} is not an id", id.chars().take(80).collect::<String>());
        let next = "name what begins with vm_, mb_, job_ or tr_; tieline voicemail list shows some";
        return Err(Refusal::permanent("bad-id", what, next).into());
    }
    let message = match id.parse::<MessageId>() {
        Ok(message) => web.store.message(message).await?,
        Err(_) => None,
    };
    let chain = match message {
        Some(stored) => {
            let mut chain = web.store.decisions_on(stored.message.trace).await?;
            let later = web.store.decisions_about(&id).await?;
            chain.extend(later.into_iter().filter(|decision| decision.trace != stored.message.trace));
            chain.sort_by_key(|decision| decision.at);
            chain
        }
        None => web.store.explain(&id).await?,
    };
    if chain.is_empty() {
        let next = "check the id; tieline voicemail list and tieline mailbox list show them";
        return Err(Refusal::permanent("unknown-id", format!("nothing was decided about {id}"), next).into());
    }
    let first = chain.first().map(|decision| decision.trace);
    let trace = first.filter(|first| chain.iter().all(|decision| decision.trace == *first));
    let trace = trace.or(first).map(|trace| trace.to_string());
    Ok(Json(Explanation { subject: id, trace, chain: chain.into_iter().map(Explained::from).collect() }))
}
