//! Addresses that a technician may be sent to.

use std::fmt;

use tieline_model::Refusal;
use zeroize::Zeroizing;

/// The longest address that is built or taken, in bytes. Browsers and proxies take as much.
pub(crate) const MAX_URL: usize = 4096;

/// A form's address. It may contain an auto connection link, which is a password: printing shows it masked, and
/// [`SecretUrl::expose`] is for the header `Location` alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl {
    whole: Zeroizing<String>,
    masked: String,
}

impl SecretUrl {
    pub(crate) fn new(whole: String, masked: String) -> Self {
        Self { whole: Zeroizing::new(whole), masked }
    }

    /// The whole address: printable ASCII, so that it fits into a header as it is.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.whole
    }

    /// The address with what is secret left out.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({})", self.masked)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

/// A checked address, cut before its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) authority: &'a str,
    /// Path, query and fragment; empty or beginning with `/`, `?` or `#`.
    pub(crate) rest: &'a str,
}

impl<'a> Address<'a> {
    /// Takes https addresses, and http ones on loopback (a lab); refuses user names, control characters, white space
    /// and whatever browsers rewrite before they follow it.
    ///
    /// # Errors
    /// With the reason; the address itself is not repeated, since it may be secret.
    pub(crate) fn parse(url: &'a str) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::permanent("bad-address", what, "write it as https://host/path");
        if url.len() > MAX_URL {
            return Err(bad("the address is longer than 4,096 bytes"));
        }
        if let Some(odd) = url.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`|".contains(*c)) {
            return Err(bad(&format!("the address contains {odd:?}, which must be percent-encoded")));
        }
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| bad("the address does not begin with https://"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = host_and_port(authority).ok_or_else(|| bad("the address names no usable host"))?;
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err(bad("the address's port is not a number from 1 to 65535"));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => {
                return Err(bad("the address is http://, where everybody on the way can read and change it"));
            }
            _ => return Err(bad("the address does not begin with https://")),
        }
        Ok(Self { authority, rest })
    }

    /// As hosts are listed: lower case, with the port where it is not https's own.
    pub(crate) fn host_key(&self) -> String {
        host_key(self.authority)
    }

    /// The query, without `?` and fragment.
    pub(crate) fn query(&self) -> Option<&'a str> {
        let before_fragment = self.rest.split('#').next().unwrap_or_default();
        before_fragment.split_once('?').map(|(_, query)| query)
    }

    /// The path.
    pub(crate) fn path(&self) -> &'a str {
        self.rest.split(['?', '#']).next().unwrap_or_default()
    }

    /// Refuses a host that is not listed.
    pub(crate) fn allowed(&self, hosts: &[String]) -> Result<(), Refusal> {
        let key = self.host_key();
        if hosts.iter().any(|host| host_key(host) == key) {
            return Ok(());
        }
        let listed = if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
        Err(Refusal::permanent(
            "host-not-allowed",
            format!("the address leads to {key}, which is not among the target's hosts ({listed})"),
            format!("if technicians may be sent there, add --host {key}"),
        ))
    }
}

/// A host as it is compared.
pub(crate) fn host_key(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    lower.strip_suffix(":443").map_or_else(|| lower.clone(), str::to_owned)
}

/// A host that may be listed: a name or address, and perhaps a port.
pub(crate) fn check_host(host: &str) -> Result<(), Refusal> {
    let port_ok = |port: Option<&str>| port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    match host_and_port(host) {
        Some((_, port)) if port_ok(port) => Ok(()),
        _ => {
            let shown: String = host.chars().take(80).collect();
            let what = format!("{shown:?} is not a host");
            Err(Refusal::permanent(
                "bad-host",
                what,
                "write it as companyname.easyvista.com, without https://",
            ))
        }
    }
}

fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let digits =
        port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()));
    let name = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=253).contains(&host.len())
                && host.split('.').all(|label| {
                    (1..=63).contains(&label.len())
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                })
        }
    };
    (digits && name).then_some((host, port))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Percent-encodes everything but RFC 3986's unreserved characters: what comes out can end neither its parameter nor
/// its header, whatever went in.
pub(crate) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Covers: EV-31
    #[test]
    fn only_https_to_a_plain_host_is_an_address() {
        let address = Address::parse("https://CompanyName.easyvista.com:443/a/b.php?x=1&y=#z").unwrap();
        assert_eq!(address.host_key(), "companyname.easyvista.com");
        assert_eq!((address.path(), address.query()), ("/a/b.php", Some("x=1&y=")));
        assert!(Address::parse("http://127.0.0.1:8080/itsm/").is_ok(), "a lab on loopback");
        assert!(Address::parse("http://[::1]:8080").is_ok());
        for url in [
            "http://companyname.easyvista.com/",
            "//evil.example/",
            "/relative",
            "javascript:alert(1)",
            "https://user@host/",
            "https://a@b:c@host/",
            "https://",
            "https:///path",
            "https://host:0/",
            "https://host:99999/",
            "https://ho st/",
            "https://host\\@evil.example/",
            "https://host/\r\nSet-Cookie: a=b",
            "https://host/ä",
            "https://-host/",
            "https://%65vil/",
            "ftp://host/",
        ] {
            assert!(Address::parse(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_host_must_be_listed() {
        let hosts = ["companyname.easyvista.com".to_owned(), "glpi.corp.example:8443".to_owned()];
        let allowed = |url| Address::parse(url).unwrap().allowed(&hosts).is_ok();
        assert!(allowed("https://COMPANYNAME.easyvista.com/x"));
        assert!(allowed("https://glpi.corp.example:8443/x"));
        assert!(!allowed("https://glpi.corp.example/x"));
        assert!(!allowed("https://companyname.easyvista.com.evil.example/"));
        assert!(!allowed("https://evil.example/?companyname.easyvista.com"));
    }

    #[test]
    fn secrets_are_masked_when_printed() {
        let url = SecretUrl::new("https://h/?field1=5C0F".into(), "https://h/?field1=…".into());
        assert_eq!(format!("{url:?} {url}"), "SecretUrl(https://h/?field1=…) https://h/?field1=…");
        assert_eq!(url.expose(), "https://h/?field1=5C0F");
    }

    proptest! {
        #[test]
        fn encoded_values_are_one_parameter_and_decode_to_themselves(value: String) {
            let out = encoded(&value);
            prop_assert!(out.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            prop_assert_eq!(crate::contact::percent_decoded(&out), Some(value));
        }

        #[test]
        fn any_text_is_a_checked_address_or_refused(text: String) {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(!address.authority.contains(['@', '/', '\\']));
            }
        }
    }
}
