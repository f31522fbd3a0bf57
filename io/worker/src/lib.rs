//! Carries out durable jobs: claims them from the store, holds their lease, fences what they write, and tries again.
//!
//! A service implements [`Work`], one per kind of job. A run gets a [`JobContext`] and ends with a [`Finish`]: what
//! became of the job, and the writes that belong to it. Both are committed in one batch under the lease's fence, so
//! that a process that lost its lease without noticing can change nothing. A run may commit progress in between with
//! [`JobContext::commit`].
//!
//! What it promises:
//!
//! * A stream's jobs run one after the other, on one worker at a time; streams run beside one another. A failing job
//!   waits in its own stream and holds up nobody else's, and a stream that is never empty is let go after
//!   [`WorkerPolicy::jobs_per_hold`] jobs so that others get their turn.
//! * A run that fails is repeated with exponential waits and jitter, never before the peer's back-off ends; one that
//!   can never work, or that panicked [`WorkerPolicy::panics`] times, is quarantined with its reason.
//! * A run whose lease is lost, or that takes longer than [`Work::time_limit`], is dropped where it stands. What it
//!   began outside is known to its own durable state (see `tieline-delivery`).
//! * At the end ([`Worker::run`]'s token) nothing new is claimed, runs under way get [`WorkerPolicy::drain`] to end,
//!   and leases are given back, so that another process goes on at once.
//!
//! What it refuses to be: a scheduler with calendars, or a place where decisions about a job's subject are made.
//!
//! Metrics: `tieline_jobs{kind,state}` (open, due, quarantined), `tieline_job_oldest_age_seconds{kind}`,
//! `tieline_job_run_seconds{kind}`, `tieline_job_wait_seconds{kind}`, `tieline_job_outcomes_total{kind,outcome}`.
//! Spans: [`Work::span`], by default `job.run`, with kind, job, subject and trace.

mod context;
mod gauge;
mod policy;
mod run;
mod work;
mod worker;

pub use context::JobContext;
pub use policy::WorkerPolicy;
pub use work::{Finish, Run, Work, WorkError};
pub use worker::Worker;
