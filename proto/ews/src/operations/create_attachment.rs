use crate::attachment::Attachment;
use crate::item_id::ItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Attaches files and items to an item. Each answer carries the item's change key; the last one counts.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsatt/> section 3.1.4.1
    pub struct CreateAttachment in Messages {
        required b"ParentItemId" => parent_item_id: ItemId,
        required_array b"Attachments" => attachments: Vec<Attachment>,
    }
}

operation!(CreateAttachment, "CreateAttachment" -> ResponseMessages<AttachmentInfo>);

sequence! {
    /// `m:AttachmentInfoResponseMessageType`: one attachment. Empty on errors.
    pub struct AttachmentInfo in Messages {
        required_array b"Attachments" => attachments: Vec<Attachment>,
    }
}

impl From<Attachment> for AttachmentInfo {
    fn from(attachment: Attachment) -> Self {
        Self { attachments: vec![attachment] }
    }
}
