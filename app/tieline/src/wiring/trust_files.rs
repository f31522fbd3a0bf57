//! Authorities that the configuration names in files of their own, each for one purpose; read again on a reload.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tieline_model::Refusal;
use tieline_transport::{TransportError, TrustStore};

use super::read_file;

/// The files, each with the store that holds what was in it.
pub(super) struct TrustFiles {
    /// What everybody believes.
    shared: TrustStore,
    files: Mutex<Vec<(PathBuf, TrustStore)>>,
}

/// What the files hold by now, all of it usable.
pub(crate) struct Reread(Vec<(TrustStore, String)>);

impl TrustFiles {
    pub(super) const fn new(shared: TrustStore) -> Self {
        Self { shared, files: Mutex::new(Vec::new()) }
    }

    /// What everybody believes, and beside it the authorities in this file.
    pub(super) fn store(&self, file: Option<&Path>) -> Result<TrustStore, Refusal> {
        let Some(file) = file else { return Ok(self.shared.clone()) };
        let store = self.shared.beside(&text(file)?).map_err(|error| unusable(&error, file))?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.push((file.to_owned(), store.clone()));
        Ok(store)
    }

    /// Reads every file again, and changes nothing yet.
    pub(super) fn reread(&self) -> Result<Reread, Refusal> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |(file, store): &(PathBuf, TrustStore)| {
            let pem = text(file)?;
            TrustStore::default().beside(&pem).map_err(|error| unusable(&error, file))?;
            Ok((store.clone(), pem))
        };
        Ok(Reread(files.iter().map(read).collect::<Result<_, Refusal>>()?))
    }

    /// Believes what was read, from the next connection on.
    pub(super) fn take_up(&self, reread: Reread) {
        for (store, pem) in reread.0 {
            if let Err(error) = store.replace_own(&pem) {
                tracing::error!(%error, "authorities of a file kept as they were");
            }
        }
        self.shared.reread_platform();
    }
}

fn text(file: &Path) -> Result<String, Refusal> {
    Ok(String::from_utf8_lossy(&read_file(file)?).into_owned())
}

fn unusable(error: &TransportError, file: &Path) -> Refusal {
    Refusal::operator("bad-certificate", error.what(), error.next()).at(file.display().to_string())
}
