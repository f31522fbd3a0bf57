//! Recurrences between `RRULE` and EWS's patterns ([MS-OXCICAL] section 2.1.3.2).

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarDay, ICalendarFrequency, ICalendarMonth, ICalendarRecurrenceRule, ICalendarWeekday,
};
use jiff::{civil, tz::TimeZone};
use tieline_proto_ews::recurrence::{
    AbsoluteMonthly, AbsoluteYearly, EndDate, Interval, NoEnd, Numbered, Recurrence, RecurrencePattern,
    RecurrenceRange, RelativeMonthly, RelativeYearly, Weekly,
};

use super::write::utc;
use crate::calendar::zone::{self, MONTHS, WEEKS};

const DAYS: [(ICalendarWeekday, &str); 7] = [
    (ICalendarWeekday::Sunday, "Sunday"),
    (ICalendarWeekday::Monday, "Monday"),
    (ICalendarWeekday::Tuesday, "Tuesday"),
    (ICalendarWeekday::Wednesday, "Wednesday"),
    (ICalendarWeekday::Thursday, "Thursday"),
    (ICalendarWeekday::Friday, "Friday"),
    (ICalendarWeekday::Saturday, "Saturday"),
];
/// Names that stand for several days.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Day", &["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]),
    ("Weekday", &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]),
    ("WeekendDay", &["Sunday", "Saturday"]),
];

/// The English name of a day.
pub(super) fn weekday(day: ICalendarWeekday) -> &'static str {
    DAYS.iter().find(|(known, _)| *known == day).map_or("Sunday", |(_, name)| name)
}

/// The day with a number, Sunday 0.
pub(super) fn weekday_at(number: i8) -> ICalendarWeekday {
    usize::try_from(number).ok().and_then(|at| DAYS.get(at)).map_or(ICalendarWeekday::Sunday, |(day, _)| *day)
}

fn weekday_named(name: &str) -> Option<ICalendarWeekday> {
    DAYS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(day, _)| *day)
}

/// When a series begins: its first day in its zone, with the time of day.
#[derive(Clone, Debug)]
pub(super) struct Begins {
    pub(super) local: civil::DateTime,
    pub(super) zone: TimeZone,
    pub(super) all_day: bool,
}

/// The recurrence that a rule describes; `None` for what EWS has no pattern for.
pub(super) fn read(rule: &ICalendarRecurrenceRule, begins: &Begins) -> Option<Recurrence> {
    let plain = rule.bysecond.is_empty()
        && rule.byminute.is_empty()
        && rule.byhour.is_empty()
        && rule.byyearday.is_empty()
        && rule.byweekno.is_empty()
        && rule.bymonth.len() <= 1
        && rule.bymonthday.len() <= 1
        && rule.bysetpos.len() <= 1;
    if !plain {
        return None;
    }
    let pattern = match rule.freq {
        ICalendarFrequency::Daily if rule.byday.is_empty() => {
            RecurrencePattern::Daily(Interval { interval: interval(rule, 1) })
        }
        ICalendarFrequency::Daily | ICalendarFrequency::Weekly => weekly(rule, begins),
        ICalendarFrequency::Monthly => monthly(rule, begins, 1)?,
        ICalendarFrequency::Yearly => yearly(rule, begins)?,
        _ => return None,
    };
    Some(Recurrence { pattern: Some(pattern), range: Some(range(rule, begins)) })
}

fn interval(rule: &ICalendarRecurrenceRule, months: i32) -> i32 {
    i32::from(rule.interval.unwrap_or(1).max(1)).saturating_mul(months)
}

fn begin_day(begins: &Begins) -> &'static str {
    weekday(weekday_at(begins.local.weekday().to_sunday_zero_offset()))
}

