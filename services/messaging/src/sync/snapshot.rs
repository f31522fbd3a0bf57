//! A snapshot of both sides, before the first write and once a day.

use jiff::Timestamp;
use tieline_model::SnapshotId;
use tieline_ports::{ItemRef, PortError, ReadRecord};
use tieline_store::{NewSnapshot, SnapshotEntry, Write};
use tieline_worker::WorkError;

use super::{InStep, Pass};
use crate::jobs::json;
use crate::snapshots::SnapshotSide;

/// Items that are copied in one transaction; more would let others wait.
const PORTION: u32 = 128;

impl<R: InStep> Pass<'_, R> {
    /// Copies both sides; a snapshot that is not complete does not count.
    pub(crate) async fn snapshot(&mut self) -> Result<Result<Timestamp, PortError>, WorkError> {
        let id = SnapshotId::from_uuid(self.messaging.ids.uuid());
        let reason = "before synchronization writes".to_owned();
        let new = NewSnapshot { id, mailbox: self.mailbox.id, kind: R::KIND, reason };
        self.context.commit(vec![Write::Snapshot(new)]).await?;
        self.messaging.copy_side::<R>(self.mailbox.id, id).await.map_err(WorkError::failed)?;
        if let Err(error) = self.copy_mail_side(id).await? {
            return Ok(Err(error));
        }
        self.context.commit(vec![Write::SnapshotComplete(id)]).await?;
        Ok(Ok(self.context.now()))
    }

    async fn next_portion(&mut self) -> u32 {
        u32::try_from(self.next_step().await).map_or(PORTION, |share| share.min(PORTION))
    }

    /// Every item that the listing before showed: what was read of it for the plan, or else as it is now.
    async fn copy_mail_side(&mut self, id: SnapshotId) -> Result<Result<(), PortError>, WorkError> {
        let (mailbox, kind) = self.id();
        let store = self.messaging.store.clone();
        let mut after = String::new();
        while let Some(to) = store.spool_portion(mailbox, kind, &after, self.next_portion().await).await? {
            let part = (after, to.clone());
            self.context.commit(vec![Write::SnapshotSpooled { id, mailbox, kind, part }]).await?;
            after = to;
        }
        let mut after = String::new();
        loop {
            let items = store.unspooled(mailbox, kind, &after, self.next_portion().await).await?;
            let Some(last) = items.last() else { return Ok(Ok(())) };
            after.clone_from(last);
            let items: Vec<ItemRef> = items.into_iter().map(ItemRef).collect();
            let read = match self.system.read(&self.target, &items).await {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            let mut writes = self.pictures(&read);
            let entry = |read: ReadRecord<R>| match read {
                ReadRecord::Found(remote) => Some(SnapshotEntry {
                    side: SnapshotSide::Mail.label().to_owned(),
                    entry: remote.item.0,
                    headline: remote.record.headline(),
                    body: json(&remote.record),
                }),
                ReadRecord::NotFound | ReadRecord::Unreadable(_) => None,
            };
            let entries: Vec<SnapshotEntry> = read.into_iter().filter_map(entry).collect();
            if !entries.is_empty() {
                writes.push(Write::SnapshotEntries { id, entries });
                self.context.commit(writes).await?;
            }
        }
    }
}
