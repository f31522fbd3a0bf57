use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
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
    #[serde(rename = "open_before_min", default, skip_serializing, deserialize_with = "moved_before")]
    #[schemars(skip)]
    _moved_before: (),
    #[serde(rename = "open_after_min", default, skip_serializing, deserialize_with = "moved_after")]
    #[schemars(skip)]
    _moved_after: (),
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

/// A setting that was here once is refused with the place where it is now.
fn moved_before<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    let text = "open_before_min is not the bridge's any more: pages and calls open at [conferencing] opens_before_min";
    Err(D::Error::custom(text))
}

fn moved_after<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    let text = "open_after_min is not the bridge's any more: pages and calls close at [conferencing] closes_after_min";
    Err(D::Error::custom(text))
}

impl Bridge {
    pub(super) fn check(&self) -> Result<(), Refusal> {
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

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn door_times_that_were_the_bridges_are_refused_with_their_new_place() {
        let bridge = "[conferencing.bridge]\naddress = \"sip:{number}@10.0.0.9\"\n";
        assert!(Config::parse(bridge).is_ok());
        for (old, new) in [("open_before_min", "opens_before_min"), ("open_after_min", "closes_after_min")] {
            let refusal = Config::parse(&format!("{bridge}{old} = 10\n")).unwrap_err();
            assert_eq!(refusal.where_, "3");
            assert!(refusal.what.contains(&format!("[conferencing] {new}")), "{refusal}");
            assert!(Config::parse(&format!("[conferencing]\n{new} = 10\n")).is_ok());
        }
    }
}