fn weekly(rule: &ICalendarRecurrenceRule, begins: &Begins) -> RecurrencePattern {
    let days: Vec<_> = rule.byday.iter().map(|day| weekday(day.weekday)).collect();
    let interval = if rule.freq == ICalendarFrequency::Daily { 1 } else { interval(rule, 1) };
    RecurrencePattern::Weekly(Weekly {
        interval,
        days_of_week: if days.is_empty() { begin_day(begins).to_owned() } else { days.join(" ") },
        first_day_of_week: Some(weekday(rule.wkst.unwrap_or(ICalendarWeekday::Monday)).to_owned()),
    })
}

/// Which of which days: `2TU`, `-1FR`, or a list with `BYSETPOS`.
fn relative(rule: &ICalendarRecurrenceRule) -> Option<(String, String)> {
    let first = rule.byday.first()?;
    let position = match (rule.byday.as_slice(), first.ordwk) {
        ([_], Some(position)) => i32::from(position),
        _ => *rule.bysetpos.first()?,
    };
    let index = if position == -1 { 4 } else { usize::try_from(position - 1).ok().filter(|at| *at < 4)? };
    let mut names: Vec<_> = DAYS
        .iter()
        .filter(|(day, _)| rule.byday.iter().any(|wanted| wanted.weekday == *day))
        .map(|(_, name)| *name)
        .collect();
    if let Some((group, _)) = GROUPS.iter().find(|(_, days)| *days == names.as_slice()) {
        names = vec![*group];
    }
    let [days] = names.as_slice() else { return None };
    Some(((*days).to_owned(), WEEKS.get(index)?.to_string()))
}

fn day_of_month(rule: &ICalendarRecurrenceRule, begins: &Begins) -> Option<i32> {
    match rule.bymonthday.first() {
        None => Some(i32::from(begins.local.day())),
        // The last day; Exchange's day 31 is the last of every month.
        Some(-1) => Some(31),
        Some(day) => Some(i32::from(*day)).filter(|day| *day > 0),
    }
}

fn monthly(rule: &ICalendarRecurrenceRule, begins: &Begins, months: i32) -> Option<RecurrencePattern> {
    let interval = interval(rule, months);
    if rule.byday.is_empty() {
        let day_of_month = day_of_month(rule, begins)?;
        return Some(RecurrencePattern::AbsoluteMonthly(AbsoluteMonthly { interval, day_of_month }));
    }
    let (days_of_week, day_of_week_index) = relative(rule)?;
    Some(RecurrencePattern::RelativeMonthly(RelativeMonthly { interval, days_of_week, day_of_week_index }))
}

fn yearly(rule: &ICalendarRecurrenceRule, begins: &Begins) -> Option<RecurrencePattern> {
    // EWS has no "every second year": it is every 24 months.
    if rule.interval.is_some_and(|interval| interval > 1) {
        return monthly(rule, begins, 12);
    }
    let month = rule.bymonth.first().map_or(begins.local.month().unsigned_abs(), ICalendarMonth::month);
    let month = MONTHS.get(usize::from(month).checked_sub(1)?)?.to_string();
    if rule.byday.is_empty() {
        let day_of_month = day_of_month(rule, begins)?;
        return Some(RecurrencePattern::AbsoluteYearly(AbsoluteYearly { day_of_month, month }));
    }
    let (days_of_week, day_of_week_index) = relative(rule)?;
    Some(RecurrencePattern::RelativeYearly(RelativeYearly { days_of_week, day_of_week_index, month }))
}

fn range(rule: &ICalendarRecurrenceRule, begins: &Begins) -> RecurrenceRange {
    let start_date = Some(begins.local.date().into());
    if let Some(count) = rule.count.filter(|count| *count > 0) {
        let number_of_occurrences = i32::try_from(count).unwrap_or(i32::MAX).min(999);
        return RecurrenceRange::Numbered(Numbered { start_date, number_of_occurrences });
    }
    match rule.until.as_ref().and_then(|until| until_date(until, begins)) {
        Some(end) => RecurrenceRange::EndDate(EndDate { start_date, end_date: Some(end.into()) }),
        None => RecurrenceRange::NoEnd(NoEnd { start_date }),
    }
}

