use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// Contacts as telephones look them up: read-only LDAP.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ldap {
    /// Where LDAP is served that begins without TLS. With a certificate in tls, telephones may turn to TLS (StartTLS); those
    /// that do not send names and numbers unprotected. Off without an address.
    pub plain: Option<SocketAddr>,
    /// This server's certificate, for StartTLS, and LDAP with TLS (`ldaps`).
    pub tls: Option<LdapTls>,
    /// The distinguished name of the tree's base.
    pub base: String,
    /// Mailboxes, by number, whose contacts everybody sees who may look up at all.
    pub shared: Vec<String>,
    /// A name that sees the shared contacts, as cn=phones,o=tieline. Telephones of a mailbox bind as uid=NUMBER,BASE with
    /// their SIP password (tieline mailbox set-sip-password), and see that mailbox's contacts as well.
    pub account: Option<String>,
    /// The file with its password, on its first line.
    pub password_file: Option<PathBuf>,
    /// Let telephones see the shared contacts without a name and password.
    pub anonymous: bool,
    /// The most entries of one answer.
    pub most_entries: usize,
}

/// LDAP with TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LdapTls {
    /// Where `ldaps` is served; without it there is only StartTLS.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// This server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Default for Ldap {
    fn default() -> Self {
        Self {
            plain: None,
            tls: None,
            base: "o=tieline".to_owned(),
            shared: Vec::new(),
            account: None,
            password_file: None,
            anonymous: false,
            most_entries: 100,
        }
    }
}

impl Ldap {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        super::within("ldap", "most_entries", self.most_entries as u64, 1, 10_000)?;
        let named = self.base.split(',').all(|part| {
            part.split_once('=')
                .is_some_and(|(name, value)| !name.trim().is_empty() && !value.trim().is_empty())
        });
        let plain = self.base.chars().all(|c| !c.is_control() && !"\\\"+<>;#".contains(c));
        if !named || !plain || self.base.len() > 200 {
            let next = "write it as o=tieline or ou=phones,dc=corp,dc=example";
            return Err(Refusal::operator(
                "config-invalid",
                "[ldap] base is not a plain distinguished name",
                next,
            ));
        }
        if self.account.is_some() != self.password_file.is_some() {
            let next = "give account and password_file together, or neither";
            return Err(Refusal::operator(
                "config-incomplete",
                "[ldap] names only one of account and password_file",
                next,
            ));
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        for file in self.password_file.iter_mut().chain(tls).filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
    }
}
