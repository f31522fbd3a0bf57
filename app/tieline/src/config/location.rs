use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::{Refusal, UcLocation};

/// Where users are: moved by their calendars where Change Location is on, and told to a presence server and a webhook.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Location {
    /// Where a user is when nothing says otherwise: office, meeting, home, mobile, travel, out-of-office or vacation.
    #[schemars(with = "String")]
    pub usual: UcLocation,
    /// The location of an event to which nobody assigned another.
    #[schemars(with = "String")]
    pub event: UcLocation,
    /// Tentative events count.
    pub tentative: bool,
    /// Whole days count; any event within them counts for more.
    pub whole_days: bool,
    /// Locations are published at the presence server of [sip.presence], as PIDF with rich presence.
    pub publish: bool,
    /// Each change is posted to this address as JSON, as https://pbx.example/tieline/location.
    pub webhook: Option<String>,
    /// A file with the secret that signs what is posted: X-Tieline-Signature is sha256= and the HMAC of the body in hex.
    pub webhook_secret_file: Option<PathBuf>,
}

impl Default for Location {
    fn default() -> Self {
        Self {
            usual: UcLocation::Office,
            event: UcLocation::Meeting,
            tentative: false,
            whole_days: true,
            publish: true,
            webhook: None,
            webhook_secret_file: None,
        }
    }
}

impl Location {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let Some(url) = &self.webhook else { return Ok(()) };
        let bad = |error: tieline_transport::TransportError| {
            let next = "write it as https://pbx.example/tieline/location";
            Refusal::operator("config-invalid", format!("[location] webhook: {}", error.what()), next)
        };
        tieline_transport::Endpoint::parse(url).map(|_| ()).map_err(bad)
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        for file in self.webhook_secret_file.iter_mut().filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
    }
}
