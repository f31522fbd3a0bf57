use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tieline_model::{Event, MailboxId};
use tieline_store::RecordFilter;

use super::mailboxes;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// A mailbox's calendar as an iCalendar file, private events included.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/events/export", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = String, content_type = "text/calendar")))]
pub(super) async fn export(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Response, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    Ok(answer(text(&web, mailbox.id, RecordFilter::default(), true).await?))
}

/// The events as iCalendar, each with a UID of its own.
pub(super) async fn text(
    web: &Web,
    mailbox: MailboxId,
    filter: RecordFilter,
    private: bool,
) -> Result<String, Refused> {
    let all = web.messaging.records_where::<Event>(mailbox, filter).await?;
    let events: Vec<Event> = all
        .into_iter()
        .map(|stored| {
            let id = tieline_model::EventId::from_uuid(stored.id).to_string();
            Event { uid: Some(stored.record.uid.clone().unwrap_or(id)), ..stored.record }
        })
        .collect();
    Ok(tieline_interchange::icalendar::write(&events, web.clock.now(), private))
}

pub(super) fn answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response()
}
