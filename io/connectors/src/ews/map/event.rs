//! An event as an Exchange item: `t:CalendarItem`, a series with its changed and cancelled occurrences as one.
//!
//! Times are written as instants, with the zone beside them. Whole days run from midnight to midnight of their zone. A
//! changed occurrence is an item of its own for Exchange: it is read and written by its own paths, and only where it
//! differs from the series. Who organizes is written once, when an item is made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::{DateTime as Local, Time};
use serde::{Deserialize, Serialize};
use tieline_model::{
    Attendee, Busy, Event, EventField, Exception, Recurrence, Response, Role, Schedule, Sensitivity,
    UcLocation, UnknownZone, When, Zone,
};
use tieline_proto_ews::operations::ItemChangeDescription;
use tieline_proto_ews::{
    Attendee as EwsAttendee, CalendarItem, DateTime, EmailAddress, ExtendedProperty, FieldUri, Item,
    ItemBody, ItemId, ItemKind, LegacyFreeBusyStatus, PropertyPath, ResponseType,
};

use super::contact::{cut, sensitivity, sensitivity_of};
use super::zone::{self, Schema};
use super::{property, recurrence};

/// The longest text of one line that Exchange keeps, in characters.
const LINE: usize = 255;
/// More changed occurrences than these no series has.
const MOST_EXCEPTIONS: usize = 2000;
/// The longest reminder that is written: ten years, in minutes.
const LONGEST_REMINDER: u32 = 5_256_000;

/// The changed and cancelled occurrences of a series, as they wait on the item itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Pending {
    exceptions: BTreeMap<Local, Exception>,
    cancelled: BTreeSet<Local>,
}

impl Pending {
    /// `None` when the series is as its pattern makes it.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let series = event.schedule.recurrence.as_ref()?;
        let (exceptions, cancelled) = (series.exceptions.clone(), series.cancelled.clone());
        (!exceptions.is_empty() || !cancelled.is_empty()).then_some(Self { exceptions, cancelled })
    }

    /// What an item waits for.
    pub(crate) fn on(item: &Item) -> Option<Self> {
        serde_json::from_str(item.extended_property(&property::series_pending())?.value.as_deref()?).ok()
    }

    pub(crate) fn property(&self) -> ExtendedProperty {
        let text = serde_json::to_string(self).unwrap_or_default();
        ExtendedProperty::new(property::series_pending(), text)
    }

    /// The series as it shall be, of the series as it is.
    pub(crate) fn applied_to(self, event: &Event) -> Event {
        let mut wanted = event.clone();
        if let Some(series) = &mut wanted.schedule.recurrence {
            (series.exceptions, series.cancelled) = (self.exceptions, self.cancelled);
        }
        wanted
    }
}

const fn busy(busy: Busy) -> LegacyFreeBusyStatus {
    match busy {
        Busy::Free => LegacyFreeBusyStatus::Free,
        Busy::WorkingElsewhere => LegacyFreeBusyStatus::WorkingElsewhere,
        Busy::Tentative => LegacyFreeBusyStatus::Tentative,
        Busy::Busy => LegacyFreeBusyStatus::Busy,
        Busy::OutOfOffice => LegacyFreeBusyStatus::Oof,
    }
}

const fn busy_of(fields: &CalendarItem) -> Busy {
    match &fields.legacy_free_busy_status {
        Some(LegacyFreeBusyStatus::Free) => Busy::Free,
        Some(LegacyFreeBusyStatus::Tentative) => Busy::Tentative,
        Some(LegacyFreeBusyStatus::Oof) => Busy::OutOfOffice,
        Some(LegacyFreeBusyStatus::WorkingElsewhere) => Busy::WorkingElsewhere,
        _ => Busy::Busy,
    }
}

fn attendee(attendee: &Attendee) -> EwsAttendee {
    let mailbox = match attendee.name.as_str() {
        "" => EmailAddress::smtp(&attendee.address),
        name => EmailAddress::named(name, &attendee.address),
    };
    let response_type = match attendee.response {
        Response::None => None,
        Response::Tentative => Some(ResponseType::Tentative),
        Response::Accepted => Some(ResponseType::Accept),
        Response::Declined => Some(ResponseType::Decline),
    };
    EwsAttendee { mailbox, response_type, ..EwsAttendee::default() }
}

