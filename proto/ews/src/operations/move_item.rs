use crate::item_id::BaseItemId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_item::ItemInfo;
use crate::xml::sequence;

sequence! {
    /// Moves items; they get new ids, which answers across mailboxes leave out.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.7
    pub struct MoveItem in Messages {
        required b"ToFolderId" => to_folder_id: TargetFolderId,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
        element b"ReturnNewItemIds" => return_new_item_ids: Option<bool>,
    }
}

operation!(MoveItem, "MoveItem" -> ResponseMessages<ItemInfo>);
