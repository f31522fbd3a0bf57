//! The conference mailbox: what came into its Inbox, answers to it, and a subscription that proves itself.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use tieline_model::{Class, Refusal};
use tieline_ports::{
    Arrival, ArrivalPage, ConferenceMailbox, ItemRef, MailTarget, PortError, PortFuture, Sign, SignStream,
    SubscriptionWay,
};
use tieline_proto_ews::operations::{
    CreateItem, EventType, GetItem, GetStreamingEvents, MessageDisposition, PullSubscription,
    PushSubscription, StreamingSubscription, Subscribe, Subscription, SyncFolderItems, SyncFolderItemsChange,
};
use tieline_proto_ews::{
    BaseShape, BodyTypeResponse, DistinguishedFolderName, EnvelopeSplitter, FolderId, Item, ItemBody, ItemId,
    ItemKind, ItemShape, Limits, Message, ResponseObject, ResponseObjectKind,
};
use tieline_transport::Outcome;
use tokio::sync::mpsc;

use super::affinity::Affinity;
use super::call::Call;
use super::failure::{self, Stated};
use super::watch::{Asked, Envelope, Place, TIMEOUT_MINUTES, read_envelope};
use super::{Exchange, Shared, map};

/// Invitations read in one request.
const AT_ONCE: usize = 50;
/// The folder of the marker item, beside the folders that people see.
const MARKER_FOLDER: &str = "Tieline marker";

