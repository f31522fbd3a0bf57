//! GetStreamingEvents: one chunked response that carries a sequence of whole envelopes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tieline_proto_ews::{
    ResponseCode, ResponseMessage, ResponseMessages, encode_response,
    operations::{
        ConnectionStatus, Event, GetStreamingEvents, GetStreamingEventsMessage, Notification, StatusEvent,
    },
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Post, begin,
    context::Failure,
    decorate,
    dispatch::error_for_all,
    noted,
    notification::{self, collect},
    response_header,
};
use crate::{
    account::Account,
    fault::FaultKind,
    http::{Body, Cut},
    server::Server,
    store::{
        change, mailbox,
        subscription::{self, Kind, Subscription},
    },
};

type Message = ResponseMessage<GetStreamingEventsMessage>;

/// A subscription on this connection.
struct Watched {
    subscription: Subscription,
    mailbox: Uuid,
}

/// One streaming connection.
struct Stream {
    server: Arc<Server>,
    caller: String,
    account: String,
    watched: Vec<Watched>,
    /// Every line of the change log up to here was looked at.
    seen: i64,
    deadline: Instant,
    connection: Connection,
    out: mpsc::Sender<Result<Bytes, Cut>>,
    seq: u64,
    parts: u64,
}

/// Answers GetStreamingEvents; an error closes the connection.
pub(crate) async fn answer(
    server: Arc<Server>,
    mut post: Post,
    account: Account,
    request: GetStreamingEvents,
    fault: Option<FaultKind>,
) -> Result<Response<Body>, Cut> {
    let (out, body) = mpsc::channel(16);
    let address = account.address.clone();
    let opened = open(&server, &post, account, &request, fault).await;
    let (watched, first) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "lab: the store failed");
            (Vec::new(), ResponseMessage::error(ResponseCode::ErrorInternalServerError, error.to_string()))
        }
    };
    post.record.response_code = Some(noted(&first));
    let minutes = u32::try_from(request.connection_timeout.clamp(1, 30)).unwrap_or(1);
    let mut stream = Stream {
        deadline: Instant::now() + server.settings.stream_minute * minutes,
        connection: Connection::default(),
        caller: post.caller.address.clone(),
        account: address,
        seen: watched.iter().map(|watched| watched.subscription.position).min().unwrap_or_default(),
        watched,
        out,
        seq: post.record.seq,
        parts: 0,
        server: Arc::clone(&server),
    };
    let document = stream.document(first).await;
    post.record.response_bytes = document.len() as u64;
    if stream.out.try_send(Ok(document.into())).is_err() {
        return Err(Cut);
    }
    if !stream.watched.is_empty() {
        server.streams.take_over(
            &stream.watched.iter().map(|w| w.subscription.id.clone()).collect::<Vec<_>>(),
            &stream.connection,
        );
        server.tasks.spawn(stream.run());
    }
    let frames = ReceiverStream::new(body).map(|part| part.map(Frame::data));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    decorate(&server, &post, "GetStreamingEvents", &mut response);
    Ok(server.finish(post.record, post.begun, response))
}

