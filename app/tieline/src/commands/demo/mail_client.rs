//! A mail client of the demo: reads and marks alice's messages over EWS with her own password.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use tieline_model::{Refusal, SmtpAddress};
use tieline_proto_ews::operations::{
    ConflictResolution, FindItem, GetItem, IndexBasePoint, IndexedPageView, ItemChange,
    ItemChangeDescription, ItemView, MessageDisposition, UpdateItem,
};
use tieline_proto_ews::{
    BaseItemId, BaseShape, DistinguishedFolderName, ExchangeVersion, ExtendedFieldUri, FieldUri, Item,
    ItemId, ItemShape, Limits, MapiPropertyType, Message, Operation, PropertyPath, RequestHeader,
    ResponseMessages, decode_response, encode_request,
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
        let find = FindItem {
            item_shape: ItemShape::ids_and([FieldUri::ITEM_SUBJECT.into()]),
            view: Some(ItemView::Indexed(IndexedPageView {
                max_entries_returned: Some(50),
                offset: 0,
                base_point: IndexBasePoint::Beginning,
            })),
            parent_folder_ids: vec![DistinguishedFolderName::Inbox.into()],
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

    /// Marks an item as read, as opening it does.
    pub(super) async fn open(&self, item: &ItemId) -> Result<(), Refusal> {
        let read = Item::from_message(Message { is_read: Some(true), ..Message::default() });
        let change = ItemChangeDescription::set(FieldUri::MESSAGE_IS_READ, read);
        let update = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            message_disposition: Some(MessageDisposition::SaveOnly),
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
