use crate::folder_id::BaseFolderId;
use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Sets the read flag of everything in folders.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.5
    pub struct MarkAllItemsAsRead in Messages {
        required b"ReadFlag" => read_flag: bool,
        required b"SuppressReadReceipts" => suppress_read_receipts: bool,
        required_array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
    }
}

operation!(MarkAllItemsAsRead, "MarkAllItemsAsRead" -> ResponseMessages<NoPayload>);
