//! Calendars that programs subscribe to by an address that nobody can guess.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use tieline_model::MailboxId;
use uuid::Uuid;

use crate::store::read;
use crate::token::draw_token;
use crate::{Store, StoreError};

/// A feed to be added. The token itself is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeed {
    /// Its id.
    pub id: Uuid,
    /// Whose calendar.
    pub mailbox: MailboxId,
    /// What it is for, in a person's words.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Whether details of private events are in it.
    pub private: bool,
    /// Who had it made.
    pub by: String,
}

impl NewFeed {
    /// Draws a feed's token of 32 random bytes. It is shown once and cannot be read back.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn draw(
        id: Uuid,
        mailbox: MailboxId,
        name: &str,
        private: bool,
        by: &str,
    ) -> Result<(Self, SecretString), StoreError> {
        let (token, hash) = draw_token("")?;
        Ok((Self { id, mailbox, name: name.to_owned(), hash, private, by: by.to_owned() }, token))
    }
}

/// A feed as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feed {
    /// Its id.
    pub id: Uuid,
    /// Whose calendar.
    pub mailbox: MailboxId,
    /// What it is for.
    pub name: String,
    /// Whether details of private events are in it.
    pub private: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Who had it made.
    pub by: String,
}

impl Store {
    /// The feed with this token.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feed(&self, token: &SecretString) -> Result<Option<Feed>, StoreError> {
        let hash = crate::token::hash(token);
        read!(self, conn => feed::by_hash(conn, &hash))
    }

    /// A mailbox's feeds, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feeds(&self, mailbox: MailboxId) -> Result<Vec<Feed>, StoreError> {
        read!(self, conn => feed::list(conn, mailbox))
    }
}
