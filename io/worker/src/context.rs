//! What a run has in its hands.

use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use tieline_model::{Clock, Ids};
use tieline_store::{Batch, Fence, Job, JobOutcome, Receipt, Store, StoreError, Write};
use tokio_util::sync::CancellationToken;

/// What a run has in its hands: the job, the store under the lease's fence, time, randomness, and the news that it
/// should come to an end.
pub struct JobContext {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) job: Job,
    pub(crate) fence: Fence,
    pub(crate) stopping: CancellationToken,
}

impl JobContext {
    /// The job as it was claimed.
    #[must_use]
    pub const fn job(&self) -> &Job {
        &self.job
    }

    /// The store, for reading. What is written past the fence by other means is not protected.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// 64 random bits.
    #[must_use]
    pub fn random(&self) -> u64 {
        random(self.ids.as_ref())
    }

    /// Set when the process wants to stop: a long run ends at its next good place with [`crate::Finish::wait`].
    #[must_use]
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Makes writes durable under the lease's fence.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when somebody else holds the stream by now: give up at once.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Receipt, StoreError> {
        let fence = Some(self.fence.clone());
        self.store.commit(Batch { at: self.now(), fence, writes }).await
    }

    /// Makes the job's own progress durable; the job goes on.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub async fn keep(&self, state: Value) -> Result<(), StoreError> {
        let outcome = JobOutcome::Keep { state };
        self.commit(vec![Write::JobOutcome { id: self.job.id, outcome }]).await.map(|_| ())
    }
}

/// The random part of a UUIDv7.
pub(crate) fn random(ids: &dyn Ids) -> u64 {
    let (_, low) = ids.uuid().as_u64_pair();
    low
}
