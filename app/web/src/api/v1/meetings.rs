//! Meetings in rooms: what was asked, what was answered and why, and what becomes of their rooms.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_conferencing::MeetingDetail;
use tieline_model::{Meeting, MeetingId, Verdict};
use tieline_store::{MeetingFilter, StoredAnswer, StoredMeeting};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, page_size, unknown};
use crate::access::Caller;
use crate::extract::{Asked, Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(release))
        .routes(routes!(keep))
        .routes(routes!(clean_up))
}

/// A meeting.
#[derive(Debug, Serialize, ToSchema)]
struct MeetingView {
    /// `mt_…`
    id: String,
    /// accepted, declined, cancelled, released or forgotten.
    state: &'static str,
    /// What about; absent for a private one.
    subject: Option<String>,
    /// Whether it is private.
    private: bool,
    /// Who invites.
    organizer: String,
    /// Its room.
    number: Option<String>,
    /// When it begins, local time; of a series the first time.
    start: Option<String>,
    /// When it ends, local time.
    end: Option<String>,
    /// The zone of both.
    zone: Option<String>,
    /// Whether it is a series.
    series: bool,
    /// UID of the meeting outside.
    uid: String,
    /// When it was last changed.
    changed: String,
    /// An administrator keeps its room until then.
    kept_until: Option<String>,
    /// The journey of its first invitation.
    trace: String,
}

impl MeetingView {
    fn new(stored: &StoredMeeting) -> Self {
        Self::of(&stored.meeting, stored.changed)
    }

    fn of(meeting: &Meeting, changed: Timestamp) -> Self {
        let schedule = meeting.schedule.as_ref();
        Self {
            id: meeting.id.to_string(),
            state: meeting.state.name(),
            subject: (!meeting.private).then(|| meeting.subject.clone()),
            private: meeting.private,
            organizer: meeting.organizer.to_string(),
            number: meeting.number.as_ref().map(ToString::to_string),
            start: schedule.map(|schedule| schedule.start.local.to_string()),
            end: schedule.map(|schedule| schedule.end.local.to_string()),
            zone: schedule.map(|schedule| schedule.start.zone.id.clone()),
            series: schedule.is_some_and(|schedule| schedule.recurrence.is_some()),
            uid: meeting.key.uid.clone(),
            changed: changed.to_string(),
            kept_until: meeting.kept_until.map(|until| until.to_string()),
            trace: meeting.trace.to_string(),
        }
    }
}

/// A meeting with its times and answers.
#[derive(Debug, Serialize, ToSchema)]
struct MeetingDetailView {
    /// The meeting.
    meeting: MeetingView,
    /// When it has its room, at most the first hundred times.
    times: Vec<SpanView>,
    /// How many there are.
    times_total: usize,
    /// Everybody who is invited.
    attendees: Vec<String>,
    /// The answers, the first one first.
    answers: Vec<AnswerView>,
    /// Whether the join data stand in the meeting itself.
    inserted: bool,
    /// The meeting's own page.
    link: Option<String>,
}

