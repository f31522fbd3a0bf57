//! Search filters (RFC 4511 section 4.5.1.7) as a tree.

use crate::ber::{BerError, Reader, Writer, boolean, tag, text};

/// Deeper filters are refused: nobody writes them, and each level costs stack.
pub(crate) const MAX_DEPTH: usize = 32;

/// Which entries a search returns. Values are bytes and stay what they are: there is no character in them that needs
/// escaping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them; none given is true.
    And(Vec<Filter>),
    /// One of them; none given is false.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A value equals.
    Equal {
        /// Name.
        attribute: String,
        /// By the attribute's own rule, mostly without regard to case.
        value: Vec<u8>,
    },
    /// A value has these parts, in this order.
    Substrings {
        /// Name.
        attribute: String,
        /// Its beginning.
        initial: Option<Vec<u8>>,
        /// Somewhere.
        any: Vec<Vec<u8>>,
        /// Its end.
        end: Option<Vec<u8>>,
    },
    /// A value is this or greater.
    GreaterOrEqual {
        /// Name.
        attribute: String,
        /// By the attribute's own order.
        value: Vec<u8>,
    },
    /// A value is this or less.
    LessOrEqual {
        /// Name.
        attribute: String,
        /// By the attribute's own order.
        value: Vec<u8>,
    },
    /// There is a value.
    Present(String),
    /// A value sounds alike.
    Approx {
        /// Name.
        attribute: String,
        /// By whatever the server takes for alike.
        value: Vec<u8>,
    },
    /// A value matches by a named rule.
    Extensible {
        /// The rule's object identifier or name.
        rule: Option<String>,
        /// Name; `None`: any attribute that the rule fits.
        attribute: Option<String>,
        /// What the rule compares with.
        value: Vec<u8>,
        /// Also the attributes in the distinguished name.
        dn_attributes: bool,
    },
}

impl Filter {
    /// A value equals.
    pub fn equal(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Equal { attribute: attribute.into(), value: value.into() }
    }

    /// A value is this or greater.
    pub fn at_least(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::GreaterOrEqual { attribute: attribute.into(), value: value.into() }
    }

    /// A value begins so.
    pub fn begins(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Substrings {
            attribute: attribute.into(),
            initial: Some(value.into()),
            any: Vec::new(),
            end: None,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let assertion = |writer: &mut Writer, number, attribute: &String, value: &Vec<u8>| {
            writer.around(tag::context_constructed(number), |one| {
                one.octets(attribute);
                one.octets(value);
            });
        };
        match self {
            Self::And(all) => {
                writer.around(tag::context_constructed(0), |w| all.iter().for_each(|f| f.write(w)))
            }
            Self::Or(any) => {
                writer.around(tag::context_constructed(1), |w| any.iter().for_each(|f| f.write(w)))
            }
            Self::Not(inner) => writer.around(tag::context_constructed(2), |w| inner.write(w)),
            Self::Equal { attribute, value } => assertion(writer, 3, attribute, value),
            Self::Substrings { attribute, initial, any, end } => {
                writer.around(tag::context_constructed(4), |one| {
                    one.octets(attribute);
                    one.around(tag::SEQUENCE, |parts| {
                        initial.iter().for_each(|part| parts.primitive(tag::context(0), part));
                        any.iter().for_each(|part| parts.primitive(tag::context(1), part));
                        end.iter().for_each(|part| parts.primitive(tag::context(2), part));
                    });
                });
            }
            Self::GreaterOrEqual { attribute, value } => assertion(writer, 5, attribute, value),
            Self::LessOrEqual { attribute, value } => assertion(writer, 6, attribute, value),
            Self::Present(attribute) => writer.primitive(tag::context(7), attribute.as_bytes()),
            Self::Approx { attribute, value } => assertion(writer, 8, attribute, value),
            Self::Extensible { rule, attribute, value, dn_attributes } => {
                writer.around(tag::context_constructed(9), |one| {
                    rule.iter().for_each(|rule| one.primitive(tag::context(1), rule.as_bytes()));
                    attribute.iter().for_each(|name| one.primitive(tag::context(2), name.as_bytes()));
                    one.primitive(tag::context(3), value);
                    if *dn_attributes {
                        one.boolean(tag::context(4), true);
                    }
                });
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, BerError> {
        Self::read_at(reader, MAX_DEPTH)
    }

    fn read_at(reader: &mut Reader<'_>, depth: usize) -> Result<Self, BerError> {
        let depth = depth.checked_sub(1).ok_or(BerError::Depth(MAX_DEPTH))?;
        let (found, content) = reader.element()?;
        let mut inside = Reader::new(content);
        match found {
            0xa0 => Self::read_list(inside, depth).map(Self::And),
            0xa1 => Self::read_list(inside, depth).map(Self::Or),
            0xa2 => Self::read_at(&mut inside, depth).map(|inner| Self::Not(Box::new(inner))),
            0xa3 => Ok(Self::Equal { attribute: inside.text()?, value: inside.octets()? }),
            0xa4 => Self::read_substrings(inside),
            0xa5 => Ok(Self::GreaterOrEqual { attribute: inside.text()?, value: inside.octets()? }),
            0xa6 => Ok(Self::LessOrEqual { attribute: inside.text()?, value: inside.octets()? }),
            0x87 => text(content).map(Self::Present),
            0xa8 => Ok(Self::Approx { attribute: inside.text()?, value: inside.octets()? }),
            0xa9 => Self::read_extensible(inside),
            found => Err(BerError::Tag { expected: 0xa0, found }),
        }
    }

    fn read_list(mut reader: Reader<'_>, depth: usize) -> Result<Vec<Self>, BerError> {
        let mut list = Vec::new();
        while !reader.is_empty() {
            list.push(Self::read_at(&mut reader, depth)?);
        }
        Ok(list)
    }

    fn read_substrings(mut reader: Reader<'_>) -> Result<Self, BerError> {
        let attribute = reader.text()?;
        let mut parts = reader.inside(tag::SEQUENCE)?;
        let initial = parts.optional(tag::context(0))?.map(<[u8]>::to_vec);
        let mut any = Vec::new();
        while let Some(part) = parts.optional(tag::context(1))? {
            any.push(part.to_vec());
        }
        let end = parts.optional(tag::context(2))?.map(<[u8]>::to_vec);
        if !parts.is_empty() || (initial.is_none() && any.is_empty() && end.is_none()) {
            return Err(BerError::Range("the parts of a substring filter"));
        }
        Ok(Self::Substrings { attribute, initial, any, end })
    }

    fn read_extensible(mut reader: Reader<'_>) -> Result<Self, BerError> {
        Ok(Self::Extensible {
            rule: reader.optional(tag::context(1))?.map(text).transpose()?,
            attribute: reader.optional(tag::context(2))?.map(text).transpose()?,
            value: reader.expect(tag::context(3))?.to_vec(),
            dn_attributes: reader.optional(tag::context(4))?.map(boolean).transpose()?.unwrap_or(false),
        })
    }
}
