//! A voice message, fax or text message as an Exchange item.

use tieline_model::{Caller, MessageKind, SmtpAddress};
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

/// The item to create. `sender` is the address that an answer goes to; callers have none, so it is the service
/// account's, under the caller's name.
pub(crate) fn item(message: &OutgoingMessage, sender: &SmtpAddress) -> Item {
    let from = EmailAddress::named(sender_name(&message.caller), sender.as_str());
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

fn attachment(file: &Attachment) -> EwsAttachment {
    let content = Binary(file.content.clone());
    EwsAttachment::File(FileAttachment::new(&file.name, &file.media_type, content))
}
