//! How a worker behaves.

use std::time::Duration;

use jiff::SignedDuration;
use tieline_delivery::Policy;

/// How a worker behaves. The defaults suit a node on its own.
#[derive(Debug, Clone)]
pub struct WorkerPolicy {
    /// For how long a lease is taken; renewed at a third of it. 30 s by default. After a crash a stream stands still
    /// for this long at most.
    pub lease: SignedDuration,
    /// The queue is looked at this often even if nothing rings: 5 s by default.
    pub poll: Duration,
    /// How many claims may be under way at the same time; 4 by default.
    pub claimers: u32,
    /// How long runs under way may go on when the worker is to stop; 10 s by default.
    pub drain: Duration,
    /// After so many jobs a stream that still has more is let go for others; 32 by default.
    pub jobs_per_hold: u32,
    /// A job whose run panicked so often is quarantined; 3 by default.
    pub panics: u32,
    /// The waits after failures.
    pub retry: Policy,
    /// How often queue depths are measured; 10 s by default.
    pub measure: Duration,
}

impl Default for WorkerPolicy {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_secs(30),
            poll: Duration::from_secs(5),
            claimers: 4,
            drain: Duration::from_secs(10),
            jobs_per_hold: 32,
            panics: 3,
            retry: Policy::default(),
            measure: Duration::from_secs(10),
        }
    }
}
