//! Repeating events, in the forms that Exchange has, and on which days they fall.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Weekday};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::event::Exception;

/// No series is followed further than this many periods.
const MAX_PERIODS: i64 = 200_000;

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(u8);

impl Days {
    /// Monday to Friday.
    pub const WEEKDAYS: Self = Self(0b001_1111);
    /// Saturday and Sunday.
    pub const WEEKEND: Self = Self(0b110_0000);
    /// All seven: "day" in "the last day of the month".
    pub const ANY: Self = Self(0b111_1111);

    /// One day.
    #[must_use]
    pub const fn one(day: Weekday) -> Self {
        Self(1 << day.to_monday_zero_offset())
    }

    /// Several; none at all is any.
    #[must_use]
    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Self {
        let bits = days.into_iter().fold(0, |bits, day| bits | Self::one(day).0);
        if bits == 0 { Self::ANY } else { Self(bits) }
    }

    /// Whether the day is one of them.
    #[must_use]
    pub const fn has(self, day: Weekday) -> bool {
        self.0 & Self::one(day).0 != 0
    }

    /// From Monday on.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        (0..7_i8)
            .filter_map(|offset| Weekday::from_monday_zero_offset(offset).ok())
            .filter(move |day| self.has(*day))
    }
}

/// Which of the days in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nth {
    /// The first.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// The last.
    Last,
}

/// How a series repeats. An interval of 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "kebab-case")]
pub enum Pattern {
    /// Every so many days.
    Daily {
        /// Days.
        interval: u32,
    },
    /// On these days, every so many weeks.
    Weekly {
        /// Weeks.
        interval: u32,
        /// On which days.
        days: Days,
        /// Where a week begins; counts for intervals above 1. Monday is 0.
        #[serde(with = "monday_zero")]
        first_day: Weekday,
    },
    /// On a date, every so many months; the last day where the month is shorter.
    AbsoluteMonthly {
        /// Months.
        interval: u32,
        /// 1 to 31.
        day: u8,
    },
    /// On the nth of these days, every so many months.
    RelativeMonthly {
        /// Months.
        interval: u32,
        /// Which.
        nth: Nth,
        /// Of which days.
        days: Days,
    },
    /// On a date, every year; the last day where the month is shorter.
    AbsoluteYearly {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// On the nth of these days of a month, every year.
    RelativeYearly {
        /// 1 to 12.
        month: u8,
        /// Which.
        nth: Nth,
        /// Of which days.
        days: Days,
    },
}

mod monday_zero {
    use jiff::civil::Weekday;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(day: &Weekday, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i8(day.to_monday_zero_offset())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weekday, D::Error> {
        Weekday::from_monday_zero_offset(i8::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// When a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// Never.
    Never,
    /// After this date; occurrences on it count.
    On(Date),
    /// After so many occurrences, cancelled ones included.
    After(u32),
}

/// A series: its pattern, and what is different in single occurrences. It travels as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// How it repeats.
    pub pattern: Pattern,
    /// When it ends.
    pub ends: Ends,
    /// Changed occurrences by the local time at which they would have begun.
    #[serde(default)]
    pub exceptions: BTreeMap<DateTime, Exception>,
    /// Occurrences that do not take place, by the local time at which they would have begun.
    #[serde(default)]
    pub cancelled: BTreeSet<DateTime>,
}

impl Recurrence {
    /// A series without exceptions.
    #[must_use]
    pub const fn new(pattern: Pattern, ends: Ends) -> Self {
        Self { pattern, ends, exceptions: BTreeMap::new(), cancelled: BTreeSet::new() }
    }

    /// The days from `first` to `last`, both included, on which the pattern falls for a series that begins on `start`.
    #[must_use]
    pub fn dates(&self, start: Date, first: Date, last: Date) -> Vec<Date> {
        let last = match self.ends {
            Ends::On(end) => end.min(last),
            Ends::Never | Ends::After(_) => last,
        };
        let (mut left, from) = match self.ends {
            Ends::After(count) => (i64::from(count), 0),
            Ends::Never | Ends::On(_) => (i64::MAX, self.pattern.periods_before(start, first)),
        };
        let mut dates = Vec::new();
        for period in from..from.saturating_add(MAX_PERIODS) {
            let Some(candidates) = self.pattern.period(start, period) else { return dates };
            for date in candidates.into_iter().filter(|date| *date >= start) {
                if date > last || left == 0 {
                    return dates;
                }
                left -= 1;
                if date >= first {
                    dates.push(date);
                }
            }
        }
        dates
    }

    /// The place of an occurrence among all that the pattern makes, cancelled ones included, counted from 1; `None` for
    /// a day on which the pattern does not fall.
    #[must_use]
    pub fn place_of(&self, start: Date, day: Date) -> Option<usize> {
        let dates = self.dates(start, start, day);
        dates.last().filter(|last| **last == day).map(|_| dates.len())
    }
}

pub(crate) fn plus_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(SignedDuration::from_hours(days.checked_mul(24)?)).ok()
}

fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

impl Pattern {
    fn interval(self) -> i64 {
        match self {
            Self::Daily { interval }
            | Self::Weekly { interval, .. }
            | Self::AbsoluteMonthly { interval, .. }
            | Self::RelativeMonthly { interval, .. } => i64::from(interval.max(1)),
            Self::AbsoluteYearly { .. } | Self::RelativeYearly { .. } => 1,
        }
    }

