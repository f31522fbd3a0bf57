use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use tieline_model::Zone;
use utoipa::IntoParams;

use super::{mailboxes, organize};
use crate::access::Caller;
use crate::api::v1::records::{self, ImportReport};
use crate::extract::{Asked, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// The zone of times that have none, as Europe/Berlin; without it such events are refused.
    zone: Option<String>,
}

/// Takes the events of an iCalendar file in. One with a known UID is changed, one that is there is not added again;
/// nobody is invited.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/events/import", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    request_body(content = String, content_type = "text/calendar"),
    responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
    text: String,
) -> Result<Json<ImportReport>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let zone = asked.zone.map(Zone::named);
    if let Some(zone) = &zone {
        zone.resolve().map_err(|error| bad_request(error.to_string()))?;
    }
    let mut read = tieline_interchange::icalendar::read(&text, zone.as_ref());
    read.iter_mut().flat_map(|read| &mut read.entries).for_each(|event| organize(event, &mailbox));
    Ok(Json(records::import(&web, &caller, mailbox.id, read).await?))
}
