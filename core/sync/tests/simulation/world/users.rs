//! Users on both sides, and what an administrator does unasked.

use std::collections::BTreeMap;

use rand::Rng;
use tieline_sync::{LeftItem, RightItem, Side};

use super::{World, choices, note, ts};
use crate::sim_record::SimRecord;

impl<R: SimRecord> World<R> {
    pub(super) fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}", self.words)
    }

    fn remember(&mut self, before: &[String], after: &[String]) {
        self.dead.extend(before.iter().filter(|word| !after.contains(word)).cloned());
        self.alive.extend(after.iter().filter(|word| !before.contains(word)).cloned());
    }

    fn left_put(&mut self, id: &str, record: Option<R>) {
        let etag = format!("u{}", self.rng.random::<u32>());
        let edited = Some(ts(self.now));
        self.store.put(id, record.map(|record| LeftItem { id: id.to_owned(), etag, edited, record }));
    }

    pub(super) fn user_makes(&mut self, where_: u32) {
        self.lineages += 1;
        let mut record = R::make(self.lineages);
        if where_ == 2 {
            self.made_twice.insert(self.lineages);
        }
        for side in [0, 1] {
            if where_ == side || where_ == 2 {
                let (which, word) = (self.rng.random(), self.word());
                let before = record.words();
                record.edit(which, &word);
                if side == 0 {
                    let id = format!("left-{}", self.lineages);
                    self.remember(&[], &record.words());
                    self.left_put(&id, Some(record.clone()));
                } else {
                    self.remember(&before, &record.normalised().words());
                    self.mail.create(&record, None, ts(self.now));
                }
                if where_ == 2 {
                    // Made twice, by hand: only who it is, is the same.
                    record = R::make(self.lineages);
                }
            }
        }
        note!(self, "user    makes {} ({where_})", self.lineages);
    }

    fn some_left(&mut self) -> Option<LeftItem<R>> {
        let nth = self.rng.random_range(0..self.store.items.len().max(1));
        self.store.items.values().nth(nth).cloned()
    }

    fn some_right(&mut self) -> Option<RightItem<R>> {
        let nth = self.rng.random_range(0..self.mail.items().count().max(1));
        let item = self.mail.items().nth(nth).cloned()?;
        let twins = self.mail.items().filter(|other| other.record.lineage() == item.record.lineage()).count();
        (twins == 1).then_some(item)
    }

    pub(super) fn user_edits(&mut self, side: Side) {
        let (which, word) = (self.rng.random(), self.word());
        match side {
            Side::Left => {
                let Some(item) = self.some_left() else { return };
                let mut record = item.record.clone();
                record.edit(which, &word);
                self.remember(&item.record.words(), &record.words());
                self.left_put(&item.id, Some(record));
                note!(self, "user    writes {word} into {} in Tieline", item.record.lineage());
            }
            Side::Right => {
                let Some(item) = self.some_right() else { return };
                let mut record = item.record.clone();
                record.edit(which, &word);
                self.remember(&item.record.words(), &record.normalised().words());
                if self.mail.came_late(&item.id) {
                    self.rightly_two.insert(item.record.lineage());
                }
                self.mail.edit(&item.id, &record, None, ts(self.now));
                note!(self, "user    writes {word} into {} in the mail system", item.record.lineage());
            }
        }
    }

    fn user_deletes(&mut self, side: Side) {
        let record = match side {
            Side::Left => self.some_left().map(|item| {
                self.left_put(&item.id, None);
                item.record
            }),
            Side::Right => self.some_right().map(|item| {
                self.mail.delete(&item.id);
                item.record
            }),
        };
        let Some(record) = record else { return };
        self.dead.extend(record.words());
        self.user_deleted.insert(record.lineage());
        note!(self, "user    deletes {} {side:?}", record.lineage());
    }

    /// A copy carries our mark, and is another item all the same.
    fn user_copies(&mut self) {
        let Some(item) = self.some_right() else { return };
        self.lineages += 1;
        let record = item.record.with_lineage(self.lineages);
        self.mail.create(&record, item.stamp, ts(self.now));
        note!(self, "user    copies {} as {}", item.record.lineage(), self.lineages);
    }

    pub(super) fn users(&mut self) {
        let chance = if self.script.is_some() { 0.25 } else { 0.12 };
        if self.now >= self.active_until || !self.rng.random_bool(chance) {
            return;
        }
        match self.rng.random_range(0..100) {
            0..18 => {
                let where_ = self.rng.random_range(0..3);
                self.user_makes(where_);
            }
            18..48 => self.user_edits(Side::Left),
            48..78 => self.user_edits(Side::Right),
            78..85 => self.user_deletes(Side::Left),
            85..92 => self.user_deletes(Side::Right),
            92..95 => self.user_copies(),
            95 if self.script.is_none() => {
                let side = if self.rng.random_bool(0.5) { Side::Left } else { Side::Right };
                (0..8).for_each(|_| self.user_deletes(side));
            }
            96 if self.backups => self.mail.back_up(),
            97 if self.backups => self.restore_backup(),
            98 if self.script.is_none() => {
                self.policy.choices = choices(&mut self.rng);
                note!(self, "admin   chooses {:?}", self.policy.choices);
                self.restart();
            }
            _ => {}
        }
    }

    /// What the server forgets, nobody can keep.
    fn restore_backup(&mut self) {
        let Some(before) = self.mail.restore() else { return };
        note!(self, "server  is restored from its backup");
        let now: BTreeMap<u64, Vec<String>> =
            self.mail.items().map(|item| (item.record.lineage(), item.record.words())).collect();
        for item in before {
            let kept = now.get(&item.record.lineage());
            self.dead.extend(
                item.record.words().into_iter().filter(|word| kept.is_none_or(|kept| !kept.contains(word))),
            );
            if kept.is_none() {
                self.user_deleted.insert(item.record.lineage());
            }
        }
    }
}
