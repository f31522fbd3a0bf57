//! MIME in both directions: a message that arrives as RFC 5322 becomes properties and attachments, and an item's
//! properties become RFC 5322 when a client asks for `MimeContent`.

use mail_builder::{
    MessageBuilder,
    headers::{address::Address as BuiltAddress, message_id::MessageId, raw::Raw},
    mime::MimePart,
};
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use crate::{
    account::DOMAIN,
    document::{Document, element, escape, mailboxes},
    extended::ExtendedValue,
};

/// One attachment found in a MIME message, or to be put into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content_id: Option<String>,
    pub(crate) inline: bool,
    pub(crate) content: Vec<u8>,
}

/// What a MIME message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) document: Document,
    pub(crate) class: Option<&'static str>,
    pub(crate) sent_ms: Option<i64>,
    pub(crate) parts: Vec<Part>,
}

/// X- headers of voice and fax messages with the MAPI tag and type they become ([MS-OXCMAIL]).
const VOICE_HEADERS: [(&str, &str); 6] = [
    ("X-VoiceMessageDuration", "0x6801:Integer"),
    ("X-CallingTelephoneNumber", "0x6802:String"),
    ("X-VoiceMessageSenderName", "0x6803:String"),
    ("X-FaxNumberOfPages", "0x6804:Integer"),
    ("X-AttachmentOrder", "0x6805:String"),
    ("X-CallID", "0x6806:String"),
];

/// Takes a message apart; `None` when it is no message at all.
pub(crate) fn parse(mime: &[u8]) -> Option<Parsed> {
    let message = MessageParser::default().parse(mime)?;
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    if let Some(subject) = message.subject() {
        document.set_text("Subject", subject);
    }
    for (name, address) in [
        ("ToRecipients", message.to()),
        ("CcRecipients", message.cc()),
        ("BccRecipients", message.bcc()),
        ("ReplyTo", message.reply_to()),
    ] {
        let list = address.map(recipients).unwrap_or_default();
        if !list.is_empty() {
            document.parts.insert(name.to_owned(), recipients_fragment(name, &list));
        }
    }
    for (name, address) in [("From", message.from()), ("Sender", message.sender().or(message.from()))] {
        if let Some(one) = address.map(recipients).and_then(|list| list.into_iter().next()) {
            document.parts.insert(name.to_owned(), recipients_fragment(name, &[one]));
        }
    }
    if let Some(id) = message.message_id() {
        document.set_text("InternetMessageId", &format!("<{id}>"));
    }
    for (name, value) in [("InReplyTo", message.in_reply_to()), ("References", message.references())] {
        let ids = ids(value);
        if !ids.is_empty() {
            document.set_text(name, &ids);
        }
    }
    if let Some(importance) = importance(&message) {
        document.set_text("Importance", importance);
    }
    set_body(&mut document, &message);
    for (header, name) in VOICE_HEADERS {
        if let Some(value) = message.header_raw(header) {
            document.extended.insert(name.to_owned(), ExtendedValue::one(value.trim()));
        }
    }
    let sent_ms = message.date().map(|date| date.to_timestamp().saturating_mul(1000));
    Some(Parsed {
        document,
        class: class(&message),
        sent_ms,
        parts: message.attachments().map(part).collect(),
    })
}

fn recipients(address: &Address<'_>) -> Vec<(Option<String>, String)> {
    let one = |found: &mail_parser::Addr<'_>| {
        let address = found.address.as_deref()?.to_owned();
        Some((found.name.as_deref().map(str::to_owned), address))
    };
    address.iter().filter_map(one).collect()
}

/// A recipient property: a list for `ToRecipients` and the like, a single one for `From`.
pub(crate) fn recipients_fragment(name: &str, recipients: &[(Option<String>, String)]) -> String {
    let mut xml = format!("<t:{name}>");
    for (display, address) in recipients {
        xml.push_str("<t:Mailbox>");
        xml.push_str(&element("Name", display.as_deref().unwrap_or(address)));
        xml.push_str(&element("EmailAddress", address));
        xml.push_str("<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>");
    }
    xml.push_str(&format!("</t:{name}>"));
    xml
}

