//! From RFC 5322 to properties and attachments.

use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use tieline_proto_ews::{DistinguishedPropertySet, ExtendedFieldUri, MapiPropertyType};

use super::{CONTENT_CLASSES, SENSITIVITIES, VOICE_HEADERS, recipients_fragment};
use crate::{
    content::NewAttachment,
    document::{Document, element, escape},
    extended::{self, ExtendedValue},
};

/// More parts than this, counted by their `Content-Type` fields, are no mail that anybody wrote. The bound also holds
/// the depth of messages within messages, which the parser's types mirror on the stack.
const MAX_PARTS: usize = 1000;
/// Messages within messages that become items; what lies deeper stays a file.
const MAX_DEPTH: usize = 8;
/// X- header fields that become named properties.
const MAX_NAMED_HEADERS: usize = 64;
const MAX_NAMED_HEADER_BYTES: usize = 4096;

/// What a MIME message says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parsed {
    /// The message's properties.
    pub(crate) document: Document,
    /// The item class that its header asks for.
    pub(crate) class: Option<String>,
    /// Its date, in milliseconds since 1970 UTC.
    pub(crate) sent_ms: Option<i64>,
    pub(crate) attachments: Vec<NewAttachment>,
    /// The text of its `text/calendar` body part: iMIP (RFC 6047), or a calendar item as a client writes it.
    pub(crate) calendar: Option<String>,
}

/// Takes a message apart; `None` when it is no message at all, or one with too many parts.
pub(crate) fn parse(mime: &[u8]) -> Option<Parsed> {
    if parts_of(mime) > MAX_PARTS {
        return None;
    }
    let message = MessageParser::default().parse(mime)?;
    Some(parsed(&message, 0))
}

/// How many `Content-Type` fields stand at the beginning of a line, in every case of writing.
fn parts_of(mime: &[u8]) -> usize {
    const FIELD: &[u8] = b"content-type";
    let at_line = |line: &&[u8]| line.get(..FIELD.len()).is_some_and(|head| head.eq_ignore_ascii_case(FIELD));
    // The parser takes both CR and LF for the end of a line.
    mime.split(|byte| matches!(byte, b'\n' | b'\r')).filter(at_line).count()
}

fn parsed(message: &Message<'_>, depth: usize) -> Parsed {
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    set_people(&mut document, message);
    set_headers(&mut document, message);
    set_named_headers(&mut document, message);
    let calendar = calendar_part(message);
    set_body(&mut document, message);
    let html = document.text("Body").filter(|_| is_html(&document)).unwrap_or_default();
    let attached = message.attachments().filter(|part| {
        // An invitation's calendar part is its meaning, not a file, unless it was attached as one.
        !(is_calendar(part) && !is_attached(part) && calendar.is_some())
    });
    let attachments =
        attached.enumerate().map(|(index, part)| attachment(part, index, &html, depth)).collect();
    Parsed {
        class: class(message),
        sent_ms: message.date().map(|date| date.to_timestamp().saturating_mul(1000)),
        attachments,
        calendar,
        document,
    }
}

fn is_html(document: &Document) -> bool {
    document.attribute("Body", "BodyType").as_deref() == Some("HTML")
}

fn set_people(document: &mut Document, message: &Message<'_>) {
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
}

fn recipients(address: &Address<'_>) -> Vec<(Option<String>, String)> {
    let one = |found: &mail_parser::Addr<'_>| {
        let address = found.address.as_deref()?.to_owned();
        Some((found.name.as_deref().map(str::to_owned), address))
    };
    address.iter().filter_map(one).collect()
}

