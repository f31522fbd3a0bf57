//! The inner grammar of header values: lists, parameters, name-addr and Via (RFC 3261 sections 7.3.1, 20.10, 20.42).

use crate::{Error, malformed};

/// No header value is taken apart into more pieces than this.
const MAX_PIECES: usize = 64;

/// Where `wanted` first stands outside quotes and, unless it is the bracket itself, outside angle brackets.
fn find_outside(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped, mut angled) = (false, false, false);
    for (at, c) in text.char_indices() {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => {}
            }
            continue;
        }
        if c == wanted && !angled {
            return Some(at);
        }
        match c {
            '"' if !angled => quoted = true,
            '<' => angled = true,
            '>' => angled = false,
            _ => {}
        }
    }
    None
}

fn cut(text: &str, at: usize) -> Option<(&str, &str)> {
    let (head, tail) = text.split_at_checked(at)?;
    let mut tail = tail.chars();
    tail.next()?;
    Some((head, tail.as_str()))
}

/// Splits at `separator` outside quotes and angle brackets; at most [`MAX_PIECES`] pieces, trimmed.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        match find_outside(text, separator).and_then(|at| cut(text, at)) {
            Some((head, tail)) => {
                rest = Some(tail);
                Some(head.trim())
            }
            None => Some(text.trim()),
        }
    })
    .take(MAX_PIECES)
}

/// The elements of a comma-separated header value.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    split(value, ',').filter(|piece| !piece.is_empty())
}

/// Takes the quotes off a quoted-string and undoes its escapes; other text is returned as it is.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Writes a quoted-string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The `;name=value` parameters of a header value, in order; names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Params<'a> {
    fn parse(text: &'a str) -> Self {
        Self(
            split(text, ';')
                .filter(|piece| !piece.is_empty())
                .map(|piece| match piece.split_once('=') {
                    Some((name, value)) => (name.trim(), Some(value.trim())),
                    None => (piece, None),
                })
                .collect(),
        )
    }

    /// Whether the parameter is there, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).and_then(|(_, value)| *value)
    }

    /// The value before the first `;`, and the parameters after it.
    #[must_use]
    pub fn of(value: &'a str) -> (&'a str, Self) {
        match find_outside(value, ';').and_then(|at| cut(value, at)) {
            Some((head, tail)) => (head.trim(), Self::parse(tail)),
            None => (value.trim(), Self::default()),
        }
    }
}

/// A name-addr or addr-spec with header parameters: From, To, Contact, Route, Record-Route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// What stands before the angle bracket, quotes included.
    pub display: &'a str,
    /// The URI as written.
    pub uri: &'a str,
    /// The header's parameters (`tag`, `expires`), not those of the URI.
    pub params: Params<'a>,
}

impl<'a> Address<'a> {
    /// Reads one address. Without angle brackets, parameters belong to the header (RFC 3261 section 20.10).
    ///
    /// # Errors
    /// [`Error::Malformed`] when brackets are unbalanced or the URI is empty or holds white space.
    pub fn parse(value: &'a str) -> Result<Self, Error> {
        let value = value.trim();
        let address = match find_outside(value, '<').and_then(|at| cut(value, at)) {
            Some((display, rest)) => {
                let (uri, params) =
                    rest.split_once('>').ok_or_else(|| malformed("address", "no closing angle bracket"))?;
                Self { display: display.trim(), uri: uri.trim(), params: Params::parse(params) }
            }
            None => {
                let (uri, params) = value.split_once(';').unwrap_or((value, ""));
                Self { display: "", uri: uri.trim(), params: Params::parse(params) }
            }
        };
        if address.uri.is_empty() || address.uri.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(malformed("address", "the URI is empty or holds white space"));
        }
        Ok(address)
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }
}

/// One Via element (RFC 3261 section 20.42).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, in the sender's case.
    pub transport: &'a str,
    /// Host and optional port as written.
    pub sent_by: &'a str,
    /// `branch`, `received`, `rport` and others.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one element.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not `SIP/2.0/transport sent-by`.
    pub fn parse(value: &'a str) -> Result<Self, Error> {
        let (head, params) = Params::of(value);
        let why = || malformed("Via", "not SIP/2.0/transport sent-by");
        let (protocol, sent_by) = head.rsplit_once(char::is_whitespace).ok_or_else(why)?;
        let (name_version, transport) = protocol.trim().rsplit_once('/').ok_or_else(why)?;
        let version: String = name_version.chars().filter(|c| !c.is_whitespace()).collect();
        if !version.eq_ignore_ascii_case("SIP/2.0") || sent_by.is_empty() || transport.trim().is_empty() {
            return Err(why());
        }
        Ok(Self { transport: transport.trim(), sent_by: sent_by.trim(), params })
    }

    /// Host of the sender, without brackets.
    #[must_use]
    pub fn host(&self) -> &'a str {
        split_host_port(self.sent_by).0
    }

    /// Port of the sender.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        split_host_port(self.sent_by).1
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`; the host comes back without brackets.
pub(crate) fn split_host_port(text: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|p| p.trim().parse().ok()));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => match port.trim().parse() {
            Ok(port) => (host.trim(), Some(port)),
            Err(_) => (host.trim(), None),
        },
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_semicolons_in_quotes_and_brackets_do_not_split() {
        let contacts: Vec<_> = list(r#""Smith, \"J\"" <sip:j@a;x=1,2>;q=0.5 , sip:b@c;expires=5"#).collect();
        assert_eq!(contacts.len(), 2);
        let first = Address::parse(contacts[0]).unwrap();
        assert_eq!((first.uri, first.params.value("Q")), ("sip:j@a;x=1,2", Some("0.5")));
        let second = Address::parse(contacts[1]).unwrap();
        assert_eq!((second.uri, second.params.value("expires")), ("sip:b@c", Some("5")));
    }

    #[test]
    fn via_forms() {
        let via = Via::parse("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;branch=z9hG4bKa7c6a8dlze.1");
        // White space around the slashes and the colon is legal (RFC 3261 section 20.42), the latter is not understood.
        assert!(via.is_ok());
        let via = Via::parse("SIP/2.0/tcp [2001:db8::1]:5061;rport;branch=z9hG4bK1").unwrap();
        assert_eq!((via.host(), via.port(), via.transport), ("2001:db8::1", Some(5061), "tcp"));
        assert!(via.params.has("rport") && via.params.value("rport").is_none());
        assert!(Via::parse("HTTP/1.1/TCP a").is_err());
    }

    #[test]
    fn quoting_round_trips() {
        for text in ["", "plain", r#"a "quoted\" one"#, "ünïcode"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }

    #[test]
    fn unbalanced_values_are_refused_not_guessed() {
        assert!(Address::parse("<sip:a@b").is_err());
        assert!(Address::parse("<>").is_err());
        assert!(Address::parse("sip:a b@c").is_err());
        assert!(Address::parse("\"open <sip:a@b>").is_err());
    }
}
