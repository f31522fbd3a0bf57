use crate::binary::Binary;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:BodyTypeType`: the form of a body.
    #[derive(Default)]
    pub enum BodyType {
        Html = "HTML",
        #[default]
        Text,
    }
}

sequence! {
    /// `t:BodyType`: a body with its form.
    #[derive(Eq)]
    pub struct ItemBody in Types {
        required_attribute b"BodyType" => body_type: BodyType,
        attribute b"IsTruncated" => is_truncated: Option<bool>,
        text b"(text)" => text: String,
    }
}

impl ItemBody {
    /// An HTML body.
    pub fn html(text: impl Into<String>) -> Self {
        Self { body_type: BodyType::Html, is_truncated: None, text: text.into() }
    }

    /// A plain text body.
    pub fn text(text: impl Into<String>) -> Self {
        Self { body_type: BodyType::Text, is_truncated: None, text: text.into() }
    }
}

sequence! {
    /// `t:MimeContentType`: the whole item as RFC 5322 (messages), iCalendar (calendar items) or vCard (contacts).
    #[derive(Eq)]
    pub struct MimeContent in Types {
        attribute b"CharacterSet" => character_set: Option<String>,
        text b"(content)" => content: Binary,
    }
}

impl MimeContent {
    /// Content in UTF-8.
    pub fn new(content: impl Into<Binary>) -> Self {
        Self { character_set: Some("UTF-8".to_owned()), content: content.into() }
    }
}
