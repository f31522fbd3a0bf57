//! Time zones as Exchange names and describes them: Windows ids, rules of a zone's own, and the three forms on the
//! wire (2010's definition, 2007's, availability's).

use std::{collections::HashMap, sync::LazyLock};

use jiff::{
    SignedDuration, Timestamp, civil,
    tz::{TimeZone, TimeZoneDatabase},
};
use tieline_proto_ews::{
    recurrence::RelativeYearly,
    time_zone::{
        AnyTransition, MeetingTimeZone, Period, RecurringDayTransition, SerializableTimeZone,
        SerializableTimeZoneTime, TimeChange, TimeZoneDefinition, Transition, TransitionTarget,
        TransitionTargetKind, Transitions,
    },
};

/// IANA ids by Windows ids in lower case, with the Windows id as it is written.
static WINDOWS: LazyLock<HashMap<String, (&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("windows_zones.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('|'))
        .map(|(id, iana)| (id.to_ascii_lowercase(), (id, iana)))
        .collect()
});

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// As [MS-OXWSCDATA] writes them.
pub(crate) const MONTHS: [&str; 12] = [
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
/// Which of a month's days of one name.
pub(crate) const WEEKS: [&str; 5] = ["First", "Second", "Third", "Fourth", "Last"];

/// The place of a day's English name in the week, Sunday 0.
pub(crate) fn day_number(name: &str) -> Option<i8> {
    number(&DAYS, name)
}

/// The English name of a day of the week, Sunday 0.
pub(crate) fn day_name(number: i8) -> &'static str {
    usize::try_from(number).ok().and_then(|number| DAYS.get(number)).copied().unwrap_or("Sunday")
}

/// The number of a month by its English name, January 1.
pub(crate) fn month_number(name: &str) -> Option<i8> {
    number(&MONTHS, name).map(|index| index + 1)
}

/// Which week of the month: 1 to 4, 5 for the last.
pub(crate) fn week_number(name: &str) -> Option<i8> {
    number(&WEEKS, name).map(|index| index + 1)
}

fn number(names: &[&str], name: &str) -> Option<i8> {
    let at = names.iter().position(|known| known.eq_ignore_ascii_case(name.trim()))?;
    i8::try_from(at).ok()
}

/// The zone that a Windows id, or an IANA id, names.
pub(crate) fn by_id(id: &str) -> Option<TimeZone> {
    let id = id.trim().strip_prefix("tzone://Microsoft/").unwrap_or(id.trim());
    let name = WINDOWS.get(&id.to_ascii_lowercase()).map_or(id, |(_, iana)| iana);
    TimeZoneDatabase::bundled().get(name).or_else(|_| jiff::tz::db().get(name)).ok()
}

/// The Windows id as Windows writes it.
pub(crate) fn windows_id(id: &str) -> Option<&'static str> {
    WINDOWS.get(&id.trim().to_ascii_lowercase()).map(|(id, _)| *id)
}

/// Whether the clocks of `zone` show UTC.
pub(crate) fn is_utc(zone: &TimeZone) -> bool {
    *zone == TimeZone::UTC || matches!(zone.iana_name(), Some("UTC" | "Etc/UTC" | "Etc/GMT"))
}

/// The year by whose rules zones are compared.
const COMPARED: i16 = 2026;

/// Windows ids, in the order of the alphabet, with their IANA ids and when their clocks change.
static CHANGES: LazyLock<Vec<(&str, &str, Changes)>> = LazyLock::new(|| {
    let known = WINDOWS.values().filter_map(|(id, iana)| Some((*id, *iana, turns(&by_id(id)?, COMPARED))));
    let mut changes: Vec<_> = known.collect();
    changes.sort_by_key(|(id, ..)| *id);
    changes
});

/// The Windows id of a zone: of the same name, or else one whose clocks go the same, the first in the alphabet.
pub(crate) fn windows_like(zone: &TimeZone) -> Option<&'static str> {
    let iana = zone.iana_name();
    let named = CHANGES.iter().find(|(_, name, _)| Some(*name) == iana);
    let found = named.or_else(|| {
        let wanted = turns(zone, COMPARED);
        CHANGES.iter().find(|(.., changes)| *changes == wanted)
    });
    found.map(|(id, ..)| *id)
}

