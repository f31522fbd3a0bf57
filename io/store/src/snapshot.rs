//! Copies of a mailbox's contacts or calendar, on both sides, taken before something is written.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tieline_model::{MailboxId, RecordKind, SnapshotId};

use crate::store::read;
use crate::{Store, StoreError};

/// A snapshot to be begun. It counts only once it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Whose.
    pub mailbox: MailboxId,
    /// Of contacts or events.
    pub kind: RecordKind,
    /// Why it is taken.
    pub reason: String,
}

/// One entry of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotEntry {
    /// `tieline` or `mail`.
    pub side: String,
    /// The entry's id on that side.
    pub entry: String,
    /// A few words for people.
    pub headline: String,
    /// The contact or event, as JSON.
    pub body: Value,
}

/// A snapshot as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Whose.
    pub mailbox: MailboxId,
    /// Of contacts or events.
    pub kind: RecordKind,
    /// Why it was taken.
    pub reason: String,
    /// When it was begun.
    pub at: Timestamp,
    /// When it was complete.
    pub complete: Option<Timestamp>,
    /// How many entries it holds.
    pub entries: u64,
}

impl Store {
    /// A mailbox's snapshots, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshots(&self, mailbox: MailboxId, limit: u32) -> Result<Vec<Snapshot>, StoreError> {
        read!(self, conn => snapshot::list(conn, mailbox, limit))
    }

    /// One snapshot.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
        read!(self, conn => snapshot::one(conn, id))
    }

    /// A snapshot's entries, by side and id, after these.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshot_entries(
        &self,
        id: SnapshotId,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<SnapshotEntry>, StoreError> {
        read!(self, conn => snapshot::entries(conn, id, after, limit))
    }
}
