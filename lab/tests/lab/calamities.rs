//! What befalls a mailbox as a whole, or the server: a move, a restored database, a restart.

use reqwest::StatusCode;
use serde_json::json;
use tieline_lab::{Fault, FaultKind};
use tieline_proto_ews::{
    BaseShape, DistinguishedFolderName, ItemId, ItemShape, ResponseCode,
    operations::{
        ConnectionStatus, DeleteItem, Disposal, EventType, GetItem, StreamingSubscription, Subscribe,
        Subscription, SyncFolderItems, SyncFolderItemsChange, SyncFolderItemsMessage,
    },
};

use crate::client::{Bench, message};
use crate::streams::Stream;

fn get(id: &ItemId) -> GetItem {
    let item_shape = ItemShape { base_shape: BaseShape::Default, ..ItemShape::default() };
    GetItem { item_shape, item_ids: vec![id.clone().into()] }
}

async fn code_of(bench: &Bench, id: &ItemId) -> ResponseCode {
    bench.ok(&get(id)).await.first().expect("a message").code.clone()
}

async fn sync(bench: &Bench, state: Option<&str>) -> Result<SyncFolderItemsMessage, ResponseCode> {
    let request = SyncFolderItems {
        item_shape: ItemShape::default(),
        sync_folder_id: DistinguishedFolderName::Inbox.into(),
        sync_state: state.map(str::to_owned),
        max_changes_returned: 100,
        ..SyncFolderItems::default()
    };
    let message = bench.ok(&request).await.messages.remove(0);
    match message.code {
        ResponseCode::NoError => Ok(message.payload),
        code => Err(code),
    }
}

async fn delete(bench: &Bench, id: &ItemId) {
    let request = DeleteItem {
        delete_type: Some(Disposal::HardDelete),
        item_ids: vec![id.clone().into()],
        ..DeleteItem::default()
    };
    assert_eq!(bench.ok(&request).await.first().expect("a message").code, ResponseCode::NoError);
}

async fn subscribe(bench: &Bench) -> String {
    let streaming = StreamingSubscription {
        folder_ids: vec![DistinguishedFolderName::Inbox.into()],
        event_types: vec![EventType::CreatedEvent],
        ..StreamingSubscription::default()
    };
    let response = bench.ok(&Subscribe { subscription: Some(Subscription::Streaming(streaming)) }).await;
    response.messages.into_iter().next().and_then(|message| message.payload.subscription_id).expect("an id")
}

#[tokio::test]
async fn a_moved_mailbox_is_on_another_server_under_other_ids_with_all_that_it_had() {
    let bench = Bench::start().await;
    let before = bench.save("kept").await;
    let state = sync(&bench, None).await.expect("a listing").sync_state.expect("a state");
    let mut stream = Stream::open(&bench, &subscribe(&bench).await).await;
    stream.payload().await;

    bench.fault(FaultKind::MailboxMove, "GetItem");
    assert_eq!(code_of(&bench, &before).await, ResponseCode::ErrorMailboxMoveInProgress);
    let last = stream.next().await.expect("a whole connection").expect("an envelope");
    assert_eq!(last.code, ResponseCode::ErrorMailboxMoveInProgress);
    assert_eq!(last.payload.connection_status, Some(ConnectionStatus::Closed));

    assert_eq!(code_of(&bench, &before).await, ResponseCode::ErrorItemNotFound);
    assert_eq!(sync(&bench, Some(&state)).await.expect_err("void"), ResponseCode::ErrorInvalidSyncStateData);
    let listed = sync(&bench, None).await.expect("a listing");
    let [SyncFolderItemsChange::Create(created)] = listed.changes.as_slice() else { panic!("{listed:?}") };
    let item = created.item.as_ref().expect("an item");
    let id = item.item_id.clone().expect("an id");
    assert_ne!(id.id, before.id);
    assert_eq!(bench.get(&get(&id)).await.subject.as_deref(), Some("kept"));
    let response = bench.send("alice", &get(&id)).await.expect("an answer");
    assert_eq!(response.headers()["x-beserver"], "LAB-BE2");
}

