use super::*;
use jiff::civil::Weekday;
use tieline_model::{ChangeDay, DaylightTime, Days, Ends, Pattern, Record as _, YearlyChange, ZoneRules};
use tieline_proto_ews::{DeletedOccurrence, OccurrenceInfo};

const OWNER: &str = "alice@x.example";

fn local(text: &str) -> Local {
    text.parse().unwrap()
}

fn custom() -> Zone {
    let change =
        |month, second| YearlyChange { month, day: ChangeDay::Weekday { week: 5, weekday: 0 }, second };
    let daylight = DaylightTime { offset: 20_700, begins: change(3, 3600), ends: change(10, 7200) };
    let rules = ZoneRules { standard: 18_900, daylight: Some(daylight) };
    Zone { id: "Customized Time Zone".to_owned(), rules: Some(rules) }
}

fn full(zone: &Zone) -> Event {
    let mut event = Event::new("Review ü", local("2026-03-02T09:00"), local("2026-03-02T10:00"), zone);
    event.uid = Some("u1".to_owned());
    event.body = "one\ntwo".to_owned();
    event.location = "Room 1".to_owned();
    event.uc_location = Some(UcLocation::Home);
    event.busy = Busy::OutOfOffice;
    event.sensitivity = Sensitivity::Private;
    event.reminder = Some(20);
    event.categories = ["Red".to_owned()].into();
    let attendee = |address: &str, role, response| Attendee {
        address: address.to_owned(),
        name: "N".to_owned(),
        role,
        response,
    };
    event.attendees = vec![
        attendee("a@x.example", Role::Required, Response::Accepted),
        attendee("b@x.example", Role::Optional, Response::None),
        attendee("r@x.example", Role::Resource, Response::Declined),
    ];
    event
}

fn weekly(zone: &Zone) -> Event {
    let mut event = full(zone);
    let pattern =
        Pattern::Weekly { interval: 1, days: Days::one(Weekday::Monday), first_day: Weekday::Monday };
    event.schedule.recurrence = Some(Recurrence::new(pattern, Ends::Never));
    event
}

fn back(event: &Event, schema: Schema) -> Event {
    read(&item(event, schema).unwrap()).unwrap().unwrap().event
}

/// Covers: AV-78 (Exchange), AV-79 (Exchange)
#[test]
fn every_field_is_written_and_read_back() {
    for zone in [Zone::named("Europe/Berlin"), Zone::named("America/New_York"), Zone::utc(), custom()] {
        for schema in [Schema::Exchange2007, Schema::Exchange2010] {
            for event in [full(&zone), weekly(&zone)] {
                let back = back(&event, schema);
                assert_eq!(back.differences(&event), [], "{zone:?} {schema:?}");
                assert_eq!((&back.uid, &back.attendees), (&event.uid, &event.attendees));
            }
        }
    }
    let mut day = full(&custom());
    day.schedule.all_day = true;
    day.schedule.start.local = local("2026-07-02T00:00");
    day.schedule.end.local = local("2026-07-04T00:00");
    assert_eq!(back(&day, Schema::Exchange2010), day);
}

#[test]
fn an_update_names_each_field_by_its_own_path() {
    let plain = Event::new("", local("2026-03-02T09:00"), local("2026-03-02T10:00"), &Zone::utc());
    for field in EventField::ALL {
        let expected = match field {
            EventField::Schedule | EventField::Organizer => (0, 0),
            EventField::Attendees => (3, 3),
            EventField::Reminder => (2, 1),
            _ => (1, 1),
        };
        let written =
            (changes(&full(&Zone::utc()), &[*field], OWNER).len(), changes(&plain, &[*field], OWNER).len());
        assert_eq!(written, expected, "{field}");
    }
}

