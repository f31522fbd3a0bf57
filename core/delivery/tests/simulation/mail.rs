//! A mail server: items with keys, effects that come when they come, users.

use std::collections::BTreeMap;

use tieline_delivery::Item;

/// A create that was sent.
pub(crate) struct Sent {
    pub(crate) at: i64,
    pub(crate) settled: i64,
    /// The sender knows for certain that it had no effect.
    pub(crate) refused: bool,
}

#[derive(Default)]
pub(crate) struct Mail {
    /// By creation: the oldest first.
    items: BTreeMap<u64, (usize, Item)>,
    created: u64,
    ids: u64,
    pub(crate) sent: BTreeMap<usize, Vec<Sent>>,
    /// Creates whose sender got no certain answer.
    pub(crate) uncertain: u64,
    /// Doubles that were removed.
    pub(crate) removed: u64,
}

impl Mail {
    fn fresh_id(&mut self) -> String {
        self.ids += 1;
        format!("item-{}", self.ids)
    }

    pub(crate) fn apply_create(&mut self, message: usize) -> Item {
        let item = Item { item: self.fresh_id(), folder: "inbox".to_owned(), read: false, deleted: false };
        self.created += 1;
        self.items.insert(self.created, (message, item.clone()));
        item
    }

    pub(crate) fn locate(&self, message: usize) -> Vec<Item> {
        self.items.values().filter(|(of, _)| *of == message).map(|(_, item)| item.clone()).collect()
    }

    /// An item that moved has another id and is not found under its old one.
    pub(crate) fn remove(&mut self, id: &str) {
        let before = self.items.len();
        self.items.retain(|_, (_, item)| item.item != id);
        self.removed += (before - self.items.len()) as u64;
    }

    /// A user does something with some item: reads, moves, deletes.
    pub(crate) fn user(&mut self, choice: u64) -> Option<String> {
        let nth = usize::try_from(choice >> 8).ok()? % self.items.len().max(1);
        let fresh = self.fresh_id();
        let (_, item) = self.items.values_mut().nth(nth)?;
        match choice % 3 {
            0 => item.read = true,
            1 => (item.folder, item.item) = ("elsewhere".to_owned(), fresh),
            _ => (item.folder, item.item, item.deleted) = ("deleted".to_owned(), fresh, true),
        }
        Some(format!("{item:?}"))
    }
}
