//! Reading the configuration file again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use crate::extract::Asked;
use crate::problem::Refused;
use crate::web::{ReloadAsked, Web};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only say what would be taken up.
    #[serde(default)]
    dry_run: bool,
}

/// What became of the file's settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reloaded {
    /// What was taken up, or would be.
    taken: Vec<String>,
    /// Settings that differ from those that the process runs with, and wait for a restart: `sip.udp`.
    restart: Vec<String>,
}

/// Has the configuration file read again, as SIGHUP does; a file with a mistake changes nothing.
#[utoipa::path(post, path = "/reload", tag = "operations", params(Asking),
    responses((status = 200, body = Reloaded)))]
pub(super) async fn reload(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<Reloaded>, Refused> {
    let (reply, answer) = oneshot::channel();
    let away = || Refusal::transient("not-reloaded", "the process is stopping", "start it again");
    web.reload.send(ReloadAsked { dry_run: asked.dry_run, reply }).await.map_err(|_| away())?;
    let report = answer.await.map_err(|_| away())??;
    Ok(Json(Reloaded { taken: report.taken, restart: report.restart }))
}
