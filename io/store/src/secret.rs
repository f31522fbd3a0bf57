//! Secrets at rest: encrypted with a key that lies outside the database (AV-04).

use secrecy::SecretString;

use crate::keys::Sealed;
use crate::store::read;
use crate::writer::Op;
use crate::{Store, StoreError};

/// A secret of no worth, by which a wrong key file is noticed when the store is opened.
pub(crate) const KEY_CHECK: &str = "key-check";

/// What is known of a secret without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// What it opens.
    pub name: String,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set: jiff::Timestamp,
    /// The key that it is sealed with.
    pub key: String,
}

impl Store {
    /// Opens a secret; `None` when none has this name.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the key file lacks its key, or it was moved or altered in the database.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        let sealed: Option<Sealed> = read!(self, conn => secret::sealed(conn, name))?;
        sealed.map(|sealed| self.keys().open(name, &sealed)).transpose()
    }

    /// Every secret's name and provenance, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn secrets(&self) -> Result<Vec<SecretInfo>, StoreError> {
        read!(self, conn => secret::list(conn))
    }

    /// Seals every secret anew with the key file's present key, after [`crate::KeyFile::rotate`]; tells how many.
    ///
    /// # Errors
    /// When a secret cannot be opened, or the store cannot be written.
    pub async fn reseal(&self) -> Result<usize, StoreError> {
        let mut resealed = 0;
        let current = self.keys().current();
        for name in read!(self, conn => secret::sealed_otherwise(conn, current))? {
            let Some(old) = read!(self, conn => secret::sealed(conn, &name))? else { continue };
            let new = self.keys().seal(&name, &self.keys().open(&name, &old)?)?;
            resealed += usize::from(name != KEY_CHECK);
            self.ask(Op::Reseal { name, old, new }, 0).await?;
        }
        Ok(resealed)
    }
}
