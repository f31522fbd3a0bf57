//! The calendar attendant: what a mailbox does by itself when messages about meetings arrive, and the messages that
//! meetings give rise to.
//!
//! A meeting is one appointment at its organizer's and a copy at each attendee's, held together by `UID`. Between
//! them go requests, answers and cancellations. Sequence numbers tell what is out of date; an occurrence is named by
//! its original start (`RecurrenceId`). How much a mailbox does by itself is a setting
//! ([`Processing`](crate::calendar::Processing)).

pub(crate) mod answer;
pub(crate) mod busy;
mod cancellation;
pub(crate) mod delegation;
pub(crate) mod entry;
mod forward;
pub(crate) mod notice;
mod request;

use sqlx::SqliteConnection;

use crate::{
    calendar::Processing,
    document::Document,
    server::Server,
    store::{item::Item, mailbox::Mailbox},
};

/// A mailbox's attendant at work on one message, within one transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attendant<'a> {
    pub(crate) server: &'a Server,
    /// Whose mailbox it is.
    pub(crate) owner: &'a Mailbox,
    pub(crate) now_ms: i64,
}

impl Attendant<'_> {
    /// The setting that says how much is done.
    fn processing(&self) -> Processing {
        self.server.calendars.of(&self.owner.address).unwrap_or_else(|| {
            let rooms = self.server.directory.rooms();
            match rooms.iter().any(|room| room.address == self.owner.address) {
                true => Processing::AutoAccept,
                false => Processing::default(),
            }
        })
    }

    /// Does what is to be done about a message that has just arrived.
    pub(crate) async fn received(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
    ) -> Result<(), sqlx::Error> {
        if self.processing() == Processing::None {
            return Ok(());
        }
        let document = Document::from_bytes(&message.document);
        match document.kind.as_str() {
            "MeetingRequest" => self.requested(tx, message, document).await,
            "MeetingCancellation" => self.cancelled(tx, message, document).await,
            "MeetingResponse" => self.answered(tx, message, document).await,
            _ => Ok(()),
        }
    }

    /// The time in whole seconds, as Exchange answers times.
    fn now(&self) -> tieline_proto_ews::DateTime {
        jiff::Timestamp::from_second(self.now_ms / 1000).unwrap_or_default().into()
    }
}

/// Whether a message or appointment was organized by the owner of this address.
pub(crate) fn is_organizer(document: &Document, address: &str) -> bool {
    match document.text_below("Organizer", &["EmailAddress"]) {
        Some(organizer) => organizer.eq_ignore_ascii_case(address),
        None => true,
    }
}

/// The number of a meeting's version, which rises with each change that makes answers out of date.
pub(crate) fn sequence(document: &Document) -> i64 {
    document.text("AppointmentSequenceNumber").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