impl Call<'_> {
    async fn arrivals(&self, cursor: Option<&str>, now: Timestamp) -> Result<ArrivalPage, PortError> {
        let (changes, cursor, complete) = self.changed_in(DistinguishedFolderName::Inbox, cursor).await?;
        let new: Vec<ItemId> = changes.into_iter().filter_map(created).collect();
        let arrivals = if new.is_empty() { Vec::new() } else { self.read_items(new, now).await? };
        Ok(ArrivalPage { arrivals, cursor, complete })
    }

    /// A page of what changed in a folder of the mailbox's own: the changes, the cursor behind them, and whether that is all.
    pub(super) async fn changed_in(
        &self,
        folder: DistinguishedFolderName,
        cursor: Option<&str>,
    ) -> Result<(Vec<SyncFolderItemsChange>, String, bool), PortError> {
        let request = SyncFolderItems {
            item_shape: ItemShape::default(),
            sync_folder_id: folder.into(),
            sync_state: cursor.map(str::to_owned),
            max_changes_returned: self.options.page.min(i32::try_from(AT_ONCE).unwrap_or(i32::MAX)),
            ..SyncFolderItems::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let page = message.payload;
        let (Some(cursor), Some(complete)) = (page.sync_state, page.includes_last_item_in_range) else {
            return Err(self.short());
        };
        Ok((page.changes, cursor, complete))
    }

    /// The items in full. One that is gone by now, or cannot be read, does not stop the others.
    async fn read_items(&self, ids: Vec<ItemId>, now: Timestamp) -> Result<Vec<Arrival>, PortError> {
        let shape = ItemShape {
            base_shape: BaseShape::AllProperties,
            body_type: Some(BodyTypeResponse::Text),
            ..ItemShape::default()
        };
        let asked: Vec<ItemId> = ids.iter().map(|id| ItemId::new(&id.id)).collect();
        let messages = self.read_batch(&shape, &asked).await?;
        let mut arrivals = Vec::new();
        for (message, id) in messages.iter().zip(ids) {
            if let Some(stated) = Stated::message(message) {
                match stated.into_error(&self.at(), None) {
                    PortError::NotFound => {}
                    PortError::Failed { refusal, .. } if refusal.class == Class::Permanent => {
                        tracing::warn!(%refusal, item = id.id, "an item of the conference mailbox cannot be read");
                    }
                    error => return Err(error),
                }
                continue;
            }
            if let Some(item) = message.payload.items.first() {
                arrivals.push(Arrival { item: ItemRef(id.id), mail: map::invitation::mail(item, now) });
            }
        }
        Ok(arrivals)
    }

    async fn waits(&self, item: &ItemRef) -> Result<bool, PortError> {
        let shape = ItemShape::ids_and([tieline_proto_ews::FieldUri::new("item:ParentFolderId").into()]);
        let request = GetItem { item_shape: shape, item_ids: vec![ItemId::new(&item.0).into()] };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return match stated.into_error(&self.at(), None) {
                PortError::NotFound => Ok(false),
                error => Err(error),
            };
        }
        let found = message.payload.items.into_iter().next().ok_or_else(|| self.short())?;
        let parent = found.parent_folder_id.ok_or_else(|| self.short())?;
        let inbox = self.distinguished(DistinguishedFolderName::Inbox).await?.ok_or(PortError::NotFound)?;
        Ok(parent.id == inbox.id)
    }

    async fn answer(&self, item: &ItemRef, accept: bool, html: &str) -> Result<(), PortError> {
        let kind = if accept { ResponseObjectKind::AcceptItem } else { ResponseObjectKind::DeclineItem };
        // Some builds want the change key of what is answered.
        let id = self.current(item).await?;
        let response = ResponseObject {
            body: Some(ItemBody::html(html)),
            reference_item_id: Some(id),
            ..ResponseObject::default()
        };
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SendAndSaveCopy),
            items: vec![Item::new(ItemKind::ResponseObject(kind, Box::new(response)))],
            ..CreateItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match Stated::message(&message) {
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(()),
        }
    }

    /// The marker's folder, below the root that people do not see.
    async fn marker_folder(&self) -> Result<FolderId, PortError> {
        let root = self.distinguished(DistinguishedFolderName::Root).await?.ok_or(PortError::NotFound)?;
        match self.child(&root, MARKER_FOLDER).await? {
            Some(folder) => Ok(folder),
            None => self.make_child(&root, MARKER_FOLDER).await,
        }
    }

    /// A new marker in the place of the one before: both are events.
    async fn touch_marker(&self) -> Result<(), PortError> {
        let marker = self.create_marker("Tieline: the subscription is proved by this item").await?;
        self.dispose(&marker, tieline_proto_ews::operations::Disposal::HardDelete).await
    }

    /// An item where people do not see it.
    pub(super) async fn create_marker(&self, subject: &str) -> Result<ItemRef, PortError> {
        let folder = self.marker_folder().await?;
        let marker = Item { subject: Some(subject.to_owned()), ..Item::from_message(Message::default()) };
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SaveOnly),
            saved_item_folder_id: Some(folder.into()),
            items: vec![marker],
            ..CreateItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(created) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&created) {
            return Err(stated.into_error(&self.at(), None));
        }
        let id = created.payload.items.into_iter().next().and_then(|item| item.item_id);
        Ok(ItemRef(id.ok_or_else(|| self.short())?.id))
    }

    /// Subscribes to the Inbox and the marker's folder.
    async fn subscribe_conference(&self, way: Asks) -> Result<Subscribed, PortError> {
        let marker = self.marker_folder().await?;
        let folder_ids = vec![DistinguishedFolderName::Inbox.into(), marker.into()];
        let event_types = vec![EventType::CreatedEvent, EventType::DeletedEvent, EventType::NewMailEvent];
        let subscription = match way {
            Asks::Stream => Subscription::Streaming(StreamingSubscription {
                folder_ids,
                event_types,
                ..StreamingSubscription::default()
            }),
            Asks::Questions => Subscription::Pull(PullSubscription {
                folder_ids,
                event_types,
                timeout: TIMEOUT_MINUTES,
                ..PullSubscription::default()
            }),
            Asks::Posts(url) => Subscription::Push(PushSubscription {
                folder_ids,
                event_types,
                status_frequency: 1,
                url,
                ..PushSubscription::default()
            }),
        };
        let request = Subscribe { subscription: Some(subscription) };
        let mut answer = self.send(&request).await?;
        let cookie = Affinity::cookie_of(&answer.headers);
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let id = message.payload.subscription_id.ok_or_else(|| self.short())?;
        Ok(Subscribed { id, watermark: message.payload.watermark, cookie })
    }
}

/// How events are to come.
enum Asks {
    /// Into a connection that stays open.
    Stream,
    /// To this address.
    Posts(String),
    /// When they are asked for.
    Questions,
}

