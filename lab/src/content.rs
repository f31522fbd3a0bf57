//! From the element that a client sent to the columns and the document that the lab keeps, and back.

use tieline_proto_ews::{Attachment as AttachmentElement, Item as ItemElement, ItemKind, xml::Choice};

use crate::{
    account::Directory,
    document::{Document, escape},
    extended::ExtendedValue,
    mime::{self, Parsed, Part, listed, recipients_fragment},
    property::{boolean, millisecond},
    store::item::Content,
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
#[derive(Clone, Debug)]
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
        if document.kind == "FileAttachment" && !document.parts.contains_key("ContentType") {
            let name = document.text("Name").unwrap_or_default();
            document.set_text("ContentType", content_type(&name));
        }
        Self { document, content }
    }

    fn from_part(part: Part) -> Self {
        let mut document = Document { kind: "FileAttachment".to_owned(), ..Document::default() };
        document.set_text("Name", &part.name);
        document.set_text("ContentType", &part.content_type);
        if let Some(id) = &part.content_id {
            document.set_text("ContentId", id);
        }
        document.set_text("IsInline", if part.inline { "true" } else { "false" });
        Self { document, content: part.content }
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
        Some(mime) => mime::parse(mime)?,
        None => Parsed::default(),
    };
    let mut document = parsed.document;
    document.kind = explicit.kind;
    document.parts.extend(explicit.parts);
    document.extended.extend(explicit.extended);
    let mut attachments: Vec<_> = parsed.parts.into_iter().map(NewAttachment::from_part).collect();
    attachments.extend(elements.into_iter().map(NewAttachment::from_element));
    let class = class_of(&mut document, parsed.class);
    let content = Content { class, sent_ms: parsed.sent_ms, mime, ..Content::default() };
    Some(complete(document, content, attachments, making))
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
    let is_message = document.kind == "Message";
    let mut content = Content {
        is_draft: is_message,
        is_read: true,
        received_ms: making.now_ms,
        sent_ms: content.sent_ms.or(is_message.then_some(making.now_ms)),
        ..content
    };
    take_columns(&mut document, &mut content);
    if is_message {
        complete_message(&mut document, making);
    }
    finish(&mut document, &mut content, &attachments);
    Incoming { content, document, attachments }
}

fn class_of(document: &mut Document, mime_class: Option<&str>) -> String {
    let tagged = document.extended.remove("0x001a:String").and_then(|value| value.values.into_iter().next());
    let class = document.text("ItemClass").or(tagged).or(mime_class.map(str::to_owned));
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
