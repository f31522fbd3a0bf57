//! A mail server: versions, cursors, a change log, effects that come when they come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tieline_sync::{Change, Identity, Operation, Page, RightItem, Stamp, Write, Written};

use crate::sim_record::SimRecord;

#[derive(Clone)]
struct Folder<R> {
    items: BTreeMap<String, RightItem<R>>,
    /// The last change of each item.
    log: BTreeMap<u64, String>,
    place: BTreeMap<String, u64>,
    seq: u64,
}

pub(crate) struct Mail<R: SimRecord> {
    folder: Folder<R>,
    backup: Option<Folder<R>>,
    /// The change number to which a backup set the folder back, until somebody asks for it.
    set_back_to: Option<u64>,
    /// The change number that was told last.
    told: u64,
    /// A restoration whose number is not lower than the one told before: nobody can recognise it before everything is
    /// listed anew.
    unrecognised: bool,
    /// Raised when a backup is restored: versions and ids are never given twice.
    era: u64,
    ids: u64,
    /// Tokens of another incarnation are unknown.
    incarnation: u64,
    /// Writes that arrive later.
    late: Vec<(i64, Write<R>)>,
    /// Items that requests made long after they were sent.
    late_items: BTreeSet<String>,
    pub(crate) doubts: u64,
    pub(crate) late_effects: u64,
    pub(crate) expired: u64,
    pub(crate) writes: u64,
    /// The address leads to somebody else's mailbox.
    pub(crate) mistaken: bool,
}

