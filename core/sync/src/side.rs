//! The two sides, and who may set a field.

use serde::{Deserialize, Serialize};

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Tieline's own contacts and calendar, written in the same transaction as the engine's state.
    Left,
    /// The mail system.
    Right,
}

impl Side {
    /// In a person's words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Left => "Tieline",
            Self::Right => "the mail system",
        }
    }
}

/// Who set a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Somebody in Tieline.
    Left,
    /// Somebody in the mail system.
    Right,
    /// The directory. It may change what it set and nobody edited since.
    Directory,
}

impl From<Side> for Origin {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => Self::Left,
            Side::Right => Self::Right,
        }
    }
}

impl Origin {
    /// In a person's words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Left => "Tieline",
            Self::Right => "the mail system",
            Self::Directory => "the directory",
        }
    }
}
