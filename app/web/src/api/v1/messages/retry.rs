use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{MessageView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Tries a quarantined delivery again.
#[utoipa::path(post, path = "/messages/{message}/retry", tag = "messages",
    params(("message" = String, Path, description = "Its id, vm_…")),
    responses((status = 200, body = MessageView)))]
pub(super) async fn retry(
    State(web): State<Arc<Web>>,
    Segment(message): Segment,
) -> Result<Json<MessageView>, Refused> {
    let id = find(&web, &message).await?.message.id;
    web.messaging.retry(id).await?;
    Ok(Json(MessageView::new(&web, find(&web, &message).await?).await?))
}
