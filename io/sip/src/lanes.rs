//! One lane a target: one request on its way, the newest wins.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::MutexGuard;

use crate::lock;

/// Lanes kept while nothing moves in them; beyond, idle ones are forgotten.
const MAX_IDLE: usize = 100_000;

/// All lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

/// The order towards one target.
#[derive(Default)]
pub(crate) struct Lane {
    newest: AtomicU64,
    gate: tokio::sync::Mutex<()>,
}

impl Lanes {
    pub(crate) fn of(&self, target: String) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if lanes.len() >= MAX_IDLE {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        lanes.entry(target).or_default().clone()
    }
}

impl Lane {
    /// Waits for the turn of `revision`. `None`: a newer one has come meanwhile, or came before; this one must not be
    /// sent any more.
    pub(crate) async fn enter(&self, revision: u64) -> Option<MutexGuard<'_, ()>> {
        if self.newest.fetch_max(revision, Ordering::SeqCst) > revision {
            return None;
        }
        let turn = self.gate.lock().await;
        (self.newest.load(Ordering::SeqCst) == revision).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-13 (never a stale count)
    #[tokio::test]
    async fn of_those_that_wait_only_the_newest_goes() {
        let lane = Arc::new(Lane::default());
        let first = lane.enter(1).await;
        assert!(first.is_some());
        let waiting: Vec<_> = [2, 5, 3, 4]
            .map(|revision| {
                let lane = lane.clone();
                tokio::spawn(async move { lane.enter(revision).await.map(|_| revision) })
            })
            .into();
        tokio::task::yield_now().await;
        assert!(lane.enter(1).await.is_none(), "an older one after newer ones");
        drop(first);
        let mut gone = Vec::new();
        for task in waiting {
            gone.extend(task.await.unwrap());
        }
        assert_eq!(gone, [5]);
    }

    #[test]
    fn idle_lanes_are_forgotten() {
        let lanes = Lanes::default();
        let kept = lanes.of("kept".to_owned());
        kept.newest.store(9, Ordering::SeqCst);
        for n in 0..MAX_IDLE + 10 {
            lanes.of(n.to_string());
        }
        assert!(lock(&lanes.lanes).len() < MAX_IDLE);
        assert_eq!(lanes.of("kept".to_owned()).newest.load(Ordering::SeqCst), 9);
    }
}
