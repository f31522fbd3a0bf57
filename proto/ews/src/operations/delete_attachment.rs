use crate::attachment::AttachmentId;
use crate::item_id::RootItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Deletes attachments.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsatt/> section 3.1.4.2
    pub struct DeleteAttachment in Messages {
        required_list b"AttachmentIds" / b"AttachmentId" => attachment_ids: Vec<AttachmentId>,
    }
}

operation!(DeleteAttachment, "DeleteAttachment" -> ResponseMessages<DeleteAttachmentMessage>);

sequence! {
    /// `m:DeleteAttachmentResponseMessageType`: the item with its new change key.
    pub struct DeleteAttachmentMessage in Messages {
        element b"RootItemId" => root_item_id: Option<RootItemId>,
    }
}
