//! Time zones as Exchange writes them: by Windows id, or with the rules of a zone that has none.
//!
//! Since 2010 an item carries `StartTimeZone` and `EndTimeZone`, before it `MeetingTimeZone`; each is an error for the
//! other. A zone whose id nobody knows counts by its rules, and without rules by nothing: it is never UTC.

use jiff::SignedDuration;
use jiff::civil::{self, Time, Weekday};
use tieline_model::{ChangeDay, DaylightTime, Nth, UnknownZone, YearlyChange, Zone, ZoneRules};
use tieline_proto_ews::recurrence::{Recurrence, RecurrenceRange, RelativeYearly};
use tieline_proto_ews::time_zone::{
    AnyTransition, MeetingTimeZone, Period, RecurringDateTransition, RecurringDayTransition, TimeChange,
    TimeZoneDefinition, Transition, TransitionTarget, TransitionTargetKind, Transitions,
};
use tieline_proto_ews::{CalendarItem, DateTime, ExchangeVersion, MeetingRequest};

use super::recurrence::{month, month_name, week_name, weekday, weekday_name};

/// How times are written for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ews) enum Schema {
    /// With `MeetingTimeZone`.
    Exchange2007,
    /// With `StartTimeZone` and `EndTimeZone`.
    Exchange2010,
}

impl From<&ExchangeVersion> for Schema {
    fn from(version: &ExchangeVersion) -> Self {
        match version {
            ExchangeVersion::Exchange2007 | ExchangeVersion::Exchange2007Sp1 => Self::Exchange2007,
            _ => Self::Exchange2010,
        }
    }
}

const STANDARD: &str = "std";
const DAYLIGHT: &str = "dlt";
const ALL_YEARS: &str = "0";

/// The zone as an item carries it since Exchange 2010; `year` is the one whose rules count for a zone without a Windows
/// id.
pub(super) fn definition(zone: &Zone, year: i16) -> Result<TimeZoneDefinition, UnknownZone> {
    if let Some(id) = zone.windows_id() {
        return Ok(TimeZoneDefinition::by_id(id));
    }
    let rules = zone.rules_in(year)?;
    let period = |id: &str, offset: i32| Period {
        bias: duration(-i64::from(offset)),
        name: id.to_owned(),
        id: id.to_owned(),
    };
    let target = |kind, id: &str| TransitionTarget { kind, id: id.to_owned() };
    let mut periods = vec![period(STANDARD, rules.standard)];
    let transitions = match rules.daylight {
        None => {
            let to = target(TransitionTargetKind::Period, STANDARD);
            vec![AnyTransition::Transition(Transition { to })]
        }
        Some(summer) => {
            periods.push(period(DAYLIGHT, summer.offset));
            vec![
                turn(summer.begins, target(TransitionTargetKind::Period, DAYLIGHT)),
                turn(summer.ends, target(TransitionTargetKind::Period, STANDARD)),
            ]
        }
    };
    let from_ever = Transition { to: target(TransitionTargetKind::Group, ALL_YEARS) };
    Ok(TimeZoneDefinition {
        id: Some(zone.id.clone()),
        name: Some(zone.id.clone()),
        periods,
        transitions_groups: vec![Transitions { id: Some(ALL_YEARS.to_owned()), transitions }],
        transitions: Some(Transitions { id: None, transitions: vec![AnyTransition::Transition(from_ever)] }),
    })
}

fn turn(change: YearlyChange, to: TransitionTarget) -> AnyTransition {
    let time_offset = duration(i64::from(change.second));
    let month = i32::from(change.month);
    match change.day {
        ChangeDay::Weekday { week, weekday } => AnyTransition::RecurringDay(RecurringDayTransition {
            to,
            time_offset,
            month,
            day_of_week: sunday_zero(weekday).to_owned(),
            occurrence: if week >= 5 { -1 } else { i32::from(week) },
        }),
        ChangeDay::Date(day) => AnyTransition::RecurringDate(RecurringDateTransition {
            to,
            time_offset,
            month,
            day: i32::from(day),
        }),
    }
}

fn sunday_zero(day: u8) -> &'static str {
    let day = i8::try_from(day).ok().and_then(|day| Weekday::from_sunday_zero_offset(day).ok());
    weekday_name(day.unwrap_or(Weekday::Sunday))
}