    /// So many whole periods lie certainly before `first`: they need not be looked at.
    fn periods_before(self, start: Date, first: Date) -> i64 {
        let longest = match self {
            Self::Daily { .. } => 1,
            Self::Weekly { .. } => 7,
            Self::AbsoluteMonthly { .. } | Self::RelativeMonthly { .. } => 31,
            Self::AbsoluteYearly { .. } | Self::RelativeYearly { .. } => 366,
        };
        (days_between(start, first) / longest / self.interval() - 2).max(0)
    }

    /// The days of the `period`th period after the one that `start` lies in, in order. `None` beyond the end of time.
    fn period(self, start: Date, period: i64) -> Option<Vec<Date>> {
        let step = period.checked_mul(self.interval())?;
        match self {
            Self::Daily { .. } => Some(vec![plus_days(start, step)?]),
            Self::Weekly { days, first_day, .. } => {
                let into_week = i64::from(start.weekday().since(first_day));
                let monday = plus_days(start, step.checked_mul(7)?.checked_sub(into_week)?)?;
                let week = (0..7).filter_map(|offset| plus_days(monday, offset));
                Some(week.filter(|date| days.has(date.weekday())).collect())
            }
            Self::AbsoluteMonthly { day, .. } => Some(vec![clamped(month_after(start, step)?, day)?]),
            Self::RelativeMonthly { nth, days, .. } => {
                Some(nth_of(month_after(start, step)?, nth, days).into_iter().collect())
            }
            Self::AbsoluteYearly { month, day } => Some(vec![clamped(month_of(start, step, month)?, day)?]),
            Self::RelativeYearly { month, nth, days } => {
                Some(nth_of(month_of(start, step, month)?, nth, days).into_iter().collect())
            }
        }
    }
}

/// The first day of the month so many months later.
fn month_after(start: Date, months: i64) -> Option<Date> {
    let total = i64::from(start.year()) * 12 + i64::from(start.month()) - 1 + months;
    let (year, month) = (i16::try_from(total.div_euclid(12)).ok()?, i8::try_from(total.rem_euclid(12)).ok()?);
    Date::new(year, month + 1, 1).ok()
}

/// The first day of a month so many years later.
fn month_of(start: Date, years: i64, month: u8) -> Option<Date> {
    let year = i16::try_from(i64::from(start.year()).checked_add(years)?).ok()?;
    Date::new(year, i8::try_from(month.clamp(1, 12)).ok()?, 1).ok()
}

fn clamped(month: Date, day: u8) -> Option<Date> {
    let day = i8::try_from(day.clamp(1, 31)).ok()?.min(month.days_in_month());
    Date::new(month.year(), month.month(), day).ok()
}

fn nth_of(month: Date, nth: Nth, days: Days) -> Option<Date> {
    let mut fitting = (1..=month.days_in_month())
        .filter_map(|day| Date::new(month.year(), month.month(), day).ok())
        .filter(|date| days.has(date.weekday()));
    match nth {
        Nth::First => fitting.next(),
        Nth::Second => fitting.nth(1),
        Nth::Third => fitting.nth(2),
        Nth::Fourth => fitting.nth(3),
        Nth::Last => fitting.next_back(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn dates(pattern: Pattern, ends: Ends, start: &str, first: &str, last: &str) -> Vec<String> {
        let series = Recurrence::new(pattern, ends);
        series.dates(date(start), date(first), date(last)).iter().map(Date::to_string).collect()
    }

    #[test]
    fn the_last_day_stands_in_where_a_month_is_shorter() {
        let pattern = Pattern::AbsoluteMonthly { interval: 1, day: 31 };
        assert_eq!(
            dates(pattern, Ends::After(4), "2026-01-31", "2026-01-01", "2030-01-01"),
            ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
        );
        let leap = Pattern::AbsoluteYearly { month: 2, day: 29 };
        assert_eq!(
            dates(leap, Ends::Never, "2024-02-29", "2025-01-01", "2028-12-31"),
            ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
        );
    }

    #[test]
    fn weeks_begin_where_they_are_said_to() {
        let pattern = |first_day| Pattern::Weekly {
            interval: 2,
            days: Days::of([Weekday::Tuesday, Weekday::Sunday]),
            first_day,
        };
        // The example of RFC 5545 section 3.3.10.
        let with = |day| dates(pattern(day), Ends::After(4), "1997-08-05", "1997-01-01", "1998-01-01");
        assert_eq!(with(Weekday::Monday), ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]);
        assert_eq!(with(Weekday::Sunday), ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]);
    }

    #[test]
    fn a_window_far_from_the_start_sees_the_same_days() {
        let patterns = [
            Pattern::Daily { interval: 3 },
            Pattern::Weekly { interval: 2, days: Days::WEEKDAYS, first_day: Weekday::Sunday },
            Pattern::RelativeMonthly { interval: 5, nth: Nth::Last, days: Days::WEEKEND },
            Pattern::RelativeYearly { month: 3, nth: Nth::Last, days: Days::one(Weekday::Sunday) },
        ];
        for pattern in patterns {
            let all = dates(pattern, Ends::Never, "2001-05-17", "2001-01-01", "2027-12-31");
            let some = dates(pattern, Ends::Never, "2001-05-17", "2026-01-01", "2027-12-31");
            assert!(!some.is_empty() && all.ends_with(&some), "{pattern:?}");
        }
    }

    #[test]
    fn occurrences_have_places() {
        let pattern = Pattern::Weekly { interval: 1, days: Days::WEEKDAYS, first_day: Weekday::Monday };
        let series = Recurrence::new(pattern, Ends::After(7));
        let place = |day: &str| series.place_of(date("2026-11-26"), date(day));
        assert_eq!((place("2026-11-26"), place("2026-11-30")), (Some(1), Some(3)));
        assert_eq!((place("2026-11-28"), place("2026-11-25"), place("2026-12-07")), (None, None, None));
    }

    #[test]
    fn hostile_series_end() {
        let daily = Pattern::Daily { interval: 0 };
        let far = dates(daily, Ends::After(u32::MAX), "-009999-01-01", "2026-01-01", "2026-01-02");
        assert!(far.is_empty(), "given up, not followed for ever");
        let huge = Pattern::Weekly { interval: u32::MAX, days: Days::ANY, first_day: Weekday::Monday };
        assert_eq!(dates(huge, Ends::Never, "2026-01-05", "2026-01-01", "9999-12-31").len(), 7);
    }
}