fn attendee_of(attendee: &EwsAttendee, role: Role) -> Option<Attendee> {
    let address = attendee.mailbox.email_address.clone().filter(|address| !address.is_empty())?;
    let name = attendee.mailbox.name.clone().filter(|name| *name != address).unwrap_or_default();
    let response = match attendee.response_type {
        Some(ResponseType::Tentative) => Response::Tentative,
        Some(ResponseType::Accept) => Response::Accepted,
        Some(ResponseType::Decline) => Response::Declined,
        _ => Response::None,
    };
    Some(Attendee { address, name, role, response })
}

fn with_role(attendees: &[Attendee], role: Role) -> Vec<EwsAttendee> {
    attendees.iter().filter(|one| one.role == role).map(attendee).collect()
}

fn at(when: &When) -> Result<DateTime, UnknownZone> {
    Ok(when.instant()?.into())
}

/// The elements that say when; one for each path of an update.
fn times(schedule: &Schedule, schema: Schema) -> Result<Vec<(&'static str, CalendarItem)>, UnknownZone> {
    let (start, end) = (&schedule.start, &schedule.end);
    let year = start.local.year();
    let empty = CalendarItem::default;
    let mut all = match schema {
        Schema::Exchange2010 => {
            let (from, to) = (zone::definition(&start.zone, year)?, zone::definition(&end.zone, year)?);
            vec![
                ("calendar:StartTimeZone", CalendarItem { start_time_zone: Some(from), ..empty() }),
                ("calendar:EndTimeZone", CalendarItem { end_time_zone: Some(to), ..empty() }),
            ]
        }
        Schema::Exchange2007 => {
            let zone = zone::meeting_zone(&start.zone, year)?;
            vec![("calendar:MeetingTimeZone", CalendarItem { meeting_time_zone: Some(zone), ..empty() })]
        }
    };
    all.extend([
        ("calendar:Start", CalendarItem { start: Some(at(start)?), ..empty() }),
        ("calendar:End", CalendarItem { end: Some(at(end)?), ..empty() }),
        ("calendar:IsAllDayEvent", CalendarItem { is_all_day_event: Some(schedule.all_day), ..empty() }),
    ]);
    if let Some(series) = &schedule.recurrence {
        let series = recurrence::write(series, start.local.date());
        all.push(("calendar:Recurrence", CalendarItem { recurrence: Some(series), ..empty() }));
    }
    Ok(all)
}

/// The item to create; changed and cancelled occurrences come after it.
///
/// # Errors
/// When its time zone is not known.
pub(crate) fn item(event: &Event, schema: Schema) -> Result<Item, UnknownZone> {
    let mut fields = CalendarItem {
        uid: event.uid.clone(),
        location: Some(cut(&event.location, LINE)).filter(|location| !location.is_empty()),
        legacy_free_busy_status: Some(busy(event.busy)),
        required_attendees: with_role(&event.attendees, Role::Required),
        optional_attendees: with_role(&event.attendees, Role::Optional),
        resources: with_role(&event.attendees, Role::Resource),
        ..CalendarItem::default()
    };
    for (_, part) in times(&event.schedule, schema)? {
        fields.start_time_zone = fields.start_time_zone.or(part.start_time_zone);
        fields.end_time_zone = fields.end_time_zone.or(part.end_time_zone);
        fields.meeting_time_zone = fields.meeting_time_zone.or(part.meeting_time_zone);
        fields.start = fields.start.or(part.start);
        fields.end = fields.end.or(part.end);
        fields.is_all_day_event = fields.is_all_day_event.or(part.is_all_day_event);
        fields.recurrence = fields.recurrence.or(part.recurrence);
    }
    let mut item = Item::new(ItemKind::CalendarItem(Box::new(fields)));
    item.subject = Some(cut(&event.subject, LINE));
    item.body = Some(event.body.as_str()).filter(|body| !body.is_empty()).map(ItemBody::text);
    item.sensitivity = (event.sensitivity != Sensitivity::Normal).then(|| sensitivity(event.sensitivity));
    item.categories = event.categories.iter().cloned().collect();
    item.reminder_is_set = Some(event.reminder.is_some());
    item.reminder_minutes_before_start = event.reminder.map(minutes);
    let location = event.uc_location.map(|location| location.to_string());
    item.extended_properties
        .extend(location.map(|location| ExtendedProperty::new(property::uc_location(), location)));
    Ok(item)
}

