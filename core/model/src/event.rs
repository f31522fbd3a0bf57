//! A calendar event, field by field; a series with its exceptions and cancelled occurrences is one field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::contact::address;
use crate::record::{
    FieldId, MatchKey, Record, RecordKind, Sensitivity, join_names, line, lines, named_values, names,
};
use crate::recurrence::{Pattern, Recurrence, plus_days};
use crate::uc_location::UcLocation;
use crate::zone::{UnknownZone, When, Zone, instant};

named_values! {
    /// How the time is shown to others.
    #[derive(Default)]
    Busy, "a free/busy status";
    /// Free.
    Free = "free",
    /// Somewhere else, but at work.
    WorkingElsewhere = "working-elsewhere",
    /// Perhaps busy.
    Tentative = "tentative",
    /// Busy.
    #[default]
    Busy = "busy",
    /// Out of office.
    OutOfOffice = "out-of-office",
}

named_values! {
    /// What an attendee is asked for.
    Role, "an attendee's role";
    /// Must come.
    Required = "required",
    /// May come.
    Optional = "optional",
    /// A room or thing.
    Resource = "resource",
}

named_values! {
    /// What an attendee answered.
    Response, "an attendee's answer";
    /// Nothing yet.
    None = "none",
    /// Perhaps.
    Tentative = "tentative",
    /// Yes.
    Accepted = "accepted",
    /// No.
    Declined = "declined",
}

/// Somebody who is invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// Mail address.
    pub address: String,
    /// The name shown.
    #[serde(default)]
    pub name: String,
    /// What for.
    pub role: Role,
    /// The answer.
    pub response: Response,
}

/// What is different in one occurrence; `None` is as in the series.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exception {
    /// When it begins, local time of the series' zone.
    pub start: DateTime,
    /// When it ends.
    pub end: DateTime,
    /// Its subject.
    pub subject: Option<String>,
    /// Its location text.
    pub location: Option<String>,
    /// Its free/busy status.
    pub busy: Option<Busy>,
    /// Its UC location.
    pub uc_location: Option<UcLocation>,
    /// Its body as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Who is invited to it, with their answers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attendees: Option<Vec<Attendee>>,
}

/// When an event takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its beginning; of the first occurrence for a series.
    pub start: When,
    /// Its end.
    pub end: When,
    /// Whole days: from midnight to midnight.
    pub all_day: bool,
    /// A series.
    pub recurrence: Option<Recurrence>,
}

/// A calendar event, or a series with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The UID (RFC 5545), equal on all sides.
    pub uid: Option<String>,
    /// Subject.
    pub subject: String,
    /// Body as text.
    pub body: String,
    /// When.
    pub schedule: Schedule,
    /// The location as its organizer wrote it.
    pub location: String,
    /// The UC location that somebody assigned; `None` is the default.
    pub uc_location: Option<UcLocation>,
    /// Free/busy status.
    pub busy: Busy,
    /// Who may see the details.
    pub sensitivity: Sensitivity,
    /// Minutes before the start.
    pub reminder: Option<u32>,
    /// Who invites: mail address.
    pub organizer: Option<String>,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// Categories.
    pub categories: BTreeSet<String>,
    /// The whole meeting was called off and is kept only to say so.
    pub cancelled: bool,
}

named_values! {
    /// A field of an event.
    EventField, "a field of an event";
    /// Start, end, whole day and series: they only make sense together.
    Schedule = "schedule",
    /// Subject.
    Subject = "subject",
    /// Body.
    Body = "body",
    /// Location text.
    Location = "location",
    /// UC location.
    UcLocation = "uc-location",
    /// Free/busy status.
    Busy = "busy",
    /// Sensitivity.
    Sensitivity = "sensitivity",
    /// Reminder.
    Reminder = "reminder",
    /// Organizer.
    Organizer = "organizer",
    /// Attendees and their answers.
    Attendees = "attendees",
    /// Categories.
    Categories = "categories",
    /// Called off.
    Cancelled = "cancelled",
}

impl FieldId for EventField {}

