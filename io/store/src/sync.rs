//! What the synchronization of contacts and calendars keeps: where it stands, which entry belongs to which item, and
//! what lost. The bodies are the engine's; what is beside them is what it asks by.

use jiff::Timestamp;
use serde_json::Value;
use tieline_model::{Decision, LinkId, MailboxId, Record, RecordKind};
use uuid::Uuid;

use crate::store::read;
use crate::{NewDeletion, NewEvent, RecordWrite, Store, StoreError, StoredRecord};

/// An entry and its counterpart in the mail system.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncLink {
    /// Its id.
    pub id: LinkId,
    /// Whose.
    pub mailbox: MailboxId,
    /// Of contacts or events.
    pub kind: RecordKind,
    /// Tieline's entry.
    pub left: Option<Uuid>,
    /// The mail system's item.
    pub right: Option<String>,
    /// When there is something to do about it.
    pub due: Option<Timestamp>,
    /// Its place among those that are due.
    pub place: u8,
    /// The listing that showed the mail system's item last.
    pub generation: u64,
    /// Both sides agreed on something.
    pub linked: bool,
    /// Seen as gone or missing on exactly one side.
    pub gone: bool,
    /// Of those, the ones that a complete listing did not show.
    pub missing: bool,
    /// Put aside for a person.
    pub quarantined: bool,
    /// The engine's own, as JSON.
    pub body: String,
}

/// Everything that one decision of the engine writes: all of it, or nothing when the entry has another version by then.
#[derive(Debug, Clone)]
pub struct SyncUnit {
    /// Named in [`crate::Receipt::refused`] when it is left out.
    pub link: LinkId,
    /// Tieline's entry.
    pub left: Option<RecordWrite>,
    /// The link as it is afterwards; `None` removes it.
    pub put: Option<SyncLink>,
    /// Another link that this one has taken in.
    pub absorbed: Option<LinkId>,
    /// What lost.
    pub conflict: Option<NewConflict>,
    /// A deletion that can be undone.
    pub deletion: Option<NewDeletion>,
    /// Why.
    pub decision: Option<Decision>,
    /// To be told.
    pub event: Option<NewEvent>,
}

/// What lost against what won.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConflict {
    /// Whose.
    pub mailbox: MailboxId,
    /// Of contacts or events.
    pub kind: RecordKind,
    /// The link.
    pub link: LinkId,
    /// The engine's own.
    pub body: Value,
}

/// Where the synchronization of a mailbox's contacts or calendar stands, all of it at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncOverview {
    /// The state, and since when it is so.
    pub state: Option<(Value, Timestamp)>,
    /// A job of its stream is due or under way.
    pub busy: bool,
    /// How many links there are, and how much waits.
    pub counts: LinkCounts,
    /// Links that were put aside, as JSON; the first hundred.
    pub aside: Vec<String>,
    /// How often something lost.
    pub conflicts: u64,
}

/// A link, as JSON, with Tieline's entry as it stands in the same moment.
pub type LinkedRecord<R> = (String, Option<StoredRecord<R>>);

/// Which links are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkQuery {
    /// Those with these ids.
    Ids(Vec<LinkId>),
    /// Those of these entries of Tieline's.
    Left(Vec<Uuid>),
    /// Those of these items of the mail system's.
    Right(Vec<String>),
    /// Those with an item in the mail system that an earlier listing than this showed last, by id.
    Unseen {
        /// The listing.
        generation: u64,
        /// After this one.
        after: Option<LinkId>,
        /// At most.
        limit: u32,
    },
    /// Those that are due, by place and id.
    Due {
        /// The present.
        now: Timestamp,
        /// After this place and id.
        after: Option<(u8, LinkId)>,
        /// At most.
        limit: u32,
    },
    /// Those that were put aside, by id.
    Quarantined {
        /// At most.
        limit: u32,
    },
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    /// All links.
    pub links: u64,
    /// Links that both sides agreed on.
    pub linked: u64,
    /// Seen as gone on exactly one side.
    pub gone: u64,
    /// Of those, the ones that a complete listing did not show.
    pub missing: u64,
    /// Put aside.
    pub quarantined: u64,
}

impl Store {
    /// Where the synchronization of a mailbox's contacts or calendar stands, and since when.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sync_state(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
    ) -> Result<Option<(Value, Timestamp)>, StoreError> {
        read!(self, conn => sync::state(conn, mailbox, kind))
    }

    /// Links as asked for, each with Tieline's entry.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sync_links<R: Record>(
        &self,
        mailbox: MailboxId,
        query: &LinkQuery,
    ) -> Result<Vec<LinkedRecord<R>>, StoreError> {
        read!(self, conn => sync::links(conn, mailbox, query))
    }

    /// Entries that have one of these match keys now: those that belong to a link with it, and those that do not yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn kin<R: Record>(
        &self,
        mailbox: MailboxId,
        keys: &[String],
    ) -> Result<(Vec<LinkedRecord<R>>, Vec<StoredRecord<R>>), StoreError> {
        read!(self, conn => sync::kin(conn, mailbox, keys))
    }

    /// How many links there are, and how much waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn link_counts(&self, mailbox: MailboxId, kind: RecordKind) -> Result<LinkCounts, StoreError> {
        read!(self, conn => sync::counts(conn, mailbox, kind))
    }

    /// Of [`Store::link_counts`], those that are gone and those that are missing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn links_gone(&self, mailbox: MailboxId, kind: RecordKind) -> Result<(u64, u64), StoreError> {
        read!(self, conn => sync::gone(conn, mailbox, kind))
    }

    /// When the first link is due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn next_link_due(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
    ) -> Result<Option<Timestamp>, StoreError> {
        read!(self, conn => sync::next_due(conn, mailbox, kind))
    }

    /// Where the synchronization of a mailbox's contacts or calendar stands, whose jobs have this stream.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sync_overview(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        stream: &str,
        now: Timestamp,
    ) -> Result<SyncOverview, StoreError> {
        read!(self, conn => sync::overview(conn, mailbox, kind, stream, now))
    }
}
