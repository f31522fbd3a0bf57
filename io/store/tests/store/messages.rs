//! Messages and their content.

use jiff::SignedDuration;
use tieline_model::{MessageCounts, MessageId, MessageKind, MessageState};
use tieline_store::{
    Accepted, Content, JobFilter, MessageFilter, RemoteItem, Retention, StateOrigin, StoreError, Write,
};

use crate::site::{both, code, inline, recording};

both! {
    async fn a_deposit_is_there_whole_message_content_event_and_job(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(7, 200_000);
        let message = site.message(mailbox.id, content.len());
        let batch = site.deposit(&message, content.clone());
        assert!(format!("{batch:?}").len() < 3000, "a batch that is printed does not print the recording");
        let receipt = store.commit(batch).await.unwrap();
        assert_eq!(receipt.message, Some(Accepted::New(message.id)));
        store.close().await;

        let store = site.open().await;
        let stored = store.message(message.id).await.unwrap().unwrap();
        assert_eq!((stored.message.clone(), stored.accepted), (message.clone(), site.now()));
        assert_eq!(store.content(message.id).await.unwrap().unwrap(), content);
        let piece = store.content_chunk(message.id, 3).await.unwrap().unwrap();
        assert_eq!(piece, content.slice(3 * Content::CHUNK..));
        assert_eq!(store.content_chunk(message.id, 4).await.unwrap(), None);
        assert_eq!(store.message_by_key(message.delivery_key).await.unwrap(), Some(stored));
        let jobs = store.jobs(&JobFilter::default(), 10).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.subject.clone()).collect::<Vec<_>>(), [message.id.to_string()]);
        let events = store.events_after(0, &["message".to_owned()], 10).await.unwrap();
        assert_eq!(events.last().map(|event| event.seq), receipt.event);
        store.close().await;
    }

    async fn the_same_deposit_twice_is_one_message_and_one_job(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(1, 1000);
        let mut message = site.message(mailbox.id, content.len());
        message.source_id = Some("3848276298220188511@pbx".to_owned());
        store.commit(site.deposit(&message, content.clone())).await.unwrap();

        let mut again = site.message(mailbox.id, content.len());
        again.source_id.clone_from(&message.source_id);
        let receipt = store.commit(site.deposit(&again, content.clone())).await.unwrap();
        assert_eq!(receipt.message, Some(Accepted::Standing(message.id)));
        let answer_lost = store.commit(site.deposit(&message, content.clone())).await.unwrap();
        assert_eq!(answer_lost.message, Some(Accepted::Standing(message.id)));
        assert_eq!(store.message(again.id).await.unwrap(), None);
        assert_eq!(store.jobs(&JobFilter::default(), 10).await.unwrap().len(), 1);
        assert_eq!(store.events_after(0, &["message".to_owned()], 10).await.unwrap().len(), 1);

        let mut elsewhere = site.message(mailbox.id, content.len());
        elsewhere.source_id = Some("3848276298220188511@PBX".to_owned());
        let receipt = store.commit(site.deposit(&elsewhere, content)).await.unwrap();
        assert_eq!(receipt.message, Some(Accepted::New(elsewhere.id)), "ids are compared byte by byte");
        store.close().await;
    }

    async fn a_deposit_that_cannot_be_right_is_refused_and_leaves_nothing(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(1, 1000);
        let nobody = site.mailbox("9999", &site.group("None", &site.endpoint("None", "none.example")));
        let lost = site.message(nobody.id, content.len());
        assert_eq!(code(store.commit(site.deposit(&lost, content.clone())).await.unwrap_err()), "unknown-mailbox");
        let short = site.message(mailbox.id, content.len() + 1);
        assert_eq!(code(store.commit(site.deposit(&short, content.clone())).await.unwrap_err()), "content-length");
        let mut odd = site.message(mailbox.id, content.len());
        odd.source_id = Some("a\0b".to_owned());
        assert_eq!(code(store.commit(site.deposit(&odd, content.clone())).await.unwrap_err()), "text-not-storable");
        assert_eq!(store.messages(&MessageFilter::default(), 10).await.unwrap(), []);
        assert_eq!(store.jobs(&JobFilter::default(), 10).await.unwrap(), []);

        let mut fine = site.message(mailbox.id, content.len());
        fine.caller.name = Some("a\0b \u{1f4de}".to_owned());
        store.commit(site.deposit(&fine, content)).await.unwrap();
        assert_eq!(store.message(fine.id).await.unwrap().unwrap().message, fine, "hostile names are kept as they are");
        store.close().await;
    }

    async fn large_content_is_staged_in_pieces_and_swept_when_its_message_never_comes(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(3, 12 * 1024 * 1024 + 17);
        let message = site.message(mailbox.id, content.len());
        let refused = store.commit(site.deposit(&message, content.clone())).await.unwrap_err();
        assert_eq!(code(refused), "content-too-large");

        let mut writer = store.stage(message.id, site.now());
        for part in content.chunks(100_000) {
            writer.push(part).await.unwrap();
        }
        let staged = writer.finish().await.unwrap();
        assert_eq!(store.content(message.id).await.unwrap(), None, "nobody sees content without its message");
        let batch = site.batch()
            .with(Write::AcceptMessage { message: message.clone(), content: Content::Staged(staged) });
        store.commit(batch).await.unwrap();

        let forgotten = site.message(mailbox.id, 10);
        let mut writer = store.stage(forgotten.id, site.now());
        writer.push(&content[..100_000]).await.unwrap();
        let late = writer.finish().await.unwrap();
        let swept = store.sweep(site.later(2 * 3600), &Retention::default()).await.unwrap();
        assert_eq!((swept.staged, swept.contents), (1, 0));
        assert_eq!(store.content(message.id).await.unwrap().unwrap(), content);
        let mut forgotten = forgotten;
        forgotten.size = 100_000;
        let batch = site.batch()
            .with(Write::AcceptMessage { message: forgotten, content: Content::Staged(late) });
        assert_eq!(code(store.commit(batch).await.unwrap_err()), "content-gone");
        store.close().await;
    }

    /// Content goes when it is safe elsewhere or unwanted, and old enough; the message stays.
    async fn retention_removes_old_content_of_delivered_and_deleted_messages_only(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(5, 100_000);
        let messages: Vec<_> = (0..3).map(|_| site.message(mailbox.id, content.len())).collect();
        for message in &messages {
            store.commit(site.deposit(message, content.clone())).await.unwrap();
        }
        let [waiting, delivered, deleted] = [messages[0].id, messages[1].id, messages[2].id];
        let item = remote(delivered, mailbox.id, "AAMk=", "inbox");
        let batch = site.batch()
            .with(Write::RemoteItem(item))
            .with(Write::MessageState { message: deleted, state: MessageState::Deleted, by: StateOrigin::Telephone });
        store.commit(batch).await.unwrap();

        let days = |days: i64| site.now() + SignedDuration::from_hours(days * 24);
        assert_eq!(store.sweep(days(29), &Retention::default()).await.unwrap().contents, 0);
        assert_eq!(store.sweep(days(31), &Retention::default()).await.unwrap().contents, 2);
        assert_eq!(store.content(waiting).await.unwrap().unwrap(), content, "what is not delivered yet is kept");
        for gone in [delivered, deleted] {
            assert_eq!(store.content(gone).await.unwrap(), None);
            assert_eq!(store.message(gone).await.unwrap().unwrap().purged, Some(days(31)));
        }
        store.commit(site.batch().with(Write::PurgeContent { message: waiting })).await.unwrap();
        assert_eq!(store.content(waiting).await.unwrap(), None, "mail only: the recording is forgotten at once");
        store.close().await;
    }

    async fn counts_follow_the_states_and_say_who_set_them(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let mut ids: Vec<MessageId> = Vec::new();
        for kind in [MessageKind::Voice, MessageKind::Voice, MessageKind::Fax] {
            let mut message = site.message(mailbox.id, 0);
            message.kind = kind;
            ids.push(message.id);
            store.commit(site.deposit(&message, bytes::Bytes::new())).await.unwrap();
        }
        let set = |id, state| site.batch().with(Write::MessageState { message: id, state, by: StateOrigin::Mail });
        store.commit(set(ids[0], MessageState::Read)).await.unwrap();
        store.commit(set(ids[2], MessageState::Deleted)).await.unwrap();
        let counts = store.counts(mailbox.id).await.unwrap();
        assert_eq!(counts.voice, MessageCounts { new: 1, old: 1 });
        assert_eq!((counts.fax, counts.text), (MessageCounts::default(), MessageCounts::default()));
        let read = store.message(ids[0]).await.unwrap().unwrap();
        assert_eq!((read.message.state, read.state_by), (MessageState::Read, Some((StateOrigin::Mail, site.now()))));
        let unknown = MessageId::from_uuid(site.uuid());
        assert_eq!(code(store.commit(set(unknown, MessageState::Read)).await.unwrap_err()), "unknown-message");
        store.close().await;
    }

    async fn lists_page_from_the_newest_on(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let mut ids = Vec::new();
        for _ in 0..7 {
            let message = site.message(mailbox.id, 0);
            ids.push(message.id);
            store.commit(site.deposit(&message, bytes::Bytes::new())).await.unwrap();
        }
        ids.reverse();
        let mut filter = MessageFilter { mailbox: Some(mailbox.id), ..MessageFilter::default() };
        let mut seen = Vec::new();
        loop {
            let page = store.messages(&filter, 3).await.unwrap();
            seen.extend(page.iter().map(|stored| stored.message.id));
            match page.last() {
                Some(last) => filter.before = Some(last.message.id),
                None => break,
            }
        }
        assert_eq!(seen, ids);
        filter = MessageFilter { state: Some(MessageState::Read), ..MessageFilter::default() };
        assert_eq!(store.messages(&filter, 3).await.unwrap(), []);
        store.close().await;
    }

    async fn items_and_cursors_are_kept_byte_by_byte(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let (one, two) = (site.message(mailbox.id, 0), site.message(mailbox.id, 0));
        for message in [&one, &two] {
            store.commit(site.deposit(message, bytes::Bytes::new())).await.unwrap();
        }
        let upper = remote(one.id, mailbox.id, "AAMkAGI=", "inbox");
        let lower = remote(two.id, mailbox.id, "aamkagi=", "Inbox");
        let batch = site.batch()
            .with(Write::RemoteItem(upper.clone()))
            .with(Write::RemoteItem(lower.clone()))
            .with(Write::Cursor { mailbox: mailbox.id, folder: "inbox".to_owned(), cursor: Some("H4sI".to_owned()) });
        store.commit(batch).await.unwrap();
        assert_eq!(store.remote_by_item(mailbox.id, "AAMkAGI=").await.unwrap(), Some(upper.clone()));
        assert_eq!(store.remote_by_item(mailbox.id, "aamkagi=").await.unwrap(), Some(lower.clone()));
        assert_eq!(store.remote_items(mailbox.id, Some("inbox")).await.unwrap(), std::slice::from_ref(&upper));
        assert_eq!(store.remote_items(mailbox.id, None).await.unwrap().len(), 2);
        assert_eq!(store.cursor(mailbox.id, "inbox").await.unwrap().as_deref(), Some("H4sI"));
        assert_eq!(store.cursor(mailbox.id, "Inbox").await.unwrap(), None);

        let moved = RemoteItem { item: "BBMk=".to_owned(), folder: "archive".to_owned(), read: true, ..upper };
        let batch = site.batch()
            .with(Write::RemoteItem(moved.clone()))
            .with(Write::ForgetRemoteItem { message: two.id })
            .with(Write::Cursor { mailbox: mailbox.id, folder: "inbox".to_owned(), cursor: None });
        store.commit(batch).await.unwrap();
        assert_eq!(store.remote_item(one.id).await.unwrap(), Some(moved));
        assert_eq!(store.remote_item(two.id).await.unwrap(), None);
        assert_eq!(store.cursors(mailbox.id).await.unwrap(), []);
        assert_eq!(store.message(two.id).await.unwrap().unwrap().delivered, Some(site.now()));
        store.close().await;
    }

    async fn batches_of_many_callers_are_whole_or_not_at_all(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let mut tasks = Vec::new();
        for number in 0..60_u64 {
            let content = recording(number, 70_000);
            let message = site.message(mailbox.id, content.len());
            let mut batch = site.deposit(&message, content);
            let broken = number % 3 == 0;
            if broken {
                let unknown = MessageId::from_uuid(site.uuid());
                batch.push(Write::PurgeContent { message: unknown });
            }
            let store = store.clone();
            tasks.push(tokio::spawn(async move { (message.id, number, broken, store.commit(batch).await) }));
        }
        for task in tasks {
            let (id, number, broken, result) = task.await.unwrap();
            if broken {
                assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
                assert_eq!(store.message(id).await.unwrap(), None);
            } else {
                result.unwrap();
                assert_eq!(store.content(id).await.unwrap().unwrap(), recording(number, 70_000));
            }
        }
        assert_eq!(store.jobs(&JobFilter::default(), 100).await.unwrap().len(), 40);
        store.close().await;
    }

    async fn two_messages_in_one_batch_are_refused(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(1, 10);
        let (one, two) = (site.message(mailbox.id, 10), site.message(mailbox.id, 10));
        let batch = site.deposit(&one, content.clone())
            .with(Write::AcceptMessage { message: two, content: inline(&content) });
        assert_eq!(code(store.commit(batch).await.unwrap_err()), "several-messages");
        store.close().await;
    }
}

fn remote(message: MessageId, mailbox: tieline_model::MailboxId, item: &str, folder: &str) -> RemoteItem {
    RemoteItem {
        message,
        mailbox,
        item: item.to_owned(),
        folder: folder.to_owned(),
        read: false,
        deleted: false,
    }
}
