//! Subscribe, GetEvents, Unsubscribe, and the events themselves.

use jiff::Timestamp;
use tieline_proto_ews::{
    BaseFolderId, DateTime, FolderId, ItemId, NoPayload, ResponseCode, ResponseMessages,
    operations::{
        Event as EventElement, EventSubject, EventType, GetEvents, GetEventsMessage, Notification,
        ObjectEvent, OldSubject, StatusEvent, Subscribe, SubscribeMessage,
        Subscription as SubscriptionElement, Unsubscribe,
    },
};
use uuid::Uuid;

use super::context::{Context, Failure, message, refuse};
use crate::{
    fault::FaultKind,
    id,
    permission::Right,
    push::Listener,
    store::{
        change::{self, Change, Event, Subject},
        roll_back,
        subscription::{self, Kind, Subscription},
    },
};

/// Most lines of the change log looked at for one notification.
const LINES: i64 = 1000;
/// Most events in one notification.
const EVENTS: usize = 100;
const MINUTE_MS: i64 = 60_000;

/// Subscribe.
pub(crate) async fn subscribe(
    cx: &mut Context,
    request: Subscribe,
) -> Result<ResponseMessages<SubscribeMessage>, sqlx::Error> {
    let outcome = match &request.subscription {
        Some(subscription) => subscribe_to(cx, subscription).await,
        None => Err(invalid("The request subscribes to nothing.")),
    };
    Ok(ResponseMessages::one(message(outcome)?))
}

fn invalid(text: &str) -> Failure {
    refuse(ResponseCode::ErrorInvalidSubscriptionRequest, text)
}

/// What the three kinds of subscription have in common.
struct Wanted<'a> {
    kind: Kind,
    all_folders: bool,
    folder_ids: &'a [BaseFolderId],
    events: &'a [EventType],
    watermark: Option<&'a str>,
    /// Timeout or status frequency.
    minutes: i32,
    url: Option<&'a str>,
    caller_data: Option<&'a str>,
}

impl<'a> From<&'a SubscriptionElement> for Wanted<'a> {
    fn from(element: &'a SubscriptionElement) -> Self {
        let wanted =
            |kind, all: Option<bool>, folder_ids: &'a [BaseFolderId], events: &'a [EventType]| Self {
                kind,
                all_folders: all == Some(true),
                folder_ids,
                events,
                watermark: None,
                minutes: 30,
                url: None,
                caller_data: None,
            };
        let given =
            |watermark: &'a Option<String>| watermark.as_deref().filter(|watermark| !watermark.is_empty());
        match element {
            SubscriptionElement::Pull(pull) => Self {
                watermark: given(&pull.watermark),
                minutes: pull.timeout,
                ..wanted(Kind::Pull, pull.subscribe_to_all_folders, &pull.folder_ids, &pull.event_types)
            },
            SubscriptionElement::Push(push) => Self {
                watermark: given(&push.watermark),
                minutes: push.status_frequency,
                url: Some(&push.url),
                caller_data: push.caller_data.as_deref(),
                ..wanted(Kind::Push, push.subscribe_to_all_folders, &push.folder_ids, &push.event_types)
            },
            SubscriptionElement::Streaming(streaming) => wanted(
                Kind::Streaming,
                streaming.subscribe_to_all_folders,
                &streaming.folder_ids,
                &streaming.event_types,
            ),
        }
    }
}

impl Wanted<'_> {
    fn check(&self) -> Result<(), Failure> {
        if self.all_folders != self.folder_ids.is_empty() {
            return Err(invalid("Subscribe either to folders or to all of them."));
        }
        if self.events.is_empty() || !(1..=1440).contains(&self.minutes) {
            return Err(invalid("Event types are missing, or the time is not between 1 and 1440 minutes."));
        }
        if self.url.is_some_and(|url| Listener::parse(url).is_none()) {
            return Err(refuse(
                ResponseCode::ErrorInvalidPushSubscriptionUrl,
                "The lab sends notifications to http://127.0.0.1 only.",
            ));
        }
        Ok(())
    }

    fn timeout_ms(&self, cx: &Context) -> i64 {
        match self.kind {
            Kind::Streaming => {
                i64::try_from(cx.server.settings.stream_linger.as_millis()).unwrap_or(i64::MAX)
            }
            _ => i64::from(self.minutes) * MINUTE_MS,
        }
    }
}