/// One time that an event takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Occurrence {
    /// From.
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
    /// In a series: the local time at which it would begin by the pattern.
    pub original: Option<DateTime>,
}

impl Event {
    /// An event of an hour's length, say, without anything else.
    #[must_use]
    pub fn new(subject: impl Into<String>, start: DateTime, end: DateTime, zone: &Zone) -> Self {
        let when = |local| When { local, zone: zone.clone() };
        Self {
            uid: None,
            subject: subject.into(),
            body: String::new(),
            schedule: Schedule { start: when(start), end: when(end), all_day: false, recurrence: None },
            location: String::new(),
            uc_location: None,
            busy: Busy::Busy,
            sensitivity: Sensitivity::Normal,
            reminder: None,
            organizer: None,
            attendees: Vec::new(),
            categories: BTreeSet::new(),
            cancelled: false,
        }
    }

    /// The exception that an occurrence stands for.
    #[must_use]
    pub fn exception(&self, occurrence: &Occurrence) -> Option<&Exception> {
        self.schedule.recurrence.as_ref()?.exceptions.get(&occurrence.original?)
    }
}

impl Schedule {
    /// Every time it takes place that overlaps `from` to `to` (not included), by start.
    ///
    /// # Errors
    /// When a zone is not known: there is no guess.
    pub fn expand(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Occurrence>, UnknownZone> {
        let overlaps =
            |start: Timestamp, end: Timestamp| start < to && (end > from || (start == end && start >= from));
        let Some(series) = &self.recurrence else {
            let (start, end) = (self.start.instant()?, self.end.instant()?);
            let one = Occurrence { start, end: end.max(start), original: None };
            return Ok(Some(one).into_iter().filter(|one| overlaps(one.start, one.end)).collect());
        };
        let zone = self.start.zone.resolve()?;
        let length = self.length()?;
        let days = length.as_hours() / 24 + 2;
        let first = plus_days(zone.to_datetime(from).date(), -days).unwrap_or(jiff::civil::Date::MIN);
        let last = plus_days(zone.to_datetime(to).date(), 2).unwrap_or(jiff::civil::Date::MAX);
        let start = self.start.local;
        let regular =
            series.dates(start.date(), first, last).into_iter().map(|date| date.to_datetime(start.time()));
        let mut found: Vec<Occurrence> = regular
            .filter(|original| {
                !series.cancelled.contains(original) && !series.exceptions.contains_key(original)
            })
            .filter_map(|original| {
                let end = original.checked_add(length).ok()?;
                Some(Occurrence {
                    start: instant(&zone, original)?,
                    end: instant(&zone, end)?,
                    original: Some(original),
                })
            })
            .collect();
        found.extend(series.exceptions.iter().filter_map(|(original, changed)| {
            let (start, end) = (instant(&zone, changed.start)?, instant(&zone, changed.end)?);
            Some(Occurrence { start, end: end.max(start), original: Some(*original) })
        }));
        found.retain(|one| overlaps(one.start, one.end));
        found.sort();
        Ok(found)
    }

    /// By the clock on the wall, in the zone of the start.
    fn length(&self) -> Result<SignedDuration, UnknownZone> {
        let end = if self.start.zone == self.end.zone {
            self.end.local
        } else {
            self.start.zone.resolve()?.to_datetime(self.end.instant()?)
        };
        Ok(end.duration_since(self.start.local).max(SignedDuration::ZERO))
    }

    /// Whether both are the same but for changed and cancelled occurrences.
    #[must_use]
    pub fn has_frame_of(&self, other: &Self) -> bool {
        self.frame() == other.frame()
    }

    /// Everything but the exceptions: those may be joined when this is the same.
    fn frame(&self) -> String {
        let mut text = String::new();
        let when = |when: &When| {
            let seconds = when.local.time().second();
            let local = when.local.strftime("%Y-%m-%dT%H:%M");
            format!("{local}:{seconds:02} {}", when.zone.canonical())
        };
        match (&self.recurrence, self.all_day) {
            (_, true) => {
                let _ = write!(text, "{} {} whole days", self.start.local.date(), self.end.local.date());
            }
            // A single event is its instants, whatever zone a server shows them in.
            (None, false) => {
                let one = |at: &When| {
                    at.instant().map_or_else(|_| when(at), |instant| instant.as_second().to_string())
                };
                let _ = write!(text, "{} {}", one(&self.start), one(&self.end));
            }
            (Some(_), false) => {
                let _ = write!(text, "{} {}", when(&self.start), when(&self.end));
            }
        }
        if let Some(series) = &self.recurrence {
            let _ = write!(text, "\n{}\n{:?}", canonical_pattern(series), series.ends);
        }
        text
    }

    fn canonical(&self) -> String {
        let mut text = self.frame();
        if let Some(series) = &self.recurrence {
            for (original, changed) in &series.exceptions {
                let _ = write!(text, "\n{original} {}", canonical_exception(changed));
            }
            for original in &series.cancelled {
                let _ = write!(text, "\n{original} cancelled");
            }
        }
        text
    }

    /// Both sides changed single occurrences of the same series: each keeps its own. `None` when both changed the
    /// same occurrence differently, or the series itself was changed.
    fn join(base: (&Self, &Self), left: &Self, right: &Self) -> Option<Self> {
        let frames = [base.0.frame(), base.1.frame(), left.frame(), right.frame()];
        let mut frames = frames.iter();
        let first = frames.next()?;
        if frames.any(|frame| frame != first) {
            return None;
        }
        let (of_base, of_left, of_right) =
            (base.0.recurrence.as_ref()?, left.recurrence.as_ref()?, right.recurrence.as_ref()?);
        let mut joined = left.clone();
        let series = joined.recurrence.as_mut()?;
        let all = [of_base, of_left, of_right];
        let originals: BTreeSet<DateTime> = all
            .iter()
            .flat_map(|series| series.exceptions.keys().chain(&series.cancelled))
            .copied()
            .collect();
        for original in originals {
            let state = |series: &Recurrence| {
                let changed = series.exceptions.get(&original).map(canonical_exception);
                (series.cancelled.contains(&original), changed)
            };
            let (was, here, there) = (state(of_base), state(of_left), state(of_right));
            if here == there || there == was {
                continue;
            }
            if here != was {
                return None;
            }
            series.cancelled.remove(&original);
            series.exceptions.remove(&original);
            if of_right.cancelled.contains(&original) {
                series.cancelled.insert(original);
            }
            if let Some(changed) = of_right.exceptions.get(&original) {
                series.exceptions.insert(original, changed.clone());
            }
        }
        Some(joined)
    }
}

/// Where a week begins makes no difference to a series that falls in every week.
fn canonical_pattern(series: &Recurrence) -> String {
    let pattern = match series.pattern {
        Pattern::Weekly { interval: 0 | 1, days, .. } => {
            Pattern::Weekly { interval: 1, days, first_day: Weekday::Monday }
        }
        pattern => pattern,
    };
    format!("{pattern:?}")
}

fn canonical_exception(changed: &Exception) -> String {
    let text = |text: &Option<String>| text.as_deref().map(line).unwrap_or_default();
    let mut canonical = format!(
        "{} {} {:?} {:?} {:?} {:?}",
        changed.start,
        changed.end,
        text(&changed.subject),
        text(&changed.location),
        changed.busy,
        changed.uc_location
    );
    if let Some(body) = &changed.body {
        let _ = write!(canonical, " body {:?}", lines(body));
    }
    if let Some(attendees) = &changed.attendees {
        let _ = write!(canonical, " attendees {:?}", canonical_attendees(attendees));
    }
    canonical
}

/// In the order of their addresses; names are no difference.
fn canonical_attendees(attendees: &[Attendee]) -> String {
    let attendee = |a: &Attendee| (address(&a.address), format!("{} {}", a.role, a.response));
    let all: BTreeMap<String, String> = attendees.iter().map(attendee).collect();
    all.into_iter().map(|(who, how)| format!("{who} {how}")).collect::<Vec<_>>().join("\n")
}

impl Exception {
    /// The body, when it is another text than the series'.
    #[must_use]
    pub fn own_body(body: &str, series: &str) -> Option<String> {
        (lines(body) != lines(series)).then(|| body.to_owned())
    }

