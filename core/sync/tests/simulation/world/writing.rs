//! Writes to the mail server: answered, refused, lost, late, or twice.

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tieline_delivery::Failure;
use tieline_model::Class;
use tieline_sync::{Event, Operation, RightItem, Side, Write, Written};

use super::{World, certain, note, ts};
use crate::sim_record::SimRecord;

impl<R: SimRecord> World<R> {
    pub(super) fn carry_out(&mut self, write: &Write<R>, at: i64) -> Written<R> {
        let item = write.id.as_ref().and_then(|id| self.mail.get(id));
        let written = self.mail.apply(write, ts(at));
        if write.operation == Operation::Delete
            && let (Written::Done { .. }, Some(item)) = (&written, item)
        {
            let lineage = item.record.lineage();
            let twins = self.mail.items().filter(|other| other.record.lineage() == lineage).count();
            if twins > 0 {
                self.doubles_removed += 1;
            } else if !self.user_deleted.contains(&lineage) {
                self.break_(format!("{lineage} is deleted in the mail system, and no user deleted it"));
            }
        }
        written
    }

    /// Nothing is made while an earlier request for it may have had its effect. Once an item is known to have been
    /// made, another one that comes late is removed as a double, whatever became of the first. What a backup brought
    /// back a moment ago, nobody can know.
    fn judge_create(&mut self, write: &Write<R>) {
        let lineage = write.record.as_ref().map(SimRecord::lineage);
        if write.operation != Operation::Create {
            return;
        }
        let same = |item: &&RightItem<R>| Some(item.record.lineage()) == lineage;
        if self.mail.is_set_back_unseen() {
            if self.mail.items().any(|item| same(&item)) {
                self.rightly_two.extend(lineage);
            }
            return;
        }
        let was_made = self.store.links().any(|link| link.id == write.link && link.birth.is_some());
        if !was_made && self.mail.located(write.link).iter().any(|item| same(&item)) {
            self.break_(format!("{} is made again although it is there", write.link));
        }
    }

    pub(super) fn write(&mut self, writes: Vec<Write<R>>, deadline: Timestamp) -> Event<R> {
        for write in &writes {
            self.judge_create(write);
            if self.keeps_in_mind() {
                write.id.iter().for_each(|id| drop(self.store.spool.remove(id)));
            }
        }
        let deadline_ms = deadline.as_millisecond();
        let settled = deadline_ms + self.policy.times.late_effect_bound.as_millis() as i64;
        let fault = if self.faulty(0.35) { self.rng.random_range(0..7) } else { 7 };
        if fault < 5 {
            note!(self, "server  write fault {fault}");
        }
        let uncertain = Failure { class: Class::Transient, uncertain: true, back_off: None };
        let later = |rng: &mut ChaCha8Rng, from: i64| rng.random_range(from + 1..settled);
        match fault {
            0 => {
                // The answer is lost.
                writes.iter().for_each(|write| drop(self.carry_out(write, self.now)));
                self.now = deadline_ms;
            }
            1 => {
                // The connection breaks, the requests arrive all the same.
                for write in writes {
                    let at = later(&mut self.rng, self.now);
                    self.mail.apply_later(write, at);
                }
            }
            2 => {
                // Twice, once now and once late, and no answer.
                for write in writes {
                    self.carry_out(&write, self.now);
                    let at = later(&mut self.rng, self.now);
                    self.mail.apply_later(write, at);
                }
                self.now = if self.rng.random_bool(0.5) { deadline_ms } else { self.now + 100 };
            }
            3 => self.now = deadline_ms,
            4 => {
                let back_off = Some(SignedDuration::from_millis(self.rng.random_range(1..100_000)));
                return Event::Failed(Failure { back_off, ..certain(Class::Transient) });
            }
            _ => return Event::Written(writes.iter().map(|write| self.write_one(write, settled)).collect()),
        }
        self.mail.doubts += 1;
        Event::Failed(uncertain)
    }

    fn write_one(&mut self, write: &Write<R>, settled: i64) -> Written<R> {
        let lineage = write.record.as_ref().map(SimRecord::lineage);
        if lineage.is_some_and(|lineage| self.is_poison(lineage)) {
            return Written::Failed(certain(Class::Permanent), "it cannot be written".to_owned());
        }
        if self.faulty(0.05) {
            let class = if self.rng.random_bool(0.2) { Class::Operator } else { Class::Transient };
            let back_off = self
                .rng
                .random_bool(0.5)
                .then(|| SignedDuration::from_millis(self.rng.random_range(1..60_000)));
            return Written::Failed(Failure { back_off, ..certain(class) }, "busy".to_owned());
        }
        if self.faulty(0.05) {
            let at = self.rng.random_range(self.now + 1..settled);
            self.mail.apply_later(write.clone(), at);
            self.mail.doubts += 1;
            return Written::Failed(
                Failure { class: Class::Transient, uncertain: true, back_off: None },
                "500".to_owned(),
            );
        }
        let written = self.carry_out(write, self.now);
        if self.faulty(0.04) && write.operation == Operation::Create {
            // A proxy sends it again.
            let at = self.rng.random_range(self.now + 1..settled);
            self.mail.apply_later(write.clone(), at);
        }
        let Written::Done { id, etag, .. } = written else { return written };
        // A user may be quicker than the read that follows.
        if self.odds(0.05) && self.now < self.active_until {
            self.user_edits(Side::Right);
        }
        let stored = self.mail.get(&id).filter(|item| item.etag == etag).map(|item| Box::new(item.record));
        let stored = if self.odds(0.1) { None } else { stored };
        Written::Done { id, etag, stored }
    }
}
