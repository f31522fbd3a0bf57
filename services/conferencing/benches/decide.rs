//! A decision against many series, beside the same question put to a plain list of them.
//!
//! Run with `cargo bench -p tieline-conferencing`; the number of series is the first argument. Every tenth asked number
//! is taken, so that alternatives are looked for as well. The scan expands each series' stored times once, as the index
//! does, and then compares every pair that shares a number; it is the floor of what a list can do.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use tieline_conferencing::{Calendar, Past, Policy, Replay, RoomBook, Sender, Situation, spans, verdict};
use tieline_model::{
    AskedIn, Days, Ends, Invitation, InvitationVersion, Language, MeetingKey, Pattern, Recurrence,
    RoomNumber, Schedule, Span, When, Zone,
};

const ASKED: usize = 500;

fn main() {
    let many: usize = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(10_000);
    let policy = Policy::parse("numbers = [\"70000-99999\"]").expect("a policy");
    let now: Timestamp = "2026-11-23T08:00:00Z".parse().expect("an instant");
    let rooms = RoomBook::new();
    let sender = Sender::Known { addresses: Vec::new(), department: None };

    let begun = Instant::now();
    let mut calendar = Calendar::new();
    let mut plain: Vec<(RoomNumber, Vec<Span>)> = Vec::new();
    for nth in 0..many {
        let series = weekly(nth);
        let taken = spans(&series, now, policy.horizon_days).expect("a known zone");
        let key = MeetingKey { uid: format!("series-{nth}"), occurrence: None };
        // Ten series share a number, at different times.
        let number = number(nth / 10);
        if calendar.reserve(&key, &number, &taken).is_ok() {
            plain.push((number, taken));
        }
    }
    println!(
        "{} series, {} reserved times, entered in {:.2} s",
        plain.len(),
        calendar.len(),
        begun.elapsed().as_secs_f64()
    );

    let asked: Vec<Invitation> = (0..ASKED).map(|nth| invitation(nth, nth * 7919 % many)).collect();
    let situation =
        Situation { policy: &policy, rooms: &rooms, calendar: &calendar, sender: &sender, held: None, now };
    let index = measure(&asked, |one| drop(black_box(verdict(one, &situation, 42))));
    let scan = measure(&asked, |one| {
        let schedule = one.schedule.as_ref().expect("a schedule");
        let wanted = spans(schedule, now, policy.horizon_days).expect("a known zone");
        let collides = |number: &RoomNumber, taken: &[Span]| {
            Some(number) == one.number.as_ref() && taken.iter().any(|a| wanted.iter().any(|b| a.overlaps(b)))
        };
        black_box(plain.iter().filter(|(number, taken)| collides(number, taken)).count());
    });
    report("decision with the index, alternatives included", &index);
    report("collisions alone, by scan", &scan);
    println!("ratio of the medians, scan to index: {:.1}", at(&scan, 50) / at(&index, 50));

    let history: Vec<Past> = (0..many)
        .map(|nth| Past::Invited {
            invitation: Box::new(invitation(nth, nth)),
            sender: sender.clone(),
            at: now,
        })
        .collect();
    let other = Policy::parse("numbers = [\"70000-99999\"]\ndefault-conference-duration-minutes = 30")
        .expect("a policy");
    let begun = Instant::now();
    let replay = Replay::run(&policy, &other, &rooms, &history);
    println!(
        "replay of {} invitations under two policies: {:.2} s, {} would be answered otherwise",
        replay.invitations,
        begun.elapsed().as_secs_f64(),
        replay.differences.len()
    );
}

fn number(nth: usize) -> RoomNumber {
    format!("{}", 70_000 + nth).parse().expect("a number")
}

fn weekly(nth: usize) -> Schedule {
    let start: DateTime = jiff::civil::date(2026, 11, 23).at(8, 0, 0, 0);
    let minutes = i64::try_from(nth % 10 * 60 + nth / 10 % 5 * 1440).expect("few");
    let local = start.checked_add(SignedDuration::from_secs(minutes * 60)).expect("in range");
    let end = local.checked_add(SignedDuration::from_mins(45)).expect("in range");
    let zone = Zone::named(if (nth / 10).is_multiple_of(2) {
        "W. Europe Standard Time"
    } else {
        "America/New_York"
    });
    let pattern =
        Pattern::Weekly { interval: 1, days: Days::one(local.weekday()), first_day: Weekday::Monday };
    Schedule {
        start: When { local, zone: zone.clone() },
        end: When { local: end, zone },
        all_day: false,
        recurrence: Some(Recurrence::new(pattern, Ends::Never)),
    }
}

fn invitation(nth: usize, like: usize) -> Invitation {
    Invitation {
        version: InvitationVersion {
            key: MeetingKey { uid: format!("asked-{nth}"), occurrence: None },
            sequence: 0,
            fingerprint: String::new(),
        },
        organizer: "alice@lab.example".parse().expect("an address"),
        sender: None,
        subject: String::new(),
        schedule: Some(weekly(like)),
        number: Some(if nth.is_multiple_of(10) { number(like / 10) } else { number(20_000 + nth) }),
        asked_in: AskedIn::Location,
        conference_passcode: None,
        chairperson_passcode: None,
        problems: Vec::new(),
        private: false,
        language: Language::English,
    }
}

fn measure(asked: &[Invitation], mut one: impl FnMut(&Invitation)) -> Vec<Duration> {
    let mut times: Vec<Duration> = asked
        .iter()
        .map(|invitation| {
            let begun = Instant::now();
            one(invitation);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn at(times: &[Duration], percent: usize) -> f64 {
    times.get(times.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn report(what: &str, times: &[Duration]) {
    let most = times.last().map_or(0.0, |time| time.as_secs_f64() * 1e6);
    println!("{what}: median {:.0} µs, p99 {:.0} µs, most {most:.0} µs", at(times, 50), at(times, 99));
}
