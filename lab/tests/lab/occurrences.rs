//! Occurrences of series: attachments of their own, and series rewritten as iCalendar.

use tieline_proto_ews::{
    Attachment, AttachmentFields, AttachmentId, BaseItemId, CalendarItem, FieldUri, FileAttachment, Item,
    ItemAttachment, ItemId, ItemKind, Message, MimeContent, OccurrenceItemId, ResponseCode,
    operations::{
        CalendarItemCreateOrDelete, CalendarItemUpdate, ConflictResolution, CreateAttachment,
        DeleteAttachment, GetAttachment, GetItem, ItemChange, ItemChangeDescription, MessageDisposition,
        UpdateItem,
    },
};

use crate::{
    client::{Bench, first_id},
    meetings::{at, calendar, create, daily},
};

async fn series(bench: &Bench) -> ItemId {
    let series = daily("Daily", "2030-01-01T09:00:00Z", "2030-01-01T10:00:00Z");
    first_id(&bench.ok(&create(series, CalendarItemCreateOrDelete::SendToNone)).await)
}

async fn occurrence(bench: &Bench, series: &ItemId, index: i32) -> Item {
    let id =
        OccurrenceItemId { recurring_master_id: series.id.clone(), change_key: None, instance_index: index };
    let request = GetItem { item_ids: vec![BaseItemId::Occurrence(id)], ..GetItem::default() };
    let found = bench.get(&request).await;
    bench.read("alice", found.item_id.expect("an id")).await
}

async fn attach(bench: &Bench, parent: &ItemId, attachment: Attachment) -> AttachmentId {
    let request = CreateAttachment { parent_item_id: parent.clone(), attachments: vec![attachment] };
    let response = bench.ok(&request).await;
    let made = response.first().expect("a message").ok().expect("success").attachments.first().cloned();
    made.expect("an attachment").fields().attachment_id.clone().expect("an id")
}

fn file(name: &str) -> Attachment {
    Attachment::File(FileAttachment::new(name, "text/plain", name.as_bytes()))
}

fn names(item: &Item) -> Vec<&str> {
    item.attachments.iter().filter_map(|one| one.fields().name.as_deref()).collect()
}

/// An occurrence shows the attachments of its series until it gets one of its own; then it is an exception with copies of
/// those and the new one, and the series keeps what it has.
#[tokio::test]
async fn an_occurrence_has_attachments_of_its_own() {
    let bench = Bench::start().await;
    let id = series(&bench).await;
    attach(&bench, &id, file("agenda.txt")).await;
    let second = occurrence(&bench, &id, 2).await;
    assert_eq!(names(&second), ["agenda.txt"]);
    assert_eq!(calendar(&second).calendar_item_type.as_ref().map(|kind| kind.as_str()), Some("Occurrence"));

    let day = second.item_id.clone().expect("an id");
    let note = Item { subject: Some("Minutes".to_owned()), ..Item::from_message(Message::default()) };
    let fields = AttachmentFields { name: Some("Minutes".to_owned()), ..AttachmentFields::default() };
    let attached = Attachment::Item(ItemAttachment { attachment: fields, item: Some(Box::new(note)) });
    let made = attach(&bench, &day, attached).await;
    assert_eq!(made.root_item_id.as_deref(), Some(day.id.as_str()));

    let second = occurrence(&bench, &id, 2).await;
    assert_eq!(names(&second), ["agenda.txt", "Minutes"]);
    assert_eq!(second.has_attachments, Some(true));
    assert_eq!(calendar(&second).calendar_item_type.as_ref().map(|kind| kind.as_str()), Some("Exception"));
    assert_eq!(names(&occurrence(&bench, &id, 3).await), ["agenda.txt"]);
    assert_eq!(names(&bench.read("alice", id.clone()).await), ["agenda.txt"]);
    let read =
        bench.ok(&GetAttachment { attachment_ids: vec![made.clone()], ..GetAttachment::default() }).await;
    let read = read.first().expect("a message").ok().expect("success").attachments.first().cloned();
    let Some(Attachment::Item(read)) = read else { panic!("no item: {read:?}") };
    assert_eq!(read.item.and_then(|item| item.subject).as_deref(), Some("Minutes"));

    let own: Vec<_> =
        second.attachments.iter().filter_map(|one| one.fields().attachment_id.clone()).collect();
    let gone = bench.ok(&DeleteAttachment { attachment_ids: own }).await;
    assert!(gone.messages.iter().all(|message| message.ok().is_ok()));
    let second = occurrence(&bench, &id, 2).await;
    assert_eq!((names(&second).len(), second.has_attachments), (0, Some(false)));
    assert_eq!(names(&bench.read("alice", id).await), ["agenda.txt"]);
    let again = bench.ok(&GetAttachment { attachment_ids: vec![made], ..GetAttachment::default() }).await;
    assert_eq!(again.first().expect("a message").code, ResponseCode::ErrorInvalidAttachmentId);
}

const REWRITTEN: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\n\
    DTSTART:20300101T090000Z\r\nDTEND:20300101T100000Z\r\nSUMMARY:Weekly\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\n\
    EXDATE:20300115T090000Z\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20300108T090000Z\r\n\
    DTSTART:20300108T140000Z\r\nDTEND:20300108T150000Z\r\nSUMMARY:Later\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// A series that is written anew as iCalendar has the exceptions of the new text, and none of its old ones.
#[tokio::test]
async fn a_series_is_rewritten_with_its_exceptions() {
    let bench = Bench::start().await;
    let id = series(&bench).await;
    let third = occurrence(&bench, &id, 3).await.item_id.expect("an id");
    attach(&bench, &third, file("old.txt")).await;
    let mut item = Item::new(ItemKind::CalendarItem(Box::<CalendarItem>::default()));
    item.mime_content = Some(MimeContent::new(REWRITTEN.as_bytes().to_vec()));
    let update = UpdateItem {
        conflict_resolution: ConflictResolution::AlwaysOverwrite,
        message_disposition: Some(MessageDisposition::SaveOnly),
        send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToNone),
        item_changes: vec![ItemChange {
            item_id: Some(id.clone().into()),
            updates: vec![ItemChangeDescription::set(FieldUri::new("item:MimeContent"), item)],
        }],
        ..UpdateItem::default()
    };
    assert!(bench.ok(&update).await.first().expect("a message").ok().is_ok());
    let master = bench.read("alice", id.clone()).await;
    assert_eq!(master.subject.as_deref(), Some("Weekly"));
    let fields = calendar(&master);
    let starts: Vec<_> =
        fields.modified_occurrences.iter().map(|one| (one.original_start, one.start)).collect();
    assert_eq!(starts, [(at("2030-01-08T09:00:00Z"), at("2030-01-08T14:00:00Z"))]);
    let gone: Vec<_> = fields.deleted_occurrences.iter().map(|one| one.start).collect();
    assert_eq!(gone, [at("2030-01-15T09:00:00Z")]);
    let second = occurrence(&bench, &id, 2).await;
    assert_eq!(second.subject.as_deref(), Some("Later"));
    assert!(second.attachments.is_empty());
}
