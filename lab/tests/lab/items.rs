//! Items over EWS: what survives a restart, what a move changes, what a deposit looks like.

use tieline_proto_ews::AttachmentId;
use tieline_proto_ews::{
    Attachment, BaseShape, DistinguishedFolderName, ExtendedFieldUri, ExtendedProperty, FieldUri,
    FileAttachment, Item, ItemShape, MapiPropertyType, PropertyPath, ResponseCode, SearchExpression,
    operations::{
        CreateItem, DeleteItem, Disposal, GetAttachment, GetItem, MoveItem, SyncFolderItems,
        SyncFolderItemsChange,
    },
};

use crate::client::{Bench, find, first_id, message};

const VOICE: &str = "IPM.Note.Microsoft.Voicemail.UM.CA";

fn all() -> ItemShape {
    ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() }
}

fn read(id: &tieline_proto_ews::ItemId, shape: ItemShape) -> GetItem {
    GetItem { item_shape: shape, item_ids: vec![id.clone().into()] }
}

/// A voice message as a depositor makes it: flags by tag, so that it is no draft.
fn voice() -> CreateItem {
    let mut request = message("Voice mail");
    let item = request.items.first_mut().expect("an item");
    item.item_class = Some(VOICE.to_owned());
    let tag = |tag, kind, value: &str| ExtendedProperty::new(ExtendedFieldUri::tag(tag, kind), value);
    item.extended_properties = vec![
        tag(0x0e07, MapiPropertyType::Integer, "0"),
        tag(0x6801, MapiPropertyType::Integer, "12"),
        tag(0x0e06, MapiPropertyType::SystemTime, "2026-01-02T03:04:05Z"),
    ];
    item.attachments =
        vec![Attachment::File(FileAttachment::new("voice.wav", "audio/wav", b"RIFF".to_vec()))];
    request
}

fn parts(item: &Item) -> Vec<&AttachmentId> {
    item.attachments.iter().filter_map(|attachment| attachment.fields().attachment_id.as_ref()).collect()
}

