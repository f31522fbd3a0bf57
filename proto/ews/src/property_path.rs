//! Paths to properties: by name, by name and key, or as a MAPI property.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsxprop/>

use std::borrow::Cow;

use crate::Error;
use crate::xml::{Choice, Ns, Reader, Start, Text, Value as _, Writer, open_enum, sequence};

/// The name of a property, such as `item:Subject` (`t:UnindexedFieldURIType`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldUri(Cow<'static, str>);

macro_rules! field_uris {
    ($($name:ident = $uri:literal),+ $(,)?) => {
        impl FieldUri {
            $( #[doc = concat!("`", $uri, "`")] pub const $name: Self = Self(Cow::Borrowed($uri)); )+
        }
    };
}

field_uris! {
    FOLDER_ID = "folder:FolderId",
    FOLDER_PARENT_FOLDER_ID = "folder:ParentFolderId",
    FOLDER_DISPLAY_NAME = "folder:DisplayName",
    FOLDER_CLASS = "folder:FolderClass",
    FOLDER_UNREAD_COUNT = "folder:UnreadCount",
    FOLDER_TOTAL_COUNT = "folder:TotalCount",
    FOLDER_CHILD_FOLDER_COUNT = "folder:ChildFolderCount",
    FOLDER_EFFECTIVE_RIGHTS = "folder:EffectiveRights",
    FOLDER_DISTINGUISHED_FOLDER_ID = "folder:DistinguishedFolderId",
    FOLDER_PERMISSION_SET = "folder:PermissionSet",
    ITEM_ID = "item:ItemId",
    ITEM_PARENT_FOLDER_ID = "item:ParentFolderId",
    ITEM_CLASS = "item:ItemClass",
    ITEM_MIME_CONTENT = "item:MimeContent",
    ITEM_ATTACHMENTS = "item:Attachments",
    ITEM_SUBJECT = "item:Subject",
    ITEM_DATE_TIME_RECEIVED = "item:DateTimeReceived",
    ITEM_SIZE = "item:Size",
    ITEM_CATEGORIES = "item:Categories",
    ITEM_HAS_ATTACHMENTS = "item:HasAttachments",
    ITEM_IMPORTANCE = "item:Importance",
    ITEM_IN_REPLY_TO = "item:InReplyTo",
    ITEM_INTERNET_MESSAGE_HEADERS = "item:InternetMessageHeaders",
    ITEM_IS_DRAFT = "item:IsDraft",
    ITEM_SENSITIVITY = "item:Sensitivity",
    ITEM_BODY = "item:Body",
    ITEM_TEXT_BODY = "item:TextBody",
    ITEM_UNIQUE_BODY = "item:UniqueBody",
    ITEM_DATE_TIME_SENT = "item:DateTimeSent",
    ITEM_DATE_TIME_CREATED = "item:DateTimeCreated",
    ITEM_LAST_MODIFIED_TIME = "item:LastModifiedTime",
    ITEM_DISPLAY_TO = "item:DisplayTo",
    ITEM_DISPLAY_CC = "item:DisplayCc",
    ITEM_REMINDER_IS_SET = "item:ReminderIsSet",
    ITEM_EFFECTIVE_RIGHTS = "item:EffectiveRights",
    ITEM_FLAG = "item:Flag",
    MESSAGE_FROM = "message:From",
    MESSAGE_SENDER = "message:Sender",
    MESSAGE_TO_RECIPIENTS = "message:ToRecipients",
    MESSAGE_CC_RECIPIENTS = "message:CcRecipients",
    MESSAGE_BCC_RECIPIENTS = "message:BccRecipients",
    MESSAGE_IS_READ = "message:IsRead",
    MESSAGE_INTERNET_MESSAGE_ID = "message:InternetMessageId",
    MESSAGE_CONVERSATION_INDEX = "message:ConversationIndex",
    MESSAGE_CONVERSATION_TOPIC = "message:ConversationTopic",
    MESSAGE_REFERENCES = "message:References",
    MESSAGE_REPLY_TO = "message:ReplyTo",
    CALENDAR_START = "calendar:Start",
    CALENDAR_END = "calendar:End",
    CALENDAR_LOCATION = "calendar:Location",
    CALENDAR_LEGACY_FREE_BUSY_STATUS = "calendar:LegacyFreeBusyStatus",
    CALENDAR_UID = "calendar:UID",
    CONTACTS_DISPLAY_NAME = "contacts:DisplayName",
    CONTACTS_GIVEN_NAME = "contacts:GivenName",
    CONTACTS_SURNAME = "contacts:Surname",
}

impl FieldUri {
    /// A property by its name on the wire.
    pub fn new(uri: impl Into<Cow<'static, str>>) -> Self {
        Self(uri.into())
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for FieldUri {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Some(Self(Cow::Owned(text.into_owned())))
    }
    fn write_text(&self, w: &mut Writer) {
        w.text(&self.0);
    }
}

sequence! {
    /// `t:PathToUnindexedFieldType`.
    #[derive(Eq, Hash)]
    pub struct PathToUnindexedField in Types {
        required_attribute b"FieldURI" => field_uri: FieldUri,
    }
}

sequence! {
    /// `t:PathToIndexedFieldType`: one entry of a dictionary, as `contacts:PhoneNumber` with `MobilePhone`.
    #[derive(Eq, Hash)]
    pub struct PathToIndexedField in Types {
        required_attribute b"FieldURI" => field_uri: FieldUri,
        required_attribute b"FieldIndex" => field_index: String,
    }
}

open_enum! {
    /// `t:DistinguishedPropertySetType`: property sets known by name.
    pub enum DistinguishedPropertySet {
        Meeting,
        Appointment,
        Common,
        PublicStrings,
        Address,
        InternetHeaders,
        CalendarAssistant,
        UnifiedMessaging,
        Task,
        Sharing,
    }
}

impl DistinguishedPropertySet {
    /// The property set's GUID, in lower case.
    pub fn guid(&self) -> Option<&'static str> {
        Some(match self {
            Self::Meeting => "6ed8da90-450b-101b-98da-00aa003f1305",
            Self::Appointment => "00062002-0000-0000-c000-000000000046",
            Self::Common => "00062008-0000-0000-c000-000000000046",
            Self::PublicStrings => "00020329-0000-0000-c000-000000000046",
            Self::Address => "00062004-0000-0000-c000-000000000046",
            Self::InternetHeaders => "00020386-0000-0000-c000-000000000046",
            Self::CalendarAssistant => "11000e07-b51b-40d6-af21-caa85edab1d0",
            Self::UnifiedMessaging => "4442858e-a9e3-4e80-b900-317a210cc15b",
            Self::Task => "00062003-0000-0000-c000-000000000046",
            Self::Sharing => "00062040-0000-0000-c000-000000000046",
            Self::Other(_) => return None,
        })
    }
}

open_enum! {
    /// `t:MapiPropertyTypeType`. Types ending in `Array` have several values.
    #[derive(Default)]
    pub enum MapiPropertyType {
        ApplicationTime,
        ApplicationTimeArray,
        Binary,
        BinaryArray,
        Boolean,
        Clsid = "CLSID",
        ClsidArray = "CLSIDArray",
        Currency,
        CurrencyArray,
        Double,
        DoubleArray,
        Error,
        Float,
        FloatArray,
        Integer,
        IntegerArray,
        Long,
        LongArray,
        Null,
        Object,
        ObjectArray,
        Short,
        ShortArray,
        SystemTime,
        SystemTimeArray,
        #[default]
        String,
        StringArray,
    }
}

impl MapiPropertyType {
    /// Whether the property has several values.
    pub fn is_array(&self) -> bool {
        self.as_str().ends_with("Array")
    }
}

sequence! {
    /// `t:PathToExtendedFieldType`: a MAPI property, by tag or by name within a property set.
    ///
    /// The form of address is kept as it came: clients match answers by the form they asked with.
    #[derive(Eq, Hash)]
    pub struct ExtendedFieldUri in Types {
        attribute b"DistinguishedPropertySetId" => distinguished_property_set_id: Option<DistinguishedPropertySet>,
        attribute b"PropertySetId" => property_set_id: Option<String>,
        attribute b"PropertyTag" => property_tag: Option<String>,
        attribute b"PropertyName" => property_name: Option<String>,
        attribute b"PropertyId" => property_id: Option<i32>,
        required_attribute b"PropertyType" => property_type: MapiPropertyType,
    }
}

/// A property, whatever form it was addressed in; see [`ExtendedFieldUri::key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtendedPropertyKey {
    /// A tag below 0x8000.
    Tag(u16),
    /// Property set GUID in lower case, and name.
    Name(String, String),
    /// Property set GUID in lower case, and numeric id.
    Id(String, i32),
}

