//! Reading the configuration file again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::problem::Refused;
use crate::web::Web;

/// Has the configuration file read again, as SIGHUP does; a file with a mistake changes nothing.
#[utoipa::path(post, path = "/reload", tag = "operations",
    responses((status = 202)))]
pub(super) async fn reload(State(web): State<Arc<Web>>) -> Result<StatusCode, Refused> {
    // A full queue means that a reload is about to happen anyway.
    let _ = web.reload.try_send(());
    Ok(StatusCode::ACCEPTED)
}
