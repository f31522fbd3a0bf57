use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::{TargetBody, TargetView};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Changes a target. Its menu entry keeps its GUID; a new name changes the entry's address.
#[utoipa::path(patch, path = "/quick-call/targets/{target}", tag = "quick call", request_body = TargetBody,
    params(("target" = String, Path, description = "Its name or id")),
    responses((status = 200, body = TargetView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(target): Segment,
    Body(body): Body<TargetBody>,
) -> Result<Json<TargetView>, Refused> {
    let service = web.quick_calls()?;
    let mut target = (*service.target(&target).await?).clone();
    body.apply(&mut target)?;
    service.save(&mut target, body.secrets(), &caller.name).await?;
    Ok(Json(TargetView::new(&target, &web.secret_names().await?)))
}
