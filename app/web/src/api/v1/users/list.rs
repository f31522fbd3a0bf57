use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::UserView;
use crate::api::v1::List;
use crate::problem::Refused;
use crate::web::Web;

/// Lists the accounts.
#[utoipa::path(get, path = "/users", tag = "users", responses((status = 200, body = List<UserView>)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<UserView>>, Refused> {
    Ok(Json(List::whole(web.store.users().await?.into_iter().map(UserView::from).collect())))
}
