//! What is asked of the one writer of a node. The writer itself is compiled for each database, in `sql/group.rs`.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tieline_model::MessageId;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use crate::keys::{Keyring, Sealed};
use crate::{Batch, Content, Fence, Job, Lease, Receipt, StoreError, Write};

/// One thing to do, in a savepoint of its own.
#[derive(Debug)]
pub(crate) enum Op {
    Commit(Prepared),
    /// Carried out and undone: what a commit would answer.
    Rehearse(Prepared),
    Claim {
        owner: Uuid,
        now: Timestamp,
        ttl: SignedDuration,
        kinds: Vec<String>,
    },
    ClaimNext {
        fence: Fence,
        now: Timestamp,
    },
    Hold {
        stream: String,
        owner: Uuid,
        now: Timestamp,
        ttl: SignedDuration,
    },
    Renew {
        lease: Lease,
        now: Timestamp,
        ttl: SignedDuration,
    },
    Release {
        fence: Fence,
    },
    Stage {
        message: MessageId,
        piece: i64,
        bytes: Bytes,
        at: Timestamp,
    },
    Reseal {
        name: String,
        old: Sealed,
        new: Sealed,
    },
    Sweep {
        what: Sweep,
        now: Timestamp,
        before: Timestamp,
        limit: u32,
    },
    Stop,
}

/// What is swept, a few rows at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sweep {
    Content,
    Staged,
    Events,
    Decisions,
    Audit,
    Subscriptions,
    Sessions,
    PendingSignIns,
    Deletions,
    Snapshots,
    Spooled,
    Pictures,
    QuickCallChoices,
}

/// What came of an [`Op`].
#[derive(Debug)]
pub(crate) enum Answer {
    Receipt(Receipt),
    Claimed(Option<Box<(Lease, Job)>>),
    Job(Option<Box<Job>>),
    Held(Option<Lease>),
    Count(u64),
    Done,
}

/// The answer of another operation: a mistake in this crate, told rather than panicked over.
pub(crate) fn unexpected(answer: &Answer) -> StoreError {
    StoreError::Statement { where_: "the writer".to_owned(), cause: format!("unexpected answer {answer:?}") }
}

/// An operation on its way to the writer.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) op: Op,
    pub(crate) reply: oneshot::Sender<Result<Answer, StoreError>>,
    /// How much content it carries, in bytes.
    pub(crate) bytes: usize,
    /// Its share of the memory that waiting content may take.
    pub(crate) _budget: Option<OwnedSemaphorePermit>,
}

/// Whom a group's effects must be told to, once it is durable.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effects {
    pub(crate) jobs: bool,
    pub(crate) events: bool,
}

impl Effects {
    pub(crate) fn add(&mut self, other: Self) {
        self.jobs |= other.jobs;
        self.events |= other.events;
    }
}

/// A batch that was checked and whose secrets are sealed.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) at: Timestamp,
    pub(crate) fence: Option<Fence>,
    pub(crate) steps: Vec<Step>,
}

/// A write that is ready for the database.
#[derive(Debug)]
pub(crate) enum Step {
    Secret { name: String, sealed: Option<Sealed>, by: String },
    Write(Write),
}

impl Prepared {
    pub(crate) fn new(batch: Batch, keys: &Keyring) -> Result<Self, StoreError> {
        let messages =
            batch.writes.iter().filter(|write| matches!(write, Write::AcceptMessage { .. })).count();
        if messages > 1 {
            return Err(StoreError::conflict(
                "several-messages",
                "a batch takes in one message at most",
                "commit one batch for each message; they are grouped by the store",
            ));
        }
        let steps = batch.writes.into_iter().map(|write| step(write, keys)).collect::<Result<_, _>>()?;
        Ok(Self { at: batch.at, fence: batch.fence, steps })
    }

    /// How much content it carries, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let content = self.steps.iter().find_map(|step| match step {
            Step::Write(Write::AcceptMessage { content: Content::Inline(parts), .. }) => Some(parts),
            _ => None,
        });
        content.map_or(0, |parts| parts.iter().map(Bytes::len).sum())
    }
}

fn step(write: Write, keys: &Keyring) -> Result<Step, StoreError> {
    match write {
        Write::Secret { name, value, by } => {
            let sealed = value.map(|value| keys.seal(&name, &value)).transpose()?;
            Ok(Step::Secret { name, sealed, by })
        }
        Write::AcceptMessage { message, content } => {
            if content.len() != message.size {
                let (content, size) = (content.len(), message.size);
                return Err(StoreError::conflict(
                    "content-length",
                    format!("the content has {content} bytes, but the message says {size}"),
                    "send the whole recording again",
                ));
            }
            if matches!(content, Content::Inline(_)) && content.len() > Content::INLINE_LIMIT as u64 {
                return Err(StoreError::conflict(
                    "content-too-large",
                    format!("{} bytes are too many to be taken at once", content.len()),
                    "stage the content in pieces",
                ));
            }
            if message.source_id.as_deref().is_some_and(|source| source.contains('\0')) {
                return Err(StoreError::conflict(
                    "text-not-storable",
                    "the deposit's id holds a NUL character",
                    "send an id of printable characters",
                ));
            }
            Ok(Step::Write(Write::AcceptMessage { message, content }))
        }
        other => Ok(Step::Write(other)),
    }
}
