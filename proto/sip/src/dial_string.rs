//! What is dialled to reach a conference: a number, and codes behind it.
//!
//! Bridges agree on no single form. Read are those in use: `7042**1234` (Pexip, Polycom DMA), `7042$$1234$$9876`
//! (Polycom RMX: conference and chairperson password), `7042##1234` (H.323 dial strings that a gateway passes on),
//! `7042.1234` (cloud services), and a password behind a colon (RFC 3261 section 19.1.1, deprecated there).
//! Percent-encoded characters are those they stand for.

use std::fmt;

use crate::Uri;

const SEPARATORS: [&str; 4] = ["**", "$$", "##", "."];
/// No number or code is longer than this.
const MAX_PART: usize = 64;
/// No more codes than this are looked at.
const MAX_CODES: usize = 2;

/// A number and the codes behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct DialString {
    /// What stands before the first separator.
    pub number: String,
    /// What stands behind, in order; empty ones are left out.
    pub codes: Vec<String>,
}

impl fmt::Debug for DialString {
    /// Without the codes, which are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialString").field("number", &self.number).field("codes", &self.codes.len()).finish()
    }
}

impl DialString {
    /// Reads the user part of a URI. `None` when there is none, or a part is too long to be a number or a code.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let user = unescaped(uri.user()?)?;
        // Parameters of a telephone number (RFC 3261 section 19.1.6).
        let dialled = user.split(';').next().unwrap_or_default();
        let separator = SEPARATORS.into_iter().find(|separator| dialled.contains(separator));
        let mut parts = match separator {
            Some(separator) => dialled.split(separator).collect::<Vec<_>>().into_iter(),
            None => vec![dialled].into_iter(),
        };
        let number = parts.next().unwrap_or_default().to_owned();
        let password = uri.password().and_then(unescaped);
        let codes: Vec<String> = parts
            .map(str::to_owned)
            .chain(password)
            .filter(|code| !code.is_empty())
            .take(MAX_CODES)
            .collect();
        let fits = |text: &String| text.len() <= MAX_PART;
        (!number.is_empty() && fits(&number) && codes.iter().all(fits)).then_some(Self { number, codes })
    }
}

/// `%2A` is `*`; what is no such escape, or no text afterwards, is nothing.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Option<(String, Vec<String>)> {
        DialString::of(&uri.parse().unwrap()).map(|dialled| (dialled.number, dialled.codes))
    }

    /// Covers: PO-09 (dial strings)
    #[test]
    fn the_forms_in_use_are_read() {
        for (uri, number, codes) in [
            ("sip:7042@vmr.example", "7042", vec![]),
            ("sip:7042**1234@vmr.example", "7042", vec!["1234"]),
            ("sip:7042%2A%2a1234@vmr.example;user=phone", "7042", vec!["1234"]),
            ("sip:7042$$1111$$2222@vmr.example", "7042", vec!["1111", "2222"]),
            ("sip:7042%23%231234@vmr.example", "7042", vec!["1234"]),
            ("sip:7042.1234@vmr.example", "7042", vec!["1234"]),
            ("sip:7042:1234@vmr.example", "7042", vec!["1234"]),
            ("sip:7042;phone-context=corp@vmr.example", "7042", vec![]),
            ("sip:7042**@vmr.example", "7042", vec![]),
            ("sip:7042**1**2**3**4@vmr.example", "7042", vec!["1", "2"]),
        ] {
            let codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
            assert_eq!(read(uri), Some((number.to_owned(), codes)), "{uri}");
        }
    }

    #[test]
    fn what_is_no_dial_string_is_refused() {
        for uri in
            ["sip:vmr.example", "sip:**1234@vmr.example", "sip:70%4@vmr.example", "sip:%ff@vmr.example"]
        {
            assert_eq!(read(uri), None, "{uri}");
        }
        assert_eq!(read(&format!("sip:7042**{}@vmr.example", "1".repeat(65))), None);
    }

    #[test]
    fn codes_are_not_printed() {
        let dialled = DialString::of(&"sip:7042**4711@vmr.example".parse().unwrap()).unwrap();
        assert!(!format!("{dialled:?}").contains("4711"));
    }
}
