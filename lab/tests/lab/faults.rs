//! Every fault shows itself as it says, to the request it is meant for, and then is over.

use std::time::Duration;

use reqwest::StatusCode;
use tieline_lab::{Fault, FaultKind};
use tieline_proto_ews::{
    BaseShape, DistinguishedFolderName, FieldUri, ItemShape, Limits, PropertyPath, ResponseCode,
    SearchExpression, decode_response,
    operations::{CreateItem, FindItem, GetItem, SyncFolderItems},
};

use crate::client::{Bench, find, message};

fn titled(subject: &str) -> Option<SearchExpression> {
    Some(SearchExpression::equals(FieldUri::ITEM_SUBJECT, subject))
}

#[tokio::test]
async fn busy_servers_show_every_shape_and_do_nothing() {
    let bench = Bench::start().await;
    bench.fault(FaultKind::Http503 { retry_after_s: Some(7) }, "CreateItem");
    let response = bench.send("alice", &message("no")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "7");

    bench.fault(FaultKind::ServerBusy { back_off_ms: 250 }, "CreateItem");
    let fault = bench.reply(&message("no")).await.body.expect_err("a fault");
    assert_eq!(fault.code(), ResponseCode::ErrorServerBusy);
    assert_eq!(fault.xml.back_off(), Some(Duration::from_millis(250)));

    bench.fault(FaultKind::ConnectionCount, "CreateItem");
    let fault = bench.reply(&message("no")).await.body.expect_err("a fault");
    assert_eq!(fault.code(), ResponseCode::ErrorExceededConnectionCount);

    bench.fault(FaultKind::MessageBusy { back_off_ms: 100 }, "CreateItem");
    let response = bench.ok(&message("no")).await;
    let refused = response.first().expect("a message");
    assert_eq!(refused.code, ResponseCode::ErrorServerBusy);
    assert_eq!(refused.xml.back_off(), Some(Duration::from_millis(100)));

    bench.fault(FaultKind::InnerBusy { back_off_ms: 100 }, "CreateItem");
    let response = bench.ok(&message("no")).await;
    let refused = response.first().expect("a message");
    assert_eq!(refused.code, ResponseCode::ErrorInternalServerError);
    assert_eq!(refused.effective_code(), ResponseCode::ErrorServerBusy);

    bench.fault(FaultKind::Error { code: "ErrorMailboxStoreUnavailable".to_owned() }, "CreateItem");
    let response = bench.ok(&message("no")).await;
    assert_eq!(response.first().expect("a message").code, ResponseCode::ErrorMailboxStoreUnavailable);

    bench.fault(FaultKind::Unauthorized, "CreateItem");
    let response = bench.send("alice", &message("no")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    assert_eq!(bench.count(None).await, 0, "nothing happened");
    bench.save("yes").await;
    assert_eq!(bench.count(None).await, 1, "and all of it is over");
}

#[tokio::test]
async fn a_lost_response_leaves_its_effect_and_a_lost_request_none() {
    let bench = Bench::start().await;
    bench.fault(FaultKind::LostResponse, "CreateItem");
    assert!(bench.send("alice", &message("answer lost")).await.is_err());
    bench.fault(FaultKind::LostRequest, "CreateItem");
    assert!(bench.send("alice", &message("request lost")).await.is_err());
    assert_eq!(bench.count(titled("answer lost")).await, 1);
    assert_eq!(bench.count(titled("request lost")).await, 0);
    let records = bench.lab.journal().records();
    let lost =
        records.iter().find(|record| record.fault.as_deref() == Some("lost-response")).expect("a record");
    assert_eq!(lost.status, None);
}

#[tokio::test]
async fn a_late_effect_happens_after_its_delay_and_once() {
    let bench = Bench::start().await;
    let delay_ms = 300;
    bench.fault(FaultKind::LateEffect { delay_ms }, "CreateItem");
    assert!(bench.send("alice", &message("late")).await.is_err());
    let asked_ms = bench.lab.journal().records().last().expect("a record").at_ms;
    while bench.count(titled("late")).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bench.count(titled("late")).await, 1);
    let mut request = find(titled("late"));
    request.item_shape.additional_properties = vec![FieldUri::ITEM_DATE_TIME_CREATED.into()];
    let response = bench.ok(&request).await;
    let listing = response.first().expect("a message").ok().expect("success");
    let item = listing.root_folder.as_ref().expect("a listing").items().next().expect("an item");
    let created = item.date_time_created.as_ref().and_then(|time| time.timestamp()).expect("a time");
    // EWS times are whole seconds, rounded down.
    assert!(created.as_millisecond() + 999 >= asked_ms + 300, "{created} after {asked_ms}");
}

