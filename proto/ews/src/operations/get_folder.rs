use crate::folder::Folder;
use crate::folder_id::BaseFolderId;
use crate::folder_shape::FolderShape;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Reads folders.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.6
    pub struct GetFolder in Messages {
        required b"FolderShape" => folder_shape: FolderShape,
        required_array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
    }
}

operation!(GetFolder, "GetFolder" -> ResponseMessages<FolderInfo>);

sequence! {
    /// `m:FolderInfoResponseMessageType`: one folder, as the operations on folders answer. Empty on errors.
    pub struct FolderInfo in Messages {
        required_array b"Folders" => folders: Vec<Folder>,
    }
}

impl From<Folder> for FolderInfo {
    fn from(folder: Folder) -> Self {
        Self { folders: vec![folder] }
    }
}
