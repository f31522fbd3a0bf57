//! How a series repeats, in Exchange's words and back.

use jiff::civil::{Date, Weekday};
use tieline_model::{Days, Ends, Nth, Pattern, Recurrence};
use tieline_proto_ews::Date as EwsDate;
use tieline_proto_ews::recurrence::{
    AbsoluteMonthly, AbsoluteYearly, EndDate, Interval, NoEnd, Numbered, Recurrence as EwsRecurrence,
    RecurrencePattern, RecurrenceRange, RelativeMonthly, RelativeYearly, Weekly,
};

/// English, as [MS-OXWSCDATA] writes them; Monday is 0.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKS: [(&str, Nth); 5] = [
    ("First", Nth::First),
    ("Second", Nth::Second),
    ("Third", Nth::Third),
    ("Fourth", Nth::Fourth),
    ("Last", Nth::Last),
];

/// Reads a series without its exceptions; `None` for what only tasks have, and for words that are none.
pub(super) fn read(series: &EwsRecurrence) -> Option<Recurrence> {
    let ends = match series.range.as_ref()? {
        RecurrenceRange::NoEnd(_) => Ends::Never,
        RecurrenceRange::EndDate(end) => Ends::On(end.end_date.as_ref()?.civil),
        RecurrenceRange::Numbered(numbered) => {
            Ends::After(u32::try_from(numbered.number_of_occurrences).unwrap_or(0))
        }
    };
    Some(Recurrence::new(pattern(series.pattern.as_ref()?)?, ends))
}

/// Writes a series that begins on `start`, without its exceptions.
pub(super) fn write(series: &Recurrence, start: Date) -> EwsRecurrence {
    let start_date = Some(EwsDate::from(start));
    let range = match series.ends {
        Ends::Never => RecurrenceRange::NoEnd(NoEnd { start_date }),
        Ends::On(end) => RecurrenceRange::EndDate(EndDate { start_date, end_date: Some(end.into()) }),
        Ends::After(count) => RecurrenceRange::Numbered(Numbered {
            start_date,
            number_of_occurrences: i32::try_from(count).unwrap_or(i32::MAX),
        }),
    };
    EwsRecurrence { pattern: Some(element(series.pattern)), range: Some(range) }
}

fn element(pattern: Pattern) -> RecurrencePattern {
    let every = |interval: u32| i32::try_from(interval.max(1)).unwrap_or(i32::MAX);
    match pattern {
        Pattern::Daily { interval } => RecurrencePattern::Daily(Interval { interval: every(interval) }),
        Pattern::Weekly { interval, days, first_day } => RecurrencePattern::Weekly(Weekly {
            interval: every(interval),
            // The words for several days are not allowed here.
            days_of_week: days.iter().map(weekday_name).collect::<Vec<_>>().join(" "),
            first_day_of_week: Some(weekday_name(first_day).to_owned()),
        }),
        Pattern::AbsoluteMonthly { interval, day } => RecurrencePattern::AbsoluteMonthly(AbsoluteMonthly {
            interval: every(interval),
            day_of_month: day.into(),
        }),
        Pattern::RelativeMonthly { interval, nth, days } => {
            RecurrencePattern::RelativeMonthly(RelativeMonthly {
                interval: every(interval),
                days_of_week: days_name(days),
                day_of_week_index: week_name(nth).to_owned(),
            })
        }
        Pattern::AbsoluteYearly { month, day } => RecurrencePattern::AbsoluteYearly(AbsoluteYearly {
            day_of_month: day.into(),
            month: month_name(month).to_owned(),
        }),
        Pattern::RelativeYearly { month, nth, days } => RecurrencePattern::RelativeYearly(RelativeYearly {
            days_of_week: days_name(days),
            day_of_week_index: week_name(nth).to_owned(),
            month: month_name(month).to_owned(),
        }),
    }
}

