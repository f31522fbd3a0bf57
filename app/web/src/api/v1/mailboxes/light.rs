use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tieline_model::LightState;
use tieline_store::KindCounts;
use utoipa::ToSchema;

use super::find;
use crate::extract::Segment;
use crate::problem::{Problem, Refused};
use crate::web::Web;

/// What the light should be, and what each telephone was told last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LightReport {
    /// on, off or unknown.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    light: LightState,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Undeleted messages, by kind.
    #[schema(value_type = Object)]
    counts: KindCounts,
    /// The telephones.
    targets: Vec<Told>,
}

/// What one telephone was told last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Told {
    /// Its SIP address.
    target: String,
    /// What it was told.
    #[schema(value_type = Object)]
    told: Value,
    /// When.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// Shows the light of a mailbox.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/light", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = LightReport), (status = "4XX", body = Problem)))]
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
    };
    let mut targets: Vec<_> = shown.into_iter().map(told).collect();
    for target in mailbox.light_targets {
        if !targets.iter().any(|told| told.target == target) {
            targets.push(Told { target, told: Value::Null, at: None });
        }
    }
    let reason = view.reason.map(|reason| reason.to_string());
    Ok(Json(LightReport { light: view.light, reason, counts: view.counts, targets }))
}
