//! VTIMEZONE (RFC 5545 section 3.6.5): read as rules where a name is not known, and written for every zone, so that no
//! reader need know its name.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarFrequency, ICalendarMonth,
    ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue, ICalendarWeekday,
};
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use tieline_model::{ChangeDay, DaylightTime, YearlyChange, Zone, ZoneRules};

use crate::icalendar::{component, entry};

/// The date and time of day as written; midnight where there is no time.
pub(crate) fn civil(time: &PartialDateTime) -> Option<DateTime> {
    let part = |part: Option<u8>| i8::try_from(part.unwrap_or(0)).ok();
    let date = Date::new(
        i16::try_from(time.year?).ok()?,
        i8::try_from(time.month?).ok()?,
        i8::try_from(time.day?).ok()?,
    )
    .ok()?;
    let time =
        jiff::civil::Time::new(part(time.hour)?, part(time.minute)?, part(time.second)?.min(59), 0).ok()?;
    Some(date.to_datetime(time))
}

/// One STANDARD or DAYLIGHT part.
struct Observance {
    daylight: bool,
    from: i32,
    to: i32,
    change: Option<YearlyChange>,
    begins: DateTime,
}

/// The zone that a TZID means in this file: by its name where that is known, else by the rules that came with it.
pub(crate) fn read(calendar: &ICalendar, id: &str) -> Zone {
    let named = Zone::named(id);
    if named.resolve().is_ok() {
        return named;
    }
    // Some programs put a path before the name: /freeassociation.sourceforge.net/Europe/Berlin.
    let mut rest = id;
    while let Some((_, tail)) = rest.split_once('/') {
        let zone = Zone::named(tail);
        if tail.contains('/') && zone.resolve().is_ok() {
            return zone;
        }
        rest = tail;
    }
    Zone { rules: rules(calendar, id), ..named }
}

fn rules(calendar: &ICalendar, id: &str) -> Option<ZoneRules> {
    let definition = calendar.components.iter().find(|part| {
        part.component_type == ICalendarComponentType::VTimezone
            && text(part, &ICalendarProperty::Tzid).as_deref() == Some(id)
    })?;
    let parts = definition.component_ids.iter().filter_map(|id| calendar.component_by_id(*id));
    let mut observances: Vec<Observance> = parts.filter_map(observance).collect();
    observances.sort_by_key(|part| part.begins);
    let newest = |daylight: bool| observances.iter().rev().find(|part| part.daylight == daylight);
    let standard = newest(false)?;
    let daylight = newest(true).and_then(|summer| {
        let (begins, ends) = (summer.change?, standard.change?);
        (summer.from == standard.to).then_some(DaylightTime { offset: summer.to, begins, ends })
    });
    Some(ZoneRules { standard: standard.to, daylight })
}

fn text(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    component.property(property)?.values.first()?.as_text().map(str::to_owned)
}

fn observance(part: &ICalendarComponent) -> Option<Observance> {
    let daylight = match part.component_type {
        ICalendarComponentType::Standard => false,
        ICalendarComponentType::Daylight => true,
        _ => return None,
    };
    let begins = match part.property(&ICalendarProperty::Dtstart)?.values.first()? {
        ICalendarValue::PartialDateTime(time) => civil(time)?,
        _ => return None,
    };
    let offset = |property| match part.property(property)?.values.first()? {
        ICalendarValue::PartialDateTime(time) => {
            let seconds = i32::from(time.tz_hour?) * 3600 + i32::from(time.tz_minute.unwrap_or(0)) * 60;
            Some(if time.tz_minus { -seconds } else { seconds })
        }
        _ => None,
    };
    let rule = part.property(&ICalendarProperty::Rrule).and_then(|entry| match entry.values.first() {
        Some(ICalendarValue::RecurrenceRule(rule)) => Some(&**rule),
        _ => None,
    });
    Some(Observance {
        daylight,
        from: offset(&ICalendarProperty::Tzoffsetfrom)?,
        to: offset(&ICalendarProperty::Tzoffsetto)?,
        change: rule.and_then(|rule| change(rule, begins)),
        begins,
    })
}

fn change(rule: &ICalendarRecurrenceRule, begins: DateTime) -> Option<YearlyChange> {
    if rule.freq != ICalendarFrequency::Yearly || rule.until.is_some() {
        return None;
    }
    let month = rule.bymonth.first().map_or(u8::try_from(begins.month()).ok()?, ICalendarMonth::month);
    let second = u32::try_from(begins.time().duration_since(jiff::civil::Time::midnight()).as_secs()).ok()?;
    let day = match (rule.byday.first(), rule.bymonthday.first()) {
        (Some(day), None) => {
            let week = match day.ordwk? {
                week @ 1..=4 => u8::try_from(week).ok()?,
                -1 => 5,
                _ => return None,
            };
            let weekday = match day.weekday {
                ICalendarWeekday::Sunday => 0,
                ICalendarWeekday::Monday => 1,
                ICalendarWeekday::Tuesday => 2,
                ICalendarWeekday::Wednesday => 3,
                ICalendarWeekday::Thursday => 4,
                ICalendarWeekday::Friday => 5,
                ICalendarWeekday::Saturday => 6,
            };
            ChangeDay::Weekday { week, weekday }
        }
        (None, Some(day)) => ChangeDay::Date(u8::try_from(*day).ok()?),
        (None, None) => ChangeDay::Date(u8::try_from(begins.day()).ok()?),
        _ => return None,
    };
    Some(YearlyChange { month, day, second })
}