fn set_headers(document: &mut Document, message: &Message<'_>) {
    if let Some(subject) = message.subject() {
        document.set_text("Subject", subject);
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
    let raw = |name: &'static str| message.header_raw(name).map(str::trim);
    if let Some(importance) = importance(message) {
        document.set_text("Importance", importance);
    }
    let sensitivity = raw("Sensitivity")
        .and_then(|value| SENSITIVITIES.iter().find(|(header, _)| header.eq_ignore_ascii_case(value)));
    if let Some((_, sensitivity)) = sensitivity {
        document.set_text("Sensitivity", sensitivity);
    }
    for (header, name) in [
        ("Disposition-Notification-To", "IsReadReceiptRequested"),
        ("Return-Receipt-To", "IsDeliveryReceiptRequested"),
    ] {
        if raw(header).is_some() {
            document.set_text(name, "true");
        }
    }
    if let Some(topic) = message.header("Thread-Topic").and_then(HeaderValue::as_text) {
        document.set_text("ConversationTopic", topic);
    }
    let categories = texts(message.keywords());
    if !categories.is_empty() {
        let strings: String = categories.iter().map(|text| element("String", text)).collect();
        document.parts.insert("Categories".to_owned(), format!("<t:Categories>{strings}</t:Categories>"));
    }
    for (header, name) in VOICE_HEADERS {
        if let Some(value) = message.header_raw(header) {
            document.extended.insert(name.to_owned(), ExtendedValue::one(value.trim()));
        }
    }
}

/// Every X- header field becomes a property named like it, in the set of the Internet headers.
fn set_named_headers(document: &mut Document, message: &Message<'_>) {
    let named = message.headers_raw().filter(|(name, value)| {
        name.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("x-"))
            && value.len() <= MAX_NAMED_HEADER_BYTES
    });
    for (name, value) in named.take(MAX_NAMED_HEADERS) {
        let uri =
            ExtendedFieldUri::name(DistinguishedPropertySet::InternetHeaders, name, MapiPropertyType::String);
        if let Some(canonical) = extended::canonical(&uri) {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            document.extended.insert(canonical, ExtendedValue::one(value));
        }
    }
}

fn texts(value: &HeaderValue<'_>) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    };
    match value {
        HeaderValue::Text(text) => split(text),
        HeaderValue::TextList(list) => list.iter().flat_map(|text| split(text)).collect(),
        _ => Vec::new(),
    }
}

fn ids(value: &HeaderValue<'_>) -> String {
    match value {
        HeaderValue::Text(id) => format!("<{id}>"),
        HeaderValue::TextList(list) => list.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

fn importance(message: &Message<'_>) -> Option<&'static str> {
    let value = ["Importance", "X-Priority", "Priority"].iter().find_map(|name| message.header_raw(*name))?;
    Some(match value.trim().to_ascii_lowercase().get(..1)? {
        "h" | "1" | "2" | "u" => "High",
        "l" | "4" | "5" => "Low",
        _ if value.trim().eq_ignore_ascii_case("non-urgent") => "Low",
        _ => "Normal",
    })
}

/// The item class that `Content-Class` asks for.
fn class(message: &Message<'_>) -> Option<String> {
    let wanted = message.header_raw("Content-Class")?.trim();
    let known = CONTENT_CLASSES.iter().find(|(content_class, _)| content_class.eq_ignore_ascii_case(wanted));
    known.map(|(_, class)| (*class).to_owned())
}

/// HTML wins over text; several body parts of one message are one body, one after the other.
fn set_body(document: &mut Document, message: &Message<'_>) {
    let html: Vec<_> = message.html_bodies().filter(|part| is_body(part)).collect();
    let (body_type, text) = if html.iter().any(|part| matches!(part.body, PartType::Html(_))) {
        let one = |part: &&MessagePart<'_>| match &part.body {
            PartType::Html(html) => html.to_string(),
            _ => format!("<pre>{}</pre>", escape(part.text_contents().unwrap_or_default())),
        };
        ("HTML", html.iter().map(one).collect::<String>())
    } else {
        let texts: Vec<_> = message.text_bodies().filter(|part| is_body(part)).collect();
        if texts.is_empty() {
            return;
        }
        let joined: Vec<_> = texts.iter().filter_map(|part| part.text_contents()).collect();
        ("Text", joined.join("\r\n"))
    };
    let fragment = format!("<t:Body BodyType=\"{body_type}\">{}</t:Body>", escape(&text));
    document.parts.insert("Body".to_owned(), fragment);
}

fn is_body(part: &MessagePart<'_>) -> bool {
    matches!(part.body, PartType::Text(_) | PartType::Html(_)) && !is_calendar(part)
}

fn is_calendar(part: &MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|found| {
        found.ctype().eq_ignore_ascii_case("text")
            && found.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("calendar"))
    })
}

