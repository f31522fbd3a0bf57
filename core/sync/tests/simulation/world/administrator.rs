//! The administrator, when the engine asks.

use std::collections::BTreeSet;

use rand::Rng;
use tieline_sync::{Event, Pause, Rest, Resume};

use super::{World, note};
use crate::sim_record::SimRecord;

impl<R: SimRecord> World<R> {
    pub(super) fn rest(&mut self, rest: Rest, over: bool) -> Event<R> {
        match rest {
            Rest::Done { until } => {
                self.now += self.rng.random_range(0..30_000);
                if over && let Some(until) = until {
                    self.now = self.now.max(until.as_millisecond());
                }
                Event::Wake
            }
            Rest::Until(until) => {
                self.now = self.now.max(until.as_millisecond());
                Event::Wake
            }
            Rest::AwaitApproval(plan) | Rest::WorldChanged(plan) => {
                note!(
                    self,
                    "admin   approves {:?}",
                    plan.actions.iter().map(|(a, p)| (*a, p.count)).collect::<Vec<_>>()
                );
                self.now += self.rng.random_range(0..5000);
                self.approved.insert(self.policy.choices.hash());
                Event::Approve(plan.approval())
            }
            Rest::Paused(pause) => {
                note!(self, "admin   is asked: {}", pause.what());
                self.now += self.rng.random_range(0..100_000);
                let answer = self.resume(&pause);
                if answer == Resume::Rejoin {
                    self.note_what_comes_back_twice();
                    self.note_what_nothing_ties();
                }
                note!(self, "admin   answers {answer:?}");
                self.said = Some(answer);
                Event::Resume(answer)
            }
        }
    }

    /// Joining anew deletes nothing, and brings back what only the mail system has: also what a user had deleted in Tieline,
    /// and twice if the mail system has it twice, by a late request or since it was deleted while it was being made.
    /// Of what Tieline still has, and without joining anew, the second must go all the same (`DoublesKept`).
    fn note_what_comes_back_twice(&mut self) {
        let here: BTreeSet<u64> = self.store.items.values().map(|item| item.record.lineage()).collect();
        let mut seen = BTreeSet::new();
        for lineage in self.mail.items().map(|item| item.record.lineage()) {
            let twice = !seen.insert(lineage);
            if twice && !here.contains(&lineage) && self.user_deleted.contains(&lineage) {
                self.rightly_two.insert(lineage);
            }
        }
    }

    /// An item that a backup brought back under an id that no link knows any more is as good as made on both sides.
    fn note_what_nothing_ties(&mut self) {
        let ids = self.store.links().filter_map(|link| Some(link.right.as_ref()?.id.as_str()));
        let known: BTreeSet<&str> = ids.collect();
        let here: BTreeSet<u64> = self.store.items.values().map(|item| item.record.lineage()).collect();
        let untied = self.mail.items().filter(|item| !known.contains(item.id.as_str()));
        let lineages = untied.map(|item| item.record.lineage()).filter(|lineage| here.contains(lineage));
        self.made_twice.extend(lineages);
    }

    fn resume(&mut self, pause: &Pause) -> Resume {
        let (name, answer) = match pause {
            Pause::Brake { .. } => ("brake", Resume::Accept { edits: 40, deletes: 40 }),
            Pause::ShortListing { .. } => ("short-listing", Resume::Accept { edits: 0, deletes: 40 }),
            Pause::AnotherMailbox { .. } => {
                self.mail.mistaken = false;
                let accept = Resume::Accept { edits: 0, deletes: 0 };
                ("another-mailbox", if self.rng.random_bool(0.5) { Resume::Rejoin } else { accept })
            }
            Pause::SetBack { .. } => ("set-back", Resume::Rejoin),
            Pause::FolderGone => ("folder-gone", Resume::Rejoin),
        };
        self.pauses.push(name);
        answer
    }
}
