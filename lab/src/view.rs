//! An item as clients see it: what the row knows, what the document holds, and what follows from both.

use std::{cell::OnceCell, collections::BTreeMap, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use tieline_proto_ews::{ExtendedFieldUri, ItemKind, PropertyPath};

use crate::{
    body,
    document::{Document, element, escape},
    extended::{self, ExtendedValue},
    id, mapi_property,
    property::{date_time, element_of, indexed_list},
    store::{attachment::Attachment, item::Item, mailbox::Mailbox},
};

/// An item row with its document, which is taken apart only when needed.
pub(crate) struct View<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) row: &'a Item,
    /// The attachments, where the caller has loaded them.
    pub(crate) attachments: &'a [Attachment],
    /// What follows from a calendar, where the caller has worked it out.
    pub(crate) facts: Facts,
    /// `t:InternetMessageHeaders`, where the caller has loaded the MIME source.
    pub(crate) headers: Option<String>,
    document: OnceCell<Document>,
}

/// What follows from a calendar item beyond its document. It counts before the document; an empty part hides one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Fragments by the local name of the property's element.
    pub(crate) parts: BTreeMap<String, String>,
    /// Values of extended properties by canonical name.
    pub(crate) extended: BTreeMap<String, String>,
}

/// Properties that a view knows without the document.
pub(crate) const IN_ROW: [&str; 14] = [
    "ItemId",
    "ParentFolderId",
    "ItemClass",
    "Subject",
    "DateTimeReceived",
    "DateTimeSent",
    "DateTimeCreated",
    "LastModifiedTime",
    "LastModifiedName",
    "Size",
    "IsDraft",
    "IsRead",
    "IsAssociated",
    "HasAttachments",
];

/// PR_MESSAGE_FLAGS: read.
pub(crate) const MSGFLAG_READ: i64 = 1;
/// PR_MESSAGE_FLAGS: never submitted, so a draft.
pub(crate) const MSGFLAG_UNSENT: i64 = 8;
const MSGFLAG_HASATTACH: i64 = 16;
const MSGFLAG_ASSOCIATED: i64 = 64;

impl<'a> View<'a> {
    pub(crate) fn new(mailbox: &'a Mailbox, row: &'a Item, attachments: &'a [Attachment]) -> Self {
        Self { mailbox, row, attachments, facts: Facts::default(), headers: None, document: OnceCell::new() }
    }

    /// The document.
    pub(crate) fn document(&self) -> &Document {
        self.document.get_or_init(|| Document::from_bytes(&self.row.document))
    }

