//! What comes of invitations: answers, moves, cancellations, series, and those that never reached the conference mailbox.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tieline_conferencing::State;
use tieline_model::{
    Clock as _, ConferenceMail, Ends, MailKind, MeetingKey, MeetingState, Pattern, Recurrence, SmtpAddress,
    When, Zone, ZoneRules,
};

use crate::world::{World, invitation, when};

/// Covers: PO-15
/// Covers: PO-16 (answered)
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_given_to_the_first_and_the_second_gets_reasons_and_alternatives() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (accepted, text) = world.answer(&first).await;
    assert!(accepted && text.contains("sip:7042@vmr.example"), "{text}");
    let stranger = ConferenceMail {
        organizer: "eve@elsewhere.example".parse().ok(),
        sender: None,
        ..invitation("b", "@vmr 7042", "2026-12-01T10:30", "2026-12-01T13:30")
    };
    let (accepted, text) = world.answer(&world.send(stranger)).await;
    assert!(!accepted);
    for part in ["Room 7042 is taken by another meeting", "eve@elsewhere.example", "lasts 180 minutes"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let second = world.send(invitation("c", "@vmr 7042", "2026-12-01T10:30", "2026-12-01T11:30"));
    let (accepted, text) = world.answer(&second).await;
    assert!(!accepted && text.contains("Each of these would be accepted"), "{text}");
    // The same once more, as after a copy or a restored mailbox: it is not answered again.
    world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let last = world.send(invitation("d", "@vmr", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&last).await.0);
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 4);
    assert_eq!(world.conferencing.status().state, State::Ok);
}

/// Covers: PO-27 (life)
/// Covers: PO-08 (life)
#[tokio::test(flavor = "multi_thread")]
async fn updates_move_the_room_occurrences_move_alone_and_a_cancellation_frees_it() {
    let world = World::new().await;
    let mut series = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    series.recurrence = Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::After(5)));
    assert!(world.answer(&world.send(series.clone())).await.0);
    let one = ConferenceMail {
        occurrence: "2026-12-03T09:00:00Z".parse().ok(),
        sequence: 1,
        ..invitation("a", "@vmr 7042", "2026-12-03T15:00", "2026-12-03T16:00")
    };
    assert!(world.answer(&world.send(one)).await.0);
    let held = world.store.reservations(world.clock.now()).await.unwrap();
    let starts: Vec<String> = held.iter().map(|held| held.span.start.to_string()).collect();
    let expected = ["01T09", "02T09", "03T14", "04T09", "05T09"].map(|at| format!("2026-12-{at}:00:00Z"));
    assert_eq!(starts, expected);
    // Where the occurrence was is room for others, and where it is now is not.
    let there = world.send(invitation("b", "@vmr 7042", "2026-12-03T10:00", "2026-12-03T11:00"));
    assert!(world.answer(&there).await.0);
    let here = world.send(invitation("c", "@vmr 7042", "2026-12-03T15:30", "2026-12-03T16:30"));
    assert!(!world.answer(&here).await.0);
    let moved = ConferenceMail {
        sequence: 2,
        start: when("2026-12-01T12:00"),
        end: when("2026-12-01T13:00"),
        ..series
    };
    assert!(world.answer(&world.send(moved.clone())).await.0);
    let gone = ConferenceMail { kind: MailKind::Cancellation, sequence: 0, ..moved };
    world.send(gone);
    let after = world.send(invitation("d", "@vmr 7042", "2026-12-01T12:00", "2026-12-01T13:00"));
    assert!(world.answer(&after).await.0, "the cancellation was read before, and the room was free");
    let meeting = world.meeting("a").await;
    assert_eq!(meeting.state, MeetingState::Cancelled);
    let decisions = world.store.decisions_about(&meeting.id.to_string()).await.unwrap();
    assert!(decisions.iter().any(|decision| decision.rule == "answer-invitation"), "{decisions:?}");
}

