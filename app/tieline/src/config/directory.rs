use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// The directory that says who is behind an address: Active Directory or OpenLDAP. Without it there is no quick call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Directory {
    /// Servers in order of preference: ldaps://dc1.corp.example, or ldap://dc1.corp.example (StartTLS). None: no
    /// directory.
    pub servers: Vec<String>,
    /// What kind of directory it is.
    pub kind: DirectoryKind,
    /// Where people are, as DC=corp,DC=example.
    pub bases: Vec<String>,
    /// The service account: a distinguished name, or user@domain in Active Directory. Anonymous without it.
    pub account: Option<String>,
    /// The file with its password, on its first line.
    pub password_file: Option<PathBuf>,
    /// Allow ldap+plain:// although the password then travels unprotected. For a directory on this machine.
    pub allow_plaintext: bool,
    /// More certificate authorities to believe, as PEM.
    pub ca_file: Option<PathBuf>,
    /// How often changes are read, in seconds.
    pub changes_every_s: u64,
    /// How often everybody is listed, in seconds.
    pub list_every_s: u64,
    /// The country's calling code, digits only, as 49; makes national numbers international.
    pub country_code: String,
}

/// Which attributes say what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DirectoryKind {
    /// Users and contacts of Active Directory, with the attributes of Exchange and Lync.
    ActiveDirectory,
    /// inetOrgPerson entries, with SIP addresses in labeledURI.
    Openldap,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            kind: DirectoryKind::ActiveDirectory,
            bases: Vec::new(),
            account: None,
            password_file: None,
            allow_plaintext: false,
            ca_file: None,
            changes_every_s: 300,
            list_every_s: 6 * 3600,
            country_code: String::new(),
        }
    }
}

impl Directory {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        super::within("directory", "changes_every_s", self.changes_every_s, 1, 24 * 3600)?;
        super::within("directory", "list_every_s", self.list_every_s, 60, 7 * 24 * 3600)?;
        let incomplete = |what: &str, next: &str| Err(Refusal::operator("config-incomplete", what, next));
        match (&self.account, &self.password_file) {
            (Some(_), None) => {
                let next = "set [directory] password_file to the file with its password, or leave account out for anonymous access";
                return incomplete("[directory] account has no password", next);
            }
            (None, Some(_)) => {
                let next = "set [directory] account to the service account's name, or leave password_file out for anonymous access";
                return incomplete("[directory] password_file is given without an account", next);
            }
            _ => {}
        }
        if !self.servers.is_empty() && self.bases.is_empty() {
            let next = "set [directory] bases, as [\"DC=corp,DC=example\"]";
            return incomplete("[directory] does not say where people are", next);
        }
        if self.country_code.chars().all(|c| c.is_ascii_digit()) && self.country_code.len() <= 3 {
            return Ok(());
        }
        Err(Refusal::operator(
            "config-invalid",
            format!("[directory] country_code {:?} is not a calling code", self.country_code),
            "write digits only, as 49",
        ))
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        let files = [&mut self.password_file, &mut self.ca_file];
        for file in files.into_iter().flatten().filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
    }
}