    /// The same with what follows from a calendar.
    pub(crate) fn with_facts(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// `t:ItemId`.
    pub(crate) fn item_id(&self) -> String {
        let id = id::of_row(self.mailbox.guid, self.row);
        let key = id::change_key(9, self.mailbox.guid, self.row.version);
        format!("<t:ItemId Id=\"{id}\" ChangeKey=\"{key}\"/>")
    }

    /// The fragment of a property by the local name of its element; `None` when the item lacks it.
    pub(crate) fn part(&self, name: &str) -> Option<String> {
        if let Some(part) = self.row_part(name) {
            return Some(part);
        }
        if let Some(part) = self.facts.parts.get(name).or_else(|| self.document().parts.get(name)) {
            return Some(part.clone()).filter(|part| !part.is_empty());
        }
        self.derived_part(name)
    }

    fn row_part(&self, name: &str) -> Option<String> {
        match name {
            "ItemId" => Some(self.item_id()),
            "ParentFolderId" => {
                let id = id::folder_id(self.mailbox.guid, self.row.folder);
                Some(format!("<t:ParentFolderId Id=\"{id}\" ChangeKey=\"AQAAAA==\"/>"))
            }
            "Attachments" => self.attachments_part(),
            "InternetMessageHeaders" => self.headers.clone(),
            "EffectiveRights" => Some(effective_rights("EffectiveRights")),
            _ => self.row_text(name).map(|text| element(name, &text)),
        }
    }

    /// The text of a property that has a column of its own.
    fn row_text(&self, name: &str) -> Option<String> {
        let row = self.row;
        Some(match name {
            "ItemClass" => row.class.clone(),
            "Subject" => row.subject.clone()?,
            "DateTimeReceived" => date_time(row.received_ms),
            "DateTimeSent" => date_time(row.sent_ms?),
            "DateTimeCreated" => date_time(row.created_ms),
            "LastModifiedTime" => date_time(row.changed_ms),
            "LastModifiedName" => row.changed_by.clone(),
            "Size" => row.size.to_string(),
            "IsDraft" => row.is_draft.to_string(),
            "IsRead" if self.is_message() => row.is_read.to_string(),
            "IsAssociated" => row.associated.to_string(),
            "HasAttachments" => row.has_attachments.to_string(),
            _ => return None,
        })
    }

    /// What is not stored but follows from what is.
    fn derived_part(&self, name: &str) -> Option<String> {
        let text = match name {
            "Sensitivity" | "Importance" => "Normal".to_owned(),
            "ReminderIsSet" | "IsResend" | "IsSubmitted" => "false".to_owned(),
            "IsReadReceiptRequested" | "IsDeliveryReceiptRequested" if self.is_message() => {
                "false".to_owned()
            }
            "IsUnmodified" => (self.row.changed_ms == self.row.created_ms).to_string(),
            "IsFromMe" => {
                let from = self.document().text_below("From", &["EmailAddress"]);
                from.is_some_and(|from| from.eq_ignore_ascii_case(&self.mailbox.address)).to_string()
            }
            "ReminderMinutesBeforeStart" => "0".to_owned(),
            "Culture" => "en-US".to_owned(),
            "DisplayTo" | "DisplayCc" | "DisplayBcc" => self.display(name)?,
            "ConversationTopic" if self.is_message() => self.topic(),
            "ConversationId" if self.is_message() => {
                let id = STANDARD.encode(Sha256::digest(self.topic().to_lowercase()));
                return Some(format!("<t:ConversationId Id=\"AAQk{id}\"/>"));
            }
            "Preview" => body::preview(&self.body_text()?),
            "TextBody" | "UniqueBody" | "NormalizedBody" => {
                let text = self.body_text()?;
                return Some(format!("<t:{name} BodyType=\"Text\">{}</t:{name}>", escape(&text)));
            }
            "Flag" => return Some("<t:Flag><t:FlagStatus>NotFlagged</t:FlagStatus></t:Flag>".to_owned()),
            "IsComplete" | "Status" | "PercentComplete" => self.task_state(name)?,
            "InstanceKey" | "StoreEntryId" => STANDARD.encode(self.entry_id()),
            "SearchKey" => STANDARD.encode(&self.row.search_key),
            _ => return None,
        };
        Some(element(name, &text))
    }

    /// How far a task is, where its document does not say.
    fn task_state(&self, name: &str) -> Option<String> {
        let document = Some(self.document()).filter(|document| document.kind == "Task")?;
        let complete = document.text("Status").as_deref() == Some("Completed");
        Some(match name {
            "Status" => "NotStarted".to_owned(),
            "PercentComplete" => (if complete { "100" } else { "0" }).to_owned(),
            _ => complete.to_string(),
        })
    }

    /// The name of the item's element: what Exchange uses for the class.
    pub(crate) fn kind(&self) -> ItemKind {
        ItemKind::from_item_class(&self.row.class)
    }

    /// Whether the item has the fields of a message.
    fn is_message(&self) -> bool {
        ["IPM.Note", "IPM.Schedule.Meeting", "IPM.Post"].iter().any(|class| {
            let head = self.row.class.get(..class.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(class))
                && matches!(self.row.class.as_bytes().get(class.len()), None | Some(b'.'))
        })
    }

    fn attachments_part(&self) -> Option<String> {
        if self.attachments.is_empty() {
            return None;
        }
        let mut xml = String::from("<t:Attachments>");
        for attachment in self.attachments {
            xml.push_str(&self.attachment_element(attachment, None));
        }
        xml.push_str("</t:Attachments>");
        Some(xml)
    }

    /// An attachment's element: what a client set, plus id, size and time; `content` is added as it is.
    pub(crate) fn attachment_element(&self, attachment: &Attachment, content: Option<&str>) -> String {
        let mut document = Document::from_bytes(&attachment.document);
        let id = id::attachment_id(self.mailbox.guid, self.row.item, attachment.attachment);
        document.parts.insert("AttachmentId".to_owned(), format!("<t:AttachmentId Id=\"{id}\"/>"));
        document.set_text("Size", &attachment.size.to_string());
        document.set_text("LastModifiedTime", &date_time(attachment.changed_ms));
        if !document.parts.contains_key("IsInline") {
            document.set_text("IsInline", "false");
        }
        if let Some(content) = content {
            document.parts.insert("Content".to_owned(), content.to_owned());
        }
        document.to_xml(|_| true)
    }

    /// The body as text, whatever it is stored as.
    pub(crate) fn body_text(&self) -> Option<String> {
        let text = self.document().text("Body")?;
        let html = self.document().attribute("Body", "BodyType").as_deref() == Some("HTML");
        Some(if html { body::text_of_html(&text) } else { text })
    }

    /// The body in the type that the client wants.
    pub(crate) fn body_as(&self, wanted: Option<&str>) -> Option<String> {
        let stored = self.document().attribute("Body", "BodyType");
        match (wanted, stored.as_deref()) {
            (Some("Text"), Some("HTML")) => {
                let text = self.body_text()?;
                Some(format!("<t:Body BodyType=\"Text\">{}</t:Body>", escape(&text)))
            }
            (Some("HTML"), Some("Text") | None) => {
                let html = body::html_of_text(&self.document().text("Body")?);
                Some(format!("<t:Body BodyType=\"HTML\">{}</t:Body>", escape(&html)))
            }
            _ => self.document().parts.get("Body").cloned(),
        }
    }

    fn display(&self, name: &str) -> Option<String> {
        let list = match name {
            "DisplayTo" => "ToRecipients",
            "DisplayCc" => "CcRecipients",
            _ => "BccRecipients",
        };
        let names = self.document().texts_below(list, &["Name"]);
        let names =
            if names.is_empty() { self.document().texts_below(list, &["EmailAddress"]) } else { names };
        Some(names.join("; "))
    }

    /// The subject without `RE:` and the like.
    pub(crate) fn topic(&self) -> String {
        let mut topic = self.row.subject.as_deref().unwrap_or_default().trim();
        while let Some((prefix, rest)) = topic.split_once(':') {
            if !["re", "fw", "fwd", "aw", "wg"].iter().any(|known| known.eq_ignore_ascii_case(prefix)) {
                break;
            }
            topic = rest.trim_start();
        }
        topic.to_owned()
    }

    fn entry_id(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(self.mailbox.guid.as_bytes());
        bytes.extend_from_slice(&[7, 0]);
        bytes.extend_from_slice(&self.row.item.to_be_bytes());
        bytes
    }

    /// PR_MESSAGE_FLAGS.
    fn message_flags(&self) -> i64 {
        let bit = |set: bool, bit: i64| if set { bit } else { 0 };
        bit(self.row.is_read, MSGFLAG_READ)
            | bit(self.row.is_draft, MSGFLAG_UNSENT)
            | bit(self.row.has_attachments, MSGFLAG_HASATTACH)
            | bit(self.row.associated, MSGFLAG_ASSOCIATED)
    }

    /// The value of an extended property: what a client set, or a MAPI view of what the row knows.
    pub(crate) fn extended(&self, uri: &ExtendedFieldUri) -> Option<ExtendedValue> {
        if let Some(value) = self.document().extended.get(&extended::canonical(uri)?) {
            return Some(value.clone());
        }
        if let Some(value) = self.facts.extended.get(&extended::canonical(uri)?) {
            return Some(ExtendedValue::one(value));
        }
        if let Some(value) = mapi_property::value(self.document(), &extended::canonical(uri)?) {
            return Some(value);
        }
        extended::tag(uri).and_then(|tag| self.mapi(tag)).map(ExtendedValue::one)
    }

    fn mapi(&self, tag: u16) -> Option<String> {
        let row = self.row;
        Some(match tag {
            0x001a => row.class.clone(),
            0x0037 => row.subject.clone()?,
            0x0039 => date_time(row.sent_ms?),
            0x0070 => self.topic(),
            0x0c1a | 0x0042 => self.document().text_below("From", &["Name", "EmailAddress"])?,
            0x0c1f | 0x0065 => self.document().text_below("From", &["EmailAddress"])?,
            0x0e04 => self.display("DisplayTo")?,
            0x0e03 => self.display("DisplayCc")?,
            0x0e06 => date_time(row.received_ms),
            0x0e07 => self.message_flags().to_string(),
            0x0e08 => row.size.to_string(),
            0x0e1b => row.has_attachments.to_string(),
            0x0e1d => self.topic(),
            0x0e23 => row.article.to_string(),
            0x0e69 => row.is_read.to_string(),
            0x0ff9 | 0x0fff => STANDARD.encode(self.entry_id()),
            0x1000 => self.body_text()?,
            0x1035 => self.document().text("InternetMessageId")?,
            0x10f3 => format!("{}.EML", row.item),
            0x3007 => date_time(row.created_ms),
            0x3008 => date_time(row.changed_ms),
            0x300b => STANDARD.encode(&row.search_key),
            0x3ffa => row.changed_by.clone(),
            _ => return None,
        })
    }

    /// The values of a property as text, for comparing and sorting; empty when the item lacks it.
    pub(crate) fn values(&self, path: &PropertyPath) -> Vec<String> {
        match path {
            PropertyPath::Extended(uri) => self.extended(uri).map(|value| value.values).unwrap_or_default(),
            PropertyPath::Indexed(path) => {
                let list = indexed_list(path.field_uri.as_str());
                let entry = |(list, field)| self.document().entry(list, &path.field_index, field);
                list.and_then(entry).into_iter().collect()
            }
            PropertyPath::Field(_) => {
                element_of(path).map(|name| self.element_values(name)).unwrap_or_default()
            }
        }
    }

    fn element_values(&self, name: &str) -> Vec<String> {
        if let Some(text) = self.row_text(name) {
            return vec![text];
        }
        match name {
            "From"
            | "Sender"
            | "ReceivedBy"
            | "ReceivedRepresenting"
            | "ToRecipients"
            | "CcRecipients"
            | "BccRecipients"
            | "ReplyTo" => self.document().texts_below(name, &["Name", "EmailAddress"]),
            "Categories" | "Companies" | "Children" => self.document().texts_below(name, &["String"]),
            "ItemId" => vec![id::of_row(self.mailbox.guid, self.row)],
            _ => {
                let Some(part) = self.part(name) else { return Vec::new() };
                let mut alone = Document::default();
                alone.parts.insert(name.to_owned(), part);
                alone.text(name).into_iter().collect()
            }
        }
    }
}

/// `EffectiveRights` of the owner.
pub(crate) fn effective_rights(name: &str) -> String {
    let mut xml = format!("<t:{name}>");
    for right in [
        "CreateAssociated",
        "CreateContents",
        "CreateHierarchy",
        "Delete",
        "Modify",
        "Read",
        "ViewPrivateItems",
    ] {
        // Writing to a String cannot fail.
        let _ = write!(xml, "<t:{right}>true</t:{right}>");
    }
    let _ = write!(xml, "</t:{name}>");
    xml
}
