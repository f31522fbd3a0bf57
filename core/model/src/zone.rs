//! Time zones by name and by rule: a calendar time keeps both, so that a zone nobody else knows is still right.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Windows ids and IANA ids, both lower case, with the line of the table they stand in.
static WINDOWS: LazyLock<HashMap<String, (&'static str, &'static str)>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    for line in include_str!("windows_zones.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('|');
        let (Some(windows), Some(main), Some(others)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        for name in others.split_whitespace().chain([windows, main]) {
            known.insert(name.to_ascii_lowercase(), (windows, main));
        }
    }
    known
});

/// A zone that neither its name nor its rules explain. Never to be read as UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the time zone {0:?} is not known and came without rules; set the zone of the event again in the calendar"
)]
pub struct UnknownZone(pub String);

/// The day of a year on which the clocks change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeDay {
    /// `week` 1 to 4, or 5 for the last; `weekday` 0 is Sunday.
    Weekday {
        /// Which of the month.
        week: u8,
        /// Sunday is 0.
        weekday: u8,
    },
    /// The day of the month.
    Date(u8),
}

/// When the clocks change, each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct YearlyChange {
    /// 1 to 12.
    pub month: u8,
    /// On which day.
    pub day: ChangeDay,
    /// At which second of the day, by the clock before the change.
    pub second: u32,
}

/// Summer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DaylightTime {
    /// Seconds east of UTC.
    pub offset: i32,
    /// When it begins.
    pub begins: YearlyChange,
    /// When it ends.
    pub ends: YearlyChange,
}

/// The rules of a zone, as EWS periods, MAPI structures and iCalendar VTIMEZONE state them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ZoneRules {
    /// Standard time in seconds east of UTC.
    pub standard: i32,
    /// Summer time, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daylight: Option<DaylightTime>,
}

impl ZoneRules {
    /// As a POSIX `TZ` text, equal for equal rules.
    #[must_use]
    pub fn posix(&self) -> String {
        let mut text = format!("<S>{}", posix_offset(self.standard));
        if let Some(summer) = self.daylight {
            let (begins, ends) = (posix_change(summer.begins), posix_change(summer.ends));
            let _ = write!(text, "<D>{},{begins},{ends}", posix_offset(summer.offset));
        }
        // Names of zones need three letters.
        text.replace("<S>", "<STD>").replace("<D>", "<DST>")
    }
}

/// POSIX counts west of Greenwich.
fn posix_offset(seconds: i32) -> String {
    let sign = if seconds > 0 { "-" } else { "" };
    format!("{sign}{}", clock(seconds.unsigned_abs()))
}

fn clock(seconds: u32) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn posix_change(change: YearlyChange) -> String {
    let time = clock(change.second);
    match change.day {
        ChangeDay::Weekday { week, weekday } => format!("M{}.{week}.{weekday}/{time}", change.month),
        ChangeDay::Date(day) => {
            let before: u16 = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]
                .iter()
                .take(usize::from(change.month.saturating_sub(1)))
                .sum();
            format!("J{}/{time}", before + u16::from(day))
        }
    }
}

/// A time zone as an event carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zone {
    /// A Windows id (`W. Europe Standard Time`), an IANA id (`Europe/Berlin`), or whatever a program made up.
    pub id: String,
    /// What came with it. Counts where the id is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ZoneRules>,
}