fn until_date(until: &PartialDateTime, begins: &Begins) -> Option<civil::Date> {
    let (local, is_utc) = super::read::civil_of(until)?;
    match is_utc {
        true => Some(zone::local(&begins.zone, local.to_zoned(TimeZone::UTC).ok()?.timestamp()).date()),
        false => Some(local.date()),
    }
}

/// The rule of a recurrence; `None` for those that only tasks have.
pub(super) fn write(recurrence: &Recurrence, begins: &Begins) -> Option<ICalendarRecurrenceRule> {
    let mut rule = ICalendarRecurrenceRule::default();
    let mut every = |freq, interval: i32| {
        rule.freq = freq;
        rule.interval = Some(u16::try_from(interval).unwrap_or(1).max(1));
    };
    match recurrence.pattern.as_ref()? {
        RecurrencePattern::Daily(daily) => every(ICalendarFrequency::Daily, daily.interval),
        RecurrencePattern::Weekly(weekly) => {
            every(ICalendarFrequency::Weekly, weekly.interval);
            rule.byday = days(&weekly.days_of_week, None);
            rule.wkst = weekly.first_day_of_week.as_deref().and_then(weekday_named);
        }
        RecurrencePattern::AbsoluteMonthly(monthly) => {
            every(ICalendarFrequency::Monthly, monthly.interval);
            rule.bymonthday = month_day(monthly.day_of_month);
        }
        RecurrencePattern::RelativeMonthly(monthly) => {
            every(ICalendarFrequency::Monthly, monthly.interval);
            position(&mut rule, &monthly.days_of_week, &monthly.day_of_week_index)?;
        }
        RecurrencePattern::AbsoluteYearly(yearly) => {
            every(ICalendarFrequency::Yearly, 1);
            rule.bymonth = vec![month(&yearly.month)?];
            rule.bymonthday = month_day(yearly.day_of_month);
        }
        RecurrencePattern::RelativeYearly(yearly) => {
            every(ICalendarFrequency::Yearly, 1);
            rule.bymonth = vec![month(&yearly.month)?];
            position(&mut rule, &yearly.days_of_week, &yearly.day_of_week_index)?;
        }
        _ => return None,
    }
    match recurrence.range.as_ref() {
        Some(RecurrenceRange::Numbered(numbered)) => {
            rule.count = u32::try_from(numbered.number_of_occurrences).ok();
        }
        Some(RecurrenceRange::EndDate(end)) => {
            let last = end.end_date.as_ref()?.civil;
            rule.until = Some(match begins.all_day {
                true => super::write::date(last),
                false => utc(zone::instant(&begins.zone, last.to_datetime(begins.local.time()))),
            });
        }
        _ => {}
    }
    Some(rule)
}

fn days(names: &str, ordwk: Option<i16>) -> Vec<ICalendarDay> {
    let group = GROUPS.iter().find(|(group, _)| *group == names.trim()).map(|(_, days)| days.to_vec());
    let names = group.unwrap_or_else(|| names.split_whitespace().collect());
    names.into_iter().filter_map(weekday_named).map(|weekday| ICalendarDay { ordwk, weekday }).collect()
}

fn month_day(day: i32) -> Vec<i8> {
    vec![if day >= 31 { -1 } else { i8::try_from(day).unwrap_or(1).max(1) }]
}

fn month(name: &str) -> Option<ICalendarMonth> {
    let at = MONTHS.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Some(ICalendarMonth::new(u8::try_from(at + 1).ok()?, false))
}

fn position(rule: &mut ICalendarRecurrenceRule, names: &str, week: &str) -> Option<()> {
    let at = WEEKS.iter().position(|known| known.eq_ignore_ascii_case(week))?;
    let position = if at == 4 { -1 } else { i16::try_from(at + 1).ok()? };
    let several = days(names, None);
    match several.as_slice() {
        [_] => rule.byday = days(names, Some(position)),
        _ => {
            rule.byday = several;
            rule.bysetpos = vec![i32::from(position)];
        }
    }
    Some(())
}