    /// The attendees, when they are others than the series', or answered otherwise.
    #[must_use]
    pub fn own_attendees(attendees: &[Attendee], series: &[Attendee]) -> Option<Vec<Attendee>> {
        (canonical_attendees(attendees) != canonical_attendees(series)).then(|| attendees.to_vec())
    }
}

impl Record for Event {
    type Field = EventField;
    const KIND: RecordKind = RecordKind::Calendar;

    fn fields() -> &'static [EventField] {
        EventField::ALL
    }

    fn canonical(&self, field: EventField) -> String {
        let yes = |yes: bool| if yes { "yes".to_owned() } else { String::new() };
        match field {
            EventField::Schedule => self.schedule.canonical(),
            EventField::Subject => line(&self.subject),
            EventField::Body => lines(&self.body),
            EventField::Location => line(&self.location),
            EventField::UcLocation => {
                self.uc_location.map(|location| location.to_string()).unwrap_or_default()
            }
            EventField::Busy => self.busy.to_string(),
            EventField::Sensitivity => self.sensitivity.label().to_owned(),
            EventField::Reminder => self.reminder.map(|minutes| minutes.to_string()).unwrap_or_default(),
            EventField::Organizer => self.organizer.as_deref().map(address).unwrap_or_default(),
            EventField::Attendees => canonical_attendees(&self.attendees),
            EventField::Categories => names(&self.categories),
            EventField::Cancelled => yes(self.cancelled),
        }
    }

