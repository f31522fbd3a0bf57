use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// The conference bridge that the rooms are on: calls to a room's number that come in over `[sip]` are checked and led there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bridge {
    /// What kind of bridge it is.
    #[serde(default)]
    pub kind: BridgeKind,
    /// Where a room is called, with {number} in it: sip:{number}@10.0.0.9:5060;transport=tcp. BigBlueButton may do
    /// without.
    #[serde(default)]
    pub address: Option<String>,
    /// How callers get there.
    #[serde(default)]
    pub calls: BridgeCalls,
    /// So many minutes before its meeting a room is open.
    #[serde(default = "before")]
    pub open_before_min: u64,
    /// So many minutes after its meeting it is still open.
    #[serde(default = "after")]
    pub open_after_min: u64,
    /// BigBlueButton: its API, as https://bbb.corp.example/bigbluebutton/api.
    #[serde(default)]
    pub api: Option<String>,
    /// BigBlueButton: a file with the secret that bbb-conf --secret says.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// BigBlueButton: how calls of its API are signed.
    #[serde(default)]
    pub checksum: BridgeChecksum,
    /// BigBlueButton: the certificates of a private authority, PEM; without it the system's are trusted.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A kind of bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) enum BridgeKind {
    /// Any bridge that takes SIP calls.
    #[default]
    #[serde(rename = "sip")]
    Sip,
    /// BigBlueButton, over its REST API.
    #[serde(rename = "bigbluebutton")]
    BigBlueButton,
}

/// How callers get to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BridgeCalls {
    /// They are told to call there (302).
    #[default]
    Redirect,
    /// The call is passed on; for telephones and switches that follow no redirection, and bridges that take calls from
    /// Tieline only.
    Forward,
}

/// How calls of BigBlueButton's API are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BridgeChecksum {
    /// What every version takes.
    Sha1,
    /// What versions from 2.3 on take.
    #[default]
    Sha256,
}

const fn before() -> u64 {
    10
}

const fn after() -> u64 {
    15
}

impl Bridge {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        super::within("conferencing.bridge", "open_before_min", self.open_before_min, 0, 24 * 60)?;
        super::within("conferencing.bridge", "open_after_min", self.open_after_min, 0, 24 * 60)?;
        let missing = |what: &str, next: &str| {
            Err(Refusal::operator("config-invalid", format!("[conferencing.bridge] {what}"), next))
        };
        if self.address.as_ref().is_some_and(|address| !address.contains("{number}")) {
            let next = "write it as sip:{number}@10.0.0.9:5060";
            return missing("address has no {number} for the room", next);
        }
        match self.kind {
            BridgeKind::Sip if self.address.is_none() => {
                missing("address is missing", "say where a room is called: sip:{number}@10.0.0.9:5060")
            }
            BridgeKind::BigBlueButton if self.api.is_none() || self.secret_file.is_none() => {
                missing("api or secret_file is missing", "bbb-conf --secret says both")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        let files = [&mut self.secret_file, &mut self.ca_file];
        for file in files.into_iter().flatten().filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
    }
}
