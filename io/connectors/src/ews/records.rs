//! Contacts and calendar items: listed by `SyncFolderItems`, read whole, written field by field, and only the version
//! that was read. Nobody is ever invited or told.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::{Timestamp, civil};
use tieline_model::{LinkId, SmtpAddress};
use tieline_ports::{
    Applied, FolderIdentity, FolderRef, ItemRef, MailTarget, PortError, PortFuture, ReadRecord,
    RecordOperation, RecordStamp, RecordSystem, RecordWritten, RemoteChange, RemotePage, RemoteRecord,
    WriteRecord,
};
use tieline_proto_ews::operations::{
    CalendarItemCreateOrDelete, CalendarItemUpdate, ConflictResolution, CreateItem, DeleteItem, Disposal,
    FindItem, GetItem, ItemChange, ItemChangeDescription, ItemQueryTraversal, SyncFolderItems,
    SyncFolderItemsChange, UpdateItem,
};
use tieline_proto_ews::{
    AttachmentId, BaseShape, BodyTypeResponse, DistinguishedFolderName, ExtendedProperty, FieldUri, FolderId,
    Item, ItemId, ItemShape, Remedy, ResponseClass, ResponseMessage, SearchExpression,
};

use super::call::Call;
use super::failure::Stated;
use super::map::event::Pending;
use super::map::{Schema, property};
use super::mapped::Mapped;
use super::{Exchange, Shared};

/// Items read by one request: a third of a listing's page, so that as many requests as a mailbox may have in flight read it.
pub(super) const READ_AT_ONCE: usize = 171;
/// Requests that read side by side.
const READS_IN_FLIGHT: usize = 3;
/// Items written by one request.
pub(super) const WRITE_AT_ONCE: usize = 50;
/// Marks looked for by one request.
const MARKS_AT_ONCE: usize = 20;

impl Shared {
    /// A call on behalf of the target's mailbox.
    async fn for_target<'a, T>(
        &'a self,
        target: &'a MailTarget,
        deadline: Option<Timestamp>,
        run: impl AsyncFnOnce(Call<'_>) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let session = self.session_of(target)?;
        let call = self.call(&session, Some(&target.address));
        match deadline {
            None => run(call).await,
            Some(deadline) => run(Call { within: self.left(deadline)?, ..call }).await,
        }
    }
}

impl<R: Mapped> RecordSystem<R> for Exchange {
    fn identify<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, FolderIdentity> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            shared.for_target(target, None, async |call: Call<'_>| call.identify(R::FOLDER).await).await
        })
    }

    fn list<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> PortFuture<'a, RemotePage> {
        Box::pin(async move {
            let list = async |call: Call<'_>| call.list_records(folder, cursor, limit).await;
            self.shared.for_target(target, None, list).await
        })
    }

    fn read<'a>(
        &'a self,
        target: &'a MailTarget,
        items: &'a [ItemRef],
    ) -> PortFuture<'a, Vec<ReadRecord<R>>> {
        Box::pin(async move {
            self.shared.for_target(target, None, async |call: Call<'_>| call.read_records(items).await).await
        })
    }

    fn locate<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        links: &'a [LinkId],
    ) -> PortFuture<'a, Vec<Vec<RemoteRecord<R>>>> {
        Box::pin(async move {
            let locate = async |call: Call<'_>| call.locate_records(folder, links).await;
            self.shared.for_target(target, None, locate).await
        })
    }

    fn write<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        writes: &'a [WriteRecord<R>],
        deadline: Timestamp,
    ) -> PortFuture<'a, Vec<RecordWritten<R>>> {
        Box::pin(async move {
            let write = async |call: Call<'_>| Ok(call.write_records(folder, writes).await);
            self.shared.for_target(target, Some(deadline), write).await
        })
    }

    fn render(&self, record: &R) -> R {
        record.rendered()
    }

    fn is_told(&self, field: R::Field) -> bool {
        R::is_told(field)
    }
}

/// What is still to be done about an item that was read.
#[derive(Default)]
pub(super) struct Rest {
    /// The attachment that is the contact's picture.
    pub(super) picture: Option<AttachmentId>,
    /// Changed occurrences that are to be read.
    pub(super) parts: Vec<(civil::DateTime, ItemId)>,
    pub(super) pending: Option<Pending>,
}

/// What became of one write before anything was read back.
pub(super) enum Outcome {
    Written(ItemId),
    Deleted,
    Stale,
    NotFound,
    Failed(PortError),
}

