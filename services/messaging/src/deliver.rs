//! Job `deliver`: a message becomes exactly one item in its user's mailbox.
//!
//! What may be delivered, and where to, is asked anew on each run, since settings and user types change in between.
//! What has been tried is the delivery engine's durable state.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_audio::attachment_name;
use tieline_delivery::{Delivered, DeliveryState, Failure, Item, Outcome, Step};
use tieline_model::settings::EffectiveSettings;
use tieline_model::{Mailbox, MessageKind, MessageState, Refusal, StorageMode};
use tieline_ports::{
    Applied, Attachment, FolderRef, ItemRef, MailTarget, OutgoingMessage, PortError, RemoteItem,
};
use tieline_store::{Job, StateOrigin, StoredMessage, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::deposit::{not_delivered, raw_name};
use crate::jobs::{self, DeliverPayload, json};
use crate::reach::{Reach, Tie};
use crate::record::{impersonated, message_event};
use crate::{LagStep, Messaging, body, folders};

/// Job `deliver`.
pub(crate) struct Deliver(pub(crate) Messaging);

impl Work for Deliver {
    fn kind(&self) -> &'static str {
        jobs::DELIVER
    }

    fn concurrency(&self) -> usize {
        self.0.policy.parallel_mailboxes
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.deliver", job = %job.id, message = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.deliver(context))
    }
}

/// What the job remembers between runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) engine: DeliveryState,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Refusal>,
}

/// One delivery with all that belongs to it.
struct Delivery<'a> {
    context: &'a JobContext,
    stored: StoredMessage,
    mailbox: Mailbox,
    reach: Box<Reach>,
    target: MailTarget,
    tried: Tried,
}

/// A message that is ready to be created.
struct Ready {
    folder: FolderRef,
    outgoing: OutgoingMessage,
}

impl Messaging {
    async fn deliver(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: DeliverPayload = jobs::payload(context.job())?;
        let mut tried: Tried = jobs::state(context.job())?;
        if context.job().state.is_null() && payload.look_first {
            tried.engine = DeliveryState::suspecting(context.now());
        }
        // Only an administrator's retry runs a delivery that was put aside.
        tried.engine.retry();
        let Some(stored) = self.store.message(payload.message).await? else {
            return Ok(Finish::done());
        };
        if self.store.remote_item(payload.message).await?.is_some() {
            return Ok(Finish::done());
        }
        let Some(mailbox) = self.store.mailbox(stored.message.mailbox).await? else {
            return Ok(Finish::done());
        };
        if stored.message.state == MessageState::Deleted && !tried.engine.is_in_doubt() {
            return Ok(self.stays(&stored, "its user deleted it before it was delivered"));
        }
        let reach = match self.tie(&mailbox).await? {
            Err(refusal) => return self.refused(context, &stored, &mailbox, refusal, tried).await,
            // What may be under way must be known before the matter is dropped: else it would be done twice later.
            Ok(Tie::Apart(_)) if tried.engine.is_in_doubt() => {
                let again = context.now() + jiff::SignedDuration::from_secs(60);
                return Ok(Finish::wait(again, json(&tried)));
            }
            Ok(Tie::Apart(why)) => return Ok(self.stays(&stored, &why)),
            Ok(Tie::Tied(reach)) => reach,
        };
        let target = match reach.target(&self.store, &mailbox).await? {
            Ok(target) => target,
            Err(refusal) => {
                let failure = refused(&refusal);
                tried.engine.on_failed(failure, context.now(), context.random(), &self.policy.delivery);
                return self.pause(context, &mailbox, &tried, Some(refusal)).await;
            }
        };
        Delivery { context, stored, mailbox, reach, target, tried }.carry_out(self).await
    }

    fn stays(&self, stored: &StoredMessage, why: &str) -> Finish {
        let message = &stored.message;
        let outcome = format!("not delivered, stays in Tieline: {why}");
        Finish::done().with(Write::Decision(self.decision(message.trace, message.id, "deliver-not", outcome)))
    }

