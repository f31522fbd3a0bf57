//! From iCalendar to calendar items.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName,
    ICalendarProperty, ICalendarValue,
};
use jiff::{Span, Timestamp, civil, tz::TimeZone};
use tieline_proto_ews::{
    Attendee, CalendarItem, DateTime, EmailAddress, Importance, Item, ItemBody, ItemKind,
    LegacyFreeBusyStatus, ResponseType, Sensitivity, time_zone::TimeZoneDefinition, xml::Choice,
};

use super::{
    Calendar, Event, MAX_BYTES, MAX_EVENTS, USUAL_REMINDER,
    rule::{self, Begins},
    set_instant,
    zone::{self, Named},
};
use crate::{calendar::zone as clocks, document::Document};

/// Reads one event or series; `None` when there is none, or when it is longer than the lab reads.
pub(crate) fn read(text: &str) -> Option<Calendar> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let calendar = ICalendar::parse(text).ok()?;
    let root = calendar.components.first()?;
    let method = root.property(&ICalendarProperty::Method).and_then(text_of);
    let events: Vec<_> = calendar
        .components
        .iter()
        .filter(|component| component.component_type == ICalendarComponentType::VEvent)
        .take(MAX_EVENTS)
        .collect();
    // An update of one occurrence comes without its series.
    let is_master = |event: &&&ICalendarComponent| !event.has_property(&ICalendarProperty::RecurrenceId);
    let master = events.iter().find(is_master).or_else(|| events.first())?;
    let read = event(master, &calendar);
    let uid = master.uid();
    let exceptions = events
        .iter()
        .filter(|other| !std::ptr::eq(**other, *master) && other.uid() == uid)
        .filter_map(|other| Some((original_start(other, &calendar)?, event(other, &calendar).event)))
        .collect();
    Some(Calendar {
        method: method.map(|method| method.to_ascii_uppercase()),
        event: read.event,
        exceptions,
        deleted: read.deleted,
    })
}

fn original_start(event: &ICalendarComponent, calendar: &ICalendar) -> Option<Timestamp> {
    let moment = Moment::of(event.property(&ICalendarProperty::RecurrenceId)?, calendar)?;
    Some(moment.instant(Moment::of(event.property(&ICalendarProperty::Dtstart)?, calendar).as_ref()))
}

/// The first value as text.
fn text_of(entry: &ICalendarEntry) -> Option<String> {
    entry.values.first()?.as_text().map(str::to_owned)
}

/// Date and time of day as written, and whether they are UTC's; `None` for what no calendar has.
pub(super) fn civil_of(value: &PartialDateTime) -> Option<(civil::DateTime, bool)> {
    let small = |number: Option<u8>| i8::try_from(number.unwrap_or(0)).ok();
    let date =
        civil::Date::new(i16::try_from(value.year?).ok()?, small(value.month)?, small(value.day)?).ok()?;
    let time =
        civil::Time::new(small(value.hour)?, small(value.minute)?, small(value.second)?.min(59), 0).ok()?;
    Some((date.to_datetime(time), value.tz_hour.is_some()))
}

/// A `DTSTART` or the like.
#[derive(Clone, Debug)]
struct Moment {
    local: civil::DateTime,
    /// UTC, or what `TZID` names; none where the time floats.
    named: Option<Named>,
    is_date: bool,
}

impl Moment {
    fn of(entry: &ICalendarEntry, calendar: &ICalendar) -> Option<Self> {
        Self::all(entry, calendar).next()
    }

    /// Every value of a property that may have several.
    fn all<'a>(entry: &'a ICalendarEntry, calendar: &'a ICalendar) -> impl Iterator<Item = Self> + 'a {
        let tzid = entry.parameter(&ICalendarParameterName::Tzid).and_then(|value| value.as_text());
        let named = tzid.and_then(|tzid| zone::named(tzid, calendar));
        entry.values.iter().filter_map(move |value| {
            let value = value.as_partial_date_time()?;
            let (local, is_utc) = civil_of(value)?;
            let utc = || Named { zone: TimeZone::UTC, definition: TimeZoneDefinition::by_id("UTC") };
            let named = if is_utc { Some(utc()) } else { named.clone() };
            Some(Self { local, named, is_date: value.hour.is_none() })
        })
    }

    /// The instant; a floating time is read in the zone of `other`, or in UTC's.
    fn instant(&self, other: Option<&Self>) -> Timestamp {
        let named = self.named.as_ref().or_else(|| other?.named.as_ref());
        clocks::instant(named.map_or(&TimeZone::UTC, |named| &named.zone), self.local)
    }

    /// The time as EWS carries it: an instant, or without an offset where the zone stands elsewhere.
    fn date_time(&self) -> DateTime {
        match &self.named {
            Some(named) => DateTime::from(clocks::instant(&named.zone, self.local)),
            None => DateTime::local(self.local),
        }
    }
}