/// The instant at which the clocks of `zone` show `local`: of a time that comes twice the first, of one that the
/// clocks skip the same distance after the gap.
pub(crate) fn instant(zone: &TimeZone, local: civil::DateTime) -> Timestamp {
    zone.to_ambiguous_timestamp(local).compatible().unwrap_or(Timestamp::MAX)
}

/// What the clocks of `zone` show at an instant.
pub(crate) fn local(zone: &TimeZone, at: Timestamp) -> civil::DateTime {
    zone.to_datetime(at)
}

/// A rule of a zone that no id names: a POSIX text understood by jiff.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rules {
    /// Seconds east of UTC.
    standard: i64,
    /// Seconds east of UTC, when it begins and when it ends; each after the text form of POSIX.
    daylight: Option<(i64, String, String)>,
}

impl Rules {
    fn zone(&self) -> Option<TimeZone> {
        let mut text = format!("<STD>{}", posix_offset(self.standard));
        if let Some((offset, begins, ends)) = &self.daylight {
            text.push_str(&format!("<DST>{},{begins},{ends}", posix_offset(*offset)));
        }
        TimeZone::posix(&text).ok()
    }
}

/// POSIX counts west of Greenwich.
fn posix_offset(east: i64) -> String {
    let sign = if east > 0 { "-" } else { "" };
    format!("{sign}{}", clock(east.abs()))
}

fn clock(seconds: i64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn nth_day(month: i8, week: i8, day: i8, seconds: i64) -> String {
    format!("M{month}.{week}.{day}/{}", clock(seconds))
}

/// The seconds of an `xs:duration` of days, hours, minutes and seconds.
fn seconds(duration: &str) -> Option<i64> {
    let span: SignedDuration = match duration.parse::<SignedDuration>() {
        Ok(span) => span,
        Err(_) => duration.parse::<jiff::Span>().ok()?.to_duration(civil::date(2026, 1, 1)).ok()?,
    };
    Some(span.as_secs())
}

/// `xs:duration` of whole minutes, as Exchange writes offsets.
fn duration(minutes: i64) -> String {
    let sign = if minutes < 0 { "-" } else { "" };
    let minutes = minutes.abs();
    match (minutes / 60, minutes % 60) {
        (0, 0) => "PT0S".to_owned(),
        (hours, 0) => format!("{sign}PT{hours}H"),
        (0, minutes) => format!("{sign}PT{minutes}M"),
        (hours, minutes) => format!("{sign}PT{hours}H{minutes}M"),
    }
}

/// The zone of a definition: by id where the id is known, otherwise by the rules that hold in the end.
pub(crate) fn of_definition(definition: &TimeZoneDefinition) -> Option<TimeZone> {
    let named = definition.id.as_deref().and_then(by_id);
    named.or_else(|| rules_of(definition)?.zone())
}

fn rules_of(definition: &TimeZoneDefinition) -> Option<Rules> {
    let bias = |id: &str| {
        let period = definition.periods.iter().find(|period| period.id == id)?;
        seconds(&period.bias).map(|bias| -bias)
    };
    let last = definition.transitions.as_ref().and_then(|all| all.transitions.last());
    let target = last.and_then(|transition| match transition {
        AnyTransition::Transition(transition) => Some(&transition.to),
        AnyTransition::AbsoluteDate(transition) => Some(&transition.to),
        _ => None,
    });
    let group = match target {
        Some(target) if target.kind == TransitionTargetKind::Period => {
            return Some(Rules { standard: bias(&target.id)?, daylight: None });
        }
        Some(target) => {
            definition.transitions_groups.iter().find(|group| group.id.as_ref() == Some(&target.id))
        }
        None => definition.transitions_groups.last(),
    };
    let Some(group) = group else {
        return Some(Rules { standard: bias(&definition.periods.first()?.id)?, daylight: None });
    };
    let turns: Vec<(i64, String)> = group
        .transitions
        .iter()
        .filter_map(|transition| match transition {
            AnyTransition::RecurringDay(turn) => Some((bias(&turn.to.id)?, turn_text(turn)?)),
            _ => None,
        })
        .collect();
    match turns.as_slice() {
        [one, two] => {
            let (summer, winter) = if one.0 > two.0 { (one, two) } else { (two, one) };
            let daylight = Some((summer.0, summer.1.clone(), winter.1.clone()));
            Some(Rules { standard: winter.0, daylight })
        }
        _ => match group.transitions.first()? {
            AnyTransition::Transition(transition) => {
                Some(Rules { standard: bias(&transition.to.id)?, daylight: None })
            }
            _ => None,
        },
    }
}

fn turn_text(turn: &RecurringDayTransition) -> Option<String> {
    let week = if turn.occurrence == -1 { 5 } else { i8::try_from(turn.occurrence).ok()? };
    let month = i8::try_from(turn.month).ok()?;
    Some(nth_day(month, week, day_number(&turn.day_of_week)?, seconds(&turn.time_offset)?))
}

/// The zone that Exchange 2007's form describes.
pub(crate) fn of_meeting_zone(zone: &MeetingTimeZone) -> Option<TimeZone> {
    if let Some(named) = zone.time_zone_name.as_deref().and_then(by_id) {
        return Some(named);
    }
    // `BaseOffset` is UTC less local time; each change adds its own offset.
    let base = seconds(zone.base_offset.as_deref()?)?;
    let turn = |change: &TimeChange| -> Option<(i64, String)> {
        let rule = change.relative_yearly_recurrence.as_ref()?;
        let time: civil::Time = change.time.trim_end_matches('Z').parse().ok()?;
        let at = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        let (month, week) = (month_number(&rule.month)?, week_number(&rule.day_of_week_index)?);
        let text = nth_day(month, week, day_number(&rule.days_of_week)?, at);
        Some((-(base + seconds(&change.offset)?), text))
    };
    match (zone.standard.as_ref().and_then(turn), zone.daylight.as_ref().and_then(turn)) {
        (Some(winter), Some(summer)) => {
            Rules { standard: winter.0, daylight: Some((summer.0, summer.1, winter.1)) }.zone()
        }
        _ => Rules { standard: -base, daylight: None }.zone(),
    }
}

/// The zone that an availability request describes.
pub(crate) fn of_serializable(zone: &SerializableTimeZone) -> Option<TimeZone> {
    let east = |bias: i32| -i64::from(zone.bias + bias) * 60;
    let turn = |change: &SerializableTimeZoneTime| -> Option<String> {
        let time: civil::Time = change.time.parse().ok()?;
        let at = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        let (month, week) = (i8::try_from(change.month).ok()?, i8::try_from(change.day_order).ok()?);
        Some(nth_day(month, week, day_number(&change.day_of_week)?, at))
    };
    let (winter, summer) = (&zone.standard_time, &zone.daylight_time);
    if winter.month == 0 || summer.month == 0 {
        return Rules { standard: east(winter.bias), daylight: None }.zone();
    }
    let daylight = Some((east(summer.bias), turn(summer)?, turn(winter)?));
    Rules { standard: east(winter.bias), daylight }.zone()
}

/// When the clocks of a zone change in a year: month, week of the month, day of the week, time, minutes east after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) month: i8,
    /// 5 is the last.
    pub(crate) week: i8,
    /// Sunday 0.
    pub(crate) day: i8,
    pub(crate) time: civil::Time,
    pub(crate) east: i64,
}