impl Call<'_> {
    /// The mailbox is known by its root folder's id, which holds the mailbox's own GUID.
    async fn identify(&self, folder: DistinguishedFolderName) -> Result<FolderIdentity, PortError> {
        let names = [folder, DistinguishedFolderName::MsgFolderRoot];
        let mut found = self.folders(names.iter()).await?.into_iter();
        let mut next = || found.next().flatten().and_then(|folder| folder.folder_id);
        match (next(), next()) {
            (Some(folder), Some(root)) => {
                Ok(FolderIdentity { mailbox: root.id, folder: FolderRef(folder.id), high_water: None })
            }
            _ => Err(PortError::NotFound),
        }
    }

    async fn list_records(
        &self,
        folder: &FolderRef,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RemotePage, PortError> {
        let most = i32::try_from(limit.clamp(1, 512)).unwrap_or(512);
        let request = SyncFolderItems {
            item_shape: ItemShape::default(),
            sync_folder_id: FolderId::new(&folder.0).into(),
            sync_state: cursor.map(str::to_owned),
            max_changes_returned: most.min(self.options.page),
            ..SyncFolderItems::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let page = message.payload;
        // Without a new state the page cannot be continued, and "complete" must not be guessed.
        let (Some(cursor), Some(complete)) = (page.sync_state, page.includes_last_item_in_range) else {
            return Err(self.short());
        };
        let changes = page.changes.into_iter().filter_map(change_of).collect();
        Ok(RemotePage { changes, cursor, complete })
    }

    pub(super) async fn read_records<R: Mapped>(
        &self,
        items: &[ItemRef],
    ) -> Result<Vec<ReadRecord<R>>, PortError> {
        let mut all = Vec::with_capacity(items.len());
        let reads: Vec<_> = items.chunks(READ_AT_ONCE).map(|items| self.read_whole::<R>(items)).collect();
        let mut reads = stream::iter(reads).buffered(READS_IN_FLIGHT);
        while let Some(read) = reads.next().await {
            for (read, rest) in read? {
                all.push(match rest.pending {
                    None => read,
                    Some(pending) => self.repaired(read, pending).await?,
                });
            }
        }
        Ok(all)
    }

    /// The items as they are, each series with its changed occurrences.
    pub(super) async fn read_whole<R: Mapped>(
        &self,
        items: &[ItemRef],
    ) -> Result<Vec<(ReadRecord<R>, Rest)>, PortError> {
        let found = self.fetch_items::<R>(items.iter().map(|item| ItemId::new(&item.0))).await?;
        let mut read: Vec<_> = found.into_iter().map(|item| self.read_one::<R>(item)).collect();
        self.read_occurrences(&mut read).await?;
        self.read_pictures(&mut read).await?;
        Ok(read)
    }

    /// The items by id, in order; for an item that is not there or cannot be read, why.
    pub(super) async fn fetch_items<R: Mapped>(
        &self,
        ids: impl Iterator<Item = ItemId>,
    ) -> Result<Vec<Result<Item, ReadRecord<R>>>, PortError> {
        let schema = Schema::from(&self.session.version());
        let ids: Vec<ItemId> = ids.collect();
        let messages = self.read_batch(&shape::<R>(schema), &ids).await?;
        messages.into_iter().map(|message| self.read_message(message)).collect()
    }

    fn read_message<R: Mapped>(
        &self,
        message: ResponseMessage<tieline_proto_ews::operations::ItemInfo>,
    ) -> Result<Result<Item, ReadRecord<R>>, PortError> {
        if let Some(stated) = Stated::message(&message) {
            return match stated.into_error(&self.at(), None) {
                PortError::NotFound => Ok(Err(ReadRecord::NotFound)),
                error if error.class() == tieline_model::Class::Permanent => {
                    Ok(Err(ReadRecord::Unreadable(error)))
                }
                // The server is busy or away: that says nothing about the item.
                error => Err(error),
            };
        }
        message.payload.items.into_iter().next().ok_or_else(|| self.short()).map(Ok)
    }

    fn read_one<R: Mapped>(&self, item: Result<Item, ReadRecord<R>>) -> (ReadRecord<R>, Rest) {
        let unreadable = |code: &str, what: String, next: &str| {
            let refusal = tieline_model::Refusal::permanent(code, what, next).at(self.at());
            (ReadRecord::Unreadable(PortError::refused(refusal)), Rest::default())
        };
        let item = match item {
            Ok(item) => item,
            Err(read) => return (read, Rest::default()),
        };
        match R::read(&item) {
            Ok(Some(draft)) => match remote(&item, draft.record) {
                Some(record) => {
                    let picture = R::picture(&item);
                    let rest = Rest { picture, parts: draft.parts, pending: draft.pending };
                    (ReadRecord::Found(Box::new(record)), rest)
                }
                None => (ReadRecord::Unreadable(self.short()), Rest::default()),
            },
            Ok(None) => unreadable(
                "item-of-another-kind",
                format!("the item is a {}, which is not kept in step", item.kind.element()),
                "nothing; it stays as it is",
            ),
            Err(unknown) => unreadable(
                "unknown-time-zone",
                unknown.to_string(),
                "set the time zone of the series in the mail program",
            ),
        }
    }

    async fn locate_records<R: Mapped>(
        &self,
        folder: &FolderRef,
        links: &[LinkId],
    ) -> Result<Vec<Vec<RemoteRecord<R>>>, PortError> {
        let mut found: HashMap<LinkId, Vec<RemoteRecord<R>>> = HashMap::new();
        for links in links.chunks(MARKS_AT_ONCE) {
            let any = links
                .iter()
                .map(|link| SearchExpression::equals(property::link_id(), link.to_string()))
                .collect();
            let request = FindItem {
                traversal: ItemQueryTraversal::Shallow,
                item_shape: ItemShape::default(),
                restriction: Some(SearchExpression::any(any).into()),
                parent_folder_ids: vec![FolderId::new(&folder.0).into()],
                ..FindItem::default()
            };
            let mut answer = self.send(&request).await?;
            let Some(message) = answer.messages.pop() else { return Err(self.short()) };
            if let Some(stated) = Stated::message(&message) {
                return Err(stated.into_error(&self.at(), None));
            }
            let Some(page) = message.payload.root_folder else { return Err(self.short()) };
            if page.includes_last_item_in_range == Some(false) {
                return Err(self.short());
            }
            let items: Vec<ItemRef> = page
                .items()
                .filter_map(|item| item.item_id.as_ref())
                .map(|id| ItemRef(id.id.clone()))
                .collect();
            for read in self.read_records::<R>(&items).await? {
                if let ReadRecord::Found(record) = read
                    && let Some(stamp) = record.stamp
                {
                    found.entry(stamp.link).or_default().push(*record);
                }
            }
        }
        let answer = links.iter().map(|link| {
            let mut items = found.remove(link).unwrap_or_default();
            items.sort_by_key(|item| item.created);
            items
        });
        Ok(answer.collect())
    }

    async fn write_records<R: Mapped>(
        &self,
        folder: &FolderRef,
        writes: &[WriteRecord<R>],
    ) -> Vec<RecordWritten<R>> {
        let mut outcomes: Vec<Option<Outcome>> = writes.iter().map(|_| None).collect();
        let schema = Schema::from(&self.session.version());
        let mut creates = Vec::new();
        let mut updates = Vec::new();
        for (at, (write, outcome)) in writes.iter().zip(&mut outcomes).enumerate() {
            match &write.operation {
                RecordOperation::Create { record } => match record.item(schema, self.owner()) {
                    Ok(item) => creates.push((at, stamped(item, write.stamp))),
                    Err(unknown) => *outcome = Some(Outcome::Failed(self.without_zone(&unknown))),
                },
                RecordOperation::Update { fields, .. } if R::is_scheduled(fields) => {
                    let done = self.update_scheduled(write).await;
                    *outcome = Some(done.unwrap_or_else(|error| Outcome::Failed(doubtful(error))));
                }
                RecordOperation::Update { item, etag, record, fields } => {
                    let mut changes = record.changes(fields, self.owner());
                    changes.extend(stamp_changes(record, write.stamp));
                    let item_id = Some(ItemId::with_key(&item.0, etag).into());
                    updates.push((at, ItemChange { item_id, updates: changes }));
                }
                RecordOperation::Delete { item, etag } => {
                    let done = self.delete_record::<R>(item, etag).await;
                    *outcome = Some(done.unwrap_or_else(|error| Outcome::Failed(doubtful(error))));
                }
            }
        }
        for chunk in creates.chunks(WRITE_AT_ONCE) {
            let (places, items): (Vec<usize>, Vec<Item>) = chunk.iter().cloned().unzip();
            let done = self.create_items::<R>(folder, items).await;
            note(&mut outcomes, &places, done);
        }
        for chunk in updates.chunks(WRITE_AT_ONCE) {
            let (places, changes): (Vec<usize>, Vec<ItemChange>) = chunk.iter().cloned().unzip();
            let done = self.update_items::<R>(changes).await;
            note(&mut outcomes, &places, done);
        }
        for (write, outcome) in writes.iter().zip(&mut outcomes) {
            if let (RecordOperation::Create { record }, Some(Outcome::Written(id))) =
                (&write.operation, &*outcome)
            {
                *outcome = Some(self.finish_created(id.clone(), record).await);
            }
        }
        for (write, outcome) in writes.iter().zip(&mut outcomes) {
            if let Some(Outcome::Written(id)) = outcome {
                self.take_picture_over::<R>(id, write).await;
            }
        }
        self.read_back(outcomes).await
    }

    /// Whose mailbox it is.
    pub(super) fn owner(&self) -> &str {
        self.mailbox.map(SmtpAddress::as_str).unwrap_or_default()
    }

    async fn create_items<R: Mapped>(
        &self,
        folder: &FolderRef,
        items: Vec<Item>,
    ) -> Result<Vec<Outcome>, PortError> {
        let asked = items.len();
        let request = CreateItem {
            send_meeting_invitations: R::CALENDAR.then_some(CalendarItemCreateOrDelete::SendToNone),
            saved_item_folder_id: Some(FolderId::new(&folder.0).into()),
            items,
            ..CreateItem::default()
        };
        let answer = self.send(&request).await?;
        if answer.messages.len() != asked {
            return Err(self.short());
        }
        Ok(answer
            .messages
            .into_iter()
            .map(|message| self.outcome(&message, &message.payload.items))
            .collect())
    }

    pub(super) async fn update_items<R: Mapped>(
        &self,
        item_changes: Vec<ItemChange>,
    ) -> Result<Vec<Outcome>, PortError> {
        let asked = item_changes.len();
        let request = UpdateItem {
            conflict_resolution: ConflictResolution::NeverOverwrite,
            send_meeting_invitations_or_cancellations: R::CALENDAR.then_some(CalendarItemUpdate::SendToNone),
            item_changes,
            ..UpdateItem::default()
        };
        let answer = self.send(&request).await?;
        if answer.messages.len() != asked {
            return Err(self.short());
        }
        Ok(answer
            .messages
            .into_iter()
            .map(|message| self.outcome(&message, &message.payload.items))
            .collect())
    }

    /// `DeleteItem` does not compare versions: the version is read directly before.
    async fn delete_record<R: Mapped>(&self, item: &ItemRef, etag: &str) -> Result<Outcome, PortError> {
        let request =
            GetItem { item_shape: ItemShape::default(), item_ids: vec![ItemId::new(&item.0).into()] };
        let mut answer = self.send(&request).await.map_err(|error| super::before(error.into()))?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match self.outcome(&message, &message.payload.items) {
            Outcome::Written(id) if id.change_key.as_deref() == Some(etag) => {}
            Outcome::Written(_) => return Ok(Outcome::Stale),
            other => return Ok(other),
        }
        let request = DeleteItem {
            delete_type: Some(Disposal::MoveToDeletedItems),
            send_meeting_cancellations: R::CALENDAR.then_some(CalendarItemCreateOrDelete::SendToNone),
            item_ids: vec![ItemId::with_key(&item.0, etag).into()],
            ..DeleteItem::default()
        };
        let answer = self.send(&request).await?;
        let message = answer.messages.first().ok_or_else(|| self.short())?;
        Ok(match Stated::message(message) {
            None => Outcome::Deleted,
            Some(stated) => self.failed(stated),
        })
    }

    fn outcome<P>(&self, message: &ResponseMessage<P>, items: &[Item]) -> Outcome {
        if let Some(stated) = Stated::message(message) {
            return self.failed(stated);
        }
        match items.first().and_then(|item| item.item_id.clone()) {
            Some(id) => Outcome::Written(id),
            None if message.class == ResponseClass::Success => Outcome::Failed(self.short()),
            None => Outcome::Failed(self.short()),
        }
    }

    fn failed(&self, stated: Stated) -> Outcome {
        if stated.code.remedy() == Remedy::RefetchKey {
            return Outcome::Stale;
        }
        match stated.into_error(&self.at(), None) {
            PortError::NotFound => Outcome::NotFound,
            error => Outcome::Failed(error),
        }
    }

    /// What the server made of the items, as far as nobody changed them since.
    async fn read_back<R: Mapped>(&self, outcomes: Vec<Option<Outcome>>) -> Vec<RecordWritten<R>> {
        let written: Vec<ItemRef> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Some(Outcome::Written(id)) => Some(ItemRef(id.id.clone())),
                _ => None,
            })
            .collect();
        // Without it the next pass reads them: the writes are done all the same.
        let read = if written.is_empty() {
            Vec::new()
        } else {
            self.read_records::<R>(&written).await.unwrap_or_default()
        };
        let mut stored: HashMap<String, RemoteRecord<R>> = read
            .into_iter()
            .filter_map(|read| match read {
                ReadRecord::Found(record) => Some((record.item.0.clone(), *record)),
                _ => None,
            })
            .collect();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Some(Outcome::Written(id)) => {
                    let etag = id.change_key.unwrap_or_default();
                    let record = stored.remove(&id.id).filter(|record| record.etag == etag);
                    let stored = record.map(|record| Box::new(record.record));
                    RecordWritten::Done { item: ItemRef(id.id), etag, stored }
                }
                Some(Outcome::Deleted) => {
                    RecordWritten::Done { item: ItemRef(String::new()), etag: String::new(), stored: None }
                }
                Some(Outcome::Stale) => RecordWritten::Stale,
                Some(Outcome::NotFound) => RecordWritten::NotFound,
                Some(Outcome::Failed(error)) => RecordWritten::Failed(error),
                None => RecordWritten::Failed(self.short()),
            })
            .collect()
    }
}