#[test]
fn a_pattern_is_only_written_when_it_differs() {
    let zone = Zone::named("Europe/Berlin");
    let paths = |now: &Event, wanted: &Event| {
        frame_changes(&now.schedule, &wanted.schedule, Schema::Exchange2010).unwrap().len()
    };
    let plain = weekly(&zone);
    assert_eq!(paths(&plain, &weekly(&Zone::named("W. Europe Standard Time"))), 0);
    let mut cancelled = plain.clone();
    cancelled.schedule.recurrence.as_mut().unwrap().cancelled.insert(local("2026-03-09T09:00"));
    assert_eq!(paths(&plain, &cancelled), 0, "one occurrence is a request of its own");
    assert_eq!(paths(&cancelled, &plain), 6, "what takes place again needs the whole pattern");
    assert_eq!(paths(&plain, &full(&zone)), 6, "zones, times, whole day, and the pattern goes");
}

#[test]
fn occurrences_are_written_where_they_differ() {
    let zone = Zone::named("Europe/Berlin");
    let plain = weekly(&zone);
    let mut wanted = plain.clone();
    let series = wanted.schedule.recurrence.as_mut().unwrap();
    series.cancelled.insert(local("2026-03-16T09:00"));
    let moved = Exception {
        start: local("2026-03-10T15:00"),
        end: local("2026-03-10T16:00"),
        subject: Some("Moved".to_owned()),
        ..Exception::default()
    };
    series.exceptions.insert(local("2026-03-09T09:00"), moved);
    let shape = |steps: Vec<Step>| {
        let one = |step: &Step| (step.place, step.changes.as_ref().map(Vec::len));
        steps.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(shape(steps(&plain, &wanted).unwrap()), [(3, None), (2, Some(3))]);
    assert_eq!(shape(steps(&wanted, &wanted).unwrap()), []);
    let mut usual = wanted.clone();
    usual.schedule.recurrence.as_mut().unwrap().exceptions.clear();
    assert_eq!(shape(steps(&wanted, &usual).unwrap()), [(2, Some(3))], "changed back");
}

#[test]
fn changed_and_cancelled_occurrences_are_read_into_their_series() {
    let zone = Zone::named("Europe/Berlin");
    let mut series = item(&weekly(&zone), Schema::Exchange2010).unwrap();
    let at = |text: &str| DateTime::from_xml(text);
    let ItemKind::CalendarItem(fields) = &mut series.kind else { panic!("{series:?}") };
    let info = |id: &str, original: &str, start: &str, end: &str| OccurrenceInfo {
        item_id: ItemId::new(id),
        original_start: at(original),
        start: at(start),
        end: at(end),
    };
    // Summer time begins on the 29th.
    fields.modified_occurrences = vec![
        info("moved", "2026-03-30T07:00:00Z", "2026-03-31T13:00:00Z", "2026-03-31T14:00:00Z"),
        info("same", "2026-03-09T08:00:00Z", "2026-03-09T08:00:00Z", "2026-03-09T09:00:00Z"),
    ];
    fields.deleted_occurrences = vec![DeletedOccurrence { start: at("2026-03-16T08:00:00Z") }];
    let Read { mut event, parts } = read(&series).unwrap().unwrap();
    // Everything else is as in the series.
    let part = |subject: &str| {
        let mut part = series.clone();
        let ItemKind::CalendarItem(fields) = &mut part.kind else { panic!("{part:?}") };
        fields.legacy_free_busy_status = Some(LegacyFreeBusyStatus::Free);
        fields.required_attendees[0].response_type = Some(ResponseType::Decline);
        part.body = Some(ItemBody::text("only\r\nthis time"));
        part.subject = Some(subject.to_owned());
        part
    };
    assert_eq!(parts.len(), 2);
    absorb(&mut event, parts[0].0, Some(&part("Elsewhere")));
    absorb(&mut event, parts[1].0, None);
    let mut attendees = event.attendees.clone();
    attendees[0].response = Response::Declined;
    let series = event.schedule.recurrence.as_ref().unwrap();
    let changed = Exception {
        start: local("2026-03-31T15:00"),
        end: local("2026-03-31T16:00"),
        subject: Some("Elsewhere".to_owned()),
        busy: Some(Busy::Free),
        body: Some("only\r\nthis time".to_owned()),
        attendees: Some(attendees),
        ..Exception::default()
    };
    assert_eq!(series.exceptions, [(local("2026-03-30T09:00"), changed)].into());
    assert_eq!(series.cancelled, [local("2026-03-16T09:00")].into());
}

#[test]
fn a_series_in_an_unknown_zone_is_no_series_in_utc() {
    let mut series = item(&weekly(&Zone::utc()), Schema::Exchange2010).unwrap();
    let unknown = tieline_proto_ews::time_zone::TimeZoneDefinition::by_id("Customized Time Zone");
    let ItemKind::CalendarItem(fields) = &mut series.kind else { panic!("{series:?}") };
    fields.start_time_zone = Some(unknown);
    assert!(read(&series).is_err());
    let ItemKind::CalendarItem(fields) = &mut series.kind else { panic!("{series:?}") };
    fields.recurrence = None;
    let single = read(&series).unwrap().unwrap().event;
    assert_eq!(single.schedule.start.instant().unwrap().to_string(), "2026-03-02T09:00:00Z", "its instants");
}

#[test]
fn whole_days_that_were_made_elsewhere_are_the_days_that_were_meant() {
    assert_eq!(midnight(local("2026-03-01T23:00")), local("2026-03-02T00:00"));
    assert_eq!(midnight(local("2026-03-02T08:00")), local("2026-03-02T00:00"));
    assert_eq!(midnight(local("2026-03-02T00:00")), local("2026-03-02T00:00"));
}

#[test]
fn a_series_begins_with_its_first_occurrence() {
    let mut event = weekly(&Zone::utc());
    event.schedule.start.local = local("2026-02-26T09:00");
    event.schedule.end.local = local("2026-02-26T10:00");
    let series = event.schedule.recurrence.as_mut().unwrap();
    series.cancelled.insert(local("2026-03-03T09:00"));
    let rendered = rendered(&event);
    assert_eq!(rendered.schedule.start.local, local("2026-03-02T09:00"));
    assert_eq!(rendered.schedule.recurrence.unwrap().cancelled, [].into(), "not a day of the pattern");
}

#[test]
fn what_waits_comes_back() {
    let mut event = weekly(&Zone::utc());
    assert_eq!(Pending::of(&event), None);
    event.schedule.recurrence.as_mut().unwrap().cancelled.insert(local("2026-03-09T09:00"));
    let pending = Pending::of(&event).unwrap();
    let item = Item { extended_properties: vec![pending.property()], ..Item::default() };
    let found = Pending::on(&item).unwrap();
    assert_eq!(found.applied_to(&weekly(&Zone::utc())), event);
}

/// [MS-OXOCAL] section 2.2.1.10: a meeting of somebody else's was received; one that was called off says so.
#[test]
fn who_organizes_and_whether_it_takes_place_are_said_where_it_is_not_plain() {
    let flags = |event: &Event| {
        let all = standing(event, OWNER);
        let value = |uri| all.iter().find(|one| one.extended_field_uri == uri)?.value.clone();
        (all.len(), value(property::appointment_state()))
    };
    let mut event = full(&Zone::utc());
    assert_eq!(flags(&event), (0, None), "nobody is named");
    event.organizer = Some("Alice@x.example".to_owned());
    assert_eq!(flags(&event), (0, None), "the owner");
    event.organizer = Some("bob@x.example".to_owned());
    assert_eq!(flags(&event), (4, Some("3".to_owned())));
    event.cancelled = true;
    assert_eq!(flags(&event), (4, Some("7".to_owned())));
    event.organizer = None;
    assert_eq!(flags(&event), (1, Some("5".to_owned())));
}
