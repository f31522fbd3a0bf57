use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use crate::xml::{Text, Writer, text_values};

/// `xs:dateTime`: a date and time of day, with or without an offset from UTC.
///
/// A time without an offset is to be read in a zone that stands elsewhere (`TimeZoneContext`, `StartTimeZone`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The date and time of day as written.
    pub civil: civil::DateTime,
    /// The offset from UTC as written, if any.
    pub offset: Option<Offset>,
}

impl DateTime {
    /// A time without an offset.
    pub fn local(civil: civil::DateTime) -> Self {
        Self { civil, offset: None }
    }

    /// The instant, if there is an offset.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.offset.and_then(|offset| offset.to_timestamp(self.civil).ok())
    }

    /// The instant; a time without an offset is read in `zone`.
    pub fn timestamp_in(&self, zone: &TimeZone) -> Option<Timestamp> {
        match self.offset {
            Some(_) => self.timestamp(),
            None => zone.to_timestamp(self.civil).ok(),
        }
    }

    /// Reads the XML Schema form; a bare date counts as its midnight.
    pub fn from_xml(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = match text.split_once('T') {
            Some((date, rest)) => (date, Some(rest)),
            None => (text, None),
        };
        let Some(rest) = rest else {
            let date = Date::from_xml(date)?;
            return Some(Self { civil: date.civil.at(0, 0, 0, 0), offset: date.offset });
        };
        let (time, offset) = split_offset(rest)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = time.split(':');
        let hour = digits(parts.next()?)?;
        let minute = digits(parts.next()?)?;
        let second = digits(parts.next().unwrap_or("0"))?;
        let nanosecond = nanoseconds(fraction)?;
        let date = civil_date(date)?;
        // 24:00:00 is midnight at the end of the day; a leap second is the second before it.
        let (hour, carry) = if hour == 24 { (0, true) } else { (hour, false) };
        let time = civil::Time::new(hour, minute, second.min(59), nanosecond).ok()?;
        let mut civil = date.to_datetime(time);
        if carry {
            civil = civil.tomorrow().ok()?;
        }
        Some(Self { civil, offset })
    }
}

impl From<Timestamp> for DateTime {
    /// The instant in UTC.
    fn from(timestamp: Timestamp) -> Self {
        Self { civil: Offset::UTC.to_datetime(timestamp), offset: Some(Offset::UTC) }
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.civil;
        write_date(f, c.date())?;
        write!(f, "T{:02}:{:02}:{:02}", c.hour(), c.minute(), c.second())?;
        let nanosecond = c.subsec_nanosecond();
        if nanosecond != 0 {
            let digits = format!("{nanosecond:09}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        write_offset(f, self.offset)
    }
}

/// `xs:date`, with the optional offset that some servers append (`2026-11-23Z`, `2026-11-23+01:00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    /// The date as written.
    pub civil: civil::Date,
    /// The offset as written, if any.
    pub offset: Option<Offset>,
}

impl Date {
    /// Reads the XML Schema form; a time of day that follows is dropped.
    pub fn from_xml(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((date, rest)) = text.split_once('T') {
            let (_, offset) = split_offset(rest)?;
            return Some(Self { civil: civil_date(date)?, offset });
        }
        // The offset's sign must not be taken for the date's second hyphen.
        let (date, offset) = match text.get(10..) {
            Some("") => (text, None),
            Some(rest) => (text.get(..10)?, split_offset(rest)?.1),
            None => return None,
        };
        Some(Self { civil: civil_date(date)?, offset })
    }
}

impl From<civil::Date> for Date {
    fn from(civil: civil::Date) -> Self {
        Self { civil, offset: None }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_date(f, self.civil)?;
        write_offset(f, self.offset)
    }
}

text_values!(DateTime, Date);

impl Text for DateTime {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Self::from_xml(&text)
    }
    fn write_text(&self, w: &mut Writer) {
        w.plain(self.to_string().as_bytes());
    }
}

