//! Pictures of contacts. A contact names its picture by a hash; the bytes lie here once for each mailbox.

use tieline_model::{MailboxId, RecordHash};

use crate::store::read;
use crate::{Store, StoreError};

/// A picture to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPicture {
    /// Whose contact's.
    pub mailbox: MailboxId,
    /// By what the contact names it.
    pub hash: RecordHash,
    /// The file.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for NewPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPicture")
            .field("mailbox", &self.mailbox)
            .field("hash", &self.hash)
            .field("bytes", &self.content.len())
            .finish()
    }
}

impl Store {
    /// A picture's file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn picture(
        &self,
        mailbox: MailboxId,
        hash: &RecordHash,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        read!(self, conn => picture::one(conn, mailbox, hash))
    }
}
