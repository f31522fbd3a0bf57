//! Notifications that Exchange posts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use tieline_connectors::ews::{EwsOptions, Exchange, PushPolicy};
use tieline_lab::{Fault, FaultKind};
use tieline_ports::{
    ConferenceMailbox, HintStream, MailSystem, MailTarget, PushListener, Pushed, Sign, SignStream,
    SubscriptionWay,
};
use tieline_proto_ews::operations::{
    Event, Notification, ObjectEvent, SendNotification, SendNotificationMessage, StatusEvent,
};
use tieline_proto_ews::{
    ExchangeVersion, RequestHeader, ResponseCode, ResponseMessage, ResponseMessages, encode_request,
};

use crate::lab::Lab;
use crate::notifications::{LONG, Shared, Streams, hints, server, targets, until, with};
use crate::scripted::{Scripted, status, xml};
use crate::world::{exchange, soon, voice_message};

fn by_push(base: &str, change: impl FnOnce(&mut PushPolicy)) -> EwsOptions {
    let mut policy = PushPolicy::new(base);
    change(&mut policy);
    with(|watch| watch.push = Some(policy))
}

/// What a post of the n-th subscription says.
fn post(subscription: usize, previous: &str, event: Event) -> Vec<u8> {
    let notification = Notification {
        subscription_id: format!("push-{subscription}"),
        previous_watermark: Some(previous.to_owned()),
        events: vec![event],
        ..Notification::default()
    };
    sent(ResponseMessage::success(SendNotificationMessage { notification: Some(notification) }))
}

fn sent(message: ResponseMessage<SendNotificationMessage>) -> Vec<u8> {
    let header = RequestHeader::new(ExchangeVersion::Exchange2016);
    encode_request::<SendNotification>(&header, &ResponseMessages::one(message))
}

fn alive(watermark: &str) -> Event {
    Event::Status(StatusEvent { watermark: Some(watermark.to_owned()) })
}

fn news(watermark: &str) -> Event {
    Event::Created(ObjectEvent { watermark: Some(watermark.to_owned()), ..ObjectEvent::default() })
}

fn token(memory: &Shared, subscription: usize) -> String {
    let url = memory.lock().unwrap().posts[subscription - 1].clone();
    url.strip_prefix("https://tieline.example/ews/push/").expect("the address that was set").to_owned()
}

fn says(pushed: &Pushed) -> String {
    match pushed {
        Pushed::Answer(body) => String::from_utf8(body.clone()).unwrap(),
        Pushed::Unreadable => panic!("not read"),
    }
}

async fn hint_for(stream: &mut HintStream, target: &MailTarget) {
    let waiting = async { while stream.next().await.unwrap().mailbox != target.mailbox {} };
    tokio::time::timeout(LONG, waiting).await.expect("a hint in time");
}

#[tokio::test]
async fn the_lab_posts_what_happens_until_it_is_told_to_stop() {
    let lab = Lab::start().await;
    let holder: Arc<OnceLock<Exchange>> = Arc::default();
    let listening = Arc::clone(&holder);
    let listener = Scripted::reading(move |_, asked| {
        let token = asked.path.strip_prefix("/ews/push/").unwrap_or_default();
        match listening.get().map(|exchange| exchange.pushed(token, asked.body.as_bytes())) {
            Some(Pushed::Answer(body)) => xml(200, body),
            _ => status(400, &[], ""),
        }
    })
    .await;
    let exchange =
        holder.get_or_init(|| exchange(by_push(&format!("http://{}", listener.address), |_| {}))).clone();
    let (alice, bob) = (lab.target("alice"), lab.target("bob"));
    let inbox = exchange.ensure_folder(&alice, &"inbox".parse().unwrap()).await.unwrap();
    let mut stream = exchange.watch(vec![alice.clone(), bob]);
    assert_eq!(hints(&mut stream, 2).await.len(), 2, "one for each after subscribing");
    until(|| listener.asked().len() >= 2).await;
    exchange.create(&alice, &inbox, &voice_message(), soon()).await.unwrap();
    hint_for(&mut stream, &alice).await;
    assert!(lab.arrivals("GetStreamingEvents").is_empty(), "nothing hangs");
    drop(stream);
    let end = exchange.pushed("nobody's", b"not even XML");
    assert!(says(&end).contains("Unsubscribe"), "{end:?}");
}

