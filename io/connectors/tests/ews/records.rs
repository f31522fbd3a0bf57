//! Contacts in the lab's Exchange: what Tieline writes there, judged by exchangelib as the user's own client, and what
//! it reads of what the user does.

use serde_json::{Value, json};
use tieline_connectors::ews::{EwsOptions, Exchange};
use tieline_lab::{Fault, FaultKind};
use tieline_model::{
    AddressKind, Contact, ContactField, ContactText, Ids as _, LinkId, MailEntry, PhoneKind, PostalAddress,
    Record as _, RecordHash, Sensitivity, Slot, WriteId,
};
use tieline_ports::{
    FolderRef, ItemRef, MailTarget, PortError, ReadRecord, RecordOperation, RecordStamp, RecordSystem,
    RecordWritten, RemoteChange, RemotePage, RemoteRecord, WriteRecord,
};
use tieline_tests::judge::Judge;

use crate::lab::Lab;
use crate::world::{PASSWORD, RealClock, brisk, exchange, soon};

fn contacts(exchange: &Exchange) -> &dyn RecordSystem<Contact> {
    exchange
}

fn stamp() -> RecordStamp {
    RecordStamp { link: LinkId::from_uuid(RealClock.uuid()), write: WriteId::from_uuid(RealClock.uuid()) }
}

fn ada() -> Contact {
    let mut ada = Contact { uid: Some("ada-1".into()), ..Contact::default() };
    for field in ContactText::ALL {
        *ada.text_mut(*field) = format!("{field} Ä");
    }
    for slot in Slot::ALL {
        let name = format!("Ada {slot}");
        ada.mails.insert(*slot, MailEntry { address: format!("ada{slot}@x.example"), name });
        ada.ims.insert(*slot, format!("sip:ada{slot}@x.example"));
    }
    for kind in PhoneKind::ALL {
        ada.phones.insert(*kind, format!("+44 20 {:04}", *kind as u16));
    }
    for kind in AddressKind::ALL {
        let address = PostalAddress {
            street: format!("{kind} street 1\n2nd floor"),
            city: "London".into(),
            state: "LDN".into(),
            postal_code: "N1".into(),
            country: "UK".into(),
        };
        ada.addresses.insert(*kind, address);
    }
    ada.birthday = Some("1815-12-10".parse().unwrap());
    ada.anniversary = Some("1835-07-08".parse().unwrap());
    ada.notes = "Analytical & <engine>\nsecond line".into();
    ada.categories = ["Red".to_owned(), "Blue".to_owned()].into();
    ada.sensitivity = Sensitivity::Private;
    ada
}

async fn write(
    exchange: &Exchange,
    target: &MailTarget,
    folder: &FolderRef,
    stamp: RecordStamp,
    operation: RecordOperation<Contact>,
) -> RecordWritten<Contact> {
    let writes = [WriteRecord { stamp, operation, picture: None }];
    contacts(exchange).write(target, folder, &writes, soon()).await.unwrap().remove(0)
}

fn done(written: RecordWritten<Contact>) -> (ItemRef, String, Contact) {
    match written {
        RecordWritten::Done { item, etag, stored: Some(stored) } => (item, etag, *stored),
        other => panic!("not done: {other:?}"),
    }
}

async fn read(exchange: &Exchange, target: &MailTarget, item: &ItemRef) -> RemoteRecord<Contact> {
    match contacts(exchange).read(target, std::slice::from_ref(item)).await.unwrap().remove(0) {
        ReadRecord::Found(record) => *record,
        other => panic!("not found: {other:?}"),
    }
}

async fn all(
    exchange: &Exchange,
    target: &MailTarget,
    folder: &FolderRef,
    cursor: Option<String>,
) -> RemotePage {
    let mut whole = RemotePage { changes: Vec::new(), cursor: cursor.unwrap_or_default(), complete: false };
    while !whole.complete {
        let cursor = Some(whole.cursor.as_str()).filter(|cursor| !cursor.is_empty());
        let page = contacts(exchange).list(target, folder, cursor, 2).await.unwrap();
        whole.changes.extend(page.changes);
        (whole.cursor, whole.complete) = (page.cursor, page.complete);
    }
    whole
}

