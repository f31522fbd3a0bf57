//! What is kept about a mailbox besides its settings: health, folder counts, lamps, SIP subscriptions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::{MailboxId, Refusal};

use crate::store::read;
use crate::{Store, StoreError};

/// A state that people are shown; one word, one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// All is well.
    Ok,
    /// Work is under way for the first time.
    Pending,
    /// It works, but late or not in all parts.
    Degraded,
    /// Stopped by a brake or by a person.
    Paused,
    /// The other side said no.
    Refused,
    /// It could not be asked.
    #[default]
    Unknown,
    /// Put aside.
    Quarantined,
}

impl HealthState {
    const ALL: [Self; 7] = [
        Self::Ok,
        Self::Pending,
        Self::Degraded,
        Self::Paused,
        Self::Refused,
        Self::Unknown,
        Self::Quarantined,
    ];

    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pending => "pending",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Quarantined => "quarantined",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How a mailbox fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxHealth {
    /// Whose.
    pub mailbox: MailboxId,
    /// The state.
    pub state: HealthState,
    /// Since when it is so.
    pub since: Timestamp,
    /// When it was found so last.
    pub checked: Timestamp,
    /// Why, unless all is well.
    pub cause: Option<Refusal>,
}

/// How many items a folder of the mail system holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderCount {
    /// Whose.
    pub mailbox: MailboxId,
    /// The folder, as people know it: `inbox/Voice mail`.
    pub folder: String,
    /// How many items.
    pub items: u64,
    /// When they were counted.
    pub at: Timestamp,
}

/// What a lamp was told last. The state is the light service's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightShown {
    /// Whose light.
    pub mailbox: MailboxId,
    /// Which lamp.
    pub target: String,
    /// What it was told.
    pub state: Value,
    /// When.
    pub at: Timestamp,
}

/// A SIP subscription that outlives a restart. The state is the SIP side's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its key, chosen by the SIP side.
    pub id: String,
    /// Whose light it watches, as a SIP URI.
    pub account: String,
    /// Dialog and route.
    pub state: Value,
    /// When it ends unless refreshed.
    pub expires: Timestamp,
}

impl Store {
    /// How a mailbox fares; `None` when that was never found out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mailbox_health(&self, mailbox: MailboxId) -> Result<Option<MailboxHealth>, StoreError> {
        read!(self, conn => mailbox::health(conn, mailbox))
    }

    /// How every mailbox fares whose state is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn health(&self) -> Result<Vec<MailboxHealth>, StoreError> {
        read!(self, conn => mailbox::all_health(conn))
    }

    /// The counted folders of one mailbox, or of all, fullest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn folder_counts(&self, mailbox: Option<MailboxId>) -> Result<Vec<FolderCount>, StoreError> {
        read!(self, conn => mailbox::folder_counts(conn, mailbox))
    }

    /// What each lamp of a mailbox was told last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn lights_shown(&self, mailbox: MailboxId) -> Result<Vec<LightShown>, StoreError> {
        read!(self, conn => mailbox::lights_shown(conn, mailbox))
    }

    /// SIP subscriptions to one account's light, or all; expired ones included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn subscriptions(&self, account: Option<&str>) -> Result<Vec<Subscription>, StoreError> {
        read!(self, conn => mailbox::subscriptions(conn, account))
    }
}
