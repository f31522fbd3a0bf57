use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A folder that a switch writes recordings into, in Asterisk's voicemail layout:
/// `FOLDER/CONTEXT/MAILBOX/INBOX/msgNNNN.txt` beside its audio.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spool {
    /// The top folder.
    pub folder: PathBuf,
    /// Remove accepted recordings instead of moving them to the folder `Tieline-accepted` beside INBOX.
    #[serde(default)]
    pub remove_accepted: bool,
    /// How often the folder is looked at, in seconds.
    #[serde(default = "two")]
    pub every_s: u64,
}

const fn two() -> u64 {
    2
}
