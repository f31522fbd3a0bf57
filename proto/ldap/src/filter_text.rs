//! The text form of filters (RFC 4515): as administrators write them in settings, and as they are shown.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::filter::{Filter, MAX_DEPTH};

/// Longer texts are refused.
const MAX_LEN: usize = 8192;

/// Why a text is not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the filter cannot be read: {problem} at character {at}; write it as (&(objectClass=person)(mail=*))"
)]
pub struct FilterError {
    /// What is wrong.
    pub problem: &'static str,
    /// Bytes from the beginning.
    pub at: usize,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > MAX_LEN {
            return Err(parser.error("it is too long"));
        }
        parser.skip_space();
        let filter = parser.filter(MAX_DEPTH)?;
        parser.skip_space();
        if parser.at < text.len() { Err(parser.error("something follows the filter")) } else { Ok(filter) }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, problem: &'static str) -> FilterError {
        FilterError { problem, at: self.at }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, wanted: char) -> Result<(), FilterError> {
        if self.rest().starts_with(wanted) {
            self.at += wanted.len_utf8();
            Ok(())
        } else {
            Err(self.error(if wanted == '(' { "( is missing" } else { ") is missing" }))
        }
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.error("it is nested too deep"))?;
        self.take('(')?;
        let operator = self.rest().chars().next();
        let filter = match operator {
            Some(operator @ ('&' | '|' | '!')) => {
                self.at += 1;
                match operator {
                    '&' => Filter::And(self.list(depth)?),
                    '|' => Filter::Or(self.list(depth)?),
                    _ => Filter::Not(Box::new(self.filter(depth)?)),
                }
            }
            _ => self.item()?,
        };
        self.take(')')?;
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        let mut list = Vec::new();
        self.skip_space();
        while self.rest().starts_with('(') {
            list.push(self.filter(depth)?);
            self.skip_space();
        }
        Ok(list)
    }

    fn item(&mut self) -> Result<Filter, FilterError> {
        let end = self.rest().find(['(', ')']).ok_or_else(|| self.error(") is missing"))?;
        let item = self.rest().get(..end).unwrap_or_default();
        let (left, value) = item.split_once('=').ok_or_else(|| self.error("= is missing"))?;
        let filter = self.comparison(left, value)?;
        self.at += end;
        Ok(filter)
    }

    fn comparison(&self, left: &str, value: &str) -> Result<Filter, FilterError> {
        let exact = |text: &str| match text.contains('*') {
            true => Err(self.error("* must be written as \\2a here")),
            false => self.unescaped(text),
        };
        let named = |name: &str| self.name(name);
        Ok(match left.char_indices().next_back() {
            Some((at, '>')) => {
                Filter::GreaterOrEqual { attribute: named(&left[..at])?, value: exact(value)? }
            }
            Some((at, '<')) => Filter::LessOrEqual { attribute: named(&left[..at])?, value: exact(value)? },
            Some((at, '~')) => Filter::Approx { attribute: named(&left[..at])?, value: exact(value)? },
            Some((at, ':')) => self.extensible(&left[..at], exact(value)?)?,
            _ if value == "*" => Filter::Present(named(left)?),
            _ if value.contains('*') => self.substrings(named(left)?, value)?,
            _ => Filter::Equal { attribute: named(left)?, value: exact(value)? },
        })
    }

    fn name(&self, name: &str) -> Result<String, FilterError> {
        let name = name.trim();
        let good =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.;_".contains(&b));
        if good { Ok(name.to_owned()) } else { Err(self.error("the attribute name is missing or wrong")) }
    }

    /// `attribute:dn:rule`, each part optional.
    fn extensible(&self, left: &str, value: Vec<u8>) -> Result<Filter, FilterError> {
        let mut parts = left.split(':');
        let attribute =
            parts.next().filter(|name| !name.is_empty()).map(|name| self.name(name)).transpose()?;
        let mut parts = parts.peekable();
        let dn_attributes = parts.next_if(|part| part.eq_ignore_ascii_case("dn")).is_some();
        let rule = parts.next().map(|rule| self.name(rule)).transpose()?;
        if parts.next().is_some() || (attribute.is_none() && rule.is_none()) {
            return Err(self.error("the matching rule cannot be read"));
        }
        Ok(Filter::Extensible { rule, attribute, value, dn_attributes })
    }

    fn substrings(&self, attribute: String, value: &str) -> Result<Filter, FilterError> {
        let parts = value.split('*').map(|part| self.unescaped(part)).collect::<Result<Vec<_>, _>>()?;
        let filled = |part: Vec<u8>| (!part.is_empty()).then_some(part);
        let mut parts = parts.into_iter();
        let initial = parts.next().and_then(filled);
        let end = parts.next_back().and_then(filled);
        let any: Vec<_> = parts.filter_map(filled).collect();
        if initial.is_none() && any.is_empty() && end.is_none() {
            return Ok(Filter::Present(attribute));
        }
        Ok(Filter::Substrings { attribute, initial, any, end })
    }

    fn unescaped(&self, text: &str) -> Result<Vec<u8>, FilterError> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'\\' {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                let pair =
                    digit().zip(digit()).ok_or_else(|| self.error("\\ needs two hex digits after it"))?;
                bytes.push((pair.0 * 16 + pair.1) as u8);
            } else {
                bytes.push(byte);
            }
        }
        Ok(bytes)
    }
}

