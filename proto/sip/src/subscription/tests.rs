//! Subscriptions from SUBSCRIBE to their end.

use super::*;
use crate::{Counts, Message, MessageClass};

const NOW: i64 = 1_800_000_000_000;

fn asked(expires: &str) -> Request {
    let text = format!(
        "SUBSCRIBE sip:alice@lab.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n\
         From: \"Desk\" <sip:alice@lab.test>;tag=w1\r\nTo: <sip:alice@lab.test>\r\nCall-ID: c1\r\n\
         CSeq: 7 SUBSCRIBE\r\nContact: <sip:alice@10.0.0.9:5070;transport=tcp>\r\n\
         Record-Route: <sip:p1.lab.test;lr>, <sip:p2.lab.test;lr>\r\nEvent: message-summary;id=9\r\n\
         Accept: application/simple-message-summary\r\n{expires}\r\n"
    );
    match Message::parse_datagram(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was expected"),
    }
}

fn accepted(expires: &str) -> Subscription {
    Subscription::accept(&asked(expires), "mb_1", &ExpiryPolicy::default(), "t1", NOW).unwrap()
}

fn again(cseq: u32, expires: u32) -> Request {
    let mut request = asked(&format!("Expires: {expires}\r\n"));
    request.headers.set(Name::CSEQ, format!("{cseq} SUBSCRIBE"));
    request.headers.set(Name::TO, "<sip:alice@lab.test>;tag=t1");
    request
}

fn summary() -> MessageSummary {
    MessageSummary::of(Some("sip:alice@lab.test"), [(MessageClass::VoiceMessage, Counts::new(2, 1))])
}

/// Covers: AV-13 (NOTIFY in the dialog)
#[test]
fn the_notify_speaks_for_the_mailbox_along_the_route() {
    let mut subscription = accepted("Expires: 600\r\n");
    let notify = subscription.notify(Some(&summary()), None, "sip:mwi@10.0.0.1", NOW + 1_500);
    assert_eq!(notify.uri, "sip:alice@10.0.0.9:5070;transport=tcp");
    let header = |name| notify.headers.first(name).unwrap();
    assert_eq!(header(Name::FROM), "<sip:alice@lab.test>;tag=t1");
    assert_eq!(header(Name::TO), "\"Desk\" <sip:alice@lab.test>;tag=w1");
    assert_eq!(header(Name::EVENT), "message-summary;id=9");
    assert_eq!(header(Name::SUBSCRIPTION_STATE), "active;expires=598");
    assert_eq!(
        notify.headers.all(Name::ROUTE).collect::<Vec<_>>(),
        ["<sip:p1.lab.test;lr>", "<sip:p2.lab.test;lr>"]
    );
    assert_eq!(subscription.dialog.next_hop().host(), "p1.lab.test");
    assert_eq!(MessageSummary::parse(&notify.body).unwrap(), summary());
}

#[test]
fn numbers_rise_and_survive_a_restart() {
    let mut subscription = accepted("");
    assert_eq!(subscription.seconds_left(NOW), 3_600);
    assert_eq!(subscription.notify(None, None, "sip:x", NOW).cseq().unwrap().0, 1);
    let record = serde_json::to_string(&subscription).unwrap();
    let mut restored: Subscription = serde_json::from_str(&record).unwrap();
    assert_eq!(restored, subscription);
    assert_eq!(restored.notify(None, None, "sip:x", NOW).cseq().unwrap().0, 2);
    assert!(restored.dialog.owns(&again(8, 60)));
}

/// Covers: AV-13 (unknown)
#[test]
fn an_unknown_state_is_an_empty_body() {
    let notify = accepted("").notify(None, None, "sip:x", NOW);
    assert!(notify.body.is_empty());
    assert!(notify.headers.first(Name::CONTENT_TYPE).is_none());
}

