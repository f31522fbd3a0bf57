//! The address of a server.

use crate::error::TransportError;

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

/// Where a server is: parsed once, then known to be usable. User information in the address is refused,
/// because it would be a secret in a place that is logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

impl Endpoint {
    /// # Errors
    /// [`TransportError::BadUrl`] with the reason.
    pub fn parse(url: &str) -> Result<Self, TransportError> {
        let bad = |reason| TransportError::BadUrl { url: without_user(url), reason };
        let uri: http::Uri = url.trim().parse().map_err(|_| bad("it is not an absolute URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err(bad("only http and https are spoken")),
            None => return Err(bad("it does not begin with https://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it contains a user name; credentials are configured apart"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        let default = if scheme == Scheme::Https { 443 } else { 80 };
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, digits)) if !digits.ends_with(']') => digits
                .parse()
                .ok()
                .filter(|p| *p > 0)
                .ok_or_else(|| bad("its port is not a number from 1 to 65535"))?,
            _ => default,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { scheme, host, port, path: if path.is_empty() { "/".to_owned() } else { path } })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Lower-case name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, beginning with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// `host:port` without the scheme's own port, for the `Host` header and for messages.
    pub fn authority(&self) -> String {
        let default = if self.scheme == Scheme::Https { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The address for an error message, without what stands before an `@`.
fn without_user(url: &str) -> String {
    match (url.find("://"), url.find('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", &url[..scheme], &url[at..]),
        _ => url.chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_administrators_type() {
        let cases = [
            ("https://mail.example/EWS/Exchange.asmx", "mail.example", 443, "/EWS/Exchange.asmx"),
            ("HTTPS://Mail.Example:8443", "mail.example", 8443, "/"),
            ("http://127.0.0.1:80/x?y=1", "127.0.0.1", 80, "/x?y=1"),
            ("https://[2001:db8::1]/", "2001:db8::1", 443, "/"),
            ("https://[2001:db8::1]:444/", "2001:db8::1", 444, "/"),
        ];
        for (url, host, port, path) in cases {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!((endpoint.host(), endpoint.port(), endpoint.path()), (host, port, path), "{url}");
            assert_eq!(Endpoint::parse(&endpoint.to_string()).unwrap(), endpoint);
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for url in ["mail.example", "ftp://mail.example/", "https://", "https://h:0/", "https://h:99999/", ""]
        {
            assert!(matches!(Endpoint::parse(url), Err(TransportError::BadUrl { .. })), "{url}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let error = Endpoint::parse("https://svc:hunter2@mail.example/").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let error = Endpoint::parse("https://svc:hunter2@mail example/").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
