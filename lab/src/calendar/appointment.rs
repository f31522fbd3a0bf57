//! One appointment: its times in an item's document, put in order as Exchange does when an item is saved.

use jiff::{SignedDuration, Timestamp, ToSpan, civil, tz::TimeZone};
use tieline_proto_ews::{
    CalendarItem, DateTime, Item, ItemKind,
    time_zone::TimeZoneDefinition,
    xml::{Ns, Value, Writer},
};

use super::{
    recurrence::{Invalid, Recurrence, begin_on},
    zone,
};
use crate::{
    document::{Document, decode, escape},
    property::date_time,
};

/// What is wrong with an appointment's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It ends before it begins.
    EndsEarly,
    /// It lasts longer than five years.
    TooLong,
    /// It is not between 1601 and 4500, the years that Exchange knows.
    OutOfRange,
    /// A time zone that neither its id nor its rules explain.
    Zone,
    /// The recurrence.
    Recurrence(Invalid),
}

impl From<Invalid> for Wrong {
    fn from(invalid: Invalid) -> Self {
        Self::Recurrence(invalid)
    }
}

/// Longest appointment, in days.
const LONGEST: i64 = 5 * 366;

/// When something happens.
#[derive(Clone, Debug)]
pub(crate) struct Appointment {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) zone: TimeZone,
    pub(crate) recurrence: Option<Recurrence>,
}

/// The calendar fields of a document that `names` lists, as the codec reads them.
pub(crate) fn typed(document: &Document, names: &[&str]) -> CalendarItem {
    let alone = Document { kind: "CalendarItem".to_owned(), ..Document::default() };
    let mut xml = alone.to_xml(|_| true);
    let parts: String =
        names.iter().filter_map(|name| document.parts.get(*name)).map(String::as_str).collect();
    xml.insert_str(xml.find("</").unwrap_or(xml.len()), &parts);
    match decode::<Item>(&xml).map(|item| item.kind) {
        Some(ItemKind::CalendarItem(fields)) => *fields,
        _ => CalendarItem::default(),
    }
}

/// The element `t:name` with a value, for a document.
pub(crate) fn fragment(name: &str, value: &impl Value) -> String {
    let mut writer = Writer::default();
    value.write(&mut writer, Ns::Types, name.as_bytes());
    String::from_utf8(writer.finish()).unwrap_or_default()
}

const TIMES: [&str; 6] = ["Start", "End", "IsAllDayEvent", "Recurrence", "StartTimeZone", "MeetingTimeZone"];

impl Appointment {
    /// Reads a document that [`complete`] has put in order.
    pub(crate) fn of(document: &Document) -> Option<Self> {
        let fields = typed(document, &TIMES);
        let zone = zone_of(&fields).ok().flatten().unwrap_or(TimeZone::UTC);
        let start = fields.start?.timestamp_in(&zone)?;
        let recurrence =
            fields.recurrence.as_ref().and_then(|element| Recurrence::from_element(element).ok());
        Some(Self { start, end: fields.end?.timestamp_in(&zone)?, zone, recurrence })
    }

    /// How long it lasts by the clock on the wall.
    pub(crate) fn wall_duration(&self) -> SignedDuration {
        let (start, end) = (zone::local(&self.zone, self.start), zone::local(&self.zone, self.end));
        end.duration_since(start)
    }
}

/// The zone that an item names; `None` when it names none.
fn zone_of(fields: &CalendarItem) -> Result<Option<TimeZone>, Wrong> {
    if let Some(definition) = &fields.start_time_zone {
        return zone::of_definition(definition).map(Some).ok_or(Wrong::Zone);
    }
    match &fields.meeting_time_zone {
        Some(meeting) => zone::of_meeting_zone(meeting).map(Some).ok_or(Wrong::Zone),
        None => Ok(None),
    }
}

