//! The mail system's notifications become `sync` jobs. A hint may be late, doubled, wrong or lost: besides, every
//! mailbox is read once at the start and then at an interval, spread evenly, so that nothing depends on hints.
//!
//! One node watches at a time, under a lease of its own. Who joins is watched beside those that are watched already;
//! only when somebody left or is reached in another way does watching begin anew, and when too many joined one by one,
//! so that they come to share connections.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use tieline_model::{MailboxId, RecordKind};
use tieline_ports::{HintStream, MailTarget};
use tieline_store::{Batch, EventFeed, Lease, StoreError, Write};
use tokio::time::Instant;

use crate::Messaging;
use crate::reach::Tied;
use crate::sync::KINDS;

/// The stream whose lease makes a node the one that watches.
const STREAM: &str = "messaging/watch";
/// For how long the lease is taken.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Jobs queued in one batch.
const AT_ONCE: usize = 500;
/// Folders are counted for the first time this long after the start.
const FIRST_COUNT: Duration = Duration::from_secs(60);

/// Mailboxes that are read without a hint, and counted, in a second. What nobody touched costs next to nothing, however
/// many there are; a lost hint is made good by the stream's next connection, or by the turn at the latest.
const READ_A_SECOND: u32 = 4;
const COUNTED_A_SECOND: u32 = 1;
/// Groups of mailboxes that joined later, before all are watched anew.
const LATECOMERS: usize = 16;
/// Looking whom to watch may take this share of the time, one part in so many: a thousand mailboxes added one by one
/// are not a thousand readings of all.
const LOOKING_SHARE: u32 = 10;

/// A watched mailbox, and when it is its turn whatever the hints say.
struct Watched {
    target: MailTarget,
    messages: bool,
    records: Vec<RecordKind>,
    sync: Instant,
    count: Instant,
}

impl Watched {
    /// Other kinds are synchronized now.
    fn differs(&self, tied: &Tied) -> bool {
        (tied.messages, &tied.records) != (self.messages, &self.records)
    }
}

/// Why a round of watching ended.
enum Ended {
    /// Somebody left, is reached in another way, or too many joined: watching begins anew.
    Changed,
    /// Another node watches now, or the store failed.
    Lost,
}

/// How those that are tied to a mail system differ from those that are watched.
enum Difference {
    None,
    /// These joined.
    Joined(Vec<Tied>),
    /// More than that.
    Otherwise,
}

/// The hints of everybody, and when it was last looked whom to watch.
struct Watching {
    hints: futures_util::stream::ReadyChunks<SelectAll<HintStream>>,
    /// Whom to watch may have changed; it is looked at then.
    look: Option<Instant>,
    /// Not before this.
    rested: Instant,
}

impl Watching {
    fn new(hints: HintStream) -> Self {
        let hints = SelectAll::from_iter([hints]).ready_chunks(AT_ONCE);
        Self { hints, look: None, rested: Instant::now() }
    }

    fn may_have_changed(&mut self) {
        self.look.get_or_insert(self.rested);
    }
}

