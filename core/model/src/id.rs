//! Ids are UUIDv7 newtypes, stored as 16 bytes and printed with a prefix, so that `explain` knows what it is given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {noun}; it looks like {prefix}_0198f2c1d8e27b3c9f0a6d5e4c3b2a19")]
pub struct IdError {
    text: String,
    noun: &'static str,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $noun:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The letters before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that a caller drew from [`crate::Ids`] or read from the store.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, as stored.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.chars().take(64).collect(), noun: $noun, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A mail server that Tieline talks to.
    EndpointId, "ep", "an endpoint id";
    /// A group of mailboxes that share settings and a service account.
    FeatureGroupId, "fg", "a feature group id";
    /// A person's mailbox.
    MailboxId, "mb", "a mailbox id";
    /// A voice message, fax or text message that Tieline accepted.
    MessageId, "vm", "a message id";
    /// A piece of work that must be carried out.
    JobId, "job", "a job id";
    /// One journey, from the telephone call to the lamp.
    TraceId, "tr", "a trace id";
    /// The mark that an item outside carries, so that a retry recognises it.
    DeliveryKey, "dk", "a delivery key";
    /// A contact or event and its counterpart in the mail system.
    LinkId, "ln", "a link id";
    /// One write to the other side, stamped on the item.
    WriteId, "wr", "a write id";
    /// A contact of Tieline's own.
    ContactId, "ct", "a contact id";
    /// An event of Tieline's own calendars.
    EventId, "ev", "an event id";
    /// A copy of a mailbox's contacts or calendar, taken before something is written.
    SnapshotId, "sn", "a snapshot id";
    /// A deletion that can be undone.
    DeletionId, "dl", "a deletion id";
    /// An entry of the quick-call menu.
    QuickCallTargetId, "qt", "a quick-call target id";
    /// A virtual meeting room.
    RoomId, "rm", "a room id";
    /// A meeting in a room.
    MeetingId, "mt", "a meeting id";
    /// An answer to an invitation.
    AnswerId, "an", "an answer id";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn printed_ids_parse_back(bytes: [u8; 16]) {
            let id = MessageId::from_uuid(Uuid::from_bytes(bytes));
            prop_assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
            prop_assert!(id.to_string().parse::<MailboxId>().is_err());
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text: String) {
            let _: Result<MailboxId, IdError> = text.parse();
        }
    }

    #[test]
    fn the_error_shows_what_an_id_looks_like() {
        let error = "vm-1".parse::<MessageId>().unwrap_err();
        assert!(error.to_string().contains("vm_0198"), "{error}");
    }
}
