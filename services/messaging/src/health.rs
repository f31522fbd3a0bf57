//! How a mailbox fares: one word, since when, and why.
//!
//! *unknown*: its mail system could not be asked; *refused*: it said no; *degraded*: a folder fills up; *paused*: by the
//! brake, until somebody resumes it. A pause is lifted by [`Messaging::resume`](crate::Messaging::resume) only.

use jiff::Timestamp;
use tieline_model::{Class, Mailbox, MailboxId, Refusal};
use tieline_store::{HealthState, MailboxHealth, StoreError, Write};

use crate::Messaging;
use crate::jobs::SyncPayload;
use crate::record::mailbox_event;

/// A transient failure counts from this attempt on: a single lost connection is not worth a word.
const ATTEMPTS: u32 = 3;

impl Messaging {
    /// A mailbox of which nothing is known yet: its first pass is pending.
    pub(crate) async fn first_health(&self, mailbox: &Mailbox) -> Result<Vec<Write>, StoreError> {
        let before = self.store.mailbox_health(mailbox.id).await?;
        if before.is_some() {
            return Ok(Vec::new());
        }
        Ok(self.health_writes(mailbox, None, HealthState::Pending, None))
    }

    /// All went well: writes, if that is news.
    pub(crate) async fn fared_well(&self, mailbox: &Mailbox) -> Result<Vec<Write>, StoreError> {
        let before = self.store.mailbox_health(mailbox.id).await?;
        if is_paused(before.as_ref()) {
            return Ok(Vec::new());
        }
        let (state, cause) = match self.fullest_folder(mailbox).await? {
            Some(refusal) => (HealthState::Degraded, Some(refusal)),
            None => (HealthState::Ok, None),
        };
        Ok(self.health_writes(mailbox, before.as_ref(), state, cause))
    }

    /// The mail system failed: writes, if that is news or the light becomes unknown by it.
    pub(crate) async fn fared_badly(
        &self,
        mailbox: &Mailbox,
        refusal: &Refusal,
        attempts: u32,
    ) -> Result<Vec<Write>, StoreError> {
        let before = self.store.mailbox_health(mailbox.id).await?;
        let state = match refusal.class {
            Class::Transient if attempts < ATTEMPTS => return Ok(Vec::new()),
            Class::Transient => HealthState::Unknown,
            Class::Operator | Class::Permanent => HealthState::Refused,
        };
        if is_paused(before.as_ref()) {
            return Ok(Vec::new());
        }
        let mut writes = self.health_writes(mailbox, before.as_ref(), state, Some(refusal.clone()));
        if self.is_out_of_touch(before.as_ref(), self.now()) {
            writes.push(self.light_job(mailbox.id, self.new_trace(), None));
        }
        Ok(writes)
    }

    /// Whether the mail system could not be asked, or was not to be asked, for so long that what it holds is unknown.
    pub(crate) fn is_out_of_touch(&self, health: Option<&MailboxHealth>, now: Timestamp) -> bool {
        health.is_some_and(|health| {
            let silent =
                matches!(health.state, HealthState::Unknown | HealthState::Refused | HealthState::Paused);
            silent && now.duration_since(health.since) >= self.policy.unknown_after
        })
    }

    fn health_writes(
        &self,
        mailbox: &Mailbox,
        before: Option<&MailboxHealth>,
        state: HealthState,
        cause: Option<Refusal>,
    ) -> Vec<Write> {
        if before.is_some_and(|before| before.state == state && before.cause == cause) {
            return Vec::new();
        }
        let changed = before.is_none_or(|before| before.state != state);
        let mut writes = vec![Write::MailboxHealth { mailbox: mailbox.id, state, cause: cause.clone() }];
        if changed {
            let trace = self.new_trace();
            let more = serde_json::json!({ "state": state, "cause": cause });
            writes.push(mailbox_event(mailbox.id, "health", more));
            writes.push(self.light_job(mailbox.id, trace, None));
        }
        writes
    }

    /// The brake: nothing of this mailbox is followed until somebody looked at it.
    pub(crate) fn pause_writes(&self, mailbox: &Mailbox, cause: Refusal) -> Vec<Write> {
        let trace = self.new_trace();
        let decision = self
            .decision(trace, mailbox.id, "brake", "paused by brake; no message was deleted".to_owned())
            .input("why", &cause.what);
        vec![
            Write::MailboxHealth {
                mailbox: mailbox.id,
                state: HealthState::Paused,
                cause: Some(cause.clone()),
            },
            mailbox_event(mailbox.id, "paused", serde_json::json!({ "cause": cause })),
            Write::Decision(decision),
        ]
    }

    /// Lifts the brake: every message is looked for, and what is nowhere counts as deleted from now on.
    ///
    /// # Errors
    /// When the mailbox is unknown or not paused, or the store cannot be written.
    pub async fn resume(&self, mailbox: MailboxId, by: &str) -> Result<(), Refusal> {
        let mailbox = self.mailbox_or_refusal(&mailbox.to_string()).await?;
        let health = self.store.mailbox_health(mailbox.id).await?;
        if !is_paused(health.as_ref()) {
            return Err(Refusal::permanent(
                "not-paused",
                format!("mailbox {} is not paused", mailbox.number),
                "nothing; it is followed already",
            ));
        }
        let trace = self.new_trace();
        let payload = SyncPayload { mailbox: mailbox.id, verify: true, approved: true };
        let decision = self
            .decision(
                trace,
                mailbox.id,
                "brake-lifted",
                "what vanished counts as deleted from now on".to_owned(),
            )
            .input("by", by);
        let writes = vec![
            Write::MailboxHealth { mailbox: mailbox.id, state: HealthState::Pending, cause: None },
            mailbox_event(mailbox.id, "resumed", serde_json::json!({ "by": by })),
            Write::Decision(decision),
            Write::Audit {
                who: by.to_owned(),
                action: "mailbox-resume".to_owned(),
                subject: mailbox.id.to_string(),
                detail: String::new(),
            },
            self.sync_job_with(payload, trace),
        ];
        self.commit(writes).await
    }
}

/// Whether somebody must look at it first.
pub(crate) fn is_paused(health: Option<&MailboxHealth>) -> bool {
    health.is_some_and(|health| health.state == HealthState::Paused)
}
