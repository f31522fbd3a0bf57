//! Cancellations at an attendee's: the entry stays, marked, until the attendee removes it.

use sqlx::SqliteConnection;

use super::{Attendant, entry, is_organizer};
use crate::{calendar::Processing, document::Document, property::millisecond, store::item::Item};

impl Attendant<'_> {
    /// A cancellation has arrived.
    pub(super) async fn cancelled(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        document: Document,
    ) -> Result<(), sqlx::Error> {
        let Some(uid) = document.text("UID") else { return Ok(()) };
        let recurrence_id = document.text("RecurrenceId").and_then(|text| millisecond(&text));
        let found = entry::find(tx, self.owner.mailbox, &uid, recurrence_id).await?;
        self.mark(tx, message, &document, &[("HasBeenProcessed", "true")]).await?;
        let Some(old) = found else { return Ok(()) };
        let mut meeting = Document::from_bytes(&old.document);
        if meeting.parts.contains_key("Organizer") && is_organizer(&meeting, &self.owner.address) {
            return Ok(());
        }
        if self.processing() == Processing::AutoAccept {
            // A room has nobody to remove the entry.
            match old.occurrence {
                Some(place) => entry::delete_occurrence(tx, &old, place.day, self.now_ms).await?,
                None => self.discard(tx, &old).await?,
            }
            return self.discard(tx, message).await;
        }
        for (name, text) in
            [("IsCancelled", "true"), ("AppointmentState", "7"), ("LegacyFreeBusyStatus", "Free")]
        {
            meeting.set_text(name, text);
        }
        let by = &self.owner.display_name;
        entry::save(tx, &old, &meeting, message.subject.as_deref(), by, self.now_ms).await?;
        Ok(())
    }
}
