//! Time zones between `TZID` with `VTIMEZONE` and EWS's definitions.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDay, ICalendarEntry, ICalendarFrequency,
    ICalendarMonth, ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use tieline_proto_ews::time_zone::{
    AnyTransition, Period, RecurringDayTransition, TimeZoneDefinition, Transition, TransitionTarget,
    TransitionTargetKind, Transitions,
};

use super::rule::weekday;
use crate::calendar::zone;

/// A zone as an event names it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) zone: TimeZone,
    pub(super) definition: TimeZoneDefinition,
}

/// Finds out what a `TZID` means: a Windows or IANA id, otherwise what the `VTIMEZONE` of that name says.
pub(super) fn named(tzid: &str, calendar: &ICalendar) -> Option<Named> {
    let id = tzid.trim_matches('"').trim();
    if let Some(windows) = zone::windows_id(id) {
        return Some(Named { zone: zone::by_id(windows)?, definition: TimeZoneDefinition::by_id(windows) });
    }
    // Globally unique ids end in an IANA id: /softwarestudio.org/Olson_20011030_5/Europe/Berlin.
    let tail = id.trim_start_matches('/');
    let tails = tail.match_indices('/').map(|(at, _)| tail.get(at + 1..).unwrap_or_default());
    if let Some(known) = std::iter::once(tail).chain(tails).find_map(zone::by_id) {
        return Some(like(known, id));
    }
    let definition = definition_of(vtimezone(calendar, tzid)?, id)?;
    let rules = zone::of_definition(&definition)?;
    match zone::windows_like(&rules) {
        Some(windows) => Some(Named { zone: rules, definition: TimeZoneDefinition::by_id(windows) }),
        None => Some(Named { zone: rules, definition }),
    }
}

/// A known zone under the Windows id whose clocks go the same.
fn like(known: TimeZone, id: &str) -> Named {
    let windows = zone::windows_like(&known).unwrap_or(id);
    Named { zone: known, definition: TimeZoneDefinition::by_id(windows) }
}

fn vtimezone<'a>(calendar: &'a ICalendar, tzid: &str) -> Option<(&'a ICalendar, &'a ICalendarComponent)> {
    let found = calendar.components.iter().find(|component| {
        component.component_type == ICalendarComponentType::VTimezone
            && component
                .property(&ICalendarProperty::Tzid)
                .and_then(|entry| entry.values.first()?.as_text())
                .is_some_and(|name| name == tzid)
    });
    found.map(|component| (calendar, component))
}

/// What an observance says: seconds east of UTC after it begins, and when it begins each year.
struct Observance {
    east: i64,
    begins: Option<RecurringDayTransition>,
    /// The year of its `DTSTART`.
    since: u16,
}

/// The definition that a `VTIMEZONE` amounts to, by its latest observances.
fn definition_of(
    (calendar, component): (&ICalendar, &ICalendarComponent),
    name: &str,
) -> Option<TimeZoneDefinition> {
    let of = |kind: ICalendarComponentType| {
        let parts = component.component_ids.iter().filter_map(|id| calendar.component_by_id(*id));
        parts
            .filter(|part| part.component_type == kind)
            .filter_map(observance)
            .max_by_key(|found| found.since)
    };
    let (standard, daylight) = (of(ICalendarComponentType::Standard), of(ICalendarComponentType::Daylight));
    let standard = standard.or_else(|| of(ICalendarComponentType::Daylight))?;
    let mut definition = TimeZoneDefinition::by_id(name);
    definition.name = Some(name.to_owned());
    definition.periods.push(period("Standard", standard.east));
    let group = match (standard.begins, daylight.map(|found| (found.east, found.begins))) {
        (Some(ends), Some((east, Some(begins)))) => {
            definition.periods.push(period("Daylight", east));
            vec![turn(begins, "Daylight"), turn(ends, "Standard")]
        }
        _ => vec![AnyTransition::Transition(Transition { to: to(TransitionTargetKind::Period, "Standard") })],
    };
    definition.transitions_groups.push(Transitions { id: Some("0".to_owned()), transitions: group });
    let first = AnyTransition::Transition(Transition { to: to(TransitionTargetKind::Group, "0") });
    definition.transitions = Some(Transitions { id: None, transitions: vec![first] });
    Some(definition)
}

fn to(kind: TransitionTargetKind, id: &str) -> TransitionTarget {
    TransitionTarget { kind, id: id.to_owned() }
}

fn turn(turn: RecurringDayTransition, period: &str) -> AnyTransition {
    AnyTransition::RecurringDay(RecurringDayTransition {
        to: to(TransitionTargetKind::Period, period),
        ..turn
    })
}

