//! Attachments.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsatt/> section 2.2.4

use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::item::Item;
use crate::xml::{choice, sequence};

sequence! {
    /// `t:AttachmentIdType`. Answers to `CreateAttachment` also name the item and its new change key.
    #[derive(Eq, Hash)]
    pub struct AttachmentId in Types {
        required_attribute b"Id" => id: String,
        attribute b"RootItemId" => root_item_id: Option<String>,
        attribute b"RootItemChangeKey" => root_item_change_key: Option<String>,
    }
}

impl AttachmentId {
    /// An id alone, as in requests.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

sequence! {
    /// `t:AttachmentType`: what all attachments have.
    pub struct AttachmentFields in Types {
        element b"AttachmentId" => attachment_id: Option<AttachmentId>,
        element b"Name" => name: Option<String>,
        element b"ContentType" => content_type: Option<String>,
        element b"ContentId" => content_id: Option<String>,
        element b"ContentLocation" => content_location: Option<String>,
        element b"AttachmentOriginalUrl" => attachment_original_url: Option<String>,
        /// In bytes.
        element b"Size" => size: Option<i32>,
        element b"LastModifiedTime" => last_modified_time: Option<DateTime>,
        element b"IsInline" => is_inline: Option<bool>,
    }
}

sequence! {
    /// `t:FileAttachmentType`.
    pub struct FileAttachment in Types {
        base b"(attachment)" => attachment: AttachmentFields,
        element b"IsContactPhoto" => is_contact_photo: Option<bool>,
        element b"Content" => content: Option<Binary>,
    }
}

impl FileAttachment {
    /// A file to attach.
    pub fn new(name: impl Into<String>, content_type: impl Into<String>, content: impl Into<Binary>) -> Self {
        Self {
            attachment: AttachmentFields {
                name: Some(name.into()),
                content_type: Some(content_type.into()),
                ..AttachmentFields::default()
            },
            is_contact_photo: None,
            content: Some(content.into()),
        }
    }
}

sequence! {
    /// `t:ItemAttachmentType`: an item attached to an item.
    pub struct ItemAttachment in Types {
        base b"(attachment)" => attachment: AttachmentFields,
        choice b"(item)" => item: Option<Box<Item>>,
    }
}

sequence! {
    /// `t:ReferenceAttachmentType`: a file kept elsewhere.
    pub struct ReferenceAttachment in Types {
        base b"(attachment)" => attachment: AttachmentFields,
        element b"AttachLongPathName" => attach_long_path_name: Option<String>,
        element b"ProviderType" => provider_type: Option<String>,
        element b"ProviderEndpointUrl" => provider_endpoint_url: Option<String>,
        element b"AttachmentThumbnailUrl" => attachment_thumbnail_url: Option<String>,
        element b"AttachmentPreviewUrl" => attachment_preview_url: Option<String>,
        element b"PermissionType" => permission_type: Option<i32>,
        element b"OriginalPermissionType" => original_permission_type: Option<i32>,
        element b"AttachmentIsFolder" => attachment_is_folder: Option<bool>,
    }
}

choice! {
    /// One attachment.
    pub enum Attachment in Types {
        b"ItemAttachment" => Item(ItemAttachment),
        b"FileAttachment" => File(FileAttachment),
        b"ReferenceAttachment" => Reference(ReferenceAttachment),
    }
}

impl Attachment {
    /// What all attachments have.
    pub fn fields(&self) -> &AttachmentFields {
        match self {
            Self::Item(item) => &item.attachment,
            Self::File(file) => &file.attachment,
            Self::Reference(reference) => &reference.attachment,
        }
    }
}
