//! A mailbox's settings changed: it is watched or no longer, and what was accepted while it was apart is delivered.

use tieline_model::{Mailbox, MailboxId, MessageState, Refusal};
use tieline_store::{JobFilter, MessageFilter, StoreError, Write};

use crate::reach::Tie;
use crate::sync::KINDS;
use crate::{Messaging, jobs};

/// Messages read at once.
const PAGE: u32 = 500;

impl Messaging {
    /// A mailbox was added, changed or removed. Switching messages on delivers what was accepted meanwhile and what had
    /// been refused; what is in the mail system already is recognised and not delivered again (AV-11, AV-51).
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn settings_changed(&self, mailbox: MailboxId) -> Result<(), Refusal> {
        self.0.watching.notify_one();
        let Some(mailbox) = self.store.mailbox(mailbox).await? else { return Ok(()) };
        let trace = self.new_trace();
        let mut writes = vec![self.light_job(mailbox.id, trace, None)];
        if let Ok(Tie::Tied(_)) = self.tie(&mailbox).await? {
            writes.extend(self.backfill(&mailbox).await?);
            writes.extend(self.first_health(&mailbox).await?);
            writes.push(self.sync_job(mailbox.id, trace));
        }
        writes.extend(self.records_jobs(&mailbox, &KINDS).await?);
        writes.extend(self.location_jobs(&mailbox).await?);
        self.commit(writes).await
    }

    pub(crate) async fn backfill(&self, mailbox: &Mailbox) -> Result<Vec<Write>, StoreError> {
        let stream = Some(format!("{}/{}", mailbox.id, jobs::DELIVER));
        let mut known = Vec::new();
        let mut writes = Vec::new();
        let mut filter = JobFilter { stream, ..JobFilter::default() };
        loop {
            let page = self.store.jobs(&filter, PAGE).await?;
            let Some(last) = page.last() else { break };
            filter.after = last.seq;
            writes
                .extend(page.iter().filter(|job| job.quarantined).map(|job| Write::RetryJob { id: job.id }));
            known.extend(page.into_iter().map(|job| job.subject));
        }
        let mut missing = Vec::new();
        let mut filter = MessageFilter { mailbox: Some(mailbox.id), ..MessageFilter::default() };
        loop {
            let page = self.store.messages(&filter, PAGE).await?;
            let Some(last) = page.last() else { break };
            filter.before = Some(last.message.id);
            missing.extend(page.into_iter().filter(|stored| {
                stored.delivered.is_none()
                    && stored.purged.is_none()
                    && stored.message.state != MessageState::Deleted
                    && !known.contains(&stored.message.id.to_string())
            }));
        }
        // In the order in which they came in. Each is looked for first: an earlier delivery may have been forgotten.
        for stored in missing.into_iter().rev() {
            let message = stored.message;
            writes.push(self.deliver_job(mailbox.id, message.id, message.trace, true));
        }
        Ok(writes)
    }
}
