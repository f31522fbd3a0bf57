//! How much work waits, as metrics (AV-89).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::worker::Inner;

/// Measures until it is dropped.
pub(crate) async fn measure(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(inner.policy.measure);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let depth = |kind: &str, state: &'static str, jobs: u64| {
        metrics::gauge!("tieline_jobs", "kind" => kind.to_owned(), "state" => state).set(jobs as f64);
    };
    let mut told = BTreeSet::new();
    loop {
        ticks.tick().await;
        let now = inner.clock.now();
        let Ok(queues) = inner.store.queue(now).await else { continue };
        // The last job of its kind takes the kind off the list.
        let present: BTreeSet<String> = queues.iter().map(|queue| queue.kind.clone()).collect();
        for kind in told.difference(&present) {
            for state in ["open", "due", "quarantined"] {
                depth(kind, state, 0);
            }
            metrics::gauge!("tieline_job_oldest_age_seconds", "kind" => kind.clone()).set(0.0);
        }
        told.extend(present);
        for queue in queues {
            depth(&queue.kind, "open", queue.open);
            depth(&queue.kind, "due", queue.due);
            depth(&queue.kind, "quarantined", queue.quarantined);
            let age = queue.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
            metrics::gauge!("tieline_job_oldest_age_seconds", "kind" => queue.kind).set(age);
        }
    }
}
