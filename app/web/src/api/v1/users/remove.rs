use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::{Batch, Write};

use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes an account and ends its sessions.
#[utoipa::path(delete, path = "/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Its name")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(user): Segment,
) -> Result<StatusCode, Refused> {
    let remove = Write::RemoveUser { name: user.to_lowercase(), by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(remove)).await?;
    web.sign_in.sessions.forget();
    Ok(StatusCode::NO_CONTENT)
}
