//! Watchers from SUBSCRIBE to their end, against telephones made of the sans-IO codec.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tieline_proto_sip::{Message, Name};
use tieline_sip::{Timers, Transport};

use crate::support::{Phone, body, config, known, unknown, voice, world, world_with};

/// Covers: AV-13 (SUBSCRIBE)
#[tokio::test]
async fn a_telephone_subscribes_and_follows_the_light() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 4, 7));
    let mut phone = Phone::new(&world, "alice").await;
    let accepted = phone.subscribe(600).await;
    assert_eq!((accepted.code, accepted.expires()), (200, Some(600)));
    assert_eq!(voice(&phone.notify(200).await), (1, 4));

    world.stack.publish("alice", &known(0, 5, 8));
    let off = phone.notify(200).await;
    assert!(!body(&off).waiting);
    assert_eq!(voice(&off), (0, 5));
    assert_eq!(body(&off).account.as_deref(), Some("sip:alice@lab.example"));
    assert_eq!(off.headers.first(Name::FROM).unwrap().split(';').next(), Some("<sip:alice@lab.example>"));
    let trace = tieline_proto_sip::header_name("X-Tieline-Trace");
    assert_eq!(off.headers.first(trace), Some("tr_8"));
    assert_eq!(world.product.event("notified alice off").await, "notified alice off 8 tr_8");
    world.stack.stop().await;
}

