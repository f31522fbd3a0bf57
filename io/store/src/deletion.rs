//! Deletions of contacts and events that can be undone for a while.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tieline_model::{DeletionId, MailboxId, RecordKind};
use uuid::Uuid;

use crate::store::read;
use crate::{Store, StoreError};

/// How long a deletion can be undone.
pub const UNDO_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A deletion to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeletion {
    /// Its id.
    pub id: DeletionId,
    /// Whose.
    pub mailbox: MailboxId,
    /// Of a contact or an event.
    pub kind: RecordKind,
    /// The entry's id: it is restored under it.
    pub record: Option<Uuid>,
    /// A few words for people; nothing private.
    pub headline: String,
    /// Who deleted it.
    pub by: String,
    /// Until when it can be undone.
    pub until: Timestamp,
    /// The contact or event, as JSON.
    pub body: Value,
}

/// A deletion as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deletion {
    /// Its id.
    pub id: DeletionId,
    /// Whose.
    pub mailbox: MailboxId,
    /// Of a contact or an event.
    pub kind: RecordKind,
    /// The entry's id.
    pub record: Option<Uuid>,
    /// A few words for people.
    pub headline: String,
    /// Who deleted it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Until when it can be undone.
    pub until: Timestamp,
    /// When it was undone.
    pub restored: Option<Timestamp>,
    /// The contact or event, as JSON.
    pub body: Value,
}

impl Store {
    /// A mailbox's deletions, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn deletions(
        &self,
        mailbox: MailboxId,
        kind: Option<RecordKind>,
        limit: u32,
    ) -> Result<Vec<Deletion>, StoreError> {
        read!(self, conn => deletion::list(conn, mailbox, kind, limit))
    }

    /// One deletion.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn deletion(&self, id: DeletionId) -> Result<Option<Deletion>, StoreError> {
        read!(self, conn => deletion::one(conn, id))
    }
}
