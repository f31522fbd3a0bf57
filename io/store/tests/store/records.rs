//! Contacts and events: versions, order, provenance, deletions, links, snapshots and feeds.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;
use tieline_model::{
    Contact, ContactId, DeletionId, Event, LinkId, MailEntry, MailboxId, PhoneKind, Record as _, RecordHash,
    RecordKind, Slot, SnapshotId, Zone,
};
use tieline_store::{
    Batch, Edit, FieldOrigin, IfVersion, LinkQuery, NewConflict, NewDeletion, NewFeed, NewPicture,
    NewSnapshot, RecordChange, RecordFilter, RecordWrite, Retention, SnapshotEntry, Spooled, SyncLink,
    SyncUnit, UNDO_FOR, Write,
};
use uuid::Uuid;

use crate::site::{Site, both, code};

fn contact(given: &str, surname: &str) -> Contact {
    Contact { given_name: given.to_owned(), surname: surname.to_owned(), ..Contact::default() }
}

fn by(site: &Site, from: &str) -> FieldOrigin {
    FieldOrigin { from: from.to_owned(), who: "test".to_owned(), at: site.now() }
}

fn put(site: &Site, mailbox: MailboxId, id: Uuid, record: Contact) -> RecordWrite {
    RecordWrite::put(mailbox, id, record, site.uuid(), by(site, "tieline"))
}

fn link(site: &Site, mailbox: MailboxId, left: Option<Uuid>, right: &str) -> SyncLink {
    SyncLink {
        id: LinkId::from_uuid(site.uuid()),
        mailbox,
        kind: RecordKind::Contacts,
        left,
        right: Some(right.to_owned()),
        due: None,
        place: 2,
        generation: 1,
        linked: true,
        gone: false,
        missing: false,
        quarantined: false,
        body: json!({ "right": right }).to_string(),
    }
}

fn unit(link: &SyncLink) -> SyncUnit {
    SyncUnit {
        link: link.id,
        left: None,
        put: Some(link.clone()),
        absorbed: None,
        conflict: None,
        deletion: None,
        decision: None,
        event: None,
    }
}

