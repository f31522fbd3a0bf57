//! Addresses that administrators type: mail addresses and a mail server's `ews:` address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::caseless::caseless;

/// Why a text is not a mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a mail address; write it in full, as user@domain")]
pub struct AddressError(String);

caseless! {
    /// A mail address, `user@domain` (RFC 5321 `Mailbox`, without quoted local parts or address literals). Compared
    /// without regard to case, as Exchange does; printed as it was typed.
    SmtpAddress, AddressError
}

impl SmtpAddress {
    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for SmtpAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = || AddressError(text.chars().take(254).collect());
        let (local, domain) = text.split_once('@').ok_or_else(bad)?;
        let atom = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>[]:;@\\,\"".contains(c);
        let label = |l: &str| {
            !l.is_empty()
                && l.chars().count() <= 63
                && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.chars().all(atom)
            && local.split('.').all(|part| !part.is_empty());
        if local_ok && text.len() <= 254 && domain.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(bad())
        }
    }
}

/// Why an IMAP Server Address is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerAddressError {
    /// There is a prefix, but not `ews:` in lower case.
    #[error("{0:?} has the wrong prefix; write ews: in lower case before the host, as ews:mail.example.com")]
    Prefix(String),
    /// There is no prefix.
    #[error("{0:?} has no prefix; write it as ews:{0}")]
    NoPrefix(String),
    /// What follows the prefix is neither a host name nor an IP address.
    #[error(
        "{0:?} does not name a server; after ews: comes one host name or IP address, without port or path"
    )]
    Host(String),
}

/// The administrator's "IMAP Server Address": `ews:` followed by an IP address or a host name. A host name is better:
/// certificates name hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerAddress(String);

impl ServerAddress {
    /// The host name or IP address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0
    }

    /// For a URL's authority: IPv6 in brackets.
    #[must_use]
    pub fn authority_host(&self) -> String {
        if self.0.contains(':') { format!("[{}]", self.0) } else { self.0.clone() }
    }
}

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    fn from_str(text: &str) -> Result<Self, ServerAddressError> {
        let shown: String = text.chars().take(254).collect();
        let Some(host) = text.strip_prefix("ews:") else {
            let ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
            let prefixed = !ipv6 && (text.contains(':') || text.to_lowercase().starts_with("ews"));
            return Err(if prefixed {
                ServerAddressError::Prefix(shown)
            } else {
                ServerAddressError::NoPrefix(shown)
            });
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let name = host.len() <= 253 && host.split('.').all(label);
        if host.parse::<std::net::IpAddr>().is_ok() || name {
            Ok(Self(host.to_ascii_lowercase()))
        } else {
            Err(ServerAddressError::Host(shown))
        }
    }
}

impl TryFrom<String> for ServerAddress {
    type Error = ServerAddressError;

    fn try_from(text: String) -> Result<Self, ServerAddressError> {
        text.parse()
    }
}

impl From<ServerAddress> for String {
    fn from(address: ServerAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ews:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_compare_without_case() {
        let a: SmtpAddress = "Alice@Lab.example".parse().unwrap();
        assert_eq!(a, "alice@lab.example".parse().unwrap());
        assert_eq!(a.to_string(), "Alice@Lab.example");
        assert_eq!(a.domain(), "Lab.example");
    }

    #[test]
    fn half_addresses_are_refused() {
        for bad in
            ["", "alice", "@lab.example", "alice@", "a b@c", "a@b@c", "a..b@c", "a@b..c", "a@-b", "a\r\n@b"]
        {
            assert!(bad.parse::<SmtpAddress>().is_err(), "{bad:?}");
        }
    }

    /// Covers: AV-35
    #[test]
    fn the_server_address_is_an_ip_address_or_a_host_name() {
        for (text, host) in [
            ("ews:10.0.0.7", "10.0.0.7"),
            ("ews:Mail.Corp.example", "mail.corp.example"),
            ("ews:[2001:db8::1]", "2001:db8::1"),
            ("ews:2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().host(), host);
        }
        for bad in ["ews:", "ews:host:443", "ews:host/EWS", "ews:a b", "ews:-a", "ews:ews:a"] {
            assert!(matches!(bad.parse::<ServerAddress>(), Err(ServerAddressError::Host(_))), "{bad:?}");
        }
    }

    proptest! {
        /// Covers: AV-36
        #[test]
        fn only_the_exact_prefix_is_taken(prefix in "[A-Za-z:]{0,6}", host in "[a-z]{1,8}(\\.[a-z]{1,5}){0,2}") {
            let text = format!("{prefix}{host}");
            let expected = text.strip_prefix("ews:").is_some_and(|rest| !rest.contains(':') && !rest.is_empty());
            let parsed = text.parse::<ServerAddress>();
            prop_assert_eq!(parsed.is_ok(), expected, "{}", text);
            if let Err(error) = parsed {
                prop_assert!(error.to_string().contains("ews:"), "the hint names the prefix: {}", error);
            }
        }

        #[test]
        fn any_text_parses_or_errs(text: String) {
            let _ = text.parse::<ServerAddress>();
            let _ = text.parse::<SmtpAddress>();
        }
    }
}