#[tokio::test]
async fn a_mailbox_that_goes_back_refuses_what_was_learnt_since() {
    let bench = Bench::start().await;
    let (changed, deleted) = (bench.save("first").await, bench.save("deleted later").await);
    let early = sync(&bench, None).await.expect("a listing").sync_state.expect("a state");
    let fault = json!({"fault": "roll-back", "user": "alice@lab.example", "operation": "SyncFolderItems", "after": 1,
                       "count": 1});
    let armed = bench.http.post(bench.control("faults")).json(&fault).send().await.expect("an answer");
    assert_eq!(armed.status(), StatusCode::CREATED);
    delete(&bench, &deleted).await;
    let late = bench.save("after the backup").await;
    let state = sync(&bench, Some(&early)).await.expect("changes").sync_state.expect("a state");

    assert_eq!(
        sync(&bench, Some(&state)).await.expect_err("future"),
        ResponseCode::ErrorInvalidSyncStateData
    );
    assert_eq!(code_of(&bench, &late).await, ResponseCode::ErrorItemNotFound);
    assert_eq!(code_of(&bench, &deleted).await, ResponseCode::NoError);
    assert_eq!(code_of(&bench, &changed).await, ResponseCode::NoError);
    assert!(sync(&bench, Some(&early)).await.expect("a state of before").changes.is_empty());
    bench.save("life goes on").await;
    assert_eq!(sync(&bench, Some(&early)).await.expect("changes").changes.len(), 1);
}

#[tokio::test]
async fn a_state_of_the_future_may_be_taken_without_a_word() {
    let bench = Bench::start().await;
    let kind = FaultKind::RollBack { accept_states: true };
    let fault = Fault { user: Some("alice@lab.example".to_owned()), ..Fault::once(kind, "FindItem") };
    bench.lab.arm(fault).await.expect("armed");
    bench.save("lost").await;
    let state = sync(&bench, None).await.expect("a listing").sync_state.expect("a state");
    assert_eq!(bench.count(None).await, 0, "the restored mailbox is empty");
    assert!(sync(&bench, Some(&state)).await.expect("accepted").changes.is_empty(), "and nobody says so");
}

#[tokio::test]
async fn a_roll_back_must_name_its_mailbox() {
    let bench = Bench::start().await;
    let fault = json!({"fault": "roll-back", "operation": "FindItem"});
    let refused = bench.http.post(bench.control("faults")).json(&fault).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.text().await.expect("a text").contains("names the mailbox"));
}

#[tokio::test]
async fn a_restart_closes_every_connection_and_forgets_subscriptions() {
    let bench = Bench::start().await;
    let subscription = subscribe(&bench).await;
    let mut stream = Stream::open(&bench, &subscription).await;
    stream.payload().await;
    bench.fault(FaultKind::Restart, "CreateItem");
    assert!(bench.send("alice", &message("not saved")).await.is_err());
    assert!(stream.next().await.is_err(), "cut");
    assert_eq!(bench.count(None).await, 0, "nothing happened, and it answers again");
    let mut again = Stream::open(&bench, &subscription).await;
    let refused = again.next().await.expect("a whole connection").expect("an envelope");
    assert_eq!(refused.code, ResponseCode::ErrorSubscriptionNotFound);
}

#[tokio::test]
async fn ews_sends_a_client_elsewhere() {
    let bench = Bench::start().await;
    bench.fault(
        FaultKind::HttpRedirect { to: "https://127.0.0.1:1/EWS/Exchange.asmx".to_owned() },
        "CreateItem",
    );
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let bench = Bench { http, ..bench };
    let response = bench.send("alice", &message("elsewhere")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], "https://127.0.0.1:1/EWS/Exchange.asmx");
    assert_eq!(bench.count(None).await, 0);
}