/// The name under which a zone is written.
pub(crate) fn id(zone: &Zone) -> String {
    zone.iana_id().map_or_else(|| zone.id.clone(), str::to_owned)
}

pub(crate) fn is_utc(zone: &Zone) -> bool {
    zone.id.eq_ignore_ascii_case("UTC") || zone.id.eq_ignore_ascii_case("Etc/UTC")
}

/// How many years of changes are written for a zone whose changes follow no rule.
const YEARS: i16 = 12;

/// The VTIMEZONE of a zone for events from `year` on, with its parts; nothing for a zone that nobody knows.
pub(crate) fn write(zone: &Zone, year: i16) -> Option<(ICalendarComponent, Vec<ICalendarComponent>)> {
    let rules = zone.resolve().ok()?;
    let mut definition = component(ICalendarComponentType::VTimezone);
    definition.entries.push(entry(ICalendarProperty::Tzid, id(zone)));
    let first = Date::new(year.clamp(1, 9990), 1, 1).ok()?;
    let begin = TimeZone::UTC.to_timestamp(first.to_datetime(jiff::civil::Time::midnight())).ok()?;
    let last = Date::new(year.clamp(1, 9990).saturating_add(YEARS), 1, 1).ok()?;
    let end = TimeZone::UTC.to_timestamp(last.to_datetime(jiff::civil::Time::midnight())).ok()?;
    if let (None, Some(own)) = (zone.iana_id(), zone.rules) {
        return Some((definition, by_rules(&own)));
    }
    let mut before = rules.to_offset(begin);
    let mut parts = vec![part(false, before, before, first.to_datetime(jiff::civil::Time::midnight()))];
    for transition in rules.following(begin) {
        if transition.timestamp() > end {
            break;
        }
        let after = transition.offset();
        if after != before {
            let local = before.to_datetime(transition.timestamp());
            parts.push(part(transition.dst().is_dst(), before, after, local));
            before = after;
        }
    }
    Some((definition, parts))
}

/// A zone that nobody knows by name: its rules, as they came.
fn by_rules(rules: &ZoneRules) -> Vec<ICalendarComponent> {
    let offset = |seconds| Offset::from_seconds(seconds).unwrap_or(Offset::UTC);
    let standard = offset(rules.standard);
    let Some(summer) = rules.daylight else { return vec![part(false, standard, standard, FIRST)] };
    let daylight = offset(summer.offset);
    let yearly = |change: YearlyChange, dst: bool, from: Offset, to: Offset| {
        let time = jiff::SignedDuration::from_secs(i64::from(change.second.min(86_399)));
        let mut part = part(dst, from, to, FIRST.checked_add(time).unwrap_or(FIRST));
        part.entries.push(entry(ICalendarProperty::Rrule, yearly_rule(change)));
        part
    };
    vec![yearly(summer.ends, false, daylight, standard), yearly(summer.begins, true, standard, daylight)]
}

/// Since the beginning of such calendars.
const FIRST: DateTime = jiff::civil::date(1601, 1, 1).at(0, 0, 0, 0);

fn yearly_rule(change: YearlyChange) -> String {
    const DAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
    let month = change.month;
    match change.day {
        ChangeDay::Weekday { week, weekday } => {
            let place = if week >= 5 { -1 } else { i32::from(week) };
            let day = DAYS.get(usize::from(weekday)).copied().unwrap_or("SU");
            format!("FREQ=YEARLY;BYMONTH={month};BYDAY={place}{day}")
        }
        ChangeDay::Date(day) => format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={day}"),
    }
}

fn part(daylight: bool, from: Offset, to: Offset, begins: DateTime) -> ICalendarComponent {
    let kind = if daylight { ICalendarComponentType::Daylight } else { ICalendarComponentType::Standard };
    let mut part = component(kind);
    part.entries.push(entry(ICalendarProperty::Dtstart, begins.strftime("%Y%m%dT%H%M%S").to_string()));
    part.entries.push(entry(ICalendarProperty::Tzoffsetfrom, offset_text(from)));
    part.entries.push(entry(ICalendarProperty::Tzoffsetto, offset_text(to)));
    part
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60)
}

/// A whole day later.
pub(crate) fn next_day(local: DateTime) -> DateTime {
    local.checked_add(SignedDuration::from_hours(24)).unwrap_or(local)
}

/// For stamps.
pub(crate) fn utc_text(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}
