//! An event, or a series with its exceptions, as iCalendar.

use std::collections::{BTreeMap, BTreeSet};

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameter,
    ICalendarParameterName, ICalendarParameterValue, ICalendarProperty, ICalendarValue,
};
use calcard::{Entry, Parser};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use tieline_model::{
    Attendee, Busy, Event, Exception, Response, Role, Schedule, Sensitivity, UcLocation, When, Zone,
};

use crate::zone::{self, civil, is_utc, next_day, utc_text};
use crate::{InterchangeError, LONGEST, MOST_BYTES, MOST_ENTRIES, MOST_VALUES, Read, clean, rule};

/// What Outlook calls the free/busy status.
const BUSY_STATUS: &str = "X-MICROSOFT-CDO-BUSYSTATUS";
/// The UC location that somebody assigned.
const UC_LOCATION: &str = "X-TIELINE-UC-LOCATION";
const PRODUCT: &str = "-//Tieline//Tieline//EN";

pub(crate) fn component(kind: ICalendarComponentType) -> ICalendarComponent {
    ICalendarComponent { component_type: kind, entries: Vec::new(), component_ids: Vec::new() }
}

pub(crate) fn entry(name: ICalendarProperty, text: impl Into<String>) -> ICalendarEntry {
    ICalendarEntry { name, params: Vec::new(), values: vec![ICalendarValue::Text(text.into())] }
}

fn param(name: ICalendarParameterName, value: impl Into<String>) -> ICalendarParameter {
    // A parameter cannot hold a quotation mark (RFC 5545 section 3.2).
    ICalendarParameter { name, value: ICalendarParameterValue::Text(value.into().replace('"', "'")) }
}

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

/// Reads every event of a file. `floating` is the zone of times that have none; without it they are refused.
///
/// # Errors
/// When there is no event in it, or more than is taken at once.
pub fn read(text: &str, floating: Option<&Zone>) -> Result<Read<Event>, InterchangeError> {
    if text.len() > MOST_BYTES {
        return Err(InterchangeError::TooLarge(text.len()));
    }
    let mut parser = Parser::new(text);
    let mut read = Read::default();
    let mut place = 0;
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => read_calendar(&calendar, floating, &mut read, &mut place)?,
            Entry::Eof => break,
            Entry::TooManyComponents | Entry::UnterminatedComponent(_) => {
                place += 1;
                read.refuse(place, "", "the calendar has no end");
            }
            _ => {}
        }
    }
    if place == 0 { Err(InterchangeError::Nothing("calendar event")) } else { Ok(read) }
}

fn read_calendar(
    calendar: &ICalendar,
    floating: Option<&Zone>,
    read: &mut Read<Event>,
    place: &mut usize,
) -> Result<(), InterchangeError> {
    let events =
        calendar.components.iter().filter(|part| part.component_type == ICalendarComponentType::VEvent);
    let (exceptions, masters): (Vec<_>, Vec<_>) =
        events.partition(|part| part.property(&ICalendarProperty::RecurrenceId).is_some());
    let reader = Reader { calendar, floating };
    for master in &masters {
        *place += 1;
        if *place > MOST_ENTRIES {
            return Err(InterchangeError::TooMany);
        }
        let own: Vec<&ICalendarComponent> = exceptions
            .iter()
            .copied()
            .filter(|part| part.uid().is_some() && part.uid() == master.uid())
            .collect();
        match reader.event(master, &own) {
            Ok(event) => read.entries.push(event),
            Err(reason) => read.refuse(*place, &text_of(master, &ICalendarProperty::Summary), reason),
        }
    }
    for part in exceptions.iter().filter(|part| !masters.iter().any(|master| master.uid() == part.uid())) {
        *place += 1;
        read.refuse(
            *place,
            &text_of(part, &ICalendarProperty::Summary),
            "it changes a series that is not in the file",
        );
    }
    Ok(())
}

struct Reader<'a> {
    calendar: &'a ICalendar,
    floating: Option<&'a Zone>,
}

