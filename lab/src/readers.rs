//! The readers of what peers send, for fuzzers: each takes any bytes, and what it accepts it writes and reads again.

use crate::{
    account::Directory,
    aqs,
    content::message_source,
    icalendar, id,
    mime::{self, Outgoing},
    smtp, vcard,
};

/// What an item without a date of its own gets; any will do.
const NOW_MS: i64 = 1_795_430_400_000;

/// A message, with the invitation it may carry.
///
/// # Panics
/// When what was written from it cannot be read.
pub fn message(bytes: &[u8]) {
    let Some(parsed) = message_source(bytes) else { return };
    let class = parsed.class.as_deref().unwrap_or("IPM.Note");
    let subject = parsed.document.text("Subject");
    let calendar = icalendar::of_meeting_message(&parsed.document, class, subject.as_deref(), NOW_MS);
    let written = mime::build(&Outgoing {
        document: &parsed.document,
        class,
        subject: subject.as_deref(),
        sent_ms: parsed.sent_ms.unwrap_or(NOW_MS),
        message_id: "<a@b>",
        attachments: &parsed.attachments,
        calendar: calendar.as_ref().map(|(method, text)| (method.as_str(), text.as_str())),
    });
    assert!(mime::parse(&written).is_some(), "a message that was written cannot be read");
}

/// An iCalendar text.
///
/// # Panics
/// When what was written from it cannot be read.
pub fn calendar(bytes: &[u8]) {
    let Some(calendar) = icalendar::of_content(bytes) else { return };
    let written = icalendar::write(&calendar, NOW_MS);
    assert!(icalendar::read(&written).is_some(), "a calendar that was written cannot be read:\n{written}");
}

/// A vCard.
///
/// # Panics
/// When what was written from it cannot be read.
pub fn card(bytes: &[u8]) {
    let Some(card) = vcard::read(bytes) else { return };
    let photo = card.photo.as_ref().map(|photo| photo.content.as_slice());
    let written = vcard::write(&card.document, None, photo);
    assert!(vcard::read(written.as_bytes()).is_some(), "a card that was written cannot be read:\n{written}");
}

/// A query as people write it, and an id, change key or state as clients hand them back.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    aqs::Query::parse(&text);
    id::version_of(&text);
    if let Some(read) = id::Id::decode(&text) {
        assert_eq!(id::Id::decode(&read.encode()), Some(read), "an id that was written cannot be read");
    }
    if let Some(read) = id::SyncState::decode(&text) {
        assert_eq!(id::SyncState::decode(&read.encode()), Some(read), "nor a state");
    }
}

/// What an SMTP peer says, in pieces of this size.
pub fn smtp(bytes: &[u8], piece: usize) {
    smtp::hear(&Directory::new(3), bytes, piece);
}