/// A meeting that somebody else organizes is one that was received, so that no mail program tells its attendees anything
/// in the owner's name; a meeting that was called off says so.
const MEETING: u32 = 1;
const RECEIVED: u32 = 2;
const CANCELLED: u32 = 4;

fn state(event: &Event, owner: &str) -> u32 {
    let meeting = !event.attendees.is_empty() || event.cancelled || foreign_organizer(event, owner).is_some();
    let bits = [
        (meeting, MEETING),
        (foreign_organizer(event, owner).is_some(), RECEIVED),
        (event.cancelled, CANCELLED),
    ];
    bits.into_iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum()
}

fn foreign_organizer<'a>(event: &'a Event, owner: &str) -> Option<&'a str> {
    event.organizer.as_deref().filter(|organizer| !organizer.eq_ignore_ascii_case(owner))
}

/// Who organizes and whether it takes place, where EWS has no element to say so.
pub(crate) fn standing(event: &Event, owner: &str) -> Vec<ExtendedProperty> {
    let organizer = foreign_organizer(event, owner);
    if organizer.is_none() && !event.cancelled {
        return Vec::new();
    }
    let mut all = vec![ExtendedProperty::new(property::appointment_state(), state(event, owner).to_string())];
    all.extend(organizer.into_iter().flat_map(property::organized_by));
    all
}

fn cancelled_change(event: &Event, owner: &str) -> ItemChangeDescription {
    let value = ExtendedProperty::new(property::appointment_state(), state(event, owner).to_string());
    let item = Item { extended_properties: vec![value], ..Item::default() };
    common(property::appointment_state(), item)
}

fn minutes(reminder: u32) -> i32 {
    i32::try_from(reminder.min(LONGEST_REMINDER)).unwrap_or(0)
}

/// The changes that bring these fields about, but for the schedule's: those depend on what there is.
pub(crate) fn changes(event: &Event, fields: &[EventField], owner: &str) -> Vec<ItemChangeDescription> {
    fields.iter().flat_map(|field| change(event, *field, owner)).collect()
}

fn calendar(path: &'static str, fields: CalendarItem) -> ItemChangeDescription {
    let item = Item::new(ItemKind::CalendarItem(Box::new(fields)));
    ItemChangeDescription::set(FieldUri::new(path), item)
}

fn common(path: impl Into<PropertyPath>, item: Item) -> ItemChangeDescription {
    let item = Item { kind: ItemKind::CalendarItem(Box::default()), ..item };
    ItemChangeDescription::set(path, item)
}

fn subject_change(subject: &str) -> ItemChangeDescription {
    let item = Item { subject: Some(cut(subject, LINE)), ..Item::default() };
    common(FieldUri::ITEM_SUBJECT, item)
}

fn location_change(location: &str) -> ItemChangeDescription {
    match location.trim() {
        "" => ItemChangeDescription::delete(FieldUri::CALENDAR_LOCATION),
        location => calendar(
            "calendar:Location",
            CalendarItem { location: Some(cut(location, LINE)), ..CalendarItem::default() },
        ),
    }
}

fn busy_change(status: Busy) -> ItemChangeDescription {
    let fields = CalendarItem { legacy_free_busy_status: Some(busy(status)), ..CalendarItem::default() };
    calendar("calendar:LegacyFreeBusyStatus", fields)
}

fn uc_location_change(location: Option<UcLocation>) -> ItemChangeDescription {
    match location {
        None => ItemChangeDescription::delete(property::uc_location()),
        Some(location) => {
            let value = ExtendedProperty::new(property::uc_location(), location.to_string());
            let item = Item { extended_properties: vec![value], ..Item::default() };
            common(property::uc_location(), item)
        }
    }
}

/// A body cannot be deleted, only emptied.
fn body_change(body: &str) -> ItemChangeDescription {
    let item = Item { body: Some(ItemBody::text(body)), ..Item::default() };
    common(FieldUri::ITEM_BODY, item)
}

