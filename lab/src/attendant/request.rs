//! Requests at an attendee's: the entry they become, and what a room does with them.

use jiff::{SignedDuration, Timestamp};
use sqlx::SqliteConnection;
use tieline_proto_ews::ResponseType;

use super::{
    Attendant,
    answer::Reply,
    entry::{self, content_with},
    is_organizer, sequence,
};
use crate::{
    calendar::{Appointment, Processing, Series},
    content::{self, Incoming},
    delivery,
    document::Document,
    property::{date_time, millisecond},
    store::{
        folder,
        item::{self, Content, Item},
        item_move, occurrence,
    },
};

/// Properties of a request that belong to the message and not to the meeting.
const OF_THE_MESSAGE: [&str; 26] = [
    "From",
    "Sender",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "ReplyTo",
    "ReceivedBy",
    "ReceivedRepresenting",
    "InternetMessageId",
    "InReplyTo",
    "References",
    "ConversationTopic",
    "ConversationIndex",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "IsDelegated",
    "IsOutOfDate",
    "HasBeenProcessed",
    "ResponseType",
    "MeetingRequestType",
    "IntendedFreeBusyStatus",
    "IsMeeting",
    "IsRecurring",
    "CalendarItemType",
    "OriginalStart",
    "InlineAttachments",
];

/// How far ahead a room looks for conflicts, in days.
const ROOM_HORIZON: i64 = 180;

