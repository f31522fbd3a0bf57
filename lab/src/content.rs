//! From the element that a client sent to the columns and the document that the lab keeps, and back.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ews::{Attachment as AttachmentElement, Item as ItemElement, ItemKind, xml::Choice};

use crate::{
    account::Directory,
    document::{Document, escape},
    extended::ExtendedValue,
    icalendar, mapi_property,
    mime::{self, Parsed, listed, recipients_fragment},
    property::{Sort, boolean, date_time, has_offset, millisecond},
    store::item::Content,
    vcard,
    view::{MSGFLAG_READ, MSGFLAG_UNSENT},
};

/// What a client sent, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) content: Content,
    pub(crate) document: Document,
    pub(crate) attachments: Vec<NewAttachment>,
}

/// An attachment to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewAttachment {
    pub(crate) document: Document,
    pub(crate) content: Vec<u8>,
}

impl NewAttachment {
    /// Whether the attachment is shown inside the body only.
    pub(crate) fn is_inline(&self) -> bool {
        self.document.text("IsInline").and_then(|text| boolean(&text)).unwrap_or(false)
    }

    /// Takes an attachment's element apart: content aside, id and server's fields away.
    pub(crate) fn from_element(mut element: AttachmentElement) -> Self {
        let content = match &mut element {
            AttachmentElement::File(file) => {
                file.content.take().map(|content| content.0.to_vec()).unwrap_or_default()
            }
            AttachmentElement::Item(item) => match item.item.take() {
                Some(item) => xml_of(&*item),
                None => Vec::new(),
            },
            AttachmentElement::Reference(_) => Vec::new(),
        };
        let mut document = Document::of(|w| element.write_choice(w)).unwrap_or_default();
        for server_field in ["AttachmentId", "Size", "LastModifiedTime"] {
            document.parts.remove(server_field);
        }
        if !document.parts.contains_key("ContentType") {
            let name = document.text("Name").unwrap_or_default();
            let file = document.kind == "FileAttachment";
            document.set_text("ContentType", if file { content_type(&name) } else { "message/rfc822" });
        }
        Self { document, content }
    }

    /// The element with its content, to stand in an attached item.
    pub(crate) fn to_xml(&self) -> String {
        let mut document = self.document.clone();
        match document.kind.as_str() {
            "FileAttachment" => {
                let content = STANDARD.encode(&self.content);
                document.parts.insert("Content".to_owned(), format!("<t:Content>{content}</t:Content>"));
            }
            _ => {
                let item = String::from_utf8_lossy(&self.content).into_owned();
                document.parts.insert("Item".to_owned(), item);
            }
        }
        document.to_xml(|_| true)
    }
}

/// The element as the codec writes it.
pub(crate) fn xml_of(element: &impl Choice) -> Vec<u8> {
    let mut writer = tieline_proto_ews::xml::Writer::with_capacity(1024);
    element.write_choice(&mut writer);
    writer.finish()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}

/// Whose item it is and when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) owner_name: &'a str,
    pub(crate) owner_address: &'a str,
    pub(crate) now_ms: i64,
}

/// Takes a client's item apart. `None` when its MIME content is not readable.
pub(crate) fn incoming(mut item: ItemElement, making: Making<'_>) -> Option<Incoming> {
    let mime = item.mime_content.take().map(|mime| mime.content.0.to_vec());
    let elements = std::mem::take(&mut item.attachments);
    item.item_id = None;
    item.parent_folder_id = None;
    let explicit = Document::of(|w| item.write_choice(w)).unwrap_or_default();
    let parsed = match &mime {
        Some(mime) => source(&explicit.kind, mime)?,
        None => Parsed::default(),
    };
    let mut document = parsed.document;
    if !is_message(&document.kind) || !is_message(&explicit.kind) {
        document.kind = explicit.kind;
    }
    document.parts.extend(explicit.parts);
    document.extended.extend(explicit.extended);
    let mut attachments = parsed.attachments;
    attachments.extend(elements.into_iter().map(NewAttachment::from_element));
    let class = class_of(&mut document, parsed.class);
    let content = Content { class, sent_ms: parsed.sent_ms, mime, ..Content::default() };
    Some(complete(document, content, attachments, making))
}

/// What an item's MIME content says: iCalendar of a calendar item, vCard of a contact, a message of all others.
pub(crate) fn source(kind: &str, mime: &[u8]) -> Option<Parsed> {
    match kind {
        "CalendarItem" => {
            let calendar = icalendar::of_content(mime)?;
            Some(Parsed { document: calendar.event.document, ..Parsed::default() })
        }
        "Contact" => {
            let card = vcard::read(mime)?;
            let attachments = card.photo.into_iter().collect();
            Some(Parsed { document: card.document, attachments, ..Parsed::default() })
        }
        _ => message_source(mime),
    }
}

