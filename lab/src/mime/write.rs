//! From properties and attachments to RFC 5322.

use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, message_id::MessageId, raw::Raw, text::Text},
    mime::MimePart,
};

use super::{CONTENT_CLASSES, SENSITIVITIES, VOICE_HEADERS, listed, new_message_id};
use crate::{
    body,
    content::NewAttachment,
    document::{Document, decode},
    icalendar::{self, Calendar, Event},
    property::boolean,
    vcard,
};

/// Attached items within attached items that are written; deeper ones are left out.
const MAX_DEPTH: usize = 8;

/// An item on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) document: &'a Document,
    pub(crate) class: &'a str,
    pub(crate) subject: Option<&'a str>,
    /// Milliseconds since 1970 UTC.
    pub(crate) sent_ms: i64,
    pub(crate) message_id: &'a str,
    pub(crate) attachments: &'a [NewAttachment],
    /// iCalendar with its method, for messages about meetings.
    pub(crate) calendar: Option<(&'a str, &'a str)>,
}

/// Writes an item as RFC 5322, with its blind copies: those who must not be told of them leave them out of the document.
pub(crate) fn build(item: &Outgoing<'_>) -> Vec<u8> {
    built(item, 0)
}

fn built(item: &Outgoing<'_>, depth: usize) -> Vec<u8> {
    let mut builder = MessageBuilder::new()
        .message_id(MessageId::new(one_line(item.message_id).trim_matches(['<', '>']).to_owned()))
        .date(item.sent_ms.div_euclid(1000));
    if let Some(subject) = item.subject {
        builder = builder.subject(one_line(subject));
    }
    builder = with_people(builder, item.document);
    builder = with_headers(builder, item);
    let mut out = Vec::new();
    builder.body(with_attachments(item, depth)).serialize(&mut out);
    out
}

/// Text that may stand in a header field: control characters become blanks.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn with_people<'a>(mut builder: MessageBuilder<'a>, document: &Document) -> MessageBuilder<'a> {
    for (name, header) in [
        ("From", "From"),
        ("Sender", "Sender"),
        ("ToRecipients", "To"),
        ("CcRecipients", "Cc"),
        ("BccRecipients", "Bcc"),
        ("ReplyTo", "Reply-To"),
    ] {
        let list = listed(document, name);
        if name == "Sender" && list == listed(document, "From") {
            continue;
        }
        let one = |(name, address): (Option<String>, String)| {
            Address::new_address(name.map(|name| one_line(&name)), one_line(&address))
        };
        if !list.is_empty() {
            builder = builder.header(header, Address::new_list(list.into_iter().map(one).collect()));
        }
    }
    builder
}

fn with_headers<'a>(mut builder: MessageBuilder<'a>, item: &Outgoing<'_>) -> MessageBuilder<'a> {
    let document = item.document;
    let plain = |value: &String| value.is_ascii() && !value.contains(char::is_control);
    for (name, header) in
        [("InReplyTo", "In-Reply-To"), ("References", "References"), ("Importance", "Importance")]
    {
        if let Some(value) = document.text(name).filter(plain) {
            builder = builder.header(header, Raw::new(value));
        }
    }
    let sensitivity = document.text("Sensitivity");
    if let Some((header, _)) =
        SENSITIVITIES.iter().find(|(_, property)| sensitivity.as_deref() == Some(*property))
    {
        builder = builder.header("Sensitivity", Raw::new(*header));
    }
    let wants = |name: &str| document.text(name).and_then(|text| boolean(&text)) == Some(true);
    let author = listed(document, "From").into_iter().next();
    for (name, header) in [
        ("IsReadReceiptRequested", "Disposition-Notification-To"),
        ("IsDeliveryReceiptRequested", "Return-Receipt-To"),
    ] {
        if let (true, Some((name, address))) = (wants(name), author.clone()) {
            let name = name.map(|name| one_line(&name));
            builder = builder.header(header, Address::new_address(name, one_line(&address)));
        }
    }
    let categories = document.texts_below("Categories", &["String"]);
    if !categories.is_empty() {
        builder = builder.header("Keywords", Text::new(one_line(&categories.join(", "))));
    }
    if let Some(topic) = document.text("ConversationTopic") {
        builder = builder.header("Thread-Topic", Text::new(one_line(&topic)));
    }
    let content_class = CONTENT_CLASSES.iter().find(|(_, class)| *class == item.class);
    if let Some((content_class, _)) = content_class {
        builder = builder.header("Content-Class", Raw::new(*content_class));
    } else if item.calendar.is_some() {
        builder = builder.header("Content-Class", Raw::new("urn:content-classes:calendarmessage"));
    }
    for (header, name) in VOICE_HEADERS {
        let value = document.extended.get(name).and_then(|value| value.values.first());
        if let Some(value) = value.filter(|value| plain(value)) {
            builder = builder.header(header, Raw::new(value.clone()));
        }
    }
    builder
}

