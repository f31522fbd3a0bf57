//! Items: what all kinds share, and the kind.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 2.2.4

use crate::Error;
use crate::attachment::Attachment;
use crate::binary::Binary;
use crate::body::{ItemBody, MimeContent};
use crate::calendar_item::CalendarItem;
use crate::contact::Contact;
use crate::date_time::DateTime;
use crate::distribution_list::DistributionList;
use crate::folder::{EffectiveRights, RetentionTag};
use crate::folder_id::FolderId;
use crate::item_id::ItemId;
use crate::mailbox::EmailAddress;
use crate::meeting::{MeetingCancellation, MeetingMessage, MeetingRequest, MeetingResponse};
use crate::message::Message;
use crate::message_xml::is_name;
use crate::post_item::PostItem;
use crate::property_path::ExtendedProperty;
use crate::response_object::{ResponseObject, ResponseObjectKind};
use crate::task::Task;
use crate::xml::{Choice, ChoiceField, Ns, Reader, Sequence, Start, Writer, open_enum, sequence};

open_enum! {
    /// `t:SensitivityChoicesType`.
    pub enum Sensitivity { Normal, Personal, Private, Confidential }
}

open_enum! {
    /// `t:ImportanceChoicesType`.
    pub enum Importance { Low, Normal, High }
}

open_enum! {
    /// `t:FlagStatusType`.
    pub enum FlagStatus { NotFlagged, Flagged, Complete }
}

sequence! {
    /// `t:FlagType`: the follow-up flag.
    pub struct Flag in Types {
        element b"FlagStatus" => flag_status: Option<FlagStatus>,
        element b"StartDate" => start_date: Option<DateTime>,
        element b"DueDate" => due_date: Option<DateTime>,
        element b"CompleteDate" => complete_date: Option<DateTime>,
    }
}

sequence! {
    /// `t:InternetHeaderType`: one header field of the message's MIME form.
    #[derive(Eq)]
    pub struct InternetMessageHeader in Types {
        required_attribute b"HeaderName" => header_name: String,
        text b"(value)" => value: String,
    }
}

