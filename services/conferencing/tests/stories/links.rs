//! Meetings' links, and join data in the meetings themselves.

use jiff::Timestamp;
use tieline_conferencing::{Closed, Guest, Joining};
use tieline_model::{Clock as _, ConferenceMail, MailKind, Passcode};

use crate::world::{World, invitation, when};

/// The token of the link in a text.
fn token(text: &str) -> String {
    let after =
        text.split("https://tieline.example/join/").nth(1).unwrap_or_else(|| panic!("no link: {text}"));
    after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// Covers: PO-12 (link)
#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_at_its_time_and_follows_the_meeting() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (_, text) = world.answer(&first).await;
    let token = token(&text);
    let leads = async || world.conferencing.joining(&token).await.unwrap();
    assert!(
        matches!(leads().await, Joining::NotYet { opens, .. } if opens.to_string() == "2026-12-01T08:45:00Z")
    );
    let go = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        world.clock.advance(at.duration_since(world.clock.now()));
    };
    go("2026-12-01T08:44:59Z");
    assert!(matches!(leads().await, Joining::NotYet { .. }));
    go("2026-12-01T08:45:00Z");
    let Joining::Open { join, subject, .. } = leads().await else { panic!("{:?}", leads().await) };
    assert_eq!((join.sip.as_deref(), subject.as_deref()), (Some("sip:7042@vmr.example"), Some("Plans")));
    // Moved while people wait at the door: the link is the same.
    let moved = ConferenceMail {
        sequence: 1,
        ..invitation("a", "@vmr 7042", "2026-12-01T12:00", "2026-12-01T13:00")
    };
    let (_, again) = world.answer(&world.send(moved)).await;
    assert_eq!(self::token(&again), token);
    assert!(matches!(leads().await, Joining::NotYet { .. }));
    go("2026-12-01T12:29:59Z");
    assert!(matches!(leads().await, Joining::Open { .. }), "a while after the end");
    go("2026-12-01T12:30:00Z");
    assert_eq!(leads().await, Joining::Over);
    go("2027-01-15T00:00:00Z");
    assert_eq!(leads().await, Joining::Expired);
    for at in 0..token.len() {
        let mut forged: Vec<u8> = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(world.conferencing.joining(&forged).await.unwrap(), Joining::Forged, "{at}");
    }
    for bad in ["", "x", "..", &token[1..], &format!("{token}A")] {
        assert_eq!(world.conferencing.joining(bad).await.unwrap(), Joining::Forged, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_a_meeting_that_is_called_off_says_so() {
    let world = World::new().await;
    let mail = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    let (_, text) = world.answer(&world.send(mail.clone())).await;
    world.send(ConferenceMail { kind: MailKind::Cancellation, ..mail });
    let last = world.send(invitation("b", "@vmr", "2026-12-01T10:00", "2026-12-01T11:00"));
    world.answer(&last).await;
    assert_eq!(world.conferencing.joining(&token(&text)).await.unwrap(), Joining::CalledOff);
}

/// Covers: PO-09 (inserted)
#[tokio::test(flavor = "multi_thread")]
async fn join_data_are_put_into_the_meeting_once_and_the_update_that_comes_back_is_not_answered() {
    let world = World::new().await;
    let mut mail = invitation("a", "Berlin 3.14", "2026-12-01T10:00", "2026-12-01T11:00");
    mail.body = "[tieline-conference number=7042 passcode=123456]".to_owned();
    let (_, text) = world.answer(&world.send(mail.clone())).await;
    assert!(text.contains("Everybody who is invited has this") && !text.contains("mailto:"), "{text}");
    let (whose, data) = world.mail.with(|inbox| inbox.inserted["a"].clone());
    assert_eq!(whose.as_str(), "alice@lab.example");
    assert_eq!(data.location.as_deref(), Some("Berlin 3.14; sip:7042@vmr.example"));
    let html = &data.html;
    assert!(
        html.contains("/join/") && html.contains("[tieline-conference number=7042 passcode=123456]"),
        "{html}"
    );
    assert!(
        data.properties
            .iter()
            .any(|(name, value)| *name == "OnlineMeetingConfLink" && value == "conf:sip:7042@vmr.example")
    );
    // The update that this caused, as Exchange sends it to every attendee, us included.
    let back = ConferenceMail {
        sequence: 1,
        body: format!("{}\n{html}", mail.body),
        location: data.location.clone().unwrap(),
        ..mail.clone()
    };
    world.send(back.clone());
    world.send(back);
    let moved = ConferenceMail {
        sequence: 2,
        start: when("2026-12-01T12:00"),
        end: when("2026-12-01T13:00"),
        ..mail
    };
    assert!(world.answer(&world.send(moved)).await.0);
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 2, "the first and the move");
    let answers = world.store.answers(world.meeting("a").await.id).await.unwrap();
    assert_eq!(answers.len(), 3, "the own update is written down as settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_act_for_organizers_a_mail_is_ready_to_forward() {
    let world = World::new().await;
    world.mail.with(|inbox| inbox.forbidden = true);
    let mut mail = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    mail.attendees.push("bob@lab.example".parse().unwrap());
    let (accepted, text) = world.answer(&world.send(mail)).await;
    assert!(accepted && text.contains("Your attendees do not have this yet"), "{text}");
    assert!(text.contains("href=\"mailto:bob@lab.example?subject=Plans&amp;body=How%20to%20join"), "{text}");
    let detail = world.conferencing.meeting_detail(world.meeting("a").await.id).await.unwrap();
    let rules: Vec<&str> = detail.decisions.iter().map(|decision| decision.rule.as_str()).collect();
    assert!(rules.contains(&"join-data-not-inserted"), "{rules:?}");
}

/// The page and the telephone have one door: a link leads where the calls go, at the same times, and each who comes by it
/// has an entrance of their own; the chairperson's code leads.
///
/// Covers: PO-12 (one door)
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_link_enters_by_browser_and_leads_with_the_code() {
    let world = World::new().await;
    let mut first = invitation("a", "", "2026-12-01T10:00", "2026-12-01T11:00");
    first.body = "[tieline-conference number=7042 passcode=123456 chairperson=987654]".to_owned();
    let (_, text) = world.answer(&world.send(first)).await;
    let mut next = invitation("b", "", "2026-12-01T11:10", "2026-12-01T12:00");
    next.body = "[tieline-conference number=7042 passcode=222222]".to_owned();
    let (_, other) = world.answer(&world.send(next)).await;
    let (first, next) = (token(&text), token(&other));
    let go = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        world.clock.advance(at.duration_since(world.clock.now()));
    };
    let enter = async |token: &str, code: &str| {
        let code = Some(code).filter(|code| !code.is_empty()).map(Passcode::new);
        let guest = Guest { name: "Bob".to_owned(), code, from: "192.0.2.7".to_owned() };
        world.conferencing.enter_by_link(token, guest).await.map(|entrance| entrance.web.unwrap())
    };
    go("2026-12-01T08:44:00Z");
    assert!(matches!(enter(&first, "").await, Err(Closed::TooEarly { .. })));
    go("2026-12-01T08:45:00Z");
    let joining = world.conferencing.joining(&first).await.unwrap();
    assert!(matches!(joining, Joining::Open { by_browser: true, chairperson: true, .. }), "{joining:?}");
    let until = "until Some(2026-12-01T10:30:00Z)";
    assert_eq!(enter(&first, "").await.unwrap(), format!("Bob takes part {until}"));
    assert_eq!(enter(&first, "123456").await.unwrap(), format!("Bob takes part {until}"));
    assert_eq!(enter(&first, "987654").await.unwrap(), format!("Bob leads {until}"));
    assert_eq!(enter(&first, "222222").await, Err(Closed::PasscodeWrong), "another meeting's");
    // While the first goes on the room is its own, although the second's door would be open.
    go("2026-12-01T09:58:00Z");
    let Joining::NotYet { opens, .. } = world.conferencing.joining(&next).await.unwrap() else {
        panic!("the room is another meeting's")
    };
    assert_eq!(opens.to_string(), "2026-12-01T10:00:00Z");
    assert!(matches!(enter(&next, "").await, Err(Closed::TooEarly { .. })));
    // Between the two each link leads to its own.
    go("2026-12-01T10:05:00Z");
    assert!(enter(&first, "").await.unwrap().ends_with(until));
    assert!(enter(&next, "").await.unwrap().ends_with("until Some(2026-12-01T11:30:00Z)"));
    go("2026-12-01T10:10:00Z");
    assert_eq!(world.conferencing.joining(&first).await.unwrap(), Joining::Over);
    assert_eq!(enter(&first, "").await, Err(Closed::NoSuchRoom));
    // A second meeting has no code with which one leads, and one that is made up is not passed over.
    for _ in 0..5 {
        assert_eq!(enter(&next, "000000").await, Err(Closed::PasscodeWrong));
    }
    assert_eq!(enter(&next, "").await, Err(Closed::TooManyGuesses));
    let meeting = world.meeting("a").await;
    let decisions = world.store.decisions_about(&meeting.id.to_string()).await.unwrap();
    assert_eq!(decisions.iter().filter(|one| one.rule == "enter-room").count(), 4);
}
