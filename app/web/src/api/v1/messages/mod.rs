//! Voice messages, fax and text messages.

mod change;
mod content;
mod deposit;
mod list;
mod remove;
mod retry;
mod show;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use serde::Serialize;
use tieline_messaging::DeliveryReport;
use tieline_model::{Caller, Message, MessageId};
use tieline_store::StoredMessage;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{schema, unknown};
use crate::problem::Refused;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(content::content))
        .routes(routes!(retry::retry))
}

/// The one address that takes recordings, with a limit of its own.
pub(in crate::api) fn upload(limit: usize) -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(deposit::deposit)).layer(DefaultBodyLimit::max(limit))
}

/// A message, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageView {
    /// `vm_…`
    id: String,
    /// `mb_…`
    mailbox: String,
    /// The number of that mailbox.
    mailbox_number: String,
    /// voice, fax or text.
    kind: &'static str,
    /// `tr_…`: its journey.
    trace: String,
    /// Who called.
    #[schema(value_type = schema::Caller)]
    caller: Caller,
    /// When it came in.
    received: String,
    /// How long the recording is, in milliseconds.
    duration_ms: u64,
    /// How many pages the fax has.
    pages: u32,
    /// The text of a text message.
    text: String,
    /// The content's media type.
    media_type: String,
    /// The content's length in bytes.
    size: u64,
    /// unread, read or deleted.
    state: &'static str,
    /// The id that the depositing system gave it.
    source_id: Option<String>,
    /// How far its delivery is: waiting, delivering, delivered, quarantined or kept, and why.
    #[schema(value_type = schema::Delivery)]
    delivery: DeliveryReport,
}

impl MessageView {
    async fn new(web: &Web, stored: StoredMessage) -> Result<Self, Refused> {
        let delivery = web.messaging.delivery(&stored).await?;
        let number = web.store.mailbox(stored.message.mailbox).await?.map(|mailbox| mailbox.number);
        let Message { id, mailbox, kind, trace, caller, received, duration_ms, .. } = stored.message;
        Ok(Self {
            id: id.to_string(),
            mailbox: mailbox.to_string(),
            mailbox_number: number.unwrap_or_default(),
            kind: kind.name(),
            trace: trace.to_string(),
            caller,
            received: received.to_string(),
            duration_ms,
            pages: stored.message.pages,
            text: stored.message.text,
            media_type: stored.message.media_type,
            size: stored.message.size,
            state: stored.message.state.name(),
            source_id: stored.message.source_id,
            delivery,
        })
    }
}

async fn find(web: &Web, reference: &str) -> Result<StoredMessage, Refused> {
    let id: MessageId = reference.parse().map_err(|_| unknown("voicemail", reference))?;
    web.store.message(id).await?.ok_or_else(|| unknown("voicemail", reference))
}
