use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tieline_store::ConfigDocument;

use crate::problem::Refused;
use crate::web::Web;

/// Endpoints, feature groups and mailboxes as one document. Passwords are not in it.
#[utoipa::path(get, path = "/config", tag = "configuration",
    responses((status = 200, body = Object)))]
pub(super) async fn export(State(web): State<Arc<Web>>) -> Result<Json<ConfigDocument>, Refused> {
    Ok(Json(web.store.export().await?))
}
