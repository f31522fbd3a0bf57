//! The crate `ews` (Thunderbird's) as the lab's client, at Exchange2013_SP1: all of its operations, in the words of its types.
//! It takes no element that it does not know and no response code that it has no name for, so what it reads is what
//! Exchange says.

use base64::{Engine, engine::general_purpose::STANDARD};
use ews::{
    BaseFolderId, BaseItemId, BasePoint, BaseShape, Body, BodyType, CopyMoveFolderData, CopyMoveItemData,
    DeleteType, Folder, FolderShape, ItemShape, Mailbox, Message, MessageDisposition, MimeContent, Operation,
    OperationResponse, PathToElement, RealItem, Recipient, ResponseClass, View,
    copy_folder::CopyFolder,
    copy_item::CopyItem,
    create_folder::CreateFolder,
    create_item::CreateItem,
    delete_folder::DeleteFolder,
    delete_item::DeleteItem,
    empty_folder::EmptyFolder,
    find_item::{FindItem, Traversal},
    get_folder::GetFolder,
    get_item::GetItem,
    mark_all_read::MarkAllItemsAsRead,
    mark_as_junk::MarkAsJunk,
    move_folder::MoveFolder,
    move_item::MoveItem,
    response::ResponseCode,
    server_version::ExchangeServerVersion,
    soap::{Envelope, Header},
    sync_folder_hierarchy::{Change as FolderChangeSeen, SyncFolderHierarchy},
    sync_folder_items::{Change, SyncFolderItems},
    update_folder::{FolderChange, FolderChanges, UpdateFolder, Updates as FolderUpdates},
    update_item::{ItemChange, ItemChangeDescription, ItemChangeInner, UpdateItem, Updates},
};

use super::client::Bench;

type MessageOf<O> = <<O as Operation>::Response as OperationResponse>::Message;

/// What the lab answers to one operation of alice's.
async fn ask<O: Operation>(bench: &Bench, operation: O) -> Vec<ResponseClass<MessageOf<O>>> {
    let version = Header::RequestServerVersion { version: ExchangeServerVersion::Exchange2013_SP1 };
    let envelope = Envelope { headers: vec![version], body: operation };
    let document = envelope.as_xml_document().expect("a request");
    let answer = bench.post("alice", document).send().await.expect("an answer");
    let answer = answer.bytes().await.expect("a whole answer");
    let told = || String::from_utf8_lossy(&answer).into_owned();
    let envelope: Envelope<O::Response> =
        Envelope::from_xml_document(&answer).unwrap_or_else(|error| panic!("{error}: {}", told()));
    envelope.body.into_response_messages()
}

