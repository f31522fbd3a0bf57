//! What a search returns (`SearchResultEntry`, RFC 4511 section 4.5.2).

use crate::ber::{BerError, Reader, Writer, tag};

/// An attribute with its values. Values are bytes; most are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// As the server writes it, options included: `mail`, `cn;lang-de`.
    pub name: String,
    /// In the server's order, which means nothing.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// An attribute with texts.
    pub fn new<V: Into<Vec<u8>>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }

    /// Whether this is the attribute of that name, options apart; names have no case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.split(';').next().unwrap_or_default().eq_ignore_ascii_case(name)
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Distinguished name (RFC 4514).
    pub dn: String,
    /// What was asked for and may be seen.
    pub attributes: Vec<Attribute>,
}

impl Entry {
    /// All values of an attribute.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.attributes.iter().filter(move |a| a.is(name)).flat_map(|a| a.values.iter().map(Vec::as_slice))
    }

    /// All values of an attribute that are UTF-8.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of an attribute that is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .filter(|a| a.is(name))
            .flat_map(|a| &a.values)
            .find_map(|value| std::str::from_utf8(value).ok())
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.octets(&self.dn);
        writer.around(tag::SEQUENCE, |list| {
            for attribute in &self.attributes {
                list.around(tag::SEQUENCE, |one| {
                    one.octets(&attribute.name);
                    one.around(tag::SET, |values| {
                        attribute.values.iter().for_each(|value| values.octets(value))
                    });
                });
            }
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, BerError> {
        let dn = reader.text()?;
        let mut list = reader.inside(tag::SEQUENCE)?;
        let mut attributes = Vec::new();
        while !list.is_empty() {
            let mut one = list.inside(tag::SEQUENCE)?;
            let name = one.text()?;
            let mut set = one.inside(tag::SET)?;
            let mut values = Vec::new();
            while !set.is_empty() {
                values.push(set.octets()?);
            }
            attributes.push(Attribute { name, values });
        }
        Ok(Self { dn, attributes })
    }
}
