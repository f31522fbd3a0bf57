//! Tieline's side: items, links and state with atomic commits. Links and state are kept as the text that a crash leaves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tieline_model::LinkId;
use tieline_sync::{
    Backlog, Change, Commit, Conflict, LeftItem, Link, Linked, Page, Query, RightItem, Seen, State, Undo,
    Unit,
};

use crate::sim_record::SimRecord;

pub(crate) struct Store<R: SimRecord> {
    pub(crate) items: BTreeMap<String, LeftItem<R>>,
    /// The last change of each item.
    feed: BTreeMap<u64, String>,
    place: BTreeMap<String, u64>,
    seq: u64,
    links: BTreeMap<LinkId, Link<R>>,
    state: Option<State>,
    pub(crate) conflicts: Vec<Conflict<R>>,
    pub(crate) undos: Vec<Undo<R>>,
    /// Units that were left out.
    pub(crate) refused: u64,
    pub(crate) put_aside: u64,
    /// Writes of the engine to items.
    pub(crate) writes: u64,
    /// What was read of the mail system's items and may be given again.
    pub(crate) spool: BTreeMap<String, RightItem<R>>,
}

impl<R: SimRecord> Store<R> {
    pub(crate) fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            feed: BTreeMap::new(),
            place: BTreeMap::new(),
            seq: 0,
            links: BTreeMap::new(),
            state: None,
            conflicts: Vec::new(),
            undos: Vec::new(),
            refused: 0,
            put_aside: 0,
            writes: 0,
            spool: BTreeMap::new(),
        }
    }

    /// A user's write, or the engine's.
    pub(crate) fn put(&mut self, id: &str, item: Option<LeftItem<R>>) {
        self.seq += 1;
        if let Some(old) = self.place.insert(id.to_owned(), self.seq) {
            self.feed.remove(&old);
        }
        self.feed.insert(self.seq, id.to_owned());
        match item {
            Some(item) => drop(self.items.insert(id.to_owned(), item)),
            None => drop(self.items.remove(id)),
        }
    }

    /// What a page showed was committed: what was read of other versions does not hold any more.
    pub(crate) fn compare_spool(&mut self, page: &Page) {
        for change in &page.changes {
            match change {
                Change::Present { id, etag } => {
                    self.spool.retain(|known, item| known != id || item.etag == *etag);
                }
                Change::Gone { id } => drop(self.spool.remove(id)),
            }
        }
    }

    pub(crate) const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = &Link<R>> + Clone {
        self.links.values()
    }

    /// A crash leaves what was written, as text.
    pub(crate) fn crash(&mut self) {
        for link in self.links.values_mut() {
            *link = serde_json::from_str(&serde_json::to_string(link).unwrap()).unwrap();
        }
        if let Some(state) = &mut self.state {
            *state = serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap();
        }
    }

    pub(crate) fn page(&self, cursor: Option<&str>, limit: usize) -> Page {
        let from: u64 = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let mut entries = self.feed.range(from + 1..);
        let mut changes = Vec::new();
        let mut last = from;
        for (seq, id) in entries.by_ref().take(limit) {
            last = *seq;
            changes.push(match self.items.get(id) {
                Some(item) => Change::Present { id: id.clone(), etag: item.etag.clone() },
                None => Change::Gone { id: id.clone() },
            });
        }
        Page { changes, cursor: last.to_string(), complete: entries.next().is_none() }
    }

    pub(crate) fn query(&self, query: &Query) -> (Vec<Linked<R>>, Backlog) {
        let mut backlog = Backlog::default();
        let links: Vec<&Link<R>> = match query {
            Query::ByLeft(ids) => {
                let wanted = |link: &&Link<R>| link.left.as_ref().is_some_and(|left| ids.contains(&left.id));
                self.links().filter(wanted).collect()
            }
            Query::ByRight(ids) => {
                let wanted =
                    |link: &&Link<R>| link.right.as_ref().is_some_and(|right| ids.contains(&right.id));
                self.links().filter(wanted).collect()
            }
            Query::Kin { ids, keys } => return (self.kin(ids, keys), backlog),
            Query::Unseen { generation, after, limit } => {
                let unseen = |link: &&Link<R>| {
                    link.right.is_some() && link.generation < *generation && Some(link.id) > *after
                };
                self.links().filter(unseen).take(*limit).collect()
            }
            Query::Due { now, after, limit } => {
                backlog = backlog_of(self.links());
                let due = |link: &&Link<R>| {
                    link.due().is_some_and(|due| due <= *now) && Some((link.rank(), link.id)) > *after
                };
                let mut due: Vec<&Link<R>> = self.links().filter(due).collect();
                due.sort_by_key(|link| (link.rank(), link.id));
                due.truncate(*limit);
                due
            }
        };
        let with_item = |link: &Link<R>| {
            let item = link.left.as_ref().and_then(|left| self.items.get(&left.id)).cloned();
            (link.clone(), item)
        };
        (links.into_iter().map(with_item).collect(), backlog)
    }

    fn kin(&self, ids: &[LinkId], keys: &[String]) -> Vec<Linked<R>> {
        let of = |id: &str| {
            self.links().find(|link| link.left.as_ref().is_some_and(|left| left.id == id)).cloned()
        };
        let mut kin: BTreeMap<LinkId, Linked<R>> = BTreeMap::new();
        for link in ids.iter().filter_map(|id| self.links.get(id)) {
            let item = link.left.as_ref().and_then(|left| self.items.get(&left.id)).cloned();
            kin.insert(link.id, (link.clone(), item));
        }
        let known = |item: &&LeftItem<R>| {
            !keys.is_empty() && item.record.match_keys().iter().any(|key| keys.contains(&key.text()))
        };
        for item in self.items.values().filter(known) {
            let fresh = LinkId::from_uuid(uuid::Uuid::from_u128(u128::from(self.place[&item.id])));
            let state = self.state.clone().unwrap_or_default();
            let link = of(&item.id).unwrap_or_else(|| Link::of_left(fresh, item, &state));
            kin.insert(link.id, (link, Some(item.clone())));
        }
        kin.into_values().collect()
    }

    /// Applies what can be applied and tells the units that could not.
    pub(crate) fn commit(&mut self, commit: &Commit<R>) -> (Vec<LinkId>, Vec<Unit<R>>) {
        self.state = Some(commit.state.clone());
        let (mut refused, mut applied) = (Vec::new(), Vec::new());
        for unit in &commit.units {
            if let Some(write) = &unit.left {
                let there = self.items.get(&write.id).map(|item| item.etag.clone());
                if there != write.if_etag {
                    refused.push(unit.link);
                    self.refused += 1;
                    continue;
                }
                self.writes += 1;
                let item = write.put.as_ref().map(|(record, etag)| LeftItem {
                    id: write.id.clone(),
                    etag: etag.clone(),
                    edited: None,
                    record: record.clone(),
                });
                self.put(&write.id, item);
            }
            match &unit.put {
                Some(link) => {
                    self.put_aside +=
                        u64::from(link.trouble.as_ref().is_some_and(|trouble| trouble.quarantined));
                    self.links.insert(link.id, link.clone());
                }
                None => drop(self.links.remove(&unit.link)),
            }
            if let Some(absorbed) = unit.absorbed {
                self.links.remove(&absorbed);
            }
            self.conflicts.extend(unit.conflict.clone());
            self.undos.extend(unit.undo.clone());
            applied.push(unit.clone());
        }
        (refused, applied)
    }
}

fn backlog_of<'a, R: SimRecord>(links: impl Iterator<Item = &'a Link<R>>) -> Backlog {
    let gone = |seen: Seen| matches!(seen, Seen::Gone | Seen::Missing);
    let mut backlog = Backlog::default();
    for link in links {
        backlog.next = [backlog.next, link.due()].into_iter().flatten().min();
        if link.base.is_none() {
            continue;
        }
        backlog.linked += 1;
        if gone(link.seen_left) != gone(link.seen_right) && link.intent.is_none() {
            backlog.gone += 1;
            backlog.missing += u64::from(link.seen_right == Seen::Missing);
        }
    }
    backlog.next = backlog.next.map(|due| due.max(Timestamp::UNIX_EPOCH));
    backlog
}
