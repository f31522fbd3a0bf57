//! A series: the occurrences of a recurrence, with those that were changed or deleted.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    appointment::Appointment,
    recurrence::{Range, Recurrence},
    zone,
};
use crate::{document::Document, property::millisecond};

/// What differs at one occurrence of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// The day on which the pattern puts the occurrence; see [`day_number_of`].
    pub(crate) day: i64,
    pub(crate) deleted: bool,
    /// The subject, where it is not the series'.
    pub(crate) subject: Option<String>,
    /// The properties that are not the series'; an empty part stands for one that was removed.
    pub(crate) document: Document,
}

impl Exception {
    fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.document.text(name)?;
        millisecond(&text).and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }
}

/// One occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) day: i64,
    /// Where the pattern puts it.
    pub(crate) original_start: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// Whether something differs from the series.
    pub(crate) is_exception: bool,
}

impl Occurrence {
    /// Whether it overlaps a window. One without length belongs to the window that begins with it.
    pub(crate) fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.start < to && (self.end > from || (self.start == self.end && self.start == from))
    }
}

/// A day as a number: 20261123.
pub(crate) fn day_number_of(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// An appointment with a recurrence, and its exceptions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    pub(crate) appointment: &'a Appointment,
    pub(crate) recurrence: &'a Recurrence,
    pub(crate) exceptions: &'a [Exception],
}

impl<'a> Series<'a> {
    /// The series of an appointment, if it recurs.
    pub(crate) fn new(appointment: &'a Appointment, exceptions: &'a [Exception]) -> Option<Self> {
        Some(Self { appointment, recurrence: appointment.recurrence.as_ref()?, exceptions })
    }

    fn exception(&self, day: i64) -> Option<&'a Exception> {
        self.exceptions.iter().find(|exception| exception.day == day)
    }

    /// The occurrence as the pattern has it, whatever became of it.
    fn plain(&self, date: Date) -> Occurrence {
        let appointment = self.appointment;
        let begins = date.to_datetime(zone::local(&appointment.zone, appointment.start).time());
        let ends = begins.saturating_add(appointment.wall_duration());
        let start = zone::instant(&appointment.zone, begins);
        let end = zone::instant(&appointment.zone, ends);
        Occurrence { day: day_number_of(date), original_start: start, start, end, is_exception: false }
    }

    /// The occurrence that the pattern puts on a day; `None` for a deleted one.
    fn occurrence(&self, date: Date) -> Option<Occurrence> {
        let plain = self.plain(date);
        match self.exception(plain.day) {
            None => Some(plain),
            Some(exception) if exception.deleted => None,
            Some(exception) => Some(Occurrence {
                start: exception.time("Start").unwrap_or(plain.start),
                end: exception.time("End").unwrap_or(plain.end),
                is_exception: true,
                ..plain
            }),
        }
    }

    /// The occurrences that are left, in the pattern's order.
    pub(crate) fn occurrences(&self) -> impl Iterator<Item = Occurrence> + 'a {
        let series = *self;
        self.recurrence.dates().filter_map(move |date| series.occurrence(date))
    }

    /// The occurrence of a day; `Err` when it was deleted, `None` when the pattern has none there.
    pub(crate) fn on_day(&self, day: i64) -> Option<Result<Occurrence, Deleted>> {
        let date = self.date(day)?;
        Some(self.occurrence(date).ok_or(Deleted))
    }

    /// The occurrence of a day as the pattern has it.
    pub(crate) fn by_pattern(&self, day: i64) -> Option<Occurrence> {
        self.date(day).map(|date| self.plain(date))
    }

    /// The occurrence that the pattern puts at an instant, as it has it.
    pub(crate) fn by_original_start(&self, at: Timestamp) -> Option<Occurrence> {
        self.by_pattern(day_number_of(zone::local(&self.appointment.zone, at).date()))
    }

    fn date(&self, day: i64) -> Option<Date> {
        self.recurrence
            .dates()
            .find(|date| day_number_of(*date) >= day)
            .filter(|date| day_number_of(*date) == day)
    }

    /// The `index`th occurrence of the pattern, counted from 1; deleted ones keep their places.
    pub(crate) fn at_index(&self, index: i32) -> Option<Result<Occurrence, Deleted>> {
        let place = usize::try_from(index).ok()?.checked_sub(1)?;
        let date = self.recurrence.dates().nth(place)?;
        Some(self.occurrence(date).ok_or(Deleted))
    }

    /// The occurrences that overlap a window, by their start.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> Vec<Occurrence> {
        // The pattern's own days end with the window; what was moved into it may come from anywhere.
        let margin = SignedDuration::from_hours(48);
        let last = zone::local(&self.appointment.zone, to.saturating_add(margin).unwrap_or(to)).date();
        let first =
            from.saturating_sub(self.appointment.wall_duration()).and_then(|at| at.saturating_sub(margin));
        let first = zone::local(&self.appointment.zone, first.unwrap_or(from)).date();
        let dates = self.recurrence.dates().skip_while(|date| *date < first).take_while(|date| *date <= last);
        let plain = dates.filter(|date| self.exception(day_number_of(*date)).is_none());
        let moved = self.exceptions.iter().filter(|exception| !exception.deleted);
        let mut found: Vec<_> = plain.filter_map(|date| self.occurrence(date)).collect();
        found.extend(moved.filter_map(|exception| self.occurrence(date_of(exception.day)?)));
        found.retain(|occurrence| occurrence.overlaps(from, to));
        found.sort_by_key(|occurrence| occurrence.start);
        found
    }

    /// The last occurrence, unless there is no end.
    pub(crate) fn last(&self) -> Option<Occurrence> {
        match self.recurrence.range {
            Range::NoEnd => None,
            _ => {
                let deleted =
                    |date: &Date| self.exception(day_number_of(*date)).is_some_and(|one| one.deleted);
                self.recurrence
                    .dates()
                    .filter(|date| !deleted(date))
                    .last()
                    .and_then(|date| self.occurrence(date))
            }
        }
    }
}

