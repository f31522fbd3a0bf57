use crate::item_id::BaseItemId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_item::ItemInfo;
use crate::xml::sequence;

sequence! {
    /// Copies items; answers across mailboxes leave out the new ids.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.1
    pub struct CopyItem in Messages {
        required b"ToFolderId" => to_folder_id: TargetFolderId,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
        element b"ReturnNewItemIds" => return_new_item_ids: Option<bool>,
    }
}

operation!(CopyItem, "CopyItem" -> ResponseMessages<ItemInfo>);
