use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::TargetView;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows one target.
#[utoipa::path(get, path = "/quick-call/targets/{target}", tag = "quick call",
    params(("target" = String, Path, description = "Its name or id")),
    responses((status = 200, body = TargetView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(target): Segment,
) -> Result<Json<TargetView>, Refused> {
    let target = web.quick_calls()?.target(&target).await?;
    Ok(Json(TargetView::new(&target, &web.secret_names().await?)))
}
