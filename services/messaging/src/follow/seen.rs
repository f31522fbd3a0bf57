//! What a sight of an item means. Pure, so that it can be tested by itself.

use tieline_delivery::Item;
use tieline_model::MessageState;

/// The one of several items with the same mark that stands for the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// This one.
    At(&'a Item),
    /// There is none.
    Nowhere,
}

/// The item that was known, unless it is deleted; else the oldest that is not deleted: users copy and move; else one
/// among the deleted.
pub(super) fn choose<'a>(items: &'a [Item], known: &str) -> Seen<'a> {
    let alive = || items.iter().filter(|item| !item.deleted);
    alive()
        .find(|item| item.item == known)
        .or_else(|| alive().next())
        .or_else(|| items.first())
        .map_or(Seen::Nowhere, Seen::At)
}

/// The state that follows from an item, compared with how it was `(read, deleted)` before; `None` when nothing does.
/// What did not change outside changes nothing here, whatever is under way in the other direction.
pub(super) fn implied(
    before: Option<(bool, bool)>,
    item: &Item,
    state: MessageState,
) -> Option<MessageState> {
    let by_flag = if item.read { MessageState::Read } else { MessageState::Unread };
    let after = match before {
        Some((_, true)) if item.deleted => None,
        _ if item.deleted => Some(MessageState::Deleted),
        // Taken out of Deleted Items again.
        Some((_, true)) => Some(by_flag),
        Some((read, false)) if read != item.read && state != MessageState::Deleted => Some(by_flag),
        None if item.read && state == MessageState::Unread => Some(MessageState::Read),
        _ => None,
    };
    after.filter(|after| *after != state)
}

/// Whether so many vanished without a trace that nobody can have meant it: more than `least` and more than a tenth of
/// those that lived; after a cursor expired (a restored, moved or wrong mailbox?) also more than half of however few.
pub(super) const fn trips_brake(nowhere: usize, live: usize, least: usize, expired: bool) -> bool {
    let most = if least > live / 10 { least } else { live / 10 };
    nowhere > most || (expired && nowhere * 2 > live)
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageState::{Deleted, Read, Unread};

    fn item(id: &str, read: bool, deleted: bool) -> Item {
        Item { item: id.to_owned(), folder: "f".to_owned(), read, deleted }
    }

    #[test]
    fn the_known_item_stands_for_the_message_while_it_is_not_deleted() {
        let items = [item("a", false, true), item("b", false, false), item("c", false, false)];
        assert_eq!(choose(&items, "c"), Seen::At(&items[2]));
        assert_eq!(choose(&items, "a"), Seen::At(&items[1]), "a copy stays when the first is deleted");
        assert_eq!(choose(&items[..1], "x"), Seen::At(&items[0]));
        assert_eq!(choose(&[], "x"), Seen::Nowhere);
    }

    /// Covers: X-01 (state)
    #[test]
    fn only_what_changed_outside_changes_the_message() {
        let cases = [
            (Some((false, false)), (true, false), Unread, Some(Read)),
            (Some((true, false)), (false, false), Read, Some(Unread)),
            (Some((false, false)), (false, false), Read, None),
            (Some((false, false)), (true, false), Read, None),
            (Some((false, false)), (true, false), Deleted, None),
            (Some((false, false)), (false, true), Unread, Some(Deleted)),
            (Some((false, true)), (false, true), Unread, None),
            (Some((false, true)), (false, false), Deleted, Some(Unread)),
            (Some((false, true)), (true, false), Deleted, Some(Read)),
            (None, (true, false), Unread, Some(Read)),
            (None, (false, false), Unread, None),
        ];
        for (before, (read, deleted), state, expected) in cases {
            let after = implied(before, &item("a", read, deleted), state);
            assert_eq!(after, expected, "{before:?} {read} {deleted} {state:?}");
        }
    }

    #[test]
    fn the_brake_lets_a_person_clean_up_and_stops_a_catastrophe() {
        assert!(!trips_brake(20, 20, 20, false));
        assert!(trips_brake(21, 100, 20, false));
        assert!(!trips_brake(100, 1000, 20, false));
        assert!(trips_brake(101, 1000, 20, false));
        assert!(!trips_brake(1, 2, 20, true));
        assert!(trips_brake(2, 3, 20, true));
        assert!(!trips_brake(0, 0, 20, true));
    }
}