fn is_attached(part: &MessagePart<'_>) -> bool {
    part.content_disposition().is_some_and(|found| found.is_attachment())
}

fn calendar_part(message: &Message<'_>) -> Option<String> {
    let found = message.parts.iter().find(|part| is_calendar(part) && !is_attached(part))?;
    found.text_contents().map(str::to_owned)
}

fn attachment(part: &MessagePart<'_>, index: usize, html: &str, depth: usize) -> NewAttachment {
    if let PartType::Message(message) = &part.body
        && depth < MAX_DEPTH
    {
        return nested(message, depth);
    }
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |found| format!("{}/{}", found.ctype(), found.subtype().unwrap_or("octet-stream")),
    );
    let content_id = part.content_id().map(|id| id.trim_matches(['<', '>']).to_owned());
    let shown = content_id.as_ref().is_some_and(|id| html.contains(&format!("cid:{id}")));
    let marked = part.content_disposition().is_some_and(|found| found.is_inline()) && content_id.is_some();
    let name = part.attachment_name().map(str::to_owned);
    let mut document = Document { kind: "FileAttachment".to_owned(), ..Document::default() };
    let name = name.unwrap_or_else(|| format!("ATT{:05}.{}", index + 1, extension(&content_type)));
    document.set_text("Name", &name);
    document.set_text("ContentType", &content_type);
    if let Some(id) = &content_id {
        document.set_text("ContentId", id);
    }
    if let Some(location) = part.content_location() {
        document.set_text("ContentLocation", location);
    }
    document.set_text("IsInline", if shown || marked { "true" } else { "false" });
    NewAttachment { document, content: part.contents().to_vec() }
}

fn extension(content_type: &str) -> &str {
    match content_type {
        "text/plain" => "txt",
        "text/html" => "htm",
        "text/calendar" => "ics",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "message/rfc822" => "eml",
        _ => "dat",
    }
}

/// A message within a message becomes an attached item, with its own source beside its properties.
fn nested(message: &Message<'_>, depth: usize) -> NewAttachment {
    let inner = parsed(message, depth + 1);
    let subject = inner.document.text("Subject").unwrap_or_default();
    let mut document = Document { kind: "ItemAttachment".to_owned(), ..Document::default() };
    document.set_text("Name", &subject);
    document.set_text("ContentType", "message/rfc822");
    document.set_text("IsInline", "false");
    NewAttachment { document, content: item_xml(inner, message.raw_message()).into_bytes() }
}

/// The element of an attached message: properties, attachments with their content, and the source.
fn item_xml(inner: Parsed, source: &[u8]) -> String {
    let Parsed { mut document, class, sent_ms, attachments, .. } = inner;
    let class = class.unwrap_or_else(|| "IPM.Note".to_owned());
    document.set_text("ItemClass", &class);
    if let Some(sent_ms) = sent_ms {
        document.set_text("DateTimeSent", &crate::property::date_time(sent_ms));
    }
    document.set_text("IsRead", "true");
    let mime = tieline_proto_ews::Binary::from(source);
    document.parts.insert(
        "MimeContent".to_owned(),
        format!("<t:MimeContent CharacterSet=\"UTF-8\">{}</t:MimeContent>", base64(mime.as_ref())),
    );
    if !attachments.is_empty() {
        document.set_text("HasAttachments", "true");
        let list: String = attachments.iter().map(NewAttachment::to_xml).collect();
        document.parts.insert("Attachments".to_owned(), format!("<t:Attachments>{list}</t:Attachments>"));
    }
    document.to_xml(|_| true)
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