fn change(event: &Event, field: EventField, owner: &str) -> Vec<ItemChangeDescription> {
    match field {
        // Who organizes an item is said when it is made, and never again.
        EventField::Schedule | EventField::Organizer => Vec::new(),
        EventField::Cancelled => vec![cancelled_change(event, owner)],
        EventField::Subject => vec![subject_change(&event.subject)],
        EventField::Body => vec![body_change(&event.body)],
        EventField::Location => vec![location_change(&event.location)],
        EventField::UcLocation => vec![uc_location_change(event.uc_location)],
        EventField::Busy => vec![busy_change(event.busy)],
        EventField::Sensitivity => {
            let item = Item { sensitivity: Some(sensitivity(event.sensitivity)), ..Item::default() };
            vec![common(FieldUri::ITEM_SENSITIVITY, item)]
        }
        EventField::Reminder => {
            let set = Item { reminder_is_set: Some(event.reminder.is_some()), ..Item::default() };
            let mut all = vec![common(FieldUri::ITEM_REMINDER_IS_SET, set)];
            all.extend(event.reminder.map(|before| {
                let item = Item { reminder_minutes_before_start: Some(minutes(before)), ..Item::default() };
                common(FieldUri::new("item:ReminderMinutesBeforeStart"), item)
            }));
            all
        }
        EventField::Attendees => attendee_changes(&event.attendees),
        EventField::Categories if event.categories.is_empty() => {
            vec![ItemChangeDescription::delete(FieldUri::ITEM_CATEGORIES)]
        }
        EventField::Categories => {
            let item = Item { categories: event.categories.iter().cloned().collect(), ..Item::default() };
            vec![common(FieldUri::ITEM_CATEGORIES, item)]
        }
    }
}

fn attendee_changes(attendees: &[Attendee]) -> Vec<ItemChangeDescription> {
    let list = |path: &'static str, all: Vec<EwsAttendee>, fields: fn(Vec<EwsAttendee>) -> CalendarItem| {
        if all.is_empty() {
            return ItemChangeDescription::delete(FieldUri::new(path));
        }
        calendar(path, fields(all))
    };
    vec![
        list("calendar:RequiredAttendees", with_role(attendees, Role::Required), |all| CalendarItem {
            required_attendees: all,
            ..CalendarItem::default()
        }),
        list("calendar:OptionalAttendees", with_role(attendees, Role::Optional), |all| CalendarItem {
            optional_attendees: all,
            ..CalendarItem::default()
        }),
        list("calendar:Resources", with_role(attendees, Role::Resource), |all| CalendarItem {
            resources: all,
            ..CalendarItem::default()
        }),
    ]
}

/// What must be written of the schedule itself, seen what there is. Exchange forgets every changed and cancelled
/// occurrence when a pattern is written, so it is only written when it differs, or when a cancelled occurrence is to
/// take place again, for which there is no other way.
pub(crate) fn frame_changes(
    now: &Schedule,
    wanted: &Schedule,
    schema: Schema,
) -> Result<Vec<ItemChangeDescription>, UnknownZone> {
    if now.has_frame_of(wanted) && !is_revived(now, wanted) {
        return Ok(Vec::new());
    }
    let mut all: Vec<ItemChangeDescription> =
        times(wanted, schema)?.into_iter().map(|(path, fields)| calendar(path, fields)).collect();
    if now.recurrence.is_some() && wanted.recurrence.is_none() {
        all.push(ItemChangeDescription::delete(FieldUri::new("calendar:Recurrence")));
    }
    Ok(all)
}

fn is_revived(now: &Schedule, wanted: &Schedule) -> bool {
    match (&now.recurrence, &wanted.recurrence) {
        (Some(now), Some(wanted)) => !now.cancelled.is_subset(&wanted.cancelled),
        _ => false,
    }
}

/// One occurrence that must change.
pub(crate) struct Step {
    /// Its place in the pattern, from 1.
    pub(crate) place: i32,
    /// `None`: it does not take place.
    pub(crate) changes: Option<Vec<ItemChangeDescription>>,
}

