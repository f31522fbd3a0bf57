//! Writes every EWS request and response to a directory, for schema validation after a test run.

use std::path::{Path, PathBuf};

/// A directory of `NNNNNNNN-Operation.request.xml` and `NNNNNNNN-Operation.response[-N].xml` files.
#[derive(Debug)]
pub(crate) struct Recorder {
    dir: PathBuf,
}

impl Recorder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Writes one document. A full disk must not change the answer, so failures are only logged.
    pub(crate) async fn write(&self, seq: u64, operation: &str, part: &str, xml: &[u8]) {
        let path = self.dir.join(format!("{seq:08}-{operation}.{part}.xml"));
        if let Err(error) = tokio::fs::write(&path, xml).await {
            tracing::warn!(path = %path.display(), %error, "lab could not record a document");
        }
    }
}