/// A call that failed as a whole is the failure of each of its writes.
fn note(outcomes: &mut [Option<Outcome>], places: &[usize], done: Result<Vec<Outcome>, PortError>) {
    match done {
        Ok(done) => {
            for (at, outcome) in places.iter().zip(done) {
                if let Some(place) = outcomes.get_mut(*at) {
                    *place = Some(outcome);
                }
            }
        }
        Err(error) => {
            for at in places {
                if let Some(place) = outcomes.get_mut(*at) {
                    *place = Some(Outcome::Failed(doubtful(error.clone())));
                }
            }
        }
    }
}

/// A missing folder says that nothing was written; whatever else went wrong keeps what is known of its effect.
fn doubtful(error: PortError) -> PortError {
    match error {
        PortError::NotFound | PortError::CursorExpired => {
            PortError::Failed { refusal: error.refusal(), back_off: None, applied: Applied::No }
        }
        other => other,
    }
}

fn shape<R: Mapped>(schema: Schema) -> ItemShape {
    let mut additional_properties = R::paths(schema);
    additional_properties.extend([
        property::link_id().into(),
        property::write_id().into(),
        FieldUri::ITEM_BODY.into(),
        FieldUri::ITEM_DATE_TIME_CREATED.into(),
        FieldUri::ITEM_LAST_MODIFIED_TIME.into(),
    ]);
    ItemShape {
        base_shape: BaseShape::AllProperties,
        body_type: Some(BodyTypeResponse::Text),
        additional_properties,
        ..ItemShape::default()
    }
}

