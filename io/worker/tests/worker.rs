//! A worker on a real store, with work that fails in every way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;
use tieline_model::{Clock, Ids, JobId, ManualClock, Refusal, TraceId};
use tieline_store::{Batch, Job, JobFilter, KeyFile, NewEvent, NewJob, Store, StoreConfig, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError, Worker, WorkerPolicy};
use tokio_util::sync::CancellationToken;

/// What a run does, said by its payload.
struct Script {
    ran: Mutex<Vec<(String, u64)>>,
    at_once: AtomicU32,
    most_at_once: AtomicU32,
}

struct Scripted(Arc<Script>);

impl Work for Scripted {
    fn kind(&self) -> &'static str {
        "script"
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn time_limit(&self) -> Duration {
        Duration::from_millis(700)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(async move {
            let job = context.job();
            let script = &self.0;
            script.ran.lock().unwrap().push((job.stream.clone(), job.payload["n"].as_u64().unwrap_or(0)));
            let running = script.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            script.most_at_once.fetch_max(running, Ordering::SeqCst);
            let ended = act(context).await;
            script.at_once.fetch_sub(1, Ordering::SeqCst);
            ended
        })
    }
}

async fn act(context: &JobContext) -> Result<Finish, WorkError> {
    let job = context.job();
    match job.payload["act"].as_str().unwrap_or("done") {
        "panic" => panic!("a mistake"),
        "sleep" => {
            let ms = job.payload["ms"].as_u64().unwrap();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(Finish::done().with(event("slept")))
        }
        "fail-once" if job.attempts == 1 => {
            let refusal = Refusal::transient("busy", "the peer is busy", "nothing");
            Err(WorkError::Failed { refusal, back_off: Some(SignedDuration::from_secs(90)) })
        }
        "contradict" => Ok(Finish::done().with(event("done")).with(Write::MessageState {
            message: tieline_model::MessageId::from_uuid(job.id.uuid()),
            state: tieline_model::MessageState::Read,
            by: tieline_store::StateOrigin::Api,
        })),
        "never" => Err(WorkError::failed(Refusal::permanent("broken", "it is broken", "mend it"))),
        "steps" => {
            let step = job.state.as_u64().unwrap_or(0);
            context.keep(json!(step + 1)).await?;
            if step < 2 { Ok(Finish::wait(context.now(), json!(step + 1))) } else { Ok(Finish::done()) }
        }
        _ => Ok(Finish::done().with(event("done"))),
    }
}

fn event(what: &str) -> Write {
    Write::Event(NewEvent { topic: what.to_owned(), subject: "job".to_owned(), payload: json!(null) })
}