#[tokio::test]
async fn a_refresh_and_an_end_are_notified_too() {
    let world = world(config()).await;
    world.product.set("alice", &known(2, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(600).await;
    phone.notify(200).await;
    assert_eq!(phone.subscribe(900).await.expires(), Some(900));
    let refreshed = phone.notify(200).await;
    assert_eq!(voice(&refreshed), (2, 0));
    assert!(refreshed.headers.first(Name::SUBSCRIPTION_STATE).unwrap().starts_with("active;expires="));
    assert_eq!(world.stack.statistics().subscriptions, 1);

    assert_eq!(phone.subscribe(0).await.code, 200);
    let last = phone.notify(200).await;
    assert_eq!(last.headers.first(Name::SUBSCRIPTION_STATE), Some("terminated;reason=timeout"));
    world.product.event("ended alice Unsubscribed").await;
    assert_eq!(world.stack.statistics().subscriptions, 0);
    assert!(world.product.stored.lock().unwrap().is_empty());
    assert_eq!(phone.subscribe(600).await.code, 481);
    world.stack.stop().await;
}

/// Covers: AV-13 (unknown is not sent), LY-24 (the light says unknown)
#[tokio::test]
async fn an_unknown_light_is_an_empty_body_and_never_a_zero() {
    let world = world(config()).await;
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(600).await;
    let first = phone.notify(200).await;
    assert!(first.body.is_empty() && first.headers.first(Name::CONTENT_TYPE).is_none());
    world.product.event("notified alice unknown").await;

    world.stack.publish("alice", &known(3, 0, 1));
    assert_eq!(voice(&phone.notify(200).await), (3, 0));
    world.product.event("notified alice on 1").await;
    world.stack.publish("alice", &unknown(2));
    phone.silence().await;
    // Known again and as before: the telephone still shows it, and is not told twice.
    world.stack.publish("alice", &known(3, 0, 3));
    phone.silence().await;
    world.stack.resync("alice", &known(3, 0, 4));
    assert_eq!(voice(&phone.notify(200).await), (3, 0));
    world.stack.stop().await;
}

/// Covers: AV-13 (digest)
#[tokio::test]
async fn only_the_right_user_with_the_right_password_watches() {
    let world = world(config()).await;
    let codes = async |user: &str, password: &str, mailbox: &str| {
        let mut phone = Phone::new(&world, user).await;
        phone.password = password.to_owned();
        phone.mailbox = format!("sip:{mailbox}@lab.example");
        phone.subscribe(600).await.code
    };
    assert_eq!(codes("alice", "guess", "alice").await, 403);
    assert_eq!(codes("nobody", "lab-password", "alice").await, 403);
    assert_eq!(codes("bob", "lab-password", "alice").await, 403);
    assert_eq!(codes("alice", "lab-password", "nowhere").await, 404);
    assert_eq!(codes("carol", "lab-password", "alice").await, 200);
    assert_eq!(world.stack.statistics().subscriptions, 1);

    // The same credentials a second time are a replay.
    let mut phone = Phone::new(&world, "alice").await;
    let plain = phone.request(600);
    phone.send(&plain).await;
    let challenge = phone.response().await;
    assert_eq!(challenge.headers.all(Name::WWW_AUTHENTICATE).count(), 2);
    let mut signed = phone.request(600);
    phone.sign(&mut signed, &challenge);
    phone.send(&signed).await;
    assert_eq!(phone.response().await.code, 200);
    phone.notify(200).await;
    signed.headers.set(Name::VIA, "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKreplay;rport");
    phone.send(&signed).await;
    let refused = phone.response().await;
    assert_eq!(refused.code, 401);
    assert!(refused.headers.first(Name::WWW_AUTHENTICATE).unwrap().contains("stale=true"));
    world.stack.stop().await;
}

#[tokio::test]
async fn an_administrator_may_do_without_passwords() {
    let mut settings = config();
    settings.authenticate = false;
    let world = world(settings).await;
    let mut phone = Phone::new(&world, "carol").await;
    phone.mailbox = "sip:alice@lab.example".to_owned();
    let request = phone.request(600);
    phone.send(&request).await;
    // The product is asked all the same: this one lets nobody in without a name.
    assert_eq!(phone.response().await.code, 403);
    world.stack.stop().await;
}

/// Covers: AV-13 (subscriptions survive a restart)
#[tokio::test]
async fn a_restart_goes_unnoticed() {
    let first = world(config()).await;
    first.product.set("alice", &known(1, 0, 1));
    let mut phone = Phone::new(&first, "alice").await;
    phone.subscribe(600).await;
    let before = phone.notify(200).await.cseq().unwrap().0;
    first.product.event("notified alice").await;
    first.stack.stop().await;

    let second = world_with(config(), first.product.clone(), first.clock.clone()).await;
    phone.server = second.port(Transport::Udp);
    assert_eq!(second.stack.publish("alice", &known(0, 1, 2)), 1);
    let after = phone.notify(200).await;
    assert_eq!(voice(&after), (0, 1));
    assert!(after.cseq().unwrap().0 > before);
    assert_eq!(phone.subscribe(0).await.code, 200);
    second.stack.stop().await;
}

/// Covers: AV-13 (a dead watcher blocks nobody)
#[tokio::test]
async fn one_dead_watcher_holds_up_nobody_and_is_forgotten() {
    let mut settings = config();
    settings.timers = Timers { t1: 40, t2: 100 };
    let world = world(settings).await;
    world.product.set("alice", &known(1, 0, 1));
    let mut dead = Phone::new(&world, "alice").await;
    let mut refusing = Phone::new(&world, "carol").await;
    refusing.mailbox = "sip:alice@lab.example".to_owned();
    let mut alive = Phone::new(&world, "alice").await;
    for phone in [&mut dead, &mut refusing, &mut alive] {
        phone.subscribe(600).await;
        phone.notify(200).await;
    }
    assert_eq!(world.stack.publish("alice", &known(2, 0, 2)), 3);
    assert_eq!(voice(&alive.notify(200).await), (2, 0));
    refusing.notify(481).await;
    world.product.event("ended alice Gone(\"481").await;
    // The dead one gets the same request again and again, then is given up.
    let first = dead.receive().await;
    let again = dead.receive().await;
    let (Message::Request(first), Message::Request(again)) = (first, again) else {
        panic!("requests were expected")
    };
    assert_eq!(first.to_bytes(), again.to_bytes());
    world.product.event("ended alice Gone(\"NOTIFY to").await;
    assert_eq!(world.stack.publish("alice", &known(3, 0, 3)), 1);
    assert_eq!(voice(&alive.notify(200).await), (3, 0));
    assert_eq!(world.product.stored.lock().unwrap().len(), 1);
    world.stack.stop().await;
}

/// Covers: AV-13 (never a stale count)
#[tokio::test]
async fn while_one_notify_is_on_its_way_only_the_newest_waits() {
    let world = world(config()).await;
    world.product.set("alice", &known(0, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(600).await;
    phone.notify(200).await;
    world.product.event("notified alice").await;
    world.stack.publish("alice", &known(1, 0, 2));
    let Message::Request(held) = phone.receive().await else { panic!("a NOTIFY was expected") };
    for (new, revision) in [(2, 3), (9, 9), (4, 5), (3, 4)] {
        world.stack.publish("alice", &known(new, 0, revision));
    }
    phone.answer(&held, 200).await;
    assert_eq!(voice(&phone.notify(200).await), (9, 0));
    phone.silence().await;
    assert_eq!(world.stack.watchers("alice")[0].told.unwrap().1, 9);
    world.stack.stop().await;
}

#[tokio::test]
async fn a_busy_watcher_is_told_later() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(600).await;
    assert_eq!(voice(&phone.notify(503).await), (1, 0));
    assert_eq!(voice(&phone.notify(200).await), (1, 0));
    assert_eq!(world.stack.statistics().subscriptions, 1);
    world.stack.stop().await;
}

#[tokio::test]
async fn time_ends_a_subscription_with_a_last_word() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(60).await;
    phone.notify(200).await;
    world.product.event("notified alice").await;
    world.clock.push(Duration::from_secs(61));
    let last = phone.notify(200).await;
    assert_eq!(last.headers.first(Name::SUBSCRIPTION_STATE), Some("terminated;reason=timeout"));
    world.product.event("ended alice Expired").await;
    world.stack.stop().await;
}

#[tokio::test]
async fn a_fetch_is_answered_once_and_leaves_nothing() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 2, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(0).await;
    let only = phone.notify(200).await;
    assert_eq!(voice(&only), (1, 2));
    assert!(only.headers.first(Name::SUBSCRIPTION_STATE).unwrap().starts_with("terminated"));
    world.product.event("ended alice").await;
    assert_eq!(world.stack.statistics().subscriptions, 0);
    world.stack.stop().await;
}

/// What is acknowledged is stored first: without a store there is no subscription.
#[tokio::test]
async fn a_subscription_that_cannot_be_stored_is_refused() {
    let mut settings = config();
    settings.limits.subscriptions_per_mailbox = 1;
    let world = world(settings).await;
    world.product.fail_saves.store(true, Ordering::SeqCst);
    let mut phone = Phone::new(&world, "alice").await;
    let refused = phone.subscribe(600).await;
    assert_eq!((refused.code, refused.retry_after()), (503, Some(60)));
    assert_eq!(world.stack.statistics().subscriptions, 0);
    world.product.fail_saves.store(false, Ordering::SeqCst);
    let mut phone = Phone::new(&world, "alice").await;
    assert_eq!(phone.subscribe(600).await.code, 200);
    phone.notify(200).await;
    let mut third = Phone::new(&world, "alice").await;
    assert_eq!(third.subscribe(600).await.code, 503);
    world.stack.stop().await;
}

/// A telephone behind NAT writes an address that leads nowhere; it is reached where its datagrams come from.
#[tokio::test]
async fn a_telephone_behind_nat_is_reached() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    let hide = |request: &mut tieline_proto_sip::Request, branch: &str| {
        request.headers.set(Name::VIA, format!("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{branch};rport"));
        request.headers.set(Name::CONTACT, "<sip:alice@192.0.2.10:5060>");
    };
    let mut first = phone.request(600);
    hide(&mut first, "n1");
    phone.send(&first).await;
    let challenge = phone.response().await;
    let mut second = phone.request(600);
    hide(&mut second, "n2");
    phone.sign(&mut second, &challenge);
    phone.send(&second).await;
    assert_eq!(phone.response().await.code, 200);
    let notify = phone.notify(200).await;
    assert_eq!(notify.uri, "sip:alice@192.0.2.10:5060");
    world.stack.stop().await;
}

/// Retransmitted requests, and requests without a branch inside the dialog, are one request each.
#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_with_or_without_a_branch() {
    let world = world(config()).await;
    world.product.set("alice", &known(1, 0, 1));
    let mut phone = Phone::new(&world, "alice").await;
    phone.subscribe(600).await;
    phone.notify(200).await;
    world.product.event("notified alice").await;
    let plain = phone.request(600);
    phone.send(&plain).await;
    let challenge = phone.response().await;
    let mut refresh = phone.request(600);
    refresh.headers.set(Name::VIA, format!("SIP/2.0/UDP {};rport", phone.socket.local_addr().unwrap()));
    phone.sign(&mut refresh, &challenge);
    phone.send(&refresh).await;
    let first = phone.response().await;
    assert_eq!(first.code, 200);
    phone.notify(200).await;
    phone.send(&refresh).await;
    assert_eq!(phone.response().await.to_bytes(), first.to_bytes());
    phone.silence().await;
    world.stack.stop().await;
}
