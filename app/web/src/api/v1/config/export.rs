use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tieline_store::ConfigDocument;

use super::document::Document;
use crate::problem::Refused;
use crate::web::Web;

/// Endpoints, feature groups, mailboxes and quick-call targets as one document. Passwords, links and tokens are not in it.
#[utoipa::path(get, path = "/config", tag = "configuration",
    responses((status = 200, body = Document)))]
pub(super) async fn export(State(web): State<Arc<Web>>) -> Result<Json<ConfigDocument>, Refused> {
    Ok(Json(web.store.export().await?))
}