    fn copy_field(&mut self, field: EventField, from: &Self) {
        match field {
            EventField::Schedule => self.schedule.clone_from(&from.schedule),
            EventField::Subject => self.subject.clone_from(&from.subject),
            EventField::Body => self.body.clone_from(&from.body),
            EventField::Location => self.location.clone_from(&from.location),
            EventField::UcLocation => self.uc_location = from.uc_location,
            EventField::Busy => self.busy = from.busy,
            EventField::Sensitivity => self.sensitivity = from.sensitivity,
            EventField::Reminder => self.reminder = from.reminder,
            EventField::Organizer => self.organizer.clone_from(&from.organizer),
            EventField::Attendees => self.attendees.clone_from(&from.attendees),
            EventField::Categories => self.categories.clone_from(&from.categories),
            EventField::Cancelled => self.cancelled = from.cancelled,
        }
    }

    fn match_keys(&self) -> Vec<MatchKey> {
        self.uid.iter().map(|uid| MatchKey::Uid(uid.clone())).collect()
    }

    /// An event without a UID gets one from the mail system.
    fn may_be(&self, other: &Self) -> bool {
        self.uid == other.uid || self.uid.is_none()
    }

    fn headline(&self) -> String {
        let start = self.schedule.start.local.strftime("%Y-%m-%d %H:%M");
        match line(&self.subject) {
            _ if self.sensitivity.hides_details() => format!("private event, {start}"),
            subject if subject.is_empty() => format!("event without a subject, {start}"),
            subject => format!("{subject}, {start}"),
        }
    }

