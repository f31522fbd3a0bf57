//! Which properties of an item a response shows, and the item element that shows them.

use std::collections::BTreeSet;

use tieline_proto_ews::{
    BaseShape, BodyTypeResponse, Item as ItemElement, ItemShape, MimeContent, PropertyPath,
};

use crate::{
    document::{Document, decode},
    extended::{self},
    folder_view::property,
    property::element_of,
    view::{IN_ROW, View},
};

/// What the response is to show.
pub(crate) struct Shape<'a> {
    names: BTreeSet<&'a str>,
    paths: &'a [PropertyPath],
    body_type: Option<&'a str>,
    everything: bool,
    pub(crate) mime: bool,
    /// Summaries (`FindItem`, `SyncFolderItems`) leave out what needs more than a table row, and cut long text.
    summary: bool,
}

/// What a calendar item and a message about one show by default beyond other items.
const CALENDAR: [&str; 28] = [
    "UID",
    "Start",
    "End",
    "OriginalStart",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "Location",
    "IsMeeting",
    "IsCancelled",
    "IsRecurring",
    "MeetingRequestWasSent",
    "IsResponseRequested",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Duration",
    "TimeZone",
    "AppointmentReplyTime",
    "AppointmentSequenceNumber",
    "AppointmentState",
    "AssociatedCalendarItemId",
    "ResponseType",
    "HasBeenProcessed",
    "IsOutOfDate",
    "MeetingRequestType",
];

const DEFAULT: [&str; 25] = [
    "ItemId",
    "ItemClass",
    "Subject",
    "Sensitivity",
    "Body",
    "Attachments",
    "DateTimeReceived",
    "Size",
    "Importance",
    "IsDraft",
    "IsSubmitted",
    "IsResend",
    "IsUnmodified",
    "IsFromMe",
    "DateTimeSent",
    "DateTimeCreated",
    "HasAttachments",
    "DisplayTo",
    "DisplayCc",
    "ToRecipients",
    "CcRecipients",
    "From",
    "IsRead",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
];

/// What follows from other properties and is shown when everything is asked for.
const DERIVED: [&str; 33] = [
    "ItemId",
    "ParentFolderId",
    "ItemClass",
    "Subject",
    "Sensitivity",
    "Attachments",
    "DateTimeReceived",
    "Size",
    "Importance",
    "IsSubmitted",
    "IsDraft",
    "IsFromMe",
    "IsResend",
    "IsUnmodified",
    "DateTimeSent",
    "DateTimeCreated",
    "ReminderIsSet",
    "ReminderMinutesBeforeStart",
    "DisplayCc",
    "DisplayTo",
    "HasAttachments",
    "Culture",
    "EffectiveRights",
    "LastModifiedName",
    "LastModifiedTime",
    "IsAssociated",
    "ConversationId",
    "Flag",
    "InstanceKey",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "ConversationTopic",
    "IsRead",
];

/// What only `GetItem` returns.
const DETAILS: [&str; 17] = [
    "MimeContent",
    "Body",
    "UniqueBody",
    "NormalizedBody",
    "TextBody",
    "Attachments",
    "InternetMessageHeaders",
    "ResponseObjects",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "ReplyTo",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Recurrence",
    "Members",
];

/// Longest text in a summary, in characters.
const SUMMARY_TEXT: usize = 255;

impl<'a> Shape<'a> {
    /// The shape for `GetItem` and the like.
    pub(crate) fn full(shape: &'a ItemShape) -> Self {
        Self::new(shape, false)
    }

    /// The shape for listings.
    pub(crate) fn summary(shape: &'a ItemShape) -> Self {
        Self::new(shape, true)
    }

    fn new(shape: &'a ItemShape, summary: bool) -> Self {
        let mut names: BTreeSet<&str> = match shape.base_shape {
            BaseShape::IdOnly => BTreeSet::from(["ItemId"]),
            BaseShape::AllProperties => DERIVED.into(),
            _ => DEFAULT.into_iter().chain(CALENDAR).collect(),
        };
        names.extend(shape.additional_properties.iter().filter_map(element_of));
        let mime = (shape.include_mime_content == Some(true) || names.contains("MimeContent")) && !summary;
        if summary {
            for name in DETAILS {
                names.remove(name);
            }
        }
        let body_type = match &shape.body_type {
            Some(BodyTypeResponse::Text) => Some("Text"),
            Some(BodyTypeResponse::Html) => Some("HTML"),
            _ => None,
        };
        Self {
            names,
            paths: &shape.additional_properties,
            body_type,
            everything: shape.base_shape == BaseShape::AllProperties,
            mime,
            summary,
        }
    }

    /// Whether the rows alone tell everything that is shown.
    pub(crate) fn in_row(&self) -> bool {
        !self.everything
            && !self.mime
            && self.names.iter().all(|name| IN_ROW.contains(name))
            && !self.has_extended()
    }

    fn has_extended(&self) -> bool {
        self.paths.iter().any(|path| matches!(path, PropertyPath::Extended(_)))
    }

    /// Whether a property is shown because it, or everything, is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether the item's attachments must be at hand.
    pub(crate) fn wants_attachments(&self) -> bool {
        self.names.contains("Attachments")
    }

    /// Whether the header fields of the MIME source must be at hand.
    pub(crate) fn wants_headers(&self) -> bool {
        self.names.contains("InternetMessageHeaders")
    }

    /// The item's element. `mime` and `headers` come from the caller, who has loaded them.
    pub(crate) fn element(&self, view: &View<'_>, mime: Option<Vec<u8>>) -> ItemElement {
        let mut shown = Document { kind: view.kind().element().to_owned(), ..Document::default() };
        for name in &self.names {
            self.show(&mut shown, view, name);
        }
        if self.everything {
            let summary = |name: &&String| !self.summary || !DETAILS.contains(&name.as_str());
            for name in view.document().parts.keys().filter(summary) {
                if !self.names.contains(name.as_str()) {
                    self.show(&mut shown, view, name);
                }
            }
            for name in view.facts.parts.keys().filter(summary) {
                self.show(&mut shown, view, name);
            }
        }
        let mut item: ItemElement = decode(&shown.to_xml(|_| true)).unwrap_or_default();
        for path in self.paths {
            let PropertyPath::Extended(uri) = path else { continue };
            if let Some(mut value) = view.extended(uri) {
                if self.summary && extended::tag(uri) != Some(0x300b) {
                    value.values = value.values.iter().map(|text| cut(text)).collect();
                }
                item.extended_properties.push(property(uri, value));
            }
        }
        if self.mime {
            item.mime_content = mime.map(MimeContent::new);
        }
        item
    }

    fn show(&self, shown: &mut Document, view: &View<'_>, name: &str) {
        let part = match name {
            "MimeContent" => None,
            "Body" => view.body_as(self.body_type),
            _ => view.part(name),
        };
        let Some(part) = part else { return };
        shown.parts.insert(name.to_owned(), part);
        if self.summary
            && matches!(name, "Subject" | "DisplayTo" | "DisplayCc" | "Preview" | "ConversationTopic")
            && let Some(text) = shown.text(name).filter(|text| text.chars().count() > SUMMARY_TEXT)
        {
            shown.set_text(name, &cut(&text));
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(SUMMARY_TEXT).collect()
}