impl Text for Date {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Self::from_xml(&text)
    }
    fn write_text(&self, w: &mut Writer) {
        w.plain(self.to_string().as_bytes());
    }
}

fn write_date(f: &mut fmt::Formatter<'_>, date: civil::Date) -> fmt::Result {
    write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn write_offset(f: &mut fmt::Formatter<'_>, offset: Option<Offset>) -> fmt::Result {
    let Some(offset) = offset else { return Ok(()) };
    let seconds = offset.seconds();
    if seconds == 0 {
        return f.write_str("Z");
    }
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn digits(text: &str) -> Option<i8> {
    if text.is_empty() || text.len() > 2 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn civil_date(text: &str) -> Option<civil::Date> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next()?;
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let month = digits(parts.next()?)?;
    let day = digits(parts.next()?)?;
    civil::Date::new(year.parse().ok()?, month, day).ok()
}

/// Nanoseconds of a fraction's digits, the tenth and later ones dropped.
fn nanoseconds(fraction: &str) -> Option<i32> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kept = fraction.get(..9).unwrap_or(fraction);
    if kept.is_empty() {
        return Some(0);
    }
    let scale = 10_i32.checked_pow(u32::try_from(9_usize.checked_sub(kept.len())?).ok()?)?;
    kept.parse::<i32>().ok()?.checked_mul(scale)
}

/// Splits `12:30:00+01:00` into the time and the offset.
fn split_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, Some(Offset::UTC)));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, None));
    };
    let (time, offset) = text.split_at_checked(at)?;
    let negative = offset.starts_with('-');
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let seconds = i32::from(digits(hours)?)
        .checked_mul(3600)?
        .checked_add(i32::from(digits(minutes)?).checked_mul(60)?)?;
    let offset = Offset::from_seconds(if negative { -seconds } else { seconds }).ok()?;
    Some((time, Some(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_on_the_wire_come_back_unchanged() {
        for text in [
            "2026-11-23T08:14:23Z",
            "2026-11-23T08:14:23.125Z",
            "2026-11-23T08:14:23+01:00",
            "2026-11-23T08:14:23-03:30",
            "2026-11-23T08:14:23",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(DateTime::from_xml(text).unwrap().to_string(), text);
        }
        for text in ["2026-11-23", "2026-11-23Z", "2026-11-23-05:00"] {
            assert_eq!(Date::from_xml(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn odd_forms_are_understood() {
        let at = |text| DateTime::from_xml(text).unwrap().to_string();
        assert_eq!(at("2026-11-23T24:00:00Z"), "2026-11-24T00:00:00Z");
        assert_eq!(at("2026-11-23T23:59:60Z"), "2026-11-23T23:59:59Z");
        assert_eq!(at("2026-11-23"), "2026-11-23T00:00:00");
        assert_eq!(at("2026-11-23T01:02:03.1234567899Z"), "2026-11-23T01:02:03.123456789Z");
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in [
            "",
            "T",
            "2026-13-01T00:00:00Z",
            "2026-1",
            "yesterday",
            "2026-11-23T1:2:3:4+99",
            "-",
            "é026-11-23",
        ] {
            assert_eq!(DateTime::from_xml(text), None, "{text}");
        }
    }

    #[test]
    fn instants() {
        let time = DateTime::from_xml("2026-11-23T08:00:00+01:00").unwrap();
        assert_eq!(time.timestamp(), "2026-11-23T07:00:00Z".parse().ok());
        let local = DateTime::from_xml("2026-11-23T08:00:00").unwrap();
        assert_eq!(local.timestamp(), None);
        assert_eq!(local.timestamp_in(&TimeZone::UTC), "2026-11-23T08:00:00Z".parse().ok());
        assert_eq!(
            DateTime::from("2026-11-23T08:00:00Z".parse::<Timestamp>().unwrap()).to_string(),
            "2026-11-23T08:00:00Z"
        );
    }
}
