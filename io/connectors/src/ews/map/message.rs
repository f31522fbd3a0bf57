//! A voice message, fax or text message as an Exchange item.

use tieline_model::{Caller, MessageKind};
use tieline_ports::{Attachment, FolderRef, ItemRef, OutgoingMessage, RemoteItem};
use tieline_proto_ews::{
    Attachment as EwsAttachment, Binary, EmailAddress, ExtendedProperty, FileAttachment, Item, ItemBody,
    Message,
};

use super::property::{self, Voice};

/// The item class ([MS-OXOUM] section 2.2.2.1): what makes Outlook show a player, and a telephone's light count it.
pub(crate) const fn item_class(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Voice => "IPM.Note.Microsoft.Voicemail.UM.CA",
        MessageKind::Fax => "IPM.Note.Microsoft.Fax.CA",
        MessageKind::Text => "IPM.Note",
    }
}

/// The item to create.
pub(crate) fn item(message: &OutgoingMessage) -> Item {
    let from = EmailAddress::named(sender_name(&message.caller), sender_address(&message.caller));
    Item {
        item_class: Some(item_class(message.kind).to_owned()),
        subject: Some(message.subject.clone()),
        body: Some(ItemBody::html(&message.body_html)),
        attachments: message.attachment.iter().map(attachment).collect(),
        extended_properties: properties(message),
        ..Item::from_message(Message { from: Some(from.into()), ..Message::default() })
    }
}

/// An item of ours as it stands. Without a read flag (a person turned it into something else) it counts as unread.
pub(crate) fn remote(item: &Item, folder: FolderRef, deleted: bool) -> Option<RemoteItem> {
    let read = item.message().and_then(|message| message.is_read).unwrap_or(false);
    let id = item.item_id.as_ref()?.id.clone();
    Some(RemoteItem { item: ItemRef(id), folder, read, deleted })
}

fn properties(message: &OutgoingMessage) -> Vec<ExtendedProperty> {
    let common = Voice {
        number: message.caller.number.as_deref(),
        name: message.caller.name.as_deref(),
        call_id: message.call_id.as_deref(),
        ..Voice::default()
    };
    let voice = match message.kind {
        // The same tags mean other things on other classes.
        MessageKind::Text => Voice::default(),
        MessageKind::Voice => Voice {
            duration_s: Some(message.duration_s),
            attachments: message.attachment.as_ref().map(|file| file.name.as_str()),
            ..common
        },
        MessageKind::Fax => Voice { pages: Some(message.pages), ..common },
    };
    let mut all = property::received(message.received, message.read).to_vec();
    all.extend(voice.properties());
    all.extend(property::marks(message.key, message.trace));
    all
}

/// "Bob Miller (5551234)", or what there is of it.
fn sender_name(caller: &Caller) -> String {
    match (&caller.name, &caller.number) {
        (Some(name), Some(number)) => format!("{name} ({number})"),
        _ => caller.label().to_owned(),
    }
}

/// A caller has no mail address. Exchange would show the directory's name for any address that it knows, so this is one
/// that nobody can have (RFC 6761): an answer to it comes back at once, and one caller's messages sort together.
fn sender_address(caller: &Caller) -> String {
    let number: String =
        caller.number.iter().flat_map(|number| number.chars()).filter(is_dialled).take(40).collect();
    let user = if number.is_empty() { "unknown" } else { number.as_str() };
    format!("{user}@telephone.invalid")
}

fn is_dialled(character: &char) -> bool {
    character.is_ascii_digit() || *character == '+'
}

