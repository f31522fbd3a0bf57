use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::QuickCallTargetId;

use super::{TargetBody, TargetView};
use crate::access::Caller;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Adds a target: a form that comes ready, method 1, method 2 (a pasted link) or a template.
#[utoipa::path(post, path = "/quick-call/targets", tag = "quick call", request_body = TargetBody,
    responses((status = 201, body = TargetView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<TargetBody>,
) -> Result<(StatusCode, Json<TargetView>), Refused> {
    let service = web.quick_calls()?;
    let mut target = body.create(QuickCallTargetId::from_uuid(web.ids.uuid()))?;
    service.save(&mut target, body.secrets(), &caller.name).await?;
    Ok((StatusCode::CREATED, Json(TargetView::new(&target, &web.secret_names().await?))))
}
