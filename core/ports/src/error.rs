//! How a call to the outside failed, and what is known about its effect.

use jiff::SignedDuration;
use tieline_model::{Class, Refusal};

/// Whether a call that failed had its effect all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The peer said no, or was never reached: nothing happened.
    No,
    /// The answer was lost: it may have happened, or may still happen.
    Unknown,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// It did not work.
    #[error("{refusal}")]
    Failed {
        /// What to tell a person; its class says who must act.
        refusal: Refusal,
        /// The peer asked to be left alone for this long (`BackOffMilliseconds`, `Retry-After`).
        back_off: Option<SignedDuration>,
        /// Whether the effect may have happened.
        applied: Applied,
    },
    /// The cursor is unknown to the peer or too old: list anew and reconcile, without inferring deletions.
    #[error("the peer no longer knows this cursor")]
    CursorExpired,
    /// The item or folder does not exist (any more).
    #[error("the item or folder does not exist")]
    NotFound,
}

impl PortError {
    /// A failure whose effect certainly did not happen.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self::Failed { refusal, back_off: None, applied: Applied::No }
    }

    /// A failure whose effect may have happened.
    #[must_use]
    pub const fn uncertain(refusal: Refusal) -> Self {
        Self::Failed { refusal, back_off: None, applied: Applied::Unknown }
    }

    /// Who must act; an expired cursor and a missing item are handled by the caller and count as transient.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Failed { refusal, .. } => refusal.class,
            Self::CursorExpired | Self::NotFound => Class::Transient,
        }
    }

    /// Whether the effect may have happened.
    #[must_use]
    pub const fn applied(&self) -> Applied {
        match self {
            Self::Failed { applied, .. } => *applied,
            Self::CursorExpired | Self::NotFound => Applied::No,
        }
    }

    /// What to tell a person.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Failed { refusal, .. } => refusal.clone(),
            Self::CursorExpired => {
                Refusal::transient("cursor-expired", self.to_string(), "nothing; the folder is read anew")
            }
            Self::NotFound => Refusal::permanent(
                "not-found",
                self.to_string(),
                "check the id; the item may have been deleted",
            ),
        }
    }
}