/// `multipart/mixed` around `multipart/related` around `multipart/alternative`, each only where it is needed.
fn with_attachments<'a>(item: &Outgoing<'_>, depth: usize) -> MimePart<'a> {
    let mut related = Vec::new();
    let mut mixed = Vec::new();
    for new in item.attachments {
        let Some(part) = part(new, depth) else { continue };
        match new.is_inline() && new.document.parts.contains_key("ContentId") {
            true => related.push(part),
            false => mixed.push(part),
        }
    }
    let mut body = alternatives(item);
    if !related.is_empty() {
        related.insert(0, body);
        body = MimePart::new("multipart/related", related);
    }
    if !mixed.is_empty() {
        mixed.insert(0, body);
        body = MimePart::new("multipart/mixed", mixed);
    }
    body
}

fn alternatives<'a>(item: &Outgoing<'_>) -> MimePart<'a> {
    let text = item.document.text("Body").unwrap_or_default();
    let mut parts = match item.document.attribute("Body", "BodyType").as_deref() {
        Some("HTML") => {
            vec![MimePart::new("text/plain", body::text_of_html(&text)), MimePart::new("text/html", text)]
        }
        _ => vec![MimePart::new("text/plain", text)],
    };
    if let Some((method, calendar)) = item.calendar {
        let content_type = ContentType::new("text/calendar")
            .attribute("charset", "utf-8")
            .attribute("method", one_line(method));
        parts.push(MimePart::new(content_type, calendar.to_owned()));
    }
    match parts.len() {
        1 => parts.remove(0),
        _ => MimePart::new("multipart/alternative", parts),
    }
}

fn part<'a>(new: &NewAttachment, depth: usize) -> Option<MimePart<'a>> {
    let text = |name: &str| new.document.text(name).map(|text| one_line(&text));
    let name = text("Name").unwrap_or_else(|| "attachment".to_owned());
    if new.document.kind != "FileAttachment" {
        return Some(MimePart::new("message/rfc822", nested(&new.content, depth)?).transfer_encoding("8bit"));
    }
    let content_type = text("ContentType").filter(|found| is_media_type(found));
    let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let mut part =
        MimePart::new(ContentType::new(content_type).attribute("name", name.clone()), new.content.clone());
    part = match (new.is_inline(), text("ContentId")) {
        (true, Some(id)) => part.inline().cid(id.trim_matches(['<', '>']).to_owned()),
        (_, Some(id)) => part.attachment(name).cid(id.trim_matches(['<', '>']).to_owned()),
        (_, None) => part.attachment(name),
    };
    if let Some(location) = text("ContentLocation").filter(|location| location.is_ascii()) {
        part = part.location(location);
    }
    Some(part)
}

fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    // What is a multipart or a message in name only would not be read back.
    text.split_once('/').is_some_and(|(kind, subtype)| {
        token(kind)
            && token(subtype)
            && !["multipart", "message"].iter().any(|other| kind.eq_ignore_ascii_case(other))
    })
}

/// The source of an attached item: the one it came with, or what its properties say.
pub(crate) fn source_of_attached(xml: &[u8]) -> Option<Vec<u8>> {
    nested(xml, 0)
}

fn nested(xml: &[u8], depth: usize) -> Option<Vec<u8>> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let xml = std::str::from_utf8(xml).ok()?;
    let mut item: tieline_proto_ews::Item = decode(xml)?;
    if let Some(mime) = item.mime_content.take() {
        return Some(mime.content.0.to_vec());
    }
    let elements = std::mem::take(&mut item.attachments);
    let mut attachments: Vec<_> = elements.into_iter().map(NewAttachment::from_element).collect();
    let document = Document::from_xml(xml)?;
    let time = |name: &str| document.text(name).and_then(|text| crate::property::millisecond(&text));
    let sent_ms = time("DateTimeSent").or_else(|| time("DateTimeCreated")).unwrap_or_default();
    let (subject, class) = (document.text("Subject"), document.text("ItemClass"));
    let mut calendar = None;
    match document.kind.as_str() {
        "CalendarItem" => {
            let event = Event { document: document.clone() };
            calendar = Some(icalendar::write(&Calendar { event, ..Calendar::default() }, sent_ms));
        }
        "Contact" => attachments.push(card(&document, subject.as_deref())),
        _ => {}
    }
    let message_id = document.text("InternetMessageId").unwrap_or_else(new_message_id);
    let item = Outgoing {
        document: &document,
        class: class.as_deref().unwrap_or("IPM.Note"),
        subject: subject.as_deref(),
        sent_ms,
        message_id: &message_id,
        attachments: &attachments,
        calendar: calendar.as_deref().map(|text| ("PUBLISH", text)),
    };
    Some(built(&item, depth + 1))
}

/// A contact that travels with a message.
fn card(document: &Document, subject: Option<&str>) -> NewAttachment {
    let mut file = Document { kind: "FileAttachment".to_owned(), ..Document::default() };
    file.set_text("Name", &format!("{}.vcf", subject.unwrap_or("contact")));
    file.set_text("ContentType", "text/vcard");
    file.set_text("IsInline", "false");
    NewAttachment { document: file, content: vcard::write(document, subject, None).into_bytes() }
}