async fn subscribe_to(cx: &mut Context, element: &SubscriptionElement) -> Result<SubscribeMessage, Failure> {
    let wanted = Wanted::from(element);
    wanted.check()?;
    let mut folders = Vec::new();
    for id in wanted.folder_ids {
        let folder = cx.folder(id).await?;
        cx.allow(&folder, Right::Read).await?;
        folders.push(folder.folder);
    }
    // Impersonation charges the mailbox acted for, not the account that acts.
    let charged = (cx.caller.address != cx.account.address).then_some(cx.mailbox.mailbox);
    let held = subscription::count(&mut cx.tx, &cx.caller.address, charged, cx.now_ms).await?;
    if held >= i64::try_from(cx.server.settings.max_subscriptions).unwrap_or(i64::MAX) {
        return Err(refuse(
            ResponseCode::ErrorExceededSubscriptionCount,
            "You have exceeded the available subscriptions for your account.",
        ));
    }
    let position = match wanted.watermark {
        None => change::last(&mut cx.tx).await?,
        Some(watermark) => {
            let seq = place(cx.mailbox.guid, watermark)?;
            if roll_back::is_of_future(&mut cx.tx, cx.mailbox.mailbox, seq).await? {
                return Err(unknown_watermark());
            }
            seq
        }
    };
    let timeout_ms = wanted.timeout_ms(cx);
    let new = Subscription {
        id: id::subscription_id(cx.mailbox.guid),
        kind: wanted.kind,
        caller: cx.caller.address.clone(),
        mailbox: cx.mailbox.mailbox,
        folders: (!wanted.all_folders).then_some(folders),
        events: wanted.events.iter().map(|event| event.as_str().to_owned()).collect(),
        position,
        timeout_ms,
        // A push subscription ends by its listener's word or its silence, not by the clock.
        expires_ms: if wanted.kind == Kind::Push { i64::MAX } else { cx.now_ms.saturating_add(timeout_ms) },
        url: wanted.url.map(str::to_owned),
        caller_data: wanted.caller_data.map(str::to_owned),
    };
    subscription::add(&mut cx.tx, &new).await?;
    let watermark = (wanted.kind != Kind::Streaming).then(|| id::watermark(cx.mailbox.guid, position));
    Ok(SubscribeMessage { subscription_id: Some(new.id), watermark })
}

fn place(mailbox: Uuid, watermark: &str) -> Result<i64, Failure> {
    id::place_of(watermark, mailbox).ok_or_else(unknown_watermark)
}

fn unknown_watermark() -> Failure {
    refuse(
        ResponseCode::ErrorInvalidWatermark,
        "The watermark used for creating this subscription was not found.",
    )
}

/// The subscription of this caller with this id.
pub(crate) async fn owned(cx: &mut Context, id: &str) -> Result<Subscription, Failure> {
    if cx.fault == Some(FaultKind::LostSubscription) {
        subscription::remove(&mut cx.tx, id).await?;
    }
    let Some(found) = subscription::by_id(&mut cx.tx, id, cx.now_ms).await? else {
        return Err(refuse(
            ResponseCode::ErrorSubscriptionNotFound,
            "The specified subscription was not found.",
        ));
    };
    match found.caller == cx.caller.address {
        true => Ok(found),
        false => Err(refuse(
            ResponseCode::ErrorSubscriptionAccessDenied,
            "The specified subscription belongs to another caller.",
        )),
    }
}

/// GetEvents.
pub(crate) async fn events(
    cx: &mut Context,
    request: GetEvents,
) -> Result<ResponseMessages<GetEventsMessage>, sqlx::Error> {
    let outcome = pull(cx, &request).await;
    Ok(ResponseMessages::one(message(outcome)?))
}

async fn pull(cx: &mut Context, request: &GetEvents) -> Result<GetEventsMessage, Failure> {
    let found = owned(cx, request.subscription_id.trim()).await?;
    if found.kind != Kind::Pull {
        return Err(refuse(
            ResponseCode::ErrorInvalidPullSubscriptionId,
            "The subscription is no pull subscription.",
        ));
    }
    let from = place(cx.mailbox.guid, &request.watermark)?;
    let batch = batch(cx, &found, from).await?;
    let expires_ms = cx.now_ms.saturating_add(found.timeout_ms);
    subscription::served(&mut cx.tx, &found.id, batch.position, expires_ms).await?;
    Ok(GetEventsMessage { notification: Some(notification(cx.mailbox.guid, &found.id, from, batch)) })
}

/// Events for a subscription, and where the next batch begins.
pub(crate) struct Batch {
    pub(crate) events: Vec<(i64, Change)>,
    pub(crate) position: i64,
    pub(crate) more: bool,
}

async fn batch(cx: &mut Context, wanted: &Subscription, from: i64) -> Result<Batch, sqlx::Error> {
    collect(&mut cx.tx, wanted, from).await
}

