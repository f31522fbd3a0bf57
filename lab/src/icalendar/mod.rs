//! iCalendar (RFC 5545) in both directions, as Exchange writes and reads it ([MS-OXCICAL]): calendar items with their
//! exceptions, and messages about meetings (RFC 6047).
//!
//! The syntax is calcard's. What it reads as dates without a zone gets its zone here: by the Windows or IANA id, or by
//! the rules of the `VTIMEZONE`, so that no zone is ever taken for UTC because nobody knows its name.
//!
//! The types to know: [`Calendar`], what one text says about one event or series, and [`Event`], the properties of
//! the event or of an exception as the lab keeps them.

mod read;
mod rule;
mod write;
mod zone;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub(crate) use read::read;
pub(crate) use write::write;

use crate::{
    document::Document,
    mime::{Parsed, listed},
    property::{date_time, millisecond},
};

/// The longest text that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most events of one series, and the most people of one event.
pub(crate) const MAX_EVENTS: usize = 1000;

/// One event or series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// `REQUEST`, `REPLY`, `CANCEL`, `PUBLISH` ...; none for an item in a calendar.
    pub(crate) method: Option<String>,
    pub(crate) event: Event,
    /// Occurrences that differ, by where the pattern puts them.
    pub(crate) exceptions: Vec<(Timestamp, Event)>,
    /// Where the pattern puts the occurrences that were deleted.
    pub(crate) deleted: Vec<Timestamp>,
}

/// An event as the lab keeps it: a `CalendarItem` with its subject, as a client would send it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) document: Document,
}

/// How many minutes before its start an event reminds of itself when nobody says so.
const USUAL_REMINDER: i32 = 15;

/// The method of a message about a meeting, by its item class.
fn method_of(class: &str) -> Option<&'static str> {
    let is = |prefix: &str| class.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    match () {
        () if is("IPM.Schedule.Meeting.Request") => Some("REQUEST"),
        () if is("IPM.Schedule.Meeting.Canceled") => Some("CANCEL"),
        () if is("IPM.Schedule.Meeting.Resp") => Some("REPLY"),
        () => None,
    }
}

/// The method and the text that a message about a meeting carries; `None` for other messages.
pub(crate) fn of_meeting_message(
    document: &Document,
    class: &str,
    subject: Option<&str>,
    now_ms: i64,
) -> Option<(String, String)> {
    let method = method_of(class)?;
    let mut event = document.clone();
    event.kind = "CalendarItem".to_owned();
    event.set_text("Subject", subject.unwrap_or_default());
    if method == "REPLY" {
        answer(&mut event, document, class);
    }
    if method == "CANCEL" {
        event.set_text("IsCancelled", "true");
    }
    let event = Event { document: event };
    let calendar = Calendar { method: Some(method.to_owned()), event, ..Calendar::default() };
    Some((method.to_owned(), write(&calendar, now_ms)))
}

/// A reply tells the organizer of one attendee: who answers, and how.
fn answer(event: &mut Document, message: &Document, class: &str) {
    let response = match class.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("pos") => "Accept",
        Some("neg") => "Decline",
        _ => "Tentative",
    };
    if let Some(organizer) = listed(message, "ToRecipients").into_iter().next() {
        let fragment = crate::mime::recipients_fragment("Organizer", &[organizer]);
        event.parts.insert("Organizer".to_owned(), fragment);
    }
    let attendee = listed(message, "From").into_iter().next().map(|(name, address)| {
        let mailbox = crate::mime::recipients_fragment("Mailboxes", &[(name, address)]);
        let mailbox = mailbox.replace("<t:Mailboxes>", "").replace("</t:Mailboxes>", "");
        format!(
            "<t:RequiredAttendees><t:Attendee>{mailbox}<t:ResponseType>{response}</t:ResponseType></t:Attendee>\
             </t:RequiredAttendees>"
        )
    });
    for list in ["OptionalAttendees", "Resources"] {
        event.parts.remove(list);
    }
    event.parts.extend(attendee.map(|list| ("RequiredAttendees".to_owned(), list)));
}

/// Makes a message with an iMIP part the message about a meeting that it is; `false` when it is none.
pub(crate) fn become_meeting_message(parsed: &mut Parsed) -> bool {
    let Some(calendar) = parsed.calendar.as_deref().and_then(read) else { return false };
    let partstat = || calendar.event.document.text_below("RequiredAttendees", &["ResponseType"]);
    let (kind, class) = match calendar.method.as_deref() {
        Some("REQUEST" | "COUNTER") => ("MeetingRequest", "IPM.Schedule.Meeting.Request"),
        Some("CANCEL") => ("MeetingCancellation", "IPM.Schedule.Meeting.Canceled"),
        Some("REPLY") => match partstat().as_deref() {
            Some("Accept") => ("MeetingResponse", "IPM.Schedule.Meeting.Resp.Pos"),
            Some("Decline") => ("MeetingResponse", "IPM.Schedule.Meeting.Resp.Neg"),
            _ => ("MeetingResponse", "IPM.Schedule.Meeting.Resp.Tent"),
        },
        _ => return false,
    };
    let sequence = calendar.event.document.text("AppointmentSequenceNumber");
    let document = &mut parsed.document;
    for (name, part) in &calendar.event.document.parts {
        // The message has a subject, a body and an importance of its own.
        if !matches!(
            name.as_str(),
            "Body" | "Subject" | "Importance" | "ReminderIsSet" | "ReminderMinutesBeforeStart"
        ) || !document.parts.contains_key(name)
        {
            document.parts.insert(name.clone(), part.clone());
        }
    }
    document.kind = kind.to_owned();
    if kind == "MeetingRequest" {
        let update = sequence.is_some_and(|sequence| sequence.trim() != "0");
        document.set_text("MeetingRequestType", if update { "FullUpdate" } else { "NewMeetingRequest" });
        document.set_text("IsMeeting", "true");
        document.set_text("IsResponseRequested", "true");
        if let Some(busy) = document.text("LegacyFreeBusyStatus") {
            document.set_text("IntendedFreeBusyStatus", &busy);
        }
    }
    if let Some(response) = partstat().filter(|_| kind == "MeetingResponse") {
        document.set_text("ResponseType", &response);
        document.parts.remove("RequiredAttendees");
    }
    parsed.class = Some(class.to_owned());
    true
}

/// What a client sent as the MIME content of a calendar item: iCalendar itself, or a message around it.
pub(crate) fn of_content(mime: &[u8]) -> Option<Calendar> {
    let text = String::from_utf8_lossy(mime);
    let begins = text.trim_start_matches(['\u{feff}', '\r', '\n', ' ']);
    if begins.get(..15).is_some_and(|head| head.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return read(begins);
    }
    read(crate::mime::parse(mime)?.calendar.as_deref()?)
}

/// A point in time in a document.
fn instant(document: &Document, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(millisecond(&document.text(name)?)?).ok()
}

fn set_instant(document: &mut Document, name: &str, at: Timestamp) {
    document.set_text(name, &date_time(at.as_millisecond()));
}
