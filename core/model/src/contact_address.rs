//! Where a person is reached, as a UC client or a mail names it; the key with which a directory is asked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::caseless::caseless;
use crate::{DialPlan, PhoneNumber, SmtpAddress};

/// Longer contact strings are refused unread.
const MAX_LEN: usize = 512;

/// Why a text is not a SIP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a SIP address; write it in full, as user@domain")]
pub struct SipAddressError(String);

caseless! {
    /// A SIP address of record without its scheme, `user@domain`. Compared without regard to case, as Lync does.
    SipAddress, SipAddressError
}

impl SipAddress {
    /// What stands before the `@`.
    #[must_use]
    pub fn user(&self) -> &str {
        self.0.split_once('@').map_or("", |(user, _)| user)
    }
}

impl FromStr for SipAddress {
    type Err = SipAddressError;

    /// Takes `sip:`, `sips:` or no scheme; parameters and headers of the URI are dropped, percent-escapes resolved.
    fn from_str(text: &str) -> Result<Self, SipAddressError> {
        let bad = || SipAddressError(text.chars().take(254).collect());
        let rest = strip_scheme(text.trim(), &["sip", "sips"]).ok_or_else(bad)?;
        let (user, host) = rest.rsplit_once('@').ok_or_else(bad)?;
        // Parameters of the user part (RFC 3261 section 19.1.1, as in `+4930123;phone-context=x@gw`).
        let user = user.split(';').next().unwrap_or_default();
        let user = percent_decoded(user).ok_or_else(bad)?;
        let host = host.split([';', '?']).next().unwrap_or_default();
        let host = without_port(host);
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"@\\,".contains(c);
        let user_ok = (1..=128).contains(&user.len()) && user.chars().all(plain) && !user.contains(':');
        let host_ok = (1..=255).contains(&host.len())
            && host.chars().all(|c| c.is_alphanumeric() || "-._[]:".contains(c))
            && !host.starts_with(['.', '-'])
            && !host.ends_with(['.', '-']);
        if user_ok && host_ok { Ok(Self(format!("{user}@{host}"))) } else { Err(bad()) }
    }
}

/// Why a text is not a contact address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactAddressError {
    /// Nothing is left of it.
    #[error("the contact is empty; write sip:user@domain, user@domain or tel:+number")]
    Empty,
    /// It is longer than any address.
    #[error("the contact is longer than {MAX_LEN} bytes; write sip:user@domain, user@domain or tel:+number")]
    TooLong,
    /// It is of another form.
    #[error("{0:?} is not a contact; write sip:user@domain, user@domain or tel:+number")]
    Unknown(String),
}

/// One contact: what stands between `<` and `>` in `Contacts=<sip:a@b>`, a sender, or a caller's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactAddress {
    /// A SIP address; may also be somebody's mail address.
    Sip(SipAddress),
    /// A mail address.
    Mail(SmtpAddress),
    /// A telephone number.
    Tel(PhoneNumber),
}

impl ContactAddress {
    /// Reads `sip:`, `sips:`, `tel:`, `mailto:` and `smtp:` in any case, with or without `<` and `>`; without a scheme,
    /// what has an `@` is taken for a SIP address (which is looked for among mail addresses as well), and what is
    /// made of digits for a number.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str, plan: &DialPlan) -> Result<Self, ContactAddressError> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text).trim();
        if text.is_empty() {
            return Err(ContactAddressError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(ContactAddressError::TooLong);
        }
        let unknown = || ContactAddressError::Unknown(text.chars().take(100).collect());
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("mailto" | "smtp") => {
                let rest = text.split_once(':').map_or("", |(_, rest)| rest);
                let address =
                    percent_decoded(rest.split('?').next().unwrap_or_default()).ok_or_else(unknown)?;
                address.parse().map(Self::Mail).map_err(|_| unknown())
            }
            Some("tel") => PhoneNumber::parse(text, plan).map(Self::Tel).ok_or_else(unknown),
            _ if text.contains('@') => text.parse().map(Self::Sip).map_err(|_| unknown()),
            Some("sip" | "sips") => {
                let rest = text.split_once(':').map_or("", |(_, rest)| rest);
                PhoneNumber::parse(rest, plan).map(Self::Tel).ok_or_else(unknown)
            }
            _ => PhoneNumber::parse(text, plan).map(Self::Tel).ok_or_else(unknown),
        }
    }

    /// The number that a SIP address stands for, as gateways write callers: `sip:+4930123@gw.example;user=phone`.
    #[must_use]
    pub fn number_in_sip(&self) -> Option<PhoneNumber> {
        match self {
            Self::Sip(address) if address.user().starts_with('+') => {
                PhoneNumber::parse(address.user(), &DialPlan::default())
            }
            _ => None,
        }
    }

    /// Equal for equal contacts; for caches and single-flight.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Sip(address) => format!("sip:{}", address.key()),
            Self::Mail(address) => format!("mailto:{}", address.key()),
            Self::Tel(number) => format!("tel:{number}"),
        }
    }
}