struct Site {
    _folder: TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    script: Arc<Script>,
    stop: CancellationToken,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        KeyFile::at(&key).create().unwrap();
        let file = folder.path().join("tieline.db");
        let store = Store::open(StoreConfig::new(file.to_str().unwrap(), key)).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-05T09:00:00Z".parse().unwrap()));
        let script = Arc::new(Script { ran: Mutex::default(), at_once: 0.into(), most_at_once: 0.into() });
        Self { _folder: folder, store, clock, script, stop: CancellationToken::new() }
    }

    fn start(&self, change: impl FnOnce(&mut WorkerPolicy)) -> tokio::task::JoinHandle<()> {
        let mut policy = WorkerPolicy { poll: Duration::from_millis(10), ..WorkerPolicy::default() };
        change(&mut policy);
        let work: [Arc<dyn Work>; 1] = [Arc::new(Scripted(Arc::clone(&self.script)))];
        let worker = Worker::new(self.store.clone(), self.clock.clone(), self.clock.clone(), policy, work);
        tokio::spawn(worker.run(self.stop.clone()))
    }

    async fn queue(&self, stream: &str, payload: serde_json::Value) -> JobId {
        let id = JobId::from_uuid(self.clock.uuid());
        let job = NewJob {
            id,
            stream: stream.to_owned(),
            kind: "script".to_owned(),
            payload,
            not_before: self.clock.now(),
            trace: TraceId::from_uuid(self.clock.uuid()),
            subject: stream.to_owned(),
            dedupe: None,
        };
        self.store.commit(Batch::new(self.clock.now()).with(Write::Job(job))).await.unwrap();
        id
    }

    async fn jobs(&self) -> Vec<Job> {
        self.store.jobs(&JobFilter::default(), 1000).await.unwrap()
    }

    /// Waits until the jobs look like this.
    async fn until(&self, what: &str, holds: impl Fn(&[Job]) -> bool) -> Vec<Job> {
        for _ in 0..2000 {
            let jobs = self.jobs().await;
            if holds(&jobs) {
                return jobs;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {what}: {:#?}", self.jobs().await);
    }

    /// Waits until the job with this act was tried so often and its outcome is written: the clock may move then.
    async fn until_it_waits_after(&self, attempts: u32, act: &str) {
        let now = self.clock.now();
        let waits = |job: &Job| {
            job.payload["act"] == act && job.attempts == attempts && job.not_before > now && !job.quarantined
        };
        self.until("tried", |jobs| jobs.iter().any(waits)).await;
    }

    async fn events(&self, topic: &str) -> usize {
        self.store.events_after(0, &[topic.to_owned()], 1000).await.unwrap().len()
    }
}

#[tokio::test]
async fn streams_run_beside_one_another_and_each_in_its_order() {
    let site = Site::new().await;
    for n in 0..10 {
        for stream in ["a", "b", "c", "d", "e", "f"] {
            site.queue(stream, json!({ "n": n, "act": "sleep", "ms": 2 })).await;
        }
    }
    let _running = site.start(|policy| policy.jobs_per_hold = 3);
    site.until("empty", <[Job]>::is_empty).await;
    let mut orders: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (stream, n) in site.script.ran.lock().unwrap().iter() {
        orders.entry(stream.clone()).or_default().push(*n);
    }
    assert_eq!(orders.len(), 6);
    assert!(orders.values().all(|order| *order == (0..10).collect::<Vec<u64>>()), "{orders:?}");
    let most = site.script.most_at_once.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "{most} at once");
    assert_eq!(site.events("slept").await, 60, "each outcome with its writes, once");
    assert!(site.store.lease("a").await.unwrap().unwrap().expires <= site.clock.now(), "given back");
}

/// Covers: AV-89 (back-off obeyed)
#[tokio::test]
async fn a_failing_stream_waits_out_the_back_off_and_holds_up_no_other() {
    let site = Site::new().await;
    site.queue("bad", json!({ "act": "fail-once" })).await;
    site.queue("bad", json!({ "n": 2 })).await;
    for n in 0..5 {
        site.queue("good", json!({ "n": n })).await;
    }
    let _running = site.start(|_| {});
    let jobs = site.until("two left", |jobs| jobs.len() == 2 && jobs[0].reason.is_some()).await;
    let waits = jobs[0].not_before.duration_since(site.clock.now()).as_secs();
    assert_eq!((waits, jobs[0].reason.as_ref().unwrap().code.as_str()), (90, "busy"));
    site.clock.advance(SignedDuration::from_secs(89));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(site.jobs().await.len(), 2, "not a second too early");
    site.clock.advance(SignedDuration::from_secs(1));
    site.until("empty", <[Job]>::is_empty).await;
}

#[tokio::test]
async fn what_can_never_work_is_put_aside_and_mistakes_after_three_times() {
    let site = Site::new().await;
    site.queue("a", json!({ "act": "never" })).await;
    site.queue("a", json!({ "act": "panic" })).await;
    site.queue("a", json!({})).await;
    let _running = site.start(|_| {});
    for attempt in 1..3 {
        site.until_it_waits_after(attempt, "panic").await;
        site.clock.advance(SignedDuration::from_secs(600));
    }
    let jobs =
        site.until("two aside", |jobs| jobs.len() == 2 && jobs.iter().all(|job| job.quarantined)).await;
    let codes: Vec<String> = jobs.into_iter().map(|job| job.reason.unwrap().code).collect();
    assert_eq!(codes, ["broken", "job-panicked"]);
    let panics = site.script.ran.lock().unwrap().len();
    assert_eq!(panics, 1 + 3 + 1);
}

#[tokio::test]
async fn an_outcome_that_contradicts_what_stands_is_put_aside_after_three_times() {
    let site = Site::new().await;
    site.queue("a", json!({ "act": "contradict" })).await;
    let _running = site.start(|_| {});
    for attempt in 1..3 {
        site.until_it_waits_after(attempt, "contradict").await;
        site.clock.advance(SignedDuration::from_secs(600));
    }
    let jobs = site.until("aside", |jobs| jobs[0].quarantined).await;
    assert_eq!((jobs[0].attempts, site.events("done").await), (3, 0), "nothing of the batch was written");
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_repeated_with_the_reason() {
    let site = Site::new().await;
    site.queue("a", json!({ "act": "sleep", "ms": 60_000 })).await;
    let _running = site.start(|_| {});
    let jobs = site.until("waiting", |jobs| jobs[0].reason.is_some()).await;
    assert_eq!(jobs[0].reason.as_ref().unwrap().code, "job-too-slow");
    assert_eq!(site.events("slept").await, 0);
}

#[tokio::test]
async fn progress_is_kept_between_runs() {
    let site = Site::new().await;
    site.queue("a", json!({ "act": "steps" })).await;
    let _running = site.start(|_| {});
    site.until("empty", <[Job]>::is_empty).await;
    assert_eq!(site.script.ran.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_process_that_lost_its_lease_changes_nothing_any_more() {
    let site = Site::new().await;
    let id = site.queue("a", json!({ "act": "sleep", "ms": 400 })).await;
    let short = SignedDuration::from_millis(600);
    let _running = site.start(|policy| policy.lease = short);
    while site.script.ran.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The process was paused for so long that its lease expired, and another one took over.
    site.clock.advance(SignedDuration::from_secs(10));
    let other = site.clock.uuid();
    let hour = SignedDuration::from_hours(1);
    let (lease, job) = site.store.claim(other, site.clock.now(), hour, &["script"]).await.unwrap().unwrap();
    assert_eq!(job.id, id);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(site.events("slept").await, 0, "its outcome was refused");
    assert_eq!(site.jobs().await.len(), 1);
    assert_eq!(site.store.lease("a").await.unwrap().unwrap().token, lease.token);
}

#[tokio::test]
async fn at_the_end_runs_may_finish_and_others_are_dropped_with_their_lease_given_back() {
    for (ms, patience, finished) in [(100, 5000, 1), (600, 50, 0)] {
        let site = Site::new().await;
        site.queue("a", json!({ "act": "sleep", "ms": ms })).await;
        site.queue("a", json!({ "n": 2 })).await;
        let running = site.start(|policy| policy.drain = Duration::from_millis(patience));
        while site.script.ran.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        site.stop.cancel();
        running.await.unwrap();
        assert_eq!(site.events("slept").await, finished);
        assert_eq!(site.script.ran.lock().unwrap().len(), 1, "nothing new was begun");
        assert!(site.store.lease("a").await.unwrap().unwrap().expires <= site.clock.now());
    }
}
