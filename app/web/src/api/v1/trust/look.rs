use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{TrustView, view};
use crate::problem::Refused;
use crate::web::Web;

/// Looks at the certificates of every server that is asked over TLS now, instead of within the hour.
#[utoipa::path(post, path = "/trust/look", tag = "trust", responses((status = 200, body = TrustView)))]
pub(super) async fn look(State(web): State<Arc<Web>>) -> Result<Json<TrustView>, Refused> {
    web.certificates.look().await?;
    Ok(Json(view(&web).await?))
}