/// exchangelib as the user, in another thread, since the lab runs in this process.
async fn judge(lab: &Lab, checks: &[&str], more: Value) {
    let mut told = json!({
        "ews": format!("http://{}/EWS/Exchange.asmx", lab.http),
        "address": "alice@lab.example",
        "password": PASSWORD,
        "checks": checks,
    });
    told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let run = move || Judge::new("exchangelib_contacts.py").arg(told.to_string()).run();
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// What Tieline writes is what exchangelib reads, field by field; what the user changes there is what Tieline reads; an
/// update changes what it names and nothing that Tieline does not know.
///
/// Covers: AV-83 (read), AV-84 (Exchange)
#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_contact_arrives_and_comes_back() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions::default());
    let target = lab.target("alice");
    let identity = contacts(&exchange).identify(&target).await.unwrap();
    assert_eq!(contacts(&exchange).identify(&target).await.unwrap(), identity);
    let bob = contacts(&exchange).identify(&lab.target("bob")).await.unwrap();
    assert!(bob.mailbox != identity.mailbox && bob.folder != identity.folder);
    let folder = identity.folder;
    let empty = all(&exchange, &target, &folder, None).await;

    let mark = stamp();
    let (item, etag, stored) =
        done(write(&exchange, &target, &folder, mark, RecordOperation::Create { record: ada() }).await);
    assert_eq!(stored.differences(&ada()), [], "{stored:#?}");
    assert_eq!(stored, contacts(&exchange).render(&ada()));
    judge(&lab, &["reads_every_field"], json!({"contact": ada()})).await;
    let listed = all(&exchange, &target, &folder, Some(empty.cursor)).await;
    let present = RemoteChange::Present { item: item.clone(), etag: etag.clone() };
    assert_eq!(listed.changes, [present]);

    judge(&lab, &["edits_the_contact"], json!({})).await;
    let edited = all(&exchange, &target, &folder, Some(listed.cursor)).await;
    assert_eq!(edited.changes.len(), 1, "{:?}", edited.changes);
    let now = read(&exchange, &target, &item).await;
    let changed = [
        ContactField::Text(ContactText::Company),
        ContactField::Phone(PhoneKind::Mobile),
        ContactField::Notes,
    ];
    let mut differences = now.record.differences(&ada());
    differences.sort_unstable();
    let mut wanted = changed.to_vec();
    wanted.push(ContactField::Phone(PhoneKind::Pager));
    wanted.sort_unstable();
    assert_eq!(differences, wanted);
    assert_eq!(now.stamp, Some(mark), "our mark stays");
    assert!(now.edited > now.created);

    // Written for the version before the user's edit: refused, and nothing is changed.
    let mut mine = now.record.clone();
    mine.surname = "King".into();
    mine.addresses.remove(&AddressKind::Home);
    let fields = vec![ContactField::Text(ContactText::Surname), ContactField::Address(AddressKind::Home)];
    let update = |etag: String| RecordOperation::Update {
        item: item.clone(),
        etag,
        record: mine.clone(),
        fields: fields.clone(),
    };
    let stale = write(&exchange, &target, &folder, stamp(), update(etag)).await;
    assert_eq!(stale, RecordWritten::Stale);
    let (_, etag, stored) = done(write(&exchange, &target, &folder, mark, update(now.etag)).await);
    assert_eq!(stored, mine);
    judge(&lab, &["still_has_what_tieline_does_not_know"], json!({})).await;

    let delete = |etag: &str| RecordOperation::Delete { item: item.clone(), etag: etag.to_owned() };
    assert_eq!(write(&exchange, &target, &folder, mark, delete("AAAA")).await, RecordWritten::Stale);
    assert!(matches!(
        write(&exchange, &target, &folder, mark, delete(&etag)).await,
        RecordWritten::Done { .. }
    ));
    judge(&lab, &["finds_it_among_the_deleted"], json!({})).await;
    let gone = all(&exchange, &target, &folder, Some(edited.cursor)).await;
    assert!(gone.changes.contains(&RemoteChange::Gone { item }), "{:?}", gone.changes);
}

/// A contact that the user makes in a mail client is read with everything that Tieline has a place for.
///
/// Covers: AV-83 (lists, several numbers, non-Latin names)
#[tokio::test(flavor = "multi_thread")]
async fn a_users_own_contacts_and_lists_are_read() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions::default());
    let target = lab.target("alice");
    judge(&lab, &["makes_contacts"], json!({})).await;
    let folder = contacts(&exchange).identify(&target).await.unwrap().folder;
    let page = all(&exchange, &target, &folder, None).await;
    let items: Vec<ItemRef> = page
        .changes
        .into_iter()
        .map(|change| match change {
            RemoteChange::Present { item, .. } | RemoteChange::Gone { item } => item,
        })
        .collect();
    let mut names = Vec::new();
    for item in &items {
        let found = read(&exchange, &target, item).await;
        assert_eq!(found.stamp, None);
        names.push((found.record.headline(), found.record.phones.len(), found.record.members.len()));
    }
    names.sort();
    assert_eq!(names, [("Team".to_owned(), 0, 2), ("李 小龙".to_owned(), 3, 0)]);
}

/// A write whose answer was lost is found by its mark, and only by its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_write_is_found_by_its_mark() {
    let lab = Lab::start().await;
    let exchange = exchange(brisk());
    let target = lab.target("alice");
    let folder = contacts(&exchange).identify(&target).await.unwrap().folder;
    let lost = Fault::once(FaultKind::LostResponse, "CreateItem");
    lab.fault(lost);
    let mark = stamp();
    let record = Contact { surname: "Lost".into(), ..Contact::default() };
    let written = write(&exchange, &target, &folder, mark, RecordOperation::Create { record }).await;
    let RecordWritten::Failed(error) = written else { panic!("{written:?}") };
    assert_eq!(error.applied(), tieline_ports::Applied::Unknown);
    let other = stamp();
    let found = contacts(&exchange).locate(&target, &folder, &[other.link, mark.link]).await.unwrap();
    assert_eq!((found[0].len(), found[1].len()), (0, 1));
    assert_eq!((found[1][0].stamp, found[1][0].record.surname.as_str()), (Some(mark), "Lost"));

    let expired = Fault::once(FaultKind::ExpiredSyncState, "SyncFolderItems");
    lab.fault(expired);
    let error = contacts(&exchange).list(&target, &folder, Some("x"), 10).await.unwrap_err();
    assert_eq!(error, PortError::CursorExpired);
    let nothing = ItemRef(found[1][0].item.0.replace('A', "B"));
    let read = contacts(&exchange).read(&target, &[nothing, found[1][0].item.clone()]).await;
    assert!(read.is_err() || matches!(read.unwrap()[1], ReadRecord::Found(_)));
}

