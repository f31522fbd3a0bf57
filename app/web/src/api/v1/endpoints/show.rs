use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{EndpointView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows one mail server.
#[utoipa::path(get, path = "/endpoints/{endpoint}", tag = "endpoints",
    params(("endpoint" = String, Path, description = "Its name or id")),
    responses((status = 200, body = EndpointView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(endpoint): Segment,
) -> Result<Json<EndpointView>, Refused> {
    Ok(Json(EndpointView::new(find(&web, &endpoint).await?, Vec::new())))
}
