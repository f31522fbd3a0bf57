use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::EndpointView;
use crate::api::v1::List;
use crate::problem::Refused;
use crate::web::Web;

/// Lists the mail servers, by name.
#[utoipa::path(get, path = "/endpoints", tag = "endpoints",
    responses((status = 200, body = List<EndpointView>)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<EndpointView>>, Refused> {
    let endpoints = web.store.endpoints().await?;
    Ok(Json(List::whole(endpoints.into_iter().map(|e| EndpointView::new(e, Vec::new())).collect())))
}
