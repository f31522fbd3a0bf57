//! Repetition rules (RFC 5545 section 3.3.10) in the forms that Exchange has; others are refused, never bent.

use calcard::common::PartialDateTime;
use calcard::icalendar::{ICalendarDay, ICalendarFrequency, ICalendarRecurrenceRule, ICalendarWeekday};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use tieline_model::{Days, Ends, Nth, Pattern, Recurrence, Schedule};

use crate::zone::civil;

/// The last days of a month on which a series falls that is set to the 29th, 30th or 31st.
fn clamped_days(day: u8) -> Option<String> {
    let days: Vec<String> = (28..=day).map(|day| day.to_string()).collect();
    (day > 28).then(|| format!("{};BYSETPOS=-1", days.join(",")))
}

fn month_day(day: u8) -> String {
    clamped_days(day).unwrap_or_else(|| day.to_string())
}

fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

fn names(days: Days) -> String {
    days.iter().map(name).collect::<Vec<_>>().join(",")
}

const fn place(nth: Nth) -> i8 {
    match nth {
        Nth::First => 1,
        Nth::Second => 2,
        Nth::Third => 3,
        Nth::Fourth => 4,
        Nth::Last => -1,
    }
}

fn nth_day(nth: Nth, days: Days) -> String {
    match days.iter().collect::<Vec<_>>().as_slice() {
        [one] => format!("BYDAY={}{}", place(nth), name(*one)),
        _ => format!("BYDAY={};BYSETPOS={}", names(days), place(nth)),
    }
}

/// The rule of a series.
pub(crate) fn write(series: &Recurrence, schedule: &Schedule) -> String {
    let mut rule = match series.pattern {
        Pattern::Daily { interval } => format!("FREQ=DAILY;INTERVAL={}", interval.max(1)),
        Pattern::Weekly { interval, days, first_day } => {
            format!("FREQ=WEEKLY;INTERVAL={};BYDAY={};WKST={}", interval.max(1), names(days), name(first_day))
        }
        Pattern::AbsoluteMonthly { interval, day } => {
            format!("FREQ=MONTHLY;INTERVAL={};BYMONTHDAY={}", interval.max(1), month_day(day))
        }
        Pattern::RelativeMonthly { interval, nth, days } => {
            format!("FREQ=MONTHLY;INTERVAL={};{}", interval.max(1), nth_day(nth, days))
        }
        Pattern::AbsoluteYearly { month, day } => {
            format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={}", month_day(day))
        }
        Pattern::RelativeYearly { month, nth, days } => {
            format!("FREQ=YEARLY;BYMONTH={month};{}", nth_day(nth, days))
        }
    };
    match series.ends {
        Ends::Never => {}
        Ends::After(count) => rule.push_str(&format!(";COUNT={count}")),
        Ends::On(date) if schedule.all_day => rule.push_str(&format!(";UNTIL={}", date.strftime("%Y%m%d"))),
        Ends::On(date) => {
            // The last occurrence's own time, in UTC (section 3.3.10).
            let last = date.to_datetime(schedule.start.local.time());
            let zone = schedule.start.zone.resolve().unwrap_or(TimeZone::UTC);
            let until = zone.to_ambiguous_timestamp(last).compatible().unwrap_or(jiff::Timestamp::MAX);
            rule.push_str(&format!(";UNTIL={}", until.strftime("%Y%m%dT%H%M%SZ")));
        }
    }
    rule
}

fn weekday(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Sunday => Weekday::Sunday,
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
    }
}

const fn nth(place: i32) -> Option<Nth> {
    match place {
        1 => Some(Nth::First),
        2 => Some(Nth::Second),
        3 => Some(Nth::Third),
        4 => Some(Nth::Fourth),
        -1 => Some(Nth::Last),
        _ => None,
    }
}

/// The series that a rule means for an event that begins at `start`.
pub(crate) fn read(
    rule: &ICalendarRecurrenceRule,
    start: DateTime,
    zone: &TimeZone,
) -> Result<Recurrence, String> {
    let unknown = || "it repeats in a way that Exchange does not know".to_owned();
    if !rule.bysecond.is_empty()
        || !rule.byminute.is_empty()
        || !rule.byhour.is_empty()
        || !rule.byyearday.is_empty()
        || !rule.byweekno.is_empty()
    {
        return Err(unknown());
    }
    let interval = u32::from(rule.interval.unwrap_or(1)).max(1);
    let pattern = match rule.freq {
        ICalendarFrequency::Daily => daily(rule, interval),
        ICalendarFrequency::Weekly => weekly(rule, interval, start),
        ICalendarFrequency::Monthly => monthly(rule, interval, start),
        ICalendarFrequency::Yearly if interval == 1 => yearly(rule, start),
        _ => None,
    };
    let ends = match (&rule.until, rule.count) {
        (Some(until), _) => Ends::On(until_date(until, zone).ok_or_else(|| "its end is no date".to_owned())?),
        (None, Some(count)) => Ends::After(count),
        (None, None) => Ends::Never,
    };
    Ok(Recurrence::new(pattern.ok_or_else(unknown)?, ends))
}

