//! Endpoints, feature groups, mailboxes: saved as one, versioned, undone.

use tieline_model::{Endpoint, SyncKinds};
use tieline_store::{
    ConfigDocument, Configure, Edit, FolderCount, HealthState, JobFilter, LightShown, LocationWrite,
    MailboxFilter, Noun, RemoteItem, Write,
};

use crate::site::{both, code, recording};

both! {
    /// Covers: AV-45 (saved as one)
    async fn all_changes_are_saved_as_one_or_not_at_all(site) {
        let store = site.open().await;
        let endpoint = site.endpoint("Exchange", "mail.lab.example");
        let group = site.group("Sales", &endpoint);
        let mailbox = site.mailbox("1001", &group);
        let mut twin = site.mailbox("1002", &group);
        twin.address = "USER1001@lab.example".parse().unwrap();
        let puts = |mailboxes: Vec<tieline_model::Mailbox>| {
            let mut edits: Vec<Edit> = mailboxes.into_iter().map(Edit::PutMailbox).collect();
            edits.push(Edit::PutFeatureGroup(group.clone()));
            edits.push(Edit::PutEndpoint(endpoint.clone()));
            edits
        };
        let refused = site.configure(&store, puts(vec![mailbox.clone(), twin])).await.unwrap_err();
        assert_eq!(code(refused), "duplicate-address");
        let empty = store.export().await.unwrap();
        assert_eq!(empty, ConfigDocument { version: Some(0), ..ConfigDocument::default() });

        let receipt = site.configure(&store, puts(vec![mailbox.clone()])).await.unwrap();
        assert_eq!(receipt.version, Some(1));
        assert_eq!(store.mailbox_by_number("1001").await.unwrap(), Some(mailbox.clone()));
        let address = "User1001@LAB.example".parse().unwrap();
        assert_eq!(store.mailbox_by_address(&address).await.unwrap(), Some(mailbox.clone()));
        let set = store.change_set(1).await.unwrap().unwrap();
        assert_eq!((set.author.as_str(), set.at, set.changes.len()), ("admin", site.now(), 3));
        assert!(set.changes.iter().all(|change| change.before.is_none() && change.after.is_some()));
        let told = store.events_after(0, &["config".to_owned()], 10).await.unwrap();
        assert_eq!(told.len(), 1);

        let unchanged = site.configure(&store, puts(vec![mailbox])).await.unwrap();
        assert_eq!(unchanged.version, None, "saving what stands already makes no version");
        store.close().await;
    }

    /// Covers: AV-45
    async fn each_version_tells_its_difference_and_can_be_returned_to(site) {
        let store = site.open().await;
        let mut mailbox = site.home(&store).await;
        let before = store.export().await.unwrap();
        mailbox.display_name = "Alice".to_owned();
        site.configure(&store, vec![Edit::PutMailbox(mailbox.clone())]).await.unwrap();
        let mut endpoint = store.endpoints().await.unwrap().remove(0);
        endpoint.port = 8443;
        let extra = site.mailbox("1002", &store.feature_groups().await.unwrap()[0]);
        let edits = vec![Edit::PutEndpoint(endpoint), Edit::PutMailbox(extra), Edit::DeleteMailbox(mailbox.id)];
        site.configure(&store, edits).await.unwrap();

        let sets = store.change_sets(None, 10).await.unwrap();
        assert_eq!(sets.iter().map(|set| set.version).collect::<Vec<_>>(), [3, 2, 1]);
        let [change] = &sets[1].changes[..] else { panic!("{sets:?}") };
        assert_eq!((change.noun, change.id.clone()), (Noun::Mailbox, mailbox.id.to_string()));
        let name = |side: &Option<serde_json::Value>| side.as_ref().unwrap()["display_name"].clone();
        assert_eq!((name(&change.before), name(&change.after)), ("User 1001".into(), "Alice".into()));

        let receipt = store.roll_back(1, "admin", site.now()).await.unwrap();
        assert_eq!(receipt.version, Some(4), "going back is a version, too");
        let restored = store.export().await.unwrap();
        assert_eq!(restored, ConfigDocument { version: Some(4), ..before });
        assert_eq!(code(store.roll_back(9, "admin", site.now()).await.unwrap_err()), "unknown-version");
        store.close().await;
    }

    async fn a_document_is_exported_planned_and_applied_whole(site) {
        let store = site.open().await;
        site.home(&store).await;
        let mut wanted = store.export().await.unwrap();
        let text = serde_json::to_string(&wanted).unwrap();
        assert_eq!(serde_json::from_str::<ConfigDocument>(&text).unwrap(), wanted);

        let old = wanted.mailboxes.remove(0);
        let group = wanted.feature_groups[0].clone();
        wanted.mailboxes.push(site.mailbox("2001", &group));
        wanted.feature_groups[0].settings.kinds = Some(SyncKinds { messages: true, contacts: true, calendar: false });
        let plan = store.plan(&wanted).await.unwrap();
        assert_eq!(plan.len(), 3);
        assert!(plan.iter().any(|change| change.id == old.id.to_string() && change.after.is_none()));
        assert_eq!(store.config_version().await.unwrap(), 1, "a plan writes nothing");
        store.apply(&wanted, "admin", "from a file", site.now()).await.unwrap();
        assert_eq!(store.export().await.unwrap(), ConfigDocument { version: Some(2), ..wanted.clone() });

        let stale = store.apply(&wanted, "admin", "from an old file", site.now()).await;
        assert_eq!(code(stale.unwrap_err()), "configuration-changed");
        wanted.version = None;
        let stranger = site.group("Stranger", &site.endpoint("Elsewhere", "elsewhere.example"));
        wanted.mailboxes[0].feature_group = stranger.id;
        let dangling = store.apply(&wanted, "admin", "dangling", site.now()).await;
        assert_eq!(code(dangling.unwrap_err()), "unknown-feature-group");
        wanted.mailboxes[0].feature_group = group.id;
        wanted.mailboxes.push(wanted.mailboxes[0].clone());
        let twice = store.apply(&wanted, "admin", "twice", site.now()).await;
        assert_eq!(code(twice.unwrap_err()), "twice-in-document");
        assert!(serde_json::from_str::<ConfigDocument>(r#"{"mailboxs":[]}"#).is_err(), "no typing error passes");
        store.close().await;
    }

    /// The same names under other ids, as another server's export has them.
    async fn a_document_of_another_server_does_what_its_rehearsal_said(site) {
        let store = site.open().await;
        let own = site.home(&store).await;
        let mine = store.export().await.unwrap();
        let endpoint = site.endpoint(&mine.endpoints[0].name, "other.example");
        let group = site.group(&mine.feature_groups[0].name, &endpoint);
        let mailbox = site.mailbox(&own.number, &group);
        let mut wanted = ConfigDocument {
            form: ConfigDocument::FORM,
            version: None,
            endpoints: vec![endpoint],
            feature_groups: vec![group],
            mailboxes: vec![mailbox],
            quick_call_targets: Vec::new(),
        };
        store.rehearse(&wanted, "admin", site.now()).await.unwrap();
        assert_eq!(store.export().await.unwrap(), mine, "a rehearsal leaves nothing behind");
        assert!(store.events_after(0, &["config".to_owned()], 10).await.unwrap().len() == 1);

        // Numbered by another server: refused alike.
        wanted.version = Some(99);
        let rehearsed = code(store.rehearse(&wanted, "admin", site.now()).await.unwrap_err());
        let applied = code(store.apply(&wanted, "admin", "note", site.now()).await.unwrap_err());
        assert_eq!((rehearsed.as_str(), applied.as_str()), ("configuration-changed", "configuration-changed"));

        // A mailbox that holds messages is not replaced: refused alike.
        wanted.version = None;
        let message = site.message(own.id, 10);
        store.commit(site.deposit(&message, recording(1, 10))).await.unwrap();
        let rehearsed = code(store.rehearse(&wanted, "admin", site.now()).await.unwrap_err());
        let applied = code(store.apply(&wanted, "admin", "note", site.now()).await.unwrap_err());
        assert_eq!(rehearsed, applied);
        assert_eq!(store.export().await.unwrap(), mine);
        store.close().await;

        let other = crate::site::Site::sqlite();
        let store = other.open().await;
        other.home(&store).await;
        store.apply(&wanted, "admin", "from another server", other.now()).await.unwrap();
        assert_eq!(store.export().await.unwrap(), ConfigDocument { version: Some(2), ..wanted });
        store.close().await;
    }

    /// Covers: AV-33
    async fn a_second_endpoint_to_the_same_server_is_warned_about(site) {
        let store = site.open().await;
        let mut old = site.endpoint("From installation", "mail.lab.example");
        old.port = Endpoint::IMPORTED_PORT;
        let receipt = site.configure(&store, vec![Edit::PutEndpoint(old.clone())]).await.unwrap();
        assert_eq!(receipt.warnings, []);
        old.port = 443;
        let receipt = site.configure(&store, vec![Edit::PutEndpoint(old.clone())]).await.unwrap();
        assert_eq!((receipt.version, receipt.warnings), (Some(2), vec![]), "editing the existing one is quiet");

        let new = site.endpoint("New", "MAIL.lab.example");
        let receipt = site.configure(&store, vec![Edit::PutEndpoint(new)]).await.unwrap();
        assert_eq!(receipt.version, Some(3), "it is saved all the same");
        let [warning] = &receipt.warnings[..] else { panic!("{receipt:?}") };
        assert_eq!(warning.code, "same-server");
        assert!(warning.what.contains("From installation and New"), "{warning}");
        let other = site.endpoint("Other", "mail2.lab.example");
        let receipt = site.configure(&store, vec![Edit::PutEndpoint(other)]).await.unwrap();
        assert_eq!(receipt.warnings, []);
        store.close().await;
    }

    /// Covers: AV-42
    async fn a_renamed_endpoint_keeps_its_groups_and_a_used_one_is_not_removed(site) {
        let store = site.open().await;
        site.home(&store).await;
        let mut endpoint = store.endpoint_by_name("Exchange").await.unwrap().unwrap();
        let mut group = store.feature_group_by_name("Sales").await.unwrap().unwrap();
        endpoint.name = "Exchange 2019".to_owned();
        group.name = "Sales EMEA".to_owned();
        site.configure(&store, vec![Edit::PutEndpoint(endpoint.clone())]).await.unwrap();
        site.configure(&store, vec![Edit::PutFeatureGroup(group.clone())]).await.unwrap();
        let referred = store.feature_group(group.id).await.unwrap().unwrap().endpoint;
        assert_eq!(store.endpoint(referred).await.unwrap().unwrap().name, "Exchange 2019");
        assert_eq!(store.endpoint_by_name("Exchange").await.unwrap(), None);

        let refused = site.configure(&store, vec![Edit::DeleteEndpoint(endpoint.id)]).await.unwrap_err();
        assert!(refused.to_string().contains("Exchange 2019 is used by the feature group Sales EMEA"), "{refused}");
        let refused = site.configure(&store, vec![Edit::DeleteFeatureGroup(group.id)]).await.unwrap_err();
        assert!(refused.to_string().contains("used by the mailbox 1001"), "{refused}");
        group.endpoint = site.endpoint("x", "x.example").id;
        let refused = site.configure(&store, vec![Edit::PutFeatureGroup(group)]).await.unwrap_err();
        assert_eq!(code(refused), "unknown-endpoint");
        store.close().await;
    }

    /// Covers: AV-51
    async fn moving_a_mailbox_to_another_group_leaves_its_messages_where_they_are(site) {
        let store = site.open().await;
        let mut mailbox = site.home(&store).await;
        let content = recording(1, 1000);
        let message = site.message(mailbox.id, content.len());
        store.commit(site.deposit(&message, content.clone())).await.unwrap();
        let item = RemoteItem {
            message: message.id,
            mailbox: mailbox.id,
            item: "AAMk=".to_owned(),
            folder: "inbox".to_owned(),
            read: false,
            deleted: false,
        };
        let cursor = Write::Cursor { mailbox: mailbox.id, folder: "inbox".to_owned(), cursor: Some("c".to_owned()) };
        store.commit(site.batch().with(Write::RemoteItem(item.clone())).with(cursor)).await.unwrap();
        let jobs = store.jobs(&JobFilter::default(), 10).await.unwrap();
        let stored = store.message(message.id).await.unwrap();

        let endpoint = site.endpoint("Second", "mail2.lab.example");
        let group = site.group("Support", &endpoint);
        mailbox.feature_group = group.id;
        let edits = vec![Edit::PutMailbox(mailbox.clone()), Edit::PutFeatureGroup(group.clone()), Edit::PutEndpoint(endpoint)];
        site.configure(&store, edits).await.unwrap();
        let moved = MailboxFilter { feature_group: Some(group.id), ..MailboxFilter::default() };
        assert_eq!(store.mailboxes(&moved, 10).await.unwrap(), std::slice::from_ref(&mailbox));
        assert_eq!(store.message(message.id).await.unwrap(), stored);
        assert_eq!(store.content(message.id).await.unwrap().unwrap(), content);
        assert_eq!(store.remote_item(message.id).await.unwrap(), Some(item));
        assert_eq!(store.cursor(mailbox.id, "inbox").await.unwrap().as_deref(), Some("c"));
        assert_eq!(store.jobs(&JobFilter::default(), 10).await.unwrap(), jobs, "nothing is delivered anew");
        store.close().await;
    }

    async fn two_entries_swap_their_names_in_one_change(site) {
        let store = site.open().await;
        let (mut red, mut blue) = (site.endpoint("Red", "red.example"), site.endpoint("Blue", "blue.example"));
        site.configure(&store, vec![Edit::PutEndpoint(red.clone()), Edit::PutEndpoint(blue.clone())]).await.unwrap();
        std::mem::swap(&mut red.name, &mut blue.name);
        let alone = site.configure(&store, vec![Edit::PutEndpoint(red.clone())]).await.unwrap_err();
        assert_eq!(code(alone), "duplicate-name");
        site.configure(&store, vec![Edit::PutEndpoint(red.clone()), Edit::PutEndpoint(blue)]).await.unwrap();
        assert_eq!(store.endpoint_by_name("Blue").await.unwrap(), Some(red.clone()));
        let twice = vec![Edit::PutEndpoint(red.clone()), Edit::DeleteEndpoint(red.id)];
        assert_eq!(code(site.configure(&store, twice).await.unwrap_err()), "edited-twice");
        store.close().await;
    }

    async fn who_saves_over_another_ones_change_is_told(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let base = Some(store.config_version().await.unwrap());
        let save = |name: &str| {
            let mut mailbox = mailbox.clone();
            mailbox.display_name = name.to_owned();
            let (author, note) = (name.to_owned(), String::new());
            let configure = Configure { author, note, base, edits: vec![Edit::PutMailbox(mailbox)] };
            store.commit(site.batch().with(Write::Configure(configure)))
        };
        let (one, two) = tokio::join!(save("one"), save("two"));
        let results = [one, two];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let refused = results.into_iter().find_map(Result::err).unwrap();
        assert_eq!(code(refused), "configuration-changed");
        store.close().await;
    }

    async fn a_mailbox_with_messages_is_not_removed_and_an_empty_one_leaves_nothing(site) {
        let store = site.open().await;
        let full = site.home(&store).await;
        store.commit(site.deposit(&site.message(full.id, 0), bytes::Bytes::new())).await.unwrap();
        let refused = site.configure(&store, vec![Edit::DeleteMailbox(full.id)]).await.unwrap_err();
        assert_eq!(code(refused), "mailbox-holds-messages");

        let group = store.feature_groups().await.unwrap().remove(0);
        let empty = site.mailbox("1002", &group);
        site.configure(&store, vec![Edit::PutMailbox(empty.clone())]).await.unwrap();
        let target = "sip:1002@pbx.example".to_owned();
        let batch = site.batch()
            .with(Write::MailboxHealth { mailbox: empty.id, state: HealthState::Ok, cause: None })
            .with(Write::FolderCount(FolderCount {
                mailbox: empty.id, folder: "inbox".to_owned(), items: 3, at: site.now(),
            }))
            .with(Write::LightShown(LightShown {
                mailbox: empty.id, target, state: serde_json::json!("off"), at: site.now(),
            }))
            .with(Write::Job(site.job(&format!("{}/sync", empty.id), "sync")));
        store.commit(batch).await.unwrap();
        site.configure(&store, vec![Edit::DeleteMailbox(empty.id)]).await.unwrap();
        assert_eq!(store.mailbox(empty.id).await.unwrap(), None);
        assert_eq!(store.health().await.unwrap(), []);
        assert_eq!(store.folder_counts(None).await.unwrap(), []);
        let jobs = store.jobs(&JobFilter::default(), 10).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), ["deliver"]);
        let again = site.configure(&store, vec![Edit::DeleteMailbox(empty.id)]).await.unwrap_err();
        assert_eq!(code(again), "unknown-mailbox");
        store.close().await;
    }

    async fn health_counts_lamps_and_subscriptions_are_kept(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await.id;
        let since = site.now();
        let cause = tieline_model::Refusal::operator("wrong-password", "Exchange refused the account", "set it");
        for state in [HealthState::Refused, HealthState::Refused] {
            let health = Write::MailboxHealth { mailbox, state, cause: Some(cause.clone()) };
            store.commit(site.batch().with(health)).await.unwrap();
            site.clock.advance(jiff::SignedDuration::from_secs(60));
        }
        let health = store.mailbox_health(mailbox).await.unwrap().unwrap();
        assert_eq!((health.state, health.since, health.cause), (HealthState::Refused, since, Some(cause)));
        assert_eq!(health.checked, since + jiff::SignedDuration::from_secs(60));

        let count = |folder: &str, items| FolderCount { mailbox, folder: folder.to_owned(), items, at: site.now() };
        let shown = LightShown {
            mailbox, target: "sip:1001@pbx.example".to_owned(), state: serde_json::json!({ "new": 2 }), at: site.now(),
        };
        let subscription = tieline_store::Subscription {
            id: "dialog-1".to_owned(),
            account: "sip:1001@pbx.example".to_owned(),
            state: serde_json::json!({ "cseq": 7 }),
            expires: site.later(3600),
        };
        let batch = site.batch()
            .with(Write::FolderCount(count("inbox", 5)))
            .with(Write::FolderCount(count("inbox/Voice mail", 90_000)))
            .with(Write::LightShown(shown.clone()))
            .with(Write::Subscription(subscription.clone()));
        store.commit(batch).await.unwrap();
        let counts = store.folder_counts(Some(mailbox)).await.unwrap();
        assert_eq!(counts, [count("inbox/Voice mail", 90_000), count("inbox", 5)]);
        assert_eq!(store.lights_shown(mailbox).await.unwrap(), std::slice::from_ref(&shown));
        assert_eq!(store.subscriptions(Some(&subscription.account)).await.unwrap(), std::slice::from_ref(&subscription));
        assert_eq!(store.subscriptions(Some("sip:1002@pbx.example")).await.unwrap(), []);

        let said = serde_json::json!({ "usual": "home" });
        let told = serde_json::json!({ "location": "meeting" });
        let batch = site.batch()
            .with(Write::Location(LocationWrite::Said { mailbox, body: Some(said.clone()) }))
            .with(Write::Location(LocationWrite::Shown { mailbox, body: told.clone() }));
        store.commit(batch).await.unwrap();
        let entry = store.location(mailbox).await.unwrap();
        assert_eq!((entry.said, entry.shown), (Some(said), Some((told, site.now()))));
        let back = Write::Location(LocationWrite::Said { mailbox, body: None });
        store.commit(site.batch().with(back)).await.unwrap();
        let entry = store.location(mailbox).await.unwrap();
        assert!(entry.said.is_none() && entry.shown.is_some());

        let swept = store.sweep(site.later(3601), &tieline_store::Retention::default()).await.unwrap();
        assert_eq!(swept.subscriptions, 1);
        let batch = site.batch()
            .with(Write::DropLightShown { mailbox, target: shown.target })
            .with(Write::DropSubscription { id: subscription.id });
        store.commit(batch).await.unwrap();
        assert_eq!(store.lights_shown(mailbox).await.unwrap(), []);
        store.close().await;
    }
}
