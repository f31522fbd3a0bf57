//! The light in the words of RFC 3842: what is known of a mailbox, and when it was known.

use tieline_model::LightState;
use tieline_proto_sip::{Counts, MessageClass, MessageSummary};

/// How many messages of each class a mailbox holds. A class left at zero is not mentioned, except voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Voice messages.
    pub voice: Counts,
    /// Faxes.
    pub fax: Counts,
    /// Text messages.
    pub text: Counts,
}

/// What is known of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// The counts are known; the lamp is on exactly when one of them has something new.
    Known(Tally),
    /// They could not be asked. Never told to anybody as a number, nor as off.
    Unknown,
}

impl Light {
    /// On or off; `None` when unknown.
    #[must_use]
    pub const fn is_on(&self) -> Option<bool> {
        match self {
            Self::Known(t) => Some(t.voice.new > 0 || t.fax.new > 0 || t.text.new > 0),
            Self::Unknown => None,
        }
    }

    /// `on`, `off` or `unknown`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.is_on() {
            Some(true) => "on",
            Some(false) => "off",
            None => "unknown",
        }
    }

    /// The body for it; `None` when unknown: nothing is claimed.
    #[must_use]
    pub fn summary(&self, account: &str) -> Option<MessageSummary> {
        let Self::Known(Tally { voice, fax, text }) = self else { return None };
        let mentioned = |class, counts: &Counts| {
            (class == MessageClass::VoiceMessage || *counts != Counts::default()).then_some((class, *counts))
        };
        let lines = [
            mentioned(MessageClass::VoiceMessage, voice),
            mentioned(MessageClass::FaxMessage, fax),
            mentioned(MessageClass::TextMessage, text),
        ];
        Some(MessageSummary::of(Some(account), lines.into_iter().flatten()))
    }
}

impl From<LightState> for Light {
    fn from(state: LightState) -> Self {
        state.counts().map_or(Self::Unknown, |counts| {
            Self::Known(Tally { voice: Counts::new(counts.new, counts.old), ..Tally::default() })
        })
    }
}

/// A light at one moment of its mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What is known.
    pub light: Light,
    /// Rises with every change of the mailbox; an older snapshot never follows a newer one to a peer.
    pub revision: u64,
    /// Names the change that led here, for `explain`.
    pub trace: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::MessageCounts;

    /// Covers: AV-13 (three states)
    #[test]
    fn unknown_has_no_body() {
        assert_eq!(Light::from(LightState::Unknown).summary("sip:a@b"), None);
        assert_eq!(Light::Unknown.word(), "unknown");
    }

    #[test]
    fn off_still_tells_how_many_are_read() {
        let light = Light::from(LightState::from_counts(MessageCounts { new: 0, old: 4 }));
        let body = light.summary("sip:a@b").unwrap().to_string();
        assert_eq!(body, "Messages-Waiting: no\r\nMessage-Account: sip:a@b\r\nVoice-Message: 0/4\r\n");
    }

    #[test]
    fn a_fax_alone_lights_the_lamp() {
        let light = Light::Known(Tally { fax: Counts::new(1, 0), ..Tally::default() });
        assert_eq!(light.word(), "on");
        assert!(light.summary("sip:a@b").unwrap().waiting);
    }
}