#[test]
fn times_are_bounded() {
    assert_eq!(accepted("Expires: 99999999999\r\n").seconds_left(NOW), 86_400);
    let short = Subscription::accept(&asked("Expires: 5\r\n"), "mb", &ExpiryPolicy::default(), "t", NOW);
    let rejection = short.unwrap_err();
    assert_eq!((rejection.code, rejection.header.unwrap().1.as_str()), (423, "60"));
    let mut fetch = accepted("Expires: 0\r\n");
    let notify = fetch.notify(Some(&summary()), None, "sip:x", NOW);
    assert_eq!(notify.headers.first(Name::SUBSCRIPTION_STATE), Some("terminated;reason=timeout"));
}

#[test]
fn refresh_and_end() {
    let mut subscription = accepted("Expires: 600\r\n");
    subscription.refresh(&again(8, 900), &ExpiryPolicy::default(), NOW + 60_000).unwrap();
    assert_eq!(subscription.seconds_left(NOW + 60_000), 900);
    let before = subscription.clone();
    let late = subscription.refresh(&again(8, 900), &ExpiryPolicy::default(), NOW + 61_000);
    assert_eq!(late.unwrap_err().code, 500);
    assert_eq!(subscription, before);
    subscription.refresh(&again(9, 0), &ExpiryPolicy::default(), NOW + 62_000).unwrap();
    assert!(subscription.is_over(NOW + 62_000));
    let over = subscription.refresh(&again(10, 600), &ExpiryPolicy::default(), NOW + 63_000);
    assert_eq!(over.unwrap_err().code, 481);
}

#[test]
fn another_package_or_an_unreadable_body_is_refused() {
    let reject = |change: &dyn Fn(&mut Request)| {
        let mut request = asked("");
        change(&mut request);
        Subscription::accept(&request, "mb", &ExpiryPolicy::default(), "t", NOW).unwrap_err().code
    };
    assert_eq!(reject(&|r| r.headers.set(Name::EVENT, "presence")), 489);
    assert_eq!(reject(&|r| drop(r.headers.remove(Name::EVENT))), 489);
    assert_eq!(reject(&|r| r.headers.set(Name::ACCEPT, "application/pidf+xml")), 406);
    assert_eq!(reject(&|r| drop(r.headers.remove(Name::CONTACT))), 400);
    assert_eq!(reject(&|r| r.headers.set(Name::CONTACT, "<tel:5551234>")), 400);
}

#[test]
fn a_dead_watcher_is_forgotten_and_a_busy_one_is_not() {
    for code in [Some(408), Some(481), Some(489), Some(404), None] {
        assert_eq!(Subscription::judge(code), NotifyVerdict::Gone, "{code:?}");
    }
    assert_eq!(Subscription::judge(Some(503)), NotifyVerdict::Later);
    assert_eq!(Subscription::judge(Some(202)), NotifyVerdict::Delivered);
}

#[test]
fn a_strict_router_gets_itself_in_the_request_uri() {
    let mut subscription = accepted("");
    subscription.dialog.route_set =
        vec!["sip:old.lab.test".parse().unwrap(), "sip:p2.lab.test;lr".parse().unwrap()];
    let notify = subscription.notify(None, None, "sip:x", NOW);
    assert_eq!(notify.uri, "sip:old.lab.test");
    let routes: Vec<_> = notify.headers.all(Name::ROUTE).collect();
    assert_eq!(routes, ["<sip:p2.lab.test;lr>", "<sip:alice@10.0.0.9:5070;transport=tcp>"]);
}

/// Covers: AV-13 (unsolicited NOTIFY)
#[test]
fn an_unsolicited_notify_is_addressed_to_the_user() {
    let target = "sip:2001@10.0.0.9:5066;transport=tcp".parse().unwrap();
    let user = "sip:alice@lab.test".parse().unwrap();
    let notify =
        notify_unsolicited(&target, &user, "sip:mwi@lab.test", ("c", "t"), "sip:mwi@10.0.0.1", &summary());
    assert_eq!(notify.uri, "sip:2001@10.0.0.9:5066;transport=tcp");
    assert_eq!(notify.headers.first(Name::TO), Some("<sip:alice@lab.test>"));
    assert_eq!(notify.headers.first(Name::CONTENT_TYPE), Some(MESSAGE_SUMMARY_TYPE));
}
