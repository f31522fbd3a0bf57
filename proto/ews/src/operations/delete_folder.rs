use crate::folder_id::BaseFolderId;
use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::delete_item::Disposal;
use crate::xml::sequence;

sequence! {
    /// Deletes folders with what is in them.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.4
    pub struct DeleteFolder in Messages {
        /// Required; there is no default, so that a missing value deletes nothing.
        attribute b"DeleteType" => delete_type: Option<Disposal>,
        required_array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
    }
}

operation!(DeleteFolder, "DeleteFolder" -> ResponseMessages<NoPayload>);