/// A new subscription.
struct Subscribed {
    id: String,
    /// Where its events begin; a stream has none.
    watermark: Option<String>,
    /// Leads to the server that keeps it.
    cookie: Option<String>,
}

fn created(change: SyncFolderItemsChange) -> Option<ItemId> {
    match change {
        SyncFolderItemsChange::Create(item) => item.item?.item_id,
        _ => None,
    }
}

/// Subscribes, and tells what comes until the subscription ends.
async fn follow(
    shared: &Shared,
    target: &MailTarget,
    way: SubscriptionWay,
    signs: &mpsc::Sender<Result<Sign, PortError>>,
) -> PortError {
    let followed = match way {
        SubscriptionWay::Streaming => follow_stream(shared, target, signs).await,
        SubscriptionWay::Push => follow_pushed(shared, target, signs).await,
        SubscriptionWay::Pull { every } => follow_pulled(shared, target, signs, every).await,
    };
    followed.err().unwrap_or_else(|| ended("ended"))
}

fn ended(how: &str) -> PortError {
    PortError::refused(Refusal::transient(
        "subscription-ended",
        format!("the subscription to the conference mailbox {how}"),
        "nothing; Tieline subscribes again",
    ))
}

async fn follow_stream(
    shared: &Shared,
    target: &MailTarget,
    signs: &mpsc::Sender<Result<Sign, PortError>>,
) -> Result<(), PortError> {
    let options = &shared.options.watch;
    let session = shared.session_of(target)?;
    let call = shared.call(&session, Some(&target.address));
    let Subscribed { id, cookie, .. } = call.subscribe_conference(Asks::Stream).await?;
    let affinity = Affinity { anchor: Some(target.address.clone()), cookie };
    let minutes = options.connection_minutes;
    let mut first = true;
    loop {
        let call = Call { affinity: Some(&affinity), ..shared.call(&session, Some(&target.address)) };
        let (permit, _trial) = call.permit().await?;
        let request = call.request(&GetStreamingEvents {
            subscription_ids: vec![id.clone()],
            connection_timeout: minutes,
        })?;
        let response = session.client.send(request, options.first_sign).await;
        let response = response.map_err(|error| failure::transport(&error))?;
        if response.status != StatusCode::OK {
            let (status, headers) = (response.status, response.headers.clone());
            let body = response.collect(shared.options.response_limit, options.first_sign).await;
            let body = body.map_err(|error| failure::transport(&error))?;
            let (outcome, error) = call.read_refusal::<GetStreamingEvents, _>(status, &headers, &body);
            permit.finish(&call.charge(), outcome);
            return Err(error);
        }
        session.accepted();
        permit.finish(&call.charge(), Outcome::Served);
        let mut body = response.into_body();
        let mut splitter = EnvelopeSplitter::new(Limits::DEFAULT.bytes);
        let silence = Duration::from_secs(60) * u32::try_from(minutes.max(1)).unwrap_or(30) + options.silence;
        'connection: loop {
            let piece = body.chunk(silence).await.map_err(|error| failure::transport(&error))?;
            let Some(piece) = piece else { break 'connection };
            splitter.push(&piece).map_err(|error| ended(&error.to_string()))?;
            while let Some(envelope) = splitter.next().map_err(|error| ended(&error.to_string()))? {
                let Envelope { changed, ended: end } = read_envelope(&envelope);
                let sign = match (first, changed.is_empty()) {
                    (true, _) => Sign::Subscribed,
                    (false, true) => Sign::Heartbeat,
                    (false, false) => Sign::Event,
                };
                if std::mem::take(&mut first) && !changed.is_empty() {
                    tell(signs, Sign::Subscribed).await?;
                    tell(signs, Sign::Event).await?;
                } else {
                    tell(signs, sign).await?;
                }
                match end {
                    None => {}
                    Some(super::watch::Ended::Closed) => break 'connection,
                    Some(super::watch::Ended::Broken { error, .. }) => return Err(error),
                    Some(_) => return Err(ended("was forgotten by the server")),
                }
            }
        }
    }
}

