//! What became of delivered messages, as the lab's Exchange tells it.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use tieline_connectors::ews::{EwsOptions, Exchange};
use tieline_lab::{Fault, FaultKind};
use tieline_model::{Class, MailboxId};
use tieline_ports::{
    Change, ChangePage, FolderRef, HintStream, MailSystem, MailTarget, OutgoingMessage, PortError, RemoteItem,
};
use tieline_proto_ews::operations::Disposal;
use tieline_proto_ews::{
    DistinguishedFolderName, DistinguishedPropertySet, ExtendedFieldUri, ExtendedProperty, Item,
    MapiPropertyType, Message,
};

use crate::lab::Lab;
use crate::world::{brisk, exchange, soon, voice_message};

const LONG: Duration = Duration::from_secs(20);

async fn inbox(exchange: &Exchange, target: &MailTarget) -> FolderRef {
    exchange.ensure_folder(target, &"inbox".parse().unwrap()).await.unwrap()
}

async fn deposit(
    exchange: &Exchange,
    target: &MailTarget,
    folder: &FolderRef,
) -> (OutgoingMessage, RemoteItem) {
    let message = voice_message();
    let item = exchange.create(target, folder, &message, soon()).await.unwrap();
    (message, item)
}

/// All changes since a cursor.
async fn all(
    exchange: &Exchange,
    target: &MailTarget,
    folder: &FolderRef,
    cursor: Option<String>,
) -> ChangePage {
    let mut whole = ChangePage { changes: Vec::new(), cursor: cursor.unwrap_or_default(), complete: false };
    while !whole.complete {
        let cursor = Some(whole.cursor.as_str()).filter(|cursor| !cursor.is_empty());
        let page = exchange.changes(target, folder, cursor).await.unwrap();
        whole.changes.extend(page.changes);
        (whole.cursor, whole.complete) = (page.cursor, page.complete);
    }
    whole
}

/// Covers: AV-10
#[tokio::test]
async fn what_a_person_does_comes_back_as_changes() {
    let lab = Lab::start().await;
    let (exchange, alice, person) = (exchange(brisk()), lab.target("alice"), lab.person("alice"));
    let folder = inbox(&exchange, &alice).await;
    let (message, item) = deposit(&exchange, &alice, &folder).await;
    let first = all(&exchange, &alice, &folder, None).await;
    assert_eq!(first.changes, [Change::Present { key: message.key, item: item.clone() }]);

    person.mark_read(&item.item, true).await;
    let read = all(&exchange, &alice, &folder, Some(first.cursor.clone())).await;
    assert_eq!(read.changes, [Change::ReadFlag { item: item.item.clone(), read: true }]);

    person.delete(&item.item, Disposal::MoveToDeletedItems).await;
    let gone = all(&exchange, &alice, &folder, Some(read.cursor)).await;
    assert_eq!(gone.changes, [Change::Gone { item: item.item.clone() }]);
    let nothing = all(&exchange, &alice, &folder, Some(gone.cursor)).await;
    assert_eq!(nothing.changes, []);

    // An older cursor still leads to the same present.
    let again = all(&exchange, &alice, &folder, Some(first.cursor)).await;
    assert!(again.changes.contains(&Change::Gone { item: item.item }), "{again:?}");
    let bin = person.folder(DistinguishedFolderName::DeletedItems).await;
    let deleted = all(&exchange, &alice, &bin, None).await;
    let [Change::Present { key, item }] = deleted.changes.as_slice() else { panic!("{deleted:?}") };
    assert!(*key == message.key && item.deleted);
}

/// Covers: AV-88
#[tokio::test]
async fn messages_born_in_exchange_are_not_reported_whatever_class_they_claim() {
    let lab = Lab::start().await;
    let (exchange, alice, person) = (exchange(brisk()), lab.target("alice"), lab.person("alice"));
    let folder = inbox(&exchange, &alice).await;
    let forged = ExtendedFieldUri::name(
        DistinguishedPropertySet::PublicStrings,
        "TielineDeliveryId",
        MapiPropertyType::String,
    );
    for (class, properties) in [
        ("IPM.Note", Vec::new()),
        ("IPM.Note.Microsoft.Voicemail.UM.CA", Vec::new()),
        (
            "IPM.Note.Microsoft.Voicemail.UM.CA",
            vec![ExtendedProperty::new(forged, "dk_1; drop table message")],
        ),
    ] {
        let item = Item {
            item_class: Some(class.to_owned()),
            subject: Some("Voice message from nobody".to_owned()),
            extended_properties: properties,
            ..Item::from_message(Message::default())
        };
        person.write(&folder, item).await;
    }
    assert_eq!(all(&exchange, &alice, &folder, None).await.changes, []);
}

#[tokio::test]
async fn many_changes_come_in_pages_each_with_a_cursor_of_its_own() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions { page: 2, ..brisk() });
    let alice = lab.target("alice");
    let folder = inbox(&exchange, &alice).await;
    let mut keys = HashSet::new();
    for _ in 0..5 {
        keys.insert(deposit(&exchange, &alice, &folder).await.0.key);
    }
    let page = exchange.changes(&alice, &folder, None).await.unwrap();
    assert_eq!((page.changes.len(), page.complete), (2, false));
    let rest = all(&exchange, &alice, &folder, Some(page.cursor.clone())).await;
    assert_eq!(rest.changes.len(), 3);
    // The same cursor gives the same page: a crash between reading and committing loses nothing.
    assert_eq!(all(&exchange, &alice, &folder, Some(page.cursor)).await.changes, rest.changes);
    let seen = page.changes.iter().chain(&rest.changes).filter_map(|change| match change {
        Change::Present { key, .. } => Some(*key),
        _ => None,
    });
    assert_eq!(seen.collect::<HashSet<_>>(), keys);
}

