//! People do this and that on both sides, in any order; afterwards both sides agree, and the lamp with them.

use tieline_model::{MessageId, MessageState};
use tieline_store::StateOrigin;

use crate::mail::Fault;
use crate::world::{ALICE, ALICES_LAMP, World};

/// A small generator: the same seed is the same story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }
}

/// Covers: AV-09 (mailbox), AV-10, AV-13, X-01
#[tokio::test]
async fn both_sides_agree_after_any_order_of_changes() {
    let seeds = std::env::var("TIELINE_SIMULATIONS").ok().and_then(|many| many.parse::<u64>().ok());
    for seed in 1..=seeds.map_or(4, |many| (many / 1000).max(4)) {
        let world = World::new().await;
        let mut dice = Dice(seed);
        let mut left: Vec<MessageId> = Vec::new();
        for step in 0..40 {
            one_change(&world, &mut dice, &mut left).await;
            world.settle().await;
            if dice.roll(3) == 0 {
                world.sync(&world.alice).await;
            }
            if step % 10 == 9 {
                agree(&world, &left, seed).await;
            }
        }
    }
}

async fn one_change(world: &World, dice: &mut Dice, left: &mut Vec<MessageId>) {
    let items = world.mail.items(ALICE).len();
    let telephone = StateOrigin::Telephone;
    match dice.roll(9) {
        0..=2 => {
            if dice.roll(4) == 0 {
                world.mail.next_create(Fault::Lost(1));
            }
            left.push(world.leave(&world.alice).await.id);
        }
        3 if items > 0 => world.mail.user_reads(ALICE, dice.roll(items), true),
        4 if items > 0 => world.mail.user_reads(ALICE, dice.roll(items), false),
        5 if items > 0 => {
            let nth = dice.roll(items);
            let inbox = world.mail.folder(ALICE, "inbox").unwrap();
            let anywhere = ["Elsewhere", "deleted", "By rule"][dice.roll(3)];
            // Out of Deleted Items back to where messages arrive, as Outlook's "restore" does.
            let deleted = world.mail.items(ALICE)[nth].deleted;
            world.mail.user_moves(ALICE, nth, if deleted { &inbox } else { anywhere });
        }
        6 if items > 2 && dice.roll(2) == 0 => world.mail.user_purges(ALICE, dice.roll(items)),
        7 if !left.is_empty() => {
            let message = left[dice.roll(left.len())];
            // Refused when it was deleted in the mailbox, which is right.
            let _ = world.messaging.set_state(message, MessageState::Read, telephone).await;
        }
        8 if !left.is_empty() => {
            let message = left[dice.roll(left.len())];
            world.messaging.set_state(message, MessageState::Deleted, telephone).await.unwrap();
        }
        _ => {}
    }
}

async fn agree(world: &World, left: &[MessageId], seed: u64) {
    // Two passes: the first may find folders that the second reads.
    for _ in 0..2 {
        world.advance(40).await;
        world.sync(&world.alice).await;
    }
    let items = world.mail.items(ALICE);
    let mut unread = 0;
    for id in left {
        let stored = world.message(*id).await;
        let outside = items.iter().find(|item| item.key == Some(stored.message.delivery_key));
        let expected = match outside {
            None => MessageState::Deleted,
            Some(item) if item.deleted => MessageState::Deleted,
            Some(item) if item.read => MessageState::Read,
            Some(_) => MessageState::Unread,
        };
        assert_eq!(stored.message.state, expected, "seed {seed}, {id}");
        unread += u32::from(expected == MessageState::Unread);
    }
    if !left.is_empty() {
        let (new, _) = *world.lamps.told(ALICES_LAMP).last().unwrap();
        assert_eq!(new, unread, "seed {seed}: the lamp says {new}");
    }
    let before = world.mail.calls("set_read") + world.mail.calls("delete") + world.mail.calls("create");
    for _ in 0..3 {
        world.sync(&world.alice).await;
    }
    let after = world.mail.calls("set_read") + world.mail.calls("delete") + world.mail.calls("create");
    assert_eq!(before, after, "seed {seed}: at rest nothing is written any more");
}
