//! One run of one job: lease kept, time limited, panics caught, outcome committed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tieline_delivery::Failure;
use tieline_model::{Class, Refusal};
use tieline_store::{Batch, Job, JobOutcome, Lease, StoreError, Write};
use tracing::Instrument;

use crate::context::random;
use crate::worker::Inner;
use crate::{Finish, JobContext, Work, WorkError};

/// A job that contradicts what stands is put aside after so many attempts.
const CONFLICTS: u32 = 3;

/// Whether the stream is still ours after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is; its next job may be claimed.
    Yes,
    /// It is, and others go first.
    GivesWay,
    /// It is not, or the store cannot say: nothing more is done with it.
    Lost,
}

impl Inner {
    /// Carries one job out and commits what became of it.
    pub(crate) async fn run(self: &Arc<Self>, work: &dyn Work, lease: &Lease, job: Job) -> Held {
        let span = work.span(&job);
        let kind = work.kind();
        let now = self.clock.now();
        let due = job.not_before.max(job.queued);
        metrics::histogram!("tieline_job_wait_seconds", "kind" => kind)
            .record(now.duration_since(due).as_secs_f64().max(0.0));
        let begun = Instant::now();
        let held = self.run_inside(work, lease, job).instrument(span).await;
        metrics::histogram!("tieline_job_run_seconds", "kind" => kind).record(begun.elapsed().as_secs_f64());
        held
    }

    async fn run_inside(self: &Arc<Self>, work: &dyn Work, lease: &Lease, job: Job) -> Held {
        let context = JobContext {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            fence: lease.fence(),
            stopping: self.stopping.clone(),
            job,
        };
        let guarded = AssertUnwindSafe(work.run(&context)).catch_unwind();
        let ended = tokio::select! {
            ended = tokio::time::timeout(work.time_limit(), guarded) => ended,
            () = self.keep_lease(lease) => {
                tracing::warn!("the lease was lost; the run is dropped, another worker goes on");
                count(work, "lost");
                return Held::Lost;
            }
            () = self.abandoned.cancelled() => {
                tracing::info!("the run is dropped, since the process stops; it is repeated later");
                count(work, "dropped");
                return Held::Yes;
            }
        };
        let finish = match ended {
            Ok(Ok(Ok(finish))) => finish,
            Ok(Ok(Err(WorkError::Store(StoreError::Conflict(refusal))))) => {
                self.after_conflict(&context.job, refusal)
            }
            Ok(Ok(Err(WorkError::Store(error)))) => return self.store_failed(work, &error),
            Ok(Ok(Err(WorkError::Failed { refusal, back_off }))) => {
                self.after_failure(&context.job, refusal, back_off)
            }
            Ok(Err(panic)) => self.after_panic(&context.job, panic.as_ref()),
            Err(_) => self.after_failure(&context.job, too_long(work), None),
        };
        match self.commit(work, lease, &context.job, finish).await {
            Ok(held) => held,
            // What was to be written contradicts what stands by now: that is the job's failure, not the store's.
            Err(refusal) => {
                let finish = self.after_conflict(&context.job, refusal);
                self.commit(work, lease, &context.job, finish).await.unwrap_or(Held::Lost)
            }
        }
    }

    /// Renews at a third of the lease's time; returns when it is lost.
    async fn keep_lease(&self, lease: &Lease) {
        let third = std::time::Duration::try_from(self.policy.lease).unwrap_or_default() / 3;
        let mut expires = lease.expires;
        loop {
            tokio::time::sleep(third.max(std::time::Duration::from_millis(10))).await;
            let now = self.clock.now();
            match self.store.renew(lease, now, self.policy.lease).await {
                Ok(renewed) => expires = renewed.expires,
                Err(StoreError::Fenced { .. }) => return,
                Err(_) if self.clock.now() >= expires => return,
                Err(error) => tracing::warn!(%error, "the lease could not be renewed yet"),
            }
        }
    }

    fn store_failed(&self, work: &dyn Work, error: &StoreError) -> Held {
        if !matches!(error, StoreError::Fenced { .. }) {
            tracing::error!(%error, "the store failed; the job is repeated");
            self.store_trouble();
        }
        count(work, "store-failed");
        Held::Lost
    }

    fn after_failure(&self, job: &Job, refusal: Refusal, back_off: Option<SignedDuration>) -> Finish {
        if refusal.class == Class::Permanent {
            return Finish::quarantined(refusal);
        }
        let failure = Failure { class: refusal.class, uncertain: false, back_off };
        let again: Timestamp =
            self.policy.retry.again(&failure, job.attempts, self.clock.now(), random(self.ids.as_ref()));
        Finish::again(again, job.state.clone(), refusal)
    }

    /// A contradiction may be gone at the next look; the third time it is not.
    fn after_conflict(&self, job: &Job, refusal: Refusal) -> Finish {
        let class = if job.attempts >= CONFLICTS { Class::Permanent } else { Class::Transient };
        self.after_failure(job, Refusal { class, ..refusal }, None)
    }

    fn after_panic(&self, job: &Job, panic: &(dyn std::any::Any + Send)) -> Finish {
        let said = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let report = "report this line together with tieline --version, then retry the job";
        let make = if job.attempts >= self.policy.panics { Refusal::permanent } else { Refusal::transient };
        let refusal =
            make("job-panicked", format!("the {} job stopped at a mistake: {said}", job.kind), report);
        self.after_failure(job, refusal.at(&job.subject), None)
    }

    /// Writes what became of the job; an error when that contradicts what stands.
    async fn commit(
        &self,
        work: &dyn Work,
        lease: &Lease,
        job: &Job,
        finish: Finish,
    ) -> Result<Held, Refusal> {
        let (word, reason) = match &finish.outcome {
            JobOutcome::Done => ("done", None),
            JobOutcome::Again { reason: None, .. } | JobOutcome::Keep { .. } => ("waits", None),
            JobOutcome::Again { reason, .. } => ("retry", reason.clone()),
            JobOutcome::Quarantined { reason } => ("quarantined", Some(reason.clone())),
        };
        let held = if finish.gives_way { Held::GivesWay } else { Held::Yes };
        let mut batch = Batch { at: self.clock.now(), fence: Some(lease.fence()), writes: finish.writes };
        batch.push(Write::JobOutcome { id: job.id, outcome: finish.outcome });
        match self.store.commit(batch).await {
            Ok(_) => {
                match reason {
                    Some(reason) if word == "quarantined" => {
                        tracing::error!(code = reason.code, "put aside: {reason}");
                    }
                    Some(reason) => tracing::warn!(code = reason.code, attempts = job.attempts, "{reason}"),
                    None => tracing::debug!(outcome = word, "ended"),
                }
                count(work, word);
                Ok(held)
            }
            Err(StoreError::Conflict(refusal)) => Err(refusal),
            Err(error) => Ok(self.store_failed(work, &error)),
        }
    }
}

fn count(work: &dyn Work, outcome: &'static str) {
    metrics::counter!("tieline_job_outcomes_total", "kind" => work.kind(), "outcome" => outcome).increment(1);
}

fn too_long(work: &dyn Work) -> Refusal {
    Refusal::transient(
        "job-too-slow",
        format!("the {} job did not end within {} s", work.kind(), work.time_limit().as_secs()),
        "nothing; it is repeated",
    )
}
