//! Durable work: jobs in streams, and the leases under which they are carried out.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::{JobId, Refusal, TraceId};
use uuid::Uuid;

use crate::store::read;
use crate::writer::{Answer, Op, unexpected};
use crate::{Fence, Store, StoreError};

/// A job to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// Jobs of one stream are carried out one after the other, in the order in which they were queued.
    pub stream: String,
    /// Which service carries it out, in kebab case: `deliver`.
    pub kind: String,
    /// What the service needs to know.
    pub payload: Value,
    /// Not earlier than this.
    pub not_before: Timestamp,
    /// Its journey.
    pub trace: TraceId,
    /// What it is about, as a printed id.
    pub subject: String,
    /// At most one open job has this key. Queueing another raises the open one's generation instead, and gives it the
    /// newer payload and trace: if it is running, it runs once more; if it waits without a failure, it is due at the
    /// earlier of both times; if it waits because of a failure, it goes on waiting.
    pub dedupe: Option<String>,
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its stream.
    pub stream: String,
    /// Its place in the stream.
    pub seq: i64,
    /// Which service carries it out.
    pub kind: String,
    /// What the service needs to know.
    pub payload: Value,
    /// What the service noted by [`JobOutcome::Again`] or [`JobOutcome::Keep`]; at first `Null`.
    pub state: Value,
    /// How often it was claimed, this time included; counted anew after a wait without a failure.
    pub attempts: u32,
    /// When it is due.
    pub not_before: Timestamp,
    /// Its journey.
    pub trace: TraceId,
    /// What it is about.
    pub subject: String,
    /// Rises with each queueing under the same dedupe key.
    pub generation: i64,
    /// Why it waits or was put aside.
    pub reason: Option<Refusal>,
    /// Put aside until an administrator retries it; its stream goes on.
    pub quarantined: bool,
    /// When it was queued.
    pub queued: Timestamp,
}

/// What became of a job's run. A job that was queued again while it ran (same dedupe key) stays open after `Done` and
/// runs once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// Carried out; the job is removed.
    Done,
    /// To be run again; until then its stream waits.
    Again {
        /// When.
        not_before: Timestamp,
        /// What to remember.
        state: Value,
        /// Why it failed; `None` when it is a plain wait.
        reason: Option<Refusal>,
    },
    /// Progress to be remembered; the job is still held.
    Keep {
        /// What to remember.
        state: Value,
    },
    /// Put aside; its stream goes on.
    Quarantined {
        /// Why.
        reason: Refusal,
    },
}

/// A stream held for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The stream.
    pub stream: String,
    /// Who holds it.
    pub owner: Uuid,
    /// Rises with each taker.
    pub token: i64,
    /// Until when, unless renewed.
    pub expires: Timestamp,
}

impl Lease {
    /// What batches written under this lease carry.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence { stream: self.stream.clone(), token: self.token }
    }
}

/// How much work of one kind waits (AV-89).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// The kind.
    pub kind: String,
    /// Open jobs, due or not.
    pub open: u64,
    /// Of these, due now.
    pub due: u64,
    /// Put aside.
    pub quarantined: u64,
    /// When the oldest open job was queued.
    pub oldest: Option<Timestamp>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only about this subject.
    pub subject: Option<String>,
    /// Only of this stream.
    pub stream: Option<String>,
    /// Only those put aside (`true`), or only open ones (`false`).
    pub quarantined: Option<bool>,
    /// Only those behind this `seq`.
    pub after: i64,
}

impl Store {
    /// Takes a stream whose first open job is due, of one of these kinds, and held by nobody. The
    /// stream is then the caller's until `now + ttl`, or until [`Self::release`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn claim(
        &self,
        owner: Uuid,
        now: Timestamp,
        ttl: SignedDuration,
        kinds: &[&str],
    ) -> Result<Option<(Lease, Job)>, StoreError> {
        let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        match self.ask(Op::Claim { owner, now, ttl, kinds }, 0).await? {
            Answer::Claimed(claimed) => Ok(claimed.map(|claimed| *claimed)),
            other => Err(unexpected(&other)),
        }
    }

    /// The next due job of a stream that is held already, without giving it up in between.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the stream was taken over; or when the store cannot be written.
    pub async fn claim_next(&self, lease: &Lease, now: Timestamp) -> Result<Option<Job>, StoreError> {
        match self.ask(Op::ClaimNext { fence: lease.fence(), now }, 0).await? {
            Answer::Job(job) => Ok(job.map(|job| *job)),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes a stream as such, for a watcher rather than for a job; `None` when somebody else holds it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn hold(
        &self,
        stream: &str,
        owner: Uuid,
        now: Timestamp,
        ttl: SignedDuration,
    ) -> Result<Option<Lease>, StoreError> {
        match self.ask(Op::Hold { stream: stream.to_owned(), owner, now, ttl }, 0).await? {
            Answer::Held(lease) => Ok(lease),
            other => Err(unexpected(&other)),
        }
    }

    /// Holds on to a stream until `now + ttl`.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when somebody else took it; or when the store cannot be written.
    pub async fn renew(
        &self,
        lease: &Lease,
        now: Timestamp,
        ttl: SignedDuration,
    ) -> Result<Lease, StoreError> {
        match self.ask(Op::Renew { lease: lease.clone(), now, ttl }, 0).await? {
            Answer::Held(Some(lease)) => Ok(lease),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a stream up. Nothing happens when somebody else took it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.ask(Op::Release { fence: lease.fence() }, 0).await.map(|_| ())
    }

    /// When the next claim may succeed: the earliest time at which a job of these kinds is due on a
    /// stream that is free, or whose lease expires. It may lie in the past.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next_due(&self, kinds: &[&str]) -> Result<Option<Timestamp>, StoreError> {
        read!(self, conn => job::next_due(conn, kinds))
    }

    /// One job.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        read!(self, conn => job::one(conn, id))
    }

    /// Jobs in the order of their places.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, StoreError> {
        read!(self, conn => job::list(conn, filter, limit))
    }

    /// How much work waits, by kind.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn queue(&self, now: Timestamp) -> Result<Vec<QueueDepth>, StoreError> {
        read!(self, conn => job::depth(conn, now))
    }

    /// The lease of a stream, held or expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lease(&self, stream: &str) -> Result<Option<Lease>, StoreError> {
        read!(self, conn => lease::one(conn, stream))
    }
}