/// A picture is written with a new contact, put in the place of another one, taken away, and let be by an update that is about
/// something else; the user's own client sees one at most.
///
/// Covers: AV-83 (pictures)
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_written_replaced_and_taken_away() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions::default());
    let target = lab.target("alice");
    let folder = contacts(&exchange).identify(&target).await.unwrap().folder;
    let face = |name: &str| [&[0xff, 0xd8, 0xff, 0xe0], name.as_bytes()].concat();
    let pictured = |picture: Option<&[u8]>, company: &str| Contact {
        surname: "Face".into(),
        company: company.into(),
        photo: picture.map(RecordHash::of_bytes),
        ..Contact::default()
    };
    let put = async |operation, picture: Option<&[u8]>| {
        let writes = [WriteRecord { stamp: stamp(), operation, picture: picture.map(<[u8]>::to_vec) }];
        done(contacts(&exchange).write(&target, &folder, &writes, soon()).await.unwrap().remove(0))
    };
    let first = face("first");
    let record = pictured(Some(&first), "One");
    let (item, etag, stored) = put(RecordOperation::Create { record: record.clone() }, Some(&first)).await;
    assert_eq!(stored, record);
    judge(&lab, &["has_one_picture"], json!({"picture": "first"})).await;
    let now = read(&exchange, &target, &item).await;
    assert_eq!((&now.etag, now.picture.as_deref()), (&etag, Some(&*first)), "nothing is left to be read");

    let update = |etag: String, record: Contact, field| RecordOperation::Update {
        item: item.clone(),
        etag,
        record,
        fields: vec![field],
    };
    let company = ContactField::Text(ContactText::Company);
    let record = pictured(Some(&first), "Two");
    let (_, etag, stored) = put(update(etag, record.clone(), company), None).await;
    assert_eq!(stored, record, "the picture stays");
    let second = face("second");
    let record = pictured(Some(&second), "Two");
    let (_, etag, stored) = put(update(etag, record.clone(), ContactField::Photo), Some(&second)).await;
    assert_eq!(stored, record);
    judge(&lab, &["has_one_picture"], json!({"picture": "second"})).await;
    // It is no longer kept here: the one that is there is left alone.
    let record = pictured(Some(&first), "Two");
    let (_, etag, stored) = put(update(etag, record, ContactField::Photo), None).await;
    assert_eq!(stored, pictured(Some(&second), "Two"));
    // It is refused: the contact stands without it, and nothing else fails.
    lab.fault(Fault::once(FaultKind::Error { code: "ErrorInternalServerError".into() }, "CreateAttachment"));
    let (_, etag, stored) =
        put(update(etag, pictured(Some(&first), "Two"), ContactField::Photo), Some(&first)).await;
    assert_eq!(stored, pictured(None, "Two"));
    let (_, etag, _) =
        put(update(etag, pictured(Some(&first), "Two"), ContactField::Photo), Some(&first)).await;
    let (_, _, stored) = put(update(etag, pictured(None, "Two"), ContactField::Photo), None).await;
    assert_eq!(stored, pictured(None, "Two"));
    judge(&lab, &["has_no_picture"], json!({})).await;
}

/// Many items are read by more than one request at a time, and come in the order in which they were asked for, whichever
/// answer is there first.
#[tokio::test(flavor = "multi_thread")]
async fn many_items_come_in_the_order_asked_for() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions::default());
    let target = lab.target("alice");
    let folder = contacts(&exchange).identify(&target).await.unwrap().folder;
    let create = |n: usize| WriteRecord {
        stamp: stamp(),
        operation: RecordOperation::Create {
            record: Contact { surname: n.to_string(), ..Contact::default() },
        },
        picture: None,
    };
    let writes: Vec<_> = (0..180).map(create).collect();
    let written = contacts(&exchange).write(&target, &folder, &writes, soon()).await.unwrap();
    let items: Vec<ItemRef> = written
        .into_iter()
        .map(|written| match written {
            RecordWritten::Done { item, .. } => item,
            other => panic!("{other:?}"),
        })
        .collect();
    lab.fault(Fault::once(FaultKind::Slow { delay_ms: 300 }, "GetItem"));
    let read = contacts(&exchange).read(&target, &items).await.unwrap();
    let surnames: Vec<_> = read
        .iter()
        .map(|read| match read {
            ReadRecord::Found(found) => found.record.surname.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(surnames, (0..180).map(|n| n.to_string()).collect::<Vec<_>>());
}
