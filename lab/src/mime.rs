//! MIME in both directions: a message that arrives as RFC 5322 becomes properties and attachments ([`read`]), and an
//! item's properties become RFC 5322 when a client asks for `MimeContent` or mail leaves the lab ([`write`]).
//!
//! The names on both sides are those of [MS-OXCMAIL]. What arrives is bounded before it is taken apart: by its number
//! of parts, which also bounds how deep messages lie in messages.

mod read;
mod write;

use mail_parser::MessageParser;

pub(crate) use read::{Parsed, parse};
pub(crate) use write::{Outgoing, build, source_of_attached};

use crate::{
    account::DOMAIN,
    document::{Document, element, mailboxes},
};

/// X- headers of voice and fax messages with the MAPI tag and type they become ([MS-OXCMAIL]).
const VOICE_HEADERS: [(&str, &str); 6] = [
    ("X-VoiceMessageDuration", "0x6801:Integer"),
    ("X-CallingTelephoneNumber", "0x6802:String"),
    ("X-VoiceMessageSenderName", "0x6803:String"),
    ("X-FaxNumberOfPages", "0x6804:Integer"),
    ("X-AttachmentOrder", "0x6805:String"),
    ("X-CallID", "0x6806:String"),
];

/// `Content-Class` with the item class it stands for ([MS-OXCMAIL]).
const CONTENT_CLASSES: [(&str, &str); 6] = [
    ("voice-ca", "IPM.Note.Microsoft.Voicemail.UM.CA"),
    ("voice", "IPM.Note.Microsoft.Voicemail.UM"),
    ("voice-uc", "IPM.Note.Microsoft.Conversation.Voice"),
    ("missedcall", "IPM.Note.Microsoft.Missed.Voice"),
    ("fax", "IPM.Note.Microsoft.Fax"),
    ("fax-ca", "IPM.Note.Microsoft.Fax.CA"),
];

/// `Sensitivity` as the header and as the property say it.
const SENSITIVITIES: [(&str, &str); 3] =
    [("Personal", "Personal"), ("Private", "Private"), ("Company-Confidential", "Confidential")];

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

/// The recipients of a property as name and address; entries without an address are left out.
pub(crate) fn listed(document: &Document, name: &str) -> Vec<(Option<String>, String)> {
    document.parts.get(name).map(|fragment| mailboxes(fragment)).unwrap_or_default()
}

/// A message id for an item that has none.
pub(crate) fn new_message_id() -> String {
    format!("<{}@{}>", crate::id::random_uuid().simple(), DOMAIN)
}

/// A date as header fields write it.
pub(crate) fn header_date(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A message as it looks on delivery: with a trace (`with HTTP`, `with SMTP`), and with the id and date that its author
/// left out.
pub(crate) fn stamped(source: &[u8], message_id: &str, with: &str, now_ms: i64) -> Vec<u8> {
    let now = header_date(now_ms);
    let mut out = format!("Received: by mail.{DOMAIN} with {with}; {now}\r\n").into_bytes();
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
mod tests;
