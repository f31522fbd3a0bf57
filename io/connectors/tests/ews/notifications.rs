//! Notifications from a server that misbehaves on purpose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use tieline_connectors::ews::{EwsOptions, WatchOptions};
use tieline_model::MailboxId;
use tieline_ports::{HintStream, MailSystem, MailTarget};
use tieline_proto_ews::operations::{
    ConnectionStatus, Event, GetEvents, GetEventsMessage, GetStreamingEvents, GetStreamingEventsMessage,
    Notification, ObjectEvent, StatusEvent, Subscribe, SubscribeMessage, Subscription, Unsubscribe,
};
use tieline_proto_ews::{
    NoPayload, Request, ResponseCode, ResponseHeader, ResponseMessage, ResponseMessages, encode_response,
};
use tokio::sync::mpsc::UnboundedSender;

use crate::scripted::{Answer, Asked, Scripted, stream, xml};
use crate::world::{account, brisk, exchange, target};

/// Longer than any wait that these tests provoke.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Short pauses, but no haste to call a connection dead: a loaded machine is slow.
fn options() -> EwsOptions {
    let watch = WatchOptions {
        coalesce: Duration::from_millis(20),
        first_pause: Duration::from_millis(10),
        max_pause: Duration::from_millis(50),
        retry_member: Duration::from_millis(200),
        streaming_failures: 2,
        pull_interval: Duration::from_millis(20),
        pull_period: Duration::from_secs(60),
        ..WatchOptions::default()
    };
    EwsOptions { watch, patience: Duration::from_secs(5), ..brisk() }
}

pub(crate) fn with(change: impl FnOnce(&mut WatchOptions)) -> EwsOptions {
    let mut options = options();
    change(&mut options.watch);
    options
}

/// A server's memory of its watchers.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) subscribed: u32,
    unsubscribed: Vec<String>,
    /// The streams that are open, with what they listen to.
    pub(crate) streams: Vec<(Vec<String>, UnboundedSender<Vec<u8>>)>,
    /// Where events are to be posted.
    pub(crate) posts: Vec<String>,
    asked_for_events: u32,
}

pub(crate) type Shared = Arc<Mutex<Memory>>;

/// How the server treats streams.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Streams {
    Work,
    /// A proxy keeps them until they end.
    Withheld,
    /// The first connection is told this code about its subscriptions.
    ForgottenOnce(&'static str),
}

pub(crate) async fn server(memory: Shared, streams: Streams, denied: Option<&'static str>) -> Scripted {
    Scripted::reading(move |_, asked| answer(&memory, streams, denied, asked)).await
}

fn answer(memory: &Shared, streams: Streams, denied: Option<&str>, asked: &Asked) -> Answer {
    let (header, request) = Request::parse(asked.body.as_bytes()).unwrap();
    let mailbox = format!("{:?}", header.impersonated());
    let mut memory = memory.lock().unwrap();
    match request {
        Request::Subscribe(_) if denied.is_some_and(|denied| mailbox.contains(denied)) => {
            respond::<Subscribe, _>(ResponseMessage::error(ResponseCode::ErrorAccessDenied, "no"))
        }
        Request::Subscribe(request) => {
            memory.subscribed += 1;
            let kind = match request.subscription {
                Some(Subscription::Pull(_)) => "pull",
                Some(Subscription::Push(push)) => {
                    memory.posts.push(push.url);
                    "push"
                }
                _ => "stream",
            };
            let id = format!("{kind}-{}", memory.subscribed);
            let message = SubscribeMessage { subscription_id: Some(id), watermark: Some("w0".to_owned()) };
            respond::<Subscribe, _>(ResponseMessage::success(message))
        }
        Request::Unsubscribe(request) => {
            memory.unsubscribed.push(request.subscription_id);
            respond::<Unsubscribe, _>(ResponseMessage::success(NoPayload))
        }
        Request::GetEvents(request) => {
            memory.asked_for_events += 1;
            let event = match memory.asked_for_events {
                3 => {
                    Event::Created(ObjectEvent { watermark: Some("w1".to_owned()), ..ObjectEvent::default() })
                }
                _ => Event::Status(StatusEvent { watermark: Some("w1".to_owned()) }),
            };
            let notification = notification(request.subscription_id, event);
            respond::<GetEvents, _>(ResponseMessage::success(GetEventsMessage {
                notification: Some(notification),
            }))
        }
        Request::GetStreamingEvents(request) => {
            let (sender, answer) = stream();
            let first = memory.streams.is_empty();
            match streams {
                Streams::Withheld => {}
                Streams::ForgottenOnce(code) if first => {
                    let payload = GetStreamingEventsMessage {
                        error_subscription_ids: request.subscription_ids.clone(),
                        ..GetStreamingEventsMessage::default()
                    };
                    let code = ResponseCode::from(code);
                    sender
                        .send(envelope(ResponseMessage { payload, ..ResponseMessage::error(code, "gone") }))
                        .unwrap();
                }
                _ => sender.send(envelope(status(ConnectionStatus::Ok))).unwrap(),
            }
            memory.streams.push((request.subscription_ids, sender));
            answer
        }
        other => panic!("not expected: {}", other.name()),
    }
}

