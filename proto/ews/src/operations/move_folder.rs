use crate::folder_id::BaseFolderId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_folder::FolderInfo;
use crate::xml::sequence;

sequence! {
    /// Moves folders; they keep their ids.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.7
    pub struct MoveFolder in Messages {
        required b"ToFolderId" => to_folder_id: TargetFolderId,
        required_array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
    }
}

operation!(MoveFolder, "MoveFolder" -> ResponseMessages<FolderInfo>);
