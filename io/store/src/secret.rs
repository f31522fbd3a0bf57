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

/// How the secrets are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// The name of the key file's present key; it tells nothing of the key.
    pub key: String,
    /// Keys in the file.
    pub keys: usize,
    /// Rows that are sealed with an older key.
    pub behind: usize,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The name of the present key.
    pub key: String,
    /// Secrets that were sealed anew.
    pub resealed: usize,
    /// An earlier rotation was finished; no key was added.
    pub resumed: bool,
}

impl Store {
    /// Opens a secret; `None` when none has this name.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the key file lacks its key, or it was moved or altered in the database.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        let sealed: Option<Sealed> = read!(self, conn => secret::sealed(conn, name))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let mut keys = self.keys();
        if !keys.holds(&sealed.key) {
            // Another node has sealed it with a key that came into the file after this one read it.
            keys = self.reload_keys()?;
        }
        keys.open(name, &sealed).map(Some)
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
        let keys = self.keys();
        let current = keys.current();
        for name in read!(self, conn => secret::sealed_otherwise(conn, current))? {
            let Some(old) = read!(self, conn => secret::sealed(conn, &name))? else { continue };
            let new = keys.seal(&name, &keys.open(&name, &old)?)?;
            resealed += usize::from(name != KEY_CHECK);
            self.ask(Op::Reseal { name, old, new }, 0).await?;
        }
        Ok(resealed)
    }

    /// How the secrets are sealed at present.
    ///
    /// # Errors
    /// When key file or store cannot be read.
    pub async fn sealing(&self) -> Result<Sealing, StoreError> {
        let file = self.keys().file().read()?;
        let current = file.current();
        let behind = read!(self, conn => secret::sealed_otherwise(conn, current))?;
        Ok(Sealing { key: current.to_owned(), keys: file.len(), behind: behind.len() })
    }

    /// Seals every secret with a new key, while everything runs. If an earlier rotation was not finished, or the key
    /// file has got a new key meanwhile, that one is finished and no key is added. Whoever is killed in the middle, at
    /// any point, has lost nothing: both keys are in the file until [`Store::drop_old_keys`], and the same call again
    /// goes on.
    ///
    /// # Errors
    /// When the key file or the store cannot be written, or a secret cannot be opened.
    pub async fn rotate_key(&self) -> Result<Rotation, StoreError> {
        let before = self.sealing().await?;
        let begun = before.behind > 0 || before.key != self.keys().current();
        if !begun {
            self.keys().file().rotate()?;
        }
        let key = self.reload_keys()?.current().to_owned();
        Ok(Rotation { key, resealed: self.reseal().await?, resumed: begun })
    }

    /// Adds a new key to the key file and uses it for nothing yet, so that the file can be copied to other nodes first;
    /// [`Store::rotate_key`] goes on from there. Gives the key's name.
    ///
    /// # Errors
    /// When the key file cannot be written.
    pub async fn prepare_key(&self) -> Result<String, StoreError> {
        let before = self.sealing().await?;
        if before.behind > 0 || before.key != self.keys().current() {
            return Ok(before.key);
        }
        self.keys().file().rotate()
    }

    /// Takes the keys out of the key file that seal nothing any more: after it, copies of the old file open nothing new.
    /// Gives how many there were.
    ///
    /// # Errors
    /// When a rotation is not finished, or the key file cannot be written.
    pub async fn drop_old_keys(&self) -> Result<usize, StoreError> {
        let sealing = self.sealing().await?;
        if sealing.behind > 0 {
            return Err(StoreError::conflict(
                "rotation-unfinished",
                format!("{} secrets are still sealed with an older key", sealing.behind),
                "finish the rotation: tieline secret rotate",
            ));
        }
        if sealing.keys > 1 {
            self.keys().file().keep_current()?;
        }
        self.reload_keys()?;
        Ok(sealing.keys - 1)
    }
}