impl Attendant<'_> {
    /// A request has arrived.
    pub(super) async fn requested(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        document: Document,
    ) -> Result<(), sqlx::Error> {
        let Some(entry) = self.enter(tx, message, &document).await? else { return Ok(()) };
        if self.processing() != Processing::AutoAccept {
            return Ok(());
        }
        let free = self.is_free(tx, &entry).await?;
        let response = if free { ResponseType::Accept } else { ResponseType::Decline };
        let reply = Reply { response, body: None, proposed: None, send: true, copy: true };
        self.reply(tx, &entry, &reply).await?;
        self.discard(tx, message).await
    }

    /// Enters a request that lay untouched until now, as its answer needs an entry.
    pub(crate) async fn enter_now(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
    ) -> Result<Option<Item>, sqlx::Error> {
        self.enter(tx, message, &Document::from_bytes(&message.document)).await
    }

    /// Makes or updates the entry for a request; `None` when there is nothing to enter.
    pub(super) async fn enter(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        request: &Document,
    ) -> Result<Option<Item>, sqlx::Error> {
        let Some(uid) = request.text("UID") else { return Ok(None) };
        if is_organizer(request, &self.owner.address) {
            return Ok(None);
        }
        let recurrence_id = request.text("RecurrenceId").and_then(|text| millisecond(&text));
        let found = entry::find(tx, self.owner.mailbox, &uid, recurrence_id).await?;
        let Some(old) = found else {
            let entry = self.make(tx, message, request).await?;
            self.mark(tx, message, request, &[("HasBeenProcessed", "true")]).await?;
            return Ok(entry);
        };
        let before = Document::from_bytes(&old.document);
        if sequence(request) < sequence(&before) {
            let out =
                [("HasBeenProcessed", "true"), ("IsOutOfDate", "true"), ("MeetingRequestType", "Outdated")];
            self.mark(tx, message, request, &out).await?;
            return Ok(None);
        }
        let mut after = appointment_of(request);
        let informational = request.text("MeetingRequestType").as_deref() == Some("InformationalUpdate");
        if informational {
            for name in ["MyResponseType", "LegacyFreeBusyStatus", "AppointmentReplyTime"] {
                if let Some(part) = before.parts.get(name) {
                    after.parts.insert(name.to_owned(), part.clone());
                }
            }
        }
        // What the attendee made of the entry stays: reminder, categories.
        for name in ["ReminderIsSet", "ReminderMinutesBeforeStart", "Categories"] {
            if let Some(part) = before.parts.get(name) {
                after.parts.insert(name.to_owned(), part.clone());
            }
        }
        if old.occurrence.is_some() {
            after.parts.remove("RecurrenceId");
            after.parts.remove("Recurrence");
        } else if ["Start", "End", "Recurrence"]
            .iter()
            .any(|name| before.parts.get(*name) != after.parts.get(*name))
        {
            occurrence::clear(tx, old.item).await?;
        }
        let by = &self.owner.display_name;
        let entry = entry::save(tx, &old, &after, message.subject.as_deref(), by, self.now_ms).await?;
        self.mark(tx, message, request, &[("HasBeenProcessed", "true")]).await?;
        Ok(Some(entry))
    }

    async fn make(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        request: &Document,
    ) -> Result<Option<Item>, sqlx::Error> {
        let Some(calendar) = folder::by_distinguished(tx, self.owner.mailbox, "calendar").await? else {
            return Ok(None);
        };
        let mut document = appointment_of(request);
        document.set_text("ReminderIsSet", "true");
        document.set_text("ReminderMinutesBeforeStart", "15");
        let mut content = Content {
            class: "IPM.Appointment".to_owned(),
            subject: message.subject.clone(),
            is_read: true,
            received_ms: self.now_ms,
            sent_ms: message.sent_ms,
            ..Content::default()
        };
        content::store(&document, &mut content, 0);
        let incoming = Incoming { content, document, attachments: Vec::new() };
        delivery::save(tx, &calendar, &incoming, &self.owner.display_name, self.now_ms, false).await.map(Some)
    }

    /// Notes on a message what became of it.
    pub(super) async fn mark(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        document: &Document,
        marks: &[(&str, &str)],
    ) -> Result<(), sqlx::Error> {
        // The message may have been touched since the caller read it.
        let Some(row) = item::by_number(tx, message.mailbox, message.item).await? else { return Ok(()) };
        let mut document = document.clone();
        for (name, text) in marks {
            document.set_text(name, text);
        }
        let content = Content { mime: item::mime(tx, row.item).await?, ..content_with(&row, &document) };
        item::update(tx, &row, &content, false, &self.owner.display_name, self.now_ms).await?;
        Ok(())
    }

    /// Moves a message that is done with to Deleted Items.
    pub(super) async fn discard(&self, tx: &mut SqliteConnection, message: &Item) -> Result<(), sqlx::Error> {
        let bin = folder::by_distinguished(tx, self.owner.mailbox, "deleteditems").await?;
        let row = item::by_number(tx, message.mailbox, message.item).await?;
        if let (Some(bin), Some(row)) = (bin, row) {
            item_move::move_to(tx, &row, bin.folder, self.now_ms).await?;
        }
        Ok(())
    }

    /// Whether nothing else takes the time of an entry.
    async fn is_free(&self, tx: &mut SqliteConnection, entry: &Item) -> Result<bool, sqlx::Error> {
        let document = Document::from_bytes(&entry.document);
        let Some(appointment) = Appointment::of(&document) else { return Ok(true) };
        let horizon = Timestamp::from_millisecond(self.now_ms).unwrap_or_default();
        let horizon =
            horizon.saturating_add(SignedDuration::from_hours(24 * ROOM_HORIZON)).unwrap_or(horizon);
        let times = match Series::new(&appointment, &[]) {
            Some(series) => {
                let within = series.occurrences().take_while(|one| one.start < horizon);
                within.map(|one| (one.start, one.end)).collect()
            }
            None => vec![(appointment.start, appointment.end)],
        };
        let (Some(from), Some(to)) =
            (times.iter().map(|time| time.0).min(), times.iter().map(|time| time.1).max())
        else {
            return Ok(true);
        };
        let busy = super::busy::taken(tx, self.owner.mailbox, from, to).await?;
        let other = busy.iter().filter(|taken| taken.item != entry.item && taken.status != "Free");
        Ok(!other
            .into_iter()
            .any(|taken| times.iter().any(|(start, end)| taken.start < *end && taken.end > *start)))
    }
}

/// The entry that a request asks for, not yet answered.
fn appointment_of(request: &Document) -> Document {
    let mut document = request.clone();
    document.kind = "CalendarItem".to_owned();
    let intended = request.text("IntendedFreeBusyStatus").unwrap_or_else(|| "Busy".to_owned());
    for name in OF_THE_MESSAGE {
        document.parts.remove(name);
    }
    for (name, text) in [
        ("LegacyFreeBusyStatus", if intended == "Free" { "Free" } else { "Tentative" }),
        ("IntendedFreeBusyStatus", &intended),
        ("MyResponseType", "NoResponseReceived"),
        ("AppointmentState", "3"),
        ("MeetingRequestWasSent", "true"),
        ("IsCancelled", "false"),
    ] {
        document.set_text(name, text);
    }
    if !document.parts.contains_key("DateTimeStamp") {
        document.set_text("DateTimeStamp", &date_time(0));
    }
    document
}
