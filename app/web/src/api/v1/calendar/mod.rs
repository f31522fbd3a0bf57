//! A mailbox's calendar, as JSON, as iCalendar, and as feeds that programs subscribe to.

mod change;
mod create;
mod export;
mod feed;
mod import;
mod list;
mod remove;
mod schema;
mod show;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use serde::Serialize;
use serde_json::Value;
use tieline_model::{Event, Mailbox, RecordKind};
use tieline_store::StoredRecord;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::records::{Head, id_of};
use super::{mailboxes, records, unknown};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(in crate::api) use feed::serve as serve_feed;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(export::export))
        .routes(routes!(feed::list, feed::create))
        .routes(routes!(feed::remove))
        .routes(routes!(show::show, change::change, remove::remove))
}

/// The address that takes iCalendar files, with a limit of its own.
pub(in crate::api) fn upload() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(import::import))
        .layer(DefaultBodyLimit::max(tieline_interchange::MOST_BYTES))
}

/// An event, or a series with everything that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventView {
    #[serde(flatten)]
    head: Head,
    /// Its fields.
    #[schema(value_type = schema::Event)]
    event: Value,
    /// When it takes place in the span that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    occurrences: Option<Vec<OccurrenceView>>,
}

/// One time that an event takes place.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OccurrenceView {
    /// From.
    start: String,
    /// To, not included.
    end: String,
}

impl EventView {
    fn new(stored: &StoredRecord<Event>) -> Self {
        let event = serde_json::to_value(&stored.record).unwrap_or_default();
        Self { head: Head::new(stored), event, occurrences: None }
    }
}

/// The members of a body.
const MEMBERS: [&str; 13] = [
    "uid",
    "subject",
    "body",
    "schedule",
    "location",
    "uc_location",
    "busy",
    "sensitivity",
    "reminder",
    "organizer",
    "attendees",
    "categories",
    "cancelled",
];

/// A time that cannot be placed is refused here, where somebody can mend it.
fn check(event: Event) -> Result<Event, Refused> {
    let (start, end) = match (event.schedule.start.instant(), event.schedule.end.instant()) {
        (Ok(start), Ok(end)) => (start, end),
        (Err(error), _) | (_, Err(error)) => return Err(bad_request(error.to_string())),
    };
    if end < start { Err(bad_request("the event ends before it begins")) } else { Ok(event) }
}

/// Who makes an event and names nobody organizes it, as in every mail program.
fn organize(event: &mut Event, mailbox: &Mailbox) {
    event.organizer.get_or_insert_with(|| mailbox.address.as_str().to_owned());
}

async fn find(web: &Web, reference: &str) -> Result<StoredRecord<Event>, Refused> {
    let id = id_of(RecordKind::Calendar, reference).ok_or_else(|| unknown("event", reference))?;
    web.store.record::<Event>(id).await?.ok_or_else(|| unknown("event", reference))
}
