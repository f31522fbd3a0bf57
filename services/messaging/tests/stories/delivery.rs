//! From deposit to the item in the mailbox.

use bytes::Bytes;
use tieline_messaging::{DeliveryWord, Deposit, Destination};
use tieline_model::{MessageKind, MessageState, Refusal, VoiceFormat};
use tieline_store::Edit;

use crate::mail::Fault;
use crate::world::{ALICE, ALICES_LAMP, BOB, World, recording, voice};

/// Covers: AV-02 (delivery), AV-87
#[tokio::test]
async fn a_recording_becomes_one_item_and_one_trace_names_every_step() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    assert_eq!((left.new, left.duration_ms, left.destination.clone()), (true, 1500, Destination::MailSystem));

    let items = world.mail.items(ALICE);
    let [item] = items.as_slice() else { panic!("{items:?}") };
    let message = item.message.as_ref().unwrap();
    assert_eq!(message.subject, "Voice message from Carol (0:02)");
    assert_eq!((message.kind, message.duration_s, message.read), (MessageKind::Voice, 2, false));
    assert_eq!(message.trace, left.trace);
    assert!(message.body_html.contains("+4930123"), "{}", message.body_html);
    let attachment = message.attachment.as_ref().unwrap();
    assert_eq!(attachment.name, "+4930123 (2 seconds) Voice Mail.wav");
    assert_eq!(attachment.media_type, "audio/wav");
    let attached = tieline_audio::probe(&attachment.content, None).unwrap();
    assert_eq!(attached.duration_ms, 1500);

    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0)]);
    assert!(world.lamps.saw(left.trace));
    let rules = world.rules(left.id).await;
    for rule in ["accept-deposit", "deliver-once", "light-from-unread"] {
        assert!(rules.contains(&rule.to_owned()), "{rules:?}");
    }
    assert_eq!(world.rules(left.trace).await, rules, "asked by trace or by message, it is the same chain");
    let report = world.messaging.delivery(&world.message(left.id).await).await.unwrap();
    assert_eq!((report.state, report.item.as_deref()), (DeliveryWord::Delivered, Some(item.id.as_str())));
}

/// Covers: AV-30, AV-46
#[tokio::test]
async fn only_the_service_account_signs_in_and_what_it_did_is_audited() {
    let world = World::new().await;
    world.leave(&world.alice).await;
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    let users: Vec<String> = world.mail.users().into_iter().collect();
    assert_eq!(users, ["svc-tieline@lab.example"]);
    let audit = world.store.audit(100).await.unwrap();
    for action in ["create-item", "follow-state"] {
        let entry = audit.iter().find(|entry| entry.action == action).unwrap();
        assert_eq!(entry.who, "svc-tieline@lab.example");
        assert!(entry.detail.contains(ALICE) && entry.detail.contains("tr_"), "{entry:?}");
    }
}

/// Covers: AV-30 (enabled users only)
#[tokio::test]
async fn a_mailbox_that_is_switched_off_is_never_acted_for() {
    let mut world = World::new().await;
    world.change(|alice| alice.enabled = false).await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    assert!(matches!(left.destination, Destination::StaysHere(_)));
    assert!(world.mail.users().is_empty(), "nobody was impersonated");
    assert_eq!(world.lamps.told(ALICES_LAMP).last(), Some(&(1, 0)), "the message waits all the same");
}

#[tokio::test]
async fn a_lost_answer_does_not_double_the_message() {
    let world = World::new().await;
    world.mail.next_create(Fault::Lost(1));
    let left = world.leave(&world.alice).await;
    assert_eq!(
        world.messaging.delivery(&world.message(left.id).await).await.unwrap().state,
        DeliveryWord::Delivering
    );
    world.advance(3).await;
    assert_eq!(world.mail.items(ALICE).len(), 1);
    assert!(world.message(left.id).await.delivered.is_some());
}

#[tokio::test]
async fn a_doubled_effect_is_removed_and_the_oldest_kept() {
    let world = World::new().await;
    world.mail.next_create(Fault::Lost(2));
    let left = world.leave(&world.alice).await;
    world.advance(3).await;
    world.advance(60).await;
    let items = world.mail.items(ALICE);
    assert_eq!(items.len(), 1);
    let known = world.store.remote_item(left.id).await.unwrap().unwrap();
    assert_eq!(known.item, items[0].id);
}

#[tokio::test]
async fn a_process_that_dies_while_it_creates_is_succeeded_without_a_double() {
    let mut world = World::new().await;
    world.mail.next_create(Fault::Hung);
    let left = world.messaging.deposit(voice(&world.alice)).await.unwrap();
    while world.mail.items(ALICE).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    world.die_and_start_again();
    // The dead process's lease expires.
    world.advance(31).await;
    assert_eq!((world.mail.items(ALICE).len(), world.mail.calls("create")), (1, 0), "found, not made again");
    assert!(world.message(left.id).await.delivered.is_some());
}

