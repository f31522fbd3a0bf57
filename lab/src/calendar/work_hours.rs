//! When somebody works: from Monday to Friday, 8:00 to 17:00 in central Europe, unless the mailbox says otherwise.
//!
//! Outlook keeps it as XML in the user configuration `WorkHours` of the calendar folder (MS-OXOCFG section 2.2.5.1).

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use roxmltree::Document as Tree;

use super::zone;

const ZONE: &str = "W. Europe Standard Time";
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Somebody's working hours.
#[derive(Clone, Debug)]
pub(crate) struct WorkHours {
    pub(crate) zone: TimeZone,
    /// From Monday to Sunday.
    days: [bool; 7],
    /// Minutes of the day.
    pub(crate) from: i32,
    pub(crate) to: i32,
}

impl Default for WorkHours {
    fn default() -> Self {
        let zone = zone::by_id(ZONE).unwrap_or(TimeZone::UTC);
        Self { zone, days: [true, true, true, true, true, false, false], from: 8 * 60, to: 17 * 60 }
    }
}

impl WorkHours {
    /// Reads the XML of the configuration; what it does not say is as usual. `None` when it is none.
    pub(crate) fn parse(xml: &str) -> Option<Self> {
        let tree = Tree::parse(xml.trim_start_matches('\u{feff}')).ok()?;
        let version = tree.descendants().find(|node| node.has_tag_name_any("WorkHoursVersion1"))?;
        let text = |path: [&str; 2]| {
            let mut node = version;
            for name in path.into_iter().filter(|name| !name.is_empty()) {
                node = node.children().find(|child| child.has_tag_name_any(name))?;
            }
            node.text().map(str::trim)
        };
        let usual = Self::default();
        let minute = |name| text(["TimeSlot", name]).and_then(minute_of);
        let days =
            text(["WorkDays", ""]).map(|days| DAYS.map(|day| days.split_whitespace().any(|one| one == day)));
        let (from, to) = (minute("Start").unwrap_or(usual.from), minute("End").unwrap_or(usual.to));
        Some(Self {
            zone: text(["TimeZone", "Name"]).and_then(zone::by_id).unwrap_or(usual.zone),
            days: days.unwrap_or(usual.days),
            from: from.min(to),
            to,
        })
    }

    /// The days as EWS lists them.
    pub(crate) fn day_names(&self) -> String {
        let days = DAYS.iter().zip(self.days).filter(|(_, works)| *works).map(|(day, _)| *day);
        days.collect::<Vec<_>>().join(" ")
    }

    /// Whether a meeting lies within them.
    pub(crate) fn hold(&self, start: Timestamp, lasts: SignedDuration) -> bool {
        let begins = zone::local(&self.zone, start);
        let minute = i32::from(begins.hour()) * 60 + i32::from(begins.minute());
        let day = usize::try_from(begins.weekday().to_monday_zero_offset()).unwrap_or(0);
        let lasts = i32::try_from(lasts.as_mins()).unwrap_or(i32::MAX);
        self.days.get(day) == Some(&true) && minute >= self.from && minute.saturating_add(lasts) <= self.to
    }
}

/// `08:30:00` as minutes of the day.
fn minute_of(text: &str) -> Option<i32> {
    let mut parts = text.split(':');
    let hour: i32 = parts.next()?.parse().ok()?;
    let minute: i32 = parts.next()?.parse().ok()?;
    ((0..=24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
}

/// Comparing names whatever their namespace.
trait Named {
    fn has_tag_name_any(&self, name: &str) -> bool;
}

impl Named for roxmltree::Node<'_, '_> {
    fn has_tag_name_any(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_outlook_writes_is_read() {
        let xml = r#"<?xml version="1.0"?><Root xmlns="WorkingHours.xsd"><WorkHoursVersion1>
            <TimeZone><Bias>300</Bias><Name>Eastern Standard Time</Name></TimeZone>
            <TimeSlot><Start>09:30:00</Start><End>15:00:00</End></TimeSlot>
            <WorkDays>Sunday Monday</WorkDays></WorkHoursVersion1></Root>"#;
        let hours = WorkHours::parse(xml).expect("hours");
        assert_eq!((hours.from, hours.to, hours.day_names().as_str()), (570, 900, "Monday Sunday"));
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let hour = SignedDuration::from_hours(1);
        assert!(hours.hold(at("2026-11-23T14:30:00Z"), hour), "Monday, 9:30 in New York");
        assert!(!hours.hold(at("2026-11-23T14:00:00Z"), hour));
        assert!(!hours.hold(at("2026-11-24T14:30:00Z"), hour), "Tuesday");
        assert!(WorkHours::parse("<Root/>").is_none());
    }
}
