use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{MessageView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows one message.
#[utoipa::path(get, path = "/messages/{message}", tag = "messages",
    params(("message" = String, Path, description = "Its id, vm_…")),
    responses((status = 200, body = MessageView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(message): Segment,
) -> Result<Json<MessageView>, Refused> {
    let stored = find(&web, &message).await?;
    Ok(Json(MessageView::new(&web, stored).await?))
}
