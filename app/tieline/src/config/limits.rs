use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// What is refused as too much.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// The largest recording or fax, in bytes.
    pub recording_bytes: u64,
    /// The longest recording, in seconds.
    pub recording_s: u64,
    /// The longest text message, in characters.
    pub text_chars: u64,
    /// The largest JSON request body, in bytes.
    pub request_bytes: u64,
    /// A request to the REST API may take so many seconds.
    pub request_s: u64,
    /// REST requests for each client address and minute, before it is asked to slow down.
    pub requests_per_minute: u64,
    /// The largest answer read from a mail server, in bytes.
    pub answer_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recording_bytes: 32 << 20,
            recording_s: 3_600,
            text_chars: 16_384,
            request_bytes: 1 << 20,
            request_s: 60,
            requests_per_minute: 6_000,
            answer_bytes: 64 << 20,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (name, value, low, high) in [
            ("recording_bytes", self.recording_bytes, 1_024, 1 << 30),
            ("recording_s", self.recording_s, 1, 86_400),
            ("text_chars", self.text_chars, 1, 1 << 20),
            ("request_bytes", self.request_bytes, 1_024, 1 << 28),
            ("request_s", self.request_s, 1, 600),
            ("requests_per_minute", self.requests_per_minute, 1, 10_000_000),
            ("answer_bytes", self.answer_bytes, 1 << 16, 1 << 31),
        ] {
            super::within("limits", name, value, low, high)?;
        }
        Ok(())
    }
}
