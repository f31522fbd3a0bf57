//! Job `confirm`: when a create was uncertain, the mail system is asked once more after every late effect must have
//! come, and doubled items are removed.

use serde::{Deserialize, Serialize};
use tieline_delivery::{DeliveryState, Item, Outcome, Step};
use tieline_model::{DeliveryKey, Refusal};
use tieline_ports::{ItemRef, MailTarget, PortError};
use tieline_store::{Job, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Messaging;
use crate::deliver::{engine_item, failure, stored_item};
use crate::jobs::{self, ConfirmPayload, SyncPayload, json};
use crate::record::impersonated;

/// Job `confirm`.
pub(crate) struct ConfirmOnce(pub(crate) Messaging);

impl Work for ConfirmOnce {
    fn kind(&self) -> &'static str {
        jobs::CONFIRM
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.confirm", job = %job.id, message = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.confirm(context))
    }
}

/// What the job remembers between runs.
#[derive(Debug, Serialize, Deserialize)]
struct Looked {
    engine: DeliveryState,
    /// Ids of removed items.
    #[serde(default)]
    removed: Vec<String>,
}

impl Messaging {
    async fn confirm(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: ConfirmPayload = jobs::payload(context.job())?;
        let kept: Option<Looked> = jobs::state(context.job())?;
        let mut looked = kept
            .unwrap_or(Looked { engine: DeliveryState::confirming(payload.settled), removed: Vec::new() });
        looked.engine.retry();
        let Some(stored) = self.store.message(payload.message).await? else {
            return Ok(Finish::done());
        };
        let message = &stored.message;
        let Some(mailbox) = self.store.mailbox(message.mailbox).await? else {
            return Ok(Finish::done());
        };
        let (reach, target) = match self.tied_target(&mailbox).await? {
            Ok(Some(reached)) => reached,
            Ok(None) => return Ok(Finish::done()),
            Err(refusal) => return Err(WorkError::failed(refusal)),
        };
        let policy = &self.policy.delivery;
        let mut reason: Option<Refusal> = None;
        let item = loop {
            let now = context.now();
            let failed = match looked.engine.next(now, policy) {
                Step::Wait(until) => {
                    return Ok(match reason {
                        Some(reason) => Finish::again(until, json(&looked), reason),
                        None => Finish::wait(until, json(&looked)),
                    });
                }
                Step::Locate => match self.locate_one(&target, message.delivery_key).await {
                    Ok(items) => {
                        looked.engine.on_located(items, now);
                        None
                    }
                    Err(error) => Some(error),
                },
                Step::Remove { item } => {
                    match self.mail.remove_duplicate(&target, &ItemRef(item.clone())).await {
                        Ok(()) | Err(PortError::NotFound) => {
                            looked.engine.on_removed(&item);
                            looked.removed.push(item);
                            None
                        }
                        Err(error) => Some(error),
                    }
                }
                Step::Finish(Outcome::Delivered(delivered)) => break delivered.item,
                // Its user removed it for good; following the mailbox finds that out by its own rules.
                Step::Finish(Outcome::Gone) => return Ok(Finish::done()),
                Step::Finish(Outcome::Quarantined) | Step::RecordIntent { .. } | Step::Create { .. } => {
                    return Err(WorkError::failed(reason.unwrap_or_else(|| {
                        Refusal::permanent(
                            "not-confirmed",
                            "the mailbox could not be searched",
                            "retry the job",
                        )
                    })));
                }
            };
            if let Some(error) = failed {
                reason = Some(error.refusal());
                looked.engine.on_failed(failure(&error), context.now(), context.random(), policy);
            }
        };
        let mut finish = Finish::done();
        // Only a place that was removed is corrected here. What else is new about the item is for the following of the
        // mailbox to see, which compares it with what was last seen.
        if let Some(known) = self.store.remote_item(message.id).await?
            && looked.removed.contains(&known.item)
        {
            let seen = Item { read: known.read, deleted: known.deleted, ..item };
            let verify = SyncPayload { mailbox: mailbox.id, verify: true, approved: false };
            finish = finish
                .with(Write::RemoteItem(stored_item(message.id, mailbox.id, &seen)))
                .with(self.sync_job_with(verify, message.trace));
        }
        if !looked.removed.is_empty() {
            let outcome = format!("{} doubled items removed, the oldest kept", looked.removed.len());
            finish = finish
                .with(Write::Decision(self.decision(message.trace, message.id, "one-item-only", outcome)))
                .with(impersonated(&reach, &mailbox, "remove-doubled-item", message.trace));
        }
        Ok(finish)
    }

    /// Every item with this mark, oldest first.
    pub(crate) async fn locate_one(
        &self,
        target: &MailTarget,
        key: DeliveryKey,
    ) -> Result<Vec<Item>, PortError> {
        let found = self.mail.locate(target, &[key]).await?;
        match found.into_iter().next() {
            Some(found) if found.key == key => Ok(found.items.into_iter().map(engine_item).collect()),
            _ => Err(incomplete()),
        }
    }
}

/// A search that answered something else than it was asked. Nothing may be concluded from it.
pub(crate) fn incomplete() -> PortError {
    PortError::refused(Refusal::transient(
        "search-incomplete",
        "the mail system's answer does not cover what was looked for",
        "nothing; it is asked again",
    ))
}