impl Messaging {
    /// Watches for ever.
    pub(crate) async fn watch(&self) {
        let owner = self.ids.uuid();
        loop {
            match self.store.hold(STREAM, owner, self.now(), LEASE).await {
                Ok(Some(lease)) => self.watch_under(lease).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "nobody watches the mailboxes yet"),
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    async fn watch_under(&self, lease: Lease) {
        let Ok(last) = self.store.last_event().await else { return };
        let mut config = self.store.listen(last, vec!["config".to_owned()]);
        let mut watched = BTreeMap::new();
        let mut first = true;
        loop {
            match self.whom_to_watch(watched, first).await {
                Ok(now) => watched = now,
                Err(error) => {
                    tracing::error!(%error, "whom to watch could not be read");
                    return;
                }
            }
            first = false;
            if matches!(self.one_round(&lease, &mut config, &mut watched).await, Ended::Lost) {
                // The store is asked again by another round under a new lease.
                let _ = self.store.release(&lease).await;
                return;
            }
        }
    }

    /// Who is tied to a mail system by now. Those that newly are get a first pass, and what they missed.
    async fn whom_to_watch(
        &self,
        before: BTreeMap<MailboxId, Watched>,
        first: bool,
    ) -> Result<BTreeMap<MailboxId, Watched>, StoreError> {
        let mut before = before;
        let mut now = BTreeMap::new();
        let mut fresh = Vec::new();
        let mut first_passes = Vec::new();
        for tied in self.all_targets().await? {
            let Some(known) = before.remove(&tied.mailbox.id) else {
                first_passes.push(tied.clone());
                fresh.push(tied);
                continue;
            };
            if known.differs(&tied) {
                first_passes.push(tied.clone());
            }
            let Tied { mailbox, target, messages, records } = tied;
            now.insert(mailbox.id, Watched { target, messages, records, ..known });
        }
        self.begin(&mut now, fresh);
        if first {
            self.queue_sync(first_passes.iter().map(|tied| tied.mailbox.id)).await?;
        } else {
            self.first_passes(&first_passes).await?;
        }
        tracing::info!(mailboxes = now.len(), new = first_passes.len(), "watching");
        Ok(now)
    }

    /// Spreads the turns of new mailboxes evenly over the intervals.
    fn begin(&self, watched: &mut BTreeMap<MailboxId, Watched>, fresh: Vec<Tied>) {
        let many = u32::try_from(fresh.len()).unwrap_or(u32::MAX).max(1);
        let begin = Instant::now();
        let interval = paced(self.policy.sync_interval, watched.len() + fresh.len(), READ_A_SECOND);
        let counting = paced(self.policy.count_interval.min(FIRST_COUNT), fresh.len(), COUNTED_A_SECOND);
        for (nth, tied) in (0_u32..).zip(fresh) {
            let share = |whole: Duration| begin + whole / many * nth;
            let sync = share(interval) + self.policy.sync_interval;
            let count = share(counting) + FIRST_COUNT;
            let Tied { mailbox, target, messages, records } = tied;
            watched.insert(mailbox.id, Watched { target, messages, records, sync, count });
        }
    }

    async fn first_passes(&self, fresh: &[Tied]) -> Result<(), StoreError> {
        for Tied { mailbox, messages, .. } in fresh {
            // A full synchronization begins with contacts, then the calendar, then messages.
            let mut writes = self.records_jobs(mailbox, &KINDS).await?;
            if *messages {
                writes.extend(self.backfill(mailbox).await?);
                writes.extend(self.first_health(mailbox).await?);
                writes.push(self.sync_job(mailbox.id, self.new_trace()));
            }
            self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        }
        Ok(())
    }

    /// Watches the same mailboxes until that changes.
    async fn one_round(
        &self,
        lease: &Lease,
        config: &mut EventFeed,
        watched: &mut BTreeMap<MailboxId, Watched>,
    ) -> Ended {
        let targets: Vec<MailTarget> = watched.values().map(|watched| watched.target.clone()).collect();
        let mut watching = Watching::new(self.mail.watch(targets));
        let mut ended = false;
        let tick = (self.policy.sync_interval / 60).clamp(Duration::from_millis(100), Duration::from_secs(5));
        let mut ticks = tokio::time::interval(tick);
        let mut renewals = tokio::time::interval(Duration::from_secs(10));
        loop {
            let look = watching.look;
            let queued = tokio::select! {
                hinted = watching.hints.next(), if !ended => match hinted {
                    Some(hinted) => {
                        let hinted: Vec<MailboxId> = hinted.into_iter().map(|hint| hint.mailbox).collect();
                        self.put_off(watched, &hinted);
                        self.queue_sync(hinted).await
                    }
                    None => {
                        ended = true;
                        tracing::warn!("the mail system tells nothing any more; mailboxes are read at the interval");
                        Ok(())
                    }
                },
                _ = ticks.tick() => self.queue_due(watched).await,
                () = self.0.watching.notified() => {
                    watching.may_have_changed();
                    Ok(())
                }
                event = config.next() => match event {
                    Ok(_) => {
                        watching.may_have_changed();
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
                () = tokio::time::sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {
                    match self.look(&mut watching, watched).await {
                        Ok(false) => Ok(()),
                        Ok(true) => return Ended::Changed,
                        Err(error) => Err(error),
                    }
                }
                _ = renewals.tick() => match self.store.renew(lease, self.now(), LEASE).await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = queued {
                tracing::warn!(%error, "watching is interrupted");
                return Ended::Lost;
            }
        }
    }

    /// Looks whom to watch, and watches those that joined. Whether all are to be watched anew.
    async fn look(
        &self,
        watching: &mut Watching,
        watched: &mut BTreeMap<MailboxId, Watched>,
    ) -> Result<bool, StoreError> {
        let begun = Instant::now();
        let difference = self.difference(watched).await;
        watching.look = None;
        watching.rested = Instant::now() + begun.elapsed() * LOOKING_SHARE;
        match difference {
            Difference::None => Ok(false),
            Difference::Otherwise => Ok(true),
            Difference::Joined(_) if watching.hints.get_ref().len() > LATECOMERS => Ok(true),
            Difference::Joined(joined) => {
                let targets = joined.iter().map(|tied| tied.target.clone()).collect();
                watching.hints.get_mut().push(self.mail.watch(targets));
                self.begin(watched, joined.clone());
                self.first_passes(&joined).await?;
                tracing::info!(mailboxes = watched.len(), new = joined.len(), "watching");
                Ok(false)
            }
        }
    }

    /// Who is read for a hint need not be read again so soon.
    fn put_off(&self, watched: &mut BTreeMap<MailboxId, Watched>, hinted: &[MailboxId]) {
        let next = Instant::now() + paced(self.policy.sync_interval, watched.len(), READ_A_SECOND);
        for mailbox in hinted {
            if let Some(entry) = watched.get_mut(mailbox) {
                entry.sync = next;
            }
        }
    }

    async fn queue_due(&self, watched: &mut BTreeMap<MailboxId, Watched>) -> Result<(), StoreError> {
        let now = Instant::now();
        let interval = paced(self.policy.sync_interval, watched.len(), READ_A_SECOND);
        let counting = paced(self.policy.count_interval, watched.len(), COUNTED_A_SECOND);
        let mut sync = Vec::new();
        let mut writes = Vec::new();
        for (mailbox, entry) in watched.iter_mut() {
            if entry.sync <= now {
                entry.sync = now + interval;
                sync.push(*mailbox);
            }
            if entry.count <= now {
                entry.count = now + counting;
                writes.push(self.count_job(*mailbox, self.new_trace()));
            }
        }
        if !writes.is_empty() {
            self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        }
        self.queue_sync(sync).await
    }

    async fn queue_sync(&self, mailboxes: impl IntoIterator<Item = MailboxId>) -> Result<(), StoreError> {
        let mailboxes: Vec<MailboxId> = mailboxes.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        for chunk in mailboxes.chunks(AT_ONCE) {
            let mut writes: Vec<Write> =
                chunk.iter().map(|mailbox| self.sync_job(*mailbox, self.new_trace())).collect();
            for mailbox in chunk {
                if let Some(mailbox) = self.store.mailbox(*mailbox).await? {
                    writes.extend(self.records_jobs(&mailbox, &KINDS).await?);
                    writes.extend(self.location_jobs(&mailbox).await?);
                }
            }
            self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        }
        Ok(())
    }

    /// Whether somebody else is to be watched, or in another way.
    async fn difference(&self, watched: &BTreeMap<MailboxId, Watched>) -> Difference {
        let Ok(targets) = self.all_targets().await else { return Difference::None };
        let many = targets.len();
        let (known, joined): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|tied| watched.contains_key(&tied.mailbox.id));
        let left = known.len() < watched.len();
        let otherwise = known.iter().any(|tied| {
            let known = watched.get(&tied.mailbox.id);
            known.is_some_and(|known| known.differs(tied) || !same(&tied.target, &known.target))
        });
        match joined.is_empty() {
            _ if left || otherwise => Difference::Otherwise,
            true => Difference::None,
            // Mostly new: they had better be grouped together with the others.
            false if joined.len() * 2 > many => Difference::Otherwise,
            false => Difference::Joined(joined),
        }
    }
}

/// The interval at which so many mailboxes take turns without more than `a_second` of them.
fn paced(least: Duration, mailboxes: usize, a_second: u32) -> Duration {
    let mailboxes = u32::try_from(mailboxes).unwrap_or(u32::MAX);
    least.max(Duration::from_secs(1) * mailboxes / a_second)
}

fn same(one: &MailTarget, other: &MailTarget) -> bool {
    let (a, b) = (&one.account, &other.account);
    one.address == other.address
        && a.user == b.user
        && a.endpoint == b.endpoint
        && a.password.expose_secret() == b.password.expose_secret()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_takes_turns_and_a_few_do_not_wait() {
        let minute = Duration::from_secs(60);
        assert_eq!(paced(minute, 100, READ_A_SECOND), minute);
        assert_eq!(paced(minute, 10_000, READ_A_SECOND), Duration::from_secs(2500));
        assert_eq!(paced(minute, 10_000, COUNTED_A_SECOND), Duration::from_secs(10_000));
    }
}
