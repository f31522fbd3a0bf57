//! Messages that Tieline puts into a mailbox of the lab's Exchange.

use std::time::Duration;

use tieline_connectors::ews::EwsOptions;
use tieline_lab::{Fault, FaultKind};
use tieline_model::{Authentication, Class, ExchangeVersion, FolderPath, MessageKind, TlsTrust};
use tieline_ports::{Applied, Change, ItemRef, MailSystem, OutgoingMessage, PortError};
use tieline_proto_ews::operations::Disposal;
use tieline_proto_ews::{
    Attachment, DistinguishedFolderName, DistinguishedPropertySet, ExtendedFieldUri, MapiPropertyType,
};

use crate::lab::Lab;
use crate::world::{RealClock, account, brisk, exchange, soon, target, voice_message};

fn path(text: &str) -> FolderPath {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_lab_is_recognised_by_its_build() {
    let lab = Lab::start().await;
    let info = exchange(brisk()).probe(&lab.account()).await.unwrap();
    assert_eq!(info.version, Some(ExchangeVersion::Exchange2016));
    assert!(info.build.starts_with("15.1.2507."), "{}", info.build);
}

#[tokio::test]
async fn a_self_signed_lab_is_believed_when_it_was_imported_or_pinned_and_not_otherwise() {
    let lab = Lab::start().await;
    let mut https = account(lab.https, crate::world::PASSWORD);
    https.endpoint.https = true;
    let error = exchange(brisk()).probe(&https).await.unwrap_err();
    assert_eq!(
        (error.refusal().code.as_str(), error.class()),
        ("certificate-unknown-issuer", Class::Operator)
    );
    assert!(error.refusal().next.contains("tieline trust fetch 127.0.0.1"), "{error}");
    https.endpoint.tls = TlsTrust::Ca { pem: lab.certificate() };
    exchange(brisk()).probe(&https).await.unwrap();
    https.endpoint.tls = TlsTrust::Pinned { sha256: lab.fingerprint().await };
    exchange(brisk()).probe(&https).await.unwrap();
    https.endpoint.tls = TlsTrust::Pinned { sha256: "00".repeat(32) };
    let error = exchange(brisk()).probe(&https).await.unwrap_err();
    assert_eq!(error.refusal().code, "certificate-pin-mismatch");
}

/// Covers: AV-30, AV-46
#[tokio::test]
async fn impersonation_needs_the_role_and_an_existing_mailbox() {
    let lab = Lab::start().await;
    let service = lab.account();
    let exchange = exchange(brisk());
    exchange.check(&target(&service, "alice")).await.unwrap();
    let error = exchange.check(&target(&service, "nobody")).await.unwrap_err();
    assert_eq!(error.refusal().code, "unknown-mailbox", "{error}");
    let mut carol = service.clone();
    carol.user = "carol@lab.example".parse().unwrap();
    let error = exchange.check(&target(&carol, "alice")).await.unwrap_err();
    assert_eq!(
        (error.refusal().code.as_str(), error.class()),
        ("impersonation-denied", Class::Operator),
        "{error}"
    );
    let error = exchange.probe(&account(lab.http, "wrong")).await.unwrap_err();
    assert_eq!(error.refusal().code, "wrong-password", "{error}");
}

/// Covers: AV-87
#[tokio::test]
async fn a_voice_message_arrives_as_a_person_expects_it() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let message = voice_message();
    let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
    assert_eq!((&made.folder, made.read, made.deleted), (&folder, false, false));

    let person = lab.person("alice");
    assert_eq!(person.folder(DistinguishedFolderName::Inbox).await, folder);
    let tag = |tag, kind| ExtendedFieldUri::tag(tag, kind);
    let header =
        |name: &str, kind| ExtendedFieldUri::name(DistinguishedPropertySet::InternetHeaders, name, kind);
    let ours = |name: &str| {
        ExtendedFieldUri::name(DistinguishedPropertySet::PublicStrings, name, MapiPropertyType::String)
    };
    let expected = [
        (tag(0x6801, MapiPropertyType::Integer), "12".to_owned()),
        (tag(0x6802, MapiPropertyType::String), "+49 30 5551234".to_owned()),
        (tag(0x6803, MapiPropertyType::String), "Bob".to_owned()),
        (tag(0x6805, MapiPropertyType::String), "Bob (12 seconds) Voice Mail.wav".to_owned()),
        (tag(0x6806, MapiPropertyType::String), "a84b4c76e66710@pbx".to_owned()),
        (header("X-VoiceMessageDuration", MapiPropertyType::Short), "12".to_owned()),
        (header("X-CallingTelephoneNumber", MapiPropertyType::String), "+49 30 5551234".to_owned()),
        (ours("TielineDeliveryId"), message.key.to_string()),
        (ours("TielineTraceId"), message.trace.to_string()),
        (ours("TielineOrigin"), "tieline".to_owned()),
    ];
    let item = person.open(&made.item, expected.iter().map(|(uri, _)| uri.clone().into()).collect()).await;
    for (uri, value) in expected {
        let found = item.extended_property(&uri).and_then(|property| property.value.clone());
        assert_eq!(found, Some(value), "{uri:?}");
    }
    assert_eq!(item.item_class.as_deref(), Some("IPM.Note.Microsoft.Voicemail.UM.CA"));
    assert_eq!(item.subject.as_deref(), Some("Voice message from Bob"));
    assert_eq!(item.is_draft, Some(false));
    let received = item.date_time_received.and_then(|time| time.timestamp());
    assert_eq!(received, Some(message.received));
    assert!(item.body.as_ref().unwrap().text.contains("<b>Bob</b>"));
    let fields = item.message().unwrap();
    assert_eq!(fields.is_read, Some(false));
    assert_eq!(fields.from.as_ref().unwrap().mailbox.name.as_deref(), Some("Bob (+49 30 5551234)"));
    let Attachment::File(file) = person.attachment(&item).await else { panic!("no file") };
    let sent = message.attachment.unwrap();
    assert_eq!(file.attachment.name, Some(sent.name));
    assert_eq!(file.attachment.content_type, Some(sent.media_type));
    assert_eq!(file.content.unwrap().0, sent.content);
}

