//! Streaming notifications: at once, with heart-beats, over more than one connection, and cut.

use std::time::Duration;

use reqwest::Response;
use tieline_lab::{Fault, FaultKind};
use tieline_proto_ews::{
    DistinguishedFolderName, EnvelopeSplitter, ResponseCode,
    operations::{
        ConnectionStatus, Event, EventType, GetStreamingEvents, GetStreamingEventsMessage,
        StreamingSubscription, Subscribe, Subscription,
    },
};

use crate::client::{Bench, reply_of};

type Message = tieline_proto_ews::ResponseMessage<GetStreamingEventsMessage>;

/// A streaming response, an envelope at a time.
pub(crate) struct Stream {
    response: Response,
    splitter: EnvelopeSplitter,
}

impl Stream {
    pub(crate) async fn open(bench: &Bench, subscription: &str) -> Self {
        let request =
            GetStreamingEvents { subscription_ids: vec![subscription.to_owned()], connection_timeout: 1 };
        let response = bench.send("alice", &request).await.expect("an answer");
        Self { response, splitter: EnvelopeSplitter::new(1 << 20) }
    }

    /// The next message; `None` at the end, an error when the connection broke.
    pub(crate) async fn next(&mut self) -> reqwest::Result<Option<Message>> {
        loop {
            if let Some(document) = self.splitter.next().expect("well-formed") {
                let reply = reply_of::<GetStreamingEvents>(&document);
                return Ok(reply.body.expect("no fault").messages.into_iter().next());
            }
            match self.response.chunk().await? {
                Some(chunk) => self.splitter.push(&chunk).expect("within limits"),
                None => return Ok(None),
            }
        }
    }

    pub(crate) async fn payload(&mut self) -> GetStreamingEventsMessage {
        self.next().await.expect("a whole connection").expect("an envelope").payload
    }
}

async fn subscribe(bench: &Bench) -> String {
    let streaming = StreamingSubscription {
        folder_ids: vec![DistinguishedFolderName::Inbox.into()],
        event_types: vec![EventType::CreatedEvent, EventType::ModifiedEvent, EventType::NewMailEvent],
        ..StreamingSubscription::default()
    };
    let response = bench.ok(&Subscribe { subscription: Some(Subscription::Streaming(streaming)) }).await;
    let message = response.first().expect("a message").ok().expect("success");
    assert_eq!(message.watermark, None, "a streaming subscription has no watermark");
    message.subscription_id.clone().expect("an id")
}

fn events(payload: &GetStreamingEventsMessage) -> impl Iterator<Item = &Event> {
    payload.notifications.iter().flat_map(|notification| &notification.events)
}

#[tokio::test]
async fn events_arrive_and_those_between_connections_are_kept() {
    let bench = Bench::with(|settings| settings.stream_minute = Duration::from_secs(3)).await;
    let subscription = subscribe(&bench).await;
    let mut stream = Stream::open(&bench, &subscription).await;
    let first = stream.payload().await;
    assert_eq!(first.connection_status, Some(ConnectionStatus::Ok));
    bench.save("one").await;
    let news = stream.payload().await;
    assert!(events(&news).any(|event| matches!(event, Event::Created(_))), "{news:?}");
    assert!(
        events(&news).any(|event| event.object().is_some_and(|object| object.unread_count.is_some())),
        "the folder tells its unread count: {news:?}"
    );
    assert!(events(&news).all(|event| event.watermark().is_none()));
    // Its end must be the server's: what it writes to a connection that is just being dropped is gone.
    while stream.payload().await.connection_status != Some(ConnectionStatus::Closed) {}
    bench.save("between").await;
    let mut stream = Stream::open(&bench, &subscription).await;
    stream.payload().await;
    let news = stream.payload().await;
    assert!(events(&news).any(|event| matches!(event, Event::Created(_))), "{news:?}");
}

#[tokio::test]
async fn a_silent_stream_beats_and_then_closes() {
    let bench = Bench::with(|settings| {
        settings.heartbeat = Duration::from_millis(30);
        settings.stream_minute = Duration::from_millis(200);
    })
    .await;
    let subscription = subscribe(&bench).await;
    let mut stream = Stream::open(&bench, &subscription).await;
    stream.payload().await;
    let beat = stream.payload().await;
    assert!(events(&beat).all(|event| matches!(event, Event::Status(_))), "{beat:?}");
    let last = loop {
        let payload = stream.payload().await;
        if payload.connection_status.is_some() {
            break payload;
        }
    };
    assert_eq!(last.connection_status, Some(ConnectionStatus::Closed));
    assert_eq!(stream.next().await.expect("a proper end"), None);
}

#[tokio::test]
async fn a_fault_cuts_the_stream_and_the_subscription_lives() {
    let bench = Bench::start().await;
    let subscription = subscribe(&bench).await;
    let mut stream = Stream::open(&bench, &subscription).await;
    stream.payload().await;
    bench.lab.faults().add(Fault::once(FaultKind::DropStream, "GetStreamingEvents"));
    assert!(stream.next().await.is_err(), "cut without a last envelope");
    let mut again = Stream::open(&bench, &subscription).await;
    assert_eq!(again.payload().await.connection_status, Some(ConnectionStatus::Ok));
}

#[tokio::test]
async fn a_second_connection_ends_the_first() {
    let bench = Bench::start().await;
    let subscription = subscribe(&bench).await;
    let mut first = Stream::open(&bench, &subscription).await;
    first.payload().await;
    let mut second = Stream::open(&bench, &subscription).await;
    second.payload().await;
    let last = first.next().await.expect("a whole connection").expect("an envelope");
    assert_eq!(last.code, ResponseCode::ErrorNewEventStreamConnectionOpened);
    bench.save("for the second").await;
    let news = second.payload().await;
    assert!(events(&news).any(|event| matches!(event, Event::Created(_))), "{news:?}");
}

#[tokio::test]
async fn unknown_subscriptions_are_named() {
    let bench = Bench::start().await;
    let good = subscribe(&bench).await;
    let request =
        GetStreamingEvents { subscription_ids: vec![good, "AAAA".to_owned()], connection_timeout: 1 };
    let response = bench.send("alice", &request).await.expect("an answer");
    let reply = reply_of::<GetStreamingEvents>(&response.bytes().await.expect("it ends"));
    let message = reply.body.expect("no fault").messages.remove(0);
    assert_eq!(message.code, ResponseCode::ErrorSubscriptionNotFound);
    assert_eq!(message.payload.error_subscription_ids, ["AAAA"]);

    let subscription = subscribe(&bench).await;
    bench.fault(FaultKind::LostSubscription, "GetStreamingEvents");
    let mut stream = Stream::open(&bench, &subscription).await;
    let message = stream.next().await.expect("whole").expect("an envelope");
    assert_eq!(message.code, ResponseCode::ErrorSubscriptionNotFound);
}
