//! What was read of the mail system's items for a plan. It holds as long as no listing shows another version: whoever
//! keeps it compares ([`crate::Write::SpoolCompare`]) in the transaction that stores the listing's cursor.

use tieline_model::{MailboxId, RecordKind};

use crate::store::read;
use crate::{Store, StoreError};

/// An item as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Which.
    pub item: String,
    /// Its version.
    pub etag: String,
    /// A few words for people.
    pub headline: String,
    /// What else is known of it; the synchronization's own.
    pub about: String,
    /// The contact or event, as JSON.
    pub body: String,
}

impl Store {
    /// Those of these items that are there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn spooled(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        items: &[String],
    ) -> Result<Vec<Spooled>, StoreError> {
        read!(self, conn => spool::items(conn, mailbox, kind, items))
    }

    /// The last of the next `limit` items after this one, for [`crate::Write::SnapshotSpooled`]; `None` at the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn spool_portion(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        after: &str,
        limit: u32,
    ) -> Result<Option<String>, StoreError> {
        read!(self, conn => spool::portion(conn, mailbox, kind, after, limit))
    }

    /// Items of the mail system that a link knows and that are not there, after this one, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unspooled(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        read!(self, conn => spool::others(conn, mailbox, kind, after, limit))
    }
}