/// A value in text form: what would be structure, and what is not plain text, as `\xx`.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '*' | '(' | ')' | '\\' | '\0'..=' ' | '\x7f' => write!(f, "\\{:02x}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, operator, list: &[Self]| {
            write!(f, "({operator}")?;
            list.iter().try_for_each(|inner| inner.fmt(f))?;
            f.write_char(')')
        };
        match self {
            Self::And(all) => list(f, '&', all),
            Self::Or(any) => list(f, '|', any),
            Self::Not(inner) => write!(f, "(!{inner})"),
            Self::Equal { attribute, value } => write!(f, "({attribute}={})", Escaped(value)),
            Self::Substrings { attribute, initial, any, end } => {
                write!(f, "({attribute}={}*", Escaped(initial.as_deref().unwrap_or_default()))?;
                any.iter().try_for_each(|part| write!(f, "{}*", Escaped(part)))?;
                write!(f, "{})", Escaped(end.as_deref().unwrap_or_default()))
            }
            Self::GreaterOrEqual { attribute, value } => write!(f, "({attribute}>={})", Escaped(value)),
            Self::LessOrEqual { attribute, value } => write!(f, "({attribute}<={})", Escaped(value)),
            Self::Present(attribute) => write!(f, "({attribute}=*)"),
            Self::Approx { attribute, value } => write!(f, "({attribute}~={})", Escaped(value)),
            Self::Extensible { rule, attribute, value, dn_attributes } => {
                write!(f, "({}", attribute.as_deref().unwrap_or_default())?;
                if *dn_attributes {
                    f.write_str(":dn")?;
                }
                if let Some(rule) = rule {
                    write!(f, ":{rule}")?;
                }
                write!(f, ":={})", Escaped(value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::{Reader, Writer};
    use proptest::prelude::*;

    fn encoded(filter: &Filter) -> Vec<u8> {
        let mut writer = Writer::default();
        filter.write(&mut writer);
        writer.into_bytes()
    }

    /// The examples of RFC 4515 section 4.
    #[test]
    fn the_examples_of_the_specification() {
        for text in [
            "(cn=Babs\\20Jensen)",
            "(!(cn=Tim\\20Howes))",
            "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs\\20J*)))",
            "(o=univ*of*mich*)",
            "(seeAlso=)",
            "(cn:caseExactMatch:=Fred\\20Flintstone)",
            "(cn:=Betty\\20Rubble)",
            "(sn:dn:2.4.6.8.10:=Barney\\20Rubble)",
            "(o:dn:=Ace\\20Industry)",
            "(:1.2.3:=Wilma\\20Flintstone)",
            "(:DN:2.4.6.8.10:=Dino)",
            "(o=Parens\\20R\\20Us\\20\\28for\\20all\\20your\\20parenthetical\\20needs\\29)",
            "(cn=*\\2a*)",
            "(filename=C:\\5cMyFile)",
            "(bin=\\00\\00\\00\\04)",
            "(sn=Lučić)",
            "(1.3.6.1.4.1.1466.0=\\04\\02Hi)",
            "(&)",
            "(|)",
            "(a>=1)",
            "(a<=1)",
            "(a~=1)",
            "(a=*)",
        ] {
            let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(filter.to_string().to_lowercase(), text.to_lowercase());
            let bytes = encoded(&filter);
            assert_eq!(Filter::read(&mut Reader::new(&bytes)), Ok(filter), "{text}");
        }
        let loose: Filter = "(cn=Babs Jensen)".parse().unwrap();
        assert_eq!(loose, Filter::equal("cn", "Babs Jensen"));
    }

    #[test]
    fn wrong_filters_are_refused_with_the_place() {
        for text in [
            "",
            "x",
            "(",
            "(a)",
            "(=b)",
            "(a=b",
            "(a=b))",
            "(a=\\2)",
            "(a>=b*)",
            "(!)",
            "(&(a=b)c)",
            "(a b=c)",
        ] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
        let deep = format!("{}(a=b){}", "(!".repeat(40), ")".repeat(40));
        assert_eq!(deep.parse::<Filter>().unwrap_err().problem, "it is nested too deep");
    }

    #[test]
    fn a_filter_that_is_nested_without_end_is_refused_and_costs_no_stack() {
        let mut bytes = encoded(&Filter::Present("a".to_owned()));
        for _ in 0..20_000 {
            let mut writer = Writer::default();
            writer.primitive(0xa2, &bytes);
            bytes = writer.into_bytes();
        }
        assert!(matches!(Filter::read(&mut Reader::new(&bytes)), Err(crate::BerError::Depth(_))));
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let name = "[a-z]{1,8}";
        let value = || proptest::collection::vec(any::<u8>(), 0..12);
        let filled = || proptest::collection::vec(any::<u8>(), 1..12);
        let leaf = prop_oneof![
            (name, value()).prop_map(|(a, v)| Filter::equal(a, v)),
            (name, value()).prop_map(|(a, v)| Filter::at_least(a, v)),
            (name, value()).prop_map(|(attribute, value)| Filter::LessOrEqual { attribute, value }),
            (name, value()).prop_map(|(attribute, value)| Filter::Approx { attribute, value }),
            name.prop_map(Filter::Present),
            (name, filled(), proptest::collection::vec(filled(), 0..3), proptest::option::of(filled()))
                .prop_map(|(attribute, initial, any, end)| Filter::Substrings {
                    attribute,
                    initial: Some(initial),
                    any,
                    end
                }),
            (name, proptest::option::of("[0-9.]{1,8}"), value(), any::<bool>()).prop_map(
                |(a, rule, value, dn)| {
                    Filter::Extensible { rule, attribute: Some(a), value, dn_attributes: dn }
                }
            ),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
                inner.prop_map(|f| Filter::Not(Box::new(f))),
            ]
        })
    }

    proptest! {
        /// Whatever the values are, the tree comes back as it was: through the wire form, and through the text.
        #[test]
        fn filters_round_trip(filter in any_filter()) {
            let bytes = encoded(&filter);
            prop_assert_eq!(&Filter::read(&mut Reader::new(&bytes)).unwrap(), &filter);
            prop_assert_eq!(&filter.to_string().parse::<Filter>().unwrap(), &filter);
        }

        #[test]
        fn any_text_is_a_filter_or_an_error(text: String) {
            let _ = text.parse::<Filter>();
        }

        #[test]
        fn likely_texts_are_a_filter_or_an_error(text in "[()&|!=*\\\\a-c0-9:<>~ ]{0,40}") {
            let _ = text.parse::<Filter>();
        }
    }
}
