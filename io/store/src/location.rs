//! Where a mailbox's user is.

use jiff::Timestamp;
use serde_json::Value;
use tieline_model::MailboxId;

use crate::store::read;
use crate::{Store, StoreError};

/// What is kept about where a mailbox's user is. The bodies are the messaging service's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocationEntry {
    /// What was said by hand.
    pub said: Option<Value>,
    /// What was told to others last, and when.
    pub shown: Option<(Value, Timestamp)>,
}

/// A change of what is kept about where a mailbox's user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationWrite {
    /// Something was said by hand; `None` takes it back.
    Said {
        /// Whose.
        mailbox: MailboxId,
        /// What.
        body: Option<Value>,
    },
    /// Others are told this.
    Shown {
        /// Whose.
        mailbox: MailboxId,
        /// What.
        body: Value,
    },
}

impl Store {
    /// What is kept about where a mailbox's user is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn location(&self, mailbox: MailboxId) -> Result<LocationEntry, StoreError> {
        read!(self, conn => location::entry(conn, mailbox))
    }
}
