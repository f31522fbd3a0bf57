use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tieline_store::StateOrigin;
use utoipa::ToSchema;

use super::{MessageView, find, list};
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// What the user did with the message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateBody {
    /// read or unread.
    state: String,
}

/// Marks a message as heard or not heard, here and in the mail server.
#[utoipa::path(patch, path = "/messages/{message}", tag = "messages", request_body = StateBody,
    params(("message" = String, Path, description = "Its id, vm_…")),
    responses((status = 200, body = MessageView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Segment(message): Segment,
    Body(body): Body<StateBody>,
) -> Result<Json<MessageView>, Refused> {
    let state = list::state(&body.state)?;
    if state == tieline_model::MessageState::Deleted {
        return Err(bad_request("a message is deleted with DELETE"));
    }
    let id = find(&web, &message).await?.message.id;
    web.messaging.set_state(id, state, StateOrigin::Api).await?;
    Ok(Json(MessageView::new(&web, find(&web, &message).await?).await?))
}
