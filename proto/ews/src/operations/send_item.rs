use crate::item_id::BaseItemId;
use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::xml::sequence;

sequence! {
    /// Sends drafts. The change keys must be current; afterwards the ids are void.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.8
    pub struct SendItem in Messages {
        required_attribute b"SaveItemToFolder" => save_item_to_folder: bool,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
        element b"SavedItemFolderId" => saved_item_folder_id: Option<TargetFolderId>,
    }
}

operation!(SendItem, "SendItem" -> ResponseMessages<NoPayload>);
