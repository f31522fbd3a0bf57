//! What must hold after every commit, and when everything is at rest.

use std::collections::{BTreeMap, BTreeSet};

use tieline_sync::{Commit, Event, Resume, Touch, limit};

use super::{Crashed, START, World, transient};
use crate::sim_record::SimRecord;

impl<R: SimRecord> World<R> {
    pub(super) fn commit(&mut self, commit: &Commit<R>) -> Result<Event<R>, Crashed> {
        self.point("before it commits")?;
        if self.faulty(0.02) {
            return Ok(Event::Failed(transient(None)));
        }
        let linked = self.store.links().filter(|link| link.base.is_some()).count() as u64;
        let left_deletes =
            commit.units.iter().filter_map(|unit| unit.left.as_ref()).filter(|write| write.put.is_none());
        let deleted: BTreeMap<String, u64> = left_deletes
            .filter_map(|write| Some((write.id.clone(), self.store.items.get(&write.id)?.record.lineage())))
            .collect();
        let was_paused = self.store.state().is_some_and(|state| state.paused.is_some());
        if was_paused && commit.state.paused.is_none() {
            match self.said.take() {
                Some(Resume::Accept { deletes, .. }) => {
                    self.deletes.clear();
                    self.allowed = u64::from(deletes);
                }
                Some(Resume::Rejoin) => self.approved.clear(),
                None => {}
            }
        }
        let (refused, applied) = self.store.commit(commit);
        if let Some(page) = self.listed.take()
            && self.keeps_in_mind()
        {
            self.store.compare_spool(&page);
        }
        for unit in &applied {
            if let Some(write) = unit.left.as_ref().filter(|write| write.put.is_none()) {
                let lineage = deleted[&write.id];
                let kept = unit.undo.as_ref().is_some_and(|undo| undo.record.lineage() == lineage);
                if !kept {
                    self.break_(format!("{lineage} is deleted in Tieline and not kept"));
                }
                if !self.user_deleted.contains(&lineage) {
                    self.break_(format!("{lineage} is deleted in Tieline, and no user deleted it"));
                }
            }
            if unit.touch == Some(Touch::Delete) {
                self.deletes.push(self.now);
                self.judge_brake(linked);
            }
            let effect = unit.left.is_some() || unit.put.as_ref().is_some_and(|link| link.intent.is_some());
            let approved = self.approved.contains(&self.policy.choices.hash());
            if effect && !(approved && self.snapshot_taken) {
                let looking = unit.left.is_none() && unit.undo.is_none() && unit.touch.is_none();
                if !looking {
                    self.break_(
                        "something is written before a plan is approved and a snapshot taken".to_owned(),
                    );
                }
            }
        }
        self.point("after it committed")?;
        if self.faulty(0.01) {
            // It is durable, and nobody was told.
            return Ok(Event::Failed(transient(None)));
        }
        Ok(Event::Committed { refused })
    }

    fn judge_brake(&mut self, linked: u64) {
        let since = self.now - self.policy.brake.window.as_millis() as i64;
        let recent = self.deletes.iter().filter(|at| **at > since).count() as u64;
        let most = limit(linked, &self.policy.brake) + self.allowed;
        if recent > most {
            let at: Vec<i64> = self.deletes.iter().map(|at| at - START).collect();
            self.break_(format!("{recent} deletions in an hour, {most} are believed: {at:?}"));
        }
    }

    pub(super) fn verdict(&mut self) -> Result<(), String> {
        let twins = |lineage: u64| self.rightly_two.contains(&lineage);
        let mut left: BTreeMap<u64, &R> = BTreeMap::new();
        for item in self.store.items.values() {
            let lineage = item.record.lineage();
            if left.insert(lineage, &item.record).is_some() && !twins(lineage) {
                return Err(format!("{lineage} is twice in Tieline"));
            }
        }
        let mut right: BTreeMap<u64, &R> = BTreeMap::new();
        for item in self.mail.items() {
            let lineage = item.record.lineage();
            if right.insert(lineage, &item.record).is_some() && !twins(lineage) {
                return Err(format!("{lineage} is twice in the mail system"));
            }
        }
        for lineage in 1..=self.lineages {
            match (left.get(&lineage), right.get(&lineage)) {
                (None, None) if self.user_deleted.contains(&lineage) => {}
                (Some(_), Some(_)) if twins(lineage) => {}
                (Some(left), Some(right)) => {
                    let differences = left.normalised().differences(*right);
                    if !differences.is_empty() {
                        return Err(format!("{lineage} differs in {differences:?}:\n{left:?}\n{right:?}"));
                    }
                }
                (left, right) => {
                    return Err(format!(
                        "{lineage}: in Tieline {}, in the mail system {}",
                        left.is_some(),
                        right.is_some()
                    ));
                }
            }
        }
        let mut kept: BTreeSet<String> = BTreeSet::new();
        kept.extend(self.store.items.values().flat_map(|item| item.record.words()));
        kept.extend(
            self.store
                .conflicts
                .iter()
                .filter_map(|conflict| conflict.loser.as_ref())
                .flat_map(SimRecord::words),
        );
        kept.extend(self.store.undos.iter().flat_map(|undo| undo.record.words()));
        match self.alive.iter().find(|word| !kept.contains(*word) && !self.dead.contains(*word)) {
            Some(word) => Err(format!("{word} is lost")),
            None => Ok(()),
        }
    }
}