/// The zone as Exchange 2007 takes it.
pub(super) fn meeting_zone(zone: &Zone, year: i16) -> Result<MeetingTimeZone, UnknownZone> {
    let rules = zone.rules_in(year)?;
    let change = |change: YearlyChange, offset: i32| {
        let ChangeDay::Weekday { week, weekday } = change.day else { return None };
        let nth = match week {
            1 => Nth::First,
            2 => Nth::Second,
            3 => Nth::Third,
            4 => Nth::Fourth,
            _ => Nth::Last,
        };
        Some(TimeChange {
            time_zone_name: None,
            offset: duration(i64::from(rules.standard) - i64::from(offset)),
            relative_yearly_recurrence: Some(RelativeYearly {
                days_of_week: sunday_zero(weekday).to_owned(),
                day_of_week_index: week_name(nth).to_owned(),
                month: month_name(change.month).to_owned(),
            }),
            absolute_date: None,
            time: clock(change.second),
        })
    };
    Ok(MeetingTimeZone {
        time_zone_name: Some(zone.windows_id().unwrap_or(&zone.id).to_owned()),
        base_offset: Some(duration(-i64::from(rules.standard))),
        standard: rules.daylight.and_then(|summer| change(summer.ends, rules.standard)),
        daylight: rules.daylight.and_then(|summer| change(summer.begins, summer.offset)),
    })
}

/// The zones in which an item begins and ends: those that it names and that are known, by name or by rules.
///
/// # Errors
/// When it names a zone that neither name nor rules explain.
pub(super) fn of_item(fields: &CalendarItem) -> Result<Option<(Zone, Zone)>, UnknownZone> {
    let until = last_use(fields.start, fields.recurrence.as_ref());
    let start = Named {
        definition: fields.start_time_zone.as_ref(),
        meeting: fields.meeting_time_zone.as_ref(),
        id: fields.start_time_zone_id.as_deref(),
        shown: None,
        until,
    };
    let end = Named {
        definition: fields.end_time_zone.as_ref(),
        id: fields.end_time_zone_id.as_deref(),
        until,
        ..Named::default()
    };
    between(&start, &end)
}

/// The same of an invitation. Where nothing else is said, the words that people see may be a zone's name.
///
/// # Errors
/// When it names a zone that neither name nor rules explain.
pub(super) fn of_request(fields: &MeetingRequest) -> Result<Option<(Zone, Zone)>, UnknownZone> {
    let until = last_use(fields.start, fields.recurrence.as_ref());
    let start = Named {
        definition: fields.start_time_zone.as_ref(),
        meeting: fields.meeting_time_zone.as_ref(),
        id: fields.start_time_zone_id.as_deref(),
        shown: fields.time_zone.as_deref(),
        until,
    };
    let end = Named {
        definition: fields.end_time_zone.as_ref(),
        id: fields.end_time_zone_id.as_deref(),
        until,
        ..Named::default()
    };
    between(&start, &end)
}

/// The ways in which an item names one zone, the most telling first.
#[derive(Default)]
struct Named<'a> {
    definition: Option<&'a TimeZoneDefinition>,
    meeting: Option<&'a MeetingTimeZone>,
    id: Option<&'a str>,
    shown: Option<&'a str>,
    /// When the item needs it for the last time.
    until: Option<civil::DateTime>,
}

impl Named<'_> {
    /// The first that is known, by name or by rules; `None` when nothing is named.
    fn zone(&self) -> Result<Option<Zone>, UnknownZone> {
        let said = |name: &&str| !name.trim().is_empty();
        let names = [self.id, self.shown].into_iter().flatten().filter(said);
        let zones = self.definition.map(|definition| of_definition(definition, self.until)).into_iter();
        let zones =
            zones.chain(self.meeting.map(of_meeting_zone)).chain(names.map(|id| Zone::named(id.trim())));
        let mut unknown = None;
        for zone in zones {
            match zone.resolve() {
                Ok(_) => return Ok(Some(zone)),
                Err(error) => unknown = unknown.or(Some(error)),
            }
        }
        unknown.map_or(Ok(None), Err)
    }
}

/// What begins in a known zone ends there too, unless it says otherwise in words that are understood.
fn between(start: &Named<'_>, end: &Named<'_>) -> Result<Option<(Zone, Zone)>, UnknownZone> {
    let Some(start) = start.zone()? else { return Ok(None) };
    let end = end.zone().ok().flatten().unwrap_or_else(|| start.clone());
    Ok(Some((start, end)))
}