impl ExtendedFieldUri {
    /// A property by tag.
    pub fn tag(tag: u16, property_type: MapiPropertyType) -> Self {
        Self { property_tag: Some(format!("0x{tag:04x}")), property_type, ..Self::default() }
    }

    /// A property by name in a known property set.
    pub fn name(
        set: DistinguishedPropertySet,
        name: impl Into<String>,
        property_type: MapiPropertyType,
    ) -> Self {
        Self {
            distinguished_property_set_id: Some(set),
            property_name: Some(name.into()),
            property_type,
            ..Self::default()
        }
    }

    /// A property by numeric id in a known property set.
    pub fn id(set: DistinguishedPropertySet, id: i32, property_type: MapiPropertyType) -> Self {
        Self {
            distinguished_property_set_id: Some(set),
            property_id: Some(id),
            property_type,
            ..Self::default()
        }
    }

    /// Which property this is, so that different forms of address compare equal; `None` if it is no legal address.
    pub fn key(&self) -> Option<ExtendedPropertyKey> {
        if let Some(tag) = &self.property_tag {
            let tag = tag.trim();
            let number = match tag.strip_prefix("0x").or_else(|| tag.strip_prefix("0X")) {
                Some(hex) => u16::from_str_radix(hex, 16),
                None => tag.parse(),
            };
            return number.ok().map(ExtendedPropertyKey::Tag);
        }
        let set = match (&self.distinguished_property_set_id, &self.property_set_id) {
            (Some(set), _) => set.guid()?.to_owned(),
            (None, Some(guid)) => guid.trim().trim_matches(['{', '}']).to_ascii_lowercase(),
            (None, None) => return None,
        };
        match (&self.property_name, self.property_id) {
            (Some(name), _) => Some(ExtendedPropertyKey::Name(set, name.clone())),
            (None, Some(id)) => Some(ExtendedPropertyKey::Id(set, id)),
            (None, None) => None,
        }
    }
}