fn pattern(pattern: &RecurrencePattern) -> Option<Pattern> {
    let every = |interval: i32| u32::try_from(interval).unwrap_or(1).max(1);
    let day = |day: i32| u8::try_from(day.clamp(1, 31)).unwrap_or(1);
    Some(match pattern {
        RecurrencePattern::Daily(daily) => Pattern::Daily { interval: every(daily.interval) },
        RecurrencePattern::Weekly(weekly) => Pattern::Weekly {
            interval: every(weekly.interval),
            days: days(&weekly.days_of_week)?,
            first_day: weekly.first_day_of_week.as_deref().and_then(weekday).unwrap_or(Weekday::Monday),
        },
        RecurrencePattern::AbsoluteMonthly(monthly) => {
            Pattern::AbsoluteMonthly { interval: every(monthly.interval), day: day(monthly.day_of_month) }
        }
        RecurrencePattern::RelativeMonthly(monthly) => Pattern::RelativeMonthly {
            interval: every(monthly.interval),
            nth: nth(&monthly.day_of_week_index)?,
            days: days(&monthly.days_of_week)?,
        },
        RecurrencePattern::AbsoluteYearly(yearly) => {
            Pattern::AbsoluteYearly { month: month(&yearly.month)?, day: day(yearly.day_of_month) }
        }
        RecurrencePattern::RelativeYearly(yearly) => Pattern::RelativeYearly {
            month: month(&yearly.month)?,
            nth: nth(&yearly.day_of_week_index)?,
            days: days(&yearly.days_of_week)?,
        },
        _ => return None,
    })
}

pub(super) fn weekday(name: &str) -> Option<Weekday> {
    let at = WEEKDAYS.iter().position(|known| known.eq_ignore_ascii_case(name.trim()))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

pub(super) fn weekday_name(day: Weekday) -> &'static str {
    let at = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
    WEEKDAYS.get(at).copied().unwrap_or("Monday")
}

pub(super) fn month(name: &str) -> Option<u8> {
    let at = MONTHS.iter().position(|known| known.eq_ignore_ascii_case(name.trim()))?;
    u8::try_from(at + 1).ok()
}

pub(super) fn month_name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month.clamp(1, 12)) - 1).copied().unwrap_or("January")
}

fn days(names: &str) -> Option<Days> {
    match names.trim() {
        "Day" => Some(Days::ANY),
        "Weekday" => Some(Days::WEEKDAYS),
        "WeekendDay" => Some(Days::WEEKEND),
        names => {
            let named: Option<Vec<Weekday>> = names.split_whitespace().map(weekday).collect();
            named.filter(|days| !days.is_empty()).map(Days::of)
        }
    }
}

/// Relative patterns take one day or one of the three words; Exchange has no "first Tuesday or Thursday".
fn days_name(days: Days) -> String {
    match days {
        Days::ANY => "Day".to_owned(),
        Days::WEEKDAYS => "Weekday".to_owned(),
        Days::WEEKEND => "WeekendDay".to_owned(),
        days => days.iter().map(weekday_name).collect::<Vec<_>>().join(" "),
    }
}

fn nth(name: &str) -> Option<Nth> {
    WEEKS.iter().find(|(known, _)| *known == name.trim()).map(|(_, nth)| *nth)
}

pub(super) fn week_name(nth: Nth) -> &'static str {
    WEEKS.iter().find(|(_, known)| *known == nth).map_or("First", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_and_end_comes_back() {
        let patterns = [
            Pattern::Daily { interval: 3 },
            Pattern::Weekly { interval: 2, days: Days::WEEKDAYS, first_day: Weekday::Sunday },
            Pattern::AbsoluteMonthly { interval: 1, day: 31 },
            Pattern::RelativeMonthly { interval: 2, nth: Nth::Last, days: Days::ANY },
            Pattern::RelativeMonthly { interval: 1, nth: Nth::Second, days: Days::one(Weekday::Tuesday) },
            Pattern::AbsoluteYearly { month: 2, day: 29 },
            Pattern::RelativeYearly { month: 12, nth: Nth::Fourth, days: Days::WEEKEND },
        ];
        let end: Date = "2027-01-01".parse().unwrap();
        for pattern in patterns {
            for ends in [Ends::Never, Ends::On(end), Ends::After(7)] {
                let series = Recurrence::new(pattern, ends);
                assert_eq!(read(&write(&series, end)), Some(series));
            }
        }
    }

    #[test]
    fn what_only_tasks_have_is_no_series() {
        let pattern = Some(RecurrencePattern::DailyRegeneration(Interval { interval: 1 }));
        let range = Some(RecurrenceRange::NoEnd(NoEnd::default()));
        assert_eq!(read(&EwsRecurrence { pattern, range }), None);
    }
}
