//! A person's mailbox.

use serde::{Deserialize, Serialize};

use crate::{FeatureGroup, FeatureGroupId, MailboxId, Refusal, SmtpAddress, SyncSettings};

/// What the user may use. Only two types may synchronize (AV-50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserType {
    /// "Messaging & Collab".
    #[serde(alias = "Messaging & Collab")]
    MessagingCollab,
    /// "Messaging".
    #[default]
    #[serde(alias = "Messaging")]
    Messaging,
    /// A voice mailbox on the telephone only.
    VoiceOnly,
    /// Collaboration without a voice mailbox.
    Collab,
}

impl UserType {
    /// Whether this type may synchronize with a mail server.
    #[must_use]
    pub const fn may_synchronize(self) -> bool {
        matches!(self, Self::MessagingCollab | Self::Messaging)
    }

    /// As shown to people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MessagingCollab => "Messaging & Collab",
            Self::Messaging => "Messaging",
            Self::VoiceOnly => "Voice only",
            Self::Collab => "Collab",
        }
    }
}

/// "Storage Mode": where messages live (AV-49).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageMode {
    /// "Synchronization": in Tieline and in the mail server; state follows both ways.
    #[default]
    #[serde(alias = "Synchronization")]
    Synchronization,
    /// Only in Tieline; nothing is sent to the mail server.
    LocalOnly,
    /// Only in the mail server: Tieline forgets the recording once it is delivered and keeps the state.
    MailOnly,
}

/// A mailbox of Tieline, tied to a mailbox of the mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Never changes.
    pub id: MailboxId,
    /// The telephone number or extension callers dial. Unique.
    pub number: String,
    /// "User Name": the mail server's mailbox, as user@domain. Unique.
    pub address: SmtpAddress,
    /// The person's name, as shown.
    #[serde(default)]
    pub display_name: String,
    /// The group that owns the service account.
    pub feature_group: FeatureGroupId,
    /// What the user may use.
    #[serde(default)]
    pub user_type: UserType,
    /// Where messages live.
    #[serde(default)]
    pub storage_mode: StorageMode,
    /// "Use Feature Group settings for IMAP".
    #[serde(default = "yes")]
    pub use_group_settings: bool,
    /// The mailbox's own settings; they count when `use_group_settings` is off.
    #[serde(default)]
    pub settings: SyncSettings,
    /// SIP addresses whose lamps follow this mailbox by unsolicited NOTIFY, as `sip:1001@pbx.example`.
    #[serde(default)]
    pub light_targets: Vec<String>,
    /// Switched off: nothing is delivered, nothing is lost.
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

impl Mailbox {
    /// Whether this mailbox exchanges anything with its mail server, or why not (AV-50). Asked when settings are saved
    /// and again before every delivery, since a user type may be lowered in between.
    ///
    /// # Errors
    /// When the user type may not synchronize although the storage mode asks for it.
    pub fn may_synchronize(&self) -> Result<bool, Refusal> {
        if self.storage_mode == StorageMode::LocalOnly {
            return Ok(false);
        }
        if self.user_type.may_synchronize() {
            return Ok(self.enabled);
        }
        Err(Refusal::operator(
            "user-type-cannot-synchronize",
            format!("{} users cannot synchronize with a mail server", self.user_type.label()),
            "set the user type to Messaging or Messaging & Collab, or the Storage Mode to local-only",
        )
        .at(self.address.as_str()))
    }

    /// Whether the group is the one this mailbox is assigned to.
    #[must_use]
    pub fn is_in(&self, group: &FeatureGroup) -> bool {
        self.feature_group == group.id
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{EndpointId, Ids, ManualClock};
    use jiff::Timestamp;

    pub(crate) fn group(name: &str) -> FeatureGroup {
        let ids = ManualClock::new(Timestamp::UNIX_EPOCH);
        FeatureGroup {
            id: FeatureGroupId::from_uuid(ids.uuid()),
            name: name.to_owned(),
            endpoint: EndpointId::from_uuid(ids.uuid()),
            account: "svc-tieline@lab.example".parse().unwrap(),
            settings: SyncSettings::default(),
        }
    }

    pub(crate) fn mailbox(group: &FeatureGroup) -> Mailbox {
        let ids = ManualClock::new(Timestamp::UNIX_EPOCH);
        Mailbox {
            id: MailboxId::from_uuid(ids.uuid()),
            number: "1001".to_owned(),
            address: "alice@lab.example".parse().unwrap(),
            display_name: "Alice".to_owned(),
            feature_group: group.id,
            user_type: UserType::Messaging,
            storage_mode: StorageMode::Synchronization,
            use_group_settings: true,
            settings: SyncSettings::default(),
            light_targets: Vec::new(),
            enabled: true,
        }
    }

    /// Covers: AV-50
    #[test]
    fn only_messaging_users_may_synchronize() {
        let mut mailbox = mailbox(&group("Sales"));
        for (user_type, allowed) in [
            (UserType::MessagingCollab, true),
            (UserType::Messaging, true),
            (UserType::VoiceOnly, false),
            (UserType::Collab, false),
        ] {
            mailbox.user_type = user_type;
            assert_eq!(mailbox.may_synchronize().is_ok(), allowed, "{user_type:?}");
        }
        let refusal = mailbox.may_synchronize().unwrap_err();
        assert!(refusal.next.contains("Messaging & Collab"), "{refusal}");
    }

    /// Covers: AV-49
    #[test]
    fn the_storage_mode_decides_whether_messages_leave_the_house() {
        let mut mailbox = mailbox(&group("Sales"));
        for (mode, leaves) in [
            (StorageMode::Synchronization, true),
            (StorageMode::LocalOnly, false),
            (StorageMode::MailOnly, true),
        ] {
            mailbox.storage_mode = mode;
            assert_eq!(mailbox.may_synchronize(), Ok(leaves), "{mode:?}");
        }
        let imported: StorageMode = serde_json::from_value("Synchronization".into()).unwrap();
        assert_eq!(imported, StorageMode::Synchronization);
    }
}