/// The one success that it answers.
async fn done<O: Operation>(bench: &Bench, operation: O) -> MessageOf<O>
where
    MessageOf<O>: std::fmt::Debug,
{
    match ask(bench, operation).await.into_iter().next() {
        Some(ResponseClass::Success(message) | ResponseClass::Warning(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn named(id: &str) -> BaseFolderId {
    BaseFolderId::new_distinguished(id)
}

fn item(id: &ews::ItemId) -> BaseItemId {
    BaseItemId::ItemId { id: id.id.clone(), change_key: id.change_key.clone() }
}

fn message(subject: &str) -> Message {
    let alice = Mailbox { email_address: Some("alice@lab.example".to_owned()), ..Mailbox::default() };
    let body = Body { body_type: BodyType::Text, is_truncated: None, content: Some("hello".to_owned()) };
    Message {
        subject: Some(subject.to_owned()),
        body: Some(body),
        to_recipients: Some(ews::ArrayOfRecipients(vec![Recipient { mailbox: alice }])),
        ..Message::default()
    }
}

async fn save(bench: &Bench, subject: &str) -> ews::ItemId {
    let request = CreateItem {
        message_disposition: Some(MessageDisposition::SaveOnly),
        saved_item_folder_id: Some(named("inbox")),
        items: vec![RealItem::Message(message(subject))],
    };
    first_id(done(bench, request).await.items)
}

fn first_id(items: ews::Items) -> ews::ItemId {
    let item = items.inner.into_iter().next().expect("an item");
    item.into_inner_message().item_id.expect("an id")
}

async fn read(bench: &Bench, id: &ews::ItemId) -> Message {
    let shape = ItemShape {
        base_shape: BaseShape::AllProperties,
        include_mime_content: Some(true),
        ..ItemShape::default()
    };
    let found = done(bench, GetItem { item_shape: shape, item_ids: vec![item(id)] }).await;
    found.items.inner.into_iter().next().expect("an item").into_inner_message()
}

fn folder_id(folder: Folder) -> ews::FolderId {
    let (Folder::Folder { folder_id, .. }
    | Folder::CalendarFolder { folder_id, .. }
    | Folder::ContactsFolder { folder_id, .. }
    | Folder::SearchFolder { folder_id, .. }
    | Folder::TasksFolder { folder_id, .. }) = folder;
    folder_id.expect("an id")
}

fn folder(id: &ews::FolderId) -> BaseFolderId {
    BaseFolderId::FolderId { id: id.id.clone(), change_key: id.change_key.clone() }
}

fn plain_folder(name: &str) -> Folder {
    Folder::Folder {
        folder_id: None,
        parent_folder_id: None,
        folder_class: None,
        display_name: Some(name.to_owned()),
        total_count: None,
        child_folder_count: None,
        extended_property: None,
        unread_count: None,
    }
}

async fn make_folder(bench: &Bench, name: &str) -> ews::FolderId {
    let request = CreateFolder { parent_folder_id: named("inbox"), folders: vec![plain_folder(name)] };
    let made = done(bench, request).await;
    folder_id(made.folders.inner.into_iter().next().expect("a folder"))
}

async fn subjects(bench: &Bench, parent: BaseFolderId) -> Vec<String> {
    let view = View::IndexedPageItemView {
        max_entries_returned: Some(50),
        base_point: BasePoint::Beginning,
        offset: 0,
    };
    let request = FindItem {
        traversal: Traversal::Shallow,
        item_shape: ItemShape::default(),
        view: Some(view),
        parent_folder_ids: vec![parent],
    };
    let found = done(bench, request).await.root_folder;
    assert_eq!(found.includes_last_item_in_range, Some(true));
    assert_eq!(found.total_items_in_view, Some(found.items.inner.len()));
    let mut subjects: Vec<_> =
        found.items.inner.into_iter().filter_map(|item| item.into_inner_message().subject).collect();
    subjects.sort();
    subjects
}

#[tokio::test]
async fn items_are_made_found_read_changed_and_moved() {
    let bench = Bench::start().await;
    let id = save(&bench, "First").await;
    let found = read(&bench, &id).await;
    assert_eq!(found.subject.as_deref(), Some("First"));
    assert_eq!(found.body.and_then(|body| body.content).as_deref(), Some("hello"));
    assert!(found.mime_content.is_some_and(|mime| !mime.content.is_empty()));

    let change = ItemChangeDescription::SetItemField {
        field_uri: PathToElement::FieldURI { field_URI: "message:IsRead".to_owned() },
        message: Message { is_read: Some(true), ..Message::default() },
    };
    let request = UpdateItem {
        message_disposition: MessageDisposition::SaveOnly,
        conflict_resolution: None,
        item_changes: vec![ItemChange {
            item_change: ItemChangeInner { item_id: item(&id), updates: Updates { inner: vec![change] } },
        }],
    };
    let id = first_id(done(&bench, request).await.items);
    assert_eq!(read(&bench, &id).await.is_read, Some(true));

    let target = make_folder(&bench, "Target").await;
    let inner = |id: &ews::ItemId| CopyMoveItemData {
        to_folder_id: folder(&target),
        item_ids: vec![item(id)],
        return_new_item_ids: Some(true),
    };
    let copy = first_id(done(&bench, CopyItem { inner: inner(&id) }).await.items);
    let moved = first_id(done(&bench, MoveItem { inner: inner(&id) }).await.items);
    assert_ne!(copy.id, moved.id);
    assert_eq!(subjects(&bench, folder(&target)).await, ["First", "First"]);
    assert_eq!(subjects(&bench, named("inbox")).await, Vec::<String>::new());

    let request = DeleteItem {
        delete_type: DeleteType::HardDelete,
        send_meeting_cancellations: None,
        affected_task_occurrences: None,
        suppress_read_receipts: None,
        item_ids: vec![item(&copy)],
    };
    done(&bench, request).await;
    assert_eq!(subjects(&bench, folder(&target)).await, ["First"]);
    let gone = GetItem { item_shape: ItemShape::default(), item_ids: vec![item(&copy)] };
    match ask(&bench, gone).await.as_slice() {
        [ResponseClass::Error(error)] => assert_eq!(error.response_code, ResponseCode::ErrorItemNotFound),
        other => panic!("{other:?}"),
    }
    let junk =
        done(&bench, MarkAsJunk { is_junk: true, move_item: true, item_ids: vec![item(&moved)] }).await;
    assert!(!junk.moved_item_id.id.is_empty());
    assert_eq!(subjects(&bench, named("junkemail")).await, ["First"]);
}

#[tokio::test]
async fn folders_are_made_renamed_moved_emptied_and_deleted() {
    let bench = Bench::start().await;
    let (one, two) = (make_folder(&bench, "One").await, make_folder(&bench, "Two").await);
    let change = FolderUpdates::SetFolderField {
        field_URI: PathToElement::FieldURI { field_URI: "folder:DisplayName".to_owned() },
        folder: plain_folder("Renamed"),
    };
    let request = UpdateFolder {
        folder_changes: FolderChanges {
            folder_change: FolderChange { folder_id: folder(&one), updates: change },
        },
    };
    done(&bench, request).await;
    let request = |id: BaseFolderId| GetFolder {
        folder_shape: FolderShape { base_shape: BaseShape::AllProperties },
        folder_ids: vec![id],
    };
    let name = |folder: Folder| match folder {
        Folder::Folder { display_name, .. } => display_name.unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    let found = done(&bench, request(folder(&one))).await.folders.inner.into_iter().next();
    assert_eq!(found.map(name).as_deref(), Some("Renamed"));
    for special in ["calendar", "contacts", "tasks", "inbox", "msgfolderroot"] {
        done(&bench, request(named(special))).await;
    }
    let into =
        |id: &ews::FolderId| CopyMoveFolderData { to_folder_id: folder(&two), folder_ids: vec![folder(id)] };
    let copy = done(&bench, CopyFolder { inner: into(&one) }).await.folders.inner.into_iter().next();
    let copy = folder_id(copy.expect("a folder"));
    let request_delete = |id: &ews::FolderId| DeleteFolder {
        delete_type: DeleteType::HardDelete,
        folder_ids: vec![folder(id)],
    };
    done(&bench, request_delete(&copy)).await;
    done(&bench, MoveFolder { inner: into(&one) }).await;

    let id = save(&bench, "Unread").await;
    let request = MarkAllItemsAsRead {
        read_flag: true,
        suppress_read_receipts: true,
        folder_ids: vec![named("inbox")],
    };
    done(&bench, request).await;
    assert_eq!(read(&bench, &id).await.is_read, Some(true));
    let request = EmptyFolder {
        delete_type: DeleteType::HardDelete,
        delete_sub_folders: true,
        folder_ids: vec![named("inbox")],
    };
    done(&bench, request).await;
    assert_eq!(subjects(&bench, named("inbox")).await, Vec::<String>::new());
    match ask(&bench, request_delete(&two)).await.as_slice() {
        [ResponseClass::Error(error)] => assert_eq!(error.response_code, ResponseCode::ErrorFolderNotFound),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn changes_are_told_once_and_in_order() {
    let bench = Bench::start().await;
    let hierarchy = |sync_state: Option<String>| SyncFolderHierarchy {
        folder_shape: FolderShape { base_shape: BaseShape::AllProperties },
        sync_folder_id: None,
        sync_state,
    };
    let first = done(&bench, hierarchy(None)).await;
    assert!(first.includes_last_folder_in_range && first.changes.inner.len() > 5);
    let made = make_folder(&bench, "New").await;
    let second = done(&bench, hierarchy(Some(first.sync_state))).await;
    let new = second.changes.inner.into_iter().find_map(|change| match change {
        FolderChangeSeen::Create { folder } => Some(folder_id(folder)),
        _ => None,
    });
    assert_eq!(new.map(|id| id.id), Some(made.id));

    let items = |sync_state: Option<String>| SyncFolderItems {
        item_shape: ItemShape::default(),
        sync_folder_id: named("inbox"),
        sync_state,
        ignore: None,
        max_changes_returned: 100,
        sync_scope: None,
    };
    let empty = done(&bench, items(None)).await;
    assert!(empty.includes_last_item_in_range && empty.changes.inner.is_empty());
    let id = save(&bench, "Synced").await;
    let created = done(&bench, items(Some(empty.sync_state))).await;
    assert!(matches!(created.changes.inner.as_slice(), [Change::Create { .. }]));
    let read_all = |read_flag| MarkAllItemsAsRead {
        read_flag,
        suppress_read_receipts: true,
        folder_ids: vec![named("inbox")],
    };
    done(&bench, read_all(false)).await;
    done(&bench, read_all(true)).await;
    let flagged = done(&bench, items(Some(created.sync_state))).await;
    match flagged.changes.inner.as_slice() {
        [Change::ReadFlagChange { item_id, is_read: true }] => assert_eq!(item_id.id, id.id),
        other => panic!("{other:?}"),
    }
    let request = DeleteItem {
        delete_type: DeleteType::HardDelete,
        send_meeting_cancellations: None,
        affected_task_occurrences: None,
        suppress_read_receipts: None,
        item_ids: vec![item(&id)],
    };
    done(&bench, request).await;
    let deleted = done(&bench, items(Some(flagged.sync_state))).await;
    assert!(matches!(deleted.changes.inner.as_slice(), [Change::Delete { .. }]), "{deleted:?}");
}

#[tokio::test]
async fn mail_is_sent_by_properties_and_by_source() {
    let bench = Bench::start().await;
    let send = |item: Message| CreateItem {
        message_disposition: Some(MessageDisposition::SendAndSaveCopy),
        saved_item_folder_id: Some(named("sentitems")),
        items: vec![RealItem::Message(item)],
    };
    done(&bench, send(message("By properties"))).await;
    let source = "To: alice@lab.example\r\nSubject: By source\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nin\r\n\
        --b\r\nContent-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n1,2\r\n--b--\r\n";
    let mime = MimeContent { character_set: None, content: STANDARD.encode(source) };
    done(&bench, send(Message { mime_content: Some(mime), ..Message::default() })).await;
    assert_eq!(subjects(&bench, named("inbox")).await, ["By properties", "By source"]);
    assert_eq!(subjects(&bench, named("sentitems")).await, ["By properties", "By source"]);
    let request = FindItem {
        traversal: Traversal::Shallow,
        item_shape: ItemShape::default(),
        view: None,
        parent_folder_ids: vec![named("inbox")],
    };
    let found = done(&bench, request).await.root_folder.items.inner;
    let sourced = found
        .into_iter()
        .map(RealItem::into_inner_message)
        .find(|one| one.subject.as_deref() == Some("By source"));
    let whole = read(&bench, &sourced.and_then(|one| one.item_id).expect("an id")).await;
    let attached: Vec<_> = whole.attachments.expect("attachments").inner;
    let names: Vec<_> = attached
        .iter()
        .map(|one| match one {
            ews::Attachment::ItemAttachment { name, .. } => format!("item {name}"),
            ews::Attachment::FileAttachment { name, content_type, .. } => format!("{content_type} {name}"),
        })
        .collect();
    assert_eq!(names, ["item Inner", "text/csv a.csv"]);
}
