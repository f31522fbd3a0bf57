//! "Change Location": the calendar moves a user on time, and back.

use jiff::Timestamp;
use jiff::civil::DateTime;
use tieline_model::{Busy, Days, Ends, Event, Exception, Pattern, Recurrence, Sensitivity, UcLocation, Zone};
use tieline_sync::{Cause, Manual, Moves, Whereabouts, whereabouts};

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn local(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// In Berlin, on 2 March 2026 unless said otherwise: an hour behind UTC.
fn event(from: &str, to: &str) -> Event {
    let day = |text: &str| if text.len() > 5 { local(text) } else { local(&format!("2026-03-02T{text}")) };
    Event::new("meeting", day(from), day(to), &Zone::named("Europe/Berlin"))
}

fn at(events: &[Event], now: &str) -> Whereabouts {
    whereabouts(events, Moves::default(), None, UcLocation::Office, ts(now))
}

fn is(events: &[Event], now: &str) -> UcLocation {
    at(events, now).location
}

/// Covers: AV-73 (engine), AV-80 (engine)
#[test]
fn an_event_moves_to_meeting_at_its_first_instant_and_back_at_its_last() {
    let events = [event("10:00", "11:00")];
    assert_eq!(is(&events, "2026-03-02T08:59:59.999Z"), UcLocation::Office);
    assert_eq!(at(&events, "2026-03-02T08:00:00Z").until, ts("2026-03-02T09:00:00Z"), "look again then");
    assert_eq!(is(&events, "2026-03-02T09:00:00Z"), UcLocation::Meeting);
    assert_eq!(at(&events, "2026-03-02T09:30:00Z").until, ts("2026-03-02T10:00:00Z"));
    assert_eq!(is(&events, "2026-03-02T10:00:00Z"), UcLocation::Office);
}

/// Covers: AV-82 (engine)
#[test]
fn a_category_of_outlook_or_a_hand_in_tieline_assigns_another_location() {
    let mut by_category = event("10:00", "11:00");
    by_category.categories.insert("Location: Home".into());
    assert_eq!(is(&[by_category.clone()], "2026-03-02T09:30:00Z"), UcLocation::Home);
    by_category.uc_location = Some(UcLocation::Travel);
    let found = at(&[by_category], "2026-03-02T09:30:00Z");
    assert!(matches!(found.cause, Cause::Event { assigned: true, .. }));
    assert_eq!(found.location, UcLocation::Travel);
}

/// Covers: AV-81 (engine)
#[test]
fn a_location_set_by_hand_stays_until_it_is_taken_back_or_over() {
    let events = [event("10:00", "11:00")];
    let by_hand = |until| {
        let manual = Manual { location: UcLocation::Home, until };
        whereabouts(&events, Moves::default(), Some(manual), UcLocation::Office, ts("2026-03-02T09:30:00Z"))
    };
    assert_eq!((by_hand(None).location, by_hand(None).cause), (UcLocation::Home, Cause::ByHand));
    let until = ts("2026-03-02T09:40:00Z");
    assert_eq!((by_hand(Some(until)).location, by_hand(Some(until)).until), (UcLocation::Home, until));
    assert_eq!(by_hand(Some(ts("2026-03-02T09:30:00Z"))).location, UcLocation::Meeting, "over");
}

/// Covers: AV-73 (overlaps)
#[test]
fn of_several_events_the_busier_counts_and_a_time_counts_for_more_than_a_day() {
    let named = |from, to, location| Event { uc_location: Some(location), ..event(from, to) };
    let mut day = named("00:00", "2026-03-03T00:00", UcLocation::Home);
    day.schedule.all_day = true;
    let long = named("09:00", "12:00", UcLocation::Travel);
    let short = named("10:00", "10:30", UcLocation::Mobile);
    let events = [day, long, short];
    assert_eq!(is(&events, "2026-03-02T07:00:00Z"), UcLocation::Home);
    assert_eq!(is(&events, "2026-03-02T08:30:00Z"), UcLocation::Travel);
    assert_eq!(is(&events, "2026-03-02T09:15:00Z"), UcLocation::Mobile, "the one that began last");
    assert_eq!(is(&events, "2026-03-02T09:30:00Z"), UcLocation::Travel, "back into the one around it");
    let away = Event { busy: Busy::OutOfOffice, ..named("09:00", "12:00", UcLocation::Vacation) };
    assert_eq!(is(&[events[2].clone(), away], "2026-03-02T09:15:00Z"), UcLocation::Vacation);
}

/// Covers: AV-73 (kinds)
#[test]
fn free_cancelled_and_tentative_events_move_nothing_and_private_ones_do_not_tell() {
    for quiet in [
        Event { busy: Busy::Free, ..event("10:00", "11:00") },
        Event { cancelled: true, ..event("10:00", "11:00") },
        Event { busy: Busy::Tentative, ..event("10:00", "11:00") },
    ] {
        assert_eq!(is(&[quiet], "2026-03-02T09:30:00Z"), UcLocation::Office);
    }
    let tentative = Event { busy: Busy::Tentative, ..event("10:00", "11:00") };
    let moves = Moves { tentative: true, ..Moves::default() };
    let found = whereabouts(&[tentative], moves, None, UcLocation::Office, ts("2026-03-02T09:30:00Z"));
    assert_eq!(found.location, UcLocation::Meeting);
    let private =
        Event { sensitivity: Sensitivity::Private, subject: "Surgery".into(), ..event("10:00", "11:00") };
    let Cause::Event { headline, .. } = at(&[private], "2026-03-02T09:30:00Z").cause else {
        panic!("an event")
    };
    assert!(!headline.contains("Surgery"));
}

/// Covers: AV-73 (series)
#[test]
fn a_series_keeps_its_wall_clock_over_summer_time_and_its_exceptions_count() {
    let mut weekly = event("09:00", "09:30");
    let days = Days::one(jiff::civil::Weekday::Monday);
    let pattern = Pattern::Weekly { interval: 1, days, first_day: jiff::civil::Weekday::Monday };
    let mut series = Recurrence::new(pattern, Ends::Never);
    series.cancelled.insert(local("2026-03-16T09:00"));
    let moved = Exception {
        start: local("2026-03-10T15:00"),
        end: local("2026-03-10T16:00"),
        ..Exception::default()
    };
    series.exceptions.insert(local("2026-03-09T09:00"), moved);
    weekly.schedule.recurrence = Some(series);
    let events = [weekly];
    assert_eq!(is(&events, "2026-03-23T08:15:00Z"), UcLocation::Meeting);
    assert_eq!(
        is(&events, "2026-03-30T07:15:00Z"),
        UcLocation::Meeting,
        "an hour earlier in UTC from here on"
    );
    assert_eq!(is(&events, "2026-03-30T08:15:00Z"), UcLocation::Office);
    assert_eq!(is(&events, "2026-03-16T08:15:00Z"), UcLocation::Office, "called off");
    assert_eq!(is(&events, "2026-03-09T08:15:00Z"), UcLocation::Office, "moved away");
    assert_eq!(is(&events, "2026-03-10T14:15:00Z"), UcLocation::Meeting, "moved here");
}

/// Covers: AV-73 (unknown zone)
#[test]
fn an_event_in_a_zone_that_nobody_knows_moves_nothing_and_is_listed() {
    let mut unknown = event("10:00", "11:00");
    unknown.schedule.start.zone = Zone::named("Customized Time Zone");
    let found = at(&[unknown, event("10:00", "11:00")], "2026-03-02T09:30:00Z");
    assert_eq!((found.location, found.unknown), (UcLocation::Meeting, vec![0]));
}

#[test]
fn switched_off_it_moves_nothing() {
    let moves = Moves { enabled: false, ..Moves::default() };
    let found =
        whereabouts(&[event("10:00", "11:00")], moves, None, UcLocation::Home, ts("2026-03-02T09:30:00Z"));
    assert_eq!((found.location, found.cause), (UcLocation::Home, Cause::Usual));
}