/// When an item needs its zone for the last time; `None` for a series whose end is not a date.
fn last_use(start: Option<DateTime>, series: Option<&Recurrence>) -> Option<civil::DateTime> {
    match series.map(|series| &series.range) {
        None => start.map(|start| start.civil),
        Some(Some(RecurrenceRange::EndDate(range))) => Some(range.end_date?.civil.at(23, 59, 59, 0)),
        Some(_) => None,
    }
}

/// The zone of a definition, for times up to `at`, or for all that are to come.
fn of_definition(definition: &TimeZoneDefinition, at: Option<civil::DateTime>) -> Zone {
    let id = definition.id.as_deref().or(definition.name.as_deref()).unwrap_or_default().trim();
    let named = Zone::named(id.strip_prefix("tzone://Microsoft/").unwrap_or(id));
    if named.resolve().is_ok() {
        return named;
    }
    let shown = definition.name.as_deref().unwrap_or_default().trim();
    let id = if id.is_empty() { "Customized Time Zone" } else { id };
    match rules_of(definition, at) {
        Some(rules) => Zone { id: id.to_owned(), rules: Some(rules) },
        None if Zone::named(shown).resolve().is_ok() => Zone::named(shown),
        None => Zone::named(id),
    }
}

/// What holds at a time: of several groups, or periods, the one that was changed to last before it. Without a time the
/// last of all.
fn target_at(definition: &TimeZoneDefinition, at: Option<civil::DateTime>) -> Option<&TransitionTarget> {
    let transitions = definition.transitions.iter().flat_map(|all| &all.transitions);
    let dated = transitions.filter_map(|transition| match transition {
        AnyTransition::Transition(first) => Some((civil::DateTime::MIN, &first.to)),
        AnyTransition::AbsoluteDate(change) => Some((change.date_time?.civil, &change.to)),
        _ => None,
    });
    let begun = dated.filter(|(from, _)| at.is_none_or(|at| *from <= at));
    begun.max_by_key(|(from, _)| *from).map(|(_, to)| to)
}

/// The rules that hold at a time, or in the end.
fn rules_of(definition: &TimeZoneDefinition, at: Option<civil::DateTime>) -> Option<ZoneRules> {
    let offset = |id: &str| {
        let period = definition.periods.iter().find(|period| period.id == id)?;
        i32::try_from(-seconds(&period.bias)?).ok()
    };
    let fixed = |id: &str| Some(ZoneRules { standard: offset(id)?, daylight: None });
    let group = match target_at(definition, at) {
        Some(to) if to.kind == TransitionTargetKind::Period => return fixed(&to.id),
        Some(to) => definition.transitions_groups.iter().find(|group| group.id.as_ref() == Some(&to.id)),
        None => definition.transitions_groups.last(),
    };
    let Some(group) = group else { return fixed(&definition.periods.first()?.id) };
    let turns: Vec<(i32, YearlyChange)> = group
        .transitions
        .iter()
        .filter_map(|one| {
            let (to, change) = change_of(one)?;
            Some((offset(&to.id)?, change))
        })
        .collect();
    match turns.as_slice() {
        [one, two] => {
            let (summer, winter) = if one.0 > two.0 { (one, two) } else { (two, one) };
            let daylight = DaylightTime { offset: summer.0, begins: summer.1, ends: winter.1 };
            Some(ZoneRules { standard: winter.0, daylight: Some(daylight) })
        }
        _ => match group.transitions.first()? {
            AnyTransition::Transition(transition) => fixed(&transition.to.id),
            _ => None,
        },
    }
}

fn change_of(transition: &AnyTransition) -> Option<(&TransitionTarget, YearlyChange)> {
    let (to, month, offset, day) = match transition {
        AnyTransition::RecurringDay(one) => {
            let weekday = tieline_model::weekday_number(weekday(&one.day_of_week)?);
            let week =
                if one.occurrence == -1 { 5 } else { u8::try_from(one.occurrence.clamp(1, 5)).ok()? };
            (&one.to, one.month, &one.time_offset, ChangeDay::Weekday { week, weekday })
        }
        AnyTransition::RecurringDate(one) => {
            let day = u8::try_from(one.day.clamp(1, 31)).ok()?;
            (&one.to, one.month, &one.time_offset, ChangeDay::Date(day))
        }
        _ => return None,
    };
    let month = u8::try_from(month.clamp(1, 12)).ok()?;
    let second = u32::try_from(seconds(offset)?.clamp(0, 86_400)).ok()?;
    Some((to, YearlyChange { month, day, second }))
}