sequence! {
    /// `t:ItemType`: an item. The fields all kinds share are here, the others in `kind`.
    ///
    /// A field that is `None` or empty was not sent. In `SetItemField` exactly one field is filled.
    pub struct Item in Types {
        /// Which kind of item this is; it decides the element's name.
        aside b"(kind)" => kind: ItemKind,
        element b"MimeContent" => mime_content: Option<MimeContent>,
        element b"ItemId" => item_id: Option<ItemId>,
        element b"ParentFolderId" => parent_folder_id: Option<FolderId>,
        element b"ItemClass" => item_class: Option<String>,
        element b"Subject" => subject: Option<String>,
        element b"Sensitivity" => sensitivity: Option<Sensitivity>,
        element b"Body" => body: Option<ItemBody>,
        array b"Attachments" => attachments: Vec<Attachment>,
        element b"DateTimeReceived" => date_time_received: Option<DateTime>,
        element b"Size" => size: Option<i32>,
        list b"Categories" / b"String" => categories: Vec<String>,
        element b"Importance" => importance: Option<Importance>,
        element b"InReplyTo" => in_reply_to: Option<String>,
        element b"IsSubmitted" => is_submitted: Option<bool>,
        element b"IsDraft" => is_draft: Option<bool>,
        element b"IsFromMe" => is_from_me: Option<bool>,
        element b"IsResend" => is_resend: Option<bool>,
        element b"IsUnmodified" => is_unmodified: Option<bool>,
        list b"InternetMessageHeaders" / b"InternetMessageHeader" => internet_message_headers: Vec<InternetMessageHeader>,
        element b"DateTimeSent" => date_time_sent: Option<DateTime>,
        element b"DateTimeCreated" => date_time_created: Option<DateTime>,
        array b"ResponseObjects" => response_objects: Vec<ResponseObjectKind>,
        element b"ReminderDueBy" => reminder_due_by: Option<DateTime>,
        element b"ReminderIsSet" => reminder_is_set: Option<bool>,
        element b"ReminderNextTime" => reminder_next_time: Option<DateTime>,
        element b"ReminderMinutesBeforeStart" => reminder_minutes_before_start: Option<i32>,
        element b"DisplayCc" => display_cc: Option<String>,
        element b"DisplayTo" => display_to: Option<String>,
        element b"DisplayBcc" => display_bcc: Option<String>,
        element b"HasAttachments" => has_attachments: Option<bool>,
        element b"ExtendedProperty" => extended_properties: Vec<ExtendedProperty>,
        element b"Culture" => culture: Option<String>,
        element b"EffectiveRights" => effective_rights: Option<EffectiveRights>,
        element b"LastModifiedName" => last_modified_name: Option<String>,
        element b"LastModifiedTime" => last_modified_time: Option<DateTime>,
        element b"IsAssociated" => is_associated: Option<bool>,
        element b"WebClientReadFormQueryString" => web_client_read_form_query_string: Option<String>,
        element b"WebClientEditFormQueryString" => web_client_edit_form_query_string: Option<String>,
        element b"ConversationId" => conversation_id: Option<ItemId>,
        element b"UniqueBody" => unique_body: Option<ItemBody>,
        element b"Flag" => flag: Option<Flag>,
        element b"StoreEntryId" => store_entry_id: Option<Binary>,
        element b"InstanceKey" => instance_key: Option<Binary>,
        element b"NormalizedBody" => normalized_body: Option<ItemBody>,
        element b"PolicyTag" => policy_tag: Option<RetentionTag>,
        element b"ArchiveTag" => archive_tag: Option<RetentionTag>,
        element b"RetentionDate" => retention_date: Option<DateTime>,
        element b"Preview" => preview: Option<String>,
        element b"IsClutter" => is_clutter: Option<bool>,
        element b"BlockStatus" => block_status: Option<bool>,
        element b"HasBlockedImages" => has_blocked_images: Option<bool>,
        element b"TextBody" => text_body: Option<ItemBody>,
        element b"IconIndex" => icon_index: Option<String>,
        element b"SearchKey" => search_key: Option<Binary>,
        element b"SortKey" => sort_key: Option<i64>,
        list b"Hashtags" / b"String" => hashtags: Vec<String>,
        list b"Mentions" / b"Mailbox" => mentions: Vec<EmailAddress>,
        element b"MentionedMe" => mentioned_me: Option<bool>,
        list b"PendingSocialActivityTagIds" / b"String" => pending_social_activity_tag_ids: Vec<String>,
        element b"AtAllMention" => at_all_mention: Option<bool>,
        element b"CanDelete" => can_delete: Option<bool>,
        element b"InferenceClassification" => inference_classification: Option<String>,
    }
}

/// The kinds of item, with the fields of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ItemKind {
    /// `t:Item`: none of the others.
    #[default]
    Item,
    /// `t:Message`: mail, and everything else whose class begins with `IPM.Note`.
    Message(Box<Message>),
    /// `t:SharingMessage`: an offer to share a folder, with the fields of a message.
    SharingMessage(Box<Message>),
    /// `t:CalendarItem`.
    CalendarItem(Box<CalendarItem>),
    /// `t:Contact`.
    Contact(Box<Contact>),
    /// `t:DistributionList`: a personal one.
    DistributionList(Box<DistributionList>),
    /// `t:MeetingMessage`: about a meeting, but none of the three below.
    MeetingMessage(Box<MeetingMessage>),
    /// `t:MeetingRequest`.
    MeetingRequest(Box<MeetingRequest>),
    /// `t:MeetingResponse`.
    MeetingResponse(Box<MeetingResponse>),
    /// `t:MeetingCancellation`.
    MeetingCancellation(Box<MeetingCancellation>),
    /// `t:Task`.
    Task(Box<Task>),
    /// `t:PostItem`.
    PostItem(Box<PostItem>),
    /// A response object in `CreateItem`: `t:AcceptItem`, `t:ReplyToItem` and so on.
    ResponseObject(ResponseObjectKind, Box<ResponseObject>),
    /// A kind this version does not know, by its element's name. Common fields were read all the same.
    Unknown(String),
}

