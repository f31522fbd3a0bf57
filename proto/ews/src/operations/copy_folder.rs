use crate::folder_id::BaseFolderId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_folder::FolderInfo;
use crate::xml::sequence;

sequence! {
    /// Copies folders with what is in them.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.1
    pub struct CopyFolder in Messages {
        required b"ToFolderId" => to_folder_id: TargetFolderId,
        required_array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
    }
}

operation!(CopyFolder, "CopyFolder" -> ResponseMessages<FolderInfo>);
