//! The jobs of messaging: kinds, streams, payloads.
//!
//! Streams of a mailbox: `mb_…/deliver` (its messages in order), `mb_…/sync` (state in both directions, one after the
//! other, since both write where items are), `mb_…/confirm`, `mb_…/light`, and one for each lamp that did not answer.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tieline_model::{MailboxId, MessageId, Refusal, TraceId};
use tieline_store::{Job, NewJob, Write};
use tieline_worker::WorkError;

use crate::Messaging;

pub(crate) const DELIVER: &str = "deliver";
pub(crate) const CONFIRM: &str = "confirm";
pub(crate) const SYNC: &str = "sync";
pub(crate) const SET_STATE: &str = "set-state";
pub(crate) const LIGHT: &str = "light";
pub(crate) const LAMP: &str = "lamp";
pub(crate) const COUNT_FOLDERS: &str = "count-folders";

/// What a `deliver` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DeliverPayload {
    pub(crate) message: MessageId,
    /// An earlier delivery may have been forgotten: look before creating.
    #[serde(default)]
    pub(crate) look_first: bool,
}

/// What a `confirm` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfirmPayload {
    pub(crate) message: MessageId,
    pub(crate) settled: Timestamp,
}

/// What a `sync` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SyncPayload {
    pub(crate) mailbox: MailboxId,
    /// Look for every message, not only for what changed.
    #[serde(default)]
    pub(crate) verify: bool,
    /// An administrator said that what vanished is to count as deleted.
    #[serde(default)]
    pub(crate) approved: bool,
}

/// What a `set-state` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SetStatePayload {
    pub(crate) message: MessageId,
}

/// What a `light` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LightPayload {
    pub(crate) mailbox: MailboxId,
    /// When the cause was accepted, for the lag.
    #[serde(default)]
    pub(crate) since: Option<Timestamp>,
    /// Tell everybody, also what they were told before.
    #[serde(default)]
    pub(crate) resync: bool,
}

/// What a `lamp` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LampPayload {
    pub(crate) mailbox: MailboxId,
    pub(crate) target: String,
}

/// What a `count-folders` job needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CountPayload {
    pub(crate) mailbox: MailboxId,
}

/// Reads a payload.
pub(crate) fn payload<T: DeserializeOwned>(job: &Job) -> Result<T, WorkError> {
    serde_json::from_value(job.payload.clone()).map_err(|error| unreadable(job, &error))
}

/// Reads what a job noted about itself; what it did not is the default.
pub(crate) fn state<T: DeserializeOwned + Default>(job: &Job) -> Result<T, WorkError> {
    if job.state.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(job.state.clone()).map_err(|error| unreadable(job, &error))
}

fn unreadable(job: &Job, error: &serde_json::Error) -> WorkError {
    WorkError::failed(
        Refusal::permanent(
            "job-unreadable",
            format!("the {} job holds what this release does not understand: {error}", job.kind),
            "run the release that queued it, or drop the job",
        )
        .at(job.id.to_string()),
    )
}

/// As JSON; the payloads above always can be.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl Messaging {
    pub(crate) fn deliver_job(
        &self,
        mailbox: MailboxId,
        message: MessageId,
        trace: TraceId,
        look_first: bool,
    ) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/deliver"),
            kind: DELIVER.to_owned(),
            payload: json(&DeliverPayload { message, look_first }),
            not_before: self.now(),
            trace,
            subject: message.to_string(),
            dedupe: Some(format!("{DELIVER}/{message}")),
        })
    }

    pub(crate) fn confirm_job(
        &self,
        mailbox: MailboxId,
        message: MessageId,
        trace: TraceId,
        settled: Timestamp,
    ) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/confirm"),
            kind: CONFIRM.to_owned(),
            payload: json(&ConfirmPayload { message, settled }),
            not_before: settled,
            trace,
            subject: message.to_string(),
            dedupe: None,
        })
    }

    pub(crate) fn sync_job(&self, mailbox: MailboxId, trace: TraceId) -> Write {
        self.sync_job_with(SyncPayload { mailbox, verify: false, approved: false }, trace)
    }

    pub(crate) fn sync_job_with(&self, payload: SyncPayload, trace: TraceId) -> Write {
        let mailbox = payload.mailbox;
        let special = payload.verify || payload.approved;
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/sync"),
            kind: SYNC.to_owned(),
            payload: json(&payload),
            not_before: self.now(),
            trace,
            subject: mailbox.to_string(),
            dedupe: Some(format!("{}/{mailbox}", if special { "verify" } else { SYNC })),
        })
    }

    pub(crate) fn set_state_job(&self, mailbox: MailboxId, message: MessageId, trace: TraceId) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/sync"),
            kind: SET_STATE.to_owned(),
            payload: json(&SetStatePayload { message }),
            not_before: self.now(),
            trace,
            subject: message.to_string(),
            dedupe: Some(format!("{SET_STATE}/{message}")),
        })
    }

    /// The mailbox's light may have changed.
    pub(crate) fn light_job(&self, mailbox: MailboxId, trace: TraceId, since: Option<Timestamp>) -> Write {
        self.light_job_with(LightPayload { mailbox, since, resync: false }, trace)
    }

    pub(crate) fn light_job_with(&self, payload: LightPayload, trace: TraceId) -> Write {
        let mailbox = payload.mailbox;
        let kind = if payload.resync { "resync-light" } else { LIGHT };
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/light"),
            kind: LIGHT.to_owned(),
            payload: json(&payload),
            not_before: self.now(),
            trace,
            subject: mailbox.to_string(),
            dedupe: Some(format!("{kind}/{mailbox}")),
        })
    }

    /// One lamp did not answer: it has a stream of its own, so that it holds up no other.
    pub(crate) fn lamp_job(
        &self,
        mailbox: MailboxId,
        target: &str,
        trace: TraceId,
        not_before: Timestamp,
    ) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/lamp/{target}"),
            kind: LAMP.to_owned(),
            payload: json(&LampPayload { mailbox, target: target.to_owned() }),
            not_before,
            trace,
            subject: mailbox.to_string(),
            dedupe: Some(format!("{LAMP}/{mailbox}/{target}")),
        })
    }

    pub(crate) fn count_job(&self, mailbox: MailboxId, trace: TraceId) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/count"),
            kind: COUNT_FOLDERS.to_owned(),
            payload: json(&CountPayload { mailbox }),
            not_before: self.now(),
            trace,
            subject: mailbox.to_string(),
            dedupe: Some(format!("{COUNT_FOLDERS}/{mailbox}")),
        })
    }
}