#[tokio::test]
async fn a_lost_request_is_made_again_only_when_it_can_no_longer_take_effect() {
    let world = World::new().await;
    world.mail.next_create(Fault::Lost(0));
    world.leave(&world.alice).await;
    world.advance(5).await;
    assert_eq!((world.mail.calls("create"), world.mail.calls("locate")), (1, 1), "looked once, created once");
    world.advance(30).await;
    assert_eq!((world.mail.calls("create"), world.mail.items(ALICE).len()), (2, 1));
}

/// Covers: AV-89 (refusal)
#[tokio::test]
async fn a_bad_message_is_put_aside_with_its_reason_and_the_next_one_passes() {
    let world = World::new().await;
    world.mail.next_create(Fault::Refused(Refusal::permanent(
        "too-big",
        "the message is too large",
        "shorten it",
    )));
    let bad = world.leave(&world.alice).await;
    let good = world.leave(&world.alice).await;
    assert!(world.message(good.id).await.delivered.is_some());
    let report = world.messaging.delivery(&world.message(bad.id).await).await.unwrap();
    assert_eq!(report.state, DeliveryWord::Quarantined);
    assert!(report.cause.unwrap().contains("too large"));
    assert!(world.store.content(bad.id).await.unwrap().is_some(), "nothing is lost");

    world.messaging.retry(bad.id).await.unwrap();
    world.settle().await;
    assert!(world.message(bad.id).await.delivered.is_some());
    assert_eq!(world.messaging.retry(bad.id).await.unwrap_err().code, "not-quarantined");
}

#[tokio::test]
async fn one_bad_mailbox_holds_up_no_other() {
    let world = World::new().await;
    let down = Refusal::transient("mailbox-store", "the mailbox store is offline", "nothing");
    world.mail.unreachable(ALICE, Some(down));
    let hers = world.leave(&world.alice).await;
    let his = world.leave(&world.bob).await;
    assert!(world.message(his.id).await.delivered.is_some());
    assert!(world.message(hers.id).await.delivered.is_none());
    world.mail.unreachable(ALICE, None);
    world.advance(400).await;
    assert!(world.message(hers.id).await.delivered.is_some());
    assert_eq!((world.mail.items(ALICE).len(), world.mail.items(BOB).len()), (1, 1));
}

#[tokio::test]
async fn messages_of_one_mailbox_arrive_in_their_order() {
    let world = World::new().await;
    for n in 0..20 {
        let mut deposit = voice(&world.alice);
        deposit.caller.name = Some(format!("Caller {n:02}"));
        world.messaging.deposit(deposit).await.unwrap();
    }
    world.settle().await;
    let names: Vec<String> =
        world.mail.items(ALICE).into_iter().map(|item| item.message.unwrap().caller.name.unwrap()).collect();
    let expected: Vec<String> = (0..20).map(|n| format!("Caller {n:02}")).collect();
    assert_eq!(names, expected);
}

/// Covers: AV-90
#[tokio::test]
async fn how_long_things_take_is_measured_for_each_step_and_kind() {
    let world = World::new().await;
    let down = Refusal::transient("down", "the server is down", "nothing");
    world.mail.unreachable(ALICE, Some(down));
    world.leave(&world.alice).await;
    world.mail.unreachable(ALICE, None);
    world.advance(60).await;
    world.leave(&world.bob).await;
    world.sync(&world.alice).await;
    world.sync(&world.bob).await;
    let lag = world.messaging.lag();
    let delivered = lag["delivered-voice"];
    assert_eq!((delivered.count, delivered.p50_ms, delivered.p99_ms), (2, 0, 60_000));
    assert_eq!((lag["seen-voice"].count, lag["light-voice"].count), (2, 2));
}

