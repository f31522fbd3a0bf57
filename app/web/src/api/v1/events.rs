//! Server-sent events: what happens, as it happens, replayed from `Last-Event-ID`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use futures_util::Stream;
use serde::Deserialize;
use tieline_store::EventFeed;

use crate::extract::Asked;
use crate::problem::Refused;
use crate::web::Web;

/// Outside the request timeout: a stream lasts as long as its reader.
pub(in crate::api) fn route() -> Router<Arc<Web>> {
    Router::new().route("/api/v1/events", get(events))
}

#[derive(Debug, Deserialize)]
struct Asking {
    /// Topics, separated by commas; every topic without it.
    topics: Option<String>,
}

async fn events(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let seen =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|id| id.parse().ok());
    let after = match seen {
        Some(seen) => seen,
        None => web.store.last_event().await?,
    };
    let topics = asked.topics.unwrap_or_default();
    let topics =
        topics.split(',').map(str::trim).filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
    let feed = web.store.listen(after, topics);
    Ok(Sse::new(futures_util::stream::unfold(feed, next)).keep_alive(KeepAlive::default()))
}

/// Ends the stream when the store cannot be read: the reader comes back with its `Last-Event-ID`.
async fn next(mut feed: EventFeed) -> Option<(Result<Event, Infallible>, EventFeed)> {
    let event = feed.next().await.ok()?;
    let data = serde_json::json!({ "at": event.at, "subject": event.subject, "payload": event.payload });
    let sent = Event::default().id(event.seq.to_string()).event(event.topic).data(data.to_string());
    Some((Ok(sent), feed))
}
