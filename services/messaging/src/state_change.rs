//! A user reads or deletes a message at the telephone or through the API; job `set-state` does the same to its item in
//! the mail system (AV-10, X-01).
//!
//! The job looks at what the message's state is when it runs, not when it was queued, and compares it with what was last
//! seen of the item: so it is idempotent, the newest state wins, and what the mail system knows already is not written.

use jiff::SignedDuration;
use tieline_delivery::Item;
use tieline_model::{Message, MessageId, MessageState, Refusal};
use tieline_ports::{ItemRef, MailTarget, PortError};
use tieline_store::{Job, JobFilter, RemoteItem, StateOrigin, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Messaging;
use crate::deliver::{failure, stored_item};
use crate::jobs::{self, SetStatePayload};
use crate::record::impersonated;

/// Job `set-state`.
pub(crate) struct SetState(pub(crate) Messaging);

impl Work for SetState {
    fn kind(&self) -> &'static str {
        jobs::SET_STATE
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.set-state", job = %job.id, message = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.carry_state_out(context))
    }
}

/// What is to be done outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Read(bool),
    Deleted,
}

impl Messaging {
    /// A user did something with a message, at the telephone or through the API. Doing it twice is doing it once.
    ///
    /// # Errors
    /// When the message is unknown, when a message that was deleted in the mail system is to come back, or when the
    /// store cannot be written.
    pub async fn set_state(
        &self,
        message: MessageId,
        state: MessageState,
        by: StateOrigin,
    ) -> Result<(), Refusal> {
        let Some(stored) = self.store.message(message).await? else {
            return Err(Refusal::permanent(
                "unknown-message",
                format!("there is no message {message}"),
                "tieline voicemail list shows the messages",
            ));
        };
        let message = &stored.message;
        if message.state == state {
            return Ok(());
        }
        let known = self.store.remote_item(message.id).await?;
        if state != MessageState::Deleted && known.as_ref().is_some_and(|known| known.deleted) {
            return Err(Refusal::permanent(
                "deleted-in-mailbox",
                "the message was deleted in the mailbox",
                "move it out of Deleted Items in Outlook; the state follows",
            )
            .at(message.id.to_string()));
        }
        let outcome = format!("{} at the {}", state.name(), by.name());
        let decision = self.decision(message.trace, message.id, "state-by-user", outcome);
        let mut writes = self.state_writes(message, state, by, decision);
        writes.push(self.set_state_job(message.mailbox, message.id, message.trace));
        if message.state == MessageState::Deleted && known.is_none() {
            // It was deleted before it was delivered, and is wanted after all.
            writes.push(self.deliver_job(message.mailbox, message.id, message.trace, true));
        }
        self.commit(writes).await
    }

    async fn carry_state_out(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: SetStatePayload = jobs::payload(context.job())?;
        // In this order: a delivery that ends in between is seen by one of the two.
        let delivering = self.is_being_delivered(payload.message).await?;
        let known = self.store.remote_item(payload.message).await?;
        let Some(stored) = self.store.message(payload.message).await? else { return Ok(Finish::done()) };
        let message = &stored.message;
        let Some(mailbox) = self.store.mailbox(message.mailbox).await? else { return Ok(Finish::done()) };
        let Some(known) = known else {
            if !delivering {
                return Ok(Finish::done());
            }
            let again = context.now() + SignedDuration::from_secs(1);
            return Ok(Finish::wait(again, serde_json::Value::Null));
        };
        let Some(wanted) = wanted(message.state, &known) else { return Ok(Finish::done()) };
        let (reach, target) = match self.tied_target(&mailbox).await? {
            Ok(Some(reached)) => reached,
            Ok(None) => return Ok(Finish::done()),
            Err(refusal) => return Err(WorkError::failed(refusal)),
        };
        let after = match self.set_outside(&target, message, &known, wanted).await {
            Ok(after) => after,
            Err(error) => {
                let refusal = error.refusal().at(mailbox.address.as_str());
                return Err(WorkError::Failed { refusal, back_off: failure(&error).back_off });
            }
        };
        let Some(after) = after else { return Ok(Finish::done()) };
        let action = match wanted {
            Wanted::Read(true) => "mark-read",
            Wanted::Read(false) => "mark-unread",
            Wanted::Deleted => "delete-item",
        };
        let decision = self
            .decision(message.trace, message.id, "mailbox-follows-state", format!("{action} in the mailbox"))
            .input("state", message.state.name());
        Ok(Finish::done()
            .with(Write::RemoteItem(stored_item(message.id, mailbox.id, &after)))
            .with(Write::Decision(decision))
            .with(impersonated(&reach, &mailbox, action, message.trace)))
    }

    async fn is_being_delivered(&self, message: MessageId) -> Result<bool, tieline_store::StoreError> {
        let filter = JobFilter {
            kind: Some(jobs::DELIVER.to_owned()),
            subject: Some(message.to_string()),
            quarantined: Some(false),
            ..JobFilter::default()
        };
        Ok(!self.store.jobs(&filter, 1).await?.is_empty())
    }

    /// Does it, and tells how the item stands then. An item that moved meanwhile is found again; one that is nowhere or
    /// deleted is as good as deleted, and what else that means is left to the following of the mailbox (`None`).
    async fn set_outside(
        &self,
        target: &MailTarget,
        message: &Message,
        known: &RemoteItem,
        wanted: Wanted,
    ) -> Result<Option<Item>, PortError> {
        let mut item = Item {
            item: known.item.clone(),
            folder: known.folder.clone(),
            read: known.read,
            deleted: known.deleted,
        };
        for last in [false, true] {
            let reference = ItemRef(item.item.clone());
            let done = match wanted {
                Wanted::Read(read) => self.mail.set_read(target, &reference, read).await,
                Wanted::Deleted => self.mail.delete(target, &reference).await,
            };
            match done {
                Ok(()) => {
                    match wanted {
                        Wanted::Read(read) => item.read = read,
                        Wanted::Deleted => item.deleted = true,
                    }
                    return Ok(Some(item));
                }
                Err(PortError::NotFound) if !last => {
                    let found = self.locate_one(target, message.delivery_key).await?;
                    match found.into_iter().find(|found| !found.deleted) {
                        Some(found) => item = found,
                        None if wanted == Wanted::Deleted => return Ok(Some(Item { deleted: true, ..item })),
                        None => return Ok(None),
                    }
                }
                Err(PortError::NotFound) => break,
                Err(error) => return Err(error),
            }
        }
        Err(PortError::refused(Refusal::transient(
            "item-moves",
            "the item moved while its state was set",
            "nothing; it is tried again",
        )))
    }
}

/// What has to change outside, if anything.
const fn wanted(state: MessageState, known: &RemoteItem) -> Option<Wanted> {
    match state {
        _ if known.deleted => None,
        MessageState::Deleted => Some(Wanted::Deleted),
        MessageState::Read if !known.read => Some(Wanted::Read(true)),
        MessageState::Unread if known.read => Some(Wanted::Read(false)),
        MessageState::Read | MessageState::Unread => None,
    }
}
