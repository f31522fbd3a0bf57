//! Jobs, streams, leases and fences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tieline_model::{JobId, MailboxId, Refusal};
use tieline_store::{HealthState, Job, JobFilter, JobOutcome, Lease, NewJob, Store, StoreError, Write};
use uuid::Uuid;

use crate::site::{Site, TTL, both, code};

async fn enqueue(site: &Site, store: &Store, job: NewJob) -> JobId {
    let id = job.id;
    store.commit(site.batch().with(Write::Job(job))).await.unwrap();
    id
}

/// The kinds of the jobs here.
const KINDS: &[&str] = &["deliver", "light", "sync"];

async fn claim(site: &Site, store: &Store) -> Option<(Lease, Job)> {
    store.claim(site.uuid(), site.now(), TTL, KINDS).await.unwrap()
}

async fn conclude(
    site: &Site,
    store: &Store,
    lease: &Lease,
    id: JobId,
    outcome: JobOutcome,
) -> Result<(), StoreError> {
    let batch = site.batch().fenced(lease.fence()).with(Write::JobOutcome { id, outcome });
    store.commit(batch).await.map(|_| ())
}

fn again(not_before: jiff::Timestamp, reason: Option<Refusal>) -> JobOutcome {
    JobOutcome::Again { not_before, state: json!({ "attempt": 1 }), reason }
}

fn trouble() -> Refusal {
    Refusal::transient("no-answer", "the server does not answer", "nothing; it is tried again")
}

/// Works until every job is done, as a worker process does.
async fn work(store: Store, owner: Uuid, now: jiff::Timestamp, seen: Arc<Mutex<BTreeMap<String, Vec<i64>>>>) {
    let mut bell = store.jobs_changed();
    loop {
        bell.mark_seen();
        let Some((lease, job)) = store.claim(owner, now, TTL, KINDS).await.unwrap() else {
            if store.queue(now).await.unwrap().is_empty() {
                return;
            }
            // Another worker may finish the last job without a ring for us in between.
            let _ = tokio::time::timeout(Duration::from_millis(100), bell.wait()).await;
            continue;
        };
        seen.lock().unwrap().entry(job.stream.clone()).or_default().push(job.seq);
        let done = Write::JobOutcome { id: job.id, outcome: JobOutcome::Done };
        store.commit(tieline_store::Batch::new(now).fenced(lease.fence()).with(done)).await.unwrap();
        store.release(&lease).await.unwrap();
    }
}