/// Standard minutes east of UTC, and the two changes of a year: to standard and to daylight time.
pub(crate) type Changes = (i64, Option<(Turn, Turn)>);

/// The two changes of a year, to standard and to daylight time, with the standard minutes east of UTC.
pub(crate) fn turns(zone: &TimeZone, year: i16) -> Changes {
    let start = instant(zone, civil::date(year, 1, 1).at(0, 0, 0, 0));
    let end = instant(zone, civil::date(year, 12, 31).at(23, 59, 59, 0));
    let minutes = |at: Timestamp| i64::from(zone.to_offset(at).seconds()) / 60;
    let (mut standard, mut daylight) = (None, None);
    for transition in zone.following(start).take_while(|transition| transition.timestamp() <= end) {
        let at = transition.timestamp();
        let before = zone.to_offset(at - SignedDuration::from_secs(1));
        // The wall's time just before the clocks change.
        let wall = before.to_datetime(at);
        let nth = (wall.day() - 1) / 7 + 1;
        let last = wall
            .date()
            .checked_add(jiff::Span::new().weeks(1))
            .is_ok_and(|next| next.month() != wall.month());
        let turn = Turn {
            month: wall.month(),
            week: if last { 5 } else { nth },
            day: wall.weekday().to_sunday_zero_offset(),
            time: wall.time(),
            east: i64::from(transition.offset().seconds()) / 60,
        };
        match transition.dst().is_dst() {
            true => daylight = Some(turn),
            false => standard = Some(turn),
        }
    }
    match (standard, daylight) {
        // Ireland's winter time counts as "daylight" in some data; the greater offset is summer.
        (Some(standard), Some(daylight)) if standard.east > daylight.east => {
            (daylight.east, Some((daylight, standard)))
        }
        (Some(standard), Some(daylight)) => (standard.east, Some((standard, daylight))),
        _ => (minutes(end), None),
    }
}

