//! Messages, their content, and where their items are in the mail system.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{DeliveryKey, MailboxId, Message, MessageCounts, MessageId, MessageKind, MessageState};

use crate::store::read;
use crate::writer::Op;
use crate::{Content, StateOrigin, Store, StoreError};

/// A message with what the store knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message, with its present state.
    pub message: Message,
    /// When it was taken in.
    pub accepted: Timestamp,
    /// When its item was first seen in the mail system.
    pub delivered: Option<Timestamp>,
    /// Who set its state last, and when.
    pub state_by: Option<(StateOrigin, Timestamp)>,
    /// When its content was removed by retention or storage mode.
    pub purged: Option<Timestamp>,
}

/// A message's item in the mail system. Ids are opaque and compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteItem {
    /// Whose item.
    pub message: MessageId,
    /// The mailbox it is in.
    pub mailbox: MailboxId,
    /// Its present id.
    pub item: String,
    /// Its folder's id.
    pub folder: String,
    /// Whether its user read it.
    pub read: bool,
    /// Whether it lies among the deleted.
    pub deleted: bool,
}

/// The undeleted messages of a mailbox, counted by kind: what its light is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KindCounts {
    /// Voice messages.
    pub voice: MessageCounts,
    /// Fax.
    pub fax: MessageCounts,
    /// Text messages.
    pub text: MessageCounts,
}

/// Which messages to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only of this mailbox.
    pub mailbox: Option<MailboxId>,
    /// Only of this kind.
    pub kind: Option<MessageKind>,
    /// Only in this state.
    pub state: Option<MessageState>,
    /// Only those taken in before this one, for the next page.
    pub before: Option<MessageId>,
}

/// Content that lies in the store already and waits for its message. Forgotten ones are swept after
/// [`crate::Retention::staged`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedContent {
    pub(crate) message: MessageId,
    pub(crate) size: u64,
}

impl StagedContent {
    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.size
    }

    /// Whether nothing was staged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.size == 0
    }
}

/// Takes content in piece by piece, so that it never lies in memory as a whole.
#[derive(Debug)]
pub struct ContentWriter<'a> {
    store: &'a Store,
    message: MessageId,
    at: Timestamp,
    pieces: i64,
    size: u64,
    rest: BytesMut,
}

impl ContentWriter<'_> {
    /// Adds bytes; waits while the store is busy.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let room = Content::CHUNK.saturating_sub(self.rest.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.rest.extend_from_slice(now);
            bytes = later;
            if self.rest.len() >= Content::CHUNK {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Ends the content.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn finish(mut self) -> Result<StagedContent, StoreError> {
        self.flush().await?;
        Ok(StagedContent { message: self.message, size: self.size })
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let bytes = self.rest.split().freeze();
        if bytes.is_empty() {
            return Ok(());
        }
        let len = bytes.len();
        let op = Op::Stage { message: self.message, piece: self.pieces, bytes, at: self.at };
        self.store.ask(op, len).await?;
        self.pieces += 1;
        self.size += len as u64;
        Ok(())
    }
}

impl Store {
    /// Begins to stage content of any size for [`Content::Staged`] of the message that will have this id. What was
    /// staged for it before is replaced.
    #[must_use]
    pub fn stage(&self, message: MessageId, at: Timestamp) -> ContentWriter<'_> {
        ContentWriter { store: self, message, at, pieces: 0, size: 0, rest: BytesMut::new() }
    }

    /// One message.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn message(&self, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
        read!(self, conn => message::one(conn, id))
    }

    /// The message whose item carries this mark.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn message_by_key(&self, key: DeliveryKey) -> Result<Option<StoredMessage>, StoreError> {
        read!(self, conn => message::by_key(conn, key))
    }

    /// The message that a depositing system knows by this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn message_by_source(
        &self,
        mailbox: MailboxId,
        source_id: &str,
    ) -> Result<Option<StoredMessage>, StoreError> {
        read!(self, conn => message::by_source(conn, mailbox, source_id))
    }

    /// Messages, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        read!(self, conn => message::list(conn, filter, limit))
    }

    /// A mailbox's undeleted messages, counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn counts(&self, mailbox: MailboxId) -> Result<KindCounts, StoreError> {
        read!(self, conn => message::counts(conn, mailbox))
    }

    /// A message's content as a whole; `None` when the message is unknown, has none, or it was purged.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        read!(self, conn => content::whole(conn, message))
    }

    /// One piece of a message's content, counted from 0; `None` after the last one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn content_chunk(&self, message: MessageId, piece: u32) -> Result<Option<Bytes>, StoreError> {
        read!(self, conn => content::piece(conn, message, piece))
    }

    /// Where a message's item is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn remote_item(&self, message: MessageId) -> Result<Option<RemoteItem>, StoreError> {
        read!(self, conn => remote::of_message(conn, message))
    }

    /// Whose item this is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn remote_by_item(
        &self,
        mailbox: MailboxId,
        item: &str,
    ) -> Result<Option<RemoteItem>, StoreError> {
        read!(self, conn => remote::by_item(conn, mailbox, item))
    }

    /// Every known item of a mailbox, in a folder or in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn remote_items(
        &self,
        mailbox: MailboxId,
        folder: Option<&str>,
    ) -> Result<Vec<RemoteItem>, StoreError> {
        read!(self, conn => remote::list(conn, mailbox, folder))
    }

    /// Where reading a folder's changes goes on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cursor(&self, mailbox: MailboxId, folder: &str) -> Result<Option<String>, StoreError> {
        read!(self, conn => remote::cursor(conn, mailbox, folder))
    }

    /// Every folder of a mailbox that is read, with its cursor.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cursors(&self, mailbox: MailboxId) -> Result<Vec<(String, String)>, StoreError> {
        read!(self, conn => remote::cursors(conn, mailbox))
    }
}
