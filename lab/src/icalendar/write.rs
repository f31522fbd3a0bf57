//! From calendar items to iCalendar, with the properties and in the order that Exchange writes.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarAction, ICalendarComponent, ICalendarComponentType, ICalendarDuration,
    ICalendarEntry, ICalendarParameter, ICalendarParameterName, ICalendarProperty, ICalendarValue,
    ICalendarValueType,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use tieline_proto_ews::{
    Attendee, CalendarItem, EmailAddress, Item, ItemKind, LegacyFreeBusyStatus, ResponseType,
};

use super::{Calendar, Event, instant, rule, rule::Begins, zone};
use crate::{
    body,
    calendar::zone as clocks,
    document::{Document, decode},
};

/// A date.
pub(super) fn date(date: civil::Date) -> PartialDateTime {
    PartialDateTime {
        year: u16::try_from(date.year()).ok(),
        month: Some(date.month().unsigned_abs()),
        day: Some(date.day().unsigned_abs()),
        ..PartialDateTime::default()
    }
}

fn local(at: civil::DateTime) -> PartialDateTime {
    PartialDateTime {
        hour: Some(at.hour().unsigned_abs()),
        minute: Some(at.minute().unsigned_abs()),
        second: Some(at.second().unsigned_abs()),
        ..date(at.date())
    }
}

/// An instant in UTC.
pub(super) fn utc(at: Timestamp) -> PartialDateTime {
    let at = TimeZone::UTC.to_datetime(at);
    PartialDateTime { tz_hour: Some(0), tz_minute: Some(0), ..local(at) }
}

/// The zone of an event's times.
struct Clock {
    zone: TimeZone,
    tzid: String,
    all_day: bool,
}

impl Clock {
    fn of(fields: &CalendarItem) -> Self {
        let definition = fields.start_time_zone.as_ref();
        let zone = definition.and_then(clocks::of_definition);
        let tzid = definition.and_then(|definition| definition.id.clone());
        Self {
            zone: zone.unwrap_or(TimeZone::UTC),
            tzid: tzid.filter(|id| !id.is_empty()).unwrap_or_else(|| "UTC".to_owned()),
            all_day: fields.is_all_day_event == Some(true),
        }
    }

    /// A property with a point in time: a date for whole days, otherwise local time with its zone.
    fn entry(&self, name: ICalendarProperty, at: Timestamp) -> ICalendarEntry {
        let wall = clocks::local(&self.zone, at);
        match self.all_day {
            true => ICalendarEntry::new(name)
                .with_param(ICalendarParameter::new(ICalendarParameterName::Value, ICalendarValueType::Date))
                .with_value(date(wall.date())),
            false => ICalendarEntry::new(name)
                .with_param(ICalendarParameter::new(ICalendarParameterName::Tzid, self.tzid.clone()))
                .with_value(local(wall)),
        }
    }
}

/// Writes one event or series. `now_ms` is the stamp of what has none.
pub(crate) fn write(calendar: &Calendar, now_ms: i64) -> String {
    let mut root = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    if let Some(method) = &calendar.method {
        root.add_property(ICalendarProperty::Method, one_line(method));
    } else {
        root.add_property(ICalendarProperty::Method, "PUBLISH");
    }
    root.add_property(ICalendarProperty::Prodid, "Microsoft Exchange Server 2010");
    root.add_property(ICalendarProperty::Version, "2.0");
    let mut text = ICalendar { components: vec![root] };
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let master = fields_of(&calendar.event);
    let clock = Clock::of(&master.1);
    let start = instant(&calendar.event.document, "Start").unwrap_or(now);
    add_zone(&mut text, &clock, start);
    for (_, exception) in &calendar.exceptions {
        let other = Clock::of(&fields_of(exception).1);
        if other.tzid != clock.tzid {
            add_zone(&mut text, &other, start);
        }
    }
    let mut entries = event(&calendar.event, &master, &clock, now);
    for deleted in &calendar.deleted {
        entries.entries.push(clock.entry(ICalendarProperty::Exdate, *deleted));
    }
    add_event(&mut text, entries, &master.0);
    for (original, exception) in &calendar.exceptions {
        let fields = fields_of(exception);
        let mut other = event(exception, &fields, &Clock::of(&fields.1), now);
        // The id is told in the series' own terms, whatever the exception has become.
        other.entries.retain(|entry| {
            !matches!(entry.name, ICalendarProperty::Rrule | ICalendarProperty::RecurrenceId)
        });
        other.entries.push(clock.entry(ICalendarProperty::RecurrenceId, *original));
        add_event(&mut text, other, &fields.0);
    }
    text.to_string()
}

/// Puts a component below the first one.
fn add(text: &mut ICalendar, component: ICalendarComponent) -> Option<usize> {
    let id = text.components.len();
    let number = u32::try_from(id).ok()?;
    text.components.push(component);
    text.components.first_mut()?.component_ids.push(number);
    Some(id)
}

