use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{TrustView, view};
use crate::problem::Refused;
use crate::web::Web;

/// Shows what is believed beside the operating system's authorities, and how long certificates in use are still good.
#[utoipa::path(get, path = "/trust", tag = "trust", responses((status = 200, body = TrustView)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<TrustView>, Refused> {
    Ok(Json(view(&web).await?))
}