impl ItemKind {
    /// An empty item of the kind that stands in the element `name`.
    pub fn from_element(name: &str) -> Self {
        match name {
            "Item" => Self::Item,
            "Message" => Self::Message(Box::default()),
            "SharingMessage" => Self::SharingMessage(Box::default()),
            "CalendarItem" => Self::CalendarItem(Box::default()),
            "Contact" => Self::Contact(Box::default()),
            "DistributionList" => Self::DistributionList(Box::default()),
            "MeetingMessage" => Self::MeetingMessage(Box::default()),
            "MeetingRequest" => Self::MeetingRequest(Box::default()),
            "MeetingResponse" => Self::MeetingResponse(Box::default()),
            "MeetingCancellation" => Self::MeetingCancellation(Box::default()),
            "Task" => Self::Task(Box::default()),
            "PostItem" => Self::PostItem(Box::default()),
            _ => match ResponseObjectKind::from(name) {
                ResponseObjectKind::Other(name) => Self::Unknown(name),
                kind => Self::ResponseObject(kind, Box::default()),
            },
        }
    }

    /// An empty item of the kind that Exchange uses for the item class (`IPM.Note.Microsoft.Voicemail.UM` is a message).
    pub fn from_item_class(class: &str) -> Self {
        let is = |prefix: &str| {
            class.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
                && matches!(class.as_bytes().get(prefix.len()), None | Some(b'.'))
        };
        Self::from_element(match class {
            _ if is("IPM.Note") => "Message",
            _ if is("IPM.Schedule.Meeting.Request") => "MeetingRequest",
            _ if is("IPM.Schedule.Meeting.Canceled") => "MeetingCancellation",
            _ if is("IPM.Schedule.Meeting.Resp") => "MeetingResponse",
            _ if is("IPM.Schedule.Meeting") => "MeetingMessage",
            _ if is("IPM.Appointment") => "CalendarItem",
            _ if is("IPM.Contact") => "Contact",
            _ if is("IPM.DistList") => "DistributionList",
            _ if is("IPM.Task") => "Task",
            _ if is("IPM.Post") => "PostItem",
            _ => "Item",
        })
    }

    /// The element's name.
    pub fn element(&self) -> &str {
        match self {
            Self::Item => "Item",
            Self::Message(_) => "Message",
            Self::SharingMessage(_) => "SharingMessage",
            Self::CalendarItem(_) => "CalendarItem",
            Self::Contact(_) => "Contact",
            Self::DistributionList(_) => "DistributionList",
            Self::MeetingMessage(_) => "MeetingMessage",
            Self::MeetingRequest(_) => "MeetingRequest",
            Self::MeetingResponse(_) => "MeetingResponse",
            Self::MeetingCancellation(_) => "MeetingCancellation",
            Self::Task(_) => "Task",
            Self::PostItem(_) => "PostItem",
            Self::ResponseObject(kind, _) => kind.as_str(),
            Self::Unknown(name) => name,
        }
    }

    fn read_child(&mut self, r: &mut Reader<'_>, child: &Start<'_>) -> Result<bool, Error> {
        match self {
            Self::Item | Self::Unknown(_) => Ok(false),
            Self::Message(fields) | Self::SharingMessage(fields) => fields.read_child(r, child),
            Self::CalendarItem(fields) => fields.read_child(r, child),
            Self::Contact(fields) => fields.read_child(r, child),
            Self::DistributionList(fields) => fields.read_child(r, child),
            Self::MeetingMessage(fields) => fields.read_child(r, child),
            Self::MeetingRequest(fields) => fields.read_child(r, child),
            Self::MeetingResponse(fields) => fields.read_child(r, child),
            Self::MeetingCancellation(fields) => fields.read_child(r, child),
            Self::Task(fields) => fields.read_child(r, child),
            Self::PostItem(fields) => fields.read_child(r, child),
            Self::ResponseObject(_, fields) => fields.read_child(r, child),
        }
    }

    fn write_children(&self, w: &mut Writer) {
        match self {
            Self::Item | Self::Unknown(_) => {}
            Self::Message(fields) | Self::SharingMessage(fields) => fields.write_children(w),
            Self::CalendarItem(fields) => fields.write_children(w),
            Self::Contact(fields) => fields.write_children(w),
            Self::DistributionList(fields) => fields.write_children(w),
            Self::MeetingMessage(fields) => fields.write_children(w),
            Self::MeetingRequest(fields) => fields.write_children(w),
            Self::MeetingResponse(fields) => fields.write_children(w),
            Self::MeetingCancellation(fields) => fields.write_children(w),
            Self::Task(fields) => fields.write_children(w),
            Self::PostItem(fields) => fields.write_children(w),
            Self::ResponseObject(_, fields) => fields.write_children(w),
        }
    }
}

