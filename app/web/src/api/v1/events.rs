//! Server-sent events: what happens, as it happens, replayed from `Last-Event-ID`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use serde::Deserialize;
use tieline_store::EventFeed;
use tokio::sync::watch;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::Asked;
use crate::problem::{Refused, bad_request};
use crate::web::{Readiness, Web};

/// Outside the request timeout: a stream lasts as long as its reader.
pub(in crate::api) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asking {
    /// Topics, separated by commas; every topic without it.
    topics: Option<String>,
}

/// Streams what happens, as it happens: `id` counts up, `event` is the topic, `data` is JSON. With `Last-Event-ID`
/// everything since that event comes first.
#[utoipa::path(get, path = "/events", tag = "operations",
    params(Asking, ("last-event-id" = Option<i64>, Header, description = "The last event that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
async fn events(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let after = match headers.get("last-event-id") {
        Some(seen) => {
            let seen = seen.to_str().ok().and_then(|id| id.parse().ok()).filter(|seen| *seen >= 0);
            seen.ok_or_else(|| bad_request("Last-Event-ID is not the id of an event"))?
        }
        None => web.store.last_event().await?,
    };
    let topics = asked.topics.unwrap_or_default();
    let topics =
        topics.split(',').map(str::trim).filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
    let feed = web.store.listen(after, topics);
    let stream = futures_util::stream::unfold((feed, web.readiness.clone()), next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// A feed, and whether the server stops.
type Reading = (EventFeed, watch::Receiver<Readiness>);

/// Ends the stream when the store cannot be read or the server stops: the reader comes back with its `Last-Event-ID`.
async fn next((mut feed, mut readiness): Reading) -> Option<(Result<Event, Infallible>, Reading)> {
    let event = tokio::select! {
        event = feed.next() => event.ok()?,
        _ = readiness.wait_for(|now| *now == Readiness::Stopping) => return None,
    };
    let data = serde_json::json!({ "at": event.at, "subject": event.subject, "payload": event.payload });
    let sent = Event::default().id(event.seq.to_string()).event(event.topic).data(data.to_string());
    Some((Ok(sent), (feed, readiness)))
}
