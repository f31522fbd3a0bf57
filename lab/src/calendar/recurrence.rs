//! The dates of a recurrence: all of EWS's patterns and ranges, as pure calendar arithmetic.
//!
//! Days 29 to 31 are clamped to the month's last day, as Exchange does, rather than left out, as iCalendar does.

use jiff::{Span, ToSpan, civil::Date};
use tieline_proto_ews::recurrence::{Recurrence as Element, RecurrencePattern, RecurrenceRange};

use super::zone::{day_name, day_number, month_number, week_number};

/// A set of days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days(u8);

impl Days {
    /// Reads names separated by blanks; `Day`, `Weekday` and `WeekendDay` stand for several.
    fn parse(names: &str) -> Option<Self> {
        let mut bits = 0;
        for name in names.split_whitespace() {
            bits |= match name {
                "Day" => 0b111_1111,
                "Weekday" => 0b011_1110,
                "WeekendDay" => 0b100_0001,
                name => 1 << day_number(name)?,
            };
        }
        (bits != 0).then_some(Self(bits))
    }

    fn has(self, date: Date) -> bool {
        self.0 & (1 << date.weekday().to_sunday_zero_offset()) != 0
    }
}

/// How a series repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Every so many days.
    Daily { interval: i32 },
    /// On these days of every so many weeks; `first` (Sunday 0) begins a week.
    Weekly { interval: i32, days: Days, first: i8 },
    /// On a day of every so many months.
    AbsoluteMonthly { interval: i32, day: i8 },
    /// On the `week`th (5 the last) of these days of every so many months.
    RelativeMonthly { interval: i32, days: Days, week: i8 },
    /// On a day of a month.
    AbsoluteYearly { month: i8, day: i8 },
    /// On the `week`th (5 the last) of these days of a month.
    RelativeYearly { month: i8, days: Days, week: i8 },
}

/// When a series ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    NoEnd,
    /// On this day at the latest.
    Until(Date),
    /// After so many occurrences.
    Count(i32),
}

/// A recurrence whose values make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recurrence {
    pub(crate) pattern: Pattern,
    /// No occurrence before this day.
    pub(crate) start: Date,
    pub(crate) range: Range,
}

/// Why a recurrence makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// A value beyond its bounds, or a part missing.
    Value,
    /// A weekly pattern on `Day`, `Weekday` or `WeekendDay`.
    WeeklyDay,
    /// Patterns for tasks.
    Unsupported,
    /// It ends before its first occurrence.
    Empty,
    /// It ends after the first of September 4500, the last day that Exchange's series know.
    EndsLate,
}

/// The last day that a series may end on.
const LAST_DAY: Date = jiff::civil::date(4500, 9, 1);

/// The most occurrences that a numbered range may have.
const MOST: i32 = 999;

impl Recurrence {
    /// Reads the element.
    pub(crate) fn from_element(element: &Element) -> Result<Self, Invalid> {
        let (start, range) = range_of(element.range.as_ref().ok_or(Invalid::Value)?)?;
        let pattern = pattern_of(element.pattern.as_ref().ok_or(Invalid::Value)?)?;
        let recurrence = Self { pattern, start, range };
        match recurrence.dates().next() {
            Some(_) => Ok(recurrence),
            None => Err(Invalid::Empty),
        }
    }

    /// The days of the occurrences, in order.
    pub(crate) fn dates(&self) -> Dates<'_> {
        Dates { recurrence: self, period: 0, waiting: Vec::new(), told: 0 }
    }

    /// The days of the pattern's `period`th period; `None` beyond the end of time.
    fn period(&self, period: i32) -> Option<Vec<Date>> {
        let step = |interval: i32| period.checked_mul(interval);
        let months = |interval: i32| -> Option<Date> {
            let first = self.start.first_of_month();
            first.checked_add(Span::new().try_months(step(interval)?).ok()?).ok()
        };
        let years = |month: i8| -> Option<Date> {
            let year = i32::from(self.start.year()).checked_add(period)?;
            Date::new(i16::try_from(year).ok()?, month, 1).ok()
        };
        Some(match &self.pattern {
            Pattern::Daily { interval } => {
                vec![self.start.checked_add(Span::new().try_days(step(*interval)?).ok()?).ok()?]
            }
            Pattern::Weekly { interval, days, first } => {
                let past = (self.start.weekday().to_sunday_zero_offset() - first).rem_euclid(7);
                let week = self.start.checked_sub(past.days()).ok()?;
                let week = week.checked_add(Span::new().try_weeks(step(*interval)?).ok()?).ok()?;
                (0..7)
                    .filter_map(|day| week.checked_add(day.days()).ok())
                    .filter(|day| days.has(*day))
                    .collect()
            }
            Pattern::AbsoluteMonthly { interval, day } => vec![clamped(months(*interval)?, *day)],
            Pattern::RelativeMonthly { interval, days, week } => nth(months(*interval)?, *days, *week),
            Pattern::AbsoluteYearly { month, day } => vec![clamped(years(*month)?, *day)],
            Pattern::RelativeYearly { month, days, week } => nth(years(*month)?, *days, *week),
        })
    }
}

