//! The mail system's notifications become `sync` jobs. A hint may be late, doubled, wrong or lost: besides, every
//! mailbox is read once at the start and then at an interval, spread evenly, so that nothing depends on hints.
//!
//! One node watches at a time, under a lease of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use tieline_model::{Mailbox, MailboxId};
use tieline_ports::MailTarget;
use tieline_store::{Batch, EventFeed, Lease, StoreError, Write};
use tokio::time::Instant;

use crate::Messaging;

/// The stream whose lease makes a node the one that watches.
const STREAM: &str = "messaging/watch";
/// For how long the lease is taken.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Jobs queued in one batch.
const AT_ONCE: usize = 500;
/// Folders are counted for the first time this long after the start.
const FIRST_COUNT: Duration = Duration::from_secs(60);

/// A watched mailbox, and when it is its turn whatever the hints say.
struct Watched {
    target: MailTarget,
    sync: Instant,
    count: Instant,
}

/// Why a round of watching ended.
enum Ended {
    /// Whom to watch has changed.
    Changed,
    /// Another node watches now, or the store failed.
    Lost,
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
        let targets = self.all_targets().await?;
        let many = u32::try_from(targets.len()).unwrap_or(u32::MAX).max(1);
        let begin = Instant::now();
        for (nth, (mailbox, target)) in (0_u32..).zip(targets) {
            let entry = match before.remove(&mailbox.id) {
                Some(known) => Watched { target, ..known },
                None => {
                    let share = |whole: Duration| begin + whole / many * nth;
                    let sync = share(self.policy.sync_interval) + self.policy.sync_interval;
                    let count = share(self.policy.count_interval.min(FIRST_COUNT)) + FIRST_COUNT;
                    fresh.push(mailbox);
                    Watched { target, sync, count }
                }
            };
            now.insert(entry.target.mailbox, entry);
        }
        if first {
            self.queue_sync(fresh.iter().map(|mailbox| mailbox.id)).await?;
        } else {
            self.first_passes(&fresh).await?;
        }
        tracing::info!(mailboxes = now.len(), new = fresh.len(), "watching");
        Ok(now)
    }

    async fn first_passes(&self, fresh: &[Mailbox]) -> Result<(), StoreError> {
        for mailbox in fresh {
            let mut writes = self.backfill(mailbox).await?;
            writes.extend(self.first_health(mailbox).await?);
            writes.push(self.sync_job(mailbox.id, self.new_trace()));
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
        let mut hints = self.mail.watch(targets).ready_chunks(AT_ONCE);
        let mut ended = false;
        let tick = (self.policy.sync_interval / 60).clamp(Duration::from_millis(100), Duration::from_secs(5));
        let mut ticks = tokio::time::interval(tick);
        let mut renewals = tokio::time::interval(Duration::from_secs(10));
        loop {
            let queued = tokio::select! {
                hinted = hints.next(), if !ended => match hinted {
                    Some(hinted) => self.queue_sync(hinted.into_iter().map(|hint| hint.mailbox)).await,
                    None => {
                        ended = true;
                        tracing::warn!("the mail system tells nothing any more; mailboxes are read at the interval");
                        Ok(())
                    }
                },
                _ = ticks.tick() => self.queue_due(watched).await,
                () = self.0.watching.notified() => {
                    if self.targets_changed(watched).await { return Ended::Changed }
                    Ok(())
                }
                event = config.next() => match event {
                    Ok(_) if self.targets_changed(watched).await => return Ended::Changed,
                    Ok(_) => Ok(()),
                    Err(error) => Err(error),
                },
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

    async fn queue_due(&self, watched: &mut BTreeMap<MailboxId, Watched>) -> Result<(), StoreError> {
        let now = Instant::now();
        let mut sync = Vec::new();
        let mut writes = Vec::new();
        for (mailbox, entry) in watched.iter_mut() {
            if entry.sync <= now {
                entry.sync = now + self.policy.sync_interval;
                sync.push(*mailbox);
            }
            if entry.count <= now {
                entry.count = now + self.policy.count_interval;
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
                    writes.extend(self.records_jobs(&mailbox).await?);
                }
            }
            self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        }
        Ok(())
    }

    /// Whether somebody else is to be watched, or in another way.
    async fn targets_changed(&self, watched: &BTreeMap<MailboxId, Watched>) -> bool {
        let Ok(targets) = self.all_targets().await else { return false };
        targets.len() != watched.len()
            || targets.iter().any(|(mailbox, target)| {
                watched.get(&mailbox.id).is_none_or(|known| !same(target, &known.target))
            })
    }
}

fn same(one: &MailTarget, other: &MailTarget) -> bool {
    let (a, b) = (&one.account, &other.account);
    one.address == other.address
        && a.user == b.user
        && a.endpoint == b.endpoint
        && a.password.expose_secret() == b.password.expose_secret()
}
