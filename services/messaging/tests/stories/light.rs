//! The light, told once for each change, to everybody, and never against better knowledge.

use tieline_model::{LightState, MessageCounts, MessageState, Refusal, TraceId};
use tieline_store::{HealthState, StateOrigin};

use crate::world::{ALICE, ALICES_LAMP, World};

/// Covers: AV-13 (unknown), AV-09 (API)
#[tokio::test]
async fn a_light_that_cannot_be_known_is_unknown_and_never_off() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    world.mail.unreachable(
        ALICE,
        Some(Refusal::operator("no-right", "the right to impersonate is gone", "grant it")),
    );
    world.sync(&world.alice).await;
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Refused);
    assert_eq!(world.messaging.light(world.alice.id).await.unwrap().word(), "on", "not at once");

    world.advance(31 * 60).await;
    assert_eq!(world.messaging.light(world.alice.id).await.unwrap(), LightState::Unknown);
    let view = world.messaging.light_view(&world.alice).await.unwrap();
    assert_eq!(view.reason.unwrap().code, "no-right");
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0)], "the lamp is left as it is");
    assert_eq!(world.lamps.subscribers().last(), Some(&LightState::Unknown));

    // She heard it meanwhile.
    world.mail.user_reads(ALICE, 0, true);
    world.mail.unreachable(ALICE, None);
    world.advance(16 * 60).await;
    assert_eq!(world.state(left.id).await, MessageState::Read);
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (0, 1)]);
    let off = LightState::Off(MessageCounts { new: 0, old: 1 });
    assert_eq!(world.lamps.subscribers().last(), Some(&off));
}

#[tokio::test]
async fn without_unread_messages_over_there_the_light_is_known() {
    let world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.messaging.set_state(left.id, MessageState::Read, StateOrigin::Telephone).await.unwrap();
    world.settle().await;
    world.sync(&world.alice).await;
    world.mail.unreachable(ALICE, Some(Refusal::operator("down", "the server says no", "mend it")));
    world.sync(&world.alice).await;
    world.advance(40 * 60).await;
    assert_eq!(world.messaging.light(world.alice.id).await.unwrap().word(), "off");
}

#[tokio::test]
async fn a_deaf_lamp_holds_up_no_other_and_learns_the_newest_state() {
    let mut world = World::new().await;
    let other = "publish:sip:1001@presence.example";
    world.change(|alice| alice.light_targets.push(other.to_owned())).await;
    world.settle().await;
    world.lamps.deaf(ALICES_LAMP, true);
    let left = world.leave(&world.alice).await;
    assert_eq!(world.lamps.told(other), [(0, 0), (1, 0)]);
    world.messaging.set_state(left.id, MessageState::Read, StateOrigin::Telephone).await.unwrap();
    world.settle().await;
    assert_eq!(world.lamps.told(other), [(0, 0), (1, 0), (0, 1)]);
    assert_eq!(world.lamps.told(ALICES_LAMP), [(0, 0)]);
    world.lamps.deaf(ALICES_LAMP, false);
    world.advance(400).await;
    assert_eq!(world.lamps.told(ALICES_LAMP), [(0, 0), (0, 1)], "not what was true meanwhile");
}

/// Covers: AV-13 (resync)
#[tokio::test]
async fn a_resync_tells_everybody_again() {
    let world = World::new().await;
    world.leave(&world.alice).await;
    let trace = TraceId::from_uuid(tieline_model::Ids::uuid(world.clock.as_ref()));
    world.messaging.resync(world.alice.id, trace).await.unwrap();
    world.settle().await;
    assert_eq!(world.lamps.told(ALICES_LAMP), [(1, 0), (1, 0)]);
    assert!(world.rules(trace).await.contains(&"light-from-unread".to_owned()));
}

#[tokio::test]
async fn a_burst_ends_with_the_exact_count() {
    let world = World::new().await;
    let deposits = (0..30).map(|_| world.messaging.deposit(crate::world::voice(&world.alice)));
    for deposited in futures_util::future::join_all(deposits).await {
        deposited.unwrap();
    }
    world.settle().await;
    let told = world.lamps.told(ALICES_LAMP);
    assert_eq!(told.last(), Some(&(30, 0)));
    assert!(told.is_sorted(), "never back: {told:?}");
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "never the same twice: {told:?}");
}