fn respond<O, P>(message: ResponseMessage<P>) -> Answer
where
    O: tieline_proto_ews::Operation<Response = ResponseMessages<P>>,
{
    xml(200, encode_response::<O>(&ResponseHeader::default(), &ResponseMessages::one(message)))
}

fn envelope(message: ResponseMessage<GetStreamingEventsMessage>) -> Vec<u8> {
    encode_response::<GetStreamingEvents>(&ResponseHeader::default(), &ResponseMessages::one(message))
}

fn status(status: ConnectionStatus) -> ResponseMessage<GetStreamingEventsMessage> {
    ResponseMessage::success(GetStreamingEventsMessage {
        connection_status: Some(status),
        ..GetStreamingEventsMessage::default()
    })
}

fn notification(subscription_id: String, event: Event) -> Notification {
    Notification { subscription_id, events: vec![event], ..Notification::default() }
}

fn news(subscription: &str) -> Vec<u8> {
    let event = Event::Modified(ObjectEvent::default());
    envelope(ResponseMessage::success(GetStreamingEventsMessage {
        notifications: vec![notification(subscription.to_owned(), event)],
        ..GetStreamingEventsMessage::default()
    }))
}

/// Waits for so many hints and counts them by mailbox.
pub(crate) async fn hints(stream: &mut HintStream, count: usize) -> HashMap<MailboxId, usize> {
    let mut seen = HashMap::new();
    for _ in 0..count {
        let hint = tokio::time::timeout(LONG, stream.next()).await.expect("a hint in time").unwrap();
        *seen.entry(hint.mailbox).or_default() += 1;
    }
    seen
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it happens in time");
}

pub(crate) fn targets(server: &Scripted, names: &[&str]) -> Vec<MailTarget> {
    let account = account(server.address, "x");
    names.iter().map(|name| target(&account, name)).collect()
}

#[tokio::test]
async fn an_event_is_a_hint_for_its_mailbox_and_goodbye_is_said() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let watched = targets(&server, &["alice", "bob"]);
    let mut stream = exchange(options()).watch(watched.clone());
    assert_eq!(hints(&mut stream, 2).await.len(), 2, "one for each after subscribing");
    until(|| !memory.lock().unwrap().streams.is_empty()).await;
    let (ids, sender) = memory.lock().unwrap().streams[0].clone();
    assert_eq!(ids.len(), 2, "both on one connection");
    // In pieces that fit nothing.
    for piece in news(&ids[1]).chunks(7) {
        sender.send(piece.to_vec()).unwrap();
    }
    let seen = hints(&mut stream, 1).await;
    assert_eq!(seen.get(&watched[1].mailbox), Some(&1));
    drop(stream);
    until(|| memory.lock().unwrap().unsubscribed.len() == 2).await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_replaced_and_everybody_is_hinted_at() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let options = with(|watch| watch.silence = Duration::from_millis(300));
    let mut stream = exchange(options).watch(targets(&server, &["alice", "bob"]));
    hints(&mut stream, 2).await;
    until(|| memory.lock().unwrap().streams.len() >= 2).await;
    assert_eq!(hints(&mut stream, 2).await.len(), 2);
    assert_eq!(memory.lock().unwrap().subscribed, 2, "the subscriptions are still good");
}