fn of_meeting_zone(zone: &MeetingTimeZone) -> Zone {
    let id = zone.time_zone_name.as_deref().unwrap_or_default().trim();
    let named = Zone::named(id);
    if named.resolve().is_ok() {
        return named;
    }
    let id = if id.is_empty() { "Customized Time Zone" } else { id };
    Zone { id: id.to_owned(), rules: meeting_rules(zone) }
}

/// `BaseOffset` is UTC less local time; each change adds an offset of its own to it.
fn meeting_rules(zone: &MeetingTimeZone) -> Option<ZoneRules> {
    let base = seconds(zone.base_offset.as_deref()?)?;
    let turn = |change: &TimeChange| {
        let rule = change.relative_yearly_recurrence.as_ref()?;
        let time: Time = change.time.trim().trim_end_matches('Z').parse().ok()?;
        let weekday = tieline_model::weekday_number(weekday(&rule.days_of_week)?);
        let week = ["First", "Second", "Third", "Fourth", "Last"]
            .iter()
            .position(|name| *name == rule.day_of_week_index)?;
        let day = ChangeDay::Weekday { week: u8::try_from(week + 1).ok()?, weekday };
        let second = i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second());
        let second = u32::try_from(second).ok()?;
        let offset = i32::try_from(-(base + seconds(&change.offset)?)).ok()?;
        Some((offset, YearlyChange { month: month(&rule.month)?, day, second }))
    };
    Some(match (zone.standard.as_ref().and_then(turn), zone.daylight.as_ref().and_then(turn)) {
        (Some(winter), Some(summer)) => {
            let daylight = DaylightTime { offset: summer.0, begins: summer.1, ends: winter.1 };
            ZoneRules { standard: winter.0, daylight: Some(daylight) }
        }
        _ => ZoneRules { standard: i32::try_from(-base).ok()?, daylight: None },
    })
}

/// `xs:duration` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(span) = text.parse::<SignedDuration>() {
        return Some(span.as_secs());
    }
    let span: jiff::Span = text.parse().ok()?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok().map(|span| span.as_secs())
}

/// Seconds as `xs:duration`.
fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => format!("{sign}PT{hours}H{minutes}M"),
        _ => format!("{sign}PT{hours}H{minutes}M{rest}S"),
    }
}

