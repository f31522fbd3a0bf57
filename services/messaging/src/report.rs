//! How far a message's delivery is, in one word with a reason; and the administrator's retry button.

use jiff::Timestamp;
use serde::Serialize;
use tieline_model::{MessageId, Refusal};
use tieline_store::{Job, JobFilter, StoreError, StoredMessage, Write};

use crate::{Destination, Messaging, jobs};

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryWord {
    /// It has not been tried yet.
    Waiting,
    /// It was tried and goes on.
    Delivering,
    /// Its item is in the mail system.
    Delivered,
    /// Put aside until an administrator retries it.
    Quarantined,
    /// It stays in Tieline.
    Kept,
}

/// How far a message's delivery is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryReport {
    /// In one word.
    pub state: DeliveryWord,
    /// When it was delivered, or is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How often it was tried, while it is not delivered.
    pub attempts: u32,
    /// Why it is not delivered, with the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Its item's id in the mail system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

impl Messaging {
    /// How far a message's delivery is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn delivery(&self, stored: &StoredMessage) -> Result<DeliveryReport, StoreError> {
        let report = |state, at, attempts, cause: Option<Refusal>| DeliveryReport {
            state,
            at,
            attempts,
            cause: cause.map(|cause| cause.to_string()),
            item: None,
        };
        if stored.delivered.is_some() {
            let item = self.store.remote_item(stored.message.id).await?.map(|remote| remote.item);
            return Ok(DeliveryReport { item, ..report(DeliveryWord::Delivered, stored.delivered, 0, None) });
        }
        if let Some(job) = self.delivery_job(stored.message.id).await? {
            let state = match (job.quarantined, job.attempts) {
                (true, _) => DeliveryWord::Quarantined,
                (false, 0) => DeliveryWord::Waiting,
                (false, _) => DeliveryWord::Delivering,
            };
            let at = (!job.quarantined).then_some(job.not_before);
            return Ok(report(state, at, job.attempts, job.reason));
        }
        let why = match self.store.mailbox(stored.message.mailbox).await? {
            Some(mailbox) => match self.destination(&mailbox, stored.message.kind).await? {
                Destination::StaysHere(why) => Some(why),
                Destination::MailSystem => None,
            },
            None => Some("its mailbox was removed".to_owned()),
        };
        let reason = why
            .map(|why| Refusal::operator("stays-here", why, "tieline mailbox show says which setting it is"));
        Ok(report(DeliveryWord::Kept, None, 0, reason))
    }

    async fn delivery_job(&self, message: MessageId) -> Result<Option<Job>, StoreError> {
        let filter = JobFilter {
            kind: Some(jobs::DELIVER.to_owned()),
            subject: Some(message.to_string()),
            ..JobFilter::default()
        };
        Ok(self.store.jobs(&filter, 1).await?.into_iter().next())
    }

    /// Tries a delivery again that was put aside. What may be under way outside is not forgotten by it.
    ///
    /// # Errors
    /// When it was not put aside, or the store cannot be written.
    pub async fn retry(&self, message: MessageId) -> Result<(), Refusal> {
        match self.delivery_job(message).await? {
            Some(job) if job.quarantined => self.commit(vec![Write::RetryJob { id: job.id }]).await,
            _ => Err(Refusal::permanent(
                "not-quarantined",
                "the delivery was not put aside",
                "tieline explain shows how far it is",
            )
            .at(message.to_string())),
        }
    }
}