/// The local date of the last occurrence.
fn until_date(until: &PartialDateTime, zone: &TimeZone) -> Option<Date> {
    let local = civil(until)?;
    if until.tz_hour.is_some() && until.hour.is_some() {
        let instant = TimeZone::UTC.to_timestamp(local).ok()?;
        return Some(zone.to_datetime(instant).date());
    }
    Some(local.date())
}

fn plain_days(days: &[ICalendarDay]) -> Option<Days> {
    days.iter().all(|day| day.ordwk.is_none()).then(|| Days::of(days.iter().map(|day| weekday(day.weekday))))
}

fn daily(rule: &ICalendarRecurrenceRule, interval: u32) -> Option<Pattern> {
    let simple = rule.bymonthday.is_empty() && rule.bymonth.is_empty() && rule.bysetpos.is_empty();
    match rule.byday.as_slice() {
        _ if !simple => None,
        [] => Some(Pattern::Daily { interval }),
        // "Every working day" is a weekly series to Exchange.
        days if interval == 1 => {
            Some(Pattern::Weekly { interval: 1, days: plain_days(days)?, first_day: Weekday::Monday })
        }
        _ => None,
    }
}

fn weekly(rule: &ICalendarRecurrenceRule, interval: u32, start: DateTime) -> Option<Pattern> {
    let simple = rule.bymonthday.is_empty() && rule.bymonth.is_empty() && rule.bysetpos.is_empty();
    let days = if rule.byday.is_empty() { Days::one(start.weekday()) } else { plain_days(&rule.byday)? };
    let first_day = rule.wkst.map_or(Weekday::Monday, weekday);
    simple.then_some(Pattern::Weekly { interval, days, first_day })
}

fn monthly(rule: &ICalendarRecurrenceRule, interval: u32, start: DateTime) -> Option<Pattern> {
    if !rule.bymonth.is_empty() {
        return None;
    }
    if rule.byday.is_empty() {
        let day = day_of(rule, start)?;
        return Some(Pattern::AbsoluteMonthly { interval, day });
    }
    let (nth, days) = nth_days(rule)?;
    Some(Pattern::RelativeMonthly { interval, nth, days })
}

fn yearly(rule: &ICalendarRecurrenceRule, start: DateTime) -> Option<Pattern> {
    let month = match rule.bymonth.as_slice() {
        [] if rule.byday.is_empty() => u8::try_from(start.month()).ok()?,
        [one] if !one.is_leap() => one.month(),
        _ => return None,
    };
    if rule.byday.is_empty() {
        return Some(Pattern::AbsoluteYearly { month, day: day_of(rule, start)? });
    }
    let (nth, days) = nth_days(rule)?;
    Some(Pattern::RelativeYearly { month, nth, days })
}

/// One day of the month, or the last of several that stand for the month's end.
fn day_of(rule: &ICalendarRecurrenceRule, start: DateTime) -> Option<u8> {
    match (rule.bymonthday.as_slice(), rule.bysetpos.as_slice()) {
        ([], []) => u8::try_from(start.day()).ok(),
        ([-1], []) => Some(31),
        ([day], [] | [1 | -1]) => u8::try_from(*day).ok().filter(|day| (1..=31).contains(day)),
        (days, [-1]) => {
            let mut expected = 28_i8..;
            let runs = days.iter().all(|day| expected.next() == Some(*day));
            days.last().filter(|last| runs && **last <= 31).and_then(|last| u8::try_from(*last).ok())
        }
        _ => None,
    }
}

fn nth_days(rule: &ICalendarRecurrenceRule) -> Option<(Nth, Days)> {
    if !rule.bymonthday.is_empty() {
        return None;
    }
    match (rule.byday.as_slice(), rule.bysetpos.as_slice()) {
        ([ICalendarDay { ordwk: Some(place), weekday: day }], []) => {
            Some((nth(i32::from(*place))?, Days::one(weekday(*day))))
        }
        (days, [place]) => Some((nth(*place)?, plain_days(days)?)),
        _ => None,
    }
}