struct Read {
    event: Event,
    deleted: Vec<Timestamp>,
}

fn event(component: &ICalendarComponent, calendar: &ICalendar) -> Read {
    let start = component.property(&ICalendarProperty::Dtstart).and_then(|entry| Moment::of(entry, calendar));
    let mut item = Item::default();
    let mut fields = CalendarItem::default();
    describe(&mut item, &mut fields, component);
    // A reply may leave out when the meeting is.
    let Some(start) = start else {
        return Read { event: finish(item, fields), deleted: Vec::new() };
    };
    let end = end_of(component, calendar, &start);
    fields.start = Some(start.date_time());
    fields.end = Some(end.date_time());
    let all_day = start.is_date || text(component, "X-MICROSOFT-CDO-ALLDAYEVENT").as_deref() == Some("TRUE");
    fields.is_all_day_event = Some(all_day);
    if let Some(minutes) = reminder(calendar, component) {
        item.reminder_is_set = Some(true);
        item.reminder_minutes_before_start = Some(minutes);
    }
    fields.start_time_zone = start.named.as_ref().map(|named| named.definition.clone());
    fields.end_time_zone = end.named.as_ref().map(|named| named.definition.clone());
    let zone = start.named.as_ref().map_or(TimeZone::UTC, |named| named.zone.clone());
    let begins = Begins { local: start.local, zone, all_day };
    if let Some(ICalendarValue::RecurrenceRule(found)) =
        component.property(&ICalendarProperty::Rrule).and_then(|entry| entry.values.first())
    {
        fields.recurrence = rule::read(found, &begins);
    }
    let mut event = finish(item, fields);
    if let Some(original) = original_start(component, calendar) {
        set_instant(&mut event.document, "RecurrenceId", original);
    }
    let deleted = component
        .properties(&ICalendarProperty::Exdate)
        .flat_map(|entry| Moment::all(entry, calendar))
        // A bare date names the occurrence of that day.
        .map(|moment| match moment.is_date && !start.is_date {
            true => Moment { local: moment.local.date().to_datetime(start.local.time()), ..moment },
            false => moment,
        })
        .map(|moment| moment.instant(Some(&start)))
        .take(MAX_EVENTS)
        .collect();
    Read { event, deleted }
}

fn end_of(component: &ICalendarComponent, calendar: &ICalendar, start: &Moment) -> Moment {
    if let Some(end) =
        component.property(&ICalendarProperty::Dtend).and_then(|entry| Moment::of(entry, calendar))
    {
        return end;
    }
    let duration =
        match component.property(&ICalendarProperty::Duration).and_then(|entry| entry.values.first()) {
            Some(ICalendarValue::Duration(duration)) => duration.as_seconds(),
            // A day lasts a day; a moment lasts no time.
            _ if start.is_date => 86_400,
            _ => 0,
        };
    let span = Span::new().try_seconds(duration.clamp(0, 400_000_000)).unwrap_or_default();
    Moment { local: start.local.checked_add(span).unwrap_or(start.local), ..start.clone() }
}

fn finish(mut item: Item, fields: CalendarItem) -> Event {
    item.kind = ItemKind::CalendarItem(Box::new(fields));
    Event { document: Document::of(|w| item.write_choice(w)).unwrap_or_default() }
}

/// A property that calcard has no name for.
fn text(component: &ICalendarComponent, name: &str) -> Option<String> {
    let found = component.entries.iter().find(|entry| entry.name.as_str().eq_ignore_ascii_case(name))?;
    text_of(found).map(|text| text.trim().to_ascii_uppercase())
}

fn describe(item: &mut Item, fields: &mut CalendarItem, component: &ICalendarComponent) {
    let text_at = |name: &ICalendarProperty| component.property(name).and_then(text_of);
    let number = |name: &ICalendarProperty| {
        component.property(name).and_then(|entry| i32::try_from(entry.values.first()?.as_integer()?).ok())
    };
    item.subject = text_at(&ICalendarProperty::Summary);
    item.body = body(component);
    item.categories = component
        .properties(&ICalendarProperty::Categories)
        .flat_map(|entry| &entry.values)
        .filter_map(|value| value.as_text().map(str::to_owned))
        .collect();
    item.sensitivity =
        match text_at(&ICalendarProperty::Class).map(|class| class.to_ascii_uppercase()).as_deref() {
            Some("PRIVATE") => Some(Sensitivity::Private),
            Some("CONFIDENTIAL") => Some(Sensitivity::Confidential),
            Some("PERSONAL") => Some(Sensitivity::Personal),
            _ => Some(Sensitivity::Normal),
        };
    item.importance = Some(match number(&ICalendarProperty::Priority) {
        Some(1..=4) => Importance::High,
        Some(6..=9) => Importance::Low,
        _ => Importance::Normal,
    });
    fields.uid = text_at(&ICalendarProperty::Uid);
    fields.location = text_at(&ICalendarProperty::Location);
    fields.appointment_sequence_number = number(&ICalendarProperty::Sequence);
    fields.date_time_stamp = component
        .property(&ICalendarProperty::Dtstamp)
        .and_then(|entry| civil_of(entry.values.first()?.as_partial_date_time()?))
        .map(|(local, _)| DateTime::from(clocks::instant(&TimeZone::UTC, local)));
    fields.legacy_free_busy_status = Some(busy(component));
    let cancelled = text_at(&ICalendarProperty::Status);
    if cancelled.is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED")) {
        fields.is_cancelled = Some(true);
    }
    people(fields, component);
    item.reminder_is_set = Some(false);
}

