use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tieline_model::MessageState;
use tieline_store::StateOrigin;

use super::{MessageView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Deletes a message, here and in the mail server, where it goes to Deleted Items.
#[utoipa::path(delete, path = "/messages/{message}", tag = "messages",
    params(("message" = String, Path, description = "Its id, vm_…")),
    responses((status = 200, body = MessageView)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Segment(message): Segment,
) -> Result<Json<MessageView>, Refused> {
    let id = find(&web, &message).await?.message.id;
    web.messaging.set_state(id, MessageState::Deleted, StateOrigin::Api).await?;
    Ok(Json(MessageView::new(&web, find(&web, &message).await?).await?))
}
