//! Tests that an administrator writes beside a policy: an invitation, what stands, and what is to come of it.
//!
//! ```toml
//! [[test]]
//! name = "the board may meet all day"
//! expect = []
//! [test.invitation]
//! number = "7900"
//! start = "2026-12-01T09:00"
//! minutes = 480
//! ```

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::{
    AskedIn, Days, Ends, Invitation, InvitationVersion, Language, MeetingKey, Passcode, Passcodes, Pattern,
    ReasonKind, Recurrence, Room, RoomId, RoomKind, RoomNumber, Schedule, SmtpAddress, When, Zone,
};

use crate::{Calendar, Decided, Policy, PolicyError, RoomBook, Sender, Situation, decide, spans};

/// How often a meeting repeats, in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Every {
    Day,
    Week,
}

/// A meeting, in a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Asked {
    #[serde(default)]
    number: Option<RoomNumber>,
    start: DateTime,
    minutes: i64,
    #[serde(default = "utc")]
    zone: String,
    #[serde(default)]
    every: Option<Every>,
    /// For ever, when absent.
    #[serde(default)]
    times: Option<u32>,
    #[serde(default)]
    conference_passcode: Option<String>,
    #[serde(default)]
    chairperson_passcode: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default = "yes")]
    sender_in_directory: bool,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

/// A room that stands, in a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StandingRoom {
    number: RoomNumber,
    kind: RoomKind,
    #[serde(default)]
    owner: Option<SmtpAddress>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trial {
    name: String,
    /// When the invitation comes; a day before the meeting begins, when absent.
    #[serde(default)]
    now: Option<Timestamp>,
    invitation: Asked,
    /// Meetings that have their rooms already.
    #[serde(default)]
    meeting: Vec<Asked>,
    /// Rooms that always exist.
    #[serde(default)]
    room: Vec<StandingRoom>,
    /// The kinds of reason to be named; none for a yes.
    expect: Vec<ReasonKind>,
}

/// The tests of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trials {
    #[serde(default)]
    test: Vec<Trial>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialOutcome {
    /// The test's name.
    pub name: String,
    /// It came out as expected.
    pub passed: bool,
    /// What was expected.
    pub expected: Vec<ReasonKind>,
    /// What came.
    pub got: Vec<ReasonKind>,
}

impl Trials {
    /// Reads a file of tests.
    ///
    /// # Errors
    /// When a name or value is not known; the message says where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|error| PolicyError::file("policy's tests", &error))
    }

    /// Tries a policy, test by test.
    ///
    /// # Errors
    /// When a test cannot be set up, since its zone is unknown or its own meetings collide.
    pub fn run(&self, policy: &Policy) -> Result<Vec<TrialOutcome>, PolicyError> {
        self.test.iter().map(|trial| trial.run(policy)).collect()
    }
}

impl Trial {
    fn run(&self, policy: &Policy) -> Result<TrialOutcome, PolicyError> {
        let asked = &self.invitation;
        let schedule = asked.schedule();
        let wrong = |what: String| PolicyError::Value(format!("test {:?}: {what}", self.name));
        let start = schedule.start.instant().map_err(|error| wrong(error.to_string()))?;
        let day = SignedDuration::from_hours(24);
        let now = self.now.unwrap_or_else(|| start.checked_sub(day).unwrap_or(start));
        let mut calendar = Calendar::new();
        for (nth, meeting) in self.meeting.iter().enumerate() {
            let number =
                meeting.number.as_ref().ok_or_else(|| wrong("a meeting needs a number".to_owned()))?;
            let taken = spans(&meeting.schedule(), now, policy.horizon_days);
            let key = MeetingKey { uid: format!("meeting {nth}"), occurrence: None };
            calendar
                .reserve(&key, number, &taken.map_err(|error| wrong(error.to_string()))?)
                .map_err(|_| wrong("two of its meetings collide".to_owned()))?;
        }
        let mut rooms = RoomBook::new();
        for room in &self.room {
            rooms.insert(room.room());
        }
        let organizer: SmtpAddress =
            "organizer@test.example".parse().map_err(|_| wrong("no organizer".to_owned()))?;
        let sender = if asked.sender_in_directory {
            Sender::Known { addresses: vec![organizer.clone()], department: asked.department.clone() }
        } else {
            Sender::NotInDirectory
        };
        let situation =
            Situation { policy, rooms: &rooms, calendar: &calendar, sender: &sender, held: None, now };
        let decided = decide(&asked.invitation(organizer, schedule), &situation)
            .map_err(|refusal| wrong(refusal.to_string()))?;
        let mut got: Vec<ReasonKind> = match decided {
            Decided::Accepted(_) => Vec::new(),
            Decided::Declined(reasons) => reasons.iter().map(tieline_model::Reason::kind).collect(),
        };
        got.dedup();
        let mut expected = self.expect.clone();
        expected.sort_unstable();
        expected.dedup();
        Ok(TrialOutcome { name: self.name.clone(), passed: expected == got, expected, got })
    }
}