/// Checks the subscriptions and keeps them alive; the first message says how that went.
async fn open(
    server: &Arc<Server>,
    post: &Post,
    account: Account,
    request: &GetStreamingEvents,
    fault: Option<FaultKind>,
) -> Result<(Vec<Watched>, Message), sqlx::Error> {
    if let Some((code, xml)) = error_for_all(fault.as_ref()) {
        let mut message =
            Message::error(code, "The server cannot service this request right now. Try again later.");
        message.xml = xml;
        message.payload.connection_status = Some(ConnectionStatus::Closed);
        return Ok((Vec::new(), message));
    }
    let mut cx = begin(server, post.caller.clone(), account, post.asked.clone(), true, fault).await?;
    let (mut watched, mut bad, mut refusal) = (Vec::new(), Vec::new(), None);
    for id in &request.subscription_ids {
        match notification::owned(&mut cx, id.trim()).await {
            Ok(found) if found.kind == Kind::Streaming => watched.push(found),
            Ok(_) => {
                bad.push(id.clone());
                refusal = Some((
                    ResponseCode::ErrorInvalidSubscription,
                    "This is no streaming subscription.".into(),
                ));
            }
            Err(Failure::Refused(found)) => {
                bad.push(id.clone());
                refusal = Some((found.code, found.text));
            }
            Err(Failure::Store(error)) => return Err(error),
        }
    }
    if let Some((code, text)) = refusal {
        server.store.commit(cx.tx).await?;
        let mut message = Message::error(code, text);
        message.payload.error_subscription_ids = bad;
        message.payload.connection_status = Some(ConnectionStatus::Closed);
        return Ok((Vec::new(), message));
    }
    let mut opened = Vec::new();
    for found in watched {
        subscription::served(&mut cx.tx, &found.id, found.position, i64::MAX).await?;
        let owner = mailbox::by_number(&mut cx.tx, found.mailbox).await?.ok_or(sqlx::Error::RowNotFound)?;
        opened.push(Watched { subscription: found, mailbox: owner.guid });
    }
    server.store.commit(cx.tx).await?;
    let payload = GetStreamingEventsMessage {
        connection_status: Some(ConnectionStatus::Ok),
        ..GetStreamingEventsMessage::default()
    };
    Ok((opened, Message::success(payload)))
}

impl Stream {
    async fn run(mut self) {
        let ended = self.serve().await;
        if let Err(error) = self.close().await {
            tracing::error!(%error, "lab: a stream could not note its place");
        }
        if let Err(error) = ended {
            tracing::error!(%error, "lab: a stream failed");
        }
    }

    /// Serves events until the connection's time is over, its client gone, or a fault cuts it.
    async fn serve(&mut self) -> Result<(), sqlx::Error> {
        let mut committed = self.server.store.committed();
        let server = Arc::clone(&self.server);
        let mut beat = Instant::now() + self.server.settings.heartbeat;
        loop {
            let armed = server.faults.armed();
            committed.borrow_and_update();
            if server.faults.cuts_stream(&self.caller, &self.account) {
                // Nobody left to tell when this fails.
                let _ = self.out.send(Err(Cut)).await;
                return Ok(());
            }
            let notifications = self.news().await?;
            if !notifications.is_empty() {
                beat = Instant::now() + self.server.settings.heartbeat;
                if !self.send(success(notifications, None)).await {
                    return Ok(());
                }
                continue;
            }
            tokio::select! {
                changed = committed.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    // Events of one action arrive together, as from Exchange, which looks a few times a second.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                () = armed => {}
                () = sleep_until(beat) => {
                    beat = Instant::now() + self.server.settings.heartbeat;
                    let beats = self.heartbeats();
                    if !self.send(success(beats, None)).await {
                        return Ok(());
                    }
                }
                () = sleep_until(self.deadline) => {
                    self.send(success(Vec::new(), Some(ConnectionStatus::Closed))).await;
                    return Ok(());
                }
                () = self.server.stop.cancelled() => {
                    self.send(success(Vec::new(), Some(ConnectionStatus::Closed))).await;
                    return Ok(());
                }
                end = self.connection.ended() => {
                    let (code, text) = match end {
                        End::Replaced => (
                            ResponseCode::ErrorNewEventStreamConnectionOpened,
                            "Another connection was opened for the subscription.",
                        ),
                        End::Moved => (
                            ResponseCode::ErrorMailboxMoveInProgress,
                            "The mailbox is being moved to another server.",
                        ),
                        End::Cut => {
                            // Nobody left to tell when this fails.
                            let _ = self.out.send(Err(Cut)).await;
                            return Ok(());
                        }
                    };
                    let mut message = Message::error(code, text);
                    message.payload.connection_status = Some(ConnectionStatus::Closed);
                    self.send(message).await;
                    return Ok(());
                }
                () = self.out.closed() => return Ok(()),
            }
        }
    }

