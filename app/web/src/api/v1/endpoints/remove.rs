use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::Edit;

use super::find;
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes a mail server that no feature group uses.
#[utoipa::path(delete, path = "/endpoints/{endpoint}", tag = "endpoints",
    params(("endpoint" = String, Path, description = "Its name or id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(endpoint): Segment,
) -> Result<StatusCode, Refused> {
    let endpoint = find(&web, &endpoint).await?;
    web.configure(
        &caller,
        format!("endpoint {} removed", endpoint.name),
        vec![Edit::DeleteEndpoint(endpoint.id)],
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