fn attachment(file: &Attachment) -> EwsAttachment {
    let content = Binary(file.content.clone());
    EwsAttachment::File(FileAttachment::new(&file.name, &file.media_type, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::{DeliveryKey, TraceId};
    use uuid::Uuid;

    fn message(kind: MessageKind) -> OutgoingMessage {
        OutgoingMessage {
            key: DeliveryKey::from_uuid(Uuid::from_u128(1)),
            trace: TraceId::from_uuid(Uuid::from_u128(2)),
            kind,
            subject: "Voice message from Bob".to_owned(),
            body_html: "<p>Bob &amp; Co</p>".to_owned(),
            caller: Caller { number: Some("+49 30 5551234".to_owned()), name: Some("Bob".to_owned()) },
            received: "2026-11-23T08:00:00Z".parse().unwrap(),
            duration_s: 40_000,
            pages: 3,
            read: false,
            call_id: Some("abc@pbx".to_owned()),
            attachment: Some(Attachment {
                name: "Bob.wav".to_owned(),
                media_type: "audio/wav".to_owned(),
                content: bytes::Bytes::from_static(b"RIFF"),
            }),
        }
    }

    /// Address and value of every extended property, as a person would write them.
    fn listed(item: &Item) -> Vec<String> {
        let one = |property: &ExtendedProperty| {
            let uri = &property.extended_field_uri;
            let address = uri.property_tag.as_deref().or(uri.property_name.as_deref()).unwrap();
            let value = property.value.as_deref().unwrap();
            format!("{address} {} {value}", uri.property_type)
        };
        item.extended_properties.iter().map(one).collect()
    }

    const MARKS: [&str; 3] = [
        "TielineDeliveryId String dk_00000000000000000000000000000001",
        "TielineTraceId String tr_00000000000000000000000000000002",
        "TielineOrigin String tieline",
    ];
    const RECEIVED: [&str; 3] = [
        "0x0039 SystemTime 2026-11-23T08:00:00Z",
        "0x0e06 SystemTime 2026-11-23T08:00:00Z",
        "0x0e07 Integer 0",
    ];

    /// Covers: AV-87
    #[test]
    fn a_voice_message_has_its_class_properties_body_sender_and_recording() {
        let item = item(&message(MessageKind::Voice));
        assert_eq!(item.item_class.as_deref(), Some("IPM.Note.Microsoft.Voicemail.UM.CA"));
        let voice = [
            "0x6801 Integer 40000",
            "0x6802 String +49 30 5551234",
            "0x6803 String Bob",
            "0x6805 String Bob.wav",
            "0x6806 String abc@pbx",
            "X-VoiceMessageDuration Short 32767",
            "X-CallingTelephoneNumber String +49 30 5551234",
            "X-VoiceMessageSenderName String Bob",
            "X-AttachmentOrder String Bob.wav",
            "X-CallID String abc@pbx",
        ];
        assert_eq!(listed(&item), [&RECEIVED[..], &voice, &MARKS].concat());
        assert_eq!(item.body, Some(ItemBody::html("<p>Bob &amp; Co</p>")));
        let fields = item.message().unwrap();
        let from = &fields.from.as_ref().unwrap().mailbox;
        assert_eq!(from.name.as_deref(), Some("Bob (+49 30 5551234)"));
        assert_eq!(from.email_address.as_deref(), Some("+49305551234@telephone.invalid"));
        assert_eq!(fields.is_read_receipt_requested, None);
        let [EwsAttachment::File(file)] = item.attachments.as_slice() else {
            panic!("{:?}", item.attachments)
        };
        assert_eq!(file.attachment.name.as_deref(), Some("Bob.wav"));
        assert_eq!(file.content.as_ref().unwrap().as_ref(), b"RIFF");
    }

    #[test]
    fn a_fax_counts_pages_and_a_text_is_an_ordinary_message() {
        let fax = item(&message(MessageKind::Fax));
        assert_eq!(fax.item_class.as_deref(), Some("IPM.Note.Microsoft.Fax.CA"));
        assert!(listed(&fax).contains(&"0x6804 Integer 3".to_owned()));
        assert!(!listed(&fax).iter().any(|property| property.starts_with("0x6801")));
        let text = item(&OutgoingMessage { read: true, ..message(MessageKind::Text) });
        assert_eq!(text.item_class.as_deref(), Some("IPM.Note"));
        assert_eq!(listed(&text), [&RECEIVED[..2], &["0x0e07 Integer 1"], &MARKS].concat());
    }

    #[test]
    fn a_caller_without_name_or_number_still_has_a_sender() {
        let caller = |number: Option<&str>, name: Option<&str>| {
            sender_name(&Caller { number: number.map(str::to_owned), name: name.map(str::to_owned) })
        };
        assert_eq!(caller(Some("123"), None), "123");
        assert_eq!(caller(None, Some("Bob")), "Bob");
        assert_eq!(caller(None, None), "unknown caller");
        let address =
            |number: Option<&str>| sender_address(&Caller { number: number.map(str::to_owned), name: None });
        assert_eq!(address(Some("anonymous")), "unknown@telephone.invalid");
        assert_eq!(address(Some("(0)30/55-51>\r\nBcc: x")), "0305551@telephone.invalid");
        assert_eq!(address(None), "unknown@telephone.invalid");
    }
}