fn clock(seconds: u32) -> String {
    let seconds = seconds.min(86_399);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use tieline_proto_ews::recurrence::{EndDate, NoEnd};

    use super::*;

    fn there_and_back(zone: &Zone) -> (Zone, Zone) {
        let since_2010 = of_definition(&definition(zone, 2026).unwrap(), None);
        let before = of_meeting_zone(&meeting_zone(zone, 2026).unwrap());
        (since_2010, before)
    }

    /// Covers: AV-79 (zones)
    #[test]
    fn known_zones_travel_by_their_windows_id() {
        for name in ["Europe/Berlin", "W. Europe Standard Time", "America/New_York", "Asia/Kolkata"] {
            let zone = Zone::named(name);
            let (since_2010, before) = there_and_back(&zone);
            assert_eq!(since_2010.canonical(), zone.canonical());
            assert_eq!(before.canonical(), zone.canonical());
        }
    }

    /// Covers: AV-79 (custom zones)
    #[test]
    fn a_zone_without_a_windows_id_travels_with_its_rules() {
        let change = |month, week, second| YearlyChange {
            month,
            day: ChangeDay::Weekday { week, weekday: 0 },
            second,
        };
        let daylight = DaylightTime { offset: -9_000, begins: change(3, 2, 60), ends: change(11, 1, 60) };
        let rules = ZoneRules { standard: -12_600, daylight: Some(daylight) };
        let custom = Zone { id: "Customized Time Zone".to_owned(), rules: Some(rules) };
        assert_eq!(there_and_back(&custom), (custom.clone(), custom));
        let fixed = Zone {
            id: "tzone://ours".to_owned(),
            rules: Some(ZoneRules { standard: 20_700, daylight: None }),
        };
        assert_eq!(there_and_back(&fixed), (fixed.clone(), fixed));
    }

    #[test]
    fn an_unknown_zone_without_rules_is_an_error_and_not_utc() {
        let definition = TimeZoneDefinition::by_id("Customized Time Zone");
        let fields = CalendarItem { start_time_zone: Some(definition), ..CalendarItem::default() };
        assert!(of_item(&fields).is_err());
        assert_eq!(of_item(&CalendarItem::default()), Ok(None));
        let localized = TimeZoneDefinition {
            id: Some("(UTC+01:00) Amsterdam, Berlin".to_owned()),
            name: Some("W. Europe Standard Time".to_owned()),
            ..TimeZoneDefinition::default()
        };
        assert_eq!(of_definition(&localized, None), Zone::named("W. Europe Standard Time"));
        assert_eq!(
            of_definition(&TimeZoneDefinition::by_id("tzone://Microsoft/Utc"), None),
            Zone::named("Utc")
        );
    }

    /// A zone of nobody's making: standard time only until 2020, then summer time until 2024, then another offset.
    const ERAS: &str = r#"<t:CalendarItem xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
        <t:StartTimeZone Id="Customized Time Zone" Name="Island"><t:Periods>
        <t:Period Bias="-PT3H30M" Name="Standard" Id="std"/><t:Period Bias="-PT4H30M" Name="Daylight" Id="dlt"/>
        <t:Period Bias="-PT4H" Name="Standard" Id="new"/></t:Periods><t:TransitionsGroups>
        <t:TransitionsGroup Id="0"><t:Transition><t:To Kind="Period">std</t:To></t:Transition></t:TransitionsGroup>
        <t:TransitionsGroup Id="1">
        <t:RecurringDayTransition><t:To Kind="Period">dlt</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>3</t:Month>
        <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence></t:RecurringDayTransition>
        <t:RecurringDayTransition><t:To Kind="Period">std</t:To><t:TimeOffset>PT3H</t:TimeOffset><t:Month>10</t:Month>
        <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence></t:RecurringDayTransition></t:TransitionsGroup>
        <t:TransitionsGroup Id="2"><t:Transition><t:To Kind="Period">new</t:To></t:Transition></t:TransitionsGroup>
        </t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition>
        <t:AbsoluteDateTransition><t:To Kind="Group">1</t:To><t:DateTime>2020-01-01T00:00:00</t:DateTime>
        </t:AbsoluteDateTransition><t:AbsoluteDateTransition><t:To Kind="Group">2</t:To>
        <t:DateTime>2024-01-01T00:00:00.000Z</t:DateTime></t:AbsoluteDateTransition></t:Transitions></t:StartTimeZone>
        </t:CalendarItem>"#;

    fn of_eras(start: &str, range: Option<RecurrenceRange>) -> ZoneRules {
        use tieline_proto_ews::xml::{Limits, Reader, Sequence};
        let mut reader = Reader::new(ERAS.as_bytes(), &Limits::DEFAULT).unwrap();
        let root = reader.root().unwrap();
        let mut fields = CalendarItem::default();
        fields.read_into(&mut reader, &root).unwrap();
        fields.start = tieline_proto_ews::DateTime::from_xml(start);
        fields.recurrence = range.map(|range| Recurrence { pattern: None, range: Some(range) });
        of_item(&fields).unwrap().unwrap().0.rules.unwrap()
    }

    #[test]
    fn of_a_custom_zone_with_several_eras_the_one_counts_that_the_item_is_in() {
        let standard = |standard| ZoneRules { standard, daylight: None };
        assert_eq!(of_eras("2019-06-01T10:00:00Z", None), standard(12_600));
        let summer = of_eras("2021-06-01T10:00:00Z", None);
        assert_eq!((summer.standard, summer.daylight.map(|summer| summer.offset)), (12_600, Some(16_200)));
        assert_eq!(of_eras("2026-06-01T10:00:00Z", None), standard(14_400));
        let endless = RecurrenceRange::NoEnd(NoEnd::default());
        assert_eq!(of_eras("2019-06-01T10:00:00Z", Some(endless)), standard(14_400));
        let end_date = tieline_proto_ews::Date::from_xml("2019-12-30");
        let ended = RecurrenceRange::EndDate(EndDate { end_date, ..EndDate::default() });
        assert_eq!(of_eras("2019-06-01T10:00:00Z", Some(ended)), standard(12_600));
    }

    #[test]
    fn durations_are_read_in_every_form() {
        for (text, wanted) in [("-PT1H", -3600), ("PT0S", 0), ("P0DT2H0M0.0S", 7200), ("-PT3H30M", -12_600)] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
            assert_eq!(seconds(&duration(wanted)), Some(wanted));
        }
    }
}