impl<R: SimRecord> Mail<R> {
    pub(crate) fn new() -> Self {
        let folder = Folder { items: BTreeMap::new(), log: BTreeMap::new(), place: BTreeMap::new(), seq: 1 };
        Self {
            folder,
            backup: None,
            set_back_to: None,
            told: 0,
            unrecognised: false,
            era: 0,
            ids: 0,
            incarnation: 0,
            late: Vec::new(),
            late_items: BTreeSet::new(),
            doubts: 0,
            late_effects: 0,
            expired: 0,
            writes: 0,
            mistaken: false,
        }
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &RightItem<R>> {
        self.folder.items.values()
    }

    pub(crate) fn identity(&mut self) -> Identity {
        // A restoration that is overtaken by as many new changes before anybody asks cannot be seen by anybody.
        let set_back_to = self.set_back_to.take();
        self.unrecognised |= set_back_to.is_some_and(|number| number >= self.told);
        self.told = set_back_to.unwrap_or(self.folder.seq);
        let high_water = Some(self.told);
        let mailbox = if self.mistaken { "somebody" } else { "alice" };
        Identity { mailbox: mailbox.into(), folder: "contacts".into(), high_water }
    }

    fn note(&mut self, id: &str) -> String {
        self.folder.seq += 1;
        let seq = self.folder.seq;
        if let Some(old) = self.folder.place.insert(id.to_owned(), seq) {
            self.folder.log.remove(&old);
        }
        self.folder.log.insert(seq, id.to_owned());
        format!("v{}-{seq}", self.era)
    }

    /// A user makes or a request creates an item.
    pub(crate) fn create(&mut self, record: &R, stamp: Option<Stamp>, now: Timestamp) -> (String, String) {
        self.ids += 1;
        let id = format!("item-{}", self.ids);
        let etag = self.note(&id);
        let record = record.normalised();
        let item = RightItem {
            id: id.clone(),
            etag: etag.clone(),
            edited: Some(now),
            created: Some(now),
            stamp,
            record,
        };
        self.folder.items.insert(id.clone(), item);
        (id, etag)
    }

    pub(crate) fn edit(
        &mut self,
        id: &str,
        record: &R,
        stamp: Option<Stamp>,
        now: Timestamp,
    ) -> Option<String> {
        let etag = self.note(id);
        let item = self.folder.items.get_mut(id)?;
        item.record = record.normalised();
        item.etag.clone_from(&etag);
        // A server's clock ticks between two edits.
        item.edited = Some(now.max(item.edited? + jiff::SignedDuration::from_millis(1)));
        item.stamp = stamp.or(item.stamp);
        Some(etag)
    }

    pub(crate) fn delete(&mut self, id: &str) {
        self.note(id);
        self.folder.items.remove(id);
    }

    pub(crate) fn get(&self, id: &str) -> Option<RightItem<R>> {
        if self.mistaken { None } else { self.folder.items.get(id).cloned() }
    }

    pub(crate) fn located(&self, link: tieline_model::LinkId) -> Vec<RightItem<R>> {
        let mut found: Vec<RightItem<R>> =
            self.items().filter(|item| item.stamp.is_some_and(|stamp| stamp.link == link)).cloned().collect();
        found.sort_by_key(|item| (item.created, item.id.len(), item.id.clone()));
        found
    }

    pub(crate) fn forget_cursors(&mut self) {
        self.incarnation += 1;
        self.expired += 1;
    }

    /// `None`: the cursor is not known. `cut` leaves out items of a full listing, as if that were all.
    pub(crate) fn page(
        &mut self,
        cursor: Option<&str>,
        limit: usize,
        cut: &dyn Fn(&str) -> bool,
    ) -> Option<Page> {
        let (incarnation, full, from) = match cursor {
            None => (self.incarnation, true, 0),
            Some(text) => {
                let parts: Vec<u64> = text.split(' ').map(|part| part.parse().unwrap()).collect();
                (parts[0], parts[1] == 1, parts[2])
            }
        };
        if incarnation != self.incarnation || from > self.folder.seq {
            return None;
        }
        let mut changes = Vec::new();
        let mut last = from;
        let mut entries = self.folder.log.range(from + 1..);
        for (seq, id) in entries.by_ref().take(limit) {
            last = *seq;
            match self.get(id) {
                Some(_) if full && cut(id) => {}
                Some(item) => changes.push(Change::Present { id: id.clone(), etag: item.etag }),
                None if full => {}
                None => changes.push(Change::Gone { id: id.clone() }),
            }
        }
        let complete = entries.next().is_none();
        if full && complete {
            self.unrecognised = false;
        }
        let full = u8::from(full && !complete);
        Some(Page { changes, cursor: format!("{incarnation} {full} {last}"), complete })
    }

    /// Carries a write out, if its condition still holds. `None` when not.
    pub(crate) fn apply(&mut self, write: &Write<R>, now: Timestamp) -> Written<R> {
        self.writes += 1;
        let stamp = Some(Stamp { link: write.link, write: write.write });
        if write.operation == Operation::Create {
            let (id, etag) = self.create(write.record.as_ref().unwrap(), stamp, now);
            return Written::Done { id, etag, stored: None };
        }
        let id = write.id.clone().unwrap();
        let Some(item) = self.get(&id) else { return Written::NotFound };
        if Some(&item.etag) != write.if_etag.as_ref() {
            return Written::Stale;
        }
        if write.operation == Operation::Delete {
            self.delete(&id);
            return Written::Done { id, etag: String::new(), stored: None };
        }
        let mut record = item.record;
        for field in &write.fields {
            record.copy_field(*field, write.record.as_ref().unwrap());
        }
        let etag = self.edit(&id, &record, stamp, now).unwrap();
        Written::Done { id, etag, stored: None }
    }

    pub(crate) fn apply_later(&mut self, write: Write<R>, at: i64) {
        self.late.push((at, write));
    }

    /// What arrives by now.
    pub(crate) fn arrive(&mut self, now: i64) -> Vec<(i64, Write<R>)> {
        let (mut due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = rest;
        self.late_effects += due.len() as u64;
        due.sort_by_key(|(at, _)| *at);
        due
    }

    pub(crate) fn note_late(&mut self, id: &str) {
        self.late_items.insert(id.to_owned());
    }

    pub(crate) fn came_late(&self, id: &str) -> bool {
        self.late_items.contains(id)
    }

    pub(crate) fn nothing_under_way(&self) -> bool {
        self.late.is_empty()
    }

    /// It was restored from its backup, and nobody asked since or could see it.
    pub(crate) const fn is_set_back_unseen(&self) -> bool {
        self.set_back_to.is_some() || self.unrecognised
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.folder.clone());
    }

    /// The folder as it was; what was there and is not any more is returned.
    pub(crate) fn restore(&mut self) -> Option<Vec<RightItem<R>>> {
        let backup = self.backup.take()?;
        self.era += 1;
        self.late.clear();
        self.set_back_to = Some(backup.seq);
        let before = std::mem::replace(&mut self.folder, backup);
        Some(before.items.into_values().collect())
    }
}