both! {
    async fn each_stream_is_worked_off_in_order_by_many_workers(site) {
        let store = site.open().await;
        let other = site.second(&store).await;
        for number in 0..120 {
            enqueue(&site, &store, site.job(&format!("mb_{}/deliver", number % 7), "deliver")).await;
        }
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let workers: Vec<_> = (0..6)
            .map(|number| {
                let node = if number % 2 == 0 { &store } else { &other };
                tokio::spawn(work(node.clone(), site.uuid(), site.now(), Arc::clone(&seen)))
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen.values().map(Vec::len).sum::<usize>(), 120, "each exactly once");
        for (stream, order) in &seen {
            assert!(order.is_sorted(), "{stream}: {order:?}");
        }
        store.close().await;
    }

    async fn only_one_of_many_claims_gets_a_stream(site) {
        let store = site.open().await;
        let other = site.second(&store).await;
        enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
        let claims: Vec<_> = (0..20)
            .map(|number| {
                let node = if number % 2 == 0 { store.clone() } else { other.clone() };
                let (owner, now) = (site.uuid(), site.now());
                tokio::spawn(async move { node.claim(owner, now, TTL, KINDS).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for claim in claims {
            won += usize::from(claim.await.unwrap().is_some());
        }
        assert_eq!(won, 1);
        store.close().await;
    }

    async fn a_waiting_job_holds_its_stream_up_and_a_quarantined_one_does_not(site) {
        let store = site.open().await;
        let first = enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
        let second = enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
        let (lease, job) = claim(&site, &store).await.unwrap();
        assert_eq!((job.id, job.attempts), (first, 1));
        conclude(&site, &store, &lease, first, again(site.later(60), Some(trouble()))).await.unwrap();
        store.release(&lease).await.unwrap();
        assert_eq!(claim(&site, &store).await, None, "the second waits behind the first");
        assert_eq!(store.next_due(KINDS).await.unwrap(), Some(site.later(60)));

        site.clock.advance(jiff::SignedDuration::from_secs(61));
        let (lease, job) = claim(&site, &store).await.unwrap();
        assert_eq!((job.id, job.attempts, job.state.clone()), (first, 2, json!({ "attempt": 1 })));
        let broken = Refusal::permanent("bad-audio", "the recording cannot be read", "listen to it");
        let quarantined = JobOutcome::Quarantined { reason: broken.clone() };
        conclude(&site, &store, &lease, first, quarantined).await.unwrap();
        let next = store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        assert_eq!(next.id, second, "the stream goes on under the same lease");
        let aside = JobFilter { quarantined: Some(true), ..JobFilter::default() };
        assert_eq!(store.jobs(&aside, 10).await.unwrap()[0].reason, Some(broken));

        store.commit(site.batch().with(Write::RetryJob { id: first })).await.unwrap();
        assert_eq!(store.claim_next(&lease, site.now()).await.unwrap().unwrap().id, second);
        conclude(&site, &store, &lease, second, JobOutcome::Done).await.unwrap();
        let retried = store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        assert_eq!((retried.id, retried.state), (first, json!({ "attempt": 1 })), "it knows its past attempts");
        conclude(&site, &store, &lease, first, JobOutcome::Quarantined { reason: trouble() }).await.unwrap();
        store.commit(site.batch().with(Write::DropJob { id: first })).await.unwrap();
        assert_eq!(store.jobs(&JobFilter::default(), 10).await.unwrap(), []);
        store.close().await;
    }

    async fn who_lost_a_stream_writes_nothing_and_harms_nobody(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let id = enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
        let (slow, _) = claim(&site, &store).await.unwrap();
        site.clock.advance(TTL + jiff::SignedDuration::from_secs(1));
        let (quick, job) = claim(&site, &store).await.unwrap();
        assert_eq!((job.id, job.attempts, quick.token), (id, 2, slow.token + 1));

        let health = |mailbox: MailboxId| Write::MailboxHealth { mailbox, state: HealthState::Ok, cause: None };
        let stale = site.batch().fenced(slow.fence()).with(health(mailbox.id))
            .with(Write::JobOutcome { id, outcome: JobOutcome::Done });
        // Both wait for the writer together: the stale one must not take the other with it.
        let (refused, kept) = tokio::join!(
            store.commit(stale),
            store.commit(site.batch().fenced(quick.fence()).with(Write::JobOutcome {
                id,
                outcome: JobOutcome::Keep { state: json!("half") },
            })),
        );
        assert_eq!(refused.unwrap_err(), StoreError::Fenced { stream: "mb_a/deliver".to_owned() });
        kept.unwrap();
        assert_eq!(store.mailbox_health(mailbox.id).await.unwrap(), None);
        assert_eq!(store.job(id).await.unwrap().unwrap().state, json!("half"));
        let renewed = store.renew(&slow, site.now(), TTL).await;
        assert!(matches!(renewed, Err(StoreError::Fenced { .. })), "{renewed:?}");
        store.release(&slow).await.unwrap();
        assert_eq!(claim(&site, &store).await, None, "the other still holds it");
        let renewed = store.renew(&quick, site.later(10), TTL).await.unwrap();
        assert_eq!((renewed.token, renewed.expires), (quick.token, site.later(40)));
        assert_eq!(store.lease("mb_a/deliver").await.unwrap(), Some(renewed));
        store.close().await;
    }

    async fn jobs_are_listed_by_what_they_are_about(site) {
        let store = site.open().await;
        for (stream, kind, subject) in [
            ("mb_a/deliver", "deliver", "vm_1"), ("mb_a/deliver", "deliver", "vm_2"), ("mb_a/light", "light", "mb_a"),
            ("mb_b/deliver", "deliver", "vm_3"),
        ] {
            let job = NewJob { subject: subject.to_owned(), ..site.job(stream, kind) };
            enqueue(&site, &store, job).await;
        }
        let list = async |filter: JobFilter| {
            let jobs = store.jobs(&filter, 10).await.unwrap();
            jobs.into_iter().map(|job| job.subject).collect::<Vec<_>>()
        };
        let all = JobFilter::default();
        assert_eq!(list(all.clone()).await, ["vm_1", "vm_2", "mb_a", "vm_3"]);
        assert_eq!(list(JobFilter { kind: Some("light".to_owned()), ..all.clone() }).await, ["mb_a"]);
        let stream = JobFilter { stream: Some("mb_a/deliver".to_owned()), ..all.clone() };
        assert_eq!(list(stream.clone()).await, ["vm_1", "vm_2"]);
        let subject = JobFilter { subject: Some("vm_3".to_owned()), ..all.clone() };
        assert_eq!(list(subject.clone()).await, ["vm_3"]);
        assert_eq!(list(JobFilter { subject: Some("vm_3".to_owned()), ..stream.clone() }).await, [""; 0]);
        assert_eq!(list(JobFilter { quarantined: Some(true), ..subject }).await, [""; 0]);
        let first = store.jobs(&stream, 1).await.unwrap();
        assert_eq!(list(JobFilter { after: first[0].seq, ..stream }).await, ["vm_2"], "the next page");
        store.close().await;
    }

    async fn an_outcome_needs_the_lease_of_its_own_stream(site) {
        let store = site.open().await;
        let id = enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
        let done = Write::JobOutcome { id, outcome: JobOutcome::Done };
        assert_eq!(code(store.commit(site.batch().with(done.clone())).await.unwrap_err()), "job-not-held");
        let foreign = store.hold("mb_b/deliver", site.uuid(), site.now(), TTL).await.unwrap().unwrap();
        assert_eq!(store.hold("mb_b/deliver", site.uuid(), site.now(), TTL).await.unwrap(), None);
        let batch = site.batch().fenced(foreign.fence()).with(done);
        assert_eq!(code(store.commit(batch).await.unwrap_err()), "job-not-held");
        assert!(store.job(id).await.unwrap().is_some());
        store.close().await;
    }

    async fn a_job_queued_again_while_it_runs_runs_once_more(site) {
        let store = site.open().await;
        let light = |payload| NewJob { dedupe: Some("light".to_owned()), payload, ..site.job("mb_a/light", "light") };
        let id = enqueue(&site, &store, light(json!(1))).await;
        enqueue(&site, &store, light(json!(2))).await;
        let (lease, job) = claim(&site, &store).await.unwrap();
        assert_eq!((job.id, job.payload, job.generation), (id, json!(2), 2), "one job, the newest payload");
        enqueue(&site, &store, light(json!(3))).await;
        conclude(&site, &store, &lease, id, JobOutcome::Done).await.unwrap();
        let job = store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        assert_eq!((job.id, job.payload, job.attempts), (id, json!(3), 1));
        conclude(&site, &store, &lease, id, JobOutcome::Done).await.unwrap();
        assert_eq!(store.claim_next(&lease, site.now()).await.unwrap(), None);

        let id = enqueue(&site, &store, light(json!(4))).await;
        let job = store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        assert_eq!(job.id, id, "once it is done the key is free");
        conclude(&site, &store, &lease, id, JobOutcome::Quarantined { reason: trouble() }).await.unwrap();
        let fresh = enqueue(&site, &store, light(json!(5))).await;
        store.commit(site.batch().with(Write::RetryJob { id })).await.unwrap();
        let open = store.jobs(&JobFilter::default(), 10).await.unwrap();
        assert_eq!(open.iter().map(|job| job.id).collect::<Vec<_>>(), [fresh], "the retried one became part of it");
        store.close().await;
    }

    async fn a_hint_leaves_what_was_said_to_a_job(site) {
        let store = site.open().await;
        let light = |payload| NewJob { dedupe: Some("light".to_owned()), payload, ..site.job("mb_a/light", "light") };
        let said = light(json!("a word"));
        let (id, trace) = (said.id, said.trace);
        store.commit(site.batch().with(Write::JobHint(said))).await.unwrap();
        store.commit(site.batch().with(Write::JobHint(light(json!("a hint"))))).await.unwrap();
        let (lease, job) = claim(&site, &store).await.unwrap();
        assert_eq!((job.id, job.payload, job.trace, job.generation), (id, json!("a word"), trace, 2));
        store.commit(site.batch().with(Write::JobHint(light(json!("a hint"))))).await.unwrap();
        enqueue(&site, &store, light(json!("another word"))).await;
        store.commit(site.batch().with(Write::JobHint(light(json!("a hint"))))).await.unwrap();
        conclude(&site, &store, &lease, id, JobOutcome::Done).await.unwrap();
        let job = store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        assert_eq!((job.id, job.payload), (id, json!("another word")));
        store.close().await;
    }

    async fn a_hint_shortens_a_plain_wait_but_no_back_off(site) {
        let store = site.open().await;
        let poll = || NewJob { dedupe: Some("sync".to_owned()), ..site.job("mb_a/sync", "sync") };
        let id = enqueue(&site, &store, poll()).await;
        let (lease, _) = claim(&site, &store).await.unwrap();
        conclude(&site, &store, &lease, id, again(site.later(300), Some(trouble()))).await.unwrap();
        enqueue(&site, &store, poll()).await;
        assert_eq!(store.job(id).await.unwrap().unwrap().not_before, site.later(300), "the server asked for quiet");
        site.clock.advance(jiff::SignedDuration::from_secs(300));
        let lease = store.renew(&lease, site.now(), TTL).await.unwrap();
        assert_eq!(store.claim_next(&lease, site.now()).await.unwrap().unwrap().attempts, 2);
        conclude(&site, &store, &lease, id, again(site.later(300), None)).await.unwrap();
        enqueue(&site, &store, poll()).await;
        assert_eq!(store.job(id).await.unwrap().unwrap().not_before, site.now());
        store.claim_next(&lease, site.now()).await.unwrap().unwrap();
        enqueue(&site, &store, poll()).await;
        conclude(&site, &store, &lease, id, again(site.later(300), None)).await.unwrap();
        let job = store.job(id).await.unwrap().unwrap();
        assert_eq!((job.not_before, job.attempts), (site.now(), 0), "a hint that came during the run counts as well");
        store.close().await;
    }

    async fn a_claim_asks_for_kinds_and_the_bell_rings(site) {
        let store = site.open().await;
        let mut bell = store.jobs_changed();
        enqueue(&site, &store, site.job("mb_a/light", "light")).await;
        tokio::time::timeout(Duration::from_secs(10), bell.wait()).await.expect("a job was queued");
        let owner = site.uuid();
        assert_eq!(store.claim(owner, site.now(), TTL, &["deliver", "sync"]).await.unwrap(), None);
        assert_eq!(store.next_due(&["deliver"]).await.unwrap(), None);
        assert_eq!(store.next_due(&["light"]).await.unwrap(), Some(site.now()));
        let (lease, job) = store.claim(owner, site.now(), TTL, &["deliver", "light"]).await.unwrap().unwrap();
        assert_eq!((job.kind.as_str(), lease.owner), ("light", owner));
        assert_eq!(store.next_due(&["light"]).await.unwrap(), Some(lease.expires), "a dead worker's job is due then");
        store.close().await;
    }

    async fn the_first_of_all_kinds_is_claimed_and_what_is_held_is_passed_over(site) {
        let store = site.open().await;
        let at = |stream: &str, kind: &str, seconds| NewJob { not_before: site.later(seconds), ..site.job(stream, kind) };
        for (stream, kind, seconds) in
            [("a/sync", "sync", -3), ("b/sync", "sync", -1), ("a/light", "light", -2), ("b/light", "light", 40), ("a/deliver", "deliver", 30)]
        {
            enqueue(&site, &store, at(stream, kind, seconds)).await;
        }
        let (owner, now) = (site.uuid(), site.now());
        assert_eq!(store.next_due(&["sync", "light"]).await.unwrap(), Some(site.later(-3)));
        let (held, _) = store.claim(owner, now, TTL, KINDS).await.unwrap().unwrap();
        assert_eq!(held.stream, "a/sync");
        assert_eq!(store.next_due(&["sync"]).await.unwrap(), Some(site.later(-1)));
        assert_eq!(store.next_due(KINDS).await.unwrap(), Some(site.later(-2)));
        for stream in ["a/light", "b/sync"] {
            assert_eq!(store.claim(owner, now, TTL, KINDS).await.unwrap().unwrap().0.stream, stream);
        }
        assert_eq!(store.claim(owner, now, TTL, KINDS).await.unwrap(), None);
        assert_eq!(store.next_due(KINDS).await.unwrap(), Some(site.later(30)), "before the leases end");
        assert_eq!(store.next_due(&["sync"]).await.unwrap(), Some(held.expires), "both are held");
        store.release(&held).await.unwrap();
        assert_eq!(store.next_due(&["sync"]).await.unwrap(), Some(site.later(-3)));
        store.close().await;
    }

    /// Covers: AV-89 (queue depth and age)
    async fn the_queue_tells_its_depth_and_its_oldest_job(site) {
        let store = site.open().await;
        let oldest = site.now();
        for kind in ["deliver", "deliver", "sync"] {
            enqueue(&site, &store, site.job(&format!("mb_a/{kind}"), kind)).await;
            site.clock.advance(jiff::SignedDuration::from_secs(10));
        }
        let later = NewJob { not_before: site.later(3600), ..site.job("mb_b/deliver", "deliver") };
        enqueue(&site, &store, later).await;
        let (lease, job) = store.claim(site.uuid(), site.now(), TTL, &["sync"]).await.unwrap().unwrap();
        conclude(&site, &store, &lease, job.id, JobOutcome::Quarantined { reason: trouble() }).await.unwrap();
        let queue = store.queue(site.now()).await.unwrap();
        let [deliver, sync] = &queue[..] else { panic!("{queue:?}") };
        assert_eq!((deliver.open, deliver.due, deliver.quarantined, deliver.oldest), (3, 2, 0, Some(oldest)));
        assert_eq!((sync.open, sync.due, sync.quarantined, sync.oldest), (0, 0, 1, None));
        store.close().await;
    }
}

/// One process owns the file, so whoever held a lease is gone.
#[tokio::test]
async fn leases_of_an_earlier_process_end_when_the_file_is_opened() {
    let site = Site::sqlite();
    let store = site.open().await;
    enqueue(&site, &store, site.job("mb_a/deliver", "deliver")).await;
    let (old, _) = claim(&site, &store).await.unwrap();
    store.close().await;
    let store = site.open().await;
    let (new, job) = claim(&site, &store).await.unwrap();
    assert_eq!((new.token, job.attempts), (old.token + 1, 2));
    let stale =
        site.batch().fenced(old.fence()).with(Write::JobOutcome { id: job.id, outcome: JobOutcome::Done });
    assert!(matches!(store.commit(stale).await, Err(StoreError::Fenced { .. })));
}
