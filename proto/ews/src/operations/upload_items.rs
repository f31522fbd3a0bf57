use crate::binary::Binary;
use crate::folder_id::FolderId;
use crate::item_id::ItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:CreateActionType`: what becomes of an item with the same id.
    #[derive(Default)]
    pub enum CreateAction { #[default] CreateNew, Update, UpdateOrCreate }
}

sequence! {
    /// `t:UploadItemType`: one exported item, and where it goes.
    pub struct UploadItem in Types {
        required_attribute b"CreateAction" => create_action: CreateAction,
        attribute b"IsAssociated" => is_associated: Option<bool>,
        required b"ParentFolderId" => parent_folder_id: FolderId,
        element b"ItemId" => item_id: Option<ItemId>,
        required b"Data" => data: Binary,
    }
}

sequence! {
    /// Writes items that `ExportItems` read.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/> section 3.1.4.2
    pub struct UploadItems in Messages {
        required_list b"Items" / b"Item" => items: Vec<UploadItem>,
    }
}

operation!(UploadItems, "UploadItems" -> ResponseMessages<UploadItemsMessage>);

sequence! {
    /// `m:UploadItemsResponseMessageType`.
    pub struct UploadItemsMessage in Messages {
        element b"ItemId" => item_id: Option<ItemId>,
    }
}
