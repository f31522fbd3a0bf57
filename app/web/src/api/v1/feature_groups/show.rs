use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{GroupView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows one feature group.
#[utoipa::path(get, path = "/feature-groups/{group}", tag = "feature groups",
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 200, body = GroupView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(group): Segment,
) -> Result<Json<GroupView>, Refused> {
    let group = find(&web, &group).await?;
    Ok(Json(GroupView::new(&web, group, Vec::new()).await?))
}