    /// The settings forbid it: put aside with the reason, nothing is lost (AV-50).
    async fn refused(
        &self,
        context: &JobContext,
        stored: &StoredMessage,
        mailbox: &Mailbox,
        refusal: Refusal,
        tried: Tried,
    ) -> Result<Finish, WorkError> {
        let message = &stored.message;
        let outcome = format!("not delivered, kept in Tieline: {}", refusal.what);
        let decision = self
            .decision(message.trace, message.id, "deliver-refused", outcome)
            .input("user type", mailbox.user_type.label())
            .input("next", &refusal.next);
        context.keep(json(&tried)).await?;
        let health = self.fared_badly(mailbox, &refusal, u32::MAX).await?;
        Ok(Finish::quarantined(refusal).with(Write::Decision(decision)).with_all(health))
    }

    /// Ends the run until the engine wants to go on.
    async fn pause(
        &self,
        context: &JobContext,
        mailbox: &Mailbox,
        tried: &Tried,
        failed: Option<Refusal>,
    ) -> Result<Finish, WorkError> {
        let Step::Wait(until) = tried.engine.next(context.now(), &self.policy.delivery) else {
            return Ok(Finish::wait(context.now(), json(tried)));
        };
        let finish = match &tried.reason {
            Some(reason) => Finish::again(until, json(tried), reason.clone()),
            None => Finish::wait(until, json(tried)),
        };
        match failed {
            Some(refusal) => {
                Ok(finish.with_all(self.fared_badly(mailbox, &refusal, context.job().attempts).await?))
            }
            None => Ok(finish),
        }
    }
}

