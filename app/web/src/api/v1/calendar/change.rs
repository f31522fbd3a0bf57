use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use tieline_store::IfVersion;

use super::{EventView, MEMBERS, check, find, records, schema};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Changes fields of an event: what is left out stays, null removes.
#[utoipa::path(patch, path = "/events/{event}", tag = "calendar",
    params(("event" = String, Path, description = "Its id, ev_…"),
           ("if-match" = Option<String>, Header, description = "The version that the change is for")),
    request_body = schema::EventBody, responses((status = 200, body = EventView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(event): Segment,
    headers: HeaderMap,
    Body(body): Body<records::Members>,
) -> Result<Json<EventView>, Refused> {
    let stored = find(&web, &event).await?;
    let asked = records::if_match(&headers)?;
    // What was merged with is what must still be there.
    let expected = if asked == IfVersion::Any { IfVersion::Is(stored.version) } else { asked };
    let changed = check(records::merged(&stored.record, body.0, &MEMBERS)?)?;
    let by = records::origin(&web, &caller, "tieline");
    web.messaging.put_record(stored.mailbox, Some(stored.id), changed, expected, by).await?;
    Ok(Json(EventView::new(&find(&web, &event).await?)))
}
