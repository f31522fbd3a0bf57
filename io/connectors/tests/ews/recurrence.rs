//! Series over two years and their changes of the clocks: what Tieline expands, python-dateutil has to expand too.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use serde_json::{Value, json};
use tieline_model::{Days, Ends, Event, Nth, Pattern, Recurrence, Zone};
use tieline_tests::judge::Judge;
use tieline_tests::seed::{Seeded, count};

/// As Tieline and as Python call them.
const ZONES: [(&str, &str); 6] = [
    ("Europe/Berlin", "Europe/Berlin"),
    ("Eastern Standard Time", "America/New_York"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Asia/Kolkata", "Asia/Kolkata"),
    ("Pacific/Chatham", "Pacific/Chatham"),
    ("UTC", "UTC"),
];
const NTH: [Nth; 5] = [Nth::First, Nth::Second, Nth::Third, Nth::Fourth, Nth::Last];

fn weekday(number: u64) -> Weekday {
    Weekday::from_monday_zero_offset(i8::try_from(number).unwrap()).unwrap()
}

fn days(seeded: &mut Seeded) -> Days {
    match seeded.between(0, 10) {
        7 => Days::ANY,
        8 => Days::WEEKDAYS,
        9 => Days::WEEKEND,
        day => Days::one(weekday(day)),
    }
}

/// A pattern, and the same in the judge's words.
fn pattern(seeded: &mut Seeded) -> (Pattern, Value) {
    let interval = u32::try_from(seeded.between(1, 5)).unwrap();
    let (month, day) =
        (u8::try_from(seeded.between(1, 13)).unwrap(), u8::try_from(seeded.between(1, 32)).unwrap());
    let nth_at = seeded.between(0, 5);
    let nth = NTH[usize::try_from(nth_at).unwrap()];
    let position = if nth_at == 4 { -1 } else { i64::try_from(nth_at).unwrap() + 1 };
    let names = |days: Days| days.iter().map(|day| day.to_monday_zero_offset()).collect::<Vec<_>>();
    match seeded.between(0, 6) {
        0 => (Pattern::Daily { interval }, json!({"freq": "DAILY", "interval": interval})),
        1 => {
            let first_day = weekday(seeded.between(0, 7));
            let days = Days::of([weekday(seeded.between(0, 7)), weekday(seeded.between(0, 7))]);
            let rule = json!({"freq": "WEEKLY", "interval": interval, "days": names(days),
                "first": first_day.to_monday_zero_offset()});
            (Pattern::Weekly { interval, days, first_day }, rule)
        }
        2 => (
            Pattern::AbsoluteMonthly { interval, day },
            json!({"freq": "MONTHLY", "interval": interval, "day": day}),
        ),
        3 => {
            let days = days(seeded);
            let rule =
                json!({"freq": "MONTHLY", "interval": interval, "days": names(days), "position": position});
            (Pattern::RelativeMonthly { interval, nth, days }, rule)
        }
        4 => (
            Pattern::AbsoluteYearly { month, day },
            json!({"freq": "YEARLY", "interval": 1, "month": month, "day": day}),
        ),
        _ => {
            let days = days(seeded);
            let rule = json!({"freq": "YEARLY", "interval": 1, "month": month, "days": names(days),
                "position": position});
            (Pattern::RelativeYearly { month, nth, days }, rule)
        }
    }
}

/// A series, and what it expands to from 2026 to the end of 2027.
fn series(seeded: &mut Seeded) -> Value {
    let (zone, python) = ZONES[usize::try_from(seeded.between(0, 6)).unwrap()];
    let first: Date = "2026-01-01".parse().unwrap();
    let later = |days: u64| jiff::Span::new().days(i64::try_from(days).unwrap());
    let date = first.checked_add(later(seeded.between(0, 300))).unwrap();
    // Half of them at night, when the clocks change.
    let hour = [0, 1, 2, 2, 3, 9, 17, 23][usize::try_from(seeded.between(0, 8)).unwrap()];
    let start: DateTime = date.at(hour, 30, 0, 0);
    let (pattern, mut rule) = pattern(seeded);
    let ends = match seeded.between(0, 3) {
        0 => Ends::Never,
        1 => {
            let many = u32::try_from(seeded.between(1, 60)).unwrap();
            rule["count"] = json!(many);
            Ends::After(many)
        }
        _ => {
            let last = date.checked_add(later(seeded.between(1, 600))).unwrap();
            rule["until"] = json!(last.to_string());
            Ends::On(last)
        }
    };
    let mut event = Event::new("x", start, start, &Zone::named(zone));
    event.schedule.end.local = start.checked_add(jiff::Span::new().minutes(30)).unwrap();
    event.schedule.recurrence = Some(Recurrence::new(pattern, ends));
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let found = event.schedule.expand(at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z")).unwrap();
    let starts: Vec<i64> = found.iter().map(|one| one.start.as_second()).collect();
    json!({"start": start.to_string(), "zone": python, "rule": rule, "starts": starts})
}

/// Covers: AV-79 (series, judged)
#[test]
fn series_expand_as_python_dateutil_expands_them() {
    let mut seeded = Seeded::for_test("series_expand_as_python_dateutil_expands_them");
    let many = count("TIELINE_SERIES", 300);
    let all: Vec<Value> = (0..many).map(|_| series(&mut seeded)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("series.json");
    std::fs::write(&file, serde_json::to_string(&all).unwrap()).unwrap();
    let told = json!({"series": file, "checks": ["expands_the_same"]});
    Judge::new("dateutil_recurrence.py").arg(told.to_string()).run();
}
