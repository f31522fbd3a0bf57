//! A mail client of the demo: reads and marks alice's messages over EWS with her own password.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;
use tieline_model::{Refusal, SmtpAddress};
use tieline_proto_ews::operations::{
    CalendarItemCreateOrDelete, CalendarItemUpdate, ConflictResolution, CreateItem, DeleteItem, Disposal,
    FindItem, GetItem, IndexBasePoint, IndexedPageView, ItemChange, ItemChangeDescription, ItemView,
    MessageDisposition, UpdateItem,
};
use tieline_proto_ews::{
    Attendee, BaseItemId, BaseShape, CalendarItem, DistinguishedFolderName, EmailAddress, ExchangeVersion,
    ExtendedFieldUri, FieldUri, Item, ItemBody, ItemId, ItemKind, ItemShape, Limits, MapiPropertyType,
    Message, Operation, PropertyPath, RequestHeader, ResponseMessages, ResponseType, decode_response,
    encode_request,
};
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, Trust};

use super::site::failed;

/// PidTagVoiceMessageDuration, [MS-OXOUM] section 2.2.5.3.
pub(super) fn duration_property() -> ExtendedFieldUri {
    ExtendedFieldUri::tag(0x6801, MapiPropertyType::Integer)
}

/// PidTagSenderTelephoneNumber, [MS-OXOUM] section 2.2.5.1.
pub(super) fn caller_property() -> ExtendedFieldUri {
    ExtendedFieldUri::tag(0x6802, MapiPropertyType::String)
}

fn voice() -> Vec<PropertyPath> {
    vec![duration_property().into(), caller_property().into()]
}

/// A meeting as somebody writes it down.
pub(super) struct Appointment<'a> {
    pub(super) subject: &'a str,
    pub(super) location: &'a str,
    pub(super) body: &'a str,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

fn calendar(fields: CalendarItem) -> Item {
    Item::new(ItemKind::CalendarItem(Box::new(fields)))
}

/// One user's connection to the lab.
pub(super) struct MailClient {
    client: Client,
}

const WITHIN: Duration = Duration::from_secs(10);
const REPORT: &str = "report this line";

impl MailClient {
    pub(super) fn new(url: &str, user: &SmtpAddress, password: &str) -> Result<Self, Refusal> {
        let endpoint = Endpoint::parse(url).map_err(|error| failed(error, REPORT))?;
        let credentials = Credentials::basic(user.to_string(), password);
        let client = Client::new(endpoint, credentials, &Trust::Platform, ClientOptions::default())
            .map_err(|error| failed(error, REPORT))?;
        Ok(Self { client })
    }

    /// The items in the Inbox, newest first, with their properties and attachments.
    pub(super) async fn inbox(&self) -> Result<Vec<Item>, Refusal> {
        self.folder(DistinguishedFolderName::Inbox).await
    }

    /// The items in a folder, with their properties and attachments.
    pub(super) async fn folder(&self, folder: DistinguishedFolderName) -> Result<Vec<Item>, Refusal> {
        let find = FindItem {
            item_shape: ItemShape::ids_and([FieldUri::ITEM_SUBJECT.into()]),
            view: Some(ItemView::Indexed(IndexedPageView {
                max_entries_returned: Some(50),
                offset: 0,
                base_point: IndexBasePoint::Beginning,
            })),
            parent_folder_ids: vec![folder.into()],
            ..FindItem::default()
        };
        let found = self.call(&find).await?;
        let ids: Vec<BaseItemId> = found
            .iter()
            .filter_map(|message| message.root_folder.as_ref())
            .flat_map(|page| page.items())
            .filter_map(|item| item.item_id.clone())
            .map(BaseItemId::from)
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let item_shape = ItemShape {
            base_shape: BaseShape::AllProperties,
            additional_properties: voice(),
            ..ItemShape::default()
        };
        let items = self.call(&GetItem { item_shape, item_ids: ids }).await?;
        Ok(items.into_iter().flat_map(|message| message.items).collect())
    }

    /// Puts a meeting into the calendar and invites one attendee.
    pub(super) async fn invite(
        &self,
        appointment: &Appointment<'_>,
        attendee: &str,
    ) -> Result<Item, Refusal> {
        let attendee = Attendee { mailbox: EmailAddress::named(attendee, attendee), ..Attendee::default() };
        let fields = CalendarItem {
            start: Some(appointment.start.into()),
            end: Some(appointment.end.into()),
            location: Some(appointment.location.to_owned()),
            required_attendees: vec![attendee],
            ..CalendarItem::default()
        };
        let item = Item {
            subject: Some(appointment.subject.to_owned()),
            body: Some(ItemBody::text(appointment.body)),
            ..Item::new(ItemKind::CalendarItem(Box::new(fields)))
        };
        let create = CreateItem {
            send_meeting_invitations: Some(CalendarItemCreateOrDelete::SendToAllAndSaveCopy),
            items: vec![item],
            ..CreateItem::default()
        };
        let made = self.call(&create).await?.into_iter().flat_map(|message| message.items).next();
        made.ok_or_else(|| failed("the lab made no meeting", REPORT))
    }

