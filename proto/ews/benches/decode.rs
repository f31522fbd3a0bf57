//! How fast a 512-item `SyncFolderItems` answer becomes full types, beside a bare pass of the XML reader over
//! the same bytes in the same run: `cargo bench -p tieline-proto-ews --bench decode`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use quick_xml::NsReader;
use quick_xml::events::Event;
use tieline_proto_ews::operations::{
    SyncFolderItems, SyncFolderItemsChange, SyncFolderItemsMessage, SyncItem,
};
use tieline_proto_ews::*;

const ROUNDS: usize = 40;

fn item(n: usize) -> Item {
    let person =
        |name: &str| EmailAddress::named(format!("{name} Example"), format!("{name}{n}@lab.example"));
    let duration = ExtendedFieldUri::tag(0x6801, MapiPropertyType::Integer);
    let mark = ExtendedFieldUri::name(
        DistinguishedPropertySet::PublicStrings,
        "TielineId",
        MapiPropertyType::String,
    );
    let paragraph = "<p>You have a <b>voice message</b> of 12 seconds &amp; a call back number.</p>\r\n";
    Item {
        item_id: Some(ItemId::with_key(format!("AAMkAGI2{n:0>140}="), format!("CQAAABYAAAC{n:0>24}"))),
        parent_folder_id: Some(FolderId::new("AAMkAGI2NGVhZTVlLTI1OGMtNDI4My1iZmE5LTA5OGJiZGEyYTE5YgAuAAAA")),
        item_class: Some("IPM.Note.Microsoft.Voicemail.UM.CA".into()),
        subject: Some(format!("Voice message from number {n} <external>")),
        sensitivity: Some(Sensitivity::Normal),
        body: Some(ItemBody::html(paragraph.repeat(8))),
        date_time_received: DateTime::from_xml("2026-11-23T08:14:23Z"),
        size: Some(48_211),
        importance: Some(Importance::Normal),
        is_submitted: Some(false),
        is_draft: Some(false),
        is_from_me: Some(false),
        is_resend: Some(false),
        is_unmodified: Some(true),
        date_time_sent: DateTime::from_xml("2026-11-23T08:14:20Z"),
        date_time_created: DateTime::from_xml("2026-11-23T08:14:23Z"),
        reminder_is_set: Some(false),
        display_cc: Some(String::new()),
        display_to: Some("Alice Example".into()),
        has_attachments: Some(true),
        extended_properties: vec![
            ExtendedProperty::new(duration, "12"),
            ExtendedProperty::new(mark, "vm_01932f7c5f0a7c3e8d1b2a3c4d5e6f70"),
        ],
        culture: Some("en-US".into()),
        effective_rights: Some(EffectiveRights {
            delete: true,
            modify: true,
            read: true,
            ..Default::default()
        }),
        last_modified_name: Some("Tieline".into()),
        last_modified_time: DateTime::from_xml("2026-11-23T08:14:24Z"),
        ..Item::from_message(Message {
            from: Some(person("caller").into()),
            to_recipients: vec![person("alice"), person("bob")],
            is_read: Some(false),
            internet_message_id: Some(format!("<{n}@lab.example>")),
            conversation_topic: Some("Voice message".into()),
            ..Message::default()
        })
    }
}

fn document() -> Vec<u8> {
    let changes = (0..512).map(|n| SyncFolderItemsChange::Create(SyncItem { item: Some(item(n)) })).collect();
    let message = SyncFolderItemsMessage {
        sync_state: Some("H4sIAAAAAAAEAGNgYGBgAAAA".repeat(40)),
        includes_last_item_in_range: Some(false),
        changes,
    };
    encode_response::<SyncFolderItems>(
        &ResponseHeader { server_version_info: Some(ServerVersionInfo::default()) },
        &ResponseMessages::one(ResponseMessage::success(message)),
    )
}

/// The least any reader must do: every event, every namespace.
fn bare(document: &str) -> usize {
    let mut reader = NsReader::from_str(document);
    let mut events = 0;
    loop {
        match reader.read_resolved_event() {
            Ok((_, Event::Eof)) => return events,
            Ok(event) => {
                black_box(&event);
                events += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn full(document: &[u8]) -> usize {
    let reply = decode_response::<SyncFolderItems>(document, &Limits::DEFAULT).expect("our own document");
    let messages = black_box(reply).body.expect("no fault").messages;
    messages.iter().map(|message| message.payload.changes.len()).sum()
}

fn best(rounds: usize, mut work: impl FnMut()) -> Duration {
    (0..rounds)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn main() {
    let document = document();
    // `scripts/bench` lets exchangelib read the same bytes.
    if let Some(file) = std::env::var_os("TIELINE_BENCH_DOCUMENT") {
        std::fs::write(file, &document).expect("a writable file");
    }
    let text = std::str::from_utf8(&document).expect("UTF-8");
    let events = bare(text);
    assert_eq!(full(&document), 512);
    let rate = |time: Duration| document.len() as f64 / 1e6 / time.as_secs_f64();
    // Turn by turn, so that other work on the machine falls on both alike; the best round of each counts.
    let (mut bare_time, mut full_time) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        bare_time = bare_time.min(best(3, || _ = black_box(bare(text))));
        full_time = full_time.min(best(3, || _ = black_box(full(&document))));
    }
    println!("SyncFolderItems answer: 512 items, {} bytes, {events} events", document.len());
    println!("bare NsReader pass: {:6.1} MB/s  {:7.2} ms", rate(bare_time), bare_time.as_secs_f64() * 1e3);
    println!("full types:         {:6.1} MB/s  {:7.2} ms", rate(full_time), full_time.as_secs_f64() * 1e3);
    println!("ratio: {:.2} (at least 0.50 wanted)", bare_time.as_secs_f64() / full_time.as_secs_f64());
}
