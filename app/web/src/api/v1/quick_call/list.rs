use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::TargetView;
use crate::api::v1::List;
use crate::problem::Refused;
use crate::web::Web;

/// Lists the targets, by name.
#[utoipa::path(get, path = "/quick-call/targets", tag = "quick call",
    responses((status = 200, body = List<TargetView>)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<TargetView>>, Refused> {
    let secrets = web.secret_names().await?;
    let targets = web.store.quick_call_targets().await?;
    Ok(Json(List::whole(targets.iter().map(|target| TargetView::new(target, &secrets)).collect())))
}
