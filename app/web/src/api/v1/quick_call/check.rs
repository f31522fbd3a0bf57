use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_model::Refusal;
use tieline_quick_call::Examined;
use utoipa::ToSchema;

use crate::api::v1::schema;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct Looked {
    /// settings, page, single sign-on or api.
    name: &'static str,
    /// ok, warning or failed.
    state: &'static str,
    /// What was seen.
    detail: String,
    /// What must be set right, and one step that helps.
    #[schema(value_type = Option<schema::Refusal>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

/// What a look at a target found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetChecked {
    findings: Vec<Looked>,
}

/// Looks at a target: settings, page, single sign-on, API. Nobody's data and no link is sent.
#[utoipa::path(post, path = "/quick-call/targets/{target}/check", tag = "quick call",
    params(("target" = String, Path, description = "Its name or id")),
    responses((status = 200, body = TargetChecked)))]
pub(super) async fn check(
    State(web): State<Arc<Web>>,
    Segment(target): Segment,
) -> Result<Json<TargetChecked>, Refused> {
    let found = web.quick_calls()?.examine(&target).await?;
    let looked = |one: Examined| Looked {
        name: one.name,
        state: match (&one.refusal, one.warning) {
            (None, _) => "ok",
            (Some(_), true) => "warning",
            (Some(_), false) => "failed",
        },
        detail: one.detail,
        refusal: one.refusal,
    };
    Ok(Json(TargetChecked { findings: found.into_iter().map(looked).collect() }))
}
