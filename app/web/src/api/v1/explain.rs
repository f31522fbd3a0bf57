//! Why something happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_model::Decision;
use tieline_store::Job;
use utoipa::ToSchema;

use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// The decisions about something, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// What was asked about.
    subject: String,
    /// The journey, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    /// The decisions.
    chain: Vec<Explained>,
    /// Work that waits or was put aside.
    waiting: Vec<Waiting>,
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

/// Work that waits or was put aside.
#[derive(Debug, Serialize, ToSchema)]
struct Waiting {
    /// `job_…`
    id: String,
    /// What kind of work.
    kind: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    not_before: String,
    /// It is put aside until somebody retries it.
    quarantined: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Job> for Waiting {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            attempts: job.attempts,
            not_before: job.not_before.to_string(),
            quarantined: job.quarantined,
            reason: job.reason.map(|reason| reason.to_string()),
        }
    }
}

/// Explains a message, mailbox, job or trace: inputs, rule and outcome of every decision. A message is explained by
/// its whole journey.
#[utoipa::path(get, path = "/explain/{id}", tag = "operations",
    params(("id" = String, Path, description = "A printed id: vm_…, mb_…, job_…, tr_…")),
    responses((status = 200, body = Explanation)))]
pub(super) async fn explain(
    State(web): State<Arc<Web>>,
    Segment(id): Segment,
) -> Result<Json<Explanation>, Refused> {
    let explained = web.messaging.explain(&id).await?;
    Ok(Json(Explanation {
        subject: explained.id,
        trace: explained.trace.map(|trace| trace.to_string()),
        chain: explained.decisions.into_iter().map(Explained::from).collect(),
        waiting: explained.jobs.into_iter().map(Waiting::from).collect(),
    }))
}