/// Covers: PO-15 (crash)
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_between_decision_and_answer_answers_once() {
    let mut world = World::new().await;
    for round in 0..5 {
        world.mail.with(|inbox| inbox.hang = true);
        let uid = format!("m{round}");
        let at = |hour: u8| format!("2026-12-0{}T{hour}:00", round + 1);
        let item = world.send(invitation(&uid, "@vmr 7042", &at(10), &at(11)));
        assert!(world.answer(&item).await.0);
        world.die_and_start_again().await;
        let id = world.meeting(&uid).await.id;
        for _ in 0..3000 {
            if world.store.answers(id).await.unwrap().iter().all(|answer| answer.sent.is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answers = world.store.answers(id).await.unwrap();
        assert!(answers.len() == 1 && answers[0].sent.is_some(), "{answers:?}");
    }
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 5);
}

/// A series without end in a zone that only its rules explain: reserved as far as the horizon, in that zone's time, and
/// further as the days go by. Where another meeting has the room by then, only that one time is left out.
///
/// Covers: PO-16 (horizon)
/// Covers: PO-08 (custom zones)
#[tokio::test(flavor = "multi_thread")]
async fn a_series_without_end_is_followed_as_the_horizon_moves() {
    let world = World::new().await;
    // Four hours and a half ahead of UTC, all year.
    let rules = ZoneRules { standard: 16_200, daylight: None };
    let zone = Zone { id: "Observatory".to_owned(), rules: Some(rules) };
    let mut asked = invitation("endless", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    for when in [&mut asked.start, &mut asked.end].into_iter().flatten() {
        when.zone = zone.clone();
    }
    asked.recurrence = Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::Never));
    let (accepted, text) = world.answer(&world.send(asked)).await;
    assert!(accepted, "{text}");
    let number = "7042".parse().unwrap();
    let times = async || world.store.room_times(&number, world.clock.now(), 10_000).await.unwrap();
    let before = times().await;
    assert_eq!(before[0].span.start.to_string(), "2026-12-01T05:30:00Z", "never read as UTC");
    let end = before.last().unwrap().span.start;

    // A meeting far behind the horizon takes the room; ten days later the horizon has passed it.
    let far = end.saturating_add(SignedDuration::from_hours(5 * 24)).unwrap();
    let at = |time: Timestamp| {
        Some(When { local: Zone::utc().resolve().unwrap().to_datetime(time), zone: Zone::utc() })
    };
    let mut other = invitation("far", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    other.start = at(far);
    other.end = at(far.saturating_add(SignedDuration::from_mins(30)).unwrap());
    let (accepted, text) = world.answer(&world.send(other)).await;
    assert!(accepted, "{text}");
    world.clock.advance(SignedDuration::from_hours(10 * 24));
    let poke = invitation("poke", "@vmr 7043", "2026-12-20T10:00", "2026-12-20T11:00");
    world.answer(&world.send(poke)).await;
    let after = times().await;
    let of = |uid: &str| after.iter().filter(|one| one.key.uid == uid).count();
    assert_eq!(of("far"), 1);
    let reached = after.last().unwrap().span.start;
    let moved = reached.duration_since(end).as_hours() / 24;
    assert!((9..=10).contains(&moved), "the horizon moved by {moved} days");
    assert!(after.iter().all(|one| one.key.uid != "endless" || one.span.start != far));
    let decisions =
        world.store.decisions_about(&world.meeting("endless").await.id.to_string()).await.unwrap();
    let extended: Vec<_> = decisions.iter().filter(|one| one.rule == "extend-series").collect();
    assert!(
        extended.iter().any(|one| one.outcome.contains("is another meeting's at 1 times")),
        "{extended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_are_tried_on_what_was_asked() {
    let world = World::new().await;
    let from = world.clock.now();
    for (uid, end) in [("short", "11:00"), ("long", "13:00")] {
        let mail = invitation(uid, "@vmr", "2026-12-01T10:00", &format!("2026-12-01T{end}"));
        world.answer(&world.send(mail)).await;
    }
    let replay = world
        .conferencing
        .replay("default-conference-duration-minutes = 240\nnumbers = [\"7040-7049\"]", from);
    let replay = replay.await.unwrap();
    assert_eq!((replay.invitations, replay.newly_accepted, replay.newly_declined), (2, 1, 0));
    assert_eq!(replay.differences[0].key.uid, "long");
    assert_eq!(world.conferencing.replay("nonsense = 1", from).await.unwrap_err().code, "policy-invalid");
}

/// Covers: PO-14
#[tokio::test(flavor = "multi_thread")]
async fn whoever_forgets_the_conference_mailbox_is_told_once() {
    let world = World::new().await;
    let room: SmtpAddress = "room-berlin@lab.example".parse().unwrap();
    let seen = |uid: &str, location: &str| ConferenceMail {
        attendees: vec![room.clone()],
        ..invitation(uid, location, "2026-12-01T10:00", "2026-12-01T11:00")
    };
    let answered = world.send(invitation("known", "@vmr 7041", "2026-12-01T10:00", "2026-12-01T11:00"));
    world.answer(&answered).await;
    let past = ConferenceMail {
        start: when("2026-11-01T10:00"),
        end: when("2026-11-01T11:00"),
        ..seen("past", "@vmr 7042")
    };
    let met =
        [seen("forgotten", "@vmr 7042"), seen("known", "@vmr 7041"), seen("plain", "Berlin 3.14"), past];
    world.mail.with(|inbox| inbox.invited.extend(met));
    world.clock.advance(SignedDuration::from_secs(1));
    let told = world.until("nobody is told", |inbox| {
        // Jobs become due by this clock.
        world.clock.advance(SignedDuration::from_millis(100));
        inbox.sent.first().cloned()
    });
    let told = told.await;
    assert!(told.starts_with("alice@lab.example No room is booked for: Plans"), "{told}");
    assert!(told.contains("add conference@lab.example to the attendees"), "{told}");
    // It is changed there, and seen again.
    world.mail.with(|inbox| inbox.invited.push(seen("forgotten", "@vmr 7043")));
    for _ in 0..3000 {
        let key = MeetingKey { uid: "forgotten".to_owned(), occurrence: None };
        if world.store.meeting_by_key(&key).await.unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.meeting("forgotten").await.state, MeetingState::Forgotten);
    // Now it is invited: a room, and no second letter.
    let late = world.send(invitation("forgotten", "@vmr 7043", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&late).await.0);
    assert_eq!(world.meeting("forgotten").await.state, MeetingState::Accepted);
    assert_eq!(world.mail.with(|inbox| inbox.sent.len()), 1);
}