/// Puts an appointment's times in order: instants in UTC, whole days from midnight to midnight, a series that begins
/// with its first occurrence. `context` is the zone of the request, for items that name none; `now` stands in for a
/// missing start.
pub(crate) fn complete(
    document: &mut Document,
    context: &TimeZoneDefinition,
    now: Timestamp,
) -> Result<(), Wrong> {
    let mut fields = typed(document, &TIMES);
    if fields.start_time_zone.is_none() && fields.meeting_time_zone.is_none() {
        fields.start_time_zone = Some(context.clone());
    }
    let zone = zone_of(&fields)?.unwrap_or(TimeZone::UTC);
    let instant = |time: &DateTime| match time.timestamp() {
        Some(instant) => instant,
        None => zone::instant(&zone, time.civil),
    };
    let mut start = fields.start.as_ref().map_or(now, instant);
    let half_hour = start.saturating_add(SignedDuration::from_mins(30)).unwrap_or(start);
    let mut end = fields.end.as_ref().map_or(half_hour, instant);
    let known = |at: Timestamp| (1601..=4500).contains(&zone::local(&TimeZone::UTC, at).year());
    if !known(start) || !known(end) {
        return Err(Wrong::OutOfRange);
    }
    if end < start {
        return Err(Wrong::EndsEarly);
    }
    if fields.is_all_day_event == Some(true) {
        (start, end) = whole_days(&zone, start, end);
    }
    if end.duration_since(start) > SignedDuration::from_hours(24 * LONGEST) {
        return Err(Wrong::TooLong);
    }
    if let Some(element) = &mut fields.recurrence {
        let recurrence = Recurrence::from_element(element)?;
        let first = recurrence.dates().next().ok_or(Wrong::Recurrence(Invalid::Empty))?;
        if !(1601..=4500).contains(&first.year()) {
            return Err(Wrong::OutOfRange);
        }
        let (from, to) = (zone::local(&zone, start), zone::local(&zone, end));
        let lasts = to.duration_since(from);
        let begins = first.to_datetime(from.time());
        start = zone::instant(&zone, begins);
        end = zone::instant(&zone, begins.saturating_add(lasts));
        begin_on(element, first);
        document.parts.insert("Recurrence".to_owned(), fragment("Recurrence", element));
    }
    document.set_text("Start", &date_time(start.as_millisecond()));
    document.set_text("End", &date_time(end.as_millisecond()));
    keep_zones(document, &fields);
    Ok(())
}

fn whole_days(zone: &TimeZone, start: Timestamp, end: Timestamp) -> (Timestamp, Timestamp) {
    let midnight = |date: civil::Date| zone::instant(zone, date.at(0, 0, 0, 0));
    let first = zone::local(zone, start).date();
    let last = zone::local(zone, end);
    let past = last.time() != civil::Time::midnight() || last.date() == first;
    let after = if past { last.date().checked_add(1.day()).unwrap_or(last.date()) } else { last.date() };
    (midnight(first), midnight(after))
}

/// Notes the zones by their Windows names, with rules only where no name says them.
fn keep_zones(document: &mut Document, fields: &CalendarItem) {
    let Some(start) = &fields.start_time_zone else { return };
    document.parts.insert("StartTimeZone".to_owned(), short("StartTimeZone", start));
    let end = typed(document, &["EndTimeZone"]).end_time_zone;
    document.parts.insert("EndTimeZone".to_owned(), short("EndTimeZone", end.as_ref().unwrap_or(start)));
    document.parts.remove("MeetingTimeZone");
}

