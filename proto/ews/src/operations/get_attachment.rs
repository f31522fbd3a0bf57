use crate::attachment::AttachmentId;
use crate::item_shape::AttachmentShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_attachment::AttachmentInfo;
use crate::xml::sequence;

sequence! {
    /// Reads attachments with their content.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsatt/> section 3.1.4.3
    pub struct GetAttachment in Messages {
        element b"AttachmentShape" => attachment_shape: Option<AttachmentShape>,
        required_list b"AttachmentIds" / b"AttachmentId" => attachment_ids: Vec<AttachmentId>,
    }
}

operation!(GetAttachment, "GetAttachment" -> ResponseMessages<AttachmentInfo>);
