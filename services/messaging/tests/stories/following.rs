//! What users do in the mail system comes back, and what they do at the telephone goes there.

use tieline_model::{DeliveryKey, Ids, MessageState, Refusal};
use tieline_store::{HealthState, MessageFilter, StateOrigin};

use crate::world::{ALICE, ALICES_LAMP, BOB, World};

use MessageState::{Deleted, Read, Unread};

/// Covers: AV-09 (mailbox), AV-10 (from the mailbox), AV-13 (mailbox)
#[tokio::test]
async fn reading_and_deleting_in_the_mailbox_shows_in_tieline_and_on_the_lamp() {
    let world = World::new().await;
    let (a, b) = (world.leave(&world.alice).await, world.leave(&world.alice).await);
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    assert_eq!((world.state(a.id).await, world.state(b.id).await), (Read, Unread));
    world.mail.user_reads(ALICE, 1, true);
    world.sync(&world.alice).await;
    world.mail.user_reads(ALICE, 0, false);
    world.sync(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "deleted");
    world.sync(&world.alice).await;
    assert_eq!((world.state(a.id).await, world.state(b.id).await), (Deleted, Read));
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (2, 0), (1, 1), (0, 2), (1, 1), (0, 1)]);
    let by = world.message(a.id).await.state_by.unwrap().0;
    assert_eq!(by, StateOrigin::Mail);
    assert!(world.rules(a.id).await.contains(&"state-follows-mailbox".to_owned()));
}

#[tokio::test]
async fn what_is_taken_out_of_deleted_items_is_there_again() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    let inbox = world.mail.items(ALICE)[0].folder.clone();
    world.mail.user_moves(ALICE, 0, "deleted");
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Deleted);
    world.mail.user_moves(ALICE, 0, &inbox);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Unread);
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (0, 0), (1, 0)]);
}

/// Covers: AV-10 (from the telephone), X-01
#[tokio::test]
async fn reading_and_deleting_at_the_telephone_shows_in_the_mailbox_and_does_not_echo() {
    let world = World::new().await;
    let (a, b) = (world.leave(&world.alice).await, world.leave(&world.alice).await);
    world.messaging.set_state(a.id, Read, StateOrigin::Telephone).await.unwrap();
    world.settle().await;
    world.messaging.set_state(b.id, Deleted, StateOrigin::Api).await.unwrap();
    world.settle().await;
    let items = world.mail.items(ALICE);
    assert_eq!((items[0].read, items[1].deleted), (true, true));
    for _ in 0..3 {
        world.sync(&world.alice).await;
        // Saying the same once more is saying nothing.
        world.messaging.set_state(a.id, Read, StateOrigin::Telephone).await.unwrap();
        world.settle().await;
    }
    assert_eq!((world.mail.calls("set_read"), world.mail.calls("delete")), (1, 1), "no counter-writes");
    assert_eq!((world.state(a.id).await, world.state(b.id).await), (Read, Deleted));
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (2, 0), (1, 1), (0, 1)], "one NOTIFY for each change");
}

#[tokio::test]
async fn a_state_set_while_the_item_moves_finds_it() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "elsewhere");
    world.messaging.set_state(left.id, Read, StateOrigin::Telephone).await.unwrap();
    world.settle().await;
    assert!(world.mail.items(ALICE)[0].read);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Read);
    world.mail.user_moves(ALICE, 0, "deleted");
    world.sync(&world.alice).await;
    let refusal = world.messaging.set_state(left.id, Unread, StateOrigin::Api).await.unwrap_err();
    assert_eq!(refusal.code, "deleted-in-mailbox");
}

/// Covers: AV-72 (moved by a rule)
#[tokio::test]
async fn a_message_that_a_rule_moved_is_followed_to_its_folder() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "By rule");
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Unread, "moved is not deleted");
    let known = world.store.remote_item(left.id).await.unwrap().unwrap();
    assert_eq!(known.folder, "By rule");
    // The folder is read from now on.
    world.sync(&world.alice).await;
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Read);
    world.mail.user_moves(ALICE, 0, "Further on");
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Read);
}

