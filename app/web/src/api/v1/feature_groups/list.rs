use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::GroupView;
use crate::api::v1::List;
use crate::problem::Refused;
use crate::web::Web;

/// Lists the feature groups, by name.
#[utoipa::path(get, path = "/feature-groups", tag = "feature groups",
    responses((status = 200, body = List<GroupView>)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<GroupView>>, Refused> {
    let mut views = Vec::new();
    for group in web.store.feature_groups().await? {
        views.push(GroupView::new(&web, group, Vec::new()).await?);
    }
    Ok(Json(List::whole(views)))
}
