//! Feeds: an address with a token that nobody can guess, for programs that cannot sign in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tieline_store::{Batch, Feed, NewFeed, RecordFilter, Write};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{export, mailboxes, unknown};
use crate::access::Caller;
use crate::api::v1::{List, check_name};
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// A feed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedView {
    /// Its id, for its end.
    id: String,
    /// What it is for.
    name: String,
    /// Whether details of private events are in it.
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

impl From<Feed> for FeedView {
    fn from(feed: Feed) -> Self {
        let (created, id) = (feed.created.to_string(), feed.id.simple().to_string());
        Self { id, name: feed.name, private: feed.private, created, by: feed.by, path: None }
    }
}

/// Lists a mailbox's feeds. Their addresses are not kept.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/feeds", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = List<FeedView>)))]
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<List<FeedView>>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let feeds = web.store.feeds(mailbox.id).await?;
    Ok(Json(List::whole(feeds.into_iter().map(FeedView::from).collect())))
}

/// What a feed is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// Whether details of private events are in it.
    #[serde(default)]
    private: bool,
}

/// Makes a feed of a mailbox's calendar. Its address is shown once.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/feeds", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body = FeedBody, responses((status = 201, body = FeedView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<FeedBody>,
) -> Result<(StatusCode, Json<FeedView>), Refused> {
    check_name("a feed", &body.name)?;
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let (new, token) = NewFeed::draw(web.ids.uuid(), mailbox.id, &body.name, body.private, &caller.name)?;
    let (id, at) = (new.id, web.clock.now());
    web.store.commit(Batch::new(at).with(Write::AddFeed(new))).await?;
    let path = Some(format!("/feeds/{}.ics", token.expose_secret()));
    let view = FeedView {
        id: id.simple().to_string(),
        name: body.name,
        private: body.private,
        created: at.to_string(),
        by: caller.name,
        path,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Ends a feed: its address answers no more.
#[utoipa::path(delete, path = "/mailboxes/{mailbox}/feeds/{feed}", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id"),
           ("feed" = String, Path, description = "Its id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    axum::extract::Path((mailbox, feed)): axum::extract::Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let id = Uuid::try_parse(&feed).map_err(|_| unknown("feed", &feed))?;
    web.store.commit(Batch::new(web.clock.now()).with(Write::RemoveFeed { mailbox: mailbox.id, id })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far back a feed reaches, in days; programs that subscribe do not keep what they once read.
const BACK_DAYS: i64 = 366;
/// And how far ahead.
const AHEAD_DAYS: i64 = 366 * 3;

/// A feed's calendar: who knows the address reads it.
pub(in crate::api) async fn serve(
    State(web): State<Arc<Web>>,
    Segment(file): Segment,
) -> Result<Response, Refused> {
    let nothing = || Refusal::permanent("not-found", "there is no such feed", "make one: tieline event feed");
    let token = file.strip_suffix(".ics").ok_or_else(nothing)?;
    let Some(feed) = web.store.feed(&token.to_owned().into()).await? else {
        let feed = web.store.meeting_feed(&token.to_owned().into()).await?.ok_or_else(nothing)?;
        let conferencing = web.conferencing.as_ref().ok_or_else(nothing)?;
        let events = conferencing.feed_events(&feed).await?;
        let text = tieline_interchange::icalendar::write(&events, web.clock.now(), feed.private);
        return Ok(export::answer(text));
    };
    let now = web.clock.now();
    let days = |days: i64| jiff::SignedDuration::from_hours(days * 24);
    let between = now.saturating_sub(days(BACK_DAYS)).ok().zip(now.saturating_add(days(AHEAD_DAYS)).ok());
    let filter = RecordFilter { between, ..RecordFilter::default() };
    Ok(export::answer(export::text(&web, feed.mailbox, filter, feed.private).await?))
}