/// What is to be done about occurrences, cancellations first: an occurrence may move to where another one was.
pub(crate) fn steps(now: &Event, wanted: &Event) -> Result<Vec<Step>, UnknownZone> {
    let (Some(series), Some(wanted_series)) = (&now.schedule.recurrence, &wanted.schedule.recurrence) else {
        return Ok(Vec::new());
    };
    let first = now.schedule.start.local.date();
    let place = |original: &Local| {
        series.place_of(first, original.date()).and_then(|place| i32::try_from(place).ok())
    };
    let gone = wanted_series.cancelled.difference(&series.cancelled);
    let mut all: Vec<Step> =
        gone.filter_map(|original| Some(Step { place: place(original)?, changes: None })).collect();
    let originals: BTreeSet<Local> =
        series.exceptions.keys().chain(wanted_series.exceptions.keys()).copied().collect();
    for original in originals.difference(&wanted_series.cancelled) {
        let (is, shall) = (Occurring::of(now, *original), Occurring::of(wanted, *original));
        let changes = shall.changes_from(&is, &now.schedule.start.zone)?;
        if let (false, Some(place)) = (changes.is_empty(), place(original)) {
            all.push(Step { place, changes: Some(changes) });
        }
    }
    Ok(all)
}

/// One occurrence with everything that may be different in it.
struct Occurring<'a> {
    start: Local,
    end: Local,
    subject: &'a str,
    location: &'a str,
    busy: Busy,
    uc_location: Option<UcLocation>,
    body: &'a str,
    attendees: &'a [Attendee],
}

impl<'a> Occurring<'a> {
    fn of(event: &'a Event, original: Local) -> Self {
        let schedule = &event.schedule;
        let usual = usual(schedule, original);
        let changed = schedule.recurrence.as_ref().and_then(|series| series.exceptions.get(&original));
        let text = |own: Option<&'a Option<String>>, whole: &'a str| {
            own.and_then(|own| own.as_deref()).unwrap_or(whole)
        };
        Self {
            start: changed.unwrap_or(&usual).start,
            end: changed.unwrap_or(&usual).end,
            subject: text(changed.map(|changed| &changed.subject), &event.subject),
            location: text(changed.map(|changed| &changed.location), &event.location),
            busy: changed.and_then(|changed| changed.busy).unwrap_or(event.busy),
            uc_location: changed.and_then(|changed| changed.uc_location).or(event.uc_location),
            body: text(changed.map(|changed| &changed.body), &event.body),
            attendees: changed.and_then(|changed| changed.attendees.as_deref()).unwrap_or(&event.attendees),
        }
    }

    fn changes_from(&self, is: &Self, zone: &Zone) -> Result<Vec<ItemChangeDescription>, UnknownZone> {
        let mut all = Vec::new();
        if (self.start, self.end) != (is.start, is.end) {
            let instant = |local| at(&When { local, zone: zone.clone() });
            let (start, end) = (Some(instant(self.start)?), Some(instant(self.end)?));
            all.push(calendar("calendar:Start", CalendarItem { start, ..CalendarItem::default() }));
            all.push(calendar("calendar:End", CalendarItem { end, ..CalendarItem::default() }));
        }
        if self.subject.trim() != is.subject.trim() {
            all.push(subject_change(self.subject));
        }
        if self.location.trim() != is.location.trim() {
            all.push(location_change(self.location));
        }
        if self.busy != is.busy {
            all.push(busy_change(self.busy));
        }
        if self.uc_location != is.uc_location {
            all.push(uc_location_change(self.uc_location));
        }
        if Exception::own_body(self.body, is.body).is_some() {
            all.push(body_change(self.body));
        }
        if Exception::own_attendees(self.attendees, is.attendees).is_some() {
            all.extend(attendee_changes(self.attendees));
        }
        Ok(all)
    }
}

/// The extended properties that an event is read with, and the fields that are not among all of an item's.
pub(crate) fn paths(schema: Schema) -> Vec<PropertyPath> {
    let mut paths: Vec<PropertyPath> =
        vec![property::uc_location().into(), property::series_pending().into()];
    let zones: &[&'static str] = match schema {
        Schema::Exchange2007 => &["calendar:MeetingTimeZone"],
        Schema::Exchange2010 => &["calendar:StartTimeZone", "calendar:EndTimeZone"],
    };
    let others = ["calendar:Recurrence", "calendar:ModifiedOccurrences", "calendar:DeletedOccurrences"];
    paths.extend(zones.iter().chain(&others).map(|path| FieldUri::new(*path).into()));
    paths
}

/// An event, and the items of its changed occurrences that are still to be read.
pub(crate) struct Read {
    pub(crate) event: Event,
    pub(crate) parts: Vec<(Local, ItemId)>,
}