/// What a message says; one that carries an invitation or an answer to one is a message about a meeting.
pub(crate) fn message_source(mime: &[u8]) -> Option<Parsed> {
    let mut parsed = mime::parse(mime)?;
    icalendar::become_meeting_message(&mut parsed);
    Some(parsed)
}

/// A message that came by SMTP.
pub(crate) fn received(mime: Vec<u8>, making: Making<'_>) -> Option<Incoming> {
    let parsed = message_source(&mime)?;
    let mut document = parsed.document;
    let class = class_of(&mut document, parsed.class);
    let content = Content { class, sent_ms: parsed.sent_ms, mime: Some(mime), ..Content::default() };
    Some(complete(document, content, parsed.attachments, making))
}

/// A message of the mailbox's owner from its properties.
pub(crate) fn composed(document: Document, attachments: Vec<NewAttachment>, making: Making<'_>) -> Incoming {
    let content = Content { class: "IPM.Note".to_owned(), ..Content::default() };
    complete(document, content, attachments, making)
}

fn complete(
    mut document: Document,
    content: Content,
    attachments: Vec<NewAttachment>,
    making: Making<'_>,
) -> Incoming {
    let message = is_message(&document.kind);
    mapi_property::take_over(&mut document);
    normalize(&mut document);
    let mut content = Content {
        is_draft: message,
        is_read: true,
        received_ms: making.now_ms,
        sent_ms: content.sent_ms.or(message.then_some(making.now_ms)),
        ..content
    };
    take_columns(&mut document, &mut content);
    if message {
        complete_message(&mut document, making);
    }
    finish(&mut document, &mut content, &attachments);
    Incoming { content, document, attachments }
}

/// Whether an element of this name has the fields of a message.
pub(crate) fn is_message(kind: &str) -> bool {
    kind == "Message" || kind.starts_with("Meeting")
}

/// Writes points in time as Exchange answers them: in UTC, with whole seconds. A calendar's times without an offset are
/// left: they mean a zone that stands elsewhere.
pub(crate) fn normalize(document: &mut Document) {
    let floating = ["Start", "End", "OriginalStart", "RecurrenceId"];
    let times: Vec<_> = document
        .parts
        .keys()
        .filter(|name| Sort::of_element(name) == Sort::Time)
        .filter_map(|name| {
            let text = document.text(name)?;
            let known = has_offset(&text) || !floating.contains(&name.as_str());
            Some((name.clone(), date_time(millisecond(&text).filter(|_| known)?)))
        })
        .collect();
    for (name, text) in times {
        document.set_text(&name, &text);
    }
    let points = document.extended.iter_mut().filter(|(name, _)| name.contains(":SystemTime"));
    for text in points.flat_map(|(_, value)| &mut value.values) {
        if let Some(ms) = millisecond(text) {
            *text = date_time(ms);
        }
    }
}

fn class_of(document: &mut Document, mime_class: Option<String>) -> String {
    let tagged = document.extended.remove("0x001a:String").and_then(|value| value.values.into_iter().next());
    let class = document.text("ItemClass").or(tagged).or(mime_class);
    let class = class.unwrap_or_else(|| {
        match document.kind.as_str() {
            "CalendarItem" => "IPM.Appointment",
            "Contact" => "IPM.Contact",
            "DistributionList" => "IPM.DistList",
            "Task" => "IPM.Task",
            "PostItem" => "IPM.Post",
            _ => "IPM.Note",
        }
        .to_owned()
    });
    document.kind = ItemKind::from_item_class(&class).element().to_owned();
    class
}