impl Zone {
    /// A zone by its name alone.
    #[must_use]
    pub fn named(id: impl Into<String>) -> Self {
        Self { id: id.into(), rules: None }
    }

    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self::named("UTC")
    }

    /// The zone's offsets: by name where the name is known, else by its rules.
    ///
    /// # Errors
    /// When there are neither. Such a zone is never taken for UTC.
    pub fn resolve(&self) -> Result<TimeZone, UnknownZone> {
        let unknown = || UnknownZone(self.id.chars().take(100).collect());
        let name = WINDOWS.get(&self.id.to_ascii_lowercase()).map_or(self.id.as_str(), |(_, main)| main);
        // What tables have for "nobody knows" counts as UTC to those who ask for its offset.
        if ["etc/unknown", "factory"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(unknown());
        }
        // An IANA id keeps its own history; only Windows ids stand for their main territory.
        let bundled = TimeZoneDatabase::bundled();
        if let Ok(zone) = bundled.get(&self.id).or_else(|_| bundled.get(name)) {
            return Ok(zone);
        }
        let rules = self.rules.ok_or_else(unknown)?;
        TimeZone::posix(&rules.posix()).map_err(|_| unknown())
    }

    /// What the zone's rules are in a year, for those who do not know its name. Of more than two changes in the year
    /// (Morocco's Ramadan) the last two count.
    ///
    /// # Errors
    /// When the zone is not known.
    pub fn rules_in(&self, year: i16) -> Result<ZoneRules, UnknownZone> {
        if let (Some(rules), None) = (self.rules, self.iana_id()) {
            return Ok(rules);
        }
        let zone = self.resolve()?;
        let unknown = || UnknownZone(self.id.chars().take(100).collect());
        let begin = |year| {
            let day = jiff::civil::Date::new(year, 1, 1).ok()?;
            instant(&zone, day.to_datetime(jiff::civil::Time::midnight()))
        };
        let (from, to) = (begin(year).ok_or_else(unknown)?, begin(year + 1).ok_or_else(unknown)?);
        let mut turns: Vec<(i32, YearlyChange)> = zone
            .following(from)
            .take_while(|change| change.timestamp() < to)
            .map(|change| (change.offset().seconds(), turn(&zone, change.timestamp())))
            .collect();
        let later = turns.split_off(turns.len().saturating_sub(2));
        Ok(match later.as_slice() {
            [one, two] if one.0 != two.0 => {
                let (summer, winter) = if one.0 > two.0 { (one, two) } else { (two, one) };
                let daylight = DaylightTime { offset: summer.0, begins: summer.1, ends: winter.1 };
                ZoneRules { standard: winter.0, daylight: Some(daylight) }
            }
            _ => ZoneRules { standard: zone.to_offset(to).seconds(), daylight: None },
        })
    }

    /// The id under which Windows knows the zone.
    #[must_use]
    pub fn windows_id(&self) -> Option<&'static str> {
        WINDOWS.get(&self.id.to_ascii_lowercase()).map(|(windows, _)| *windows)
    }

    /// The IANA id, of the main territory for a Windows id.
    #[must_use]
    pub fn iana_id(&self) -> Option<&str> {
        match WINDOWS.get(&self.id.to_ascii_lowercase()) {
            Some((windows, main)) if windows.eq_ignore_ascii_case(&self.id) => Some(main),
            Some(_) => Some(&self.id),
            None => TimeZoneDatabase::bundled().get(&self.id).is_ok().then_some(self.id.as_str()),
        }
    }

    /// Equal for zones that servers rename into one another.
    #[must_use]
    pub fn canonical(&self) -> String {
        match (self.windows_id(), self.rules) {
            (Some(windows), _) => windows.to_ascii_lowercase(),
            (None, Some(rules)) if self.iana_id().is_none() => rules.posix(),
            (None, _) => self.id.to_ascii_lowercase(),
        }
    }
}

/// A calendar time: what the clock on the wall shows, and whose clock it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct When {
    /// On the wall.
    pub local: DateTime,
    /// Whose wall.
    pub zone: Zone,
}

impl When {
    /// The instant. A time that the clocks skip is as far after the gap as it was written into it; of a time that
    /// comes twice the first is meant (RFC 5545 section 3.3.5).
    ///
    /// # Errors
    /// When the zone is not known.
    pub fn instant(&self) -> Result<Timestamp, UnknownZone> {
        instant(&self.zone.resolve()?, self.local).ok_or_else(|| UnknownZone(self.zone.id.clone()))
    }
}

/// `None` beyond the end of time.
pub(crate) fn instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// The rule that a change of the clocks at `at` looks like.
fn turn(zone: &TimeZone, at: Timestamp) -> YearlyChange {
    let before = at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(at);
    let wall = zone.to_offset(before).to_datetime(at);
    let last = wall.day() + 7 > wall.date().days_in_month();
    let week = if last { 5 } else { (wall.day() - 1) / 7 + 1 };
    let day =
        ChangeDay::Weekday { week: u8::try_from(week).unwrap_or(5), weekday: weekday_number(wall.weekday()) };
    let second = i32::from(wall.hour()) * 3600 + i32::from(wall.minute()) * 60 + i32::from(wall.second());
    YearlyChange {
        month: u8::try_from(wall.month()).unwrap_or(1),
        day,
        second: u32::try_from(second).unwrap_or(0),
    }
}