fn short(name: &str, definition: &TimeZoneDefinition) -> String {
    let known = definition.id.as_deref().filter(|id| zone::by_id(id).is_some());
    match known {
        Some(id) => {
            let id = zone::windows_id(id).unwrap_or(id);
            let shown = definition.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(id);
            format!("<t:{name} Id=\"{}\" Name=\"{}\"/>", escape(id), escape(shown))
        }
        None => fragment(name, definition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(parts: &str) -> Result<Document, Wrong> {
        let mut document =
            Document::from_xml(&format!("<t:CalendarItem>{parts}</t:CalendarItem>")).expect("a document");
        let context = TimeZoneDefinition::by_id("W. Europe Standard Time");
        complete(&mut document, &context, Timestamp::UNIX_EPOCH).map(|()| document)
    }

    fn times(document: &Document) -> [String; 2] {
        ["Start", "End"].map(|name| document.text(name).unwrap_or_default())
    }

    #[test]
    fn times_become_instants() {
        let item = "<t:Start>2026-07-01T09:00:00</t:Start><t:End>2026-07-01T10:00:00+02:00</t:End>";
        assert_eq!(times(&completed(item).expect("times")), ["2026-07-01T07:00:00Z", "2026-07-01T08:00:00Z"]);
        let half_hour = completed("<t:Start>2026-07-01T09:00:00Z</t:Start>").expect("times");
        assert_eq!(times(&half_hour), ["2026-07-01T09:00:00Z", "2026-07-01T09:30:00Z"]);
        let backwards = "<t:Start>2026-07-01T09:00:00Z</t:Start><t:End>2026-07-01T08:00:00Z</t:End>";
        assert_eq!(completed(backwards), Err(Wrong::EndsEarly));
        let long = "<t:Start>2026-07-01T09:00:00Z</t:Start><t:End>2036-07-01T08:00:00Z</t:End>";
        assert_eq!(completed(long), Err(Wrong::TooLong));
        let nowhere = "<t:Start>2026-07-01T09:00:00</t:Start><t:StartTimeZone Id=\"Customized Time Zone\"/>";
        assert_eq!(completed(nowhere), Err(Wrong::Zone));
    }

    #[test]
    fn times_at_the_ends_of_time_are_refused() {
        for item in [
            "<t:Start>9999-12-31T23:59:59Z</t:Start>",
            "<t:Start>9999-12-31T00:00:00</t:Start><t:IsAllDayEvent>true</t:IsAllDayEvent>",
            "<t:Start>0001-01-01T00:00:00</t:Start><t:End>2026-01-01T00:00:00Z</t:End>",
        ] {
            assert_eq!(completed(item), Err(Wrong::OutOfRange), "{item}");
        }
        let series = "<t:Start>4500-12-01T09:00:00Z</t:Start><t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval>\
            </t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>9999-12-31</t:StartDate></t:NoEndRecurrence></t:Recurrence>";
        assert!(completed(series).is_err(), "a series that begins at the end of time");
    }

    #[test]
    fn days_are_whole_in_their_own_zone() {
        let item = "<t:Start>2026-07-01T08:00:00Z</t:Start><t:End>2026-07-01T10:00:00Z</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>\
            <t:StartTimeZone Id=\"Tokyo Standard Time\"/>";
        assert_eq!(times(&completed(item).expect("times")), ["2026-06-30T15:00:00Z", "2026-07-01T15:00:00Z"]);
    }

    #[test]
    fn a_series_begins_with_its_first_occurrence() {
        let item = "<t:Start>2026-11-23T09:00:00Z</t:Start><t:End>2026-11-23T10:00:00Z</t:End><t:Recurrence><t:WeeklyRecurrence>\
            <t:Interval>1</t:Interval><t:DaysOfWeek>Thursday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence>\
            <t:StartDate>2026-11-23+01:00</t:StartDate></t:NoEndRecurrence></t:Recurrence>";
        let document = completed(item).expect("a series");
        assert_eq!(times(&document), ["2026-11-26T09:00:00Z", "2026-11-26T10:00:00Z"]);
        let recurrence = document.parts.get("Recurrence").expect("a recurrence");
        assert!(recurrence.contains("<t:StartDate>2026-11-26</t:StartDate>"), "{recurrence}");
        assert!(recurrence.contains("<t:FirstDayOfWeek>Sunday</t:FirstDayOfWeek>"), "{recurrence}");
    }
}