/// Every Windows id, with its zone.
pub(crate) fn windows_zones() -> Vec<(&'static str, TimeZone)> {
    let mut zones: Vec<_> = WINDOWS.values().filter_map(|(id, _)| Some((*id, by_id(id)?))).collect();
    zones.sort_by_key(|(id, zone)| (zone.to_offset(Timestamp::UNIX_EPOCH), *id));
    zones
}

/// The definition of a zone by its Windows id, with the rules of a year.
pub(crate) fn definition(zone: &TimeZone, id: &str, year: i16) -> TimeZoneDefinition {
    let (base, changes) = turns(zone, year);
    let name = |kind: &str| format!("trule:Microsoft/Registry/{id}/{year}-{kind}");
    let period =
        |kind: &str, east: i64| Period { bias: duration(-east), name: kind.to_owned(), id: name(kind) };
    let to = |kind, id: String| TransitionTarget { kind, id };
    let turn = |kind: &str, turn: &Turn| {
        AnyTransition::RecurringDay(RecurringDayTransition {
            to: to(TransitionTargetKind::Period, name(kind)),
            time_offset: duration(i64::from(turn.time.hour()) * 60 + i64::from(turn.time.minute())),
            month: i32::from(turn.month),
            day_of_week: day_name(turn.day).to_owned(),
            occurrence: if turn.week == 5 { -1 } else { i32::from(turn.week) },
        })
    };
    let mut periods = vec![period("Standard", base)];
    let transitions = match &changes {
        Some((standard, daylight)) => {
            periods.push(period("Daylight", daylight.east));
            vec![turn("Daylight", daylight), turn("Standard", standard)]
        }
        None => vec![AnyTransition::Transition(Transition {
            to: to(TransitionTargetKind::Period, name("Standard")),
        })],
    };
    let group = Transition { to: to(TransitionTargetKind::Group, "0".to_owned()) };
    let (hours, minutes) = (base.abs() / 60, base.abs() % 60);
    let shown = match base {
        0 => format!("(UTC) {id}"),
        _ => format!("(UTC{}{hours:02}:{minutes:02}) {id}", if base < 0 { '-' } else { '+' }),
    };
    TimeZoneDefinition {
        id: Some(id.to_owned()),
        name: Some(shown),
        periods,
        transitions_groups: vec![Transitions { id: Some("0".to_owned()), transitions }],
        transitions: Some(Transitions { id: None, transitions: vec![AnyTransition::Transition(group)] }),
    }
}

/// Exchange 2007's form of a zone, with the rules of a year.
pub(crate) fn meeting_zone(zone: &TimeZone, name: &str, year: i16) -> MeetingTimeZone {
    let (base, changes) = turns(zone, year);
    let change = |turn: &Turn| TimeChange {
        time_zone_name: None,
        offset: duration(base - turn.east),
        relative_yearly_recurrence: Some(RelativeYearly {
            days_of_week: day_name(turn.day).to_owned(),
            day_of_week_index: name_at(&WEEKS, turn.week).to_owned(),
            month: name_at(&MONTHS, turn.month).to_owned(),
        }),
        absolute_date: None,
        time: turn.time.strftime("%H:%M:%S").to_string(),
    };
    MeetingTimeZone {
        time_zone_name: Some(name.to_owned()),
        base_offset: Some(duration(-base)),
        standard: changes.as_ref().map(|(standard, _)| change(standard)),
        daylight: changes.as_ref().map(|(_, daylight)| change(daylight)),
    }
}

/// Availability's form of a zone, with the rules of a year.
pub(crate) fn serializable(zone: &TimeZone, year: i16) -> SerializableTimeZone {
    let (base, changes) = turns(zone, year);
    let bias = |minutes: i64| i32::try_from(minutes).unwrap_or(0);
    let none = || SerializableTimeZoneTime {
        time: "00:00:00".to_owned(),
        day_of_week: "Sunday".to_owned(),
        ..SerializableTimeZoneTime::default()
    };
    let time = |turn: &Turn| SerializableTimeZoneTime {
        bias: bias(base - turn.east),
        time: turn.time.strftime("%H:%M:%S").to_string(),
        day_order: i32::from(turn.week),
        month: i32::from(turn.month),
        day_of_week: day_name(turn.day).to_owned(),
        year: None,
    };
    let (standard_time, daylight_time) = match &changes {
        Some((standard, daylight)) => (time(standard), time(daylight)),
        None => (none(), none()),
    };
    SerializableTimeZone { bias: bias(-base), standard_time, daylight_time }
}