/// A recording of some minutes is encoded while it is sent, anew for each time that it has to be: here after the legs of
/// NTLM, after a request that the server lost, and once more.
#[tokio::test]
async fn a_large_recording_arrives_byte_for_byte() {
    let lab = Lab::start().await;
    let mut by_ntlm = lab.account();
    by_ntlm.endpoint.authentication = Authentication::Ntlm;
    let (exchange, alice) = (exchange(brisk()), target(&by_ntlm, "alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let sound: Vec<u8> = (0..1_234_567_u32).map(|n| (n % 251) as u8).collect();
    let recording = || {
        let mut message = voice_message();
        message.attachment.as_mut().unwrap().content = sound.clone().into();
        message
    };
    lab.fault(Fault::once(FaultKind::LostRequest, "CreateItem"));
    let lost = recording();
    exchange.create(&alice, &folder, &lost, soon()).await.unwrap_err();
    let person = lab.person("alice");
    for message in [lost, recording()] {
        let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
        let item = person.open(&made.item, Vec::new()).await;
        let Attachment::File(file) = person.attachment(&item).await else { panic!("no file") };
        assert!(file.content.unwrap().0 == sound, "other bytes");
    }
}

#[tokio::test]
async fn characters_that_xml_forbids_do_not_stop_a_message() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let mut message = voice_message();
    message.subject = "Call from \u{1f}\u{0} <Bob> & \"Söhne\" 😀".to_owned();
    message.caller.name = Some("\u{b}Bob\u{ffff}".to_owned());
    let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
    let item = lab.person("alice").open(&made.item, Vec::new()).await;
    let subject = item.subject.unwrap();
    assert!(subject.contains("<Bob> & \"Söhne\" 😀"), "{subject}");
}

#[tokio::test]
async fn kinds_have_their_classes_and_a_message_heard_before_arrives_as_read() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    for (kind, class) in [
        (MessageKind::Voice, "IPM.Note.Microsoft.Voicemail.UM.CA"),
        (MessageKind::Fax, "IPM.Note.Microsoft.Fax.CA"),
        (MessageKind::Text, "IPM.Note"),
    ] {
        let message = OutgoingMessage { kind, read: true, ..voice_message() };
        let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
        assert!(made.read);
        let item = lab.person("alice").open(&made.item, Vec::new()).await;
        assert_eq!(item.item_class.as_deref(), Some(class));
        assert_eq!(item.message().and_then(|message| message.is_read), Some(true));
        assert_eq!(item.is_draft, Some(false));
    }
}

