//! What changed in a folder since a cursor (`SyncFolderItems`).

use tieline_ports::{Change, ChangePage, FolderRef, ItemRef, PortError};
use tieline_proto_ews::operations::{SyncFolderItems, SyncFolderItemsChange};
use tieline_proto_ews::{FieldUri, FolderId, Item, ItemShape};

use super::call::Call;
use super::failure::Stated;
use super::map::{self, property};

impl Call<'_> {
    /// The next page. Only ids, the mark and the read flag are asked for: every further property costs the server
    /// another look into its store.
    pub(super) async fn changes(
        &self,
        folder: &FolderRef,
        cursor: Option<&str>,
        deleted: bool,
    ) -> Result<ChangePage, PortError> {
        let request = SyncFolderItems {
            item_shape: ItemShape::ids_and([
                property::delivery_id().into(),
                FieldUri::MESSAGE_IS_READ.into(),
            ]),
            sync_folder_id: FolderId::new(&folder.0).into(),
            sync_state: cursor.map(str::to_owned),
            max_changes_returned: self.options.page,
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
        let changes =
            page.changes.into_iter().filter_map(|change| change_of(change, folder, deleted)).collect();
        Ok(ChangePage { changes, cursor, complete })
    }
}

fn change_of(change: SyncFolderItemsChange, folder: &FolderRef, deleted: bool) -> Option<Change> {
    match change {
        SyncFolderItemsChange::Create(item) | SyncFolderItemsChange::Update(item) => {
            present(&item.item?, folder, deleted)
        }
        SyncFolderItemsChange::Delete(gone) => Some(Change::Gone { item: ItemRef(gone.item_id.id) }),
        SyncFolderItemsChange::ReadFlagChange(flag) => {
            Some(Change::ReadFlag { item: ItemRef(flag.item_id.id), read: flag.is_read })
        }
    }
}

/// An item that carries our mark; what was born in Exchange is none of our business (AV-88).
fn present(item: &Item, folder: &FolderRef, deleted: bool) -> Option<Change> {
    let key = property::key_of(item)?;
    let item = map::message::remote(item, folder.clone(), deleted)?;
    Some(Change::Present { key, item })
}
