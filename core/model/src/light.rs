//! The message-waiting light: always derived from the messages, never counted up or down.

use serde::{Deserialize, Serialize};

use crate::MessageState;

/// How many messages of one class a mailbox holds (RFC 3842 section 5.2, new/old).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageCounts {
    /// Unread.
    pub new: u32,
    /// Read.
    pub old: u32,
}

impl MessageCounts {
    /// Counts messages by their state; deleted ones do not count.
    pub fn of(states: impl IntoIterator<Item = MessageState>) -> Self {
        let mut counts = Self::default();
        for state in states {
            match state {
                MessageState::Unread => counts.new = counts.new.saturating_add(1),
                MessageState::Read => counts.old = counts.old.saturating_add(1),
                MessageState::Deleted => {}
            }
        }
        counts
    }
}

/// What a telephone's lamp should show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "light", rename_all = "lowercase")]
pub enum LightState {
    /// Unread messages wait.
    On(MessageCounts),
    /// None waits.
    Off(MessageCounts),
    /// The truth cannot be known at present: the lamp is left as it is and nothing is claimed. Never shown as 0.
    Unknown,
}

impl LightState {
    /// The light of a mailbox whose counts are known.
    #[must_use]
    pub const fn from_counts(counts: MessageCounts) -> Self {
        if counts.new > 0 { Self::On(counts) } else { Self::Off(counts) }
    }

    /// The counts, when they are known.
    #[must_use]
    pub const fn counts(self) -> Option<MessageCounts> {
        match self {
            Self::On(counts) | Self::Off(counts) => Some(counts),
            Self::Unknown => None,
        }
    }

    /// The state's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::On(_) => "on",
            Self::Off(_) => "off",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Covers: AV-13 (derived)
        #[test]
        fn the_light_is_on_exactly_when_an_unread_message_waits(states in prop::collection::vec(0..3_u8, 0..50)) {
            let states: Vec<_> = states
                .into_iter()
                .map(|s| [MessageState::Unread, MessageState::Read, MessageState::Deleted][usize::from(s)])
                .collect();
            let light = LightState::from_counts(MessageCounts::of(states.iter().copied()));
            prop_assert_eq!(light.word() == "on", states.contains(&MessageState::Unread));
            let counts = light.counts().unwrap();
            let kept = states.iter().filter(|s| **s != MessageState::Deleted).count();
            prop_assert_eq!((counts.new + counts.old) as usize, kept);
        }
    }
}