impl StandingRoom {
    fn room(&self) -> Room {
        Room {
            id: RoomId::from_uuid(uuid::Uuid::nil()),
            kind: self.kind,
            number: self.number.clone(),
            name: self.number.to_string(),
            owner: self.owner.clone(),
            passcodes: Passcodes::default(),
        }
    }
}

impl Asked {
    fn schedule(&self) -> Schedule {
        let zone = Zone::named(self.zone.clone());
        let end = self.start.checked_add(SignedDuration::from_secs(self.minutes.saturating_mul(60)));
        let when = |local: DateTime| When { local, zone: zone.clone() };
        let ends = self.times.map_or(Ends::Never, Ends::After);
        let pattern = self.every.map(|every| match every {
            Every::Day => Pattern::Daily { interval: 1 },
            Every::Week => Pattern::Weekly {
                interval: 1,
                days: Days::one(self.start.weekday()),
                first_day: Weekday::Monday,
            },
        });
        Schedule {
            start: when(self.start),
            end: when(end.unwrap_or(self.start)),
            all_day: false,
            recurrence: pattern.map(|pattern| Recurrence::new(pattern, ends)),
        }
    }

    fn invitation(&self, organizer: SmtpAddress, schedule: Schedule) -> Invitation {
        let key = MeetingKey { uid: "the test's".to_owned(), occurrence: None };
        Invitation {
            version: InvitationVersion { key, sequence: 0, fingerprint: String::new() },
            organizer,
            sender: None,
            subject: String::new(),
            schedule: Some(schedule),
            number: self.number.clone(),
            asked_in: AskedIn::Block,
            conference_passcode: self.conference_passcode.as_deref().map(Passcode::new),
            chairperson_passcode: self.chairperson_passcode.as_deref().map(Passcode::new),
            problems: Vec::new(),
            private: false,
            language: Language::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = r#"
        [[test]]
        name = "two hours are allowed"
        expect = []
        [test.invitation]
        number = "7042"
        start = "2026-12-01T09:00"
        minutes = 120

        [[test]]
        name = "everything is wrong"
        expect = ["too-long", "sender-unknown", "number-in-use", "conference-passcode"]
        room = [{ number = "7042", kind = "custom" }]
        [test.invitation]
        number = "7042"
        start = "2026-12-01T09:00"
        minutes = 121
        zone = "Europe/Berlin"
        every = "week"
        conference-passcode = "12"
        sender-in-directory = false
        [[test.meeting]]
        number = "7042"
        start = "2026-12-08T10:00"
        minutes = 30
        zone = "Europe/Berlin"
    "#;

    #[test]
    fn a_test_passes_where_exactly_the_expected_reasons_come() {
        let policy = Policy::parse("default-conference-duration-minutes = 120").unwrap();
        let outcomes = Trials::parse(TESTS).unwrap().run(&policy).unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.passed), "{outcomes:?}");
        let lax = Policy::parse("[rules]\ntoo-long = \"accept\"").unwrap();
        let outcomes = Trials::parse(TESTS).unwrap().run(&lax).unwrap();
        assert!(outcomes[0].passed && !outcomes[1].passed);
        assert!(!outcomes[1].got.contains(&ReasonKind::TooLong), "{outcomes:?}");
    }

    #[test]
    fn a_mistyped_test_is_refused() {
        let error = Trials::parse("[[test]]\nname = \"x\"\nexpect = [\"to-long\"]").unwrap_err();
        assert!(error.to_string().contains("to-long"), "{error}");
    }
}
