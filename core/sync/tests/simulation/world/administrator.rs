//! The administrator, when the engine asks.

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
                note!(self, "admin   answers {answer:?}");
                self.said = Some(answer);
                Event::Resume(answer)
            }
        }
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