#[tokio::test]
async fn what_vanishes_from_a_folder_before_its_first_cursor_is_missed_by_nobody() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "By rule");
    // Found in its new folder, which was not read yet.
    world.sync(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "deleted");
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Deleted);
}

/// Covers: AV-86, AV-88
#[tokio::test]
async fn nothing_that_was_born_in_the_mailbox_is_ever_copied_forged_marks_included() {
    let world = World::new().await;
    let hers = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    let inbox = world.mail.items(ALICE)[0].folder.clone();
    // Her mail, a forged mark, and the mark of somebody else's message.
    let his = world.leave(&world.bob).await;
    let bobs_key = world.message(his.id).await.message.delivery_key;
    world.mail.plant(ALICE, &inbox, None, false);
    world.mail.plant(ALICE, &inbox, Some(DeliveryKey::from_uuid(world.clock.uuid())), false);
    world.mail.plant(ALICE, &inbox, Some(bobs_key), true);
    world.sync(&world.alice).await;
    let all = world.store.messages(&MessageFilter::default(), 100).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((world.state(hers.id).await, world.state(his.id).await), (Unread, Unread));
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0)]);
    assert!(world.rules(world.alice.id).await.contains(&"one-way".to_owned()));
    assert_eq!(world.mail.items(BOB).len(), 1);
}

#[tokio::test]
async fn a_copy_that_a_user_makes_changes_nothing() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    let key = world.message(left.id).await.message.delivery_key;
    world.mail.plant(ALICE, "Archive", Some(key), true);
    world.mail.plant(ALICE, &world.mail.items(ALICE)[0].folder, Some(key), true);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Unread);
    assert_eq!(world.mail.items(ALICE).len(), 3, "nobody's copy is removed");
    // When the first one is deleted, a copy stands for it.
    world.mail.user_moves(ALICE, 0, "deleted");
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Read);
}

#[tokio::test]
async fn an_item_deleted_for_good_is_believed_when_it_is_nowhere_twice() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    world.mail.user_purges(ALICE, 0);
    world.sync_with(&world.alice, serde_json::json!({ "mailbox": world.alice.id })).await;
    assert_eq!(world.state(left.id).await, Unread, "once is not enough");
    world.advance(3).await;
    assert_eq!(world.state(left.id).await, Deleted);
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (0, 0)]);
}

#[tokio::test]
async fn a_search_that_fails_deletes_nothing() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    world.mail.user_moves(ALICE, 0, "By rule");
    world.mail.unreachable(ALICE, Some(Refusal::transient("busy", "the server is busy", "nothing")));
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Unread);
    world.mail.unreachable(ALICE, None);
    world.advance(400).await;
    assert_eq!(world.state(left.id).await, Unread);
    assert_eq!(world.store.remote_item(left.id).await.unwrap().unwrap().folder, "By rule");
}

#[tokio::test]
async fn an_expired_cursor_reads_anew_without_deleting_or_doubling() {
    let world = World::new().await;
    let mut left = Vec::new();
    for _ in 0..5 {
        left.push(world.leave(&world.alice).await.id);
    }
    world.sync(&world.alice).await;
    world.mail.user_reads(ALICE, 1, true);
    world.mail.user_moves(ALICE, 2, "By rule");
    world.mail.user_moves(ALICE, 3, "deleted");
    world.mail.expire_cursors();
    world.sync(&world.alice).await;
    let mut states = Vec::new();
    for id in left {
        states.push(world.state(id).await);
    }
    assert_eq!(states, [Unread, Read, Unread, Deleted, Unread]);
    assert_eq!(world.mail.calls("create"), 5);
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Ok);
}

