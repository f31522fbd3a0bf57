//! Round trips, and what others write.

use jiff::Timestamp;
use jiff::civil::DateTime;
use proptest::prelude::*;
use tieline_model::{
    Attendee, Busy, Days, Ends, Event, Exception, Nth, Pattern, Record as _, Recurrence, Response, Role,
    Sensitivity, UcLocation, Zone,
};

use super::{read, write};

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
                body: Some("Only this time.".into()),
                attendees: Some(vec![tieline_model::Attendee {
                    address: "only@x.example".into(),
                    name: String::new(),
                    role: tieline_model::Role::Optional,
                    response: tieline_model::Response::Declined,
                }]),
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
    for rule in
        ["FREQ=HOURLY", "FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=YEARLY;INTERVAL=2", "FREQ=DAILY;BYHOUR=9,17"]
    {
        let text = format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T090000Z\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        assert_eq!(read(&text, None).unwrap().unreadable.len(), 1, "{rule}");
    }
    let text = write([&meeting("UTC")], at(), false);
    assert!(!text.contains("Weekly") && !text.contains("Room") && text.contains("SUMMARY:Private"), "{text}");
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