impl Delivery<'_> {
    async fn carry_out(mut self, messaging: &Messaging) -> Result<Finish, WorkError> {
        let path = match self.reach.settings.folders.value.folder(self.stored.message.kind).cloned() {
            Some(path) => path,
            None if self.tried.engine.is_in_doubt() => tieline_model::FolderPath::inbox(),
            None => {
                let origin = self.reach.settings.folders.origin.to_string();
                return Ok(messaging.stays(&self.stored, &not_delivered(self.stored.message.kind, &origin)));
            }
        };
        let policy = &messaging.policy.delivery;
        let mut ready: Option<Ready> = None;
        let mut failed: Option<Refusal> = None;
        loop {
            match self.tried.engine.next(self.context.now(), policy) {
                Step::Wait(_) => {
                    return messaging.pause(self.context, &self.mailbox, &self.tried, failed).await;
                }
                // All that can fail beforehand fails before the intent: it leaves no doubt then.
                Step::RecordIntent { .. } if ready.is_none() => match self.prepare(messaging, &path).await? {
                    Ok(prepared) => ready = Some(prepared),
                    Err(error) => failed = Some(self.failed(messaging, &error)),
                },
                Step::RecordIntent { deadline } => {
                    self.tried.engine.record_intent(deadline, policy);
                    self.context.keep(json(&self.tried)).await?;
                    self.tried.engine.on_intent_recorded();
                }
                Step::Create { deadline } => {
                    let Some(ready) = &ready else {
                        // Armed by this run only, after it was prepared.
                        return Ok(Finish::wait(self.context.now(), json(&self.tried)));
                    };
                    match self.create(messaging, ready, deadline).await {
                        Ok(item) => self.tried.engine.on_created(engine_item(item), policy),
                        Err(error) => {
                            if matches!(error, PortError::NotFound) {
                                let unbind = folders::bind(&self.mailbox, &path, None);
                                self.context.commit(vec![unbind]).await?;
                            }
                            failed = Some(self.failed(messaging, &error));
                        }
                    }
                }
                Step::Locate => {
                    let asked_at = self.context.now();
                    match messaging.locate_one(&self.target, self.stored.message.delivery_key).await {
                        Ok(items) => self.tried.engine.on_located(items, asked_at),
                        Err(error) => failed = Some(self.failed(messaging, &error)),
                    }
                }
                Step::Remove { item } => {
                    match messaging.mail.remove_duplicate(&self.target, &ItemRef(item.clone())).await {
                        Ok(()) | Err(PortError::NotFound) => self.tried.engine.on_removed(&item),
                        Err(error) => failed = Some(self.failed(messaging, &error)),
                    }
                }
                Step::Finish(outcome) => return self.finish(messaging, outcome, &path).await,
            }
        }
    }

    fn failed(&mut self, messaging: &Messaging, error: &PortError) -> Refusal {
        let refusal = error.refusal();
        let policy = &messaging.policy.delivery;
        self.tried.engine.on_failed(failure(error), self.context.now(), self.context.random(), policy);
        self.tried.reason = Some(refusal.clone());
        refusal
    }

    /// The folder, the recording in the endpoint's Voice Format, and the texts.
    async fn prepare(
        &self,
        messaging: &Messaging,
        path: &tieline_model::FolderPath,
    ) -> Result<Result<Ready, PortError>, WorkError> {
        let attachment = match self.attachment(messaging).await? {
            Ok(attachment) => attachment,
            Err(refusal) => return Ok(Err(PortError::refused(refusal))),
        };
        let folder = match messaging.folder_at(&self.mailbox, &self.target, path).await? {
            Ok((folder, binding)) => {
                if let Some(binding) = binding {
                    self.context.commit(vec![binding]).await?;
                }
                folder
            }
            Err(error) => return Ok(Err(error)),
        };
        let message = &self.stored.message;
        let EffectiveSettings { subject, .. } = &self.reach.settings;
        let outgoing = OutgoingMessage {
            key: message.delivery_key,
            trace: message.trace,
            kind: message.kind,
            subject: body::subject(&subject.value, message),
            body_html: body::html(message, &self.mailbox, &messaging.policy.time_zone),
            caller: message.caller.clone(),
            received: message.received,
            duration_s: body::seconds(message),
            pages: message.pages,
            read: message.state == MessageState::Read,
            call_id: message.source_id.clone(),
            attachment,
        };
        Ok(Ok(Ready { folder, outgoing }))
    }

    async fn attachment(
        &self,
        messaging: &Messaging,
    ) -> Result<Result<Option<Attachment>, Refusal>, WorkError> {
        let message = &self.stored.message;
        if message.kind == MessageKind::Text {
            return Ok(Ok(None));
        }
        let Some(content) = messaging.store.content(message.id).await? else {
            return Ok(Err(Refusal::permanent(
                "content-gone",
                "the recording was removed before it could be delivered",
                "raise the retention time for content",
            )
            .at(message.id.to_string())));
        };
        if message.kind == MessageKind::Fax {
            return Ok(Ok(Some(fax(&message.media_type, content))));
        }
        let format = self.reach.endpoint.voice_format;
        let name = raw_name(&message.media_type);
        Ok(match messaging.audio.convert(content, name.as_deref(), format).await {
            Ok(recording) => Ok(Some(Attachment {
                name: attachment_name(
                    message.caller.number.as_deref().unwrap_or(message.caller.label()),
                    message.duration_ms,
                    format,
                ),
                media_type: format.media_type().to_owned(),
                content: recording.bytes,
            })),
            Err(error) => Err(Refusal::from(error).at(self.reach.endpoint.name.as_str())),
        })
    }

    /// One create, given up a little after its deadline even if the mail system's own time-out fails.
    async fn create(
        &self,
        messaging: &Messaging,
        ready: &Ready,
        deadline: Timestamp,
    ) -> Result<RemoteItem, PortError> {
        let left = deadline.duration_since(self.context.now()) + jiff::SignedDuration::from_secs(5);
        let left = std::time::Duration::try_from(left).unwrap_or_default();
        let create = messaging.mail.create(&self.target, &ready.folder, &ready.outgoing, deadline);
        tokio::time::timeout(left, create).await.unwrap_or_else(|_| {
            Err(PortError::uncertain(Refusal::transient(
                "create-timeout",
                "the mail system did not answer in time; the item may be there all the same",
                "nothing; it is looked for",
            )))
        })
    }

    async fn finish(
        self,
        messaging: &Messaging,
        outcome: Outcome,
        path: &tieline_model::FolderPath,
    ) -> Result<Finish, WorkError> {
        let message = &self.stored.message;
        match outcome {
            Outcome::Delivered(delivered) => self.delivered(messaging, delivered, path).await,
            Outcome::Gone => Ok(Finish::done()),
            Outcome::Quarantined => {
                let reason = self.tried.reason.clone().unwrap_or_else(|| {
                    Refusal::permanent("not-delivered", "the message was not delivered", "retry the job")
                });
                self.context.keep(json(&self.tried)).await?;
                let outcome = format!("put aside, kept in Tieline: {}", reason.what);
                let decision = messaging
                    .decision(message.trace, message.id, "deliver-once", outcome)
                    .input("attempts", self.tried.engine.attempts())
                    .input("next", &reason.next);
                Ok(Finish::quarantined(reason).with(Write::Decision(decision)))
            }
        }
    }

    async fn delivered(
        self,
        messaging: &Messaging,
        delivered: Delivered,
        path: &tieline_model::FolderPath,
    ) -> Result<Finish, WorkError> {
        let message = &self.stored.message;
        let item = &delivered.item;
        let lag = self.context.now().duration_since(self.stored.accepted);
        let decision = messaging
            .decision(
                message.trace,
                message.id,
                "deliver-once",
                format!("delivered to {} in {path}", self.mailbox.address),
            )
            .input("attempts", self.tried.engine.attempts())
            .input(
                "known by",
                if delivered.by == tieline_delivery::Evidence::Created { "answer" } else { "lookup" },
            )
            .input("folder setting", &self.reach.settings.folders.origin)
            .input("voice format", self.reach.endpoint.voice_format)
            .input("endpoint", &self.reach.endpoint.name)
            .input("account", &self.reach.group.account)
            .input("lag ms", lag.as_millis());
        let mut finish = Finish::done()
            .with(Write::RemoteItem(stored_item(message.id, self.mailbox.id, item)))
            .with(message_event(message, "delivered", message.state))
            .with(Write::Decision(decision))
            .with(impersonated(&self.reach, &self.mailbox, "create-item", message.trace));
        if let Some(settled) = delivered.look_again {
            finish = finish.with(messaging.confirm_job(self.mailbox.id, message.id, message.trace, settled));
        }
        if self.mailbox.storage_mode == StorageMode::MailOnly {
            finish = finish.with(Write::PurgeContent { message: message.id });
        }
        if let Some(state) = state_of_new_item(item, message.state) {
            let reason = messaging.decision(
                message.trace,
                message.id,
                "state-follows-mailbox",
                format!("{} in the mailbox before the delivery was known", state.name()),
            );
            finish = finish.with_all(messaging.state_writes(message, state, StateOrigin::Mail, reason));
        }
        if messaging.store.cursor(self.mailbox.id, &item.folder).await?.is_none() {
            finish = finish.with(messaging.sync_job(self.mailbox.id, message.trace));
        }
        let health = messaging.fared_well(&self.mailbox).await?;
        messaging.0.lag.record(LagStep::Delivered, message.kind, lag);
        messaging.0.lag.expect(message.id, self.context.now());
        tracing::info!(folder = %path, attempts = self.tried.engine.attempts(), lag_ms = lag.as_millis() as i64, "delivered");
        Ok(finish.with_all(health))
    }
}

