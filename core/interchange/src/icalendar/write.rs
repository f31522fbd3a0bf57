//! Events as text.

use std::collections::BTreeMap;

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameter,
    ICalendarParameterName, ICalendarParameterValue, ICalendarProperty,
};
use jiff::Timestamp;
use jiff::civil::DateTime;
use tieline_model::{Attendee, Busy, Event, Exception, Response, Role, Sensitivity, When, Zone};

use super::{BUSY_STATUS, UC_LOCATION, component, entry};
use crate::rule;
use crate::zone::{self, is_utc, utc_text};

const PRODUCT: &str = "-//Tieline//Tieline//EN";

/// Writes events as one calendar; `at` is when they were looked at. With `private`, details that their sensitivity hides
/// are written all the same.
#[must_use]
pub fn write<'a>(events: impl IntoIterator<Item = &'a Event>, at: Timestamp, private: bool) -> String {
    let mut calendar = ICalendar { components: vec![component(ICalendarComponentType::VCalendar)] };
    let head = [
        entry(ICalendarProperty::Version, "2.0"),
        entry(ICalendarProperty::Prodid, PRODUCT),
        entry(ICalendarProperty::Calscale, "GREGORIAN"),
    ];
    let mut zones: BTreeMap<String, (Zone, i16)> = BTreeMap::new();
    let mut parts = Vec::new();
    for event in events {
        for when in [&event.schedule.start, &event.schedule.end] {
            if !event.schedule.all_day && !is_utc(&when.zone) {
                let known =
                    zones.entry(zone::id(&when.zone)).or_insert_with(|| (when.zone.clone(), i16::MAX));
                known.1 = known.1.min(when.local.year());
            }
        }
        parts.extend(event_parts(event, at, private));
    }
    let mut add = |parent: usize, part: ICalendarComponent| {
        let id = calendar.components.len();
        calendar.components.push(part);
        if let (Some(parent), Ok(id)) = (calendar.components.get_mut(parent), u32::try_from(id)) {
            parent.component_ids.push(id);
        }
        id
    };
    for (zone, year) in zones.into_values() {
        if let Some((definition, observances)) = zone::write(&zone, year) {
            let parent = add(0, definition);
            for observance in observances {
                add(parent, observance);
            }
        }
    }
    for (part, alarm) in parts {
        let parent = add(0, part);
        if let Some(alarm) = alarm {
            add(parent, alarm);
        }
    }
    if let Some(first) = calendar.components.first_mut() {
        first.entries.extend(head);
    }
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = calendar.write_to(&mut text);
    text
}

/// The event and its exceptions, each with its alarm.
fn event_parts(
    event: &Event,
    at: Timestamp,
    private: bool,
) -> Vec<(ICalendarComponent, Option<ICalendarComponent>)> {
    let hidden = !private && event.sensitivity.hides_details();
    let uid = event.uid.clone().unwrap_or_else(|| tieline_model::Record::hash(event).as_str().to_owned());
    let mut main = component(ICalendarComponentType::VEvent);
    main.entries.push(entry(ICalendarProperty::Uid, uid.clone()));
    main.entries.push(entry(ICalendarProperty::Dtstamp, utc_text(at)));
    let schedule = &event.schedule;
    main.entries.push(time(ICalendarProperty::Dtstart, &schedule.start, schedule.all_day));
    main.entries.push(time(ICalendarProperty::Dtend, &schedule.end, schedule.all_day));
    if let Some(series) = &schedule.recurrence {
        main.entries.push(entry(ICalendarProperty::Rrule, rule::write(series, schedule)));
        for original in &series.cancelled {
            let when = When { local: *original, zone: schedule.start.zone.clone() };
            main.entries.push(time(ICalendarProperty::Exdate, &when, schedule.all_day));
        }
    }
    describe(&mut main, event, hidden);
    let alarm = event.reminder.map(alarm);
    let mut parts = vec![(main, alarm)];
    for (original, changed) in schedule.recurrence.iter().flat_map(|series| &series.exceptions) {
        parts.push((exception(event, &uid, *original, changed, at, hidden), None));
    }
    parts
}

fn describe(part: &mut ICalendarComponent, event: &Event, hidden: bool) {
    let mut put = |name: ICalendarProperty, text: &str| {
        if !text.is_empty() {
            part.entries.push(entry(name, text));
        }
    };
    let class = match event.sensitivity {
        Sensitivity::Normal => "",
        Sensitivity::Personal => "X-PERSONAL",
        Sensitivity::Private => "PRIVATE",
        Sensitivity::Confidential => "CONFIDENTIAL",
    };
    put(ICalendarProperty::Class, class);
    let (transparency, busy) = busy_words(event.busy);
    put(ICalendarProperty::Transp, transparency);
    put(ICalendarProperty::Other(BUSY_STATUS.to_owned()), busy);
    put(ICalendarProperty::Status, if event.cancelled { "CANCELLED" } else { "" });
    if hidden {
        put(ICalendarProperty::Summary, "Private");
        return;
    }
    put(ICalendarProperty::Summary, &event.subject);
    put(ICalendarProperty::Description, &event.body);
    put(ICalendarProperty::Location, &event.location);
    let uc = event.uc_location.map(|location| location.to_string()).unwrap_or_default();
    put(ICalendarProperty::Other(UC_LOCATION.to_owned()), &uc);
    for category in &event.categories {
        put(ICalendarProperty::Categories, category);
    }
    put(
        ICalendarProperty::Organizer,
        &event.organizer.as_ref().map(|who| format!("mailto:{who}")).unwrap_or_default(),
    );
    part.entries.extend(event.attendees.iter().map(attendee));
}

