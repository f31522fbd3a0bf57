use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tieline_model::LightState;
use tieline_store::{JobFilter, KindCounts};
use utoipa::ToSchema;

use super::find;
use crate::api::v1::{PAGE, schema};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// What the light should be, and what each telephone was told last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LightReport {
    /// on, off or unknown.
    #[schema(value_type = schema::Light)]
    #[serde(flatten)]
    light: LightState,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Undeleted messages, by kind.
    #[schema(value_type = schema::KindCounts)]
    counts: KindCounts,
    /// The telephones.
    targets: Vec<Told>,
}

/// What one telephone was told last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Told {
    /// Its SIP address.
    target: String,
    /// What it was told: counts by kind, or that nothing is known; null when it was told nothing yet.
    #[schema(value_type = Option<Object>)]
    told: Value,
    /// When.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
    /// Why it could not be told, with the next step.
    problem: Option<String>,
}

/// Shows the light of a mailbox.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/light", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = LightReport)))]
pub(super) async fn light(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<LightReport>, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    let view = web.messaging.light_view(&mailbox).await?;
    let shown = web.store.lights_shown(mailbox.id).await?;
    let told = |shown: tieline_store::LightShown| Told {
        target: shown.target,
        told: shown.state,
        at: Some(shown.at),
        problem: None,
    };
    let mut targets: Vec<_> = shown.into_iter().map(told).collect();
    for target in mailbox.light_targets {
        if !targets.iter().any(|told| told.target == target) {
            targets.push(Told { target, told: Value::Null, at: None, problem: None });
        }
    }
    // A lamp that does not answer has a job that asks it again, and says why.
    let (kind, subject) = (Some("lamp".to_owned()), Some(mailbox.id.to_string()));
    for job in web.store.jobs(&JobFilter { kind, subject, ..JobFilter::default() }, PAGE).await? {
        let of_job =
            |told: &&mut Told| job.payload.get("target").and_then(Value::as_str) == Some(&told.target);
        if let Some(told) = targets.iter_mut().find(of_job) {
            let asked = "it has not answered; it is asked again".to_owned();
            told.problem = Some(job.reason.as_ref().map_or(asked, ToString::to_string));
        }
    }
    let reason = view.reason.map(|reason| reason.to_string());
    Ok(Json(LightReport { light: view.light, reason, counts: view.counts, targets }))
}