#[tokio::test]
async fn fax_and_text_messages_arrive_as_what_they_are() {
    let world = World::new().await;
    let fax = Deposit {
        kind: MessageKind::Fax,
        pages: 2,
        ..Deposit::voice(world.alice.id, Bytes::from_static(b"%PDF-1.4 two pages"))
    };
    let text = Deposit {
        kind: MessageKind::Text,
        text: "Call me <back> & soon".to_owned(),
        ..Deposit::voice(world.alice.id, Bytes::new())
    };
    world.messaging.deposit(fax).await.unwrap();
    world.messaging.deposit(text).await.unwrap();
    world.settle().await;
    let items: Vec<_> = world.mail.items(ALICE).into_iter().map(|item| item.message.unwrap()).collect();
    assert_eq!(items[0].subject, "Fax from unknown caller (2 pages)");
    assert_eq!(items[0].attachment.as_ref().unwrap().name, "Fax.pdf");
    assert!(items[1].attachment.is_none());
    assert!(items[1].body_html.contains("Call me &lt;back&gt; &amp; soon"));
    let told = world.lamps.told(ALICES_LAMP);
    assert!(told.iter().all(|counts| *counts == (0, 0)), "the voice light stays off: {told:?}");
    let counts = world.store.counts(world.alice.id).await.unwrap();
    assert_eq!((counts.fax.new, counts.text.new), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_accepted_is_refused_with_what_where_and_next() {
    let world = World::new().await;
    let mut stranger = world.alice.clone();
    stranger.id = tieline_model::MailboxId::from_uuid(tieline_model::Ids::uuid(world.clock.as_ref()));
    let text = |text: String| Deposit {
        kind: MessageKind::Text,
        text,
        ..Deposit::voice(world.alice.id, Bytes::new())
    };
    let fax =
        Deposit { kind: MessageKind::Fax, ..Deposit::voice(world.alice.id, Bytes::from_static(b"GIF89a")) };
    let cases = [
        (voice(&stranger), "unknown-mailbox"),
        (Deposit::voice(world.alice.id, Bytes::from_static(b"not a recording at all")), "not-audio"),
        (Deposit::voice(world.alice.id, recording(1000).slice(..2000)), "truncated-recording"),
        (Deposit::voice(world.alice.id, vec![0_u8; 5 << 20]), "recording-too-large"),
        (text(String::new()), "empty-text"),
        (text("x".repeat(10_001)), "text-too-long"),
        (fax, "not-a-fax"),
    ];
    for (deposit, code) in cases {
        let refusal = world.messaging.deposit(deposit).await.unwrap_err();
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(!refusal.next.is_empty());
    }
    let all = world.store.messages(&tieline_store::MessageFilter::default(), 10).await.unwrap();
    assert!(all.is_empty(), "nothing was accepted");
}

#[tokio::test]
async fn the_same_deposit_made_twice_is_one_message() {
    let world = World::new().await;
    let deposit = Deposit { source_id: Some("call-7@pbx".to_owned()), ..voice(&world.alice) };
    let first = world.messaging.deposit(deposit.clone()).await.unwrap();
    let again = world.messaging.deposit(deposit.clone()).await.unwrap();
    assert_eq!((again.new, again.id, again.trace), (false, first.id, first.trace));
    let other = Deposit { mailbox: world.bob.id, ..deposit };
    assert!(world.messaging.deposit(other).await.unwrap().new, "an id counts for its mailbox only");
    world.settle().await;
    assert_eq!(world.mail.items(ALICE).len(), 1);
}

/// Covers: AV-38 (refusal)
#[tokio::test]
async fn the_endpoints_voice_format_is_made_or_the_reason_said() {
    let mut world = World::new().await;
    world.endpoint.voice_format = VoiceFormat::G711UlawWav;
    world.configure(vec![Edit::PutEndpoint(world.endpoint.clone())]).await;
    world.leave(&world.alice).await;
    let attached = world.mail.items(ALICE)[0].message.clone().unwrap().attachment.unwrap();
    assert_eq!(tieline_audio::probe(&attached.content, None).unwrap().codec, tieline_audio::Codec::Ulaw);

    // No program is installed in this world.
    world.endpoint.voice_format = VoiceFormat::Mp3;
    world.configure(vec![Edit::PutEndpoint(world.endpoint.clone())]).await;
    let waits = world.leave(&world.alice).await;
    let report = world.messaging.delivery(&world.message(waits.id).await).await.unwrap();
    assert!(report.cause.unwrap().contains("mp3 cannot be made on this machine"));
    world.endpoint.voice_format = VoiceFormat::PcmWav;
    world.configure(vec![Edit::PutEndpoint(world.endpoint.clone())]).await;
    world.advance(1000).await;
    assert!(world.message(waits.id).await.delivered.is_some(), "it went on by itself");
}

#[tokio::test]
async fn a_message_heard_before_it_is_delivered_arrives_as_read_and_a_deleted_one_not_at_all() {
    let world = World::new().await;
    let down = Refusal::transient("down", "the server is down", "nothing");
    world.mail.unreachable(ALICE, Some(down));
    let heard = world.leave(&world.alice).await;
    let dropped = world.leave(&world.alice).await;
    let api = tieline_store::StateOrigin::Telephone;
    world.messaging.set_state(heard.id, MessageState::Read, api).await.unwrap();
    world.messaging.set_state(dropped.id, MessageState::Deleted, api).await.unwrap();
    world.mail.unreachable(ALICE, None);
    world.advance(400).await;
    world.advance(5).await;
    let items = world.mail.items(ALICE);
    assert_eq!(items.len(), 1);
    assert!(items[0].read);
    assert_eq!(world.lamps.told(ALICES_LAMP).last(), Some(&(0, 1)));
}