fn body(component: &ICalendarComponent) -> Option<ItemBody> {
    let html = component.entries.iter().find(|entry| {
        let html = entry.parameter(&ICalendarParameterName::Fmttype).and_then(|value| value.as_text());
        entry.name.as_str().eq_ignore_ascii_case("X-ALT-DESC")
            && html.is_some_and(|format| format.eq_ignore_ascii_case("text/html"))
    });
    match html.and_then(text_of) {
        Some(html) => Some(ItemBody::html(html)),
        None => component.property(&ICalendarProperty::Description).and_then(text_of).map(ItemBody::text),
    }
}

fn busy(component: &ICalendarComponent) -> LegacyFreeBusyStatus {
    let transparent = component
        .property(&ICalendarProperty::Transp)
        .and_then(text_of)
        .is_some_and(|transparency| transparency.eq_ignore_ascii_case("TRANSPARENT"));
    match text(component, "X-MICROSOFT-CDO-BUSYSTATUS").as_deref() {
        Some("FREE") => LegacyFreeBusyStatus::Free,
        Some("TENTATIVE") => LegacyFreeBusyStatus::Tentative,
        Some("BUSY") => LegacyFreeBusyStatus::Busy,
        Some("OOF") => LegacyFreeBusyStatus::Oof,
        Some("WORKINGELSEWHERE") => LegacyFreeBusyStatus::WorkingElsewhere,
        _ if transparent => LegacyFreeBusyStatus::Free,
        _ => LegacyFreeBusyStatus::Busy,
    }
}

fn people(fields: &mut CalendarItem, component: &ICalendarComponent) {
    fields.organizer =
        component.property(&ICalendarProperty::Organizer).and_then(mailbox).map(EmailAddress::into);
    for entry in component.properties(&ICalendarProperty::Attendee).take(MAX_EVENTS) {
        let Some(mailbox) = mailbox(entry) else { continue };
        let parameter = |name: &ICalendarParameterName| {
            entry.parameter(name).and_then(|value| value.as_text()).unwrap_or_default().to_ascii_uppercase()
        };
        let response = match parameter(&ICalendarParameterName::Partstat).as_str() {
            "ACCEPTED" => ResponseType::Accept,
            "DECLINED" => ResponseType::Decline,
            "TENTATIVE" => ResponseType::Tentative,
            _ => ResponseType::Unknown,
        };
        let attendee = Attendee { mailbox, response_type: Some(response), ..Attendee::default() };
        let kind = parameter(&ICalendarParameterName::Cutype);
        match parameter(&ICalendarParameterName::Role).as_str() {
            _ if kind == "RESOURCE" || kind == "ROOM" => fields.resources.push(attendee),
            "OPT-PARTICIPANT" => fields.optional_attendees.push(attendee),
            "NON-PARTICIPANT" => fields.resources.push(attendee),
            _ => fields.required_attendees.push(attendee),
        }
    }
}

fn mailbox(entry: &ICalendarEntry) -> Option<EmailAddress> {
    let uri = text_of(entry)?;
    let address = match uri.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => uri.get(7..)?,
        _ => uri.as_str(),
    };
    if !address.contains('@') {
        return None;
    }
    let name = entry.parameter(&ICalendarParameterName::Cn).and_then(|value| value.as_text());
    Some(EmailAddress::named(name.unwrap_or(address), address))
}

/// The reminder that an event's alarm asks for, in minutes before its start.
fn reminder(calendar: &ICalendar, component: &ICalendarComponent) -> Option<i32> {
    let mut alarms = component.component_ids.iter().filter_map(|id| calendar.component_by_id(*id));
    let alarm = alarms.find(|alarm| alarm.component_type == ICalendarComponentType::VAlarm)?;
    match alarm.property(&ICalendarProperty::Trigger)?.values.first()? {
        ICalendarValue::Duration(before) if before.neg => i32::try_from(before.as_seconds().abs() / 60).ok(),
        ICalendarValue::Duration(_) => Some(0),
        _ => Some(USUAL_REMINDER),
    }
}
