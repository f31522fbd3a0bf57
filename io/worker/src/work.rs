//! What a service implements.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tieline_model::Refusal;
use tieline_store::{Job, JobOutcome, StoreError, Write};

use crate::JobContext;

/// One run of a job.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<Finish, WorkError>> + Send + 'a>>;

/// Work of one kind.
///
/// A run may be dropped at any await, and repeated: what it does outside must be idempotent or known to the job's
/// durable state.
pub trait Work: Send + Sync + 'static {
    /// The kind of job that it carries out: `deliver`.
    fn kind(&self) -> &'static str;

    /// How many run at the same time; 16 unless told.
    fn concurrency(&self) -> usize {
        16
    }

    /// A run that takes longer is dropped and repeated; 5 min unless told.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// The span that a run's log lines belong to.
    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.run", kind = job.kind, job = %job.id, subject = job.subject, trace = %job.trace)
    }

    /// Carries the job out.
    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a>;
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Finish {
    /// What became of the job.
    pub outcome: JobOutcome,
    /// What is written in the same batch, before the outcome.
    pub writes: Vec<Write>,
    /// The stream is let go, also when it has more to do at once: others wait for a hand.
    pub gives_way: bool,
}

impl Finish {
    const fn of(outcome: JobOutcome) -> Self {
        Self { outcome, writes: Vec::new(), gives_way: false }
    }

    /// Goes on as soon as those had their turn that wait for a hand.
    #[must_use]
    pub fn give_way(now: Timestamp, state: Value) -> Self {
        Self { gives_way: true, ..Self::wait(now, state) }
    }

    /// Carried out.
    #[must_use]
    pub const fn done() -> Self {
        Self::of(JobOutcome::Done)
    }

    /// A plain wait, without a failure.
    #[must_use]
    pub const fn wait(until: Timestamp, state: Value) -> Self {
        Self::of(JobOutcome::Again { not_before: until, state, reason: None })
    }

    /// A failure that the run itself knows how to wait for.
    #[must_use]
    pub const fn again(until: Timestamp, state: Value, reason: Refusal) -> Self {
        Self::of(JobOutcome::Again { not_before: until, state, reason: Some(reason) })
    }

    /// Put aside.
    #[must_use]
    pub const fn quarantined(reason: Refusal) -> Self {
        Self::of(JobOutcome::Quarantined { reason })
    }

    /// Adds a write.
    #[must_use]
    pub fn with(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds writes.
    #[must_use]
    pub fn with_all(mut self, writes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(writes);
        self
    }
}

/// Why a run came to no end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkError {
    /// The store failed. A lost lease ends the run silently: somebody else goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It did not work: the worker waits and repeats, or quarantines what is permanent.
    #[error("{refusal}")]
    Failed {
        /// What to tell a person; the class decides.
        refusal: Refusal,
        /// The peer asked to be left alone for this long.
        back_off: Option<SignedDuration>,
    },
}

impl WorkError {
    /// A failure without a back-off.
    #[must_use]
    pub const fn failed(refusal: Refusal) -> Self {
        Self::Failed { refusal, back_off: None }
    }
}
