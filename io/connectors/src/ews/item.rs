//! Single items: created, marked, deleted.

use tieline_ports::{FolderRef, ItemRef, OutgoingMessage, PortError, RemoteItem};
use tieline_proto_ews::operations::{
    ConflictResolution, CreateItem, DeleteItem, Disposal, GetItem, ItemChange, ItemChangeDescription,
    ItemInfo, MessageDisposition, UpdateItem,
};
use tieline_proto_ews::{
    FieldUri, FolderId, Item, ItemId, ItemShape, Message, Remedy, ResponseCode, ResponseMessage,
};

use super::call::{Call, CallError};
use super::failure::Stated;
use super::map;

/// As many items as are read at once, with one or two that break the answer, need fewer; more says that it is not the items.
const MOST_HALVINGS: u32 = 20;

/// Whether an answer failed for what it was to hold, so that a smaller one may succeed.
fn breaks_the_answer(error: &CallError) -> bool {
    match error {
        CallError::Stated { stated, .. } => stated.code == ResponseCode::ErrorInternalServerError,
        CallError::Port(PortError::Failed { refusal, .. }) => {
            matches!(refusal.code.as_str(), "answer-unreadable" | "answer-too-large")
        }
        CallError::Port(_) => false,
    }
}

impl Call<'_> {
    /// Creates the item in one request, attachment included, so that there is no half-made one to find later.
    pub(super) async fn create(
        &self,
        folder: &FolderRef,
        message: &OutgoingMessage,
    ) -> Result<RemoteItem, PortError> {
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SaveOnly),
            saved_item_folder_id: Some(FolderId::new(&folder.0).into()),
            items: vec![map::message::item(message)],
            ..CreateItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(created) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&created) {
            return Err(stated.into_error(&self.at(), None));
        }
        let id = created.payload.items.into_iter().next().and_then(|item| item.item_id);
        let Some(id) = id else { return Err(self.short()) };
        Ok(RemoteItem { item: ItemRef(id.id), folder: folder.clone(), read: message.read, deleted: false })
    }

    /// Sets the read flag, whatever version the item has by now.
    pub(super) async fn set_read(&self, item: &ItemRef, read: bool) -> Result<(), PortError> {
        match self.update_read(ItemId::new(&item.0), read).await? {
            None => Ok(()),
            // Some builds want a change key even for a write that overwrites always.
            Some(stated) if stated.code.remedy() == Remedy::RefetchKey => {
                let id = self.current(item).await?;
                match self.update_read(id, read).await? {
                    None => Ok(()),
                    Some(stated) => Err(stated.into_error(&self.at(), None)),
                }
            }
            Some(stated) => Err(stated.into_error(&self.at(), None)),
        }
    }

    async fn update_read(&self, id: ItemId, read: bool) -> Result<Option<Stated>, PortError> {
        let value = Message { is_read: Some(read), ..Message::default() };
        let update = ItemChangeDescription::set(FieldUri::MESSAGE_IS_READ, Item::from_message(value));
        let request = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            message_disposition: Some(MessageDisposition::SaveOnly),
            item_changes: vec![ItemChange { item_id: Some(id.into()), updates: vec![update] }],
            ..UpdateItem::default()
        };
        let answer = self.send(&request).await?;
        let message = answer.messages.first().ok_or_else(|| self.short())?;
        Ok(Stated::message(message))
    }

    /// Reads a batch, one message for each item. An item that breaks the whole answer is found by halving, so that it
    /// takes no other with it: it alone counts as an item that Exchange cannot show.
    pub(super) async fn read_batch(
        &self,
        shape: &ItemShape,
        ids: &[ItemId],
    ) -> Result<Vec<ResponseMessage<ItemInfo>>, PortError> {
        let mut read = Vec::with_capacity(ids.len());
        let mut rest = vec![ids];
        let mut halvings = 0;
        while let Some(some) = rest.pop() {
            let item_ids = some.iter().cloned().map(Into::into).collect();
            let request = GetItem { item_shape: shape.clone(), item_ids };
            let broken = match self.send(&request).await {
                Ok(answer) if answer.messages.len() == some.len() => {
                    read.extend(answer.messages);
                    continue;
                }
                Ok(_) => return Err(self.short()),
                Err(error) if !breaks_the_answer(&error) => return Err(error.into()),
                Err(error) => PortError::from(error),
            };
            halvings += 1;
            match some {
                _ if halvings > MOST_HALVINGS => return Err(broken),
                [only] => read.push(self.read_alone(shape, only).await?),
                some => {
                    let (first, second) = some.split_at(some.len() / 2);
                    rest.extend([second, first]);
                }
            }
        }
        Ok(read)
    }

    /// Reads an item whose answer was broken once. If the server can show its id and fails at the rest again, it is the
    /// item and not the server.
    async fn read_alone(
        &self,
        shape: &ItemShape,
        id: &ItemId,
    ) -> Result<ResponseMessage<ItemInfo>, PortError> {
        match self.current(&ItemRef(id.id.clone())).await {
            Ok(_) => {}
            Err(PortError::NotFound) => {
                return Ok(ResponseMessage::error(ResponseCode::ErrorItemNotFound, "it is gone"));
            }
            Err(error) => return Err(error),
        }
        let request = GetItem { item_shape: shape.clone(), item_ids: vec![id.clone().into()] };
        match self.send(&request).await {
            Ok(mut answer) => answer.messages.pop().ok_or_else(|| self.short()),
            Err(error) if breaks_the_answer(&error) => {
                let why = PortError::from(error).refusal().what;
                tracing::warn!(mailbox = %self.at(), why, "ews.item: an item cannot be shown");
                Ok(ResponseMessage::error(ResponseCode::ErrorItemCorrupt, why))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The item's id with its present change key.
    pub(super) async fn current(&self, item: &ItemRef) -> Result<ItemId, PortError> {
        let request =
            GetItem { item_shape: ItemShape::default(), item_ids: vec![ItemId::new(&item.0).into()] };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let id = message.payload.items.into_iter().next().and_then(|item| item.item_id);
        id.ok_or_else(|| self.short())
    }

    /// Moves the item to Deleted Items, or removes it for good.
    pub(super) async fn dispose(&self, item: &ItemRef, how: Disposal) -> Result<(), PortError> {
        let request = DeleteItem {
            delete_type: Some(how),
            item_ids: vec![ItemId::new(&item.0).into()],
            ..DeleteItem::default()
        };
        let answer = self.send(&request).await?;
        let message = answer.messages.first().ok_or_else(|| self.short())?;
        match Stated::message(message) {
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(()),
        }
    }
}