/// An event as it stands. `Ok(None)` for what is no event.
///
/// # Errors
/// When it is a series in a time zone that nobody knows: a single event has its instants.
pub(crate) fn read(item: &Item) -> Result<Option<Read>, UnknownZone> {
    let ItemKind::CalendarItem(fields) = &item.kind else { return Ok(None) };
    let repeats = fields.recurrence.is_some();
    let zones = match zone::of_item(fields) {
        Ok(zones) => zones,
        Err(unknown) if repeats => return Err(unknown),
        Err(_) => None,
    };
    let (from, to) = zones.unwrap_or_else(|| (Zone::utc(), Zone::utc()));
    let (Some(start), Some(end)) = (local(&fields.start, &from)?, local(&fields.end, &to)?) else {
        return Ok(None);
    };
    let all_day = fields.is_all_day_event == Some(true);
    let day = |local: Local| if all_day { midnight(local) } else { local };
    let mut event = Event::new(item.subject.clone().unwrap_or_default(), day(start), day(end), &from);
    event.schedule.end.zone = to;
    event.schedule.all_day = all_day;
    event.uid = fields.uid.clone().filter(|uid| !uid.is_empty());
    event.body = body_of(item);
    event.location = fields.location.clone().unwrap_or_default();
    event.uc_location = uc_location_of(item);
    event.busy = busy_of(fields);
    event.sensitivity = sensitivity_of(item);
    let reminder = item.reminder_minutes_before_start.filter(|_| item.reminder_is_set == Some(true));
    event.reminder = reminder.and_then(|minutes| u32::try_from(minutes).ok());
    event.organizer = fields.organizer.as_ref().and_then(|one| one.mailbox.email_address.clone());
    event.attendees = attendees_of(fields);
    event.categories = item.categories.iter().cloned().collect();
    event.cancelled = fields.is_cancelled == Some(true);
    let mut parts = Vec::new();
    if let Some(element) = &fields.recurrence {
        // What only tasks have cannot be in a calendar; what is not understood must not become a single event.
        let Some(mut series) = recurrence::read(element) else { return Ok(None) };
        parts = read_occurrences(fields, &mut series, &event.schedule)?;
        event.schedule.recurrence = Some(series);
    }
    Ok(Some(Read { event, parts }))
}

fn body_of(item: &Item) -> String {
    item.body.as_ref().map(|body| body.text.clone()).unwrap_or_default()
}

fn attendees_of(fields: &CalendarItem) -> Vec<Attendee> {
    [
        (&fields.required_attendees, Role::Required),
        (&fields.optional_attendees, Role::Optional),
        (&fields.resources, Role::Resource),
    ]
    .into_iter()
    .flat_map(|(all, role)| all.iter().filter_map(move |one| attendee_of(one, role)))
    .collect()
}

fn read_occurrences(
    fields: &CalendarItem,
    series: &mut Recurrence,
    schedule: &Schedule,
) -> Result<Vec<(Local, ItemId)>, UnknownZone> {
    let zone = &schedule.start.zone;
    // An occurrence is known by its day: where the clocks skip its hour, Exchange shows another time.
    let original = |at: &Option<DateTime>| {
        Ok(local(at, zone)?.map(|local| local.date().to_datetime(schedule.start.local.time())))
    };
    let mut parts = Vec::new();
    for changed in fields.modified_occurrences.iter().take(MOST_EXCEPTIONS) {
        let times =
            (original(&changed.original_start)?, local(&changed.start, zone)?, local(&changed.end, zone)?);
        if let (Some(original), Some(start), Some(end)) = times {
            series.exceptions.insert(original, Exception { start, end, ..Exception::default() });
            parts.push((original, changed.item_id.clone()));
        }
    }
    for gone in fields.deleted_occurrences.iter().take(MOST_EXCEPTIONS) {
        series.cancelled.extend(original(&gone.start)?);
    }
    Ok(parts)
}

fn local(at: &Option<DateTime>, zone: &Zone) -> Result<Option<Local>, UnknownZone> {
    let Some(at) = at else { return Ok(None) };
    let zone = zone.resolve()?;
    Ok(Some(at.timestamp().map_or(at.civil, |instant| zone.to_datetime(instant))))
}

/// Whole days that were made in another zone begin at an hour: half a day later is the day that was meant.
fn midnight(local: Local) -> Local {
    let nearest = local.saturating_add(SignedDuration::from_hours(12));
    nearest.date().to_datetime(Time::midnight())
}