    /// Changes a meeting's text and end, and tells who is invited.
    pub(super) async fn change(&self, meeting: &Item, body: &str, end: Timestamp) -> Result<(), Refusal> {
        let text = Item { body: Some(ItemBody::text(body)), ..calendar(CalendarItem::default()) };
        let ends = calendar(CalendarItem { end: Some(end.into()), ..CalendarItem::default() });
        let updates = vec![
            ItemChangeDescription::set(FieldUri::ITEM_BODY, text),
            ItemChangeDescription::set(FieldUri::CALENDAR_END, ends),
        ];
        let item_id = meeting.item_id.clone().map(BaseItemId::from);
        let update = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToAllAndSaveCopy),
            item_changes: vec![ItemChange { item_id, updates }],
            ..UpdateItem::default()
        };
        self.call(&update).await.map(|_| ())
    }

    /// The answers to a meeting, newest first: accepted or not, and the text.
    pub(super) async fn answers(&self, subject: &str) -> Result<Vec<(bool, String)>, Refusal> {
        let items = self.inbox().await?;
        let answer = |item: Item| {
            let about = item.subject.as_deref().is_some_and(|text| text.ends_with(subject));
            let text = item.body.map(|body| body.text).unwrap_or_default();
            match item.kind {
                ItemKind::MeetingResponse(response) if about => {
                    Some((response.meeting.response_type == Some(ResponseType::Accept), text))
                }
                _ => None,
            }
        };
        Ok(items.into_iter().filter_map(answer).collect())
    }

    /// Marks an item as read, as opening it does.
    pub(super) async fn open(&self, item: &ItemId) -> Result<(), Refusal> {
        let read = Item::from_message(Message { is_read: Some(true), ..Message::default() });
        self.set(item, FieldUri::MESSAGE_IS_READ, read).await
    }

    /// Makes an item; nobody is invited.
    pub(super) async fn create(
        &self,
        folder: DistinguishedFolderName,
        item: Item,
    ) -> Result<ItemId, Refusal> {
        let create = CreateItem {
            send_meeting_invitations: Some(CalendarItemCreateOrDelete::SendToNone),
            saved_item_folder_id: Some(folder.into()),
            items: vec![item],
            ..CreateItem::default()
        };
        let made = self.call(&create).await?.into_iter().flat_map(|message| message.items);
        let id = made.filter_map(|item| item.item_id).next();
        id.ok_or_else(|| failed("the item that was made has no id", REPORT))
    }

    /// Puts an item among the deleted ones.
    pub(super) async fn delete(&self, item: &ItemId) -> Result<(), Refusal> {
        let delete = DeleteItem {
            delete_type: Some(Disposal::MoveToDeletedItems),
            send_meeting_cancellations: Some(CalendarItemCreateOrDelete::SendToNone),
            item_ids: vec![item.clone().into()],
            ..DeleteItem::default()
        };
        self.call(&delete).await.map(|_| ())
    }

    /// Sets one property of an item.
    pub(super) async fn set(
        &self,
        item: &ItemId,
        path: impl Into<PropertyPath>,
        value: Item,
    ) -> Result<(), Refusal> {
        let change = ItemChangeDescription::set(path, value);
        let update = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            message_disposition: Some(MessageDisposition::SaveOnly),
            send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToNone),
            item_changes: vec![ItemChange { item_id: Some(item.clone().into()), updates: vec![change] }],
            ..UpdateItem::default()
        };
        self.call(&update).await.map(|_| ())
    }

    async fn call<O, P>(&self, operation: &O) -> Result<Vec<P>, Refusal>
    where
        O: Operation<Response = ResponseMessages<P>>,
    {
        let body = encode_request(&RequestHeader::new(ExchangeVersion::Exchange2013Sp1), operation);
        let request = Request::post(self.client.endpoint().path())
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
            .body(Bytes::from(body))
            .map_err(|error| failed(error, REPORT))?;
        let response = self.client.send(request, WITHIN).await.map_err(|error| failed(error, REPORT))?;
        let body = response.collect(32 << 20, WITHIN).await.map_err(|error| failed(error, REPORT))?;
        let reply = decode_response::<O>(&body, &Limits::default()).map_err(|error| failed(error, REPORT))?;
        let response = reply.body.map_err(|fault| failed(format!("the lab answered {fault:?}"), REPORT))?;
        response
            .messages
            .into_iter()
            .map(|message| match message.ok() {
                Ok(_) => Ok(message.payload),
                Err(refused) => {
                    Err(failed(format!("the lab answered {:?}", refused.effective_code()), REPORT))
                }
            })
            .collect()
    }
}
