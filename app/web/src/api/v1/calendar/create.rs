use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::{Event, Zone};
use tieline_store::IfVersion;

use super::{EventView, MEMBERS, check, find, mailboxes, organize, records, schema};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Adds an event to a mailbox's calendar. It needs a `schedule`; nobody is invited.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/events", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body = schema::EventBody, responses((status = 201, body = EventView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<records::Members>,
) -> Result<(StatusCode, Json<EventView>), Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    if !body.0.contains_key("schedule") {
        return Err(bad_request("the schedule is missing"));
    }
    let empty = Event::new("", jiff::civil::DateTime::MIN, jiff::civil::DateTime::MIN, &Zone::utc());
    let mut event = check(records::merged(&empty, body.0, &MEMBERS)?)?;
    organize(&mut event, &mailbox);
    let by = records::origin(&web, &caller, "tieline");
    let id = web.messaging.put_record(mailbox.id, None, event, IfVersion::Absent, by).await?;
    let stored = find(&web, &tieline_model::EventId::from_uuid(id).to_string()).await?;
    Ok((StatusCode::CREATED, Json(EventView::new(&stored))))
}