#[tokio::test]
async fn a_stream_that_ends_as_agreed_is_opened_again() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let mut stream = exchange(options()).watch(targets(&server, &["alice"]));
    hints(&mut stream, 1).await;
    until(|| !memory.lock().unwrap().streams.is_empty()).await;
    memory.lock().unwrap().streams[0].1.send(envelope(status(ConnectionStatus::Closed))).unwrap();
    hints(&mut stream, 1).await;
    until(|| memory.lock().unwrap().streams.len() >= 2).await;
}

#[tokio::test]
async fn forgotten_subscriptions_are_made_again() {
    for code in [
        "ErrorSubscriptionNotFound",
        "ErrorInvalidSubscription",
        "ErrorExpiredSubscription",
        "ErrorReadEventsFailed",
        "ErrorInvalidWatermark",
        "ErrorMissedNotificationEvents",
        "ErrorSubscriptionUnsubscribed",
        "ErrorNewEventStreamConnectionOpened",
        "ErrorMailboxMoveInProgress",
        "ErrorMailboxFailover",
    ] {
        let memory = Shared::default();
        let server = server(Arc::clone(&memory), Streams::ForgottenOnce(code), None).await;
        let mut stream = exchange(options()).watch(targets(&server, &["alice"]));
        hints(&mut stream, 2).await;
        until(|| memory.lock().unwrap().streams.len() >= 2).await;
        let memory = memory.lock().unwrap();
        let asked = (memory.streams[0].0[0].as_str(), memory.streams[1].0[0].as_str());
        assert_eq!(asked, ("stream-1", "stream-2"), "{code}");
    }
}

#[tokio::test]
async fn subscriptions_of_a_group_meet_one_server() {
    let memory = Shared::default();
    let seen = Arc::clone(&memory);
    let server = Scripted::reading(move |_, asked| {
        let mut answer = answer(&seen, Streams::Work, None, asked);
        let cookie = "X-BackEndOverrideCookie=mb7~1941; path=/; secure; HttpOnly";
        answer.headers_mut().insert("set-cookie", cookie.parse().unwrap());
        answer
    })
    .await;
    let mut stream = exchange(options()).watch(targets(&server, &["alice", "bob", "carol"]));
    hints(&mut stream, 3).await;
    until(|| !memory.lock().unwrap().streams.is_empty()).await;
    for (number, asked) in server.asked().iter().enumerate() {
        let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("x-preferserveraffinity"), Some("true"));
        assert_eq!(header("x-anchormailbox"), Some("alice@lab.example"), "the first of the group");
        let cookie = (number > 0).then_some("X-BackEndOverrideCookie=mb7~1941");
        assert_eq!(header("cookie"), cookie, "request {number}");
    }
}

#[tokio::test]
async fn where_streams_do_not_get_through_events_are_fetched_in_intervals() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Withheld, None).await;
    let options = with(|watch| watch.first_sign = Duration::from_millis(300));
    let mut stream = exchange(options).watch(targets(&server, &["alice"]));
    until(|| memory.lock().unwrap().asked_for_events >= 4).await;
    // After subscribing, after each of two withheld streams, after the pull subscription, and for the event.
    hints(&mut stream, 5).await;
    assert_eq!(memory.lock().unwrap().streams.len(), 2);
}

#[tokio::test]
async fn one_mailbox_that_cannot_be_subscribed_does_not_hold_up_the_others() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, Some("bob")).await;
    let watched = targets(&server, &["alice", "bob", "carol"]);
    let mut stream = exchange(options()).watch(watched.clone());
    let first = hints(&mut stream, 2).await;
    assert!(!first.contains_key(&watched[1].mailbox), "{first:?}");
    until(|| !memory.lock().unwrap().streams.is_empty()).await;
    assert_eq!(memory.lock().unwrap().streams[0].0.len(), 2);
    // Bob is asked about all the same, now and then.
    let waiting = async { while stream.next().await.unwrap().mailbox != watched[1].mailbox {} };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}
