//! The header lines of a message. Compact forms and case do not matter on lookup; unknown headers are kept.

use std::fmt;

use bytesstr::BytesStr;
pub use ezk_sip_types::Name;

/// Header lines in order of arrival, those of one name together.
#[derive(Clone, Default)]
pub struct Headers {
    inner: ezk_sip_types::Headers,
    lines: usize,
}

impl Headers {
    /// No headers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many lines there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lines
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Adds a line. Control characters in `value` become spaces, so that no value can start another line.
    pub fn push(&mut self, name: Name, value: impl AsRef<str>) {
        let clean: String = value
            .as_ref()
            .trim()
            .chars()
            .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
            .collect();
        self.inner.insert(name, BytesStr::from(clean));
        self.lines += 1;
    }

    /// Adds a line before all others: where proxies expect Via.
    pub fn push_front(&mut self, name: Name, value: impl AsRef<str>) {
        let mut headers = Self::new();
        headers.push(name, value);
        std::mem::take(&mut self.inner).drain_into(&mut headers.inner);
        headers.lines += self.lines;
        *self = headers;
    }

    /// Replaces every line of that name by one.
    pub fn set(&mut self, name: Name, value: impl AsRef<str>) {
        self.remove(name.clone());
        self.push(name, value);
    }

    /// Takes every line of that name out and returns their values.
    pub fn remove(&mut self, name: Name) -> Vec<String> {
        let values: Vec<_> =
            self.inner.remove(&name).unwrap_or_default().iter().map(|v| v.as_str().to_owned()).collect();
        self.lines -= values.len().min(self.lines);
        values
    }

    /// The first value of that name.
    #[must_use]
    pub fn first(&self, name: Name) -> Option<&str> {
        self.inner.get_raw(&name).next().map(BytesStr::as_str)
    }

    /// All values of that name, one for each line.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &str> {
        self.inner.get_raw(&name).map(BytesStr::as_str)
    }

    /// Every line: name as it is printed, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inner.iter().map(|(name, value)| (name.as_print_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    /// Names only: values may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// `SIP-ETag` (RFC 3903).
#[must_use]
pub(crate) fn sip_etag() -> Name {
    Name::from(BytesStr::from_static("SIP-ETag"))
}

/// `SIP-If-Match` (RFC 3903).
#[must_use]
pub(crate) fn sip_if_match() -> Name {
    Name::from(BytesStr::from_static("SIP-If-Match"))
}

/// The header of that name; compact forms of known names are understood.
#[must_use]
pub fn header_name(name: &str) -> Name {
    Name::from(BytesStr::from(canonical(name)))
}

/// Compact forms that `ezk-sip-types` may not know (RFC 6665 section 8.4: `o` and `u`).
fn canonical(name: &str) -> &str {
    match name {
        "o" | "O" => "Event",
        "u" | "U" => "Allow-Events",
        "c" | "C" => "Content-Type",
        "l" | "L" => "Content-Length",
        "f" | "F" => "From",
        "t" | "T" => "To",
        "i" | "I" => "Call-ID",
        "m" | "M" => "Contact",
        "v" | "V" => "Via",
        "e" | "E" => "Content-Encoding",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_and_long_names_are_one() {
        let mut headers = Headers::new();
        for (name, value) in [("o", "message-summary"), ("v", "a"), ("VIA", "b"), ("X-Own", "kept")] {
            headers.push(header_name(name), value);
        }
        assert_eq!(headers.first(Name::EVENT), Some("message-summary"));
        assert_eq!(headers.all(Name::VIA).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.first(header_name("x-own")), Some("kept"));
        assert_eq!(headers.remove(Name::VIA), ["a", "b"]);
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn a_value_cannot_start_another_line() {
        let mut headers = Headers::new();
        headers.push(Name::SUBJECT, "a\r\nEvil: yes");
        assert_eq!(headers.first(Name::SUBJECT), Some("a  Evil: yes"));
    }
}