fn uc_location_of(item: &Item) -> Option<UcLocation> {
    item.extended_property(&property::uc_location())?.value.as_deref()?.trim().parse().ok()
}

/// Takes in what the item of a changed occurrence says; `None` when it was not there any more.
pub(crate) fn absorb(event: &mut Event, original: Local, part: Option<&Item>) {
    let own = part.and_then(|part| match &part.kind {
        ItemKind::CalendarItem(fields) => Some(Exception {
            subject: part.subject.clone().filter(|subject| *subject != event.subject),
            location: Some(fields.location.clone().unwrap_or_default())
                .filter(|location| *location != event.location),
            busy: Some(busy_of(fields)).filter(|busy| *busy != event.busy),
            uc_location: uc_location_of(part).filter(|location| event.uc_location != Some(*location)),
            body: Exception::own_body(&body_of(part), &event.body),
            attendees: Exception::own_attendees(&attendees_of(fields), &event.attendees),
            ..Exception::default()
        }),
        _ => None,
    });
    let usual = usual(&event.schedule, original);
    let Some(series) = &mut event.schedule.recurrence else { return };
    let Some(changed) = series.exceptions.get_mut(&original) else { return };
    if let Some(own) = own {
        *changed = Exception { start: changed.start, end: changed.end, ..own };
    }
    // Exchange keeps an occurrence apart that was changed and changed back.
    if *changed == usual {
        series.exceptions.remove(&original);
    }
}

/// An occurrence as the pattern makes it.
fn usual(schedule: &Schedule, original: Local) -> Exception {
    let length = schedule.end.local.duration_since(schedule.start.local);
    Exception { start: original, end: original.saturating_add(length), ..Exception::default() }
}

/// What Exchange keeps of an event: lines up to their length, a series from its first occurrence on, and only the
/// occurrences that its pattern has.
pub(crate) fn rendered(event: &Event) -> Event {
    let mut rendered = event.clone();
    rendered.subject = cut(&rendered.subject, LINE);
    rendered.location = cut(&rendered.location, LINE);
    rendered.reminder = rendered.reminder.map(|minutes| minutes.min(LONGEST_REMINDER));
    begin_with_first(&mut rendered.schedule);
    let Some(series) = &rendered.schedule.recurrence else { return rendered };
    let first = rendered.schedule.start.local.date();
    let falls = |original: &Local| series.place_of(first, original.date()).is_some();
    let cancelled: BTreeSet<Local> = series.cancelled.iter().filter(|one| falls(one)).copied().collect();
    let mut exceptions = BTreeMap::new();
    for (original, changed) in &series.exceptions {
        if !falls(original) || cancelled.contains(original) {
            continue;
        }
        let own = |text: &Option<String>, whole: &String| {
            text.as_ref().map(|own| cut(own, LINE)).filter(|own| own != whole)
        };
        let changed = Exception {
            start: changed.start,
            end: changed.end,
            subject: own(&changed.subject, &rendered.subject),
            location: own(&changed.location, &rendered.location),
            busy: changed.busy.filter(|own| *own != rendered.busy),
            uc_location: changed.uc_location.filter(|own| Some(*own) != rendered.uc_location),
            body: changed.body.as_ref().and_then(|own| Exception::own_body(own, &rendered.body)),
            attendees: changed
                .attendees
                .as_ref()
                .and_then(|own| Exception::own_attendees(own, &rendered.attendees)),
        };
        if changed != usual(&rendered.schedule, *original) {
            exceptions.insert(*original, changed);
        }
    }
    if let Some(series) = &mut rendered.schedule.recurrence {
        (series.exceptions, series.cancelled) = (exceptions, cancelled);
    }
    rendered
}

/// Exchange begins a series with the first day on which its pattern falls.
fn begin_with_first(schedule: &mut Schedule) {
    let Some(series) = &schedule.recurrence else { return };
    let start = schedule.start.local;
    let until = start.date().saturating_add(jiff::Span::new().years(5));
    let Some(first) = series.dates(start.date(), start.date(), until).first().copied() else { return };
    let later = first.to_datetime(start.time()).duration_since(start);
    schedule.start.local = start.saturating_add(later);
    schedule.end.local = schedule.end.local.saturating_add(later);
}

#[cfg(test)]
mod tests;