fn name_at(names: &[&'static str], number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(zone: &TimeZone, local: &str) -> String {
        instant(zone, local.parse().expect("a time")).to_string()
    }

    #[test]
    fn windows_ids_name_zones_whatever_their_case() {
        let zone = by_id("w. europe standard time").expect("a zone");
        assert_eq!(utc(&zone, "2026-07-01T12:00:00"), "2026-07-01T10:00:00Z");
        assert_eq!(windows_id("PACIFIC STANDARD TIME"), Some("Pacific Standard Time"));
        assert!(by_id("tzone://Microsoft/Utc").is_some());
        assert!(by_id("Customized Time Zone").is_none());
        for (id, iana) in WINDOWS.values() {
            assert!(by_id(id).is_some(), "{id} {iana}");
        }
    }

    #[test]
    fn gaps_and_overlaps_are_read_as_exchange_reads_them() {
        let zone = by_id("W. Europe Standard Time").expect("a zone");
        assert_eq!(utc(&zone, "2026-03-29T02:30:00"), "2026-03-29T01:30:00Z", "in the gap");
        assert_eq!(utc(&zone, "2026-10-25T02:30:00"), "2026-10-25T00:30:00Z", "the first of two");
    }

    #[test]
    fn the_forms_describe_the_zone_they_came_from() {
        for id in [
            "W. Europe Standard Time",
            "Eastern Standard Time",
            "AUS Eastern Standard Time",
            "Tokyo Standard Time",
        ] {
            let zone = by_id(id).expect("a zone");
            let old = MeetingTimeZone { time_zone_name: None, ..meeting_zone(&zone, id, 2026) };
            let old = of_meeting_zone(&old).expect("2007's form");
            let plain = of_serializable(&serializable(&zone, 2026)).expect("availability's form");
            let unnamed = TimeZoneDefinition { id: None, ..definition(&zone, id, 2026) };
            let whole = of_definition(&unnamed).expect("a definition");
            for local in
                ["2026-01-15T12:00:00", "2026-07-15T12:00:00", "2026-03-29T12:00:00", "2026-11-01T12:00:00"]
            {
                assert_eq!(utc(&old, local), utc(&zone, local), "{id} {local}");
                assert_eq!(utc(&plain, local), utc(&zone, local), "{id} {local}");
                assert_eq!(utc(&whole, local), utc(&zone, local), "{id} {local}");
            }
        }
    }

    #[test]
    fn a_zone_nobody_knows_is_read_by_its_rules() {
        let text = "<t:StartTimeZone Id=\"Customized Time Zone\"><t:Periods><t:Period Bias=\"-PT3H30M\" Name=\"Standard\" Id=\"s\"/>\
            <t:Period Bias=\"-PT4H30M\" Name=\"Daylight\" Id=\"d\"/></t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\">\
            <t:RecurringDayTransition><t:To Kind=\"Period\">d</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>4</t:Month>\
            <t:DayOfWeek>Friday</t:DayOfWeek><t:Occurrence>1</t:Occurrence></t:RecurringDayTransition>\
            <t:RecurringDayTransition><t:To Kind=\"Period\">s</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>9</t:Month>\
            <t:DayOfWeek>Friday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence></t:RecurringDayTransition></t:TransitionsGroup>\
            </t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind=\"Group\">0</t:To></t:Transition></t:Transitions></t:StartTimeZone>";
        let document = format!("<t:CalendarItem>{text}</t:CalendarItem>");
        let item: tieline_proto_ews::Item = crate::document::decode(&document).expect("an item");
        let tieline_proto_ews::ItemKind::CalendarItem(calendar) = item.kind else {
            panic!("no calendar item")
        };
        let zone = of_definition(&calendar.start_time_zone.expect("a definition")).expect("rules");
        assert_eq!(utc(&zone, "2026-01-15T12:00:00"), "2026-01-15T08:30:00Z");
        assert_eq!(utc(&zone, "2026-07-15T12:00:00"), "2026-07-15T07:30:00Z");
    }
}