#[tokio::test]
async fn a_gap_in_the_watermarks_and_an_error_are_hints_and_a_strangers_token_is_not() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let exchange = exchange(by_push("https://tieline.example", |_| {}));
    let watched = targets(&server, &["alice"]);
    let mut stream = exchange.watch(watched);
    hints(&mut stream, 1).await;
    let first = token(&memory, 1);
    // What says that it is for another subscription, or nothing readable, is no sign of anything.
    assert_eq!(exchange.pushed(&first, b"<not>XML"), Pushed::Unreadable);
    exchange.pushed(&first, &post(7, "w0", news("w9")));
    assert!(says(&exchange.pushed(&first, &post(1, "w0", alive("w1")))).contains("OK"));
    assert!(says(&exchange.pushed(&first, &post(1, "w1", news("w2")))).contains("OK"));
    hints(&mut stream, 1).await;
    // w2 to w5 never came.
    exchange.pushed(&first, &post(1, "w5", alive("w6")));
    hints(&mut stream, 1).await;
    exchange.pushed(&first, &sent(ResponseMessage::error(ResponseCode::ErrorReadEventsFailed, "over")));
    hints(&mut stream, 2).await;
    assert_eq!(memory.lock().unwrap().subscribed, 2, "subscribed anew");
    assert_ne!(first, token(&memory, 2), "at another address");
    assert!(says(&exchange.pushed(&first, &post(1, "w6", alive("w7")))).contains("Unsubscribe"));
}

#[tokio::test]
async fn a_subscription_that_falls_silent_is_made_again() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let exchange =
        exchange(by_push("https://tieline.example", |policy| policy.minute = Duration::from_millis(20)));
    let mut stream = exchange.watch(targets(&server, &["alice"]));
    hints(&mut stream, 1).await;
    let first = token(&memory, 1);
    exchange.pushed(&first, &post(1, "w0", alive("w1")));
    hints(&mut stream, 2).await;
    assert!(memory.lock().unwrap().subscribed >= 2);
}

#[tokio::test]
async fn where_posts_do_not_get_through_streaming_takes_over() {
    let memory = Shared::default();
    let server = server(Arc::clone(&memory), Streams::Work, None).await;
    let mut options = by_push("https://tieline.example", |_| {});
    options.watch.first_sign = Duration::from_millis(500);
    let mut stream = exchange(options).watch(targets(&server, &["alice", "bob"]));
    hints(&mut stream, 2).await;
    until(|| !memory.lock().unwrap().streams.is_empty()).await;
}

/// The next thing that comes through a subscription to the conference mailbox.
async fn sign(signs: &mut SignStream) -> Sign {
    tokio::time::timeout(LONG, signs.next()).await.expect("a sign in time").unwrap().unwrap()
}

/// By a stream; with an address of ours by posts; or by questions. The marker comes back by each way.
///
///
#[tokio::test]
async fn the_conference_mailbox_is_told_by_stream_by_posts_or_when_it_asks() {
    let lab = Lab::start().await;
    let conference = lab.target("conference");
    let streaming = exchange(EwsOptions::default());
    let mut signs = streaming.subscribe(conference.clone(), SubscriptionWay::Streaming);
    assert_eq!(sign(&mut signs).await, Sign::Subscribed);
    until(|| lab.arrivals("GetStreamingEvents").len() == 1).await;
    drop(signs);

    let holder: Arc<OnceLock<Exchange>> = Arc::default();
    let listening = Arc::clone(&holder);
    let listener = Scripted::reading(move |_, asked| {
        let token = asked.path.strip_prefix("/ews/push/").unwrap_or_default();
        match listening.get().map(|exchange| exchange.pushed(token, asked.body.as_bytes())) {
            Some(Pushed::Answer(body)) => xml(200, body),
            _ => status(400, &[], ""),
        }
    })
    .await;
    let exchange =
        holder.get_or_init(|| exchange(by_push(&format!("http://{}", listener.address), |_| {}))).clone();
    let mut signs = exchange.subscribe(conference.clone(), SubscriptionWay::Push);
    assert_eq!(sign(&mut signs).await, Sign::Subscribed);
    exchange.touch_marker(&conference).await.unwrap();
    while sign(&mut signs).await != Sign::Event {}
    assert_eq!(lab.arrivals("GetStreamingEvents").len(), 1, "nothing more hangs");
    drop(signs);

    let every = Duration::from_millis(20);
    let mut signs = streaming.subscribe(conference.clone(), SubscriptionWay::Pull { every });
    assert_eq!(sign(&mut signs).await, Sign::Subscribed);
    // Answers without events are no signs.
    until(|| lab.arrivals("GetEvents").len() >= 3).await;
    streaming.touch_marker(&conference).await.unwrap();
    assert_eq!(sign(&mut signs).await, Sign::Event);
    // A question that fails is asked again; a subscription that is gone ends.
    let before = lab.arrivals("GetEvents").len();
    lab.fault(Fault::once(FaultKind::LostRequest, "GetEvents"));
    until(|| lab.arrivals("GetEvents").len() >= before + 2).await;
    streaming.touch_marker(&conference).await.unwrap();
    assert_eq!(sign(&mut signs).await, Sign::Event);
    lab.fault(Fault::once(FaultKind::LostSubscription, "GetEvents"));
    let end = tokio::time::timeout(LONG, async {
        loop {
            if let Err(error) = signs.next().await.expect("its end") {
                return error;
            }
        }
    });
    assert_eq!(end.await.unwrap().refusal().code, "subscription-ended");
    assert_eq!(lab.arrivals("GetStreamingEvents").len(), 1, "still nothing more hangs");
}
