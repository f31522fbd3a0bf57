//! The administrator's rules in a small typed file. What it leaves out is as the source document says: every one of
//! its conditions declines.

mod replay;
mod trial;

use serde::{Deserialize, Serialize};
use tieline_model::{EnterpriseNumbers, Language, Person, RoomNumber, RoomRange};

pub use replay::{Difference, Past, Replay};
pub use trial::{Trial, TrialOutcome, Trials};

use crate::PolicyError;

/// Whether a condition counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// The invitation is declined for it.
    #[default]
    Decline,
    /// It is passed over.
    Accept,
}

/// The conditions. Invalid or incomplete data always decline: there is nothing that could be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// The number is another meeting's at that time.
    pub calendared_number_in_use: Rule,
    /// The number is a person's own room.
    pub enterprise_number_in_use: Rule,
    /// The number is the organizer's own room.
    pub own_room: Rule,
    /// The number is a room that an administrator made.
    pub custom_number_in_use: Rule,
    /// The number lies in none of the ranges, where there are any.
    pub unknown_number: Rule,
    /// Neither organizer nor sender is in the directory.
    pub sender_unknown: Rule,
    /// The meeting is over already.
    pub past: Rule,
    /// The meeting is longer than allowed.
    pub too_long: Rule,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            calendared_number_in_use: Rule::Decline,
            enterprise_number_in_use: Rule::Decline,
            own_room: Rule::Decline,
            custom_number_in_use: Rule::Decline,
            unknown_number: Rule::Decline,
            sender_unknown: Rule::Decline,
            past: Rule::Decline,
            too_long: Rule::Decline,
        }
    }
}

/// What a code must be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PasscodeRule {
    /// There must be one.
    pub required: bool,
    /// The fewest digits.
    pub min_digits: usize,
    /// The most digits.
    pub max_digits: usize,
}

impl Default for PasscodeRule {
    fn default() -> Self {
        Self { required: false, min_digits: 4, max_digits: 16 }
    }
}

/// Another longest duration for some rooms or people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DurationRule {
    /// For these rooms; all when absent.
    #[serde(default)]
    pub numbers: Option<RoomRange>,
    /// For organizers of this department; all when absent.
    #[serde(default)]
    pub department: Option<String>,
    /// The longest duration in minutes.
    pub minutes: i64,
}

/// How rooms are written in locations and texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reading {
    /// Words that ask for a room: the number may follow.
    pub keywords: Vec<String>,
    /// Domains of dial strings: `7042@vmr.example` and `sip:7042@vmr.example` name a room where the domain stands here.
    pub domains: Vec<String>,
}

impl Default for Reading {
    fn default() -> Self {
        let words = ["@vmr", "@meet", "vmr"];
        Self { keywords: words.map(str::to_owned).to_vec(), domains: Vec::new() }
    }
}

/// The rules by which invitations are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// The Default Conference Duration: longer meetings are declined, equal ones are not. Minutes.
    pub default_conference_duration_minutes: i64,
    /// So far ahead rooms are reserved, in days; of a series without end, what lies beyond follows day by day.
    pub horizon_days: u16,
    /// The numbers of rooms for meetings. None: any number may be asked for, and one must be.
    pub numbers: Vec<RoomRange>,
    /// The language of answers where an invitation does not tell its own.
    pub language: Language,
    /// The conditions.
    pub rules: Rules,
    /// The code for everybody.
    pub conference_passcode: PasscodeRule,
    /// The code for who leads.
    pub chairperson_passcode: PasscodeRule,
    /// Other longest durations; the first that fits counts.
    pub duration: Vec<DurationRule>,
    /// How rooms are written.
    pub reading: Reading,
    /// How people's own rooms get their numbers; absent: people have none.
    pub enterprise_numbers: Option<EnterpriseNumbers>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_conference_duration_minutes: 240,
            horizon_days: 730,
            numbers: Vec::new(),
            language: Language::English,
            rules: Rules::default(),
            conference_passcode: PasscodeRule::default(),
            chairperson_passcode: PasscodeRule::default(),
            duration: Vec::new(),
            reading: Reading::default(),
            enterprise_numbers: None,
        }
    }
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// When a name or value is not known, or a value contradicts another one. The message says where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::file("policy", &error))?;
        policy.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        let minutes =
            self.duration.iter().map(|rule| rule.minutes).chain([self.default_conference_duration_minutes]);
        if let Some(bad) = minutes.into_iter().find(|minutes| *minutes < 1) {
            return Err(PolicyError::Value(format!("a longest duration of {bad} minutes allows no meeting")));
        }
        if self.horizon_days == 0 || self.horizon_days > 3660 {
            return Err(PolicyError::Value("horizon-days is 1 to 3660".to_owned()));
        }
        for rule in [&self.conference_passcode, &self.chairperson_passcode] {
            if rule.min_digits == 0 || rule.min_digits > rule.max_digits || rule.max_digits > 64 {
                let text = "min-digits is at least 1, max-digits not below it and at most 64";
                return Err(PolicyError::Value(text.to_owned()));
            }
        }
        if self.reading.keywords.iter().any(|word| word.trim().chars().count() < 3) {
            return Err(PolicyError::Value("a keyword has at least three letters".to_owned()));
        }
        Ok(self)
    }

    /// The longest duration of a meeting in this room, in minutes.
    #[must_use]
    pub fn longest_minutes(&self, number: Option<&RoomNumber>, department: Option<&str>) -> i64 {
        let fits = |rule: &&DurationRule| {
            let room =
                rule.numbers.as_ref().is_none_or(|range| number.is_some_and(|number| range.has(number)));
            let people = rule.department.as_deref().is_none_or(|wanted| {
                department.is_some_and(|department| department.trim().eq_ignore_ascii_case(wanted.trim()))
            });
            room && people
        };
        self.duration.iter().find(fits).map_or(self.default_conference_duration_minutes, |rule| rule.minutes)
    }

    /// The number of a person's own room.
    #[must_use]
    pub fn enterprise_number(&self, person: &Person) -> Option<RoomNumber> {
        self.enterprise_numbers.as_ref()?.of(person).filter(|_| !person.disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: PO-25
    #[test]
    fn the_longest_duration_is_a_setting_with_exceptions_by_room_and_department() {
        let policy = Policy::parse(
            r#"
            default-conference-duration-minutes = 120
            [[duration]]
            numbers = "7900-7999"
            minutes = 600
            [[duration]]
            department = "Board"
            minutes = 480
            "#,
        )
        .unwrap();
        let number = |text: &str| text.parse::<RoomNumber>().unwrap();
        assert_eq!(policy.longest_minutes(Some(&number("7000")), None), 120);
        assert_eq!(policy.longest_minutes(Some(&number("7950")), None), 600);
        assert_eq!(policy.longest_minutes(None, Some("board")), 480);
        assert_eq!(policy.longest_minutes(None, None), 120);
    }

    #[test]
    fn a_mistyped_policy_is_refused_at_load_and_says_where() {
        for (text, word) in [
            ("default-conference-duration = 5", "default-conference-duration"),
            ("[rules]\ntoo-long = \"maybe\"", "maybe"),
            ("numbers = [\"7999-7000\"]", "7999-7000"),
            ("default-conference-duration-minutes = 0", "allows no meeting"),
            ("[conference-passcode]\nmin-digits = 9\nmax-digits = 4", "max-digits"),
            ("horizon-days = 0", "horizon-days"),
            ("[reading]\nkeywords = [\"a\"]", "three letters"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn an_empty_file_is_the_default_policy() {
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
    }
}
