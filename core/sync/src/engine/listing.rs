//! Reading what changed on both sides, page by page, and noting it on the links. Nothing is decided here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tieline_model::{Ids, LinkId, MatchKey, Record};

use super::{After, Before, Engine, Stage};
use crate::command::{Change, Command, Linked, Page, Query, Unit};
use crate::link::{LeftRef, Link, RightRef, Seen};
use crate::side::Side;
use crate::state::Pause;

impl<R: Record> Engine<R> {
    pub(super) fn list(&mut self, side: Side, now: Timestamp) -> Command<R> {
        if side == Side::Right && self.is_to_be_listed_anew(now) {
            self.state.right_cursor = None;
        }
        let cursor = match side {
            Side::Left => self.state.left_cursor.clone(),
            Side::Right => self.state.right_cursor.clone(),
        };
        if side == Side::Right && cursor.is_none() {
            // Durable together with the first page.
            self.state.generation += 1;
            self.state.listing = true;
            self.state.sweeping = false;
        }
        self.stage = Stage::Listing(side);
        Command::List { side, cursor, limit: self.within_share(self.policy.limits.page) }
    }

    /// Changes alone do not show everything: an item that came back with a restored backup lies behind the cursor, and
    /// nothing gives it away once other changes have overtaken the folder's change number.
    fn is_to_be_listed_anew(&self, now: Timestamp) -> bool {
        let every = self.policy.limits.list_every;
        let lately = self.state.listed.is_some_and(|at| now >= at && now.duration_since(at) < every);
        !lately && !self.state.listing && !self.state.sweeping
    }

    /// The server does not know our cursor: everything is listed again. Until that is complete, nothing is missing.
    pub(super) fn list_anew(&mut self, now: Timestamp) -> Command<R> {
        self.state.right_cursor = None;
        self.state.listing = false;
        self.commit(Vec::new(), After::List(Side::Right), now)
    }

    /// A page came. Changes of the mail system's count only when the folder said who it is. A page that shows none
    /// needs no asking, now and then excepted, and is forgotten with its cursor: the one before is as good, and known
    /// to be this folder's.
    pub(super) fn listed(&mut self, side: Side, page: Page, now: Timestamp, ids: &dyn Ids) -> Command<R> {
        if side == Side::Left {
            return self.match_page(side, page, now, ids);
        }
        let every = self.policy.limits.identify_every;
        let lately = self.state.identified.is_some_and(|at| now >= at && now.duration_since(at) < every);
        if self.state.listing || !lately || !page.changes.is_empty() || !page.complete {
            return self.identify(Before::Page(page));
        }
        let after = if self.state.sweeping { After::Sweep(None) } else { After::Work(None) };
        self.commit(Vec::new(), after, now)
    }

    pub(super) fn match_page(&mut self, side: Side, page: Page, now: Timestamp, ids: &dyn Ids) -> Command<R> {
        if page.changes.is_empty() {
            return match side {
                Side::Left => self.left_page(page, Vec::new(), now, ids),
                Side::Right => self.right_page(page, Vec::new(), now, ids),
            };
        }
        let ids = page.changes.iter().map(|change| change.id().to_owned()).collect();
        let query = match side {
            Side::Left => Query::ByLeft(ids),
            Side::Right => Query::ByRight(ids),
        };
        self.links(query, Stage::Matching(side, page))
    }

    pub(super) fn left_page(
        &mut self,
        page: Page,
        links: Vec<Linked<R>>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        let mut known: BTreeMap<String, Linked<R>> = BTreeMap::new();
        for (link, item) in links {
            if let Some(id) =
                link.left.as_ref().map(|left| left.id.clone()).or(item.as_ref().map(|item| item.id.clone()))
            {
                known.insert(id, (link, item));
            }
        }
        let mut touched: BTreeMap<LinkId, Link<R>> = BTreeMap::new();
        for change in &page.changes {
            let id = change.id();
            let (link, seen) = match (known.get_mut(id), change) {
                (Some((link, _)), Change::Present { etag, .. }) => {
                    let news = link.left.as_ref().is_none_or(|left| left.etag != *etag)
                        || link.seen_left != Seen::Same;
                    (link, news.then_some(Seen::Changed))
                }
                (Some((link, _)), Change::Gone { .. }) => (link, Some(Seen::Gone)),
                (None, Change::Present { etag, .. }) => {
                    let mut link =
                        Link::new(LinkId::from_uuid(ids.uuid()), self.state.generation, self.state.epoch);
                    link.left = Some(LeftRef { id: id.to_owned(), etag: etag.clone() });
                    (&mut known.entry(id.to_owned()).or_insert((link, None)).0, Some(Seen::Changed))
                }
                (None, Change::Gone { .. }) => continue,
            };
            if let Some(seen) = seen {
                link.observe_left(seen);
                touched.insert(link.id, link.clone());
            }
        }
        self.state.left_cursor = Some(page.cursor);
        let next = if page.complete { Side::Right } else { Side::Left };
        self.commit(touched.into_values().map(Unit::put).collect(), After::List(next), now)
    }

