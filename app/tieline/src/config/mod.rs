//! The configuration file: process, listeners, store, keys and limits, in TOML. What an administrator changes day by
//! day (endpoints, feature groups, mailboxes) lives in the store instead.
//!
//! One struct per section. Doc comments become the JSON Schema's descriptions and `tieline config example`'s comments.

mod bridge;
mod conferencing;
mod delivery;
mod directory;
mod example;
mod ldap;
mod limits;
mod listen;
mod location;
mod log;
mod sign_in;
mod sip;
mod spool;
mod store;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

pub(crate) use bridge::{Bridge, BridgeCalls, BridgeChecksum, BridgeKind};
pub(crate) use conferencing::{Conferencing, Subscription};
pub(crate) use delivery::Delivery;
pub(crate) use directory::{Directory, DirectoryKind};
pub(crate) use example::example;
pub(crate) use ldap::Ldap;
pub(crate) use limits::Limits;
pub(crate) use listen::Listen;
pub(crate) use location::Location;
pub(crate) use log::{Log, LogFormat};
pub(crate) use sign_in::{OpenId, Proxy, SignIn};
pub(crate) use sip::{Digest, Sip, SipTls};
pub(crate) use spool::Spool;
pub(crate) use store::Store;

/// The whole file.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where people and programs reach this server.
    pub listen: Listen,
    /// Where everything is kept.
    pub store: Store,
    /// Who may see the pages, and how they prove who they are.
    pub sign_in: SignIn,
    /// The directory that says who is behind an address.
    pub directory: Directory,
    /// Invitations to virtual meeting rooms.
    pub conferencing: Conferencing,
    /// Contacts as telephones look them up.
    pub ldap: Ldap,
    /// Message-waiting lights.
    pub sip: Sip,
    /// Where users are.
    pub location: Location,
    /// Folders that a switch writes recordings into.
    pub spool: Vec<Spool>,
    /// How messages travel to the mail server.
    pub delivery: Delivery,
    /// What is refused as too much.
    pub limits: Limits,
    /// What this server says about itself.
    pub log: Log,
}

impl Config {
    /// Reads and checks a file; relative paths in it are meant from its folder.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has an unknown or mistyped setting, or a value out of range: one
    /// refusal that names file and line.
    pub(crate) fn load(path: &Path) -> Result<Self, Refusal> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Refusal::operator(
                "config-unreadable",
                format!("the configuration cannot be read: {error}"),
                "name an existing file with --config, or make one with: tieline init",
            )
            .at(path.display().to_string())
        })?;
        let mut config = Self::parse(&text).map_err(|refusal| {
            let line = refusal.where_.clone();
            refusal.at(if line.is_empty() {
                path.display().to_string()
            } else {
                format!("{}:{line}", path.display())
            })
        })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        config.resolve(&folder);
        Ok(config)
    }

    /// Checks a text. The refusal's place is the line number.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map(|span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
            let what = error.message().trim().replace('\n', "; ");
            Refusal::operator(
                "config-invalid",
                what,
                "correct the line; tieline config example lists every setting",
            )
            .at(line.map(|line| line.to_string()).unwrap_or_default())
        })?;
        config.listen.check()?;
        config.sign_in.check()?;
        config.directory.check()?;
        config.conferencing.check(config.delivery.push_url.is_some())?;
        config.ldap.check()?;
        config.sip.check()?;
        config.location.check()?;
        config.delivery.check()?;
        config.limits.check()?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let absolute = |path: &mut PathBuf| {
            if path.is_relative() {
                *path = folder.join(&*path);
            }
        };
        absolute(&mut self.listen.admin_socket);
        absolute(&mut self.store.key_file);
        self.store.resolve(folder);
        self.sign_in.resolve(folder);
        self.directory.resolve(folder);
        self.conferencing.resolve(folder);
        self.location.resolve(folder);
        self.ldap.resolve(folder);
        self.spool.iter_mut().for_each(|spool| absolute(&mut spool.folder));
        self.sip.tls.iter_mut().for_each(|tls| {
            absolute(&mut tls.certificate);
            absolute(&mut tls.key);
            tls.client_ca.iter_mut().for_each(absolute);
        });
    }
}

/// The JSON Schema of the file, for editors.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

/// A value that must lie between two bounds.
fn within(section: &str, name: &str, value: u64, low: u64, high: u64) -> Result<(), Refusal> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Refusal::operator(
        "config-out-of-range",
        format!("[{section}] {name} is {value}"),
        format!("choose a value between {low} and {high}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_named_with_its_line() {
        let refusal = Config::parse("[listen]\nhttp = \"127.0.0.1:8080\"\n\n[stor]\n").unwrap_err();
        assert_eq!(refusal.where_, "4");
        assert!(refusal.what.contains("stor") && refusal.what.contains("store"), "{refusal}");
        let refusal = Config::parse("[delivery]\nlate_effect_bound_s = \"soon\"\n").unwrap_err();
        assert_eq!(refusal.where_, "2");
        assert!(Config::parse("[limits]\nrecording_bytes = 0\n").unwrap_err().next.contains("between"));
    }

    #[test]
    fn an_empty_file_and_the_example_hold() {
        assert!(Config::parse("").is_ok());
        Config::parse(&example()).unwrap();
    }

    #[test]
    fn relative_paths_are_meant_from_the_files_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tieline.toml");
        std::fs::write(&file, "[store]\nkey_file = \"tieline.key\"\n").unwrap();
        let config = Config::load(&file).unwrap();
        assert_eq!(config.store.key_file, folder.path().join("tieline.key"));
        let missing = Config::load(&folder.path().join("none.toml")).unwrap_err();
        assert!(missing.next.contains("tieline init"), "{missing}");
    }
}
