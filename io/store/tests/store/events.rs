//! Events, decisions, and what is forgotten after a while.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tieline_model::Decision;
use tieline_store::{NewEvent, Retention, Store, Write};

use crate::site::{Site, both};

async fn tell(site: &Site, store: &Store, topic: &str, number: u32) {
    let event = NewEvent { topic: topic.to_owned(), subject: "mb_a".to_owned(), payload: json!(number) };
    store.commit(site.batch().with(Write::Event(event))).await.unwrap();
}

both! {
    async fn a_listener_gets_what_it_missed_and_then_what_comes_in_order(site) {
        let store = site.open().await;
        for number in 0..5 {
            tell(&site, &store, "light", number).await;
            tell(&site, &store, "other", 100).await;
        }
        let all = store.events_after(0, &[], 100).await.unwrap();
        assert_eq!(all.len(), 10);
        assert_eq!(store.last_event().await.unwrap(), all[9].seq);
        let mut feed = store.listen(all[3].seq, vec!["light".to_owned()]);
        let teller = {
            let store = site.second(&store).await;
            let events = (5..300).map(|number| NewEvent {
                topic: "light".to_owned(), subject: "mb_a".to_owned(), payload: json!(number),
            });
            let batches: Vec<_> = events.map(|event| site.batch().with(Write::Event(event))).collect();
            tokio::spawn(async move {
                for batch in batches {
                    store.commit(batch).await.unwrap();
                }
            })
        };
        let mut last = 0;
        for number in 2..300 {
            let event = tokio::time::timeout(Duration::from_secs(30), feed.next()).await.unwrap().unwrap();
            assert_eq!(event.payload, json!(number));
            assert!(event.seq > last);
            last = event.seq;
        }
        teller.await.unwrap();
        store.close().await;
    }

    async fn numbers_appear_in_their_order_however_many_write(site) {
        let store = site.open().await;
        let other = site.second(&store).await;
        let writers: Vec<_> = (0..8_u32)
            .map(|writer| {
                let store = if writer % 2 == 0 { store.clone() } else { other.clone() };
                let batches: Vec<_> = (0..40_u32)
                    .map(|number| {
                        let (topic, subject) = ("light".to_owned(), "mb_a".to_owned());
                        let payload = json!([writer, number]);
                        site.batch().with(Write::Event(NewEvent { topic, subject, payload }))
                    })
                    .collect();
                tokio::spawn(async move {
                    for batch in batches {
                        store.commit(batch).await.unwrap();
                    }
                })
            })
            .collect();
        let mut feed = store.listen(0, vec!["light".to_owned()]);
        let mut seen = std::collections::BTreeSet::new();
        let mut last = 0;
        while seen.len() < 320 {
            let event = tokio::time::timeout(Duration::from_secs(30), feed.next()).await.unwrap().unwrap();
            assert!(event.seq > last, "a number that appears late would be missed");
            last = event.seq;
            assert!(seen.insert(event.payload.to_string()));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        store.close().await;
    }

    async fn a_decision_is_found_by_its_subject_and_by_its_journey(site) {
        let store = site.open().await;
        let (trace, other) = (site.trace(), site.trace());
        let decide = |trace, subject: &str, outcome: &str| {
            Decision::new(trace, subject, site.now(), "deliver-once", outcome).input("attempt", 2)
        };
        let decisions = [
            decide(trace, "vm_1", "created in inbox"),
            decide(trace, "mb_1", "light on"),
            decide(other, "vm_1", "read by its user"),
        ];
        for decision in &decisions {
            store.commit(site.batch().with(Write::Decision(decision.clone()))).await.unwrap();
        }
        let about = store.explain("vm_1").await.unwrap();
        assert_eq!(about, [decisions[0].clone(), decisions[2].clone()]);
        let journey = store.explain(&trace.to_string()).await.unwrap();
        assert_eq!(journey, decisions[..2]);
        assert_eq!(store.explain("vm_2").await.unwrap(), []);
        store.close().await;
    }

    async fn a_crowd_of_decisions_is_kept_whole_and_in_order(site) {
        let store = site.open().await;
        let trace = site.trace();
        let decide = |number: usize| Decision::new(trace, "vm_1", site.now(), "rule", number.to_string());
        let mut batch = site.batch();
        for number in 0..151 {
            // Something else in between, as when a call brings its event along.
            if number == 75 {
                let (topic, subject) = ("message".to_owned(), "vm_1".to_owned());
                batch = batch.with(Write::Event(NewEvent { topic, subject, payload: json!(number) }));
            }
            batch = batch.with(Write::Decision(decide(number)));
        }
        store.commit(batch).await.unwrap();
        let told: Vec<String> =
            store.explain("vm_1").await.unwrap().into_iter().map(|decision| decision.outcome).collect();
        let expected: Vec<String> = (0..151).map(|number| number.to_string()).collect();
        assert_eq!(told, expected);
        store.close().await;
    }

    async fn what_is_old_is_swept_and_the_rest_stays(site) {
        let store = site.open().await;
        for number in 0..1200 {
            if number == 1100 {
                site.clock.advance(SignedDuration::from_hours(24));
            }
            let event = NewEvent { topic: "light".to_owned(), subject: String::new(), payload: json!(number) };
            let decision = Decision::new(site.trace(), "vm_1", site.now(), "rule", "done");
            let audit = Write::Audit {
                who: "admin".to_owned(), action: "looked".to_owned(), subject: String::new(), detail: String::new(),
            };
            let batch = site.batch().with(Write::Event(event)).with(Write::Decision(decision)).with(audit);
            store.commit(batch).await.unwrap();
        }
        let day = SignedDuration::from_hours(12);
        let retention = Retention { events: day, decisions: day, audit: day, ..Retention::default() };
        let swept = store.sweep(site.now(), &retention).await.unwrap();
        assert_eq!((swept.events, swept.decisions, swept.audit), (1100, 1100, 1100));
        let kept = store.events_after(0, &[], 200).await.unwrap();
        assert_eq!((kept.len(), kept[0].payload.clone()), (100, json!(1100)));
        tell(&site, &store, "light", 1200).await;
        assert!(store.last_event().await.unwrap() > kept[99].seq, "numbers are never given twice");
        store.close().await;
    }
}

/// Two nodes on one database: what one writes wakes the other.
#[tokio::test(flavor = "multi_thread")]
async fn another_nodes_jobs_ring_the_bell() {
    let site = Site::postgres();
    let store = site.open().await;
    let other = site.open().await;
    let mut bell = other.jobs_changed();
    let owner = site.uuid();
    let claimed = tokio::spawn({
        let now = site.now();
        async move {
            loop {
                if let Some(claimed) = other.claim(owner, now, crate::site::TTL, &["deliver"]).await.unwrap()
                {
                    return claimed;
                }
                bell.wait().await;
            }
        }
    });
    let job = site.job("mb_a/deliver", "deliver");
    let id = job.id;
    store.commit(site.batch().with(Write::Job(job))).await.unwrap();
    let (_, job) = tokio::time::timeout(Duration::from_secs(30), claimed).await.unwrap().unwrap();
    assert_eq!(job.id, id);
}