impl Reader<'_> {
    fn event(&self, part: &ICalendarComponent, exceptions: &[&ICalendarComponent]) -> Result<Event, String> {
        let (start, all_day) = self.when(part, &ICalendarProperty::Dtstart)?.ok_or("it has no start")?;
        let end = self.end(part, &start, all_day)?;
        let zone = start.zone.resolve().map_err(|error| error.to_string())?;
        end.zone.resolve().map_err(|error| error.to_string())?;
        if part.property(&ICalendarProperty::Rdate).is_some() {
            return Err("it repeats on dates of a list, which Exchange does not know".to_owned());
        }
        let mut recurrence =
            match part.property(&ICalendarProperty::Rrule).and_then(|entry| entry.values.first()) {
                Some(ICalendarValue::RecurrenceRule(found)) => Some(rule::read(found, start.local, &zone)?),
                Some(_) => return Err("its repetition cannot be read".to_owned()),
                None => None,
            };
        let mut event = Event::new("", start.local, end.local, &start.zone);
        self.describe(&mut event, part)?;
        if let Some(series) = &mut recurrence {
            for entry in part.entries.iter().filter(|entry| entry.name == ICalendarProperty::Exdate) {
                for value in entry.values.iter().take(MOST_VALUES) {
                    let when = self.moment(entry, value)?.0;
                    series.cancelled.insert(in_zone(&when, &start.zone)?);
                }
            }
            for part in exceptions.iter().take(MOST_VALUES) {
                let (original, exception) = self.exception(part, &event, &start.zone, all_day)?;
                series.exceptions.insert(original, exception);
            }
        }
        event.schedule = Schedule { start, end, all_day, recurrence };
        Ok(event)
    }

    fn describe(&self, event: &mut Event, part: &ICalendarComponent) -> Result<(), String> {
        let text = |property| -> Result<String, String> {
            clean(&text_of(part, &property)).ok_or_else(|| format!("a text is longer than {LONGEST} bytes"))
        };
        event.uid = part.uid().map(str::to_owned).filter(|uid| !uid.is_empty());
        event.subject = text(ICalendarProperty::Summary)?;
        event.body = text(ICalendarProperty::Description)?;
        event.location = text(ICalendarProperty::Location)?;
        event.sensitivity = match text(ICalendarProperty::Class)?.to_ascii_uppercase().as_str() {
            "PRIVATE" => Sensitivity::Private,
            "CONFIDENTIAL" => Sensitivity::Confidential,
            "X-PERSONAL" => Sensitivity::Personal,
            _ => Sensitivity::Normal,
        };
        let other =
            |name: &str| text_of(part, &ICalendarProperty::Other(name.to_owned())).to_ascii_uppercase();
        let transparent = text(ICalendarProperty::Transp)?.eq_ignore_ascii_case("TRANSPARENT");
        event.busy = match other(BUSY_STATUS).as_str() {
            "FREE" => Busy::Free,
            "TENTATIVE" => Busy::Tentative,
            "OOF" => Busy::OutOfOffice,
            "WORKINGELSEWHERE" => Busy::WorkingElsewhere,
            _ if transparent => Busy::Free,
            _ => Busy::Busy,
        };
        event.uc_location = other(UC_LOCATION).to_ascii_lowercase().parse::<UcLocation>().ok();
        event.cancelled = text(ICalendarProperty::Status)?.eq_ignore_ascii_case("CANCELLED");
        event.categories = categories(part);
        let organizer = text(ICalendarProperty::Organizer)?;
        event.organizer = Some(bare(&organizer)).filter(|who| !who.is_empty());
        event.attendees = part
            .entries
            .iter()
            .filter(|entry| entry.name == ICalendarProperty::Attendee)
            .take(MOST_VALUES)
            .filter_map(read_attendee)
            .collect();
        event.reminder = self.reminder(part);
        Ok(())
    }

    fn exception(
        &self,
        part: &ICalendarComponent,
        event: &Event,
        zone: &Zone,
        all_day: bool,
    ) -> Result<(DateTime, Exception), String> {
        let (original, _) =
            self.when(part, &ICalendarProperty::RecurrenceId)?.ok_or("an exception has no date")?;
        let (start, _) = self.when(part, &ICalendarProperty::Dtstart)?.ok_or("an exception has no start")?;
        let end = self.end(part, &start, all_day)?;
        let mut own = Event::new("", start.local, end.local, zone);
        self.describe(&mut own, part)?;
        let exception = Exception {
            start: in_zone(&start, zone)?,
            end: in_zone(&end, zone)?,
            subject: (own.subject != event.subject).then_some(own.subject),
            location: (own.location != event.location).then_some(own.location),
            busy: (own.busy != event.busy).then_some(own.busy),
            uc_location: own.uc_location.filter(|location| Some(*location) != event.uc_location),
        };
        Ok((in_zone(&original, zone)?, exception))
    }

    fn end(&self, part: &ICalendarComponent, start: &When, all_day: bool) -> Result<When, String> {
        if let Some((end, _)) = self.when(part, &ICalendarProperty::Dtend)? {
            return Ok(end);
        }
        let length =
            part.property(&ICalendarProperty::Duration).and_then(|entry| match entry.values.first() {
                Some(ICalendarValue::Duration(length)) => Some(seconds(length)),
                _ => None,
            });
        let local = match length {
            Some(length) => {
                start.local.checked_add(length).map_err(|_| "its end is beyond the end of time")?
            }
            None if all_day => next_day(start.local),
            None => start.local,
        };
        Ok(When { local, zone: start.zone.clone() })
    }

    fn when(
        &self,
        part: &ICalendarComponent,
        property: &ICalendarProperty,
    ) -> Result<Option<(When, bool)>, String> {
        let Some(entry) = part.property(property) else { return Ok(None) };
        let value = entry.values.first().ok_or("a time is empty")?;
        self.moment(entry, value).map(Some)
    }

    /// A time with its zone, and whether it is a whole day.
    fn moment(&self, entry: &ICalendarEntry, value: &ICalendarValue) -> Result<(When, bool), String> {
        let ICalendarValue::PartialDateTime(time) = value else {
            return Err("a time cannot be read".to_owned());
        };
        let local = civil(time).ok_or("a time cannot be read")?;
        let floating = || self.floating.cloned();
        if time.hour.is_none() {
            return Ok((When { local, zone: floating().unwrap_or_else(Zone::utc) }, true));
        }
        let named = entry.params.iter().find(|param| param.name == ICalendarParameterName::Tzid);
        let named = named.and_then(|param| param.value.as_text());
        let zone = match named {
            _ if time.tz_hour == Some(0) => Zone::utc(),
            Some(id) => zone::read(self.calendar, id),
            None => floating().ok_or("its time has no zone; say which is meant")?,
        };
        zone.resolve().map_err(|error| error.to_string())?;
        Ok((When { local, zone }, false))
    }

    fn reminder(&self, part: &ICalendarComponent) -> Option<u32> {
        let alarms = part.component_ids.iter().filter_map(|id| self.calendar.component_by_id(*id));
        let minutes = alarms
            .filter(|alarm| alarm.component_type == ICalendarComponentType::VAlarm)
            .filter_map(|alarm| match alarm.property(&ICalendarProperty::Trigger)?.values.first()? {
                ICalendarValue::Duration(length) if length.neg || seconds(length).is_zero() => {
                    u32::try_from(seconds(length).abs().as_mins()).ok()
                }
                _ => None,
            });
        minutes.min()
    }
}