fn add_below(text: &mut ICalendar, parent: usize, component: ICalendarComponent) {
    let id = text.components.len();
    if let (Ok(number), Some(parent)) = (u32::try_from(id), text.components.get_mut(parent)) {
        parent.component_ids.push(number);
        text.components.push(component);
    }
}

fn add_zone(text: &mut ICalendar, clock: &Clock, at: Timestamp) {
    let (component, parts) = zone::component(&clock.tzid, &clock.zone, zone::year(&clock.zone, at));
    if let Some(parent) = add(text, component) {
        parts.into_iter().for_each(|part| add_below(text, parent, part));
    }
}

fn add_event(text: &mut ICalendar, event: ICalendarComponent, item: &Item) {
    let Some(parent) = add(text, event) else { return };
    if item.reminder_is_set == Some(true) {
        let minutes = item.reminder_minutes_before_start.unwrap_or(super::USUAL_REMINDER);
        add_below(text, parent, alarm(minutes));
    }
}

fn alarm(minutes: i32) -> ICalendarComponent {
    let mut alarm = ICalendarComponent::new(ICalendarComponentType::VAlarm);
    alarm.add_property(ICalendarProperty::Description, "REMINDER");
    alarm.add_property(
        ICalendarProperty::Trigger,
        ICalendarDuration { neg: true, minutes: minutes.unsigned_abs(), ..ICalendarDuration::default() },
    );
    alarm.add_property(ICalendarProperty::Action, ICalendarAction::Display);
    alarm
}

/// The fields of an event's document as the codec reads them.
fn fields_of(event: &Event) -> (Item, CalendarItem) {
    let document = Document { kind: "CalendarItem".to_owned(), ..event.document.clone() };
    let mut item: Item = decode(&document.to_xml(|_| true)).unwrap_or_default();
    match std::mem::take(&mut item.kind) {
        ItemKind::CalendarItem(fields) => (item, *fields),
        _ => (item, CalendarItem::default()),
    }
}

/// Text on one line, for values that are not escaped.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn event(
    event: &Event,
    (item, fields): &(Item, CalendarItem),
    clock: &Clock,
    now: Timestamp,
) -> ICalendarComponent {
    let mut out = ICalendarComponent::new(ICalendarComponentType::VEvent);
    people(&mut out, fields);
    describe(&mut out, item, fields);
    let start = instant(&event.document, "Start");
    if let (Some(recurrence), Some(start)) = (&fields.recurrence, start) {
        let begins = Begins {
            local: clocks::local(&clock.zone, start),
            zone: clock.zone.clone(),
            all_day: clock.all_day,
        };
        if let Some(rule) = rule::write(recurrence, &begins) {
            out.add_property(ICalendarProperty::Rrule, rule);
        }
    }
    out.add_property(ICalendarProperty::Uid, fields.uid.as_deref().unwrap_or_default());
    if let Some(original) = instant(&event.document, "RecurrenceId") {
        out.entries.push(clock.entry(ICalendarProperty::RecurrenceId, original));
    }
    if let Some(start) = start {
        out.entries.push(clock.entry(ICalendarProperty::Dtstart, start));
    }
    if let Some(end) = instant(&event.document, "End") {
        out.entries.push(clock.entry(ICalendarProperty::Dtend, end));
    }
    let stamp = fields.date_time_stamp.as_ref().and_then(|stamp| stamp.timestamp()).unwrap_or(now);
    out.add_property(ICalendarProperty::Dtstamp, utc(stamp));
    out.add_property(
        ICalendarProperty::Sequence,
        ICalendarValue::Integer(i64::from(fields.appointment_sequence_number.unwrap_or(0))),
    );
    state(&mut out, item, fields, clock);
    out
}

fn describe(out: &mut ICalendarComponent, item: &Item, fields: &CalendarItem) {
    if let Some(body) = &item.body {
        let html = body.body_type.as_str() == "HTML";
        let text = if html { body::text_of_html(&body.text) } else { body.text.clone() };
        out.add_property(ICalendarProperty::Description, text);
        if html {
            let format = ICalendarParameter::new(ICalendarParameterName::Fmttype, "text/html".to_owned());
            let name = ICalendarProperty::Other("X-ALT-DESC".to_owned());
            out.entries.push(ICalendarEntry::new(name).with_param(format).with_value(body.text.as_str()));
        }
    }
    out.add_property(ICalendarProperty::Summary, item.subject.as_deref().unwrap_or_default());
    if let Some(location) = fields.location.as_deref().filter(|location| !location.is_empty()) {
        out.add_property(ICalendarProperty::Location, location);
    }
    if !item.categories.is_empty() {
        let values = item.categories.iter().map(|category| ICalendarValue::Text(category.clone())).collect();
        out.entries.push(ICalendarEntry::new(ICalendarProperty::Categories).with_values(values));
    }
}

