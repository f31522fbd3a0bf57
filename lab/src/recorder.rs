//! Writes EWS requests and responses to a directory, for schema validation after a test run.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The environment variable that names a directory for the answers of every lab.
const ANSWERS: &str = "TIELINE_LAB_ANSWERS";

/// Where documents go.
#[derive(Debug)]
pub(crate) enum Recorder {
    /// Each document, as `NNNNNNNN-Operation.request.xml` and `NNNNNNNN-Operation.response[-N].xml`.
    Each(PathBuf),
    /// One of all answers that differ in numbers and ids only, as `HASH-Operation.response.xml`. Many labs, of one test run
    /// or several, may share the directory.
    Distinct(PathBuf),
}

impl Recorder {
    /// Into the directory that the lab was told, or into the one that the environment names.
    pub(crate) fn new(told: Option<&Path>) -> Option<Self> {
        match told {
            Some(dir) => Some(Self::Each(dir.to_owned())),
            None => {
                let dir = PathBuf::from(std::env::var_os(ANSWERS)?);
                std::fs::create_dir_all(&dir).ok()?;
                Some(Self::Distinct(dir))
            }
        }
    }

    /// Writes one document. A full disk must not change the answer, so failures are only logged.
    pub(crate) async fn write(&self, seq: u64, operation: &str, part: &str, xml: &[u8]) {
        let path = match self {
            Self::Each(dir) => dir.join(format!("{seq:08}-{operation}.{part}.xml")),
            Self::Distinct(_) if part == "request" => return,
            Self::Distinct(dir) => dir.join(format!("{}-{operation}.response.xml", likeness(xml))),
        };
        if matches!(self, Self::Distinct(_)) && path.exists() {
            return;
        }
        if let Err(error) = tokio::fs::write(&path, xml).await {
            tracing::warn!(path = %path.display(), %error, "lab could not record a document");
        }
    }
}

/// A hash of a document in which every number counts the same, and every attribute with a long value, such as an id.
fn likeness(xml: &[u8]) -> String {
    let mut hash = Sha256::new();
    for (index, piece) in xml.split(|byte| *byte == b'"').enumerate() {
        // Between two quotes; in texts they are written as references.
        if index % 2 == 1 && piece.len() > 40 && !piece.starts_with(b"http") {
            hash.update(b"long");
            continue;
        }
        for run in piece.chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit()) {
            hash.update(if run.first().is_some_and(u8::is_ascii_digit) { b"0" } else { run });
        }
        hash.update(b"\"");
    }
    let hash = hash.finalize();
    hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_make_no_difference_and_all_else_does() {
        let id = |letter: &str| format!("<t:ItemId Id=\"{}\"/><t:Size>", letter.repeat(60));
        let like = |text: &str| likeness(text.as_bytes());
        assert_eq!(like(&(id("a") + "12")), like(&(id("b") + "3")));
        assert_ne!(like("<t:Size>1</t:Size>"), like("<t:Size>x</t:Size>"));
        assert_ne!(like("<a b=\"x\"/>"), like("<a b=\"y\"/>"));
    }
}