/// Exchange posts what happens to an address of ours. Its heartbeats are a minute apart at the least, so that it is the
/// marker that proves this way; whether it does is for the watcher to say.
async fn follow_pushed(
    shared: &Shared,
    target: &MailTarget,
    signs: &mpsc::Sender<Result<Sign, PortError>>,
) -> Result<(), PortError> {
    let policy = shared.options.watch.push.as_ref().ok_or_else(|| {
        let next = "set [delivery] push_url, or [conferencing] subscription = \"streaming\"";
        let what = "no address is set at which Exchange could post";
        PortError::refused(Refusal::operator("no-push-address", what, next))
    })?;
    let session = shared.session_of(target)?;
    let mut address = shared.inbox.open(&*shared.ids);
    let asks = Asks::Posts(address.url(&policy.base));
    let Subscribed { id, .. } =
        shared.call(&session, Some(&target.address)).subscribe_conference(asks).await?;
    tell(signs, Sign::Subscribed).await?;
    while let Some(posted) = address.next().await {
        if Stated::message(&posted).is_some() {
            return Err(ended("was ended by the server"));
        }
        let Some(notification) = &posted.payload.notification else { continue };
        // What is meant for another subscription is no sign of life of this one.
        if notification.subscription_id != id {
            continue;
        }
        let news = notification.events.iter().any(|event| event.object().is_some());
        tell(signs, if news { Sign::Event } else { Sign::Heartbeat }).await?;
    }
    Ok(())
}

/// Exchange keeps the events until it is asked for them. That it answers shows only that it answers: what is not an event
/// is no sign of life here, and it is the marker that proves this way too. A question that fails is asked again; if that
/// goes on, the watcher hears the silence.
async fn follow_pulled(
    shared: &Shared,
    target: &MailTarget,
    signs: &mpsc::Sender<Result<Sign, PortError>>,
    every: Duration,
) -> Result<(), PortError> {
    let session = shared.session_of(target)?;
    let call = shared.call(&session, Some(&target.address));
    let Subscribed { id, watermark, cookie } = call.subscribe_conference(Asks::Questions).await?;
    let mut place = Place { subscription: id, watermark: watermark.ok_or_else(|| call.short())? };
    let affinity = Affinity { anchor: Some(target.address.clone()), cookie };
    tell(signs, Sign::Subscribed).await?;
    loop {
        tokio::time::sleep(every).await;
        let call = Call { affinity: Some(&affinity), ..shared.call(&session, Some(&target.address)) };
        match call.events(&mut place).await {
            Ok(Asked::Nothing) => {}
            Ok(Asked::Something) => tell(signs, Sign::Event).await?,
            Ok(Asked::Forgotten) => return Err(ended("was forgotten by the server")),
            Err(error) if error.class() == Class::Transient => {
                tracing::info!(mailbox = %target.address, %error, "ews.watch: not asked");
            }
            Err(error) => return Err(error),
        }
    }
}

async fn tell(signs: &mpsc::Sender<Result<Sign, PortError>>, sign: Sign) -> Result<(), PortError> {
    signs.send(Ok(sign)).await.map_err(|_| ended("is not needed any more"))
}

impl ConferenceMailbox for Exchange {
    fn arrivals<'a>(
        &'a self,
        target: &'a MailTarget,
        cursor: Option<&'a str>,
    ) -> PortFuture<'a, ArrivalPage> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            let now = self.shared.clock.now();
            self.shared.call(&session, Some(&target.address)).arrivals(cursor, now).await
        })
    }

    fn waits<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, bool> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).waits(item).await
        })
    }

    fn answer<'a>(
        &'a self,
        target: &'a MailTarget,
        item: &'a ItemRef,
        accept: bool,
        html: &'a str,
    ) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).answer(item, accept, html).await
        })
    }

    fn subscribe(&self, target: MailTarget, way: SubscriptionWay) -> SignStream {
        let (sender, receiver) = mpsc::channel(64);
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let error = tokio::select! {
                error = follow(&shared, &target, way, &sender) => error,
                () = sender.closed() => return,
            };
            // Nobody listens any more: then nobody needs to know either.
            sender.send(Err(error)).await.ok();
        });
        Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|sign| (sign, receiver))
        }))
    }

    fn touch_marker<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).touch_marker().await
        })
    }
}