fn seconds(length: &calcard::icalendar::ICalendarDuration) -> SignedDuration {
    let part = |count: u32, of: i64| i64::from(count).saturating_mul(of);
    let total = part(length.weeks, 604_800)
        .saturating_add(part(length.days, 86_400))
        .saturating_add(part(length.hours, 3600))
        .saturating_add(part(length.minutes, 60))
        .saturating_add(i64::from(length.seconds));
    SignedDuration::from_secs(if length.neg { -total } else { total })
}

/// The same instant on another zone's wall.
fn in_zone(when: &When, zone: &Zone) -> Result<DateTime, String> {
    if when.zone == *zone {
        return Ok(when.local);
    }
    let there = zone.resolve().map_err(|error| error.to_string())?;
    if when.local.time() == jiff::civil::Time::midnight() && is_utc(&when.zone) && !is_utc(zone) {
        // A whole day, which has no zone.
        return Ok(when.local);
    }
    Ok(there.to_datetime(when.instant().map_err(|error| error.to_string())?))
}

fn text_of(part: &ICalendarComponent, property: &ICalendarProperty) -> String {
    let value = part.property(property).and_then(|entry| entry.values.first());
    value
        .map(|value| match value {
            ICalendarValue::Uri(uri) => uri.to_unwrapped_string(),
            other => other.as_text().unwrap_or_default().to_owned(),
        })
        .unwrap_or_default()
}

