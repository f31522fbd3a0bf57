//! The conference mailbox: how its watching stands, calendars for devices, and other rules tried on past invitations.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tieline_conferencing::{Conferencing, Difference};
use tieline_model::Refusal;
use tieline_store::MeetingFeed;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{List, check_name, unknown};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(feeds, add_feed))
        .routes(routes!(remove_feed))
        .routes(routes!(replay))
}

impl Web {
    /// The job; without a conference mailbox there is none.
    pub(crate) fn conferences(&self) -> Result<&Conferencing, Refused> {
        self.conferencing.as_ref().ok_or_else(|| {
            let next = "set [conferencing] mailbox in the configuration and start Tieline again";
            Refusal::operator("no-conference-mailbox", "no conference mailbox is configured", next).into()
        })
    }
}

/// How the watching of the conference mailbox stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConferenceView {
    /// off, pending, ok, degraded, authentication-failed, mailbox-not-found or waiting-for-directory.
    state: &'static str,
    /// Since when.
    since: String,
    /// What happened, unless all is well.
    cause: Option<String>,
    /// What to do about it.
    next: Option<String>,
    /// The mailbox.
    mailbox: String,
    /// By which way it tells of new mail: streaming, push or pull.
    subscription: &'static str,
    /// After so much silence a marker is touched, in seconds.
    touch_after_s: i64,
    /// After so much silence the mailbox is checked at an interval, in seconds.
    degraded_after_s: i64,
    /// That interval, in seconds.
    check_every_s: i64,
}

/// Shows how the watching of the conference mailbox stands.
#[utoipa::path(get, path = "/conference", tag = "conferencing",
    responses((status = 200, body = ConferenceView)))]
async fn status(State(web): State<Arc<Web>>) -> Result<Json<ConferenceView>, Refused> {
    let service = web.conferences()?;
    let (status, watch) = (service.status(), service.settings.watch);
    Ok(Json(ConferenceView {
        state: status.state.name(),
        since: status.since.to_string(),
        next: status.cause.as_ref().map(|cause| cause.next.clone()),
        cause: status.cause.map(|cause| cause.what),
        mailbox: status.mailbox.to_string(),
        subscription: service.settings.subscription.name(),
        touch_after_s: watch.touch_after.as_secs(),
        degraded_after_s: watch.degraded_after.as_secs(),
        check_every_s: watch.check_every.as_secs(),
    }))
}

/// A calendar of a room's or a person's meetings, for a device.
#[derive(Debug, Serialize, ToSchema)]
struct MeetingFeedView {
    /// Its id, for its end.
    id: String,
    /// Of this room.
    room: Option<String>,
    /// Of this person.
    person: Option<String>,
    /// What it is for.
    name: String,
    /// Whether details of private meetings are in it.
    private: bool,
    /// When it was made.
    created: String,
    /// Who had it made.
    by: String,
    /// Its address, shown once: `/feeds/….ics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
}

impl From<MeetingFeed> for MeetingFeedView {
    fn from(feed: MeetingFeed) -> Self {
        Self {
            id: feed.id.simple().to_string(),
            room: feed.room.map(String::from),
            person: feed.person.map(|person| person.to_string()),
            name: feed.name,
            private: feed.private,
            created: feed.created.to_string(),
            by: feed.by,
            path: None,
        }
    }
}

/// Lists the calendars of rooms and people. Their addresses are not kept.
#[utoipa::path(get, path = "/conference/feeds", tag = "conferencing",
    responses((status = 200, body = List<MeetingFeedView>)))]
async fn feeds(State(web): State<Arc<Web>>) -> Result<Json<List<MeetingFeedView>>, Refused> {
    let feeds = web.store.meeting_feeds().await?;
    Ok(Json(List::whole(feeds.into_iter().map(MeetingFeedView::from).collect())))
}

/// What a calendar is of: a room or a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MeetingFeedBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// A room's number.
    #[schema(pattern = "^[0-9]{2,20}$")]
    room: Option<String>,
    /// A person's mail address: meetings that they organize or are invited to.
    person: Option<String>,
    /// Whether details of private meetings are in it.
    #[serde(default)]
    private: bool,
}