fn clamped(first: Date, day: i8) -> Date {
    first.with().day(day.min(first.days_in_month())).build().unwrap_or(first)
}

/// The `week`th of the days in the month that begins with `first`.
fn nth(first: Date, days: Days, week: i8) -> Vec<Date> {
    let all = (0..first.days_in_month()).filter_map(|day| first.checked_add(day.days()).ok());
    let mut hits = all.filter(|day| days.has(*day));
    let hit = match usize::try_from(week - 1) {
        Ok(at) if at < 4 => hits.nth(at),
        _ => hits.next_back(),
    };
    hit.into_iter().collect()
}

fn range_of(range: &RecurrenceRange) -> Result<(Date, Range), Invalid> {
    let start = |date: &Option<tieline_proto_ews::Date>| date.map(|date| date.civil).ok_or(Invalid::Value);
    Ok(match range {
        RecurrenceRange::NoEnd(range) => (start(&range.start_date)?, Range::NoEnd),
        RecurrenceRange::EndDate(range) => {
            let (start, end) = (start(&range.start_date)?, start(&range.end_date)?);
            if end < start {
                return Err(Invalid::Empty);
            }
            if end > LAST_DAY {
                return Err(Invalid::EndsLate);
            }
            (start, Range::Until(end))
        }
        RecurrenceRange::Numbered(range) => match range.number_of_occurrences {
            count @ 1..=MOST => (start(&range.start_date)?, Range::Count(count)),
            _ => return Err(Invalid::Value),
        },
    })
}

fn pattern_of(pattern: &RecurrencePattern) -> Result<Pattern, Invalid> {
    let within =
        |value: i32, most: i32| if (1..=most).contains(&value) { Ok(value) } else { Err(Invalid::Value) };
    let day = |value: i32| within(value, 31).map(|day| i8::try_from(day).unwrap_or(31));
    let days = |names: &str| Days::parse(names).ok_or(Invalid::Value);
    let month = |name: &str| month_number(name).ok_or(Invalid::Value);
    let week = |name: &str| week_number(name).ok_or(Invalid::Value);
    Ok(match pattern {
        RecurrencePattern::Daily(daily) => Pattern::Daily { interval: within(daily.interval, 999)? },
        RecurrencePattern::Weekly(weekly) => {
            if weekly.days_of_week.split_whitespace().any(|name| day_number(name).is_none()) {
                return Err(Invalid::WeeklyDay);
            }
            let first = match &weekly.first_day_of_week {
                Some(name) => day_number(name).ok_or(Invalid::Value)?,
                None => 0,
            };
            Pattern::Weekly {
                interval: within(weekly.interval, 99)?,
                days: days(&weekly.days_of_week)?,
                first,
            }
        }
        RecurrencePattern::AbsoluteMonthly(monthly) => Pattern::AbsoluteMonthly {
            interval: within(monthly.interval, 99)?,
            day: day(monthly.day_of_month)?,
        },
        RecurrencePattern::RelativeMonthly(monthly) => Pattern::RelativeMonthly {
            interval: within(monthly.interval, 99)?,
            days: days(&monthly.days_of_week)?,
            week: week(&monthly.day_of_week_index)?,
        },
        RecurrencePattern::AbsoluteYearly(yearly) => {
            Pattern::AbsoluteYearly { month: month(&yearly.month)?, day: day(yearly.day_of_month)? }
        }
        RecurrencePattern::RelativeYearly(yearly) => Pattern::RelativeYearly {
            month: month(&yearly.month)?,
            days: days(&yearly.days_of_week)?,
            week: week(&yearly.day_of_week_index)?,
        },
        _ => return Err(Invalid::Unsupported),
    })
}

/// The range of an element, moved to begin on `start`.
pub(crate) fn begin_on(element: &mut Element, start: Date) {
    let date = Some(start.into());
    match &mut element.range {
        Some(RecurrenceRange::NoEnd(range)) => range.start_date = date,
        Some(RecurrenceRange::EndDate(range)) => {
            range.start_date = date;
            // Exchange answers dates with neither offset nor time.
            range.end_date = range.end_date.map(|end| end.civil.into());
        }
        Some(RecurrenceRange::Numbered(range)) => range.start_date = date,
        None => {}
    }
    if let Some(RecurrencePattern::Weekly(weekly)) = &mut element.pattern
        && weekly.first_day_of_week.is_none()
    {
        weekly.first_day_of_week = Some(day_name(0).to_owned());
    }
}

/// The days of a recurrence, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Dates<'a> {
    recurrence: &'a Recurrence,
    period: i32,
    /// Days of the current period, the latest first.
    waiting: Vec<Date>,
    told: i32,
}