fn people(out: &mut ICalendarComponent, fields: &CalendarItem) {
    let meeting = [&fields.required_attendees, &fields.optional_attendees, &fields.resources]
        .iter()
        .any(|list| !list.is_empty());
    if let Some(organizer) = fields.organizer.as_ref().filter(|_| meeting) {
        out.entries.extend(person(ICalendarProperty::Organizer, &organizer.mailbox));
    }
    for (list, role, kind) in [
        (&fields.required_attendees, "REQ-PARTICIPANT", None),
        (&fields.optional_attendees, "OPT-PARTICIPANT", None),
        (&fields.resources, "NON-PARTICIPANT", Some("RESOURCE")),
    ] {
        out.entries.extend(list.iter().filter_map(|attendee| attendee_entry(attendee, role, kind)));
    }
}

fn attendee_entry(attendee: &Attendee, role: &str, kind: Option<&str>) -> Option<ICalendarEntry> {
    let status = match attendee.response_type {
        Some(ResponseType::Accept | ResponseType::Organizer) => "ACCEPTED",
        Some(ResponseType::Decline) => "DECLINED",
        Some(ResponseType::Tentative) => "TENTATIVE",
        _ => "NEEDS-ACTION",
    };
    let text = |name, value: &str| ICalendarParameter::new(name, value.to_owned());
    let mut entry = person(ICalendarProperty::Attendee, &attendee.mailbox)?;
    entry.add_param(text(ICalendarParameterName::Role, role));
    if let Some(kind) = kind {
        entry.add_param(text(ICalendarParameterName::Cutype, kind));
    }
    entry.add_param(text(ICalendarParameterName::Partstat, status));
    entry.add_param(text(ICalendarParameterName::Rsvp, "TRUE"));
    Some(entry)
}

fn person(name: ICalendarProperty, mailbox: &EmailAddress) -> Option<ICalendarEntry> {
    let address = one_line(mailbox.email_address.as_deref()?);
    let shown = one_line(mailbox.name.as_deref().unwrap_or(&address));
    let cn = ICalendarParameter::new(ICalendarParameterName::Cn, shown);
    Some(ICalendarEntry::new(name).with_param(cn).with_value(format!("mailto:{address}")))
}

/// Free or busy, private or not, and what Exchange adds in names of its own.
fn state(out: &mut ICalendarComponent, item: &Item, fields: &CalendarItem, clock: &Clock) {
    let class = match item.sensitivity.as_ref().map(|sensitivity| sensitivity.as_str()) {
        Some("Private") => "PRIVATE",
        Some("Confidential") => "CONFIDENTIAL",
        Some("Personal") => "PERSONAL",
        _ => "PUBLIC",
    };
    out.add_property(ICalendarProperty::Class, class);
    let (priority, importance) = match item.importance.as_ref().map(|importance| importance.as_str()) {
        Some("High") => (1, "2"),
        Some("Low") => (9, "0"),
        _ => (5, "1"),
    };
    out.add_property(ICalendarProperty::Priority, ICalendarValue::Integer(priority));
    let busy = match fields.legacy_free_busy_status {
        Some(LegacyFreeBusyStatus::Free) => "FREE",
        Some(LegacyFreeBusyStatus::Tentative) => "TENTATIVE",
        Some(LegacyFreeBusyStatus::Oof) => "OOF",
        Some(LegacyFreeBusyStatus::WorkingElsewhere) => "WORKINGELSEWHERE",
        _ => "BUSY",
    };
    out.add_property(ICalendarProperty::Transp, if busy == "FREE" { "TRANSPARENT" } else { "OPAQUE" });
    out.add_property(
        ICalendarProperty::Status,
        if fields.is_cancelled == Some(true) { "CANCELLED" } else { "CONFIRMED" },
    );
    let instance = if fields.recurrence.is_some() { "1" } else { "0" };
    for (name, value) in [
        ("X-MICROSOFT-CDO-BUSYSTATUS", busy),
        ("X-MICROSOFT-CDO-INTENDEDSTATUS", "BUSY"),
        ("X-MICROSOFT-CDO-ALLDAYEVENT", if clock.all_day { "TRUE" } else { "FALSE" }),
        ("X-MICROSOFT-CDO-IMPORTANCE", importance),
        ("X-MICROSOFT-CDO-INSTTYPE", instance),
        (
            "X-MICROSOFT-DISALLOW-COUNTER",
            if fields.allow_new_time_proposal == Some(false) { "TRUE" } else { "FALSE" },
        ),
    ] {
        out.add_property(ICalendarProperty::Other(name.to_owned()), value);
    }
}
