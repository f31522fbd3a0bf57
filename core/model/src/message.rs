//! What was recorded or received for a mailbox: a voice message, a fax, a text message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DeliveryKey, MailboxId, MessageId, TraceId};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// A recording.
    Voice,
    /// A fax, as PDF or TIFF.
    Fax,
    /// A text message.
    Text,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Voice, Self::Fax, Self::Text];

    /// As stored and typed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Fax => "fax",
            Self::Text => "text",
        }
    }

    /// As shown in a subject line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Voice => "Voice message",
            Self::Fax => "Fax",
            Self::Text => "Text message",
        }
    }
}

impl std::fmt::Display for MessageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for MessageKind {
    type Err = crate::Refusal;

    fn from_str(text: &str) -> Result<Self, crate::Refusal> {
        Self::ALL.into_iter().find(|k| k.name() == text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            crate::Refusal::permanent(
                "unknown-message-kind",
                format!("{shown:?} is not a kind of message"),
                "choose voice, fax or text",
            )
        })
    }
}

/// Who called. Either part may be missing: a withheld number is no number, not an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caller {
    /// The telephone number as the network gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The name as the network or a directory gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Caller {
    /// For a subject line: name, or number, or "unknown caller".
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.number.as_deref()).unwrap_or("unknown caller")
    }
}

/// Where a message stands towards its mailbox's user. Delivery has a state of its own (crate `tieline-delivery`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Not heard yet: counts for the light.
    #[default]
    Unread,
    /// Heard or opened.
    Read,
    /// Deleted by its user.
    Deleted,
}

impl MessageState {
    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Read => "read",
            Self::Deleted => "deleted",
        }
    }
}

/// A message that Tieline accepted. Its content (the recording, the fax) lies in the store in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub mailbox: MailboxId,
    /// What it is.
    pub kind: MessageKind,
    /// The mark that its item outside carries.
    pub delivery_key: DeliveryKey,
    /// Its journey.
    pub trace: TraceId,
    /// Who called.
    #[serde(default)]
    pub caller: Caller,
    /// When the call was answered or the message came in.
    pub received: Timestamp,
    /// How long the recording is, in milliseconds; 0 for fax and text.
    pub duration_ms: u64,
    /// How many pages the fax has; 0 otherwise.
    #[serde(default)]
    pub pages: u32,
    /// The text of a text message; otherwise empty.
    #[serde(default)]
    pub text: String,
    /// The content's media type, as probed: `audio/wav`, `application/pdf`; empty for a text message.
    #[serde(default)]
    pub media_type: String,
    /// The content's length in bytes.
    pub size: u64,
    /// What its user did with it.
    #[serde(default)]
    pub state: MessageState,
    /// The id that the depositing system gave it, so that the same deposit made twice is one message: a SIP Call-ID,
    /// an Asterisk `msg_id`, an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
}
