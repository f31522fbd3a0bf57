//! A client of the lab for its tests: one request, one answer, nothing hidden.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tieline_lab::{Fault, FaultKind, Lab, LabConfig, PASSWORD, Settings};
use tieline_proto_ews::{
    ConnectingSid, DistinguishedFolderName, ExchangeVersion, Item, ItemBody, ItemId, Limits, Message,
    Operation, Reply, RequestHeader, ResponseMessages, SearchExpression, decode_response, encode_request,
    operations::{CreateItem, FindItem, GetItem, ItemInfo, ItemQueryTraversal, MessageDisposition},
};

/// A lab in a directory of its own, and alice's client.
pub(crate) struct Bench {
    pub(crate) lab: Lab,
    pub(crate) dir: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(settle: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = LabConfig::new(dir.path());
        settle(&mut config.settings);
        let lab = Lab::start(config).await.expect("a lab");
        Self { lab, dir, http: client() }
    }

    /// Stops the lab and starts another one on the same state.
    pub(crate) async fn restart(self) -> Self {
        self.lab.shutdown().await;
        let lab = Lab::start(LabConfig::new(self.dir.path())).await.expect("a lab");
        Self { lab, dir: self.dir, http: self.http }
    }

    pub(crate) fn post(&self, user: &str, document: Vec<u8>) -> RequestBuilder {
        let request = self.http.post(self.lab.ews_url()).basic_auth(user, Some(PASSWORD));
        request.header("Content-Type", "text/xml; charset=utf-8").body(document)
    }

    pub(crate) async fn send<O: Operation>(&self, user: &str, operation: &O) -> reqwest::Result<Response> {
        self.post(user, encode_request(&header(), operation)).send().await
    }

    /// The reply to an operation of alice's.
    pub(crate) async fn reply<O: Operation>(&self, operation: &O) -> Reply<O::Response> {
        let response = self.send("alice", operation).await.expect("an answer");
        reply_of::<O>(&response.bytes().await.expect("a whole answer"))
    }

    /// The response to an operation of alice's that must not fail as a whole.
    pub(crate) async fn ok<O: Operation>(&self, operation: &O) -> O::Response {
        self.reply(operation).await.body.expect("no fault")
    }

    /// Saves a message to alice's inbox.
    pub(crate) async fn save(&self, subject: &str) -> ItemId {
        first_id(&self.ok(&message(subject)).await)
    }

    /// How many items of alice's inbox match.
    pub(crate) async fn count(&self, restriction: Option<SearchExpression>) -> usize {
        let response = self.ok(&find(restriction)).await;
        let found = response.first().expect("a message").ok().expect("success");
        found.root_folder.as_ref().expect("a listing").items().count()
    }

    /// Reads alice's item.
    pub(crate) async fn get(&self, request: &GetItem) -> Item {
        let response = self.ok(request).await;
        let info = response.first().expect("a message").ok().expect("success");
        info.items.first().expect("an item").clone()
    }

    pub(crate) fn fault(&self, kind: FaultKind, operation: &str) {
        self.lab.faults().add(Fault::once(kind, operation));
    }

    pub(crate) fn control(&self, path: &str) -> String {
        format!("{}/{path}", self.lab.ready().control)
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.http.get(self.control(path)).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap_or(json!(null))
    }
}

pub(crate) fn client() -> reqwest::Client {
    // The first test of a process wins; the others find it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

pub(crate) fn header() -> RequestHeader {
    RequestHeader::new(ExchangeVersion::Exchange2016)
}

pub(crate) fn acting_as(address: &str) -> RequestHeader {
    header().impersonating(ConnectingSid::PrimarySmtpAddress(address.to_owned()))
}

pub(crate) fn reply_of<O: Operation>(document: &[u8]) -> Reply<O::Response> {
    decode_response::<O>(document, &Limits::DEFAULT).expect("a readable answer")
}

/// A message for the inbox.
pub(crate) fn message(subject: &str) -> CreateItem {
    let mut item = Item::from_message(Message::default());
    item.subject = Some(subject.to_owned());
    item.body = Some(ItemBody::text("text"));
    CreateItem {
        message_disposition: Some(MessageDisposition::SaveOnly),
        saved_item_folder_id: Some(DistinguishedFolderName::Inbox.into()),
        items: vec![item],
        ..CreateItem::default()
    }
}

/// A listing of the inbox.
pub(crate) fn find(restriction: Option<SearchExpression>) -> FindItem {
    FindItem {
        traversal: ItemQueryTraversal::Shallow,
        restriction: restriction.map(Into::into),
        parent_folder_ids: vec![DistinguishedFolderName::Inbox.into()],
        ..FindItem::default()
    }
}

pub(crate) fn first_id(response: &ResponseMessages<ItemInfo>) -> ItemId {
    let info = response.first().expect("a message").ok().expect("success");
    info.items.first().and_then(|item| item.item_id.clone()).expect("an id")
}
