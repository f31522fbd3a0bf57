//! Rooms that are always there, rooms of meetings and their life, and calendars of both.

use jiff::{SignedDuration, Timestamp};
use tieline_conferencing::CleanedUp;
use tieline_model::{Clock as _, Ids as _, MeetingState, Passcodes, Room, RoomId, RoomKind};

use crate::world::{World, invitation};

/// Covers: PO-18 (made later)
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_room_cannot_be_made_of_a_reserved_number_and_keeps_its_own() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&first).await.0);
    let room = |number: &str| Room {
        id: RoomId::from_uuid(world.clock.uuid()),
        kind: RoomKind::Custom,
        number: number.parse().unwrap(),
        name: "Board".to_owned(),
        owner: None,
        passcodes: Passcodes::default(),
    };
    assert_eq!(world.conferencing.put_room(room("7042")).await.unwrap_err().code, "number-reserved");
    world.conferencing.put_room(room("7045")).await.unwrap();
    assert_eq!(world.conferencing.rooms().await.unwrap().len(), 1);
    let second = world.send(invitation("b", "@vmr 7045", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (accepted, text) = world.answer(&second).await;
    assert!(!accepted && text.contains("a permanent room"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_released_kept_and_cleaned_up() {
    let world = World::new().await;
    for (uid, room, day) in
        [("a", "7041", "01"), ("b", "7042", "01"), ("c", "7043", "01"), ("d", "7042", "05")]
    {
        let mail = invitation(
            uid,
            &format!("@vmr {room}"),
            &format!("2026-12-{day}T10:00"),
            &format!("2026-12-{day}T11:00"),
        );
        assert!(world.answer(&world.send(mail)).await.0);
    }
    let id = async |uid: &str| world.meeting(uid).await.id;
    let released = world.conferencing.release(id("a").await, "admin").await.unwrap();
    assert_eq!((released.state, released.number), (MeetingState::Released, None));
    assert_eq!(world.conferencing.release(id("a").await, "admin").await.unwrap_err().code, "no-room-held");
    let again = world.send(invitation("e", "@vmr 7041", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&again).await.0, "its room is free");
    // Kept past its end: not where another meeting comes.
    let until: Timestamp = "2026-12-10T00:00:00Z".parse().unwrap();
    assert_eq!(world.conferencing.keep(id("b").await, until, "admin").await.unwrap_err().code, "room-taken");
    world.conferencing.keep(id("c").await, until, "admin").await.unwrap();
    let other = world.send(invitation("f", "@vmr 7043", "2026-12-08T10:00", "2026-12-08T11:00"));
    assert!(!world.answer(&other).await.0, "it is kept for somebody");
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    let day = SignedDuration::from_hours(24);
    let would = world.conferencing.clean_up(day, true).await.unwrap();
    assert_eq!(
        would,
        CleanedUp { released: 2, removed: 2 },
        "b and e are over; a and f have no room and are old"
    );
    assert_eq!(world.meeting("b").await.state, MeetingState::Accepted, "it only counted");
    assert_eq!(world.conferencing.clean_up(day, false).await.unwrap(), would);
    assert_eq!(world.meeting("b").await.state, MeetingState::Released);
    assert_eq!(world.meeting("c").await.state, MeetingState::Accepted, "kept");
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    let last = world.conferencing.clean_up(day, false).await.unwrap();
    assert_eq!(last, CleanedUp { released: 2, removed: 2 }, "c and d are over, b and e forgotten");
}

/// Covers: PO-11 (feed)
#[tokio::test(flavor = "multi_thread")]
async fn feeds_have_a_rooms_or_a_persons_meetings() {
    let world = World::new().await;
    let mut first = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    first.attendees.push("bob@lab.example".parse().unwrap());
    first.private = true;
    world.answer(&world.send(first)).await;
    let second = invitation("b", "@vmr 7043", "2026-12-02T10:00", "2026-12-02T11:00");
    world.answer(&world.send(second)).await;
    let feed = |room: Option<&str>, person: Option<&str>| tieline_store::MeetingFeed {
        id: world.clock.uuid(),
        room: room.map(|room| room.parse().unwrap()),
        person: person.map(|person| person.parse().unwrap()),
        name: "Panel".to_owned(),
        private: false,
        created: world.clock.now(),
        by: "admin".to_owned(),
    };
    let events = async |feed| {
        let events = world.conferencing.feed_events(&feed).await.unwrap();
        events
            .into_iter()
            .map(|event| (event.uid.unwrap(), event.location, event.sensitivity))
            .collect::<Vec<_>>()
    };
    let a = ("a".to_owned(), "sip:7042@vmr.example".to_owned(), tieline_model::Sensitivity::Private);
    assert_eq!(events(feed(Some("7042"), None)).await, std::slice::from_ref(&a));
    assert_eq!(events(feed(None, Some("bob@lab.example"))).await, [a]);
    assert_eq!(events(feed(None, Some("alice@lab.example"))).await.len(), 2);
    let both = world.conferencing.add_feed(feed(Some("7042"), Some("bob@lab.example"))).await;
    assert_eq!(both.unwrap_err().code, "bad-request");
}