#[tokio::test]
async fn a_wrong_password_is_noticed_before_the_first_message() {
    let world = World::new().await;
    let denied = Refusal::operator("sign-in", "the password is wrong", "set it in the feature group");
    world.mail.unreachable(ALICE, Some(denied));
    world.sync(&world.alice).await;
    assert_eq!(world.health(&world.alice).await.unwrap(), (HealthState::Refused, "sign-in".to_owned()));
    world.mail.unreachable(ALICE, None);
    world.advance(3600).await;
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Ok);
}

#[tokio::test]
async fn many_that_vanish_at_once_trip_the_brake_until_somebody_looked() {
    let world = World::new().await;
    for _ in 0..25 {
        world.messaging.deposit(crate::world::voice(&world.alice)).await.unwrap();
    }
    world.settle().await;
    world.sync(&world.alice).await;
    for _ in 0..21 {
        world.mail.user_purges(ALICE, 0);
    }
    world.sync(&world.alice).await;
    let health = world.health(&world.alice).await.unwrap();
    assert_eq!(health, (HealthState::Paused, "paused-by-brake".to_owned()));
    let unread = world.store.counts(world.alice.id).await.unwrap().voice.new;
    assert_eq!(unread, 25, "nothing was deleted");
    // Further passes change nothing, deliveries go on.
    world.sync(&world.alice).await;
    world.leave(&world.alice).await;
    assert_eq!(world.mail.items(ALICE).len(), 5);
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Paused);

    world.messaging.resume(world.alice.id, "admin").await.unwrap();
    world.settle().await;
    world.advance(3).await;
    let unread = world.store.counts(world.alice.id).await.unwrap().voice.new;
    assert_eq!(unread, 5);
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Ok);
    assert_eq!(world.messaging.resume(world.alice.id, "admin").await.unwrap_err().code, "not-paused");
}

#[tokio::test]
async fn a_mailbox_that_comes_back_empty_is_paused_not_emptied() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    world.mail.expire_cursors();
    world.mail.blind(true);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, Unread);
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Paused);
}

#[tokio::test]
async fn many_moved_to_deleted_items_are_deleted() {
    let world = World::new().await;
    for _ in 0..25 {
        world.messaging.deposit(crate::world::voice(&world.alice)).await.unwrap();
    }
    world.settle().await;
    world.sync(&world.alice).await;
    for nth in 0..25 {
        world.mail.user_moves(ALICE, nth, "deleted");
    }
    world.sync(&world.alice).await;
    assert_eq!(world.store.counts(world.alice.id).await.unwrap().voice.new, 0);
    assert_eq!(world.lamps.told(ALICES_LAMP).last(), Some(&(0, 0)));
}

/// Covers: AV-03
#[tokio::test]
async fn a_hint_is_enough_and_nobody_has_to_do_anything() {
    let world = World::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (messaging, stop) = (world.messaging.clone(), stop.clone());
        async move { messaging.run(stop).await }
    });
    let left = world.leave(&world.alice).await;
    while !world.mail.is_watched() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.settle().await;
    world.mail.user_reads(ALICE, 0, true);
    world.mail.hint(world.alice.id);
    for _ in 0..2000 {
        if world.state(left.id).await == Read {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(world.state(left.id).await, Read);
    // Somebody who is added later needs to do nothing either.
    let dora = crate::world::mailbox(&world.clock, "1003", "dora@lab.example", &world.group);
    world.configure(vec![tieline_store::Edit::PutMailbox(dora.clone())]).await;
    world.messaging.settings_changed(dora.id).await.unwrap();
    let events = world.store.events_after(0, &["mailbox".to_owned()], 100).await.unwrap();
    let first = events.iter().find(|event| event.subject == dora.id.to_string()).unwrap();
    assert_eq!(first.payload["state"], "pending", "the phase is shown");
    for _ in 0..2000 {
        if world.health(&dora).await.is_some_and(|(state, _)| state == HealthState::Ok) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(world.health(&dora).await.unwrap().0, HealthState::Ok);
    // She is watched beside the others, who are not subscribed anew for her.
    assert_eq!((world.mail.calls("watch 2"), world.mail.calls("watch 1")), (1, 1));
    stop.cancel();
    running.await.unwrap();
}
