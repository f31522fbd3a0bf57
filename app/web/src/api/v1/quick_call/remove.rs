use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes a target with its link and token. Menu entries that lead to it say so from then on.
#[utoipa::path(delete, path = "/quick-call/targets/{target}", tag = "quick call",
    params(("target" = String, Path, description = "Its name or id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(target): Segment,
) -> Result<StatusCode, Refused> {
    let service = web.quick_calls()?;
    let target = service.target(&target).await?;
    service.remove(target.id, &caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