/// `t:BasePathToElementType`: the path to a property.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyPath {
    /// `t:FieldURI`.
    Field(FieldUri),
    /// `t:IndexedFieldURI`.
    Indexed(PathToIndexedField),
    /// `t:ExtendedFieldURI`.
    Extended(ExtendedFieldUri),
}

impl PropertyPath {
    /// One entry of a dictionary property.
    pub fn indexed(uri: impl Into<Cow<'static, str>>, index: impl Into<String>) -> Self {
        Self::Indexed(PathToIndexedField { field_uri: FieldUri::new(uri), field_index: index.into() })
    }
}

impl Default for PropertyPath {
    fn default() -> Self {
        Self::Field(FieldUri::default())
    }
}

impl From<FieldUri> for PropertyPath {
    fn from(uri: FieldUri) -> Self {
        Self::Field(uri)
    }
}

impl From<ExtendedFieldUri> for PropertyPath {
    fn from(uri: ExtendedFieldUri) -> Self {
        Self::Extended(uri)
    }
}

impl Choice for PropertyPath {
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        Ok(match element.local() {
            "FieldURI" => PathToUnindexedField::read(r, element)?.map(|path| Self::Field(path.field_uri)),
            "IndexedFieldURI" => PathToIndexedField::read(r, element)?.map(Self::Indexed),
            "ExtendedFieldURI" => ExtendedFieldUri::read(r, element)?.map(Self::Extended),
            _ => None,
        })
    }

    fn write_choice(&self, w: &mut Writer) {
        match self {
            Self::Field(uri) => {
                w.start(Ns::Types, b"FieldURI");
                w.attribute(b"FieldURI", uri);
                w.end(Ns::Types, b"FieldURI");
            }
            Self::Indexed(path) => path.write(w, Ns::Types, b"IndexedFieldURI"),
            Self::Extended(path) => path.write(w, Ns::Types, b"ExtendedFieldURI"),
        }
    }
}

sequence! {
    /// `t:ExtendedPropertyType`: a MAPI property with its value, or its values if the type is an array.
    #[derive(Eq)]
    pub struct ExtendedProperty in Types {
        required b"ExtendedFieldURI" => extended_field_uri: ExtendedFieldUri,
        element b"Value" => value: Option<String>,
        list b"Values" / b"Value" => values: Vec<String>,
    }
}

impl ExtendedProperty {
    /// A property with a single value, in its text form (base64 for `Binary`, UTC for `SystemTime`).
    pub fn new(uri: ExtendedFieldUri, value: impl Into<String>) -> Self {
        Self { extended_field_uri: uri, value: Some(value.into()), values: Vec::new() }
    }

    /// A property of an array type.
    pub fn array(uri: ExtendedFieldUri, values: Vec<String>) -> Self {
        Self { extended_field_uri: uri, value: None, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_address_compare_equal() {
        let hex = ExtendedFieldUri::tag(0x0e07, MapiPropertyType::Integer);
        let decimal = ExtendedFieldUri { property_tag: Some("3591".into()), ..hex.clone() };
        assert_eq!(hex.key(), decimal.key());
        let named =
            ExtendedFieldUri::name(DistinguishedPropertySet::PublicStrings, "X", MapiPropertyType::String);
        let guid = ExtendedFieldUri {
            distinguished_property_set_id: None,
            property_set_id: Some("{00020329-0000-0000-C000-000000000046}".into()),
            ..named.clone()
        };
        assert_eq!(named.key(), guid.key());
        assert_ne!(named.key(), None);
        assert_eq!(ExtendedFieldUri::default().key(), None);
    }
}
