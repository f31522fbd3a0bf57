//! How much work waits, as metrics (AV-89).

use std::sync::Arc;

use crate::worker::Inner;

/// Measures until it is dropped.
pub(crate) async fn measure(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(inner.policy.measure);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = inner.clock.now();
        let Ok(queues) = inner.store.queue(now).await else { continue };
        for queue in queues {
            let depth = |state: &'static str, jobs: u64| {
                let kind = queue.kind.clone();
                metrics::gauge!("tieline_jobs", "kind" => kind, "state" => state).set(jobs as f64);
            };
            depth("open", queue.open);
            depth("due", queue.due);
            depth("quarantined", queue.quarantined);
            let age = queue.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
            metrics::gauge!("tieline_job_oldest_age_seconds", "kind" => queue.kind).set(age);
        }
    }
}