/// What a located item says that the message does not know yet.
fn state_of_new_item(item: &Item, state: MessageState) -> Option<MessageState> {
    match state {
        _ if item.deleted && state != MessageState::Deleted => Some(MessageState::Deleted),
        MessageState::Unread if item.read => Some(MessageState::Read),
        _ => None,
    }
}

fn fax(media_type: &str, content: Bytes) -> Attachment {
    let name = if media_type == "image/tiff" { "Fax.tif" } else { "Fax.pdf" };
    Attachment { name: name.to_owned(), media_type: media_type.to_owned(), content }
}

pub(crate) fn engine_item(item: RemoteItem) -> Item {
    Item { item: item.item.0, folder: item.folder.0, read: item.read, deleted: item.deleted }
}

/// As the store keeps it.
pub(crate) fn stored_item(
    message: tieline_model::MessageId,
    mailbox: tieline_model::MailboxId,
    item: &Item,
) -> tieline_store::RemoteItem {
    tieline_store::RemoteItem {
        message,
        mailbox,
        item: item.item.clone(),
        folder: item.folder.clone(),
        read: item.read,
        deleted: item.deleted,
    }
}

/// As the engine sees a failed call.
pub(crate) fn failure(error: &PortError) -> Failure {
    let back_off = match error {
        PortError::Failed { back_off, .. } => *back_off,
        PortError::CursorExpired | PortError::NotFound => None,
    };
    Failure { class: error.class(), uncertain: error.applied() == Applied::Unknown, back_off }
}

const fn refused(refusal: &Refusal) -> Failure {
    Failure { class: refusal.class, uncertain: false, back_off: None }
}
