//! Which directory, and how it is read.

use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use tieline_model::DialPlan;
use tieline_ports::ChangeTracking;
use tieline_proto_ldap::Filter;
use tieline_transport::{Trust, TrustStore};

use crate::attributes::Attributes;
use crate::error::DirectoryError;

/// How the connection to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`ldaps`, port 636).
    Ldaps,
    /// TLS after a StartTLS request on the plain port (389); without TLS nothing else is said.
    StartTls,
    /// None. Passwords are only sent so when [`DirectoryConfig::allow_plaintext`] says so.
    Plain,
}

/// One directory server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Lower-case name, or an address without brackets.
    pub host: String,
    /// 636 or 389 when nobody says otherwise.
    pub port: u16,
    /// See [`Security`].
    pub security: Security,
}

impl FromStr for ServerAddress {
    type Err = DirectoryError;

    /// `ldaps://host[:port]`, `ldap://host[:port]` (StartTLS) or `ldap+plain://host[:port]`.
    fn from_str(text: &str) -> Result<Self, DirectoryError> {
        let bad = |reason| DirectoryError::BadSetting { setting: "servers", reason };
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| {
            bad(format!("{text:?} is not a server; write ldaps://dc1.example.com or ldap://dc1.example.com"))
        })?;
        let (security, default) = match scheme.to_ascii_lowercase().as_str() {
            "ldaps" => (Security::Ldaps, 636),
            "ldap" => (Security::StartTls, 389),
            "ldap+plain" => (Security::Plain, 389),
            other => return Err(bad(format!("{other:?} is not a scheme; write ldaps:// or ldap://"))),
        };
        let authority = rest.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port > 0);
                (
                    host,
                    port.ok_or_else(|| bad(format!("the port of {text:?} is not a number from 1 to 65535")))?,
                )
            }
            _ => (authority, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let good = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
        if host.is_empty() || !host.chars().all(good) {
            return Err(bad(format!(
                "{text:?} names no host; the base and the account are settings of their own"
            )));
        }
        Ok(Self { host, port, security })
    }
}

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.security {
            Security::Ldaps => "ldaps",
            Security::StartTls => "ldap",
            Security::Plain => "ldap+plain",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// The service account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Distinguished name; Active Directory takes `user@domain` as well.
    pub name: String,
    /// Its password; never printed.
    pub password: SecretString,
}

/// Bounds and paces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries asked for at a time. Active Directory gives at most 1000.
    pub page_size: u16,
    /// A listing with more people fails.
    pub max_people: usize,
    /// The most bytes of one message from the server.
    pub max_message: usize,
    /// For name resolution, TCP, TLS and bind together. Less than `lookup_timeout`, so that one look-up can still ask
    /// the next server.
    pub connect_timeout: Duration,
    /// Between two messages of an answer.
    pub answer_timeout: Duration,
    /// For one look-up altogether, waiting for others included.
    pub lookup_timeout: Duration,
    /// Look-ups sent to the directory per second, on average.
    pub lookups_per_second: u32,
    /// How many may be sent at once before that average counts.
    pub lookup_burst: u32,
    /// How long "nobody" is remembered.
    pub nobody_for: Duration,
    /// How many more than this share of the people may be missing from a listing before it is doubted, in percent.
    pub losses_percent: u8,
    /// This many may always be missing.
    pub losses_free: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_size: 500,
            max_people: 1_000_000,
            max_message: 4 << 20,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(30),
            lookup_timeout: Duration::from_secs(5),
            lookups_per_second: 20,
            lookup_burst: 40,
            nobody_for: Duration::from_secs(60),
            losses_percent: 20,
            losses_free: 10,
        }
    }
}

/// When the cache is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Between two passes over what changed.
    pub changes: Duration,
    /// Between two complete listings.
    pub full: Duration,
    /// After a failed pass; doubles up to `changes`.
    pub retry: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            changes: Duration::from_secs(5 * 60),
            full: Duration::from_secs(6 * 60 * 60),
            retry: Duration::from_secs(5),
        }
    }
}

/// A directory.
#[derive(Debug, Clone)]
pub struct DirectoryConfig {
    /// In order of preference; the next is asked when one does not answer.
    pub servers: Vec<ServerAddress>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// What the service believes beside the operating system.
    pub trust_store: TrustStore,
    /// `None`: anonymous.
    pub account: Option<Account>,
    /// A password may be sent without TLS. For a directory on this machine.
    pub allow_plaintext: bool,
    /// Where people are, each a distinguished name.
    pub bases: Vec<String>,
    /// Who of the entries there is a person.
    pub people: Filter,
    /// How they are described.
    pub attributes: Attributes,
    /// `None`: found out from what the directory offers. DirSync is only used when it is named here.
    pub tracking: Option<ChangeTracking>,
    /// How numbers are written.
    pub dial_plan: DialPlan,
    /// Bounds and paces.
    pub limits: Limits,
    /// When the cache is refreshed.
    pub schedule: Schedule,
}

