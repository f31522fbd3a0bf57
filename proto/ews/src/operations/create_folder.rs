use crate::folder::Folder;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::get_folder::FolderInfo;
use crate::xml::sequence;

sequence! {
    /// Creates folders.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.2
    pub struct CreateFolder in Messages {
        required b"ParentFolderId" => parent_folder_id: TargetFolderId,
        required_array b"Folders" => folders: Vec<Folder>,
    }
}

operation!(CreateFolder, "CreateFolder" -> ResponseMessages<FolderInfo>);
