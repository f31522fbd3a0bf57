//! Events from text that anybody may have written.

use std::collections::BTreeSet;

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName,
    ICalendarProperty, ICalendarValue,
};
use calcard::{Entry, Parser};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use tieline_model::{
    Attendee, Busy, Event, Exception, Response, Role, Schedule, Sensitivity, UcLocation, When, Zone,
};

use super::{BUSY_STATUS, UC_LOCATION};
use crate::zone::{self, civil, is_utc, next_day};
use crate::{InterchangeError, LONGEST, MOST_BYTES, MOST_ENTRIES, MOST_VALUES, Read, clean, rule};

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
            // Many programs leave out of an exception what is as in the series.
            body: Exception::own_body(&own.body, &event.body).filter(|body| !body.is_empty()),
            attendees: Exception::own_attendees(&own.attendees, &event.attendees)
                .filter(|attendees| !attendees.is_empty()),
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