/// An occurrence that was deleted from its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deleted;

fn date_of(day: i64) -> Option<Date> {
    let part = |number: i64| i8::try_from(number % 100).ok();
    Date::new(i16::try_from(day / 10_000).ok()?, part(day / 100)?, part(day)?).ok()
}

/// The document of an occurrence: the series' with the occurrence's times, and what differs there.
pub(crate) fn merged(series: &Document, occurrence: &Occurrence, exception: Option<&Exception>) -> Document {
    let mut document = series.clone();
    document.parts.remove("Recurrence");
    if let Some(exception) = exception {
        document.parts.extend(exception.document.parts.clone());
        document.parts.retain(|_, part| !part.is_empty());
        document.extended.extend(exception.document.extended.clone());
    }
    document.set_text("Start", &crate::property::date_time(occurrence.start.as_millisecond()));
    document.set_text("End", &crate::property::date_time(occurrence.end.as_millisecond()));
    document
}

/// What an occurrence has that its series, at the pattern's time, has not.
pub(crate) fn difference(plain: &Document, occurrence: &Document) -> Document {
    let mut document = Document { kind: occurrence.kind.clone(), ..Document::default() };
    let other = |(name, part): &(&String, &String)| plain.parts.get(*name) != Some(*part);
    document.parts =
        occurrence.parts.iter().filter(other).map(|(name, part)| (name.clone(), part.clone())).collect();
    for name in plain.parts.keys().filter(|name| !occurrence.parts.contains_key(*name)) {
        document.parts.insert(name.clone(), String::new());
    }
    let other = |(name, value): &(&String, &_)| plain.extended.get(*name) != Some(*value);
    document.extended =
        occurrence.extended.iter().filter(other).map(|(name, value)| (name.clone(), value.clone())).collect();
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly() -> Appointment {
        let item = "<t:CalendarItem><t:Start>2026-03-16T08:00:00Z</t:Start><t:End>2026-03-16T09:00:00Z</t:End>\
            <t:StartTimeZone Id=\"W. Europe Standard Time\"/><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval>\
            <t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2026-03-16</t:StartDate>\
            <t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence></t:CalendarItem>";
        Appointment::of(&Document::from_xml(item).expect("a document")).expect("an appointment")
    }

    fn exception(day: i64, deleted: bool, parts: &[(&str, &str)]) -> Exception {
        let mut document = Document::default();
        for (name, text) in parts {
            document.set_text(name, text);
        }
        Exception { day, deleted, subject: None, document }
    }

    fn starts(found: impl IntoIterator<Item = Occurrence>) -> Vec<String> {
        found.into_iter().map(|occurrence| occurrence.start.to_string()).collect()
    }

    #[test]
    fn occurrences_keep_their_time_on_the_wall() {
        let appointment = weekly();
        let series = Series::new(&appointment, &[]).expect("a series");
        assert_eq!(
            starts(series.occurrences()),
            ["2026-03-16T08:00:00Z", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z", "2026-04-06T07:00:00Z"]
        );
        assert_eq!(series.last().map(|last| last.day), Some(20_260_406));
    }

    #[test]
    fn exceptions_move_and_leave() {
        let appointment = weekly();
        let moved = [("Start", "2026-05-01T08:00:00Z"), ("End", "2026-05-01T08:30:00Z")];
        let exceptions = [exception(20_260_323, true, &[]), exception(20_260_330, false, &moved)];
        let series = Series::new(&appointment, &exceptions).expect("a series");
        assert_eq!(
            starts(series.occurrences()),
            ["2026-03-16T08:00:00Z", "2026-05-01T08:00:00Z", "2026-04-06T07:00:00Z"]
        );
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        assert_eq!(
            starts(series.within(at("2026-05-01T08:10:00Z"), at("2026-06-01T00:00:00Z"))),
            ["2026-05-01T08:00:00Z"]
        );
        assert!(
            series.within(at("2026-03-30T00:00:00Z"), at("2026-03-31T00:00:00Z")).is_empty(),
            "moved away"
        );
        assert_eq!(series.at_index(2), Some(Err(Deleted)));
        assert_eq!(series.at_index(5), None);
        assert_eq!(series.at_index(0), None);
        assert!(series.on_day(20_260_330).is_some_and(|found| found.is_ok_and(|found| found.is_exception)));
        assert_eq!(series.on_day(20_260_331), None);
    }
}