    fn join(field: EventField, base: (&Self, &Self), left: &Self, right: &Self) -> Option<Self> {
        match field {
            EventField::Schedule => Some(Self {
                schedule: Schedule::join(
                    (&base.0.schedule, &base.1.schedule),
                    &left.schedule,
                    &right.schedule,
                )?,
                ..left.clone()
            }),
            EventField::Categories => Some(Self {
                categories: join_names(
                    (&base.0.categories, &base.1.categories),
                    &left.categories,
                    &right.categories,
                ),
                ..left.clone()
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::{Days, Ends};

    fn local(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly(zone: &str) -> Event {
        let zone = Zone::named(zone);
        let mut event = Event::new("Standup", local("2026-03-02T09:00"), local("2026-03-02T09:30"), &zone);
        let pattern =
            Pattern::Weekly { interval: 1, days: Days::one(Weekday::Monday), first_day: Weekday::Monday };
        event.schedule.recurrence = Some(Recurrence::new(pattern, Ends::Never));
        event
    }

    fn starts(event: &Event) -> Vec<String> {
        let (from, to) = (ts("2026-03-01T00:00Z"), ts("2026-04-10T00:00Z"));
        event.schedule.expand(from, to).unwrap().iter().map(|one| one.start.to_string()).collect()
    }

    #[test]
    fn a_series_keeps_its_wall_clock_across_summer_time() {
        let starts = starts(&weekly("Europe/Berlin"));
        assert_eq!(starts[3..5], ["2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"]);
    }

    #[test]
    fn exceptions_and_cancelled_occurrences_show() {
        let mut event = weekly("Europe/Berlin");
        let series = event.schedule.recurrence.as_mut().unwrap();
        series.cancelled.insert(local("2026-03-09T09:00"));
        let moved = Exception {
            start: local("2026-03-17T15:00"),
            end: local("2026-03-17T16:00"),
            ..Exception::default()
        };
        series.exceptions.insert(local("2026-03-16T09:00"), moved);
        assert_eq!(
            starts(&event)[..3],
            ["2026-03-02T08:00:00Z", "2026-03-17T14:00:00Z", "2026-03-23T08:00:00Z"]
        );
    }

    #[test]
    fn renaming_the_zone_is_no_edit_and_another_zone_is_one() {
        let berlin = weekly("Europe/Berlin");
        assert_eq!(berlin.differences(&weekly("W. Europe Standard Time")), []);
        assert_eq!(berlin.differences(&weekly("America/New_York")), [EventField::Schedule]);
        let one =
            |zone: &str, at: &str| Event::new("x", local(at), local("2026-03-02T18:00"), &Zone::named(zone));
        let mut utc = one("UTC", "2026-03-02T08:00");
        utc.schedule.end.local = local("2026-03-02T17:00");
        assert_eq!(one("Europe/Berlin", "2026-03-02T09:00").differences(&utc), [], "the same instants");
    }

    #[test]
    fn each_side_may_change_another_occurrence() {
        let base = weekly("Europe/Berlin");
        let (mut left, mut right) = (base.clone(), base.clone());
        left.schedule.recurrence.as_mut().unwrap().cancelled.insert(local("2026-03-09T09:00"));
        right.schedule.recurrence.as_mut().unwrap().cancelled.insert(local("2026-03-16T09:00"));
        let joined = Event::join(EventField::Schedule, (&base, &base), &left, &right).unwrap();
        assert_eq!(joined.schedule.recurrence.as_ref().unwrap().cancelled.len(), 2);
        right.schedule.start.local = local("2026-03-02T10:00");
        assert_eq!(
            Event::join(EventField::Schedule, (&base, &base), &left, &right),
            None,
            "the series moved"
        );
    }

    #[test]
    fn an_unknown_zone_is_an_error_and_no_guess() {
        assert!(weekly("Customized Time Zone").schedule.expand(Timestamp::MIN, Timestamp::MAX).is_err());
    }

    #[test]
    fn private_events_do_not_tell() {
        let event = Event { sensitivity: Sensitivity::Private, subject: "Surgery".into(), ..weekly("UTC") };
        assert!(!event.headline().contains("Surgery"));
    }

    #[test]
    fn every_field_is_copied_and_compared_by_its_name() {
        let plain = weekly("UTC");
        let mut full = weekly("Europe/Berlin");
        full.subject = "s".into();
        full.body = "b".into();
        full.location = "l".into();
        full.uc_location = Some(UcLocation::Home);
        full.busy = Busy::Tentative;
        full.sensitivity = Sensitivity::Confidential;
        full.reminder = Some(0);
        full.organizer = Some("o@x.example".into());
        full.attendees.push(Attendee {
            address: "A@x.example".into(),
            name: String::new(),
            role: Role::Optional,
            response: Response::Accepted,
        });
        full.categories.insert("c".into());
        full.cancelled = true;
        assert_eq!(full.differences(&plain), EventField::ALL);
        let mut copy = plain;
        for field in EventField::ALL {
            assert_eq!(field.to_string().parse(), Ok(*field));
            copy.copy_field(*field, &full);
        }
        assert_eq!(copy.hash(), full.hash());
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), full);
    }
}