/// The events after `from` that a subscription wants.
pub(crate) async fn collect(
    tx: &mut sqlx::SqliteConnection,
    wanted: &Subscription,
    from: i64,
) -> Result<Batch, sqlx::Error> {
    let lines = change::of_mailbox(tx, wanted.mailbox, from, LINES).await?;
    let full = lines.len() == usize::try_from(LINES).unwrap_or(usize::MAX);
    let mut batch = Batch { events: Vec::new(), position: from, more: full };
    for line in lines {
        if batch.events.len() == EVENTS {
            batch.more = true;
            break;
        }
        batch.position = line.seq;
        if wants(wanted, &line) {
            batch.events.push((line.seq, line));
        }
    }
    Ok(batch)
}

fn wants(wanted: &Subscription, line: &Change) -> bool {
    let name = match line.event {
        Event::Created => "CreatedEvent",
        Event::NewMail => "NewMailEvent",
        Event::Modified => "ModifiedEvent",
        Event::Deleted => "DeletedEvent",
        Event::Moved => "MovedEvent",
        Event::Copied => "CopiedEvent",
    };
    if !wanted.events.iter().any(|event| event == name) {
        return false;
    }
    let Some(folders) = &wanted.folders else { return true };
    let subject = match line.subject {
        Subject::Folder(folder) => Some(folder),
        Subject::Item(_) => None,
    };
    // A folder's own events reach those who watch the folder, not those who watch its parent's items only.
    let near = [Some(line.folder), line.old_folder, subject];
    near.iter().flatten().any(|folder| folders.contains(folder))
}

/// The notification for pull and push, with watermarks.
pub(crate) fn notification(mailbox: Uuid, id: &str, from: i64, batch: Batch) -> Notification {
    let mut events: Vec<_> = batch
        .events
        .iter()
        .map(|(seq, line)| element(mailbox, line, Some(id::watermark(mailbox, *seq))))
        .collect();
    if events.is_empty() {
        let watermark = Some(id::watermark(mailbox, batch.position));
        events.push(EventElement::Status(StatusEvent { watermark }));
    }
    Notification {
        subscription_id: id.to_owned(),
        previous_watermark: Some(id::watermark(mailbox, from)),
        more_events: Some(batch.more),
        events,
    }
}

/// One event as an element.
pub(crate) fn element(mailbox: Uuid, line: &Change, watermark: Option<String>) -> EventElement {
    let folder = |number: i64| FolderId {
        id: id::folder_id(mailbox, number),
        change_key: Some(id::change_key(1, mailbox, line.seq)),
    };
    let item =
        |number: i64| ItemId::with_key(id::item_id(mailbox, number), id::change_key(9, mailbox, line.seq));
    let moved = matches!(line.event, Event::Moved | Event::Copied);
    let (subject, old_subject) = match line.subject {
        Subject::Item(number) => {
            (EventSubject::Item(item(number)), line.old_item.map(|old| OldSubject::Item(item(old))))
        }
        Subject::Folder(number) => {
            (EventSubject::Folder(folder(number)), moved.then(|| OldSubject::Folder(folder(number))))
        }
    };
    let time = Timestamp::from_millisecond(line.at_ms)
        .ok()
        .and_then(|time| DateTime::from_xml(&crate::property::date_time(time.as_millisecond())));
    let object = ObjectEvent {
        watermark,
        time_stamp: time,
        subject: Some(subject),
        parent_folder_id: Some(folder(line.folder)),
        unread_count: line.unread.and_then(|count| i32::try_from(count).ok()),
        old_subject: if moved { old_subject } else { None },
        old_parent_folder_id: line.old_folder.filter(|_| moved).map(folder),
    };
    match line.event {
        Event::Created => EventElement::Created(object),
        Event::NewMail => EventElement::NewMail(object),
        Event::Modified => EventElement::Modified(object),
        Event::Deleted => EventElement::Deleted(object),
        Event::Moved => EventElement::Moved(object),
        Event::Copied => EventElement::Copied(object),
    }
}

/// Unsubscribe.
pub(crate) async fn unsubscribe(
    cx: &mut Context,
    request: Unsubscribe,
) -> Result<ResponseMessages<NoPayload>, sqlx::Error> {
    let outcome = async {
        let found = owned(cx, request.subscription_id.trim()).await?;
        if found.kind == Kind::Push {
            return Err(refuse(
                ResponseCode::ErrorInvalidSubscription,
                "A push subscription is ended by its listener's answer.",
            ));
        }
        subscription::remove(&mut cx.tx, &found.id).await?;
        Ok(NoPayload)
    };
    let outcome = outcome.await;
    Ok(ResponseMessages::one(message(outcome)?))
}