#[tokio::test]
async fn a_deposit_is_unread_received_and_no_draft() {
    let bench = Bench::start().await;
    let id = first_id(&bench.ok(&voice()).await);
    let uri = ExtendedFieldUri::tag(0x6801, MapiPropertyType::Integer);
    let shape = ItemShape { additional_properties: vec![uri.clone().into()], ..all() };
    let item = bench.get(&read(&id, shape)).await;
    assert_eq!(item.item_class.as_deref(), Some(VOICE));
    assert_eq!(item.is_draft, Some(false));
    assert_eq!(item.message().expect("a message").is_read, Some(false));
    assert_eq!(item.has_attachments, Some(true));
    let received = item.date_time_received.expect("a time").timestamp().expect("an instant");
    assert_eq!(received.to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(item.extended_property(&uri).and_then(|found| found.value.as_deref()), Some("12"));
    let voicemail = SearchExpression::has_prefix(FieldUri::ITEM_CLASS, "IPM.Note.Microsoft.Voicemail");
    assert_eq!(bench.count(Some(voicemail.clone())).await, 1);
    assert_eq!(bench.count(Some(voicemail.negated())).await, 0);
}

#[tokio::test]
async fn ids_and_change_keys_survive_a_restart() {
    let bench = Bench::start().await;
    let id = first_id(&bench.ok(&voice()).await);
    let before = bench.get(&read(&id, all())).await;
    let bench = bench.restart().await;
    let after = bench.get(&read(&id, all())).await;
    assert_eq!(before, after);
    assert_eq!(after.item_id, Some(id.clone()));
    let newer = bench.save("later").await;
    assert_ne!(newer.id, id.id, "numbers are not used again");
}

#[tokio::test]
async fn a_move_gives_new_ids_and_voids_the_old_ones() {
    let bench = Bench::start().await;
    let id = first_id(&bench.ok(&voice()).await);
    let before = bench.get(&read(&id, all())).await;
    let to_trash = MoveItem {
        to_folder_id: DistinguishedFolderName::DeletedItems.into(),
        item_ids: vec![id.clone().into()],
        return_new_item_ids: Some(true),
    };
    let moved = first_id(&bench.ok(&to_trash).await);
    assert_ne!(moved.id, id.id);
    let gone = bench.ok(&read(&id, all())).await;
    assert_eq!(gone.first().expect("a message").code, ResponseCode::ErrorItemNotFound);
    let after = bench.get(&read(&moved, all())).await;
    assert_ne!(parts(&before), parts(&after), "attachment ids change too");
    let old =
        GetAttachment { attachment_ids: parts(&before).into_iter().cloned().collect(), ..Default::default() };
    assert_eq!(bench.ok(&old).await.first().expect("a message").code, ResponseCode::ErrorInvalidAttachmentId);
    let new =
        GetAttachment { attachment_ids: parts(&after).into_iter().cloned().collect(), ..Default::default() };
    let response = bench.ok(&new).await;
    let info = response.first().expect("a message").ok().expect("success");
    let Some(Attachment::File(file)) = info.attachments.first() else { panic!("no file") };
    assert_eq!(file.content.as_ref().map(AsRef::as_ref), Some(&b"RIFF"[..]));
}

#[tokio::test]
async fn ids_are_compared_byte_by_byte() {
    let bench = Bench::start().await;
    let id = bench.save("one").await;
    let mut swapped: Vec<char> = id.id.chars().collect();
    let last = swapped.iter().rposition(|c| c.is_ascii_alphabetic()).expect("a letter");
    let letter = swapped[last];
    swapped[last] =
        if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
    let other = tieline_proto_ews::ItemId::new(swapped.into_iter().collect::<String>());
    let code = bench.ok(&read(&other, all())).await.first().expect("a message").code.clone();
    assert!(
        [ResponseCode::ErrorItemNotFound, ResponseCode::ErrorInvalidIdMalformed].contains(&code),
        "a neighbour in case only is another item: {code}"
    );
    let dummy = read(&tieline_proto_ews::ItemId::new("DUMMY"), all());
    assert_eq!(
        bench.ok(&dummy).await.first().expect("a message").code,
        ResponseCode::ErrorInvalidIdMalformed
    );
}

#[tokio::test]
async fn a_batch_answers_entry_by_entry() {
    let bench = Bench::start().await;
    let (one, two) = (bench.save("one").await, bench.save("two").await);
    let delete = |id: &tieline_proto_ews::ItemId| DeleteItem {
        delete_type: Some(Disposal::HardDelete),
        item_ids: vec![id.clone().into()],
        ..DeleteItem::default()
    };
    bench.ok(&delete(&one)).await;
    let both = GetItem { item_ids: vec![one.into(), two.into()], ..GetItem::default() };
    let codes: Vec<_> = bench.ok(&both).await.messages.iter().map(|message| message.code.clone()).collect();
    assert_eq!(codes, [ResponseCode::ErrorItemNotFound, ResponseCode::NoError]);
}

#[tokio::test]
async fn summaries_leave_out_bodies_and_cut_long_text() {
    let bench = Bench::start().await;
    bench.save(&"x".repeat(400)).await;
    let mut request = find(None);
    request.item_shape.additional_properties =
        [FieldUri::ITEM_SUBJECT, FieldUri::ITEM_BODY].map(PropertyPath::from).to_vec();
    let response = bench.ok(&request).await;
    let listing = response.first().expect("a message").ok().expect("success");
    let item = listing.root_folder.as_ref().expect("a listing").items().next().expect("an item");
    assert_eq!(item.subject.as_ref().map(String::len), Some(255));
    assert_eq!(item.body, None);
}

#[tokio::test]
async fn a_listing_is_cut_at_the_servers_limit() {
    let bench = Bench::with(|settings| settings.find_limit = 2).await;
    for subject in ["a", "b", "c"] {
        bench.save(subject).await;
    }
    let response = bench.ok(&find(None)).await;
    let root = response.first().expect("a message").payload.root_folder.as_ref().expect("a listing");
    assert_eq!((root.items().count(), root.total_items_in_view), (2, Some(3)));
    assert_eq!((root.includes_last_item_in_range, root.indexed_paging_offset), (Some(false), Some(2)));
}

#[tokio::test]
async fn synchronisation_tells_each_change_once() {
    let bench = Bench::start().await;
    let ids = [bench.save("one").await, bench.save("two").await, bench.save("three").await];
    let mut state = None;
    let mut told = Vec::new();
    loop {
        let request = SyncFolderItems {
            sync_folder_id: DistinguishedFolderName::Inbox.into(),
            sync_state: state.clone(),
            max_changes_returned: 2,
            ..SyncFolderItems::default()
        };
        let response = bench.ok(&request).await;
        let page = response.first().expect("a message").ok().expect("success");
        state.clone_from(&page.sync_state);
        for change in &page.changes {
            let SyncFolderItemsChange::Create(created) = change else { panic!("{change:?}") };
            told.push(created.item.as_ref().and_then(|item| item.item_id.clone()).expect("an id"));
        }
        if page.includes_last_item_in_range == Some(true) {
            break;
        }
    }
    told.reverse();
    assert_eq!(told, ids, "newest first");
    let bench = bench.restart().await;
    let quiet = SyncFolderItems {
        sync_folder_id: DistinguishedFolderName::Inbox.into(),
        sync_state: state,
        max_changes_returned: 512,
        ..SyncFolderItems::default()
    };
    let response = bench.ok(&quiet).await;
    assert!(response.first().expect("a message").ok().expect("the state survives").changes.is_empty());
}

#[tokio::test]
async fn the_server_touches_new_items_when_told_to() {
    let bench =
        Bench::with(|settings| settings.touch_after_create = Some(std::time::Duration::from_millis(1))).await;
    let id = bench.save("one").await;
    loop {
        let now = bench.get(&read(&id, ItemShape::default())).await.item_id.expect("an id");
        assert_eq!(now.id, id.id);
        if now.change_key != id.change_key {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
