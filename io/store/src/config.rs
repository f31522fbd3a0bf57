//! Endpoints, feature groups and mailboxes, changed by versioned change sets (AV-45).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::{
    Endpoint, EndpointId, FeatureGroup, FeatureGroupId, Mailbox, MailboxId, QuickCallTarget,
    QuickCallTargetId, SmtpAddress,
};

use crate::store::read;
use crate::{Store, StoreError};

/// Changes that are saved together, as one new version of the configuration. The order does not matter: references
/// and names are judged by how everything stands afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Configure {
    /// Who changes it.
    pub author: String,
    /// Why, in the author's words.
    pub note: String,
    /// The version that the author looked at. If it is not the present one any more, nothing is changed.
    pub base: Option<i64>,
    /// What changes.
    pub edits: Vec<Edit>,
}

/// One change of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Adds or replaces an endpoint.
    PutEndpoint(Endpoint),
    /// Removes an endpoint that no feature group refers to.
    DeleteEndpoint(EndpointId),
    /// Adds or replaces a feature group.
    PutFeatureGroup(FeatureGroup),
    /// Removes a feature group without mailboxes.
    DeleteFeatureGroup(FeatureGroupId),
    /// Adds or replaces a mailbox.
    PutMailbox(Mailbox),
    /// Removes a mailbox without messages.
    DeleteMailbox(MailboxId),
    /// Adds or replaces a quick-call target.
    PutQuickCallTarget(QuickCallTarget),
    /// Removes a quick-call target; its secrets are removed apart.
    DeleteQuickCallTarget(QuickCallTargetId),
}

impl Edit {
    /// What it is about.
    pub(crate) fn key(&self) -> (Noun, String) {
        match self {
            Self::PutEndpoint(endpoint) => (Noun::Endpoint, endpoint.id.to_string()),
            Self::DeleteEndpoint(id) => (Noun::Endpoint, id.to_string()),
            Self::PutFeatureGroup(group) => (Noun::FeatureGroup, group.id.to_string()),
            Self::DeleteFeatureGroup(id) => (Noun::FeatureGroup, id.to_string()),
            Self::PutMailbox(mailbox) => (Noun::Mailbox, mailbox.id.to_string()),
            Self::DeleteMailbox(id) => (Noun::Mailbox, id.to_string()),
            Self::PutQuickCallTarget(target) => (Noun::QuickCallTarget, target.id.to_string()),
            Self::DeleteQuickCallTarget(id) => (Noun::QuickCallTarget, id.to_string()),
        }
    }

    /// The entry afterwards.
    pub(crate) fn entry(&self) -> Result<Option<Value>, StoreError> {
        let entry = match self {
            Self::PutEndpoint(endpoint) => serde_json::to_value(endpoint),
            Self::PutFeatureGroup(group) => serde_json::to_value(group),
            Self::PutMailbox(mailbox) => serde_json::to_value(mailbox),
            Self::PutQuickCallTarget(target) => serde_json::to_value(target),
            Self::DeleteEndpoint(_)
            | Self::DeleteFeatureGroup(_)
            | Self::DeleteMailbox(_)
            | Self::DeleteQuickCallTarget(_) => return Ok(None),
        };
        entry.map(Some).map_err(|error| StoreError::corrupt("an entry", error))
    }
}

/// A version of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Counted from 1.
    pub version: i64,
    /// When it was saved.
    pub at: Timestamp,
    /// By whom.
    pub author: String,
    /// Why.
    pub note: String,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// What a version changed in one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of entry.
    pub noun: Noun,
    /// Its printed id.
    pub id: String,
    /// The entry before; `None` when it was added.
    pub before: Option<Value>,
    /// The entry afterwards; `None` when it was removed.
    pub after: Option<Value>,
}

/// What the configuration consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noun {
    /// A mail server.
    Endpoint,
    /// A group of mailboxes.
    FeatureGroup,
    /// A mailbox.
    Mailbox,
    /// Where a quick call leads.
    QuickCallTarget,
}

impl Noun {
    pub(crate) const ALL: [Self; 4] =
        [Self::Endpoint, Self::FeatureGroup, Self::Mailbox, Self::QuickCallTarget];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::FeatureGroup => "feature-group",
            Self::Mailbox => "mailbox",
            Self::QuickCallTarget => "quick-call-target",
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::FeatureGroup => "feature group",
            Self::Mailbox => "mailbox",
            Self::QuickCallTarget => "quick-call target",
        }
    }
}

/// Which mailboxes to list, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxFilter {
    /// Only of this group.
    pub feature_group: Option<FeatureGroupId>,
    /// Only those whose number comes after this one, for the next page.
    pub after: Option<String>,
}

impl Store {
    /// Every endpoint, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        read!(self, conn => config::endpoints(conn))
    }

    /// One endpoint.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        read!(self, conn => config::endpoint(conn, id))
    }

    /// The endpoint with this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoint_by_name(&self, name: &str) -> Result<Option<Endpoint>, StoreError> {
        read!(self, conn => config::endpoint_by_name(conn, name))
    }

    /// Every feature group, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feature_groups(&self) -> Result<Vec<FeatureGroup>, StoreError> {
        read!(self, conn => config::feature_groups(conn))
    }

    /// One feature group.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feature_group(&self, id: FeatureGroupId) -> Result<Option<FeatureGroup>, StoreError> {
        read!(self, conn => config::feature_group(conn, id))
    }

    /// The feature group with this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feature_group_by_name(&self, name: &str) -> Result<Option<FeatureGroup>, StoreError> {
        read!(self, conn => config::feature_group_by_name(conn, name))
    }

    /// Mailboxes, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mailboxes(&self, filter: &MailboxFilter, limit: u32) -> Result<Vec<Mailbox>, StoreError> {
        read!(self, conn => config::mailboxes(conn, filter, limit))
    }

    /// One mailbox.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, StoreError> {
        read!(self, conn => config::mailbox(conn, id))
    }

    /// The mailbox that callers reach by this number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mailbox_by_number(&self, number: &str) -> Result<Option<Mailbox>, StoreError> {
        read!(self, conn => config::mailbox_by_number(conn, number))
    }

    /// The mailbox tied to this mail address.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mailbox_by_address(&self, address: &SmtpAddress) -> Result<Option<Mailbox>, StoreError> {
        read!(self, conn => config::mailbox_by_address(conn, address))
    }

    /// The configuration's present version; 0 when nothing was saved yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn config_version(&self) -> Result<i64, StoreError> {
        read!(self, conn => change_set::version(conn))
    }

    /// Versions, newest first, with what they changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn change_sets(&self, before: Option<i64>, limit: u32) -> Result<Vec<ChangeSet>, StoreError> {
        read!(self, conn => change_set::list(conn, before, limit))
    }

    /// One version.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn change_set(&self, version: i64) -> Result<Option<ChangeSet>, StoreError> {
        read!(self, conn => change_set::one(conn, version))
    }
}