/// Sunday is 0.
#[must_use]
pub fn weekday_number(weekday: Weekday) -> u8 {
    u8::try_from(weekday.to_sunday_zero_offset()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &Zone, text: &str) -> String {
        When { local: text.parse().unwrap(), zone: zone.clone() }.instant().unwrap().to_string()
    }

    fn tehran_like() -> Zone {
        let change = |month, date, second| YearlyChange { month, day: ChangeDay::Date(date), second };
        let daylight = DaylightTime { offset: 16_200, begins: change(3, 21, 0), ends: change(9, 21, 86_400) };
        let rules = ZoneRules { standard: 12_600, daylight: Some(daylight) };
        Zone { id: "Customized Time Zone".to_owned(), rules: Some(rules) }
    }

    #[test]
    fn windows_and_iana_names_are_one_zone() {
        let (windows, iana) = (Zone::named("W. Europe Standard Time"), Zone::named("Europe/Berlin"));
        for local in ["2026-01-15T09:00", "2026-07-15T09:00", "2026-03-29T02:30", "2026-10-25T02:30"] {
            assert_eq!(at(&windows, local), at(&iana, local));
        }
        assert_eq!(windows.canonical(), iana.canonical());
        assert_eq!(Zone::named("Europe/Rome").windows_id(), Some("W. Europe Standard Time"));
        assert_eq!(windows.iana_id(), Some("Europe/Berlin"));
        assert_eq!(Zone::named("Europe/Rome").iana_id(), Some("Europe/Rome"));
    }

    /// Covers: AV-79 (custom zones)
    #[test]
    fn a_custom_zone_follows_its_rules_and_is_never_utc() {
        let zone = tehran_like();
        assert_eq!(at(&zone, "2026-01-15T09:00"), "2026-01-15T05:30:00Z");
        assert_eq!(at(&zone, "2026-07-15T09:00"), "2026-07-15T04:30:00Z");
        let bare = Zone::named("Customized Time Zone");
        assert!(bare.resolve().unwrap_err().to_string().contains("Customized Time Zone"));
        for name in ["", "Etc/Unknown", "etc/unknown", "Factory"] {
            assert!(Zone::named(name).resolve().is_err(), "{name:?} is nobody's zone");
        }
        let text = serde_json::to_string(&zone).unwrap();
        assert_eq!(serde_json::from_str::<Zone>(&text).unwrap(), zone);
    }

    #[test]
    fn rules_give_the_same_instants_as_the_name_they_describe() {
        let change =
            |month, second| YearlyChange { month, day: ChangeDay::Weekday { week: 5, weekday: 0 }, second };
        let daylight = DaylightTime { offset: 7200, begins: change(3, 7200), ends: change(10, 10_800) };
        let rules = ZoneRules { standard: 3600, daylight: Some(daylight) };
        let custom = Zone { id: "ours".to_owned(), rules: Some(rules) };
        let named = Zone::named("Europe/Berlin");
        let mut local: DateTime = "2026-01-01T00:30".parse().unwrap();
        for _ in 0..730 {
            assert_eq!(at(&custom, &local.to_string()), at(&named, &local.to_string()));
            local = local.tomorrow().unwrap();
        }
    }

    #[test]
    fn rules_are_found_for_a_zone_that_is_only_known_by_name() {
        for name in
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "Antarctica/Troll"]
        {
            let named = Zone::named(name);
            let custom = Zone { id: "ours".to_owned(), rules: Some(named.rules_in(2026).unwrap()) };
            let mut local: DateTime = "2026-01-01T12:00".parse().unwrap();
            for _ in 0..365 {
                assert_eq!(at(&custom, &local.to_string()), at(&named, &local.to_string()), "{name}");
                local = local.tomorrow().unwrap();
            }
        }
        assert!(Zone::named("Customized Time Zone").rules_in(2026).is_err());
    }

    #[test]
    fn every_zone_of_the_table_is_in_the_database() {
        assert!(WINDOWS.len() > 500, "{}", WINDOWS.len());
        for name in WINDOWS.keys() {
            assert!(Zone::named(name.as_str()).resolve().is_ok(), "{name}");
        }
    }
}