/// Covers: AV-72
#[tokio::test]
async fn a_target_folder_is_made_once_and_survives_its_renaming() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let wanted = path("inbox/Telephone/Voice mail");
    let folder = exchange.ensure_folder(&alice, &wanted).await.unwrap();
    assert_eq!(exchange.ensure_folder(&alice, &wanted).await.unwrap(), folder);
    assert_eq!(exchange.ensure_folder(&alice, &path("inbox/telephone/VOICE MAIL")).await.unwrap(), folder);
    lab.person("alice").rename_folder(&folder, "Nachrichten").await;
    exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap();
    assert_eq!(exchange.count(&alice, &folder).await.unwrap(), 1);
    lab.person("alice").delete_folder(&folder, Disposal::HardDelete).await;
    let error = exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
    assert_eq!(error, PortError::NotFound);
    assert_eq!(exchange.count(&alice, &folder).await.unwrap_err(), PortError::NotFound);
    assert_ne!(exchange.ensure_folder(&alice, &wanted).await.unwrap(), folder);
}

/// Covers: AV-72
#[tokio::test]
async fn messages_do_not_follow_a_folder_into_the_bin() {
    let lab = Lab::start().await;
    let exchange = exchange(EwsOptions { bin_memory: Duration::ZERO, ..brisk() });
    let (alice, person) = (lab.target("alice"), lab.person("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox/Calls")).await.unwrap();
    exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap();
    person.delete_folder(&folder, Disposal::MoveToDeletedItems).await;
    let error = exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
    assert_eq!(error, PortError::NotFound);
    let page = exchange.changes(&alice, &folder, None).await.unwrap();
    let [Change::Present { item, .. }] = page.changes.as_slice() else { panic!("{page:?}") };
    assert!(item.deleted);
    let new = exchange.ensure_folder(&alice, &path("inbox/Calls")).await.unwrap();
    assert_ne!(new, folder);
    exchange.create(&alice, &new, &voice_message(), soon()).await.unwrap();
}