impl Iterator for Dates<'_> {
    type Item = Date;

    fn next(&mut self) -> Option<Date> {
        let recurrence = self.recurrence;
        if matches!(recurrence.range, Range::Count(count) if self.told >= count) {
            return None;
        }
        loop {
            let Some(date) = self.waiting.pop() else {
                self.waiting = recurrence.period(self.period)?;
                self.waiting.reverse();
                self.period = self.period.checked_add(1)?;
                continue;
            };
            if date < recurrence.start {
                continue;
            }
            if matches!(recurrence.range, Range::Until(end) if date > end) {
                return None;
            }
            self.told = self.told.saturating_add(1);
            return Some(date);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(pattern: &str, range: &str, most: usize) -> Vec<String> {
        recurrence(pattern, range)
            .expect("a recurrence")
            .dates()
            .take(most)
            .map(|date| date.to_string())
            .collect()
    }

    fn recurrence(pattern: &str, range: &str) -> Result<Recurrence, Invalid> {
        let xml = format!("<t:CalendarItem><t:Recurrence>{pattern}{range}</t:Recurrence></t:CalendarItem>");
        let item: tieline_proto_ews::Item = crate::document::decode(&xml).expect("an item");
        let tieline_proto_ews::ItemKind::CalendarItem(calendar) = item.kind else {
            panic!("no calendar item")
        };
        Recurrence::from_element(&calendar.recurrence.expect("a recurrence"))
    }

    fn from(start: &str) -> String {
        format!("<t:NoEndRecurrence><t:StartDate>{start}</t:StartDate></t:NoEndRecurrence>")
    }

    #[test]
    fn late_days_are_clamped_to_the_months_end() {
        let monthly = "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>31</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>";
        assert_eq!(
            dates(monthly, &from("2028-01-31"), 4),
            ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
        );
        let yearly = "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth><t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>";
        assert_eq!(dates(yearly, &from("2027-03-01"), 2), ["2028-02-29", "2029-02-28"]);
    }

    #[test]
    fn weeks_are_counted_from_their_first_day() {
        let weekly = |first: &str| {
            format!(
                "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Sunday Tuesday</t:DaysOfWeek>\
                 <t:FirstDayOfWeek>{first}</t:FirstDayOfWeek></t:WeeklyRecurrence>"
            )
        };
        // 2026-11-24 is a Tuesday.
        assert_eq!(
            dates(&weekly("Sunday"), &from("2026-11-24"), 3),
            ["2026-11-24", "2026-12-06", "2026-12-08"]
        );
        assert_eq!(
            dates(&weekly("Monday"), &from("2026-11-24"), 3),
            ["2026-11-24", "2026-11-29", "2026-12-08"]
        );
    }

    #[test]
    fn relative_patterns_count_days_of_a_kind() {
        let last_weekday = "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek>\
            <t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>";
        assert_eq!(dates(last_weekday, &from("2026-01-01"), 3), ["2026-01-30", "2026-02-27", "2026-03-31"]);
        let thanksgiving = "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Thursday</t:DaysOfWeek>\
            <t:DayOfWeekIndex>Fourth</t:DayOfWeekIndex><t:Month>November</t:Month></t:RelativeYearlyRecurrence>";
        assert_eq!(dates(thanksgiving, &from("2026-11-27"), 2), ["2027-11-25", "2028-11-23"]);
    }

    #[test]
    fn ranges_end_by_count_and_by_day() {
        let daily = "<t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence>";
        let numbered = "<t:NumberedRecurrence><t:StartDate>2026-11-23</t:StartDate><t:NumberOfOccurrences>2</t:NumberOfOccurrences></t:NumberedRecurrence>";
        assert_eq!(dates(daily, numbered, 9), ["2026-11-23", "2026-11-26"]);
        let until = "<t:EndDateRecurrence><t:StartDate>2026-11-23Z</t:StartDate><t:EndDate>2026-11-26Z</t:EndDate></t:EndDateRecurrence>";
        assert_eq!(dates(daily, until, 9), ["2026-11-23", "2026-11-26"]);
        let never = "<t:EndDateRecurrence><t:StartDate>2026-11-23</t:StartDate><t:EndDate>2026-11-22</t:EndDate></t:EndDateRecurrence>";
        assert_eq!(recurrence(daily, never), Err(Invalid::Empty));
    }

    #[test]
    fn nonsense_is_refused() {
        let daily = |interval: i32| {
            format!("<t:DailyRecurrence><t:Interval>{interval}</t:Interval></t:DailyRecurrence>")
        };
        for interval in [0, -1, 1000, i32::MAX] {
            assert_eq!(recurrence(&daily(interval), &from("2026-11-23")), Err(Invalid::Value));
        }
        let weekly = "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek></t:WeeklyRecurrence>";
        assert_eq!(recurrence(weekly, &from("2026-11-23")), Err(Invalid::WeeklyDay));
        assert_eq!(recurrence(&daily(999), &from("9999-12-31")).expect("one day").dates().count(), 1);
    }
}
