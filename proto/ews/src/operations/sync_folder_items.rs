use crate::item::Item;
use crate::item_id::ItemId;
use crate::item_shape::ItemShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:SyncFolderItemsScopeType`.
    pub enum SyncScope { NormalItems, NormalAndAssociatedItems }
}

sequence! {
    /// What changed in a folder since a state.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwssync/> section 3.1.4.2
    pub struct SyncFolderItems in Messages {
        required b"ItemShape" => item_shape: ItemShape,
        required b"SyncFolderId" => sync_folder_id: TargetFolderId,
        /// The state of the last answer; none to begin. Opaque, and it can be several kilobytes.
        element b"SyncState" => sync_state: Option<String>,
        /// Items not to be reported.
        list b"Ignore" / b"ItemId" => ignore: Vec<ItemId>,
        /// 1 to 512.
        required b"MaxChangesReturned" => max_changes_returned: i32,
        element b"SyncScope" => sync_scope: Option<SyncScope>,
    }
}

operation!(SyncFolderItems, "SyncFolderItems" -> ResponseMessages<SyncFolderItemsMessage>);

sequence! {
    /// `t:SyncFolderItemsCreateOrUpdateType`.
    pub struct SyncItem in Types {
        choice b"(item)" => item: Option<Item>,
    }
}

sequence! {
    /// `t:SyncFolderItemsDeleteType`.
    pub struct SyncItemDelete in Types {
        required b"ItemId" => item_id: ItemId,
    }
}

sequence! {
    /// `t:SyncFolderItemsReadFlagType`: nothing but the read flag changed.
    pub struct SyncReadFlag in Types {
        required b"ItemId" => item_id: ItemId,
        required b"IsRead" => is_read: bool,
    }
}

choice! {
    /// One change.
    pub enum SyncFolderItemsChange in Types {
        b"Create" => Create(SyncItem),
        b"Update" => Update(SyncItem),
        b"Delete" => Delete(SyncItemDelete),
        b"ReadFlagChange" => ReadFlagChange(SyncReadFlag),
    }
}

sequence! {
    /// `m:SyncFolderItemsResponseMessageType`. Keep the state together with the changes, or not at all.
    pub struct SyncFolderItemsMessage in Messages {
        element b"SyncState" => sync_state: Option<String>,
        element b"IncludesLastItemInRange" => includes_last_item_in_range: Option<bool>,
        required_array b"Changes" => changes: Vec<SyncFolderItemsChange>,
    }
}
