//! A group of mailboxes that share settings and a service account.

use serde::{Deserialize, Serialize};

use crate::{EndpointId, FeatureGroupId, SmtpAddress, SyncSettings};

/// "Feature Group". The service account's password is not here: the store keeps it encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureGroup {
    /// Never changes.
    pub id: FeatureGroupId,
    /// Unique.
    pub name: String,
    /// "IMAP Server": the endpoint, by reference; shown and typed by its name.
    pub endpoint: EndpointId,
    /// "IMAP Account": the service account ("superuser") with the right to impersonate, as a full address; a user
    /// principal name has the same form.
    pub account: SmtpAddress,
    /// "Synchronization Options" and "Mailbox Options".
    #[serde(default)]
    pub settings: SyncSettings,
}