    pub(super) fn right_page(
        &mut self,
        page: Page,
        links: Vec<Linked<R>>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Command<R> {
        let mut known: BTreeMap<String, Link<R>> = BTreeMap::new();
        for (link, _) in links {
            let Some(id) = link.right.as_ref().map(|right| right.id.clone()) else { continue };
            if link.base.is_some() || !known.contains_key(&id) {
                known.insert(id, link);
            }
        }
        let mut touched: BTreeMap<LinkId, Link<R>> = BTreeMap::new();
        let mut evidence = None;
        for change in &page.changes {
            let id = change.id();
            let link = match (known.get_mut(id), change) {
                (Some(link), Change::Present { etag, .. }) => {
                    evidence = evidence.or_else(|| set_back(link, etag, self.state.epoch));
                    self.observe_present(link, etag);
                    link
                }
                (Some(link), Change::Gone { .. }) => {
                    link.observe_right(Seen::Gone);
                    link
                }
                (None, Change::Present { etag, .. }) => {
                    let mut link =
                        Link::new(LinkId::from_uuid(ids.uuid()), self.state.generation, self.state.epoch);
                    link.right = Some(RightRef { id: id.to_owned(), etag: etag.clone(), before: None });
                    link.observe_right(Seen::Changed);
                    known.entry(id.to_owned()).or_insert(link)
                }
                (None, Change::Gone { .. }) => continue,
            };
            touched.insert(link.id, link.clone());
        }
        if let Some(evidence) = evidence {
            return self.pause(Pause::SetBack { evidence }, Vec::new(), now);
        }
        self.state.right_cursor = Some(page.cursor);
        let units = touched.into_values().map(Unit::put).collect();
        if !page.complete {
            return self.commit(units, After::List(Side::Right), now);
        }
        if self.state.listing {
            self.state.listing = false;
            self.state.sweeping = true;
            self.state.listed = Some(now);
        }
        let after = if self.state.sweeping { After::Sweep(None) } else { After::Work(None) };
        self.commit(units, after, now)
    }

    fn observe_present(&self, link: &mut Link<R>, etag: &str) {
        link.generation = self.state.generation;
        if link.epoch < self.state.epoch {
            self.rejoin(link);
        } else if link.right.as_ref().is_none_or(|right| right.etag != etag) || link.seen_right != Seen::Same
        {
            link.observe_right(Seen::Changed);
        }
    }

    /// What both agreed on is forgotten: they are compared as if both were new.
    fn rejoin(&self, link: &mut Link<R>) {
        link.epoch = self.state.epoch;
        link.base = None;
        link.intent = None;
        link.observe_right(Seen::Changed);
        link.observe_left(Seen::Changed);
    }

    pub(super) fn next_sweep(&mut self, after: Option<LinkId>) -> Command<R> {
        let (generation, limit) = (self.state.generation, self.within_share(self.policy.limits.page));
        self.links(Query::Unseen { generation, after, limit }, Stage::Sweeping { limit })
    }

    /// A complete listing did not show these. That alone means nothing: each is asked for before anything is done.
    pub(super) fn sweep(&mut self, links: Vec<Linked<R>>, limit: usize, now: Timestamp) -> Command<R> {
        let last = links.last().map(|(link, _)| link.id).filter(|_| links.len() >= limit);
        let mut units = Vec::new();
        for (mut link, _) in links {
            if link.epoch < self.state.epoch {
                self.rejoin(&mut link);
                link.observe_right(Seen::Missing);
                units.push(Unit::put(link));
            } else if link.seen_right != Seen::Gone {
                link.observe_right(Seen::Missing);
                units.push(Unit::put(link));
            }
        }
        self.state.sweeping = last.is_some();
        let after = if last.is_some() { After::Sweep(last) } else { After::Work(None) };
        self.commit(units, after, now)
    }
}

/// By what an item may be recognised.
pub(super) fn keys<R: Record>(record: &R) -> Vec<String> {
    record.match_keys().iter().map(MatchKey::text).collect()
}

/// A version that was overtaken long ago is shown again.
fn set_back<R: Record>(link: &Link<R>, etag: &str, epoch: u32) -> Option<String> {
    let right = link.right.as_ref()?;
    let back = right.before.as_deref() == Some(etag) && link.base.is_some() && link.epoch == epoch;
    back.then(|| format!("an item has its version before last again, {}", link.id))
}