fn period(name: &str, east: i64) -> Period {
    Period { bias: duration(-east), name: name.to_owned(), id: name.to_owned() }
}

/// `xs:duration` of seconds.
fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    format!("{sign}PT{}H{}M{}S", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn observance(component: &ICalendarComponent) -> Option<Observance> {
    let value = |name: &ICalendarProperty| component.property(name)?.values.first();
    let offset = value(&ICalendarProperty::Tzoffsetto)?.as_partial_date_time()?;
    let east = i64::from(offset.tz_hour?) * 3600 + i64::from(offset.tz_minute.unwrap_or(0)) * 60;
    let start = value(&ICalendarProperty::Dtstart).and_then(ICalendarValue::as_partial_date_time);
    let begins = start.and_then(|start| {
        let rule = match value(&ICalendarProperty::Rrule) {
            Some(ICalendarValue::RecurrenceRule(rule)) => rule,
            _ => return None,
        };
        let day = rule.byday.first()?;
        let occurrence = i32::from(day.ordwk.unwrap_or(1));
        let (hour, minute) = (start.hour.unwrap_or(0), start.minute.unwrap_or(0));
        Some(RecurringDayTransition {
            to: TransitionTarget::default(),
            time_offset: format!("PT{hour}H{minute}M"),
            month: i32::from(rule.bymonth.first()?.month()),
            day_of_week: weekday(day.weekday).to_owned(),
            occurrence: if (1..=4).contains(&occurrence) { occurrence } else { -1 },
        })
    });
    Some(Observance {
        east: if offset.tz_minus { -east } else { east },
        begins,
        since: start.and_then(|start| start.year).unwrap_or(0),
    })
}

/// The `VTIMEZONE` of a zone with the rules of a year, as Exchange writes it: each rule from 1601 on. Gives the observances
/// beside it.
pub(super) fn component(
    name: &str,
    zone: &TimeZone,
    year: i16,
) -> (ICalendarComponent, Vec<ICalendarComponent>) {
    let mut component = ICalendarComponent::new(ICalendarComponentType::VTimezone);
    component.add_property(ICalendarProperty::Tzid, name);
    let (base, changes) = zone::turns(zone, year);
    let parts = match changes {
        None => {
            let mut only = ICalendarComponent::new(ICalendarComponentType::Standard);
            observed(&mut only, base, base, civil::time(0, 0, 0, 0));
            vec![only]
        }
        Some((standard, daylight)) => [
            (ICalendarComponentType::Standard, &standard, daylight.east),
            (ICalendarComponentType::Daylight, &daylight, standard.east),
        ]
        .into_iter()
        .map(|(kind, turn, before)| {
            let mut part = ICalendarComponent::new(kind);
            observed(&mut part, before, turn.east, turn.time);
            part.add_property(
                ICalendarProperty::Rrule,
                ICalendarRecurrenceRule {
                    freq: ICalendarFrequency::Yearly,
                    interval: Some(1),
                    byday: vec![ICalendarDay {
                        ordwk: Some(if turn.week == 5 { -1 } else { i16::from(turn.week) }),
                        weekday: super::rule::weekday_at(turn.day),
                    }],
                    bymonth: vec![ICalendarMonth::new(turn.month.unsigned_abs(), false)],
                    ..ICalendarRecurrenceRule::default()
                },
            );
            part
        })
        .collect(),
    };
    (component, parts)
}

fn observed(part: &mut ICalendarComponent, before: i64, after: i64, time: civil::Time) {
    part.entries.push(ICalendarEntry::new(ICalendarProperty::Dtstart).with_value(PartialDateTime {
        year: Some(1601),
        month: Some(1),
        day: Some(1),
        hour: Some(time.hour().unsigned_abs()),
        minute: Some(time.minute().unsigned_abs()),
        second: Some(time.second().unsigned_abs()),
        ..PartialDateTime::default()
    }));
    for (name, minutes) in [(ICalendarProperty::Tzoffsetfrom, before), (ICalendarProperty::Tzoffsetto, after)]
    {
        let part_of = |number: i64| u8::try_from(number).unwrap_or(0);
        part.entries.push(ICalendarEntry::new(name).with_value(PartialDateTime {
            tz_hour: Some(part_of(minutes.abs() / 60)),
            tz_minute: Some(part_of(minutes.abs() % 60)),
            tz_minus: minutes < 0,
            ..PartialDateTime::default()
        }));
    }
}

/// The year of an instant in a zone.
pub(super) fn year(zone: &TimeZone, at: Timestamp) -> i16 {
    zone::local(zone, at).year()
}