impl DirectoryConfig {
    /// Active Directory: users and contacts below these bases.
    pub fn active_directory(servers: Vec<ServerAddress>, bases: Vec<String>) -> Self {
        let people = Filter::And(vec![
            Filter::equal("objectCategory", "person"),
            Filter::Or(vec![Filter::equal("objectClass", "user"), Filter::equal("objectClass", "contact")]),
        ]);
        Self::new(servers, bases, people, Attributes::active_directory())
    }

    /// OpenLDAP and its like, with `inetOrgPerson` entries.
    pub fn openldap(servers: Vec<ServerAddress>, bases: Vec<String>) -> Self {
        Self::new(servers, bases, Filter::equal("objectClass", "inetOrgPerson"), Attributes::openldap())
    }

    fn new(servers: Vec<ServerAddress>, bases: Vec<String>, people: Filter, attributes: Attributes) -> Self {
        Self {
            servers,
            trust: Trust::default(),
            trust_store: TrustStore::default(),
            account: None,
            allow_plaintext: false,
            bases,
            people,
            attributes,
            tracking: None,
            dial_plan: DialPlan::default(),
            limits: Limits::default(),
            schedule: Schedule::default(),
        }
    }

    /// Refuses what cannot work or is not safe, before anything is sent.
    ///
    /// # Errors
    /// [`DirectoryError::BadSetting`] naming the setting.
    pub fn check(&self) -> Result<(), DirectoryError> {
        let bad =
            |setting, reason: &str| Err(DirectoryError::BadSetting { setting, reason: reason.to_owned() });
        if self.servers.is_empty() {
            return bad("servers", "at least one is needed, as ldaps://dc1.example.com");
        }
        if self.bases.is_empty() {
            return bad("bases", "at least one is needed, as dc=example,dc=com");
        }
        if let Some(account) = &self.account {
            if account.name.trim().is_empty() {
                return bad("account", "it has no name; leave the account out for anonymous access");
            }
            // RFC 4513 section 5.1.2: a server takes that for anonymous, and it looks like success.
            if secrecy::ExposeSecret::expose_secret(&account.password).is_empty() {
                return bad("password", "it is empty");
            }
            let plain = self.servers.iter().find(|server| server.security == Security::Plain);
            if let Some(server) = plain.filter(|_| !self.allow_plaintext) {
                let reason = format!(
                    "{server} would get the password unprotected; use ldaps:// or ldap:// (StartTLS)"
                );
                return Err(DirectoryError::BadSetting { setting: "servers", reason });
            }
        }
        if self.attributes.id.is_empty() || self.attributes.display_name.is_empty() {
            return bad("attributes", "those for the id and for the name are needed");
        }
        if self.limits.page_size == 0 || self.limits.lookups_per_second == 0 || self.limits.lookup_burst == 0
        {
            return bad("limits", "page size and look-ups per second must be at least 1");
        }
        self.trust
            .client_config(&self.trust_store)
            .map(drop)
            .map_err(|error| DirectoryError::BadSetting { setting: "trust", reason: error.what() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_administrators_write_them() {
        for (text, shown) in [
            ("ldaps://DC1.corp.example", "ldaps://dc1.corp.example:636"),
            ("ldap://dc1.corp.example/", "ldap://dc1.corp.example:389"),
            ("ldaps://[2001:db8::1]:3269", "ldaps://[2001:db8::1]:3269"),
            ("ldap+plain://127.0.0.1:3890", "ldap+plain://127.0.0.1:3890"),
        ] {
            let server: ServerAddress = text.parse().unwrap();
            assert_eq!(server.to_string(), shown);
            assert_eq!(shown.parse::<ServerAddress>().unwrap(), server);
        }
        for wrong in
            ["dc1", "http://dc1", "ldaps://", "ldaps://a:0", "ldaps://user:pw@dc1", "ldaps://dc1/dc=x"]
        {
            assert!(wrong.parse::<ServerAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_sent_without_tls_unless_somebody_said_so() {
        let server = "ldap+plain://127.0.0.1".parse().unwrap();
        let mut config = DirectoryConfig::openldap(vec![server], vec!["dc=x".to_owned()]);
        assert!(config.check().is_ok(), "anonymous needs no protection");
        config.account = Some(Account { name: "cn=svc".to_owned(), password: "secret".into() });
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("unprotected") && !error.contains("secret"), "{error}");
        config.allow_plaintext = true;
        assert!(config.check().is_ok());
        config.account = Some(Account { name: "cn=svc".to_owned(), password: "".into() });
        assert!(
            config.check().is_err(),
            "an empty password would be an anonymous bind that looks like success"
        );
    }
}
