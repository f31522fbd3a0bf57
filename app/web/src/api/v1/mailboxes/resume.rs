use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::find;
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Lifts the brake of a mailbox that was paused: what vanished counts as deleted from now on.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/resume", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 204)))]
pub(super) async fn resume(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
) -> Result<StatusCode, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    web.messaging.resume(mailbox.id, &caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