const fn busy_words(busy: Busy) -> (&'static str, &'static str) {
    match busy {
        Busy::Free => ("TRANSPARENT", "FREE"),
        Busy::WorkingElsewhere => ("TRANSPARENT", "WORKINGELSEWHERE"),
        Busy::Tentative => ("OPAQUE", "TENTATIVE"),
        Busy::Busy => ("OPAQUE", "BUSY"),
        Busy::OutOfOffice => ("OPAQUE", "OOF"),
    }
}

fn attendee(attendee: &Attendee) -> ICalendarEntry {
    let role = match attendee.role {
        Role::Required => "REQ-PARTICIPANT",
        Role::Optional => "OPT-PARTICIPANT",
        Role::Resource => "NON-PARTICIPANT",
    };
    let answer = match attendee.response {
        Response::None => "NEEDS-ACTION",
        Response::Tentative => "TENTATIVE",
        Response::Accepted => "ACCEPTED",
        Response::Declined => "DECLINED",
    };
    let mut written = entry(ICalendarProperty::Attendee, format!("mailto:{}", attendee.address));
    if !attendee.name.is_empty() {
        written.params.push(param(ICalendarParameterName::Cn, attendee.name.clone()));
    }
    written.params.push(param(ICalendarParameterName::Role, role));
    written.params.push(param(ICalendarParameterName::Partstat, answer));
    if attendee.role == Role::Resource {
        written.params.push(param(ICalendarParameterName::Cutype, "RESOURCE"));
    }
    written
}

fn alarm(minutes: u32) -> ICalendarComponent {
    let mut alarm = component(ICalendarComponentType::VAlarm);
    alarm.entries.push(entry(ICalendarProperty::Action, "DISPLAY"));
    alarm.entries.push(entry(ICalendarProperty::Trigger, format!("-PT{minutes}M")));
    alarm.entries.push(entry(ICalendarProperty::Description, "Reminder"));
    alarm
}

fn exception(
    event: &Event,
    uid: &str,
    original: DateTime,
    changed: &Exception,
    at: Timestamp,
    hidden: bool,
) -> ICalendarComponent {
    let zone = &event.schedule.start.zone;
    let when = |local| When { local, zone: zone.clone() };
    let all_day = event.schedule.all_day;
    let mut part = component(ICalendarComponentType::VEvent);
    part.entries.push(entry(ICalendarProperty::Uid, uid));
    part.entries.push(entry(ICalendarProperty::Dtstamp, utc_text(at)));
    part.entries.push(time(ICalendarProperty::RecurrenceId, &when(original), all_day));
    part.entries.push(time(ICalendarProperty::Dtstart, &when(changed.start), all_day));
    part.entries.push(time(ICalendarProperty::Dtend, &when(changed.end), all_day));
    let occurrence = Event {
        subject: changed.subject.clone().unwrap_or_else(|| event.subject.clone()),
        location: changed.location.clone().unwrap_or_else(|| event.location.clone()),
        busy: changed.busy.unwrap_or(event.busy),
        uc_location: changed.uc_location.or(event.uc_location),
        body: changed.body.clone().unwrap_or_else(|| event.body.clone()),
        attendees: changed.attendees.clone().unwrap_or_else(|| event.attendees.clone()),
        ..event.clone()
    };
    describe(&mut part, &occurrence, hidden);
    part
}

fn time(name: ICalendarProperty, when: &When, all_day: bool) -> ICalendarEntry {
    let local = when.local;
    if all_day {
        let mut written = entry(name, local.strftime("%Y%m%d").to_string());
        written.params.push(param(ICalendarParameterName::Value, "DATE"));
        return written;
    }
    let text = local.strftime("%Y%m%dT%H%M%S").to_string();
    if is_utc(&when.zone) {
        return entry(name, format!("{text}Z"));
    }
    let mut written = entry(name, text);
    written.params.push(param(ICalendarParameterName::Tzid, zone::id(&when.zone)));
    written
}

fn param(name: ICalendarParameterName, value: impl Into<String>) -> ICalendarParameter {
    // A parameter cannot hold a quotation mark (RFC 5545 section 3.2).
    ICalendarParameter { name, value: ICalendarParameterValue::Text(value.into().replace('"', "'")) }
}