impl fmt::Display for ContactAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(address) => write!(f, "sip:{address}"),
            Self::Mail(address) => write!(f, "{address}"),
            Self::Tel(number) => write!(f, "tel:{number}"),
        }
    }
}

/// What follows the scheme, when it is one of these or there is none.
fn strip_scheme<'a>(text: &'a str, schemes: &[&str]) -> Option<&'a str> {
    match text.split_once(':') {
        Some((scheme, rest)) if schemes.iter().any(|s| s.eq_ignore_ascii_case(scheme)) => Some(rest),
        Some((before, _)) if !before.contains('@') => None,
        _ => Some(text),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            // Not the tail of a bare IPv6 address.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

/// `None` for an escape that is not two hex digits, or bytes that are not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<ContactAddress, ContactAddressError> {
        ContactAddress::parse(text, &DialPlan::default())
    }

    ///
    #[test]
    fn with_and_without_scheme_it_is_the_same_address() {
        for text in [
            "sip:Alice.Adams@Lab.example",
            "alice.adams@lab.example",
            "<sip:alice.adams@lab.example>",
            "SIPS:alice.adams@lab.example;transport=tls",
            "sip:alice%2Eadams@lab.example:5061;user=ip?subject=x",
            " sip:alice.adams@lab.example ",
        ] {
            let ContactAddress::Sip(address) = parse(text).unwrap() else { panic!("{text}") };
            assert_eq!(address.key(), "alice.adams@lab.example", "{text}");
        }
    }

    #[test]
    fn mail_and_numbers_are_told_apart() {
        assert_eq!(parse("mailto:a%2Eb@c.example?subject=x").unwrap().key(), "mailto:a.b@c.example");
        assert_eq!(parse("SMTP:a@c.example").unwrap().key(), "mailto:a@c.example");
        assert_eq!(parse("tel:+49-30-1234").unwrap().key(), "tel:+49301234");
        assert_eq!(parse("+49 30 1234").unwrap().key(), "tel:+49301234");
        assert_eq!(parse("sip:1001").unwrap().key(), "tel:1001");
        let gateway = parse("sip:+49301234;ext=5@gw.example;user=phone").unwrap();
        assert_eq!(gateway.number_in_sip().unwrap().as_str(), "+49301234");
        assert_eq!(parse("sip:alice@gw.example").unwrap().number_in_sip(), None);
    }

    #[test]
    fn what_is_no_contact_is_refused_with_the_reason() {
        assert_eq!(parse("<>"), Err(ContactAddressError::Empty));
        assert_eq!(parse(&"a".repeat(600)), Err(ContactAddressError::TooLong));
        for text in
            ["alice", "sip:@b", "sip:a@", "http://a@b/", "sip:a b@c", "sip:a%0d%0a@b", "sip:a@b\r\nX: y"]
        {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains("sip:user@domain"), "{text:?}: {error}");
        }
    }

    proptest! {
        /// A contact that was taken carries no control character, white space or bracket, whatever was sent.
        #[test]
        fn any_text_is_a_clean_contact_or_refused(text: String) {
            if let Ok(contact) = parse(&text) {
                prop_assert!(!contact.to_string().contains(|c: char| c.is_control() || c.is_whitespace() || c == '<'));
                prop_assert_eq!(parse(&contact.to_string()).is_ok(), true);
            }
        }

        #[test]
        fn contacts_from_likely_pieces_never_panic(
            text in "(sips?:|tel:|mailto:|<|)[a-z%0-9+;=@]{0,20}(@|)[a-z.:\\[\\]0-9]{0,12}[;?>a-z=]{0,8}"
        ) {
            let _ = parse(&text);
        }
    }
}
