use crate::item_id::BaseItemId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_item::ItemInfo;
use crate::xml::sequence;

sequence! {
    /// Moves items to the archive mailbox, into the folder that mirrors the one they come from.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsarch/> section 3.1.4.1
    pub struct ArchiveItem in Messages {
        required b"ArchiveSourceFolderId" => archive_source_folder_id: TargetFolderId,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
    }
}

operation!(ArchiveItem, "ArchiveItem" -> ResponseMessages<ItemInfo>);