    async fn news(&mut self) -> Result<Vec<Notification>, sqlx::Error> {
        let mut tx = self.server.store.read().await?;
        let mut notifications = Vec::new();
        // Many connections with many subscriptions are woken by every change; few of them are meant.
        let seen = self.seen;
        let last = change::last(&mut tx).await?;
        let touched = change::touched(&mut tx, seen).await?;
        self.seen = last;
        for watched in &mut self.watched {
            if !touched.contains(&watched.subscription.mailbox) {
                continue;
            }
            let batch = collect(&mut tx, &watched.subscription, watched.subscription.position).await?;
            watched.subscription.position = batch.position;
            if batch.more {
                self.seen = self.seen.min(batch.position);
            }
            if batch.events.is_empty() {
                continue;
            }
            let events =
                batch.events.iter().map(|(_, line)| notification::element(watched.mailbox, line, None));
            notifications.push(Notification {
                subscription_id: watched.subscription.id.clone(),
                events: events.collect(),
                ..Notification::default()
            });
        }
        Ok(notifications)
    }

    fn heartbeats(&self) -> Vec<Notification> {
        let beat = |watched: &Watched| Notification {
            subscription_id: watched.subscription.id.clone(),
            events: vec![Event::Status(StatusEvent::default())],
            ..Notification::default()
        };
        self.watched.iter().map(beat).collect()
    }

    /// Sends an envelope; false when the client is gone.
    async fn send(&mut self, message: Message) -> bool {
        let document = self.document(message).await;
        self.out.send(Ok(document.into())).await.is_ok()
    }

    async fn document(&mut self, message: Message) -> Vec<u8> {
        let response = ResponseMessages::one(message);
        let document = encode_response::<GetStreamingEvents>(&response_header(&self.server), &response);
        self.parts += 1;
        if let Some(recorder) = &self.server.recorder {
            let part = format!("response-{}", self.parts);
            recorder.write(self.seq, "GetStreamingEvents", &part, &document).await;
        }
        document
    }

    /// Notes how far each subscription was served, and that it waits for its next connection only so long.
    async fn close(&mut self) -> Result<(), sqlx::Error> {
        let mut tx = self.server.store.write().await?;
        let now_ms = self.server.clock.now_ms();
        for watched in &self.watched {
            let subscription = &watched.subscription;
            // The connection that took over keeps the subscription alive itself.
            let expires_ms = match self.connection.end.get() == Some(&End::Replaced) {
                true => i64::MAX,
                false => now_ms.saturating_add(subscription.timeout_ms),
            };
            subscription::served(&mut tx, &subscription.id, subscription.position, expires_ms).await?;
        }
        self.server.store.commit(tx).await
    }
}

fn success(notifications: Vec<Notification>, status: Option<ConnectionStatus>) -> Message {
    Message::success(GetStreamingEventsMessage {
        notifications,
        connection_status: status,
        ..GetStreamingEventsMessage::default()
    })
}

/// Why a connection is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A newer connection took over.
    Replaced,
    /// A mailbox went to another server.
    Moved,
    /// The server is gone, without a word.
    Cut,
}

/// What others may do to a connection.
#[derive(Clone, Debug, Default)]
struct Connection {
    end: Arc<OnceLock<End>>,
    ended: CancellationToken,
}

impl Connection {
    fn end(&self, end: End) {
        // The first reason is the one that is told.
        let _ = self.end.set(end);
        self.ended.cancel();
    }

    async fn ended(&self) -> End {
        self.ended.cancelled().await;
        self.end.get().copied().unwrap_or(End::Cut)
    }
}

/// Which connection serves which subscription.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<String, Connection>>);

impl Streams {
    /// Gives the subscriptions to a new connection and ends the ones that had them.
    fn take_over(&self, ids: &[String], connection: &Connection) {
        let mut streams = self.lock();
        for id in ids {
            if let Some(older) = streams.insert(id.clone(), connection.clone()) {
                older.end(End::Replaced);
            }
        }
    }

    /// Ends the connections that serve these subscriptions.
    pub(super) fn end(&self, ids: &[String], why: End) {
        let mut streams = self.lock();
        ids.iter().filter_map(|id| streams.remove(id)).for_each(|connection| connection.end(why));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
