use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_messaging::{Cause, LocationSaid, LocationView, Manual};
use tieline_model::{Mailbox, UcLocation};
use utoipa::ToSchema;

use super::find;
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Where a mailbox's user is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LocationReport {
    /// office, meeting, home, mobile, travel, out-of-office or vacation.
    #[schema(value_type = String)]
    location: UcLocation,
    /// usual, by-hand or event.
    cause: &'static str,
    /// The event, unless it is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    /// Nothing changes before this instant.
    #[schema(value_type = String)]
    until: Timestamp,
    /// Whether the calendar moves it (Change Location).
    moved_by_calendar: bool,
    /// What was set by hand.
    #[schema(value_type = Option<String>)]
    by_hand: Option<UcLocation>,
    /// Until when that holds; null is until it is taken back.
    #[schema(value_type = Option<String>)]
    by_hand_until: Option<Timestamp>,
    /// Where this user is when nothing says otherwise; null is as for everybody.
    #[schema(value_type = Option<String>)]
    usual: Option<UcLocation>,
    /// Events in a time zone that nobody knows: they move nothing.
    unknown: Vec<String>,
}

impl LocationReport {
    fn new(view: LocationView) -> Self {
        let (cause, event) = match view.now.cause {
            Cause::Usual => ("usual", None),
            Cause::ByHand => ("by-hand", None),
            Cause::Event { headline, .. } => ("event", Some(headline)),
        };
        Self {
            location: view.now.location,
            cause,
            event,
            until: view.now.until,
            moved_by_calendar: view.moved_by_calendar,
            by_hand: view.said.manual.map(|manual| manual.location),
            by_hand_until: view.said.manual.and_then(|manual| manual.until),
            usual: view.said.usual,
            unknown: view.unknown,
        }
    }
}

/// What is said about where a user is. What is left out or null is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationBody {
    /// Set by hand: office, meeting, home, mobile, travel, out-of-office or vacation.
    #[schema(value_type = Option<String>, pattern = "^(office|meeting|home|mobile|travel|out-of-office|vacation)$")]
    #[serde(default)]
    location: Option<UcLocation>,
    /// Until when; null is until it is taken back.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    until: Option<Timestamp>,
    /// Where this user is when nothing says otherwise.
    #[schema(value_type = Option<String>, pattern = "^(office|meeting|home|mobile|travel|out-of-office|vacation)$")]
    #[serde(default)]
    usual: Option<UcLocation>,
}

async fn report(web: &Web, mailbox: &Mailbox) -> Result<Json<LocationReport>, Refused> {
    Ok(Json(LocationReport::new(web.messaging.location(mailbox).await?)))
}

/// Shows where the mailbox's user is, and why.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/location", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = LocationReport)))]
pub(super) async fn location(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<LocationReport>, Refused> {
    report(&web, &find(&web, &mailbox).await?).await
}

/// Sets the user's location by hand, or takes that back. No event moves a location that was set by hand.
#[utoipa::path(put, path = "/mailboxes/{mailbox}/location", tag = "mailboxes", request_body = LocationBody,
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = LocationReport)))]
pub(super) async fn say(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<LocationBody>,
) -> Result<Json<LocationReport>, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    let manual = body.location.map(|location| Manual { location, until: body.until });
    let said = LocationSaid { manual, usual: body.usual };
    web.messaging.say_location(&mailbox, said, &caller.name).await?;
    report(&web, &mailbox).await
}