/// Moves what has a column of its own out of the document.
pub(crate) fn take_columns(document: &mut Document, content: &mut Content) {
    let mut take = |tags: &[&str], element: Option<&str>| {
        let tagged = tags.iter().filter_map(|tag| document.extended.remove(*tag)).next();
        let tagged = tagged.and_then(|value| value.values.into_iter().next());
        let text = element.and_then(|name| document.text(name));
        if let Some(name) = element {
            document.parts.remove(name);
        }
        text.or(tagged)
    };
    let flags =
        take(&["0x0e07:Integer", "0x0e07:Long"], None).and_then(|flags| flags.trim().parse::<i64>().ok());
    if let Some(flags) = flags {
        content.is_draft = flags & MSGFLAG_UNSENT != 0;
        content.is_read = flags & MSGFLAG_READ != 0;
    }
    if let Some(read) = take(&["0x0e69:Boolean"], Some("IsRead")).and_then(|text| boolean(&text)) {
        content.is_read = read;
    }
    if let Some(associated) = take(&[], Some("IsAssociated")).and_then(|text| boolean(&text)) {
        content.associated = associated;
    }
    if let Some(subject) = take(&["0x0037:String"], Some("Subject")) {
        content.subject = Some(subject);
    }
    let received = take(&["0x0e06:SystemTime"], Some("DateTimeReceived"));
    if let Some(received) = received.and_then(|text| millisecond(&text)) {
        content.received_ms = received;
    }
    if let Some(sent) = take(&["0x0039:SystemTime"], Some("DateTimeSent")).and_then(|text| millisecond(&text))
    {
        content.sent_ms = Some(sent);
    }
    let message_id = take(&["0x1035:String"], Some("InternetMessageId"));
    if let Some(message_id) = message_id {
        document.set_text("InternetMessageId", &message_id);
    }
    for server_field in
        ["ItemClass", "Size", "IsDraft", "HasAttachments", "DateTimeCreated", "LastModifiedTime"]
    {
        document.parts.remove(server_field);
    }
    for server_tag in ["0x0e08:Integer", "0x3007:SystemTime", "0x3008:SystemTime", "0x0e1b:Boolean"] {
        document.extended.remove(server_tag);
    }
}

fn complete_message(document: &mut Document, making: Making<'_>) {
    if !document.parts.contains_key("InternetMessageId") {
        document.set_text("InternetMessageId", &mime::new_message_id());
    }
    for name in ["From", "Sender"] {
        if !document.parts.contains_key(name) {
            let other = document
                .parts
                .get("From")
                .map(|from| from.replace("<t:From>", "<t:Sender>").replace("</t:From>", "</t:Sender>"));
            let owner = [(Some(making.owner_name.to_owned()), making.owner_address.to_owned())];
            let fragment = other.unwrap_or_else(|| recipients_fragment(name, &owner));
            document.parts.insert(name.to_owned(), fragment);
        }
    }
    for name in ["From", "Sender", "ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo"] {
        resolve(document, name, making.directory);
    }
}

/// Gives lab accounts among the recipients their display names, as Exchange resolves recipients.
pub(crate) fn resolve(document: &mut Document, name: &str, directory: &Directory) {
    let list = listed(document, name);
    if list.is_empty() {
        return;
    }
    let mut fragment = format!("<t:{name}>");
    for (display, address) in list {
        let known = directory.by_address(&address);
        let display =
            known.map(|known| known.display_name.clone()).or(display).unwrap_or_else(|| address.clone());
        let address = known.map(|known| known.address.clone()).unwrap_or(address);
        let kind = if known.is_some() { "Mailbox" } else { "OneOff" };
        fragment.push_str(&format!(
            "<t:Mailbox><t:Name>{}</t:Name><t:EmailAddress>{}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>\
             <t:MailboxType>{kind}</t:MailboxType></t:Mailbox>",
            escape(&display),
            escape(&address)
        ));
    }
    fragment.push_str(&format!("</t:{name}>"));
    document.parts.insert(name.to_owned(), fragment);
}

/// Fills the columns that follow from the document and the attachments.
pub(crate) fn finish(document: &mut Document, content: &mut Content, attachments: &[NewAttachment]) {
    content.has_attachments = attachments.iter().any(|attachment| !attachment.is_inline());
    mark_inline(document, attachments.iter().any(NewAttachment::is_inline));
    let bytes: usize = attachments.iter().map(|attachment| attachment.content.len()).sum();
    store(document, content, bytes);
}

/// Notes in the document that there are inline attachments, which no column tells.
pub(crate) fn mark_inline(document: &mut Document, inline: bool) {
    match inline {
        true => drop(document.parts.insert("InlineAttachments".to_owned(), String::new())),
        false => drop(document.parts.remove("InlineAttachments")),
    }
}

/// Puts the document into the content: its bytes, the size of the whole, and what can be searched.
pub(crate) fn store(document: &Document, content: &mut Content, attachment_bytes: usize) {
    content.document = document.to_bytes();
    content.size = size(&content.document, attachment_bytes);
    content.properties = document.extended.iter().flat_map(searchable).collect();
    content.properties.extend(mapi_property::searchable(document));
    content.properties.extend(document.text("UID").map(|uid| ("UID".to_owned(), uid)));
}

/// Size of an item, in bytes: near enough to what Exchange would count.
pub(crate) fn size(document: &[u8], attachment_bytes: usize) -> i64 {
    i64::try_from(document.len() + attachment_bytes + 512).unwrap_or(i64::MAX)
}

fn searchable<'a>(
    (name, value): (&'a String, &'a ExtendedValue),
) -> impl Iterator<Item = (String, String)> + 'a {
    value.values.iter().map(move |text| (name.clone(), text.clone()))
}
