//! The driver: carries out one command, and what goes wrong while it does.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rand::Rng;
use tieline_model::Class;
use tieline_sync::{Command, Event, Fetched, RightItem, Side, Wanted};

use super::{Crashed, World, certain, note, shown, transient, ts};
use crate::mutant::Mutant;
use crate::sim_record::SimRecord;

impl<R: SimRecord> World<R> {
    pub(super) fn carry(&mut self, command: Command<R>, over: bool) -> Result<Event<R>, Crashed> {
        if !matches!(command, Command::Rest(_)) {
            note!(self, "engine  {}", shown(&command));
        }
        let remote = matches!(
            command,
            Command::Identify
                | Command::List { side: Side::Right, .. }
                | Command::Fetch { .. }
                | Command::Locate { .. }
                | Command::Write { .. }
        );
        if remote {
            self.point("before it asks")?;
            let waiting = self.store.state().and_then(|state| state.wait_until);
            if waiting.is_some_and(|until| ts(self.now) < until) && !matches!(command, Command::Write { .. })
            {
                self.break_(format!("a request before {waiting:?}"));
            }
        }
        if matches!(command, Command::Load) {
            self.mistake();
        }
        let event = match command {
            Command::Load => Event::Loaded(self.store.state().cloned().map(Box::new)),
            Command::Identify => self.identify(),
            Command::List { side: Side::Left, cursor, limit } => {
                Event::Page(self.store.page(cursor.as_deref(), limit))
            }
            Command::List { side: Side::Right, cursor, limit } => self.list(cursor.as_deref(), limit),
            Command::Links(query) => {
                let (links, backlog) = self.store.query(&query);
                Event::Links(links, backlog)
            }
            Command::Fetch { items } => self.fetch(&items),
            Command::Locate { links } if self.faulty(0.04) => {
                drop(links);
                Event::Failed(transient(None))
            }
            Command::Locate { links } => {
                Event::Located(links.iter().map(|link| self.mail.located(*link)).collect())
            }
            Command::Snapshot if self.faulty(0.1) => Event::Failed(transient(None)),
            Command::Snapshot => {
                self.snapshot_taken = true;
                Event::SnapshotTaken(ts(self.now))
            }
            Command::Commit(commit) => self.commit(&commit)?,
            Command::Write { writes, deadline } => self.write(writes, deadline),
            Command::Rest(rest) => self.rest(rest, over),
        };
        if remote {
            self.point("after it asked")?;
        }
        Ok(event)
    }

    /// From now on the address leads to somebody else's mailbox.
    fn mistake(&mut self) {
        // While a person answers, the address leads where the person looks.
        let known =
            self.store.state().is_some_and(|state| state.identity.is_some() && state.paused.is_none());
        if self.mistakes && known && self.faulty(0.02) {
            note!(self, "server  takes us for somebody else");
            self.mail.mistaken = true;
        }
    }

    fn identify(&mut self) -> Event<R> {
        if self.faulty(0.02) {
            Event::Failed(transient(None))
        } else {
            Event::Identified(self.mail.identity())
        }
    }

    fn list(&mut self, cursor: Option<&str>, limit: usize) -> Event<R> {
        if self.faulty(0.04) {
            let back_off = self
                .rng
                .random_bool(0.5)
                .then(|| SignedDuration::from_millis(self.rng.random_range(1..60_000)));
            return Event::Failed(transient(back_off));
        }
        if self.faulty(0.02) {
            self.mail.forget_cursors();
        }
        let cut = match self.faulty(if self.short { 0.9 } else { 0.1 }) {
            true if self.rng.random_bool(0.5) => 1,
            true => 2,
            false => 0,
        };
        let salt = self.rng.random::<u32>() as usize;
        // What is made on both sides and shown by no listing cannot be recognised as the same.
        let twice = |item: &&RightItem<R>| self.made_twice.contains(&item.record.lineage());
        let shown: BTreeSet<String> = self.mail.items().filter(twice).map(|item| item.id.clone()).collect();
        let half = |id: &str| (salt + id.bytes().map(usize::from).sum::<usize>()).is_multiple_of(2);
        let leave_out = |id: &str| !shown.contains(id) && (cut == 1 || (cut == 2 && half(id)));
        let Some(page) = self.mail.page(cursor, limit, &leave_out) else { return Event::CursorExpired };
        if cursor.is_none() && self.keeps_in_mind() {
            self.store.spool.clear();
        }
        self.listed = Some(page.clone());
        Event::Page(page)
    }

    /// Whether the driver forgets what it read when that does not hold any more.
    pub(super) fn keeps_in_mind(&self) -> bool {
        self.mutant != Some(Mutant::ReadOnce)
    }

    pub(super) fn is_poison(&self, lineage: u64) -> bool {
        self.poison > 0
            && self.now < self.faulty_until
            && lineage.is_multiple_of(self.poison)
            && !self.made_twice.contains(&lineage)
    }

    fn fetch(&mut self, items: &[Wanted]) -> Event<R> {
        if self.faulty(0.04) {
            return Event::Failed(transient(None));
        }
        let one = |wanted: &Wanted| {
            if let Some(known) = self.store.spool.get(&wanted.id)
                && (!wanted.afresh || !self.keeps_in_mind())
            {
                return Fetched::Found(Box::new(known.clone()));
            }
            match self.mail.get(&wanted.id) {
                None => Fetched::NotFound,
                Some(item) if self.is_poison(item.record.lineage()) => {
                    Fetched::Unreadable(certain(Class::Permanent), "broken".into())
                }
                Some(item) => Fetched::Found(Box::new(item)),
            }
        };
        let found: Vec<Fetched<R>> = items.iter().map(one).collect();
        for one in &found {
            if let Fetched::Found(item) = one {
                self.store.spool.insert(item.id.clone(), (**item).clone());
            }
        }
        Event::Fetched(found)
    }
}