#[tokio::test]
async fn an_expired_cursor_and_a_missing_folder_are_told_apart() {
    let lab = Lab::start().await;
    let (exchange, alice, person) = (exchange(brisk()), lab.target("alice"), lab.person("alice"));
    let folder = exchange.ensure_folder(&alice, &"inbox/Voice".parse().unwrap()).await.unwrap();
    let page = exchange.changes(&alice, &folder, None).await.unwrap();
    lab.fault(Fault::once(FaultKind::ExpiredSyncState, "SyncFolderItems"));
    let error = exchange.changes(&alice, &folder, Some(&page.cursor)).await.unwrap_err();
    assert_eq!(error, PortError::CursorExpired);
    let error = exchange.changes(&alice, &folder, Some("garbage")).await.unwrap_err();
    assert_eq!(error, PortError::CursorExpired);
    person.delete_folder(&folder, Disposal::HardDelete).await;
    let error = exchange.changes(&alice, &folder, Some(&page.cursor)).await.unwrap_err();
    assert_eq!(error, PortError::NotFound);
}

#[tokio::test]
async fn a_listing_of_folders_that_leaves_some_out_is_not_believed() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = inbox(&exchange, &alice).await;
    let (message, _) = deposit(&exchange, &alice, &folder).await;
    for kind in [FaultKind::EmptyListing, FaultKind::TruncatedListing { keep: 1 }] {
        lab.fault(Fault::once(kind.clone(), "FindFolder"));
        let error = exchange.locate(&alice, &[message.key]).await.unwrap_err();
        assert_eq!(
            (error.refusal().code.as_str(), error.class()),
            ("answer-incomplete", Class::Transient),
            "{kind:?}"
        );
    }
    assert_eq!(exchange.locate(&alice, &[message.key]).await.unwrap()[0].items.len(), 1);
}

#[tokio::test]
async fn one_empty_answer_does_not_make_an_item_disappear() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = inbox(&exchange, &alice).await;
    let (message, item) = deposit(&exchange, &alice, &folder).await;
    lab.fault(Fault::once(FaultKind::EmptyListing, "FindItem"));
    assert_eq!(exchange.locate(&alice, &[message.key]).await.unwrap()[0].items, [item]);
}

#[tokio::test]
async fn illegal_characters_in_an_answer_do_not_lose_the_others() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = inbox(&exchange, &alice).await;
    for _ in 0..3 {
        deposit(&exchange, &alice, &folder).await;
    }
    lab.fault(Fault::once(FaultKind::IllegalCharacters, "SyncFolderItems"));
    assert_eq!(exchange.changes(&alice, &folder, None).await.unwrap().changes.len(), 3);
}

async fn hint(stream: &mut HintStream) -> MailboxId {
    tokio::time::timeout(LONG, stream.next()).await.expect("a hint in time").unwrap().mailbox
}

fn watching() -> EwsOptions {
    let mut options = EwsOptions { patience: Duration::from_secs(5), ..brisk() };
    options.watch.first_pause = Duration::from_millis(20);
    options.watch.coalesce = Duration::from_millis(50);
    options
}

/// Waits for hints until there is one for `mailbox`.
async fn hint_for(stream: &mut HintStream, mailbox: MailboxId) {
    while hint(stream).await != mailbox {}
}

/// Waits until a stream of notifications is open.
async fn streaming(lab: &Lab, count: usize) {
    let waiting = async {
        while lab.arrivals("GetStreamingEvents").len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Its subscriptions are attached a moment after its arrival.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::time::timeout(LONG, waiting).await.expect("a stream in time");
}

#[tokio::test]
async fn a_person_reading_a_message_is_a_hint_for_her_mailbox_only() {
    let lab = Lab::start().await;
    let exchange = exchange(watching());
    let (alice, bob) = (lab.target("alice"), lab.target("bob"));
    let folder = inbox(&exchange, &alice).await;
    let (_, item) = deposit(&exchange, &alice, &folder).await;
    let mut stream = exchange.watch(vec![alice.clone(), bob.clone()]);
    let first = HashSet::from([hint(&mut stream).await, hint(&mut stream).await]);
    assert_eq!(first, HashSet::from([alice.mailbox, bob.mailbox]));
    streaming(&lab, 1).await;
    lab.person("alice").mark_read(&item.item, true).await;
    assert_eq!(hint(&mut stream).await, alice.mailbox);
}

#[tokio::test]
async fn a_cut_stream_is_mended_and_hints_go_on() {
    let lab = Lab::start().await;
    let exchange = exchange(watching());
    let alice = lab.target("alice");
    let folder = inbox(&exchange, &alice).await;
    let (_, item) = deposit(&exchange, &alice, &folder).await;
    let mut stream = exchange.watch(vec![alice.clone()]);
    hint_for(&mut stream, alice.mailbox).await;
    streaming(&lab, 1).await;
    lab.fault(Fault { kind: FaultKind::DropStream, user: None, operation: None, count: Some(1), after: 0 });
    hint_for(&mut stream, alice.mailbox).await;
    streaming(&lab, 2).await;
    lab.person("alice").mark_read(&item.item, true).await;
    hint_for(&mut stream, alice.mailbox).await;
}

#[tokio::test]
async fn a_lost_subscription_is_made_again() {
    let lab = Lab::start().await;
    let exchange = exchange(watching());
    let alice = lab.target("alice");
    lab.fault(Fault::once(FaultKind::LostSubscription, "GetStreamingEvents"));
    let mut stream = exchange.watch(vec![alice.clone()]);
    hint_for(&mut stream, alice.mailbox).await;
    streaming(&lab, 2).await;
    assert_eq!(lab.arrivals("Subscribe").len(), 2);
    hint_for(&mut stream, alice.mailbox).await;
}
