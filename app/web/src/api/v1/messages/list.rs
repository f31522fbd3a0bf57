use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tieline_model::{MessageKind, MessageState};
use tieline_store::MessageFilter;
use utoipa::IntoParams;

use super::MessageView;
use crate::api::v1::{List, mailboxes, page_size};
use crate::extract::Asked;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only of this mailbox, by number, address or id.
    mailbox: Option<String>,
    /// Only unread, read or deleted ones.
    state: Option<String>,
    /// Only voice, fax or text.
    kind: Option<String>,
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists messages, newest first.
#[utoipa::path(get, path = "/messages", tag = "messages", params(Asking),
    responses((status = 200, body = List<MessageView>)))]
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<MessageView>>, Refused> {
    let mailbox = match asked.mailbox {
        Some(mailbox) => Some(mailboxes::find(&web, &mailbox).await?.id),
        None => None,
    };
    let filter = MessageFilter {
        mailbox,
        kind: asked.kind.map(|kind| kind.parse::<MessageKind>()).transpose()?,
        state: asked.state.as_deref().map(state).transpose()?,
        before: asked
            .after
            .map(|id| id.parse())
            .transpose()
            .map_err(|_| bad_request("after is not a message id"))?,
    };
    let limit = page_size(asked.limit, 50)?;
    let messages = web.store.messages(&filter, limit).await?;
    let full = messages.len() == limit as usize;
    let next = messages.last().filter(|_| full).map(|stored| stored.message.id.to_string());
    let mut items = Vec::with_capacity(messages.len());
    for stored in messages {
        items.push(MessageView::new(&web, stored).await?);
    }
    Ok(Json(List { items, next }))
}

pub(super) fn state(name: &str) -> Result<MessageState, Refused> {
    [MessageState::Unread, MessageState::Read, MessageState::Deleted]
        .into_iter()
        .find(|state| state.name() == name)
        .ok_or_else(|| bad_request("the state is none of unread, read, deleted"))
}
