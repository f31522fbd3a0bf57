//! SIP URIs (RFC 3261 section 19.1): kept as written, with the parts that routing needs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::header_value::split_host_port;
use crate::{Error, malformed};

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams; the transaction layer retransmits.
    Udp,
    /// A plain connection.
    Tcp,
    /// A TLS connection.
    Tls,
}

impl Transport {
    /// As written in Via.
    #[must_use]
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// As written in the `transport` parameter of a URI.
    #[must_use]
    pub const fn param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Whether the transport itself delivers reliably.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The port used when a URI names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

/// A `sip:` or `sips:` URI. Its text is never rewritten: a peer's remote target goes back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uri {
    text: String,
    secure: bool,
    user: Option<String>,
    password: Option<String>,
    host: String,
    port: Option<u16>,
    transport: Option<Transport>,
    loose_route: bool,
}

/// No URI longer than this is read, in bytes.
const MAX_URI: usize = 1024;

impl Uri {
    /// The URI as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The user part, as written.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password behind the user's name, as written; deprecated (RFC 3261 section 19.1.1), and read all the same.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The host, lower case, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when one is written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The transport that it asks for: its parameter, TLS for `sips:`, UDP otherwise.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.transport {
            Some(Transport::Tcp) if self.secure => Transport::Tls,
            Some(transport) => transport,
            None if self.secure => Transport::Tls,
            None => Transport::Udp,
        }
    }

    /// Whether it carries `lr` (RFC 3261 section 16.12).
    #[must_use]
    pub const fn is_loose_route(&self) -> bool {
        self.loose_route
    }

    /// `sip:user@host` in lower-case host, without port or parameters: what identifies a mailbox.
    #[must_use]
    pub fn address_of_record(&self) -> String {
        let scheme = if self.secure { "sips" } else { "sip" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match &self.user {
            Some(user) => format!("{scheme}:{user}@{host}"),
            None => format!("{scheme}:{host}"),
        }
    }
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > MAX_URI {
            return Err(Error::TooLarge { what: "URI", limit: MAX_URI });
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"')) {
            return Err(malformed("URI", "white space, quotes or brackets inside"));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| malformed("URI", "no scheme"))?;
        let secure = match scheme {
            s if s.eq_ignore_ascii_case("sip") => false,
            s if s.eq_ignore_ascii_case("sips") => true,
            _ => return Err(malformed("URI", "the scheme is neither sip nor sips")),
        };
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        // A password is no part of the user's name.
        let (user, password) = match user.and_then(|user| user.split_once(':')) {
            Some((name, password)) => (Some(name.to_owned()), Some(password.to_owned())),
            None => (user.map(str::to_owned), None),
        };
        let rest = rest.split_once('?').map_or(rest, |(head, _)| head);
        let (host_port, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = split_host_port(host_port);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(plain) || host.len() > 255 {
            return Err(malformed("URI", "no usable host"));
        }
        if port.is_none() && host_port.trim_start_matches('[').len() > host.len() + 1 {
            return Err(malformed("URI", "the port is no number from 0 to 65535"));
        }
        let param = |name: &str| {
            params.split(';').find_map(|p| {
                let (n, value) = p.split_once('=').unwrap_or((p, ""));
                n.eq_ignore_ascii_case(name).then_some(value)
            })
        };
        let transport = match param("transport") {
            None => None,
            Some(t) if t.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
            Some(t) if t.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
            Some(t) if t.eq_ignore_ascii_case("tls") => Some(Transport::Tls),
            Some(_) => return Err(malformed("URI", "the transport is none of udp, tcp and tls")),
        };
        let loose_route = param("lr").is_some();
        let host = host.to_ascii_lowercase();
        Ok(Self { text: text.to_owned(), secure, user, password, host, port, transport, loose_route })
    }
}

impl TryFrom<String> for Uri {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Uri> for String {
    fn from(uri: Uri) -> Self {
        uri.text
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let uri: Uri = "sip:*97#@PBX.example.com:5070;Transport=TCP;line=a=b;lr?x=y".parse().unwrap();
        assert_eq!((uri.user(), uri.host(), uri.port()), (Some("*97#"), "pbx.example.com", Some(5070)));
        assert_eq!(uri.transport(), Transport::Tcp);
        assert!(uri.is_loose_route());
        assert_eq!(uri.address_of_record(), "sip:*97#@pbx.example.com");
        let uri: Uri = "sips:bob:secret@[2001:db8::9]".parse().unwrap();
        assert_eq!((uri.user(), uri.host(), uri.port()), (Some("bob"), "2001:db8::9", None));
        assert_eq!(
            (uri.transport(), uri.address_of_record().as_str()),
            (Transport::Tls, "sips:bob@[2001:db8::9]")
        );
    }

    #[test]
    fn refused() {
        for bad in [
            "",
            "bob",
            "tel:123",
            "sip:",
            "sip:@",
            "sip:a@b:99999",
            "sip:a@b c",
            "sip:a@b;transport=ws",
            "sip:a@b>\r\nEvil: 1",
            "sip:a@b:x",
        ] {
            assert!(bad.parse::<Uri>().is_err(), "{bad:?}");
        }
    }
}
