//! What can be wrong with what an administrator writes.

/// Why a policy or its tests cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file is not what it should be.
    #[error("the {file} cannot be read: {why}; correct it there")]
    File {
        /// Policy, or tests.
        file: &'static str,
        /// With line and column.
        why: String,
    },
    /// A value makes no sense.
    #[error("the policy contradicts itself: {0}")]
    Value(String),
}

impl PolicyError {
    pub(crate) fn file(file: &'static str, why: &dyn std::fmt::Display) -> Self {
        Self::File { file, why: why.to_string().trim().replace('\n', " ") }
    }
}