/// A stretch of time.
#[derive(Debug, Serialize, ToSchema)]
struct SpanView {
    /// From.
    start: String,
    /// To.
    end: String,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
struct AnswerView {
    /// accepted or declined.
    verdict: &'static str,
    /// The kinds of reason of a no: number-in-use, sender-unknown, invalid-data, too-long, conference-passcode,
    /// chairperson-passcode.
    reasons: Vec<&'static str>,
    /// How many proposals went with it.
    alternatives: usize,
    /// When it was decided.
    decided: String,
    /// When it was sent; null while it is not.
    sent: Option<String>,
    /// Which version of the invitation.
    sequence: u32,
}

impl AnswerView {
    fn new(stored: &StoredAnswer) -> Self {
        let (verdict, reasons, alternatives) = match &stored.answer.verdict {
            Verdict::Accepted { .. } => ("accepted", Vec::new(), 0),
            Verdict::Declined { reasons, alternatives } => {
                let kinds = reasons.iter().map(|reason| reason.kind().name()).collect();
                ("declined", kinds, alternatives.len())
            }
        };
        Self {
            verdict,
            reasons,
            alternatives,
            decided: stored.answer.decided.to_string(),
            sent: stored.sent.map(|at| at.to_string()),
            sequence: stored.answer.version.sequence,
        }
    }
}

impl MeetingDetailView {
    fn new(detail: &MeetingDetail) -> Self {
        const MOST: usize = 100;
        let span = |span: &tieline_model::Span| SpanView {
            start: span.start.to_string(),
            end: span.end.to_string(),
        };
        Self {
            meeting: MeetingView::new(&detail.stored),
            times: detail.spans.iter().take(MOST).map(span).collect(),
            times_total: detail.spans.len(),
            attendees: detail.stored.meeting.attendees.iter().map(ToString::to_string).collect(),
            answers: detail.answers.iter().map(AnswerView::new).collect(),
            inserted: detail.stored.inserted.is_some(),
            link: detail.link.clone(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asking {
    /// Only accepted, declined, cancelled, released or forgotten ones.
    state: Option<String>,
    /// Only those in this room.
    room: Option<String>,
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists meetings, the last changed first.
#[utoipa::path(get, path = "/meetings", tag = "conferencing", params(Asking),
    responses((status = 200, body = List<MeetingView>)))]
async fn list(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<MeetingView>>, Refused> {
    web.conferences()?;
    let filter = MeetingFilter {
        state: asked.state.map(|state| state.parse()).transpose().map_err(|_| {
            bad_request("the state is none of accepted, declined, cancelled, released, forgotten")
        })?,
        number: asked
            .room
            .map(|room| room.parse())
            .transpose()
            .map_err(|_| bad_request("the room is not a number"))?,
        after: asked
            .after
            .map(|after| read_cursor(&after).ok_or_else(|| bad_request("after is not the next of a page")))
            .transpose()?,
        ..MeetingFilter::default()
    };
    let limit = page_size(asked.limit, 50)?;
    let found = web.store.meetings_where(&filter, limit).await?;
    let full = found.len() == limit as usize;
    let next = found
        .last()
        .filter(|_| full)
        .map(|stored| format!("{}-{}", stored.changed.as_millisecond(), stored.meeting.id));
    Ok(Json(List { items: found.iter().map(MeetingView::new).collect(), next }))
}

fn read_cursor(text: &str) -> Option<(Timestamp, MeetingId)> {
    let (at, id) = text.split_once('-')?;
    Some((Timestamp::from_millisecond(at.parse().ok()?).ok()?, id.parse().ok()?))
}

pub(crate) fn id_of(text: &str) -> Result<MeetingId, Refused> {
    text.parse().map_err(|_| unknown("meeting", text))
}

/// Shows a meeting with its times, its answers and its own page.
#[utoipa::path(get, path = "/meetings/{meeting}", tag = "conferencing",
    params(("meeting" = String, Path, description = "Its id")),
    responses((status = 200, body = MeetingDetailView)))]
async fn show(
    State(web): State<Arc<Web>>,
    Segment(meeting): Segment,
) -> Result<Json<MeetingDetailView>, Refused> {
    let detail = web.conferences()?.meeting_detail(id_of(&meeting)?).await?;
    Ok(Json(MeetingDetailView::new(&detail)))
}

/// Gives a meeting's room back. Its organizer's next update asks for a room anew.
#[utoipa::path(post, path = "/meetings/{meeting}/release", tag = "conferencing",
    params(("meeting" = String, Path, description = "Its id")),
    responses((status = 200, body = MeetingView)))]
async fn release(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(meeting): Segment,
) -> Result<Json<MeetingView>, Refused> {
    let meeting = web.conferences()?.release(id_of(&meeting)?, &caller.name).await?;
    Ok(Json(MeetingView::of(&meeting, web.clock.now())))
}

/// How long a room is kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeepBody {
    /// From now on, in days.
    #[schema(minimum = 1, maximum = 366)]
    days: u16,
}

/// Keeps a meeting's room for it, also when it is over. Refused where another meeting has the room meanwhile.
#[utoipa::path(post, path = "/meetings/{meeting}/keep", tag = "conferencing", request_body = KeepBody,
    params(("meeting" = String, Path, description = "Its id")),
    responses((status = 200, body = MeetingView)))]
async fn keep(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(meeting): Segment,
    Body(body): Body<KeepBody>,
) -> Result<Json<MeetingView>, Refused> {
    let until = in_days(&web, body.days)?;
    let meeting = web.conferences()?.keep(id_of(&meeting)?, until, &caller.name).await?;
    Ok(Json(MeetingView::of(&meeting, web.clock.now())))
}

pub(crate) fn in_days(web: &Web, days: u16) -> Result<Timestamp, Refused> {
    let ahead = SignedDuration::from_hours(24 * i64::from(days));
    web.clock.now().checked_add(ahead).map_err(|_| bad_request("days lead beyond the calendar"))
}

/// What is cleaned up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CleanUpBody {
    /// Meetings without a room are forgotten when they were last changed before so many days.
    #[schema(minimum = 0, maximum = 3660)]
    older_than_days: u16,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

/// What cleaning up did.
#[derive(Debug, Serialize, ToSchema)]
struct CleanedUpView {
    /// Meetings that are over gave their rooms back.
    released: usize,
    /// Meetings were forgotten.
    removed: usize,
    /// It was only counted.
    dry_run: bool,
}

/// Releases the rooms of meetings that are over, and forgets old meetings. It is done every hour anyway.
#[utoipa::path(post, path = "/meetings/clean-up", tag = "conferencing", request_body = CleanUpBody,
    responses((status = 200, body = CleanedUpView)))]
async fn clean_up(
    State(web): State<Arc<Web>>,
    Body(body): Body<CleanUpBody>,
) -> Result<Json<CleanedUpView>, Refused> {
    if body.older_than_days > 3660 {
        return Err(bad_request("older_than_days is at most 3660"));
    }
    let age = SignedDuration::from_hours(24 * i64::from(body.older_than_days));
    let done = web.conferences()?.clean_up(age, body.dry_run).await?;
    Ok(Json(CleanedUpView { released: done.released, removed: done.removed, dry_run: body.dry_run }))
}
