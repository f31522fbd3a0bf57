//! Telephone numbers, normalised so that the many ways to write one compare equal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// E.164 allows 15 digits; internal numbers and dial strings may be a little longer.
const MAX_DIGITS: usize = 20;

/// How numbers are written on this site, so that a national one can be made international.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialPlan {
    /// The country's calling code, digits only: `49`. Empty: national numbers stay as they are.
    pub country_code: String,
    /// What is dialled before an international number.
    pub international_prefix: String,
    /// What is dialled before a national number. Empty where there is none.
    pub national_prefix: String,
}

impl Default for DialPlan {
    fn default() -> Self {
        Self {
            country_code: String::new(),
            international_prefix: "00".to_owned(),
            national_prefix: "0".to_owned(),
        }
    }
}

/// A number: `+` and digits when it could be made international (E.164), else the digits as they were dialled.
/// Extensions are not kept: `tel:+4930123;ext=45` is `+4930123`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as people, directories and `tel:` URIs (RFC 3966) write it: visual separators go, `(0)` after a
    /// country code goes, and `plan` tells what the first digits mean. `None` when that leaves no number.
    #[must_use]
    pub fn parse(text: &str, plan: &DialPlan) -> Option<Self> {
        let text = text.trim();
        let text = strip_scheme(text).unwrap_or(text);
        let text = text.split(';').next().unwrap_or_default();
        let text = text.split(['x', 'X']).next().unwrap_or_default().trim();
        let (plus, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = if plus { rest.replacen("(0)", "", 1) } else { rest.to_owned() };
        let separator = |c: char| c.is_whitespace() || "-.()/\u{a0}\u{2010}\u{2011}\u{2013}".contains(c);
        if rest.chars().any(|c| !c.is_ascii_digit() && !separator(c)) {
            return None;
        }
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() || digits.len() > MAX_DIGITS {
            return None;
        }
        Some(Self(if plus { format!("+{digits}") } else { international(digits, plan) }))
    }

    /// `+4930123456`, or digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without the `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// Whether it is in E.164 form.
    #[must_use]
    pub fn is_international(&self) -> bool {
        self.0.starts_with('+')
    }

    /// A number that [`PhoneNumber::parse`] made and somebody kept as text.
    #[must_use]
    pub fn kept(text: String) -> Self {
        Self(text)
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("tel").then_some(rest)
}

/// A prefix that is empty in the plan never applies.
fn international(digits: String, plan: &DialPlan) -> String {
    let after = |prefix: &str| match prefix {
        "" => None,
        prefix => digits.strip_prefix(prefix).filter(|rest| rest.len() > 4),
    };
    if let Some(rest) = after(&plan.international_prefix) {
        return format!("+{rest}");
    }
    if plan.country_code.is_empty() {
        return digits;
    }
    match after(&plan.national_prefix) {
        Some(rest) => format!("+{}{rest}", plan.country_code),
        None => digits,
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> DialPlan {
        DialPlan { country_code: "49".to_owned(), ..DialPlan::default() }
    }

    #[test]
    fn the_many_ways_to_write_a_number_are_one_number() {
        for text in [
            "+4930123456",
            "+49 30 123456",
            "+49 (0)30 / 12 34-56",
            "tel:+49-30-123456",
            "TEL:+4930123456;ext=77",
            "0049 30 123456",
            "030 123456",
            "(030) 123.456",
            "+49 30 123456 x77",
        ] {
            let number = PhoneNumber::parse(text, &berlin()).unwrap();
            assert_eq!(number.as_str(), "+4930123456", "{text}");
            assert!(number.is_international());
        }
    }

    #[test]
    fn internal_and_national_numbers_stay_what_they_are() {
        assert_eq!(PhoneNumber::parse("1001", &berlin()).unwrap().as_str(), "1001");
        assert_eq!(PhoneNumber::parse("030 123456", &DialPlan::default()).unwrap().as_str(), "030123456");
        let italian =
            DialPlan { country_code: "39".to_owned(), national_prefix: String::new(), ..DialPlan::default() };
        assert_eq!(PhoneNumber::parse("06 123456", &italian).unwrap().as_str(), "06123456");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "+", "tel:", "alice", "+49a", "123456789012345678901", "sip:1@x", "1*(2", "\u{0}"] {
            assert_eq!(PhoneNumber::parse(text, &berlin()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_of_digits_or_none(text: String) {
            if let Some(number) = PhoneNumber::parse(&text, &berlin()) {
                prop_assert!(!number.digits().is_empty());
                prop_assert!(number.digits().bytes().all(|b| b.is_ascii_digit()));
                prop_assert_eq!(PhoneNumber::parse(number.as_str(), &DialPlan::default()), Some(number));
            }
        }
    }
}