fn remote<R: Mapped>(item: &Item, record: R) -> Option<RemoteRecord<R>> {
    let id = item.item_id.as_ref()?;
    Some(RemoteRecord {
        item: ItemRef(id.id.clone()),
        etag: id.change_key.clone().unwrap_or_default(),
        edited: item.last_modified_time.and_then(|time| time.timestamp()),
        created: item.date_time_created.and_then(|time| time.timestamp()),
        stamp: property::stamp_of(item),
        record,
        picture: None,
    })
}

fn change_of(change: SyncFolderItemsChange) -> Option<RemoteChange> {
    match change {
        SyncFolderItemsChange::Create(item) | SyncFolderItemsChange::Update(item) => {
            let id = item.item?.item_id?;
            Some(RemoteChange::Present { item: ItemRef(id.id), etag: id.change_key.unwrap_or_default() })
        }
        SyncFolderItemsChange::ReadFlagChange(flag) => Some(RemoteChange::Present {
            item: ItemRef(flag.item_id.id),
            etag: flag.item_id.change_key.unwrap_or_default(),
        }),
        SyncFolderItemsChange::Delete(gone) => Some(RemoteChange::Gone { item: ItemRef(gone.item_id.id) }),
    }
}

fn stamps(stamp: RecordStamp) -> [ExtendedProperty; 2] {
    [
        ExtendedProperty::new(property::link_id(), stamp.link.to_string()),
        ExtendedProperty::new(property::write_id(), stamp.write.to_string()),
    ]
}

fn stamped(mut item: Item, stamp: RecordStamp) -> Item {
    item.extended_properties.extend(stamps(stamp));
    item
}

/// The changes that put our marks on an item.
pub(super) fn stamp_changes<R: Mapped>(record: &R, stamp: RecordStamp) -> [ItemChangeDescription; 2] {
    stamps(stamp).map(|property| {
        let uri = property.extended_field_uri.clone();
        let item = Item { extended_properties: vec![property], ..Item::new(record.kind()) };
        ItemChangeDescription::set(uri, item)
    })
}