fn ids(value: &HeaderValue<'_>) -> String {
    match value {
        HeaderValue::Text(id) => format!("<{id}>"),
        HeaderValue::TextList(list) => list.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

fn importance(message: &Message<'_>) -> Option<&'static str> {
    let value = message.header_raw("Importance").or_else(|| message.header_raw("X-Priority"))?;
    Some(match value.trim().to_ascii_lowercase().get(..1)? {
        "h" | "1" | "2" => "High",
        "l" | "4" | "5" => "Low",
        _ => "Normal",
    })
}

/// The item class that `Content-Class` asks for ([MS-OXCMAIL]).
fn class(message: &Message<'_>) -> Option<&'static str> {
    Some(match message.header_raw("Content-Class")?.trim().to_ascii_lowercase().as_str() {
        "voice-ca" => "IPM.Note.Microsoft.Voicemail.UM.CA",
        "voice" => "IPM.Note.Microsoft.Voicemail.UM",
        "voice-uc" => "IPM.Note.Microsoft.Conversation.Voice",
        "missedcall" => "IPM.Note.Microsoft.Missed.Voice",
        "fax" => "IPM.Note.Microsoft.Fax",
        "fax-ca" => "IPM.Note.Microsoft.Fax.CA",
        _ => return None,
    })
}

fn set_body(document: &mut Document, message: &Message<'_>) {
    let html = message.html_bodies().find(|part| matches!(part.body, PartType::Html(_)));
    let (body_type, text) = match html {
        Some(part) => ("HTML", part.text_contents().map(str::to_owned)),
        None => ("Text", message.body_text(0).map(|text| text.into_owned())),
    };
    if let Some(text) = text {
        let fragment = format!("<t:Body BodyType=\"{body_type}\">{}</t:Body>", escape(&text));
        document.parts.insert("Body".to_owned(), fragment);
    }
}

fn part(part: &mail_parser::MessagePart<'_>) -> Part {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |found| format!("{}/{}", found.ctype(), found.subtype().unwrap_or("octet-stream")),
    );
    Part {
        name: part.attachment_name().unwrap_or("attachment").to_owned(),
        content_type,
        content_id: part.content_id().map(str::to_owned),
        inline: part.content_disposition().is_some_and(|found| found.is_inline()),
        content: part.contents().to_vec(),
    }
}

/// Writes an item as RFC 5322. `bcc` recipients are written only for the sender's own copy.
pub(crate) fn build(
    document: &Document,
    class: &str,
    sent_ms: i64,
    message_id: &str,
    parts: &[Part],
) -> Vec<u8> {
    let text = |name: &str| document.text(name);
    let mut builder = MessageBuilder::new()
        .message_id(MessageId::new(message_id.trim_matches(['<', '>']).to_owned()))
        .date(sent_ms.div_euclid(1000));
    if let Some(subject) = text("Subject") {
        builder = builder.subject(subject);
    }
    for (name, header) in [
        ("From", "From"),
        ("Sender", "Sender"),
        ("ToRecipients", "To"),
        ("CcRecipients", "Cc"),
        ("BccRecipients", "Bcc"),
        ("ReplyTo", "Reply-To"),
    ] {
        let list = listed(document, name);
        if !list.is_empty() {
            let list =
                list.into_iter().map(|(name, address)| BuiltAddress::new_address(name, address)).collect();
            builder = builder.header(header, BuiltAddress::new_list(list));
        }
    }
    for (name, header) in
        [("InReplyTo", "In-Reply-To"), ("References", "References"), ("Importance", "Importance")]
    {
        if let Some(value) = text(name).filter(|value| value.is_ascii() && !value.contains(['\r', '\n'])) {
            builder = builder.header(header, Raw::new(value));
        }
    }
    if let Some(content_class) = content_class(class) {
        builder = builder.header("Content-Class", Raw::new(content_class));
    }
    for (header, name) in VOICE_HEADERS {
        let value = document.extended.get(name).and_then(|value| value.values.first());
        if let Some(value) = value.filter(|value| value.is_ascii() && !value.contains(['\r', '\n'])) {
            builder = builder.header(header, Raw::new(value.clone()));
        }
    }
    let body = text("Body").unwrap_or_default();
    builder = match document.attribute("Body", "BodyType").as_deref() {
        Some("HTML") => builder.html_body(body),
        _ => builder.text_body(body),
    };
    for part in parts {
        let mime = MimePart::new(part.content_type.clone(), part.content.clone());
        let mime = match &part.content_id {
            Some(id) if part.inline => mime.inline().cid(id.clone()),
            _ => mime.attachment(part.name.clone()),
        };
        builder.attachments.get_or_insert_with(Vec::new).push(mime);
    }
    let mut out = Vec::new();
    builder.serialize(&mut out);
    out
}

fn content_class(class: &str) -> Option<&'static str> {
    Some(match class {
        "IPM.Note.Microsoft.Voicemail.UM.CA" => "voice-ca",
        "IPM.Note.Microsoft.Voicemail.UM" => "voice",
        "IPM.Note.Microsoft.Missed.Voice" => "missedcall",
        "IPM.Note.Microsoft.Fax" => "fax",
        "IPM.Note.Microsoft.Fax.CA" => "fax-ca",
        _ => return None,
    })
}

/// The recipients of a property as name and address; entries without an address are left out.
pub(crate) fn listed(document: &Document, name: &str) -> Vec<(Option<String>, String)> {
    document.parts.get(name).map(|fragment| mailboxes(fragment)).unwrap_or_default()
}

/// A message id for an item that has none.
pub(crate) fn new_message_id() -> String {
    format!("<{}@{}>", crate::id::random_uuid().simple(), DOMAIN)
}

/// A message as it looks on delivery: with a trace, and with the id and date that its author left out.
pub(crate) fn stamped(source: &[u8], message_id: &str, now_ms: i64) -> Vec<u8> {
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let now = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let mut out = format!("Received: by mail.{DOMAIN} with HTTP; {now}\r\n").into_bytes();
    let message = MessageParser::default().parse_headers(source);
    let has = |name: &str| message.as_ref().is_some_and(|message| message.header_raw(name).is_some());
    if !has("Message-ID") {
        out.extend_from_slice(format!("Message-ID: {message_id}\r\n").as_bytes());
    }
    if !has("Date") {
        out.extend_from_slice(format!("Date: {now}\r\n").as_bytes());
    }
    out.extend_from_slice(source);
    out
}

/// The header fields of a stored message, unfolded.
pub(crate) fn headers(mime: &[u8]) -> Vec<(String, String)> {
    let Some(message) = MessageParser::default().parse_headers(mime) else { return Vec::new() };
    let unfold = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    message.headers_raw().map(|(name, value)| (name.to_owned(), unfold(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_messages_parse_back() {
        let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
        document.set_text("Subject", "Grüße");
        let to = vec![(Some("Alice Adams".to_owned()), "alice@lab.example".to_owned())];
        document.parts.insert("ToRecipients".to_owned(), recipients_fragment("ToRecipients", &to));
        let from = [(Some("Bob".to_owned()), "bob@lab.example".to_owned())];
        document.parts.insert("From".to_owned(), recipients_fragment("From", &from));
        document
            .parts
            .insert("Body".to_owned(), "<t:Body BodyType=\"HTML\">&lt;p&gt;hi&lt;/p&gt;</t:Body>".to_owned());
        document.extended.insert("0x6801:Integer".to_owned(), ExtendedValue::one("12"));
        let audio = Part {
            name: "voice.wav".to_owned(),
            content_type: "audio/wav".to_owned(),
            content_id: None,
            inline: false,
            content: b"RIFF\0\x01".to_vec(),
        };
        let class = "IPM.Note.Microsoft.Voicemail.UM.CA";
        let sent = 1_763_884_800_000;
        let mime = build(&document, class, sent, "<one@lab.example>", std::slice::from_ref(&audio));
        let parsed = parse(&mime).expect("message");
        assert_eq!(parsed.class, Some(class));
        assert_eq!(parsed.sent_ms, Some(sent));
        assert_eq!(parsed.parts, [audio]);
        assert_eq!(parsed.document.text("Subject").as_deref(), Some("Grüße"));
        assert_eq!(parsed.document.text("InternetMessageId").as_deref(), Some("<one@lab.example>"));
        assert_eq!(listed(&parsed.document, "ToRecipients"), to);
        assert_eq!(parsed.document.extended.get("0x6801:Integer"), Some(&ExtendedValue::one("12")));
        assert_eq!(parsed.document.attribute("Body", "BodyType").as_deref(), Some("HTML"));
        assert!(headers(&mime).iter().any(|(name, _)| name == "Subject"));
    }
}
