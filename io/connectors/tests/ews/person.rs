//! A person at a mail client: signs in as herself and does what people do. Speaks EWS on her own, so that a mistake
//! of the connector's mapping does not cancel itself out.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use tieline_ports::{FolderRef, ItemRef};
use tieline_proto_ews::operations::{
    ConflictResolution, CreateFolder, CreateItem, DeleteFolder, DeleteItem, Disposal, GetAttachment,
    GetFolder, GetItem, ItemChange, ItemChangeDescription, MessageDisposition, MoveItem, UpdateFolder,
    UpdateItem,
};
use tieline_proto_ews::{
    Attachment, BaseFolderId, BaseShape, DistinguishedFolderName, ExchangeVersion, FieldUri, Folder,
    FolderId, Item, ItemId, ItemShape, Limits, Message, Operation, PropertyPath, RequestHeader,
    ResponseClass, ResponseMessages, decode_response, encode_request,
};
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, Trust};

use crate::world::PASSWORD;

const LONG: Duration = Duration::from_secs(20);

pub(crate) struct Person {
    client: Client,
}

impl Person {
    pub(crate) fn new(server: SocketAddr, alias: &str) -> Self {
        let endpoint = Endpoint::parse(&format!("http://{server}/EWS/Exchange.asmx")).unwrap();
        let credentials = Credentials::basic(format!("{alias}@lab.example"), PASSWORD);
        let client = Client::new(endpoint, credentials, &Trust::Platform, ClientOptions::default()).unwrap();
        Self { client }
    }

    async fn send<O, P>(&self, operation: &O) -> P
    where
        O: Operation<Response = ResponseMessages<P>>,
        P: std::fmt::Debug,
    {
        let body = encode_request(&RequestHeader::new(ExchangeVersion::Exchange2013Sp1), operation);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/EWS/Exchange.asmx")
            .header("content-type", "text/xml; charset=utf-8")
            .body(Bytes::from(body))
            .unwrap();
        let response = self.client.send(request, LONG).await.unwrap();
        let body = response.collect(64 << 20, LONG).await.unwrap();
        let reply = decode_response::<O>(&body, &Limits::DEFAULT).unwrap();
        let message = reply.body.unwrap().messages.pop().unwrap();
        assert_eq!(message.class, ResponseClass::Success, "{}: {message:?}", O::REQUEST);
        message.payload
    }

    /// Everything a client may ask about an item.
    pub(crate) async fn open(&self, item: &ItemRef, more: Vec<PropertyPath>) -> Item {
        let item_shape = ItemShape {
            base_shape: BaseShape::AllProperties,
            additional_properties: more,
            ..ItemShape::default()
        };
        let request = GetItem { item_shape, item_ids: vec![ItemId::new(&item.0).into()] };
        self.send(&request).await.items.remove(0)
    }

    pub(crate) async fn attachment(&self, item: &Item) -> Attachment {
        let id = item.attachments[0].fields().attachment_id.clone().unwrap();
        let request = GetAttachment { attachment_ids: vec![id], ..GetAttachment::default() };
        self.send(&request).await.attachments.remove(0)
    }

    pub(crate) async fn folder(&self, name: DistinguishedFolderName) -> FolderRef {
        let request = GetFolder { folder_ids: vec![name.into()], ..GetFolder::default() };
        let folder = self.send(&request).await.folders.remove(0);
        FolderRef(folder.folder_id.unwrap().id)
    }

    pub(crate) async fn make_folder(&self, parent: impl Into<BaseFolderId>, name: &str) -> FolderRef {
        let folders = vec![Folder::named(name, "IPF.Note")];
        let request = CreateFolder { parent_folder_id: parent.into().into(), folders };
        let folder = self.send(&request).await.folders.remove(0);
        FolderRef(folder.folder_id.unwrap().id)
    }

    pub(crate) async fn rename_folder(&self, folder: &FolderRef, name: &str) {
        use tieline_proto_ews::operations::{FolderChange, FolderChangeDescription, SetFolderField};
        let new = Folder { display_name: Some(name.to_owned()), ..Folder::default() };
        let path = Some(FieldUri::FOLDER_DISPLAY_NAME.into());
        let update = FolderChangeDescription::Set(SetFolderField { path, folder: Some(new) });
        let change = FolderChange { folder_id: Some(FolderId::new(&folder.0).into()), updates: vec![update] };
        self.send(&UpdateFolder { folder_changes: vec![change] }).await;
    }

    pub(crate) async fn delete_folder(&self, folder: &FolderRef, how: Disposal) {
        self.send(&DeleteFolder {
            delete_type: Some(how),
            folder_ids: vec![FolderId::new(&folder.0).into()],
        })
        .await;
    }

    pub(crate) async fn mark_read(&self, item: &ItemRef, read: bool) {
        let value = Item::from_message(Message { is_read: Some(read), ..Message::default() });
        let update = ItemChangeDescription::set(FieldUri::MESSAGE_IS_READ, value);
        let request = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            message_disposition: Some(MessageDisposition::SaveOnly),
            item_changes: vec![ItemChange {
                item_id: Some(ItemId::new(&item.0).into()),
                updates: vec![update],
            }],
            ..UpdateItem::default()
        };
        self.send(&request).await;
    }

    pub(crate) async fn move_to(&self, item: &ItemRef, folder: &FolderRef) {
        let request = MoveItem {
            to_folder_id: FolderId::new(&folder.0).into(),
            item_ids: vec![ItemId::new(&item.0).into()],
            ..MoveItem::default()
        };
        self.send(&request).await;
    }

    pub(crate) async fn delete(&self, item: &ItemRef, how: Disposal) {
        let item_ids = vec![ItemId::new(&item.0).into()];
        self.send(&DeleteItem { delete_type: Some(how), item_ids, ..DeleteItem::default() }).await;
    }

    /// A message of her own, with whatever she puts on it.
    pub(crate) async fn write(&self, folder: &FolderRef, item: Item) -> ItemRef {
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SaveOnly),
            saved_item_folder_id: Some(FolderId::new(&folder.0).into()),
            items: vec![item],
            ..CreateItem::default()
        };
        let created = self.send(&request).await.items.remove(0);
        ItemRef(created.item_id.unwrap().id)
    }
}