impl Item {
    /// An item of a kind, otherwise empty.
    pub fn new(kind: ItemKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// A message, otherwise empty.
    pub fn from_message(message: Message) -> Self {
        Self::new(ItemKind::Message(Box::new(message)))
    }

    /// The fields of a message, if the kind has them; meeting messages do.
    pub fn message(&self) -> Option<&Message> {
        match &self.kind {
            ItemKind::Message(message) | ItemKind::SharingMessage(message) => Some(message),
            ItemKind::MeetingMessage(meeting) => Some(&meeting.message),
            ItemKind::MeetingRequest(request) => Some(&request.meeting.message),
            ItemKind::MeetingResponse(response) => Some(&response.meeting.message),
            ItemKind::MeetingCancellation(cancellation) => Some(&cancellation.meeting.message),
            _ => None,
        }
    }

    /// The fields of a message, to be changed.
    pub fn message_mut(&mut self) -> Option<&mut Message> {
        match &mut self.kind {
            ItemKind::Message(message) | ItemKind::SharingMessage(message) => Some(message),
            ItemKind::MeetingMessage(meeting) => Some(&mut meeting.message),
            ItemKind::MeetingRequest(request) => Some(&mut request.meeting.message),
            ItemKind::MeetingResponse(response) => Some(&mut response.meeting.message),
            ItemKind::MeetingCancellation(cancellation) => Some(&mut cancellation.meeting.message),
            _ => None,
        }
    }

    /// The extended property that `uri` addresses, whatever the form of address.
    pub fn extended_property(&self, uri: &crate::ExtendedFieldUri) -> Option<&ExtendedProperty> {
        let key = uri.key()?;
        self.extended_properties
            .iter()
            .find(|property| property.extended_field_uri.key().as_ref() == Some(&key))
    }
}

impl Choice for Item {
    /// Takes any element: what has no kind of its own becomes [`ItemKind::Unknown`].
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        let name = element.local();
        if !is_name(name) {
            return Ok(None);
        }
        let mut item = Self::new(ItemKind::from_element(name));
        r.charge(size_of::<Self>())?;
        while let Some(child) = r.child(element)? {
            // Response objects write Subject, Body and recipients in an order of their own.
            let own_order = matches!(item.kind, ItemKind::ResponseObject(..));
            let taken = if own_order {
                item.kind.read_child(r, &child)?
            } else {
                item.read_child(r, &child)? || item.kind.read_child(r, &child)?
            };
            if !taken {
                r.skip(&child)?;
            }
        }
        Ok(Some(item))
    }

    fn write_choice(&self, w: &mut Writer) {
        // A name somebody made up must not become markup.
        let name = self.kind.element();
        let name = if is_name(name) { name } else { "Item" }.as_bytes();
        w.start(Ns::Types, name);
        if let ItemKind::ResponseObject(_, fields) = &self.kind {
            fields.write_children(w);
        } else {
            self.write_children(w);
            self.kind.write_children(w);
        }
        w.end(Ns::Types, name);
    }
}

impl ChoiceField for Option<Box<Item>> {
    fn offer(&mut self, r: &mut Reader<'_>, element: &Start<'_>) -> Result<bool, Error> {
        let read = Item::read_choice(r, element)?;
        let taken = read.is_some();
        if let Some(item) = read {
            *self = Some(Box::new(item));
        }
        Ok(taken)
    }
    fn write_choices(&self, w: &mut Writer) {
        if let Some(item) = self {
            item.write_choice(w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_classes_choose_the_kind() {
        for (class, element) in [
            ("IPM.Note", "Message"),
            ("IPM.Note.Microsoft.Voicemail.UM.CA", "Message"),
            ("ipm.note.Microsoft.Missed.Voice", "Message"),
            ("IPM.NoteTaking", "Item"),
            ("IPM.Appointment", "CalendarItem"),
            ("IPM.Schedule.Meeting.Resp.Pos", "MeetingResponse"),
            ("IPM.Schedule.Meeting.Notification.Forward", "MeetingMessage"),
            ("IPM.StickyNote", "Item"),
            ("", "Item"),
        ] {
            assert_eq!(ItemKind::from_item_class(class).element(), element, "{class}");
        }
    }
}
