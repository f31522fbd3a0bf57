//! Who is let into a room, and when.

use jiff::{SignedDuration, Timestamp};
use tieline_conferencing::{Closed, Visitor};
use tieline_model::{Ids as _, Passcode, Passcodes, Room, RoomId, RoomKind};

use crate::world::{World, invitation};

fn visitor(number: &str, codes: &[&str]) -> Visitor {
    let codes = codes.iter().map(|code| Passcode::new(code)).collect();
    Visitor { number: number.to_owned(), codes, name: "bob".to_owned(), from: "10.0.0.7".to_owned() }
}

/// Covers: PO-09 (let in)
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_open_around_its_meeting_and_to_who_has_the_code() {
    let world = World::new().await;
    let mut asked = invitation("door", "", "2026-11-23T10:00", "2026-11-23T11:00");
    asked.body = "[tieline-conference number=7042 passcode=123456 chairperson=987654]".to_owned();
    let item = world.send(asked);
    let (accepted, text) = world.answer(&item).await;
    assert!(accepted, "{text}");
    let enter = async |number: &str, codes: &[&str]| world.conferencing.enter(&visitor(number, codes)).await;
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };

    // 09:00 in Berlin: an hour too early, and nobody without the code learns when it begins.
    assert_eq!(enter("7042", &[]).await, Err(Closed::PasscodeMissing));
    let early = Closed::TooEarly { opens: at("2026-11-23T08:45:00Z"), begins: at("2026-11-23T09:00:00Z") };
    assert_eq!(enter("7042", &["123456"]).await, Err(early.clone()));
    assert_eq!(enter("7041", &[]).await, Err(Closed::NoSuchRoom));
    assert_eq!(enter("none", &[]).await, Err(Closed::NoSuchRoom));

    world.clock.advance(SignedDuration::from_mins(44));
    assert_eq!(enter("7042", &["123456"]).await, Err(early));
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(enter("7042", &["111111"]).await, Err(Closed::PasscodeWrong));
    let entrance = enter("7042", &["123456"]).await.unwrap();
    assert_eq!(entrance.sip.as_deref(), Some("sip:7042@10.0.0.9"));
    assert_eq!(entrance.web.as_deref(), Some("bob takes part until Some(2026-11-23T10:30:00Z)"));
    assert!(enter("7042", &["987654"]).await.unwrap().web.unwrap().contains("leads"));
    let meeting = world.meeting("door").await;
    let decisions = world.store.decisions_about(&meeting.id.to_string()).await.unwrap();
    assert_eq!(decisions.iter().filter(|decision| decision.rule == "enter-room").count(), 2);

    // Half an hour after its end it is closed, however often meetings are tended to in between.
    world.clock.advance(SignedDuration::from_mins(104));
    let day = SignedDuration::from_hours(24);
    assert_eq!(world.conferencing.clean_up(day, false).await.unwrap().released, 0);
    enter("7042", &["123456"]).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(1));
    let over = Closed::Over { ended: at("2026-11-23T10:00:00Z") };
    assert_eq!(enter("7042", &[]).await, Err(over));
}

/// Covers: PO-18 (entered)
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_room_is_always_open_and_guessing_is_stopped() {
    let world = World::new().await;
    let passcodes = Passcodes { conference: Some(Passcode::new("4711")), chairperson: None };
    for (number, passcodes) in [("7100", passcodes), ("7049", Passcodes::default())] {
        let room = Room {
            id: RoomId::from_uuid(world.clock.uuid()),
            kind: RoomKind::Custom,
            number: number.parse().unwrap(),
            name: "Board".to_owned(),
            owner: None,
            passcodes,
        };
        world.conferencing.put_room(room).await.unwrap();
    }
    let enter = async |number: &str, codes: &[&str]| world.conferencing.enter(&visitor(number, codes)).await;
    enter("7100", &["4711"]).await.unwrap();
    assert!(
        matches!(enter("7049", &[]).await, Err(Closed::Bridge(refusal)) if refusal.code == "bridge-busy")
    );
    for _ in 0..5 {
        assert_eq!(enter("7100", &["0000"]).await, Err(Closed::PasscodeWrong));
    }
    assert_eq!(enter("7100", &["4711"]).await, Err(Closed::TooManyGuesses));
    world.clock.advance(SignedDuration::from_mins(10));
    enter("7100", &["4711"]).await.unwrap();
}