fn categories(part: &ICalendarComponent) -> BTreeSet<String> {
    part.entries
        .iter()
        .filter(|entry| entry.name == ICalendarProperty::Categories)
        .flat_map(|entry| entry.values.iter().take(MOST_VALUES))
        .filter_map(ICalendarValue::as_text)
        .filter_map(clean)
        .filter(|category| !category.trim().is_empty())
        .collect()
}

fn bare(address: &str) -> String {
    let lower = address.to_ascii_lowercase();
    if lower.starts_with("mailto:") {
        address.get(7..).unwrap_or_default().to_owned()
    } else {
        address.to_owned()
    }
}

fn read_attendee(entry: &ICalendarEntry) -> Option<Attendee> {
    let address = match entry.values.first()? {
        ICalendarValue::Uri(uri) => uri.to_unwrapped_string(),
        other => other.as_text()?.to_owned(),
    };
    let param = |wanted: &ICalendarParameterName| {
        let found = entry.params.iter().find(|param| param.name == *wanted);
        found.and_then(|param| param.value.as_text()).map(str::to_ascii_uppercase).unwrap_or_default()
    };
    let name = entry.params.iter().find(|param| param.name == ICalendarParameterName::Cn);
    let name = name.and_then(|param| param.value.as_text()).and_then(clean).unwrap_or_default();
    let resource = matches!(param(&ICalendarParameterName::Cutype).as_str(), "RESOURCE" | "ROOM");
    let role = match param(&ICalendarParameterName::Role).as_str() {
        _ if resource => Role::Resource,
        "OPT-PARTICIPANT" => Role::Optional,
        "NON-PARTICIPANT" => Role::Resource,
        _ => Role::Required,
    };
    let response = match param(&ICalendarParameterName::Partstat).as_str() {
        "ACCEPTED" => Response::Accepted,
        "DECLINED" => Response::Declined,
        "TENTATIVE" => Response::Tentative,
        _ => Response::None,
    };
    Some(Attendee { address: clean(&bare(&address))?, name, role, response })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tieline_model::{Days, Ends, Nth, Pattern, Record as _, Recurrence};

    fn local(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn meeting(zone: &str) -> Event {
        let zone = Zone::named(zone);
        let mut event =
            Event::new("Weekly; plan, \\ü", local("2026-03-02T09:00"), local("2026-03-02T10:30"), &zone);
        event.uid = Some("u1@x.example".into());
        event.body = "one\ntwo".into();
        event.location = "Room 1".into();
        event.uc_location = Some(UcLocation::Home);
        event.busy = Busy::OutOfOffice;
        event.sensitivity = Sensitivity::Confidential;
        event.reminder = Some(15);
        event.organizer = Some("o@x.example".into());
        event.attendees = vec![Attendee {
            address: "a@x.example".into(),
            name: "Ada, L.".into(),
            role: Role::Optional,
            response: Response::Accepted,
        }];
        event.categories = ["Red".to_owned(), "a,b".to_owned()].into();
        event
    }

    fn at() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn back(event: &Event) -> Event {
        let text = write([event], at(), true);
        let read = read(&text, None).unwrap();
        assert_eq!(read.unreadable, [], "{text}");
        read.entries.into_iter().next().unwrap()
    }

    #[test]
    fn every_field_survives() {
        for zone in ["Europe/Berlin", "UTC", "W. Europe Standard Time"] {
            let event = meeting(zone);
            assert_eq!(back(&event).differences(&event), [], "{}", write([&event], at(), true));
        }
        let mut day = meeting("UTC");
        day.schedule.all_day = true;
        day.schedule.start.local = local("2026-03-02T00:00");
        day.schedule.end.local = local("2026-03-04T00:00");
        assert_eq!(back(&day).differences(&day), []);
    }

    /// Covers: AV-78 (recurrence with exceptions, iCalendar)
    #[test]
    fn series_survive_with_exceptions_and_cancelled_occurrences() {
        let patterns = [
            Pattern::Daily { interval: 3 },
            Pattern::Weekly { interval: 2, days: Days::WEEKDAYS, first_day: jiff::civil::Weekday::Sunday },
            Pattern::AbsoluteMonthly { interval: 1, day: 31 },
            Pattern::AbsoluteMonthly { interval: 2, day: 2 },
            Pattern::RelativeMonthly { interval: 1, nth: Nth::Last, days: Days::WEEKEND },
            Pattern::RelativeMonthly {
                interval: 1,
                nth: Nth::First,
                days: Days::one(jiff::civil::Weekday::Monday),
            },
            Pattern::AbsoluteYearly { month: 2, day: 29 },
            Pattern::RelativeYearly { month: 3, nth: Nth::Fourth, days: Days::ANY },
        ];
        for pattern in patterns {
            for ends in [Ends::Never, Ends::After(9), Ends::On("2027-03-28".parse().unwrap())] {
                let mut event = meeting("Europe/Berlin");
                let mut series = Recurrence::new(pattern, ends);
                series.cancelled.insert(local("2026-03-09T09:00"));
                let changed = Exception {
                    start: local("2026-03-17T14:00"),
                    end: local("2026-03-17T15:00"),
                    subject: Some("Moved".into()),
                    ..Exception::default()
                };
                series.exceptions.insert(local("2026-03-16T09:00"), changed);
                event.schedule.recurrence = Some(series);
                assert_eq!(back(&event).differences(&event), [], "{}", write([&event], at(), true));
            }
        }
    }

    /// Covers: AV-79 (custom zones, iCalendar)
    #[test]
    fn a_zone_that_only_its_rules_explain_is_read_by_them_and_an_unknown_one_is_refused() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\nBEGIN:STANDARD\r\n\
            DTSTART:16010101T030000\r\nTZOFFSETFROM:+0430\r\nTZOFFSETTO:+0330\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n\
            END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0330\r\nTZOFFSETTO:+0430\r\n\
            RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\n\
            SUMMARY:x\r\nDTSTART;TZID=\"Customized Time Zone\":20260715T090000\r\n\
            DTEND;TZID=\"Customized Time Zone\":20260715T100000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:lost\r\n\
            DTSTART;TZID=Nowhere:20260715T090000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:3\r\nSUMMARY:floating\r\n\
            DTSTART:20260715T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let found = read(text, None).unwrap();
        assert_eq!(found.entries[0].schedule.start.instant().unwrap().to_string(), "2026-07-15T04:30:00Z");
        let refused: Vec<&str> = found.unreadable.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(refused, ["lost", "floating"]);
        let berlin = Zone::named("Europe/Berlin");
        let found = read(text, Some(&berlin)).unwrap();
        assert_eq!(found.entries[1].schedule.start.instant().unwrap().to_string(), "2026-07-15T07:00:00Z");
        // What is written names its rules, so that a reader need not know the zone.
        let event = &read(text, None).unwrap().entries[0];
        assert!(write([event], at(), true).contains("TZOFFSETTO:+0430"));
        assert_eq!(back(event).schedule.start.instant(), event.schedule.start.instant());
    }

    #[test]
    fn what_exchange_does_not_know_is_refused_and_private_details_are_hidden() {
        for rule in [
            "FREQ=HOURLY",
            "FREQ=MONTHLY;BYMONTHDAY=1,15",
            "FREQ=YEARLY;INTERVAL=2",
            "FREQ=DAILY;BYHOUR=9,17",
        ] {
            let text = format!(
                "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T090000Z\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            );
            assert_eq!(read(&text, None).unwrap().unreadable.len(), 1, "{rule}");
        }
        let text = write([&meeting("UTC")], at(), false);
        assert!(
            !text.contains("Weekly") && !text.contains("Room") && text.contains("SUMMARY:Private"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, place in 0_usize..4000, byte: char) {
            let _ = read(&text, None);
            let mut event = meeting("Europe/Berlin");
            let pattern = Pattern::RelativeMonthly { interval: 1, nth: Nth::Last, days: Days::WEEKEND };
            event.schedule.recurrence = Some(Recurrence::new(pattern, Ends::After(3)));
            let mut mutated: Vec<char> = write([&event], at(), true).chars().collect();
            let place = place % mutated.len();
            mutated[place] = byte;
            let mutated: String = mutated.into_iter().collect();
            if let Ok(found) = read(&mutated, Some(&Zone::utc())) {
                for event in &found.entries {
                    let again = read(&write([event], at(), true), None).unwrap();
                    prop_assert_eq!(again.entries.len() + again.unreadable.len(), 1);
                }
            }
        }
    }
}
