//! Tells workers and listeners that there is something new, so that they need not ask again and again.

use tokio::sync::watch;

/// The two bells of a store.
#[derive(Debug, Clone)]
pub(crate) struct Wakes {
    jobs: watch::Sender<u64>,
    events: watch::Sender<u64>,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        Self { jobs: watch::Sender::new(0), events: watch::Sender::new(0) }
    }

    pub(crate) fn ring_jobs(&self) {
        self.jobs.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn ring_events(&self) {
        self.events.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn jobs(&self) -> JobsChanged {
        JobsChanged(self.jobs.subscribe())
    }

    pub(crate) fn events(&self) -> EventsChanged {
        EventsChanged(self.events.subscribe())
    }
}

/// Rings when a job was queued, ended, or a stream was given up: time to claim again. Rings that come between two waits
/// are kept as one, so none is missed: mark as seen, claim, and wait only if there was nothing to claim. A lease or a
/// waiting job that comes due does not ring; see [`crate::Store::next_due`].
#[derive(Debug, Clone)]
pub struct JobsChanged(watch::Receiver<u64>);

impl JobsChanged {
    /// Forgets earlier rings.
    pub fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for a ring that was not seen yet; for ever once the store is gone.
    pub async fn wait(&mut self) {
        wait(&mut self.0).await;
    }
}

/// Rings when there are new events.
#[derive(Debug, Clone)]
pub struct EventsChanged(watch::Receiver<u64>);

impl EventsChanged {
    /// Forgets earlier rings.
    pub fn mark_seen(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for a ring that was not seen yet; for ever once the store is gone.
    pub async fn wait(&mut self) {
        wait(&mut self.0).await;
    }
}

async fn wait(bell: &mut watch::Receiver<u64>) {
    if bell.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