/// Makes a calendar of a room's or a person's meetings. Its address is shown once.
#[utoipa::path(post, path = "/conference/feeds", tag = "conferencing", request_body = MeetingFeedBody,
    responses((status = 201, body = MeetingFeedView)))]
async fn add_feed(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<MeetingFeedBody>,
) -> Result<(StatusCode, Json<MeetingFeedView>), Refused> {
    check_name("a feed", &body.name)?;
    let feed = MeetingFeed {
        id: web.ids.uuid(),
        room: body
            .room
            .map(|room| room.parse())
            .transpose()
            .map_err(|_| bad_request("room is not a number"))?,
        person: body
            .person
            .map(|person| person.parse())
            .transpose()
            .map_err(|_| bad_request("person is not a mail address"))?,
        name: body.name,
        private: body.private,
        created: web.clock.now(),
        by: caller.name,
    };
    let token = web.conferences()?.add_feed(feed.clone()).await?;
    let path = Some(format!("/feeds/{}.ics", token.expose_secret()));
    Ok((StatusCode::CREATED, Json(MeetingFeedView { path, ..feed.into() })))
}

/// Ends a calendar: its address answers no more.
#[utoipa::path(delete, path = "/conference/feeds/{feed}", tag = "conferencing",
    params(("feed" = String, Path, description = "Its id")),
    responses((status = 204)))]
async fn remove_feed(State(web): State<Arc<Web>>, Segment(feed): Segment) -> Result<StatusCode, Refused> {
    let id = Uuid::try_parse(&feed).map_err(|_| unknown("feed", &feed))?;
    web.conferences()?.remove_feed(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Other rules, and since when they are tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    /// The text of a policy file.
    policy: String,
    /// The invitations of so many days.
    #[schema(minimum = 1, maximum = 366)]
    days: u16,
}

/// What other rules would have made of past invitations.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayView {
    /// Invitations that were decided on.
    invitations: usize,
    /// Of those, how many would be accepted now and were not.
    newly_accepted: usize,
    /// And the reverse.
    newly_declined: usize,
    /// Those that would be answered otherwise, at most the first 500.
    differences: Vec<DifferenceView>,
}

/// An invitation that would be answered otherwise.
#[derive(Debug, Serialize, ToSchema)]
struct DifferenceView {
    /// What about.
    subject: String,
    /// UID of the meeting.
    uid: String,
    /// When it was decided.
    at: String,
    /// The reasons that held; none is a yes.
    before: Vec<&'static str>,
    /// The reasons under the other rules.
    after: Vec<&'static str>,
}

impl From<Difference> for DifferenceView {
    fn from(one: Difference) -> Self {
        let names =
            |kinds: Vec<tieline_model::ReasonKind>| kinds.into_iter().map(|kind| kind.name()).collect();
        Self {
            subject: one.subject,
            uid: one.key.uid,
            at: one.at.to_string(),
            before: names(one.before),
            after: names(one.after),
        }
    }
}

/// Decides on the invitations of the last days again, under other rules. Nothing is applied and nobody is told.
#[utoipa::path(post, path = "/conference/replay", tag = "conferencing", request_body = ReplayBody,
    responses((status = 200, body = ReplayView)))]
async fn replay(
    State(web): State<Arc<Web>>,
    Body(body): Body<ReplayBody>,
) -> Result<Json<ReplayView>, Refused> {
    if !(1..=366).contains(&body.days) {
        return Err(bad_request("days is not from 1 to 366"));
    }
    let back = SignedDuration::from_hours(24 * i64::from(body.days));
    let since =
        web.clock.now().checked_sub(back).map_err(|_| bad_request("days lead before the calendar"))?;
    let replay = web.conferences()?.replay(&body.policy, since).await?;
    Ok(Json(ReplayView {
        invitations: replay.invitations,
        newly_accepted: replay.newly_accepted,
        newly_declined: replay.newly_declined,
        differences: replay.differences.into_iter().take(500).map(DifferenceView::from).collect(),
    }))
}