#[tokio::test]
async fn a_slow_answer_is_late_and_the_journal_says_why() {
    let bench = Bench::start().await;
    bench.fault(FaultKind::Slow { delay_ms: 60 }, "FindItem");
    bench.count(None).await;
    let records = bench.lab.journal().records();
    let slow = records.iter().find(|record| record.fault.as_deref() == Some("slow")).expect("a record");
    assert!(slow.injected_us >= 60_000, "{slow:?}");
    assert!(slow.service_us >= slow.injected_us);
}

#[tokio::test]
async fn listings_lie_on_request() {
    let bench = Bench::start().await;
    for subject in ["a", "b", "c"] {
        bench.save(subject).await;
    }
    bench.fault(FaultKind::EmptyListing, "FindItem");
    assert_eq!(bench.count(None).await, 0);
    bench.fault(FaultKind::TruncatedListing { keep: 2 }, "FindItem");
    assert_eq!(bench.count(None).await, 2);
    assert_eq!(bench.count(None).await, 3);
    let sync = SyncFolderItems {
        sync_folder_id: DistinguishedFolderName::Inbox.into(),
        max_changes_returned: 512,
        ..SyncFolderItems::default()
    };
    bench.fault(FaultKind::EmptyListing, "SyncFolderItems");
    let response = bench.ok(&sync).await;
    let empty = response.first().expect("a message").ok().expect("success");
    assert_eq!((empty.changes.len(), empty.includes_last_item_in_range), (0, Some(true)));
    bench.fault(FaultKind::ExpiredSyncState, "SyncFolderItems");
    let again = SyncFolderItems { sync_state: empty.sync_state.clone(), ..sync };
    let response = bench.ok(&again).await;
    assert_eq!(response.first().expect("a message").code, ResponseCode::ErrorInvalidSyncStateData);
}

#[tokio::test]
async fn documents_are_cut_or_illegal_on_request() {
    let bench = Bench::start().await;
    let id = bench.save("bell").await;
    bench.fault(FaultKind::TruncatedBody, "FindItem");
    let response = bench.send("alice", &find(None)).await.expect("an answer");
    let document = response.bytes().await.expect("a body of the length it claims");
    assert!(decode_response::<FindItem>(&document, &Limits::DEFAULT).is_err());

    bench.fault(FaultKind::IllegalCharacters, "GetItem");
    let shape = ItemShape {
        base_shape: BaseShape::IdOnly,
        additional_properties: vec![PropertyPath::from(FieldUri::ITEM_SUBJECT)],
        ..ItemShape::default()
    };
    let request = GetItem { item_shape: shape, item_ids: vec![id.into()] };
    let response = bench.send("alice", &request).await.expect("an answer");
    assert!(response.text().await.expect("text").contains("bell&#x1F;</t:Subject>"));
}

#[tokio::test]
async fn faults_keep_to_their_mailbox_also_behind_impersonation() {
    let bench = Bench::start().await;
    bench.lab.faults().add(Fault {
        user: Some("bob@lab.example".to_owned()),
        ..Fault::once(FaultKind::ServerBusy { back_off_ms: 1 }, "CreateItem")
    });
    bench.save("alice is served").await;
    let as_bob =
        tieline_proto_ews::encode_request(&crate::client::acting_as("bob@lab.example"), &message("busy"));
    let busy = bench.post("svc-tieline", as_bob).send().await.expect("an answer");
    let reply = crate::client::reply_of::<CreateItem>(&busy.bytes().await.expect("a body"));
    assert_eq!(reply.body.expect_err("a fault").code(), ResponseCode::ErrorServerBusy);
}
