use std::time::Duration;

use crate::Error;
use crate::property_path::PropertyPath;
use crate::response_code::ResponseCode;
use crate::xml::{Choice as _, Ns, Reader, Start, Writer};

/// `MessageXml`: details of an error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageXml {
    /// `t:Value` pairs of name and text: `BackOffMilliseconds`, `InnerErrorResponseCode` and others.
    pub values: Vec<(String, String)>,
    /// The properties at fault.
    pub paths: Vec<PropertyPath>,
    /// Any other element by local name, with its text: `LineNumber`, `LinePosition`, `Violation` and others.
    pub elements: Vec<(String, String)>,
}

impl MessageXml {
    /// Whether there are no details.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.paths.is_empty() && self.elements.is_empty()
    }

    /// The text of the value `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, text)| text.trim())
    }

    /// How long the server wants us to wait, at most an hour. Servers also send 0 and refuse again.
    pub fn back_off(&self) -> Option<Duration> {
        let milliseconds: u64 = self.value("BackOffMilliseconds")?.parse().ok()?;
        Some(Duration::from_millis(milliseconds.min(3_600_000)))
    }

    /// Details that ask for a wait.
    pub fn with_back_off(wait: Duration) -> Self {
        Self {
            values: vec![("BackOffMilliseconds".to_owned(), wait.as_millis().to_string())],
            ..Self::default()
        }
    }

    /// The code of an error that the server wrapped into a general one.
    pub fn inner_code(&self) -> Option<ResponseCode> {
        self.value("InnerErrorResponseCode").map(ResponseCode::from)
    }

    pub(crate) fn read_element(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Self, Error> {
        let mut xml = Self::default();
        while let Some(child) = r.child(element)? {
            if child.local() == "Value" {
                let name = child.attribute(r.limits(), "Name")?.unwrap_or_default();
                xml.values.push((name, r.text(&child)?.into_owned()));
            } else if let Some(path) = PropertyPath::read_choice(r, &child)? {
                xml.paths.push(path);
            } else if is_name(child.local()) {
                let name = child.local().to_owned();
                xml.elements.push((name, r.text(&child)?.into_owned()));
            } else {
                r.skip(&child)?;
            }
        }
        Ok(xml)
    }

    pub(crate) fn write_element(&self, w: &mut Writer, ns: Ns) {
        if self.is_empty() {
            return;
        }
        w.start(ns, b"MessageXml");
        for path in &self.paths {
            path.write_choice(w);
        }
        for (name, text) in &self.values {
            w.start(Ns::Types, b"Value");
            w.attribute(b"Name", name);
            w.text(text);
            w.end(Ns::Types, b"Value");
        }
        for (name, text) in self.elements.iter().filter(|(name, _)| is_name(name)) {
            w.element(Ns::Types, name.as_bytes(), text);
        }
        w.end(ns, b"MessageXml");
    }
}

/// Whether `name` may be written as an element's name.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
