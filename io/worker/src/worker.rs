//! Claims jobs as long as there are hands for them, and rests when there is nothing to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tieline_model::{Clock, Ids};
use tieline_store::{Job, JobFilter, Lease, Store, StoreError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::gauge;
use crate::run::Held;
use crate::{Work, WorkerPolicy};

/// Runs jobs of every kind that it was given [`Work`] for.
pub struct Worker {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) policy: WorkerPolicy,
    /// Nothing new is begun.
    pub(crate) stopping: CancellationToken,
    /// Runs under way are dropped.
    pub(crate) abandoned: CancellationToken,
    owner: Uuid,
    kinds: BTreeMap<&'static str, Kind>,
    /// A hand became free.
    freed: Notify,
    /// Failures of the store in a row.
    trouble: AtomicU32,
}

struct Kind {
    work: Arc<dyn Work>,
    hands: Arc<Semaphore>,
}

impl Worker {
    /// A worker for these kinds of work. Of two of the same kind the later one counts.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        policy: WorkerPolicy,
        work: impl IntoIterator<Item = Arc<dyn Work>>,
    ) -> Self {
        let kinds = work
            .into_iter()
            .map(|work| {
                let hands = Arc::new(Semaphore::new(work.concurrency().max(1)));
                (work.kind(), Kind { work, hands })
            })
            .collect();
        let inner = Inner {
            owner: ids.uuid(),
            store,
            clock,
            ids,
            policy,
            stopping: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            kinds,
            freed: Notify::new(),
            trouble: AtomicU32::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Works until `stop`, then lets what is under way come to its end and returns.
    pub async fn run(self, stop: CancellationToken) {
        let inner = self.inner;
        let tasks = TaskTracker::new();
        let measuring = gauge::measure(Arc::clone(&inner));
        tokio::select! {
            () = stop.cancelled() => {}
            () = inner.claim_side_by_side(&tasks) => {}
            () = measuring => {}
        }
        inner.stopping.cancel();
        tasks.close();
        if tokio::time::timeout(inner.policy.drain, tasks.wait()).await.is_err() {
            tracing::info!(runs = tasks.len(), "runs under way are dropped; they are repeated later");
            inner.abandoned.cancel();
            tasks.wait().await;
        }
    }
}

impl Inner {
    /// Several claims are under way at the same time, since each waits for the disk; the store groups them.
    async fn claim_side_by_side(self: &Arc<Self>, tasks: &TaskTracker) {
        let claimers = (0..self.policy.claimers.max(1)).map(|_| self.claim_for_ever(tasks));
        futures_util::future::join_all(claimers).await;
    }

    async fn claim_for_ever(self: &Arc<Self>, tasks: &TaskTracker) {
        let mut bell = self.store.jobs_changed();
        loop {
            bell.mark_seen();
            let free: Vec<&str> = self
                .kinds
                .iter()
                .filter(|(_, kind)| kind.hands.available_permits() > 0)
                .map(|(name, _)| *name)
                .collect();
            if free.is_empty() {
                self.freed.notified().await;
                continue;
            }
            match self.store.claim(self.owner, self.clock.now(), self.policy.lease, &free).await {
                Ok(Some((lease, job))) => {
                    self.trouble.store(0, Ordering::Relaxed);
                    self.begin(tasks, lease, job).await;
                }
                Ok(None) => {
                    let rest = self.rest(&free).await;
                    tokio::select! {
                        () = bell.wait() => {}
                        () = self.freed.notified() => {}
                        () = tokio::time::sleep(rest) => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "no job could be claimed");
                    self.store_trouble();
                }
            }
            self.let_store_recover().await;
        }
    }

    /// How long nothing is due, as far as is known.
    async fn rest(&self, kinds: &[&str]) -> Duration {
        let due = self.store.next_due(kinds).await.ok().flatten();
        let least = Duration::from_millis(5);
        due.map_or(self.policy.poll, |due| {
            Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default()
        })
        .clamp(least, self.policy.poll.max(least))
    }

    /// After the store failed: a pause of 50 ms that doubles up to 10 s.
    async fn let_store_recover(&self) {
        let trouble = self.trouble.load(Ordering::Relaxed);
        if trouble > 0 {
            tokio::time::sleep(Duration::from_millis(50 << trouble.min(8)).min(Duration::from_secs(10)))
                .await;
        }
    }

    pub(crate) fn store_trouble(&self) {
        self.trouble.fetch_add(1, Ordering::Relaxed);
    }

    async fn begin(self: &Arc<Self>, tasks: &TaskTracker, lease: Lease, job: Job) {
        let Some((work, hand)) = self.hand_for(&job) else {
            self.let_go(&lease).await;
            return;
        };
        let inner = Arc::clone(self);
        tasks.spawn(async move { inner.hold(lease, job, work, hand).await });
    }

    fn hand_for(&self, job: &Job) -> Option<(Arc<dyn Work>, OwnedSemaphorePermit)> {
        let kind = self.kinds.get(job.kind.as_str())?;
        let hand = Arc::clone(&kind.hands).try_acquire_owned().ok()?;
        Some((Arc::clone(&kind.work), hand))
    }

    /// Carries out a stream's due jobs one after the other, up to the limit.
    async fn hold(
        self: &Arc<Self>,
        mut lease: Lease,
        job: Job,
        mut work: Arc<dyn Work>,
        mut hand: OwnedSemaphorePermit,
    ) {
        let mut next = Some(job);
        let mut count = 0;
        while let Some(job) = next.take() {
            let held = self.run(work.as_ref(), &lease, job).await;
            if held == Held::Lost {
                // Not given back: if it is still ours on paper, the pause until it expires does no harm.
                break;
            }
            self.trouble.store(0, Ordering::Relaxed);
            count += 1;
            if held == Held::GivesWay || count >= self.policy.jobs_per_hold || self.stopping.is_cancelled() {
                self.let_go(&lease).await;
                break;
            }
            match self.next_of(&mut lease, work, hand).await {
                Some((job, its_work, its_hand)) => {
                    (next, work, hand) = (Some(job), its_work, its_hand);
                }
                None => break,
            }
        }
        self.freed.notify_one();
    }

    /// The stream's next due job, with a hand of its kind; or lets the stream go.
    async fn next_of(
        &self,
        lease: &mut Lease,
        work: Arc<dyn Work>,
        hand: OwnedSemaphorePermit,
    ) -> Option<(Job, Arc<dyn Work>, OwnedSemaphorePermit)> {
        let claimed = self.renewed_and_next(lease).await;
        match claimed {
            Ok(Some(job)) if job.kind == work.kind() => return Some((job, work, hand)),
            Ok(Some(job)) => {
                drop(hand);
                if let Some((work, hand)) = self.hand_for(&job) {
                    return Some((job, work, hand));
                }
            }
            Ok(None) => {}
            Err(StoreError::Fenced { .. }) => return None,
            Err(error) => {
                tracing::error!(%error, "the stream's next job could not be claimed");
                self.store_trouble();
            }
        }
        self.let_go(lease).await;
        None
    }

    async fn renewed_and_next(&self, lease: &mut Lease) -> Result<Option<Job>, StoreError> {
        let now = self.clock.now();
        if lease.expires.duration_since(now) < self.policy.lease * 2 / 3 {
            *lease = self.store.renew(lease, now, self.policy.lease).await?;
        }
        // Asked by reading first: most streams hold one job, and a look costs no write.
        let filter = JobFilter {
            stream: Some(lease.stream.clone()),
            quarantined: Some(false),
            ..JobFilter::default()
        };
        let waiting = self.store.jobs(&filter, 1).await?;
        if waiting.first().is_none_or(|job| job.not_before > now) {
            return Ok(None);
        }
        self.store.claim_next(lease, now).await
    }

    async fn let_go(&self, lease: &Lease) {
        if let Err(error) = self.store.release(lease).await {
            tracing::warn!(stream = lease.stream, %error, "the stream could not be given back; it is free when its lease expires");
        }
    }
}
