use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where everything is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Store {
    /// A SQLite file (`sqlite:tieline.db`) or a PostgreSQL database (`postgres://tieline@/tieline?host=/run/postgresql`).
    pub url: String,
    /// The key that encrypts stored passwords. It lies outside the database: keep a copy apart from the backups.
    pub key_file: PathBuf,
    /// Bring the tables to this release's form when the server starts.
    pub migrate: bool,
    /// Recordings of messages that were delivered and then deleted are kept for so many days.
    pub keep_recordings_days: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: "sqlite:tieline.db".to_owned(),
            key_file: PathBuf::from("tieline.key"),
            migrate: true,
            keep_recordings_days: 14,
        }
    }
}

impl Store {
    pub(super) fn resolve(&mut self, folder: &Path) {
        if let Some(path) = self.url.strip_prefix("sqlite:")
            && Path::new(path).is_relative()
        {
            self.url = format!("sqlite:{}", folder.join(path).display());
        }
    }
}