both! {
    async fn contacts_are_kept_with_version_order_and_who_set_each_field(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let (alice, bob) = (site.uuid(), site.uuid());
        for (id, record) in [(alice, contact("Alice", "Adams")), (bob, contact("Bob", "50%_off!"))] {
            store.commit(site.batch().with(Write::Record(Box::new(put(&site, mailbox, id, record))))).await.unwrap();
        }
        let first = store.record::<Contact>(alice).await.unwrap().unwrap();
        assert_eq!(first.record.given_name, "Alice");
        let mut changed = first.record.clone();
        changed.phones.insert(PhoneKind::Mobile, "+49 (30) 12-34".into());
        let write = RecordWrite::put(mailbox, alice, changed, site.uuid(), by(&site, "mail"));
        let stale = write.clone().expecting(IfVersion::Is(site.uuid()));
        let batch = |write: RecordWrite| site.batch().with(Write::Record(Box::new(write)));
        assert_eq!(code(store.commit(batch(stale)).await.unwrap_err()), "changed-meanwhile");
        store.commit(batch(write.expecting(IfVersion::Is(first.version)))).await.unwrap();

        let second = store.record::<Contact>(alice).await.unwrap().unwrap();
        assert_eq!(second.provenance["given-name"].from, "tieline");
        assert_eq!(second.provenance["phone-mobile"].from, "mail");
        let seqs: Vec<(i64, Uuid)> = store
            .record_changes(mailbox, RecordKind::Contacts, 0, 10).await.unwrap()
            .into_iter().map(|change| (change.seq, change.id)).collect();
        assert_eq!(seqs, [(2, bob), (3, alice)], "each once, with its last change");

        let list = |search: &str| RecordFilter { search: Some(search.to_owned()), ..RecordFilter::default() };
        let found = async |search: &str| -> Vec<Uuid> {
            let found = store.records::<Contact>(mailbox, &list(search), 10).await.unwrap();
            found.into_iter().map(|found| found.id).collect()
        };
        assert_eq!(found("ADA").await, [alice]);
        assert_eq!(found("1234").await, [alice]);
        assert_eq!(found("50%_off!").await, [bob]);
        assert_eq!(found("5_%").await, Vec::<Uuid>::new());
        let page = store.records::<Contact>(mailbox, &RecordFilter::default(), 1).await.unwrap();
        let after = Some((page[0].sort.clone(), page[0].id));
        let rest = store.records::<Contact>(mailbox, &RecordFilter { after, ..RecordFilter::default() }, 5).await.unwrap();
        assert_eq!((page[0].id, rest[0].id, rest.len()), (alice, bob, 1));
        assert_eq!(store.record_count(mailbox, RecordKind::Contacts).await.unwrap(), 2);
        store.close().await;
    }

    /// Covers: AV-85 (undo)
    async fn what_is_deleted_stays_in_the_order_of_changes_and_is_restored_once(site) {
        let store = site.open().await;
        let home = site.home(&store).await;
        let (mailbox, id) = (home.id, site.uuid());
        store.commit(site.batch().with(Write::Record(Box::new(put(&site, mailbox, id, contact("Alice", "A")))))).await.unwrap();
        let refused = site.configure(&store, vec![Edit::DeleteMailbox(mailbox)]).await.unwrap_err();
        assert_eq!(code(refused), "mailbox-holds-records");
        let deletion = NewDeletion {
            id: DeletionId::from_uuid(site.uuid()),
            mailbox,
            kind: RecordKind::Contacts,
            record: Some(id),
            headline: "Alice A".into(),
            by: "tieline".into(),
            until: site.now() + UNDO_FOR,
            body: json!(contact("Alice", "A")),
        };
        let delete = RecordWrite::delete(mailbox, RecordKind::Contacts, id, by(&site, "tieline"));
        let batch = site.batch().with(Write::Record(Box::new(delete.clone()))).with(Write::Deletion(deletion.clone()));
        store.commit(batch).await.unwrap();
        assert_eq!(store.record::<Contact>(id).await.unwrap(), None);
        let gone = RecordChange { seq: 2, id, version: None };
        assert_eq!(store.record_changes(mailbox, RecordKind::Contacts, 0, 10).await.unwrap(), [gone]);
        let again = store.commit(site.batch().with(Write::Record(Box::new(delete)))).await.unwrap_err();
        assert_eq!(code(again), "unknown-contact");

        let listed = store.deletions(mailbox, Some(RecordKind::Contacts), 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].record), (1, Some(id)));
        let record: Contact = serde_json::from_value(listed[0].body.clone()).unwrap();
        let restore = || {
            let write = put(&site, mailbox, id, record.clone()).expecting(IfVersion::Absent);
            site.batch().with(Write::DeletionRestored(deletion.id)).with(Write::Record(Box::new(write)))
        };
        store.commit(restore()).await.unwrap();
        assert_eq!(code(store.commit(restore()).await.unwrap_err()), "not-restorable");
        let back = store.record::<Contact>(id).await.unwrap().unwrap();
        assert_eq!(back.record, contact("Alice", "A"), "under its own id");

        let swept = store.sweep(site.now() + UNDO_FOR + SignedDuration::from_secs(1), &Retention::default()).await.unwrap();
        assert_eq!(swept.deletions, 1);
        let delete = RecordWrite::delete(mailbox, RecordKind::Contacts, id, by(&site, "tieline"));
        store.commit(site.batch().with(Write::Record(Box::new(delete)))).await.unwrap();
        site.configure(&store, vec![Edit::DeleteMailbox(mailbox)]).await.unwrap();
        store.close().await;
    }

    async fn events_are_found_by_when_they_may_take_place(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let zone = Zone::named("Europe/Berlin");
        let at = |day: &str, hour: &str| format!("2026-03-{day}T{hour}:00").parse().unwrap();
        let single = Event::new("single", at("02", "09"), at("02", "10"), &zone);
        let mut series = Event::new("series", at("03", "09"), at("03", "10"), &zone);
        series.schedule.recurrence = Some(tieline_model::Recurrence::new(
            tieline_model::Pattern::Daily { interval: 1 },
            tieline_model::Ends::On("2026-03-20".parse().unwrap()),
        ));
        let unknown = Event::new("unknown", at("01", "09"), at("01", "10"), &Zone::named("Customized Time Zone"));
        for event in [single, series, unknown] {
            let write = RecordWrite::put(mailbox, site.uuid(), event, site.uuid(), by(&site, "tieline"));
            store.commit(site.batch().with(Write::Record(Box::new(write)))).await.unwrap();
        }
        let between = async |from: &str, to: &str| -> Vec<String> {
            let between = Some((from.parse().unwrap(), to.parse().unwrap()));
            let filter = RecordFilter { between, ..RecordFilter::default() };
            let found = store.records::<Event>(mailbox, &filter, 10).await.unwrap();
            found.into_iter().map(|event| event.record.subject).collect()
        };
        assert_eq!(between("2026-03-02T00:00Z", "2026-03-02T23:00Z").await, ["series", "single", "unknown"]);
        assert_eq!(between("2026-03-15T00:00Z", "2026-03-16T00:00Z").await, ["series", "unknown"]);
        assert_eq!(between("2026-04-15T00:00Z", "2026-04-16T00:00Z").await, ["unknown"], "what cannot be placed is shown");
        store.close().await;
    }

    async fn links_come_with_their_entry_and_a_stale_decision_is_left_out_alone(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let mut alice = contact("Alice", "Adams");
        alice.mails.insert(Slot::First, MailEntry { address: "Alice@Lab.example".into(), name: String::new() });
        let (id, kin) = (site.uuid(), site.uuid());
        store.commit(site.batch().with(Write::Record(Box::new(put(&site, mailbox, id, alice.clone()))))).await.unwrap();
        store.commit(site.batch().with(Write::Record(Box::new(put(&site, mailbox, kin, alice.clone()))))).await.unwrap();
        let version = store.record::<Contact>(id).await.unwrap().unwrap().version;
        let mut one = link(&site, mailbox, Some(id), "AAA=");
        one.due = Some(site.now());
        let other = link(&site, mailbox, None, "aaa=");
        let batch = site.batch()
            .with(Write::SyncState { mailbox, kind: RecordKind::Contacts, body: json!({"generation": 1}) })
            .with(Write::SyncUnits(vec![unit(&one), unit(&other)]));
        assert_eq!(store.commit(batch).await.unwrap().refused, []);
        assert_eq!(store.sync_state(mailbox, RecordKind::Contacts).await.unwrap().unwrap().0, json!({"generation": 1}));
        assert_eq!(store.sync_state(mailbox, RecordKind::Calendar).await.unwrap(), None);

        let ask = async |query: LinkQuery| store.sync_links::<Contact>(mailbox, &query).await.unwrap();
        let found = ask(LinkQuery::Right(vec!["AAA=".into()])).await;
        assert_eq!((found.len(), &found[0].0, found[0].1.as_ref().unwrap().id), (1, &one.body, id), "ids differ by case");
        assert_eq!(ask(LinkQuery::Left(vec![id, kin])).await.len(), 1);
        let keys: Vec<String> = alice.match_keys().iter().map(tieline_model::MatchKey::text).collect();
        let (linked, unlinked) = store.kin::<Contact>(mailbox, &keys).await.unwrap();
        assert_eq!((linked.len(), &linked[0].0), (1, &one.body));
        assert_eq!(unlinked.iter().map(|kin| kin.id).collect::<Vec<_>>(), [kin]);
        let due = ask(LinkQuery::Due { now: site.now(), after: None, limit: 5 }).await;
        assert_eq!(due.len(), 1);
        assert!(ask(LinkQuery::Due { now: site.now(), after: Some((2, one.id)), limit: 5 }).await.is_empty());
        let unseen: BTreeSet<String> = ask(LinkQuery::Unseen { generation: 2, after: None, limit: 5 }).await
            .into_iter().map(|(body, _)| serde_json::from_str::<serde_json::Value>(&body).unwrap()["right"].as_str().unwrap().to_owned()).collect();
        assert_eq!(unseen, BTreeSet::from(["AAA=".to_owned(), "aaa=".to_owned()]));
        let counts = store.link_counts(mailbox, RecordKind::Contacts).await.unwrap();
        assert_eq!((counts.links, counts.linked), (2, 2));
        assert_eq!(store.next_link_due(mailbox, RecordKind::Contacts).await.unwrap(), Some(site.now()));
        assert_eq!(store.links_gone(mailbox, RecordKind::Contacts).await.unwrap(), (counts.gone, counts.missing));
        let overview = store.sync_overview(mailbox, RecordKind::Contacts, "none", site.now()).await.unwrap();
        assert_eq!((overview.counts, overview.busy, overview.aside.len()), (counts, false, 0));

        // Somebody edits the entry; the decision for the version before is left out, the other unit is written.
        store.commit(site.batch().with(Write::Record(Box::new(put(&site, mailbox, id, contact("Alice", "Baker")))))).await.unwrap();
        let mut stale = unit(&link(&site, mailbox, Some(id), "BBB="));
        stale.left = Some(RecordWrite::put(mailbox, id, alice, site.uuid(), by(&site, "mail")).expecting(IfVersion::Is(version)));
        let fine = SyncUnit { put: None, ..unit(&other) };
        let batch = site.batch().with(Write::SyncUnits(vec![stale.clone(), fine]));
        assert_eq!(store.commit(batch).await.unwrap().refused, [stale.link]);
        assert_eq!(store.record::<Contact>(id).await.unwrap().unwrap().record.surname, "Baker");
        assert_eq!(store.link_counts(mailbox, RecordKind::Contacts).await.unwrap().links, 1);

        // A crowd of links goes by few statements; a second time it changes them.
        let mut many: Vec<SyncLink> = (0..61).map(|nth| link(&site, mailbox, None, &format!("many-{nth}"))).collect();
        for right in ["many", "changed"] {
            many.iter_mut().enumerate().for_each(|(nth, link)| link.right = Some(format!("{right}-{nth}")));
            let units = many.iter().map(unit).collect();
            store.commit(site.batch().with(Write::SyncUnits(units))).await.unwrap();
            assert_eq!(store.link_counts(mailbox, RecordKind::Contacts).await.unwrap().links, 62);
        }
        let rights = ["changed-3", "changed-60", "many-3"].map(str::to_owned).to_vec();
        assert_eq!(ask(LinkQuery::Right(rights)).await.len(), 2);
        store.close().await;
    }

    async fn many_units_are_written_in_their_order_even_where_they_meet(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let ids: Vec<Uuid> = (0..60).map(|_| site.uuid()).collect();
        let made = |id: &Uuid, right: &str| SyncUnit {
            left: Some(put(&site, mailbox, *id, contact("Many", right)).expecting(IfVersion::Absent)),
            ..unit(&link(&site, mailbox, Some(*id), right))
        };
        let mut units: Vec<SyncUnit> = ids.iter().map(|id| made(id, "first")).collect();
        // The same link once more, and then it is taken in by another.
        let again = link(&site, mailbox, None, "again");
        units.push(unit(&again));
        units.push(unit(&SyncLink { right: Some("changed".into()), ..again.clone() }));
        units.push(SyncUnit { absorbed: Some(again.id), ..unit(&link(&site, mailbox, None, "other")) });
        // The same entry once more is not absent any more.
        let late = made(&ids[0], "late");
        units.push(late.clone());
        let receipt = store.commit(site.batch().with(Write::SyncUnits(units))).await.unwrap();
        assert_eq!(receipt.refused, [late.link]);
        assert_eq!(store.link_counts(mailbox, RecordKind::Contacts).await.unwrap().links, 61);
        assert_eq!(store.record::<Contact>(ids[0]).await.unwrap().unwrap().record.surname, "first");
        let changes = store.record_changes(mailbox, RecordKind::Contacts, 0, 100).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), (1..=60).collect::<Vec<i64>>());
        assert_eq!(changes.iter().map(|change| change.id).collect::<Vec<_>>(), ids);
        let filter = RecordFilter { search: Some("many first".into()), ..RecordFilter::default() };
        assert_eq!(store.records::<Contact>(mailbox, &filter, 100).await.unwrap().len(), 60);
        store.close().await;
    }

    async fn what_was_read_is_kept_until_a_listing_shows_another_version(site) {
        let store = site.open().await;
        let (mailbox, kind) = (site.home(&store).await.id, RecordKind::Contacts);
        let read = |item: &str, etag: &str| Spooled {
            item: item.into(), etag: etag.into(), headline: "Alice".into(), about: "{}".into(), body: format!("{{\"given_name\":\"{item}\"}}"),
        };
        let items = ["a", "b", "c", "d"].map(|item| read(item, "1")).to_vec();
        store.commit(site.batch().with(Write::Spool { mailbox, kind, items })).await.unwrap();
        let known = async || {
            let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
            let mut found: Vec<String> = store.spooled(mailbox, kind, &names).await.unwrap().into_iter().map(|one| one.item).collect();
            found.sort();
            found.concat()
        };
        let versions = vec![("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), Some("2".to_owned())), ("c".to_owned(), None)];
        store.commit(site.batch().with(Write::SpoolCompare { mailbox, kind, versions })).await.unwrap();
        assert_eq!(known().await, "ad");

        // A snapshot takes what is there, and is told what else there is.
        let units = ["a", "c", "e"].map(|right| unit(&link(&site, mailbox, None, right))).to_vec();
        let id = SnapshotId::from_uuid(site.uuid());
        let new = NewSnapshot { id, mailbox, kind, reason: "test".into() };
        store.commit(site.batch().with(Write::SyncUnits(units)).with(Write::Snapshot(new))).await.unwrap();
        assert_eq!(store.spool_portion(mailbox, kind, "", 1).await.unwrap().as_deref(), Some("a"));
        assert_eq!(store.spool_portion(mailbox, kind, "", 5).await.unwrap().as_deref(), Some("d"));
        assert_eq!(store.spool_portion(mailbox, kind, "d", 5).await.unwrap(), None);
        let part = (String::new(), "d".to_owned());
        store.commit(site.batch().with(Write::SnapshotSpooled { id, mailbox, kind, part })).await.unwrap();
        let entries = store.snapshot_entries(id, None, 5).await.unwrap();
        assert_eq!(entries.iter().map(|one| (&*one.side, &*one.entry)).collect::<Vec<_>>(), [("mail", "a"), ("mail", "d")]);
        assert_eq!(entries[0].body, json!({"given_name": "a"}));
        assert_eq!(store.unspooled(mailbox, kind, "", 5).await.unwrap(), ["c", "e"]);

        store.commit(site.batch().with(Write::SpoolForget { mailbox, kind, items: vec!["a".into()] })).await.unwrap();
        assert_eq!(known().await, "d");
        store.commit(site.batch().with(Write::SpoolClear { mailbox, kind })).await.unwrap();
        assert_eq!(known().await, "");
        // A plan that nobody approves is forgotten.
        let batch = site.batch().with(Write::SyncState { mailbox, kind, body: json!({}) }).with(Write::Spool { mailbox, kind, items: vec![read("a", "1")] });
        store.commit(batch).await.unwrap();
        store.sweep(site.now() + SignedDuration::from_hours(6 * 24), &Retention::default()).await.unwrap();
        assert_eq!(known().await, "a");
        store.sweep(site.now() + SignedDuration::from_hours(8 * 24), &Retention::default()).await.unwrap();
        assert_eq!(known().await, "");
        store.close().await;
    }

    /// A picture stays as long as a contact names it, or anything from which a contact can be taken back.
    ///
    /// Covers: AV-83 (pictures kept), AV-85 (undo)
    async fn a_picture_goes_a_month_after_the_last_that_named_it(site) {
        let store = site.open().await;
        let (mailbox, kind) = (site.home(&store).await.id, RecordKind::Contacts);
        let days = |days: i64| site.now() + SignedDuration::from_hours(24 * days);
        let named = |by: &str| Contact { photo: Some(RecordHash::of(by)), ..contact(by, "A") };
        let picture = |by: &str| {
            Write::Picture(NewPicture { mailbox, hash: RecordHash::of(by), content: by.as_bytes().to_vec() })
        };
        let all = ["conflict", "contact", "deletion", "nothing", "seen-again", "snapshot", "spool"];
        let there = async || {
            let mut found = Vec::new();
            for by in all {
                let content = store.picture(mailbox, &RecordHash::of(by)).await.unwrap();
                assert!(content.as_ref().is_none_or(|content| content == by.as_bytes()));
                found.extend(content.map(|_| by));
            }
            found.join(" ")
        };
        let swept = async |at| store.sweep(at, &Retention::default()).await.map(drop).unwrap();

        let id = site.uuid();
        // What only looks like a name is none.
        let notes = format!("{{\"photo\":\"{}\"}}", RecordHash::of("nothing").as_str());
        let contact = Contact { notes, ..named("contact") };
        let deletion = NewDeletion {
            id: DeletionId::from_uuid(site.uuid()), mailbox, kind, record: Some(site.uuid()), headline: "A".into(),
            by: "tieline".into(), until: days(40), body: json!(named("deletion")),
        };
        let conflict = NewConflict {
            mailbox, kind, link: LinkId::from_uuid(site.uuid()), body: json!({"loser": named("conflict"), "winner": "left"}),
        };
        let lost = SyncUnit { conflict: Some(conflict), ..unit(&link(&site, mailbox, None, "item")) };
        let read = Spooled {
            item: "item".into(), etag: "1".into(), headline: "A".into(), about: "{}".into(), body: json!(named("spool")).to_string(),
        };
        let first = SnapshotId::from_uuid(site.uuid());
        let taken = |id| Write::Snapshot(NewSnapshot { id, mailbox, kind, reason: "test".into() });
        let entry = SnapshotEntry {
            side: "mail".into(), entry: "item".into(), headline: "A".into(), body: json!(named("snapshot")),
        };
        let batch = all.into_iter().fold(site.batch(), |batch, by| batch.with(picture(by)));
        let batch = batch
            .with(Write::Record(Box::new(put(&site, mailbox, id, contact))))
            .with(Write::Deletion(deletion))
            .with(Write::SyncUnits(vec![lost]))
            .with(Write::Spool { mailbox, kind, items: vec![read] })
            .with(taken(first))
            .with(Write::SnapshotEntries { id: first, entries: vec![entry] })
            .with(Write::SnapshotComplete(first));
        store.commit(batch).await.unwrap();
        swept(days(29)).await;
        assert_eq!(there().await, all.join(" "));
        store.commit(Batch::new(days(29)).with(picture("seen-again"))).await.unwrap();
        swept(days(31)).await;
        assert_eq!(there().await, "conflict contact deletion seen-again snapshot spool");

        let second = SnapshotId::from_uuid(site.uuid());
        let delete = RecordWrite::delete(mailbox, kind, id, by(&site, "tieline"));
        let batch = Batch::new(days(32)).with(Write::Record(Box::new(delete)));
        let batch = batch.with(Write::SpoolClear { mailbox, kind }).with(taken(second)).with(Write::SnapshotComplete(second));
        store.commit(batch).await.unwrap();
        swept(days(60)).await;
        assert_eq!(there().await, "conflict contact deletion snapshot spool", "they were named a month ago");
        swept(days(62)).await;
        assert_eq!(there().await, "conflict snapshot");
        swept(days(200)).await;
        assert_eq!(there().await, "conflict", "the snapshot is no longer kept");
        store.close().await;
    }

    /// Covers: AV-64 (snapshot kept), AV-77 (kept)
    async fn snapshots_are_read_back_and_feeds_are_known_by_their_token(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let id = SnapshotId::from_uuid(site.uuid());
        let entry = |side: &str, entry: &str| SnapshotEntry {
            side: side.into(), entry: entry.into(), headline: "Alice".into(), body: json!({"given_name": entry}),
        };
        let new = NewSnapshot { id, mailbox, kind: RecordKind::Contacts, reason: "before the first write".into() };
        let entries = vec![entry("mail", "1"), entry("tieline", "1"), entry("tieline", "2")];
        let batch = site.batch().with(Write::Snapshot(new)).with(Write::SnapshotEntries { id, entries: entries.clone() });
        store.commit(batch).await.unwrap();
        assert_eq!(store.snapshot(id).await.unwrap().unwrap().complete, None);
        store.commit(site.batch().with(Write::SnapshotComplete(id))).await.unwrap();
        let listed = store.snapshots(mailbox, 5).await.unwrap();
        assert_eq!((listed[0].complete, listed[0].entries), (Some(site.now()), 3));
        let page = store.snapshot_entries(id, None, 2).await.unwrap();
        assert_eq!(page, entries[..2]);
        assert_eq!(store.snapshot_entries(id, Some(("tieline", "1")), 2).await.unwrap(), entries[2..]);
        let late = site.now() + SignedDuration::from_hours(24 * 100);
        let swept = store.sweep(late, &Retention::default()).await.unwrap();
        assert_eq!(swept.snapshots, 0, "the last one stays");

        let (feed, token) = NewFeed::draw(site.uuid(), mailbox, "Outlook", false, "admin").unwrap();
        store.commit(site.batch().with(Write::AddFeed(feed.clone()))).await.unwrap();
        assert_eq!(store.feed(&token).await.unwrap().unwrap().mailbox, mailbox);
        assert_eq!(store.feed(&"guessed".to_owned().into()).await.unwrap(), None);
        store.commit(site.batch().with(Write::RemoveFeed { mailbox, id: feed.id })).await.unwrap();
        assert_eq!(store.feed(&token).await.unwrap(), None);
        assert_eq!(code(store.commit(site.batch().with(Write::RemoveFeed { mailbox, id: feed.id })).await.unwrap_err()), "unknown-feed");
        assert_eq!(tieline_store::printed(RecordKind::Contacts, feed.id), ContactId::from_uuid(feed.id).to_string());
        store.close().await;
    }
}
