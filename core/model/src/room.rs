//! Virtual meeting rooms: the numbers that are dialled, whose they are, and the codes that open them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::named_values;
use crate::{DirectoryId, Person, RoomId, SmtpAddress};

/// Why a text is not a room's number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a room's number; it has 2 to 20 digits and nothing else")]
pub struct RoomNumberError(String);

/// The number of a virtual meeting room (VMR), 2 to 20 digits. Leading zeros count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomNumber(String);

impl RoomNumber {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomNumber {
    type Err = RoomNumberError;

    fn from_str(text: &str) -> Result<Self, RoomNumberError> {
        let good = (2..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if good { Ok(Self(text.to_owned())) } else { Err(RoomNumberError(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for RoomNumber {
    type Error = RoomNumberError;

    fn try_from(text: String) -> Result<Self, RoomNumberError> {
        text.parse()
    }
}

impl From<RoomNumber> for String {
    fn from(number: RoomNumber) -> Self {
        number.0
    }
}

impl fmt::Display for RoomNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a range of room numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range of room numbers; write 7000-7999, both of one length, or a single number")]
pub struct RoomRangeError(String);

/// Room numbers of one length, from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomRange {
    first: u64,
    last: u64,
    width: usize,
}

impl RoomRange {
    /// Whether the number lies in it.
    #[must_use]
    pub fn has(&self, number: &RoomNumber) -> bool {
        number.0.len() == self.width
            && number.0.parse::<u64>().is_ok_and(|value| (self.first..=self.last).contains(&value))
    }

    /// Its numbers in order, beginning with one that `from` chooses and going round.
    pub fn numbers_from(&self, from: u64) -> impl Iterator<Item = RoomNumber> + use<> {
        let (first, width) = (self.first, self.width);
        let many = (self.last - self.first).saturating_add(1);
        let begin = from % many;
        let digits = move |value: u64| RoomNumber(format!("{value:0width$}"));
        (begin..many).chain(0..begin).map(move |step| digits(first + step))
    }
}

impl FromStr for RoomRange {
    type Err = RoomRangeError;

    fn from_str(text: &str) -> Result<Self, RoomRangeError> {
        let bad = || RoomRangeError(text.chars().take(60).collect());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        let number = |text: &str| {
            let digits = text.parse::<RoomNumber>().map_err(|_| bad())?;
            digits.0.parse::<u64>().map_err(|_| bad())
        };
        let range = Self { first: number(first)?, last: number(last)?, width: first.len() };
        // The number of a range's members must fit as well.
        let fits = last.len() == first.len() && range.first <= range.last && range.last < u64::MAX;
        if fits { Ok(range) } else { Err(bad()) }
    }
}

impl fmt::Display for RoomRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.width;
        write!(f, "{:0width$}", self.first)?;
        if self.last > self.first { write!(f, "-{:0width$}", self.last) } else { Ok(()) }
    }
}

impl TryFrom<String> for RoomRange {
    type Error = RoomRangeError;

    fn try_from(text: String) -> Result<Self, RoomRangeError> {
        text.parse()
    }
}

impl From<RoomRange> for String {
    fn from(range: RoomRange) -> Self {
        range.to_string()
    }
}

named_values! {
    /// What kind of room a number belongs to.
    RoomKind, "a kind of room";
    /// It exists for a meeting, as long as that lasts.
    Calendared = "calendared",
    /// It is a person's own; there is one for each person in the directory with a telephone number.
    Enterprise = "enterprise",
    /// An administrator made it.
    Custom = "custom",
}

/// A code that callers enter. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Passcode(String);

impl Passcode {
    /// As it was written, at most 64 characters of it: whether it is a good one is the policy's to say.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().chars().take(64).collect())
    }

    /// The characters, for whoever may know them.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

/// The codes of a room: with the first one takes part, with the second one leads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Passcodes {
    /// For everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conference: Option<Passcode>,
    /// For who leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chairperson: Option<Passcode>,
}

/// A room that exists all the time: an enterprise or a custom one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Enterprise or custom.
    pub kind: RoomKind,
    /// What is dialled.
    pub number: RoomNumber,
    /// The name people see.
    pub name: String,
    /// Whose it is.
    pub owner: Option<SmtpAddress>,
    /// The codes that open it.
    #[serde(default)]
    pub passcodes: Passcodes,
}

/// How a person's own room gets its number: a prefix, and the last digits of a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnterpriseNumbers {
    /// Before the digits.
    #[serde(default)]
    pub prefix: String,
    /// How many digits of the telephone number are kept, from its end.
    pub digits: usize,
}

impl EnterpriseNumbers {
    /// The number of a person's room; `None` when no telephone number has enough digits.
    #[must_use]
    pub fn of(&self, person: &Person) -> Option<RoomNumber> {
        person.phones.iter().find_map(|phone| {
            let digits: Vec<char> = phone.as_str().chars().filter(char::is_ascii_digit).collect();
            let kept = digits.len().checked_sub(self.digits)?;
            let tail: String = digits.iter().skip(kept).collect();
            format!("{}{tail}", self.prefix).parse().ok()
        })
    }

    /// The room of a person from the directory. `id` is drawn by the caller; a disabled account has none.
    #[must_use]
    pub fn room(&self, person: &Person, id: RoomId) -> Option<(DirectoryId, Room)> {
        let number = self.of(person).filter(|_| !person.disabled)?;
        let room = Room {
            id,
            kind: RoomKind::Enterprise,
            number,
            name: person.display_name.clone(),
            owner: person.mail.clone(),
            passcodes: Passcodes::default(),
        };
        Some((person.id.clone(), room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DialPlan, PhoneNumber};
    use proptest::prelude::*;

    #[test]
    fn leading_zeros_count() {
        let range: RoomRange = "0098-0102".parse().unwrap();
        let numbers: Vec<String> = range.numbers_from(3).map(String::from).collect();
        assert_eq!(numbers, ["0101", "0102", "0098", "0099", "0100"]);
        assert!(!range.has(&"99".parse().unwrap()));
        assert_eq!(range.to_string(), "0098-0102");
    }

    #[test]
    fn half_ranges_are_refused() {
        for bad in ["", "7000-", "-7", "7999-7000", "70-7999", "7a-7b", "18446744073709551615"] {
            assert!(bad.parse::<RoomRange>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_passcode_is_not_printed() {
        assert_eq!(format!("{:?}", Passcode::new("4711")), "Passcode(…)");
    }

    #[test]
    fn a_person_has_the_room_of_the_telephone() {
        let numbers = EnterpriseNumbers { prefix: "8".to_owned(), digits: 4 };
        let mut person = Person::named(DirectoryId::new("a").unwrap(), "Alice");
        assert_eq!(numbers.of(&person), None);
        person.phones.extend(PhoneNumber::parse("+49 30 555-1234", &DialPlan::default()));
        assert_eq!(numbers.of(&person).unwrap().as_str(), "81234");
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_an_error(text: String, from: u64) {
            let _ = text.parse::<RoomNumber>();
            if let Ok(range) = text.parse::<RoomRange>() {
                prop_assert_eq!(range.to_string().parse::<RoomRange>().ok(), Some(range.clone()));
                prop_assert!(range.has(&range.numbers_from(from).next().unwrap()));
            }
        }
    }
}