#[tokio::test]
async fn an_item_is_found_by_its_mark_wherever_a_person_put_it() {
    let lab = Lab::start().await;
    let (exchange, alice, person) = (exchange(brisk()), lab.target("alice"), lab.person("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let (first, second) = (voice_message(), voice_message());
    let made = exchange.create(&alice, &folder, &first, soon()).await.unwrap();
    exchange.create(&alice, &folder, &second, soon()).await.unwrap();
    let keys = [second.key, voice_message().key, first.key];
    let found = exchange.locate(&alice, &keys).await.unwrap();
    assert_eq!(found.iter().map(|located| located.key).collect::<Vec<_>>(), keys);
    assert_eq!(found.iter().map(|located| located.items.len()).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(found[2].items[0], made);

    let locate = async || exchange.locate(&alice, &[first.key]).await.unwrap().remove(0).items;
    let calls = person.make_folder(DistinguishedFolderName::MsgFolderRoot, "Calls").await;
    person.move_to(&made.item, &calls).await;
    let [moved] = locate().await.try_into().unwrap();
    assert_ne!(moved.item, made.item, "a move gives a new id");
    assert_eq!((&moved.folder, moved.deleted), (&calls, false));

    person.mark_read(&moved.item, true).await;
    assert!(locate().await[0].read);

    person.delete(&moved.item, Disposal::MoveToDeletedItems).await;
    let [deleted] = locate().await.try_into().unwrap();
    assert!(deleted.deleted && deleted.read);
    assert_eq!(deleted.folder, person.folder(DistinguishedFolderName::DeletedItems).await);

    person.delete(&deleted.item, Disposal::HardDelete).await;
    assert!(locate().await.iter().all(|item| item.deleted), "gone, or kept among the recoverable items");
}

#[tokio::test]
async fn a_folder_below_deleted_items_counts_as_deleted() {
    let lab = Lab::start().await;
    let (exchange, alice, person) = (exchange(brisk()), lab.target("alice"), lab.person("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let message = voice_message();
    let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
    let bin = person.make_folder(DistinguishedFolderName::DeletedItems, "Old").await;
    person.move_to(&made.item, &bin).await;
    let found = exchange.locate(&alice, &[message.key]).await.unwrap().remove(0).items;
    assert!(found[0].deleted);
}

#[tokio::test]
async fn more_marks_than_fit_into_one_request_are_all_found() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let mut keys = Vec::new();
    for _ in 0..45 {
        let message = OutgoingMessage { attachment: None, ..voice_message() };
        exchange.create(&alice, &folder, &message, soon()).await.unwrap();
        keys.push(message.key);
    }
    let found = exchange.locate(&alice, &keys).await.unwrap();
    assert!(found.iter().zip(&keys).all(|(located, key)| located.key == *key && located.items.len() == 1));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_item_to_be_found_and_a_lost_request_leaves_nothing() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    for (kind, items) in
        [(FaultKind::LostResponse, 1), (FaultKind::LostRequest, 0), (FaultKind::TruncatedBody, 1)]
    {
        lab.fault(Fault::once(kind.clone(), "CreateItem"));
        let message = voice_message();
        let error = exchange.create(&alice, &folder, &message, soon()).await.unwrap_err();
        assert_eq!(
            (error.class(), error.applied()),
            (Class::Transient, Applied::Unknown),
            "{kind:?}: {error}"
        );
        let found = exchange.locate(&alice, &[message.key]).await.unwrap();
        assert_eq!(found[0].items.len(), items, "{kind:?}");
    }
}

#[tokio::test]
async fn an_effect_that_comes_late_is_found_late() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    lab.fault(Fault::once(FaultKind::LateEffect { delay_ms: 300 }, "CreateItem"));
    let message = voice_message();
    let error = exchange.create(&alice, &folder, &message, soon()).await.unwrap_err();
    assert_eq!(error.applied(), Applied::Unknown, "{error}");
    let found = async || exchange.locate(&alice, &[message.key]).await.unwrap().remove(0).items;
    let arrived = async {
        while found().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
    // The retry that did not wait is the second item; one of the two is then removed.
    exchange.create(&alice, &folder, &message, soon()).await.unwrap();
    let doubled = found().await;
    assert_eq!(doubled.len(), 2);
    exchange.remove_duplicate(&alice, &doubled[1].item).await.unwrap();
    let left: Vec<_> = found().await.into_iter().filter(|item| !item.deleted).collect();
    assert_eq!(left.iter().map(|item| &item.item).collect::<Vec<_>>(), [&doubled[0].item]);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_too_late_for_the_caller_only() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    lab.fault(Fault::once(FaultKind::Slow { delay_ms: 5000 }, "CreateItem"));
    let message = voice_message();
    let deadline = tieline_model::Clock::now(&RealClock) + Duration::from_millis(500);
    let error = exchange.create(&alice, &folder, &message, deadline).await.unwrap_err();
    assert_eq!(
        (error.refusal().code.as_str(), error.applied()),
        ("server-silent", Applied::Unknown),
        "{error}"
    );
    assert_eq!(exchange.locate(&alice, &[message.key]).await.unwrap()[0].items.len(), 1);
}

#[tokio::test]
async fn read_flag_and_deletion_reach_the_item_and_a_missing_one_is_told() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let folder = exchange.ensure_folder(&alice, &path("inbox")).await.unwrap();
    let message = voice_message();
    let made = exchange.create(&alice, &folder, &message, soon()).await.unwrap();
    let found = async || exchange.locate(&alice, &[message.key]).await.unwrap().remove(0).items;
    for read in [true, false, true] {
        exchange.set_read(&alice, &made.item, read).await.unwrap();
        assert_eq!(found().await[0].read, read);
    }
    exchange.delete(&alice, &made.item).await.unwrap();
    assert!(found().await[0].deleted);
    assert_eq!(exchange.set_read(&alice, &made.item, false).await.unwrap_err(), PortError::NotFound);
    assert_eq!(exchange.delete(&alice, &made.item).await.unwrap_err(), PortError::NotFound);
    let gibberish = ItemRef("not an id".to_owned());
    let error = exchange.set_read(&alice, &gibberish, true).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error}");
}
