//! A snapshot of both sides, before the first write and once a day.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tieline_model::SnapshotId;
use tieline_ports::{ItemRef, PortError, ReadRecord, RemoteChange};
use tieline_store::{NewSnapshot, SnapshotEntry, Write};
use tieline_worker::WorkError;

use super::{InStep, Pass};
use crate::jobs::json;

/// Items of the mail system that are read at once.
const AT_ONCE: u32 = 100;

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

    async fn copy_mail_side(&mut self, id: SnapshotId) -> Result<Result<(), PortError>, WorkError> {
        let folder = match self.folder().await {
            Ok(folder) => folder,
            Err(error) => return Ok(Err(error)),
        };
        let mut cursor: Option<String> = None;
        loop {
            let page = match self.system.list(&self.target, &folder, cursor.as_deref(), AT_ONCE).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            // A server may show an item twice.
            let items: BTreeSet<String> = page
                .changes
                .into_iter()
                .filter_map(|change| match change {
                    RemoteChange::Present { item, .. } => Some(item.0),
                    RemoteChange::Gone { .. } => None,
                })
                .collect();
            let items: Vec<ItemRef> = items.into_iter().map(ItemRef).collect();
            let read = match self.system.read(&self.target, &items).await {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            let entry = |read: ReadRecord<R>| match read {
                ReadRecord::Found(remote) => Some(SnapshotEntry {
                    side: "mail".to_owned(),
                    entry: remote.item.0,
                    headline: remote.record.headline(),
                    body: json(&remote.record),
                }),
                ReadRecord::NotFound | ReadRecord::Unreadable(_) => None,
            };
            let entries: Vec<SnapshotEntry> = read.into_iter().filter_map(entry).collect();
            if !entries.is_empty() {
                self.context.commit(vec![Write::SnapshotEntries { id, entries }]).await?;
            }
            cursor = Some(page.cursor);
            if page.complete {
                return Ok(Ok(()));
            }
        }
    }
}
