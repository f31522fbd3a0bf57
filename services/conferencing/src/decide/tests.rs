use jiff::civil::DateTime;
use proptest::prelude::*;
use tieline_model::{
    AskedIn, Days, Ends, InvitationVersion, Language, MeetingKey, Nth, Pattern, ReasonKind, Recurrence, Room,
    RoomId, Schedule, When, Zone,
};

use super::*;
use crate::{Rules, apply};

/// A world with one of everything.
struct World {
    policy: Policy,
    rooms: RoomBook,
    calendar: Calendar,
    sender: Sender,
    held: Option<Held>,
    now: Timestamp,
}

fn number(text: &str) -> RoomNumber {
    text.parse().unwrap()
}

fn key(uid: &str) -> MeetingKey {
    MeetingKey { uid: uid.to_owned(), occurrence: None }
}

fn room(kind: RoomKind, digits: &str, owner: &str) -> Room {
    Room {
        id: RoomId::from_uuid(uuid::Uuid::from_u128(1)),
        kind,
        number: number(digits),
        name: format!("{kind} {digits}"),
        owner: Some(owner.parse().unwrap()),
        passcodes: Passcodes::default(),
    }
}

fn world() -> World {
    let policy = Policy::parse(
        r#"
        default-conference-duration-minutes = 120
        numbers = ["7000-7099", "7900-7903"]
        [[duration]]
        numbers = "7900-7903"
        minutes = 600
        "#,
    )
    .unwrap();
    let mut rooms = RoomBook::new();
    rooms.insert(room(RoomKind::Enterprise, "7011", "bob@lab.example"));
    rooms.insert(room(RoomKind::Enterprise, "7012", "alice@lab.example"));
    rooms.insert(room(RoomKind::Custom, "7050", "it@lab.example"));
    let sender = Sender::Known { addresses: vec!["alice@lab.example".parse().unwrap()], department: None };
    let now = "2026-11-23T08:00:00Z".parse().unwrap();
    World { policy, rooms, calendar: Calendar::new(), sender, held: None, now }
}

fn schedule(start: &str, minutes: i64) -> Schedule {
    let local: DateTime = start.parse().unwrap();
    let zone = Zone::named("Europe/Berlin");
    let when = |local| When { local, zone: zone.clone() };
    let end = local.checked_add(SignedDuration::from_secs(minutes * 60)).unwrap();
    Schedule { start: when(local), end: when(end), all_day: false, recurrence: None }
}

fn invitation(digits: Option<&str>, start: &str, minutes: i64) -> Invitation {
    Invitation {
        version: InvitationVersion { key: key("u-1"), sequence: 0, fingerprint: String::new() },
        organizer: "alice@lab.example".parse().unwrap(),
        sender: None,
        subject: "Plans".to_owned(),
        schedule: Some(schedule(start, minutes)),
        number: digits.map(number),
        asked_in: AskedIn::Block,
        conference_passcode: None,
        chairperson_passcode: None,
        problems: Vec::new(),
        private: false,
        language: Language::English,
    }
}

impl World {
    fn situation(&self) -> Situation<'_> {
        Situation {
            policy: &self.policy,
            rooms: &self.rooms,
            calendar: &self.calendar,
            sender: &self.sender,
            held: self.held.as_ref(),
            now: self.now,
        }
    }

    fn reasons(&self, invitation: &Invitation) -> Vec<Reason> {
        match decide(invitation, &self.situation()).unwrap() {
            Decided::Accepted(_) => Vec::new(),
            Decided::Declined(reasons) => reasons,
        }
    }

    fn kinds(&self, invitation: &Invitation) -> Vec<ReasonKind> {
        self.reasons(invitation).iter().map(Reason::kind).collect()
    }

    fn take(&mut self, uid: &str, digits: &str, start: &str, minutes: i64) {
        let spans = spans(&schedule(start, minutes), self.now, 730).unwrap();
        self.calendar.reserve(&key(uid), &number(digits), &spans).unwrap();
    }

    /// Every proposal is accepted when it is sent, and there is at least one.
    fn proposals(&self, invitation: &Invitation) -> Vec<tieline_model::Alternative> {
        let (verdict, grant) = verdict(invitation, &self.situation(), 42).unwrap();
        assert_eq!(grant, None);
        let Verdict::Declined { alternatives, .. } = verdict else { panic!("accepted") };
        for change in &alternatives {
            assert_eq!(self.reasons(&apply(invitation, change)), [], "{change:?}");
        }
        alternatives
    }
}

/// Covers: PO-24
#[test]
fn what_nothing_speaks_against_is_accepted() {
    let world = world();
    let decided = decide(&invitation(Some("7042"), "2026-12-01T10:00", 60), &world.situation()).unwrap();
    let Decided::Accepted(grant) = decided else { panic!("{decided:?}") };
    assert_eq!(grant.number, number("7042"));
    assert_eq!(grant.spans.len(), 1);
    assert_eq!(grant.spans[0].start.to_string(), "2026-12-01T09:00:00Z");
}

/// However many meet at one time: what counts is whether the room is free, not what the bridge can carry.
///
/// Covers: PO-28
#[test]
fn nothing_is_declined_for_lack_of_ports() {
    let mut world = world();
    let free = (7000..7100).filter(|digits| ![7011, 7012, 7050, 7099].contains(digits));
    for digits in free {
        world.take(&format!("at-{digits}"), &digits.to_string(), "2026-12-01T10:00", 120);
    }
    assert_eq!(world.kinds(&invitation(Some("7099"), "2026-12-01T10:00", 120)), []);
    assert_eq!(world.kinds(&invitation(Some("7098"), "2026-12-01T10:00", 120)), [ReasonKind::NumberInUse]);
}

/// Covers: PO-16
/// Covers: X-15
#[test]
fn a_number_is_taken_for_as_long_as_the_other_meeting_lasts() {
    let mut world = world();
    world.take("other", "7042", "2026-12-01T10:00", 60);
    let kinds = |start, minutes| world.kinds(&invitation(Some("7042"), start, minutes));
    assert_eq!(kinds("2026-12-01T10:30", 60), [ReasonKind::NumberInUse]);
    assert_eq!(kinds("2026-12-01T09:00", 61), [ReasonKind::NumberInUse]);
    assert_eq!(kinds("2026-12-01T09:00", 60), []);
    assert_eq!(kinds("2026-12-01T11:00", 60), []);
    assert_eq!(kinds("2026-12-02T10:30", 60), []);
}

/// Covers: PO-16
#[test]
fn a_series_collides_where_one_of_its_occurrences_does() {
    let mut world = world();
    world.take("other", "7042", "2027-03-30T10:00", 60);
    let mut weekly = invitation(Some("7042"), "2026-12-01T10:30", 60);
    let pattern = Pattern::Weekly {
        interval: 1,
        days: Days::one(jiff::civil::Weekday::Tuesday),
        first_day: jiff::civil::Weekday::Monday,
    };
    weekly.schedule.as_mut().unwrap().recurrence = Some(Recurrence::new(pattern, Ends::Never));
    let reasons = world.reasons(&weekly);
    let [Reason::NumberInUse { by: RoomKind::Calendared, times, collisions: 1, .. }] = reasons.as_slice()
    else {
        panic!("{reasons:?}")
    };
    assert_eq!(
        times[0].start.to_string(),
        "2027-03-30T08:00:00Z",
        "the summer's hour is the other meeting's"
    );
    let cancelled = weekly.schedule.as_mut().unwrap().recurrence.as_mut().unwrap();
    cancelled.cancelled.insert("2027-03-30T10:30".parse().unwrap());
    assert_eq!(world.kinds(&weekly), []);
}

/// Covers: PO-17
#[test]
fn a_persons_own_room_is_never_anothers() {
    let mut world = world();
    let reasons = world.reasons(&invitation(Some("7011"), "2026-12-01T10:00", 60));
    assert!(
        matches!(reasons.as_slice(), [Reason::NumberInUse { by: RoomKind::Enterprise, .. }]),
        "{reasons:?}"
    );
    let own = invitation(Some("7012"), "2026-12-01T10:00", 60);
    assert_eq!(world.kinds(&own), [ReasonKind::NumberInUse], "as the source document has it");
    world.policy.rules = Rules { own_room: Rule::Accept, ..Rules::default() };
    assert_eq!(world.kinds(&own), []);
    assert_eq!(world.kinds(&invitation(Some("7011"), "2026-12-01T10:00", 60)), [ReasonKind::NumberInUse]);
}

/// Covers: PO-18
#[test]
fn a_custom_room_keeps_its_number_and_cannot_take_that_of_a_coming_meeting() {
    let mut world = world();
    let reasons = world.reasons(&invitation(Some("7050"), "2026-12-01T10:00", 60));
    assert!(matches!(reasons.as_slice(), [Reason::NumberInUse { by: RoomKind::Custom, .. }]), "{reasons:?}");
    world.take("other", "7042", "2026-12-01T10:00", 60);
    let refused = world.rooms.may_create(&number("7042"), &world.calendar, world.now).unwrap_err();
    assert!(
        refused.to_string().contains("7042 is reserved for a meeting on 2026-12-01T09:00:00Z"),
        "{refused}"
    );
    assert!(world.rooms.may_create(&number("7050"), &world.calendar, world.now).is_err());
    let after = "2026-12-01T10:00:00Z".parse().unwrap();
    assert_eq!(world.rooms.may_create(&number("7042"), &world.calendar, after), Ok(()));
}

/// Covers: PO-19
#[test]
fn a_stranger_is_declined_and_an_unasked_directory_is_waited_for() {
    let mut world = world();
    world.sender = Sender::NotInDirectory;
    let mut asked = invitation(Some("7042"), "2026-12-01T10:00", 60);
    asked.sender = Some("bob@elsewhere.example".parse().unwrap());
    let reasons = world.reasons(&asked);
    let [Reason::SenderUnknown { addresses }] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert_eq!(addresses.len(), 2);
    assert!(world.proposals(&asked).is_empty(), "nothing that the stranger changes would help");
    world.sender = Sender::Unasked(Refusal::transient("directory-down", "nobody answers", "wait"));
    assert!(decide(&asked, &world.situation()).is_err());
}

/// Covers: PO-20
#[test]
fn invalid_data_name_the_field() {
    let world = world();
    let mut asked = invitation(Some("7042"), "2026-12-01T10:00", 60);
    asked.problems = vec![Problem::End];
    asked.schedule = None;
    assert_eq!(world.reasons(&asked), [Reason::InvalidData { problem: Problem::End }]);
    let over = invitation(Some("7042"), "2026-11-20T10:00", 60);
    assert_eq!(world.reasons(&over), [Reason::InvalidData { problem: Problem::Past }]);
    let elsewhere = invitation(Some("9999"), "2026-12-01T10:00", 60);
    let unknown = Problem::UnknownNumber { number: number("9999") };
    assert_eq!(world.reasons(&elsewhere), [Reason::InvalidData { problem: unknown }]);
    let mut never = invitation(Some("7042"), "2026-12-01T10:00", 60);
    let pattern = Pattern::RelativeMonthly { interval: 1, nth: Nth::First, days: Days::WEEKEND };
    let end: jiff::civil::Date = "2026-12-02".parse().unwrap();
    never.schedule.as_mut().unwrap().recurrence = Some(Recurrence::new(pattern, Ends::On(end)));
    assert_eq!(world.reasons(&never), [Reason::InvalidData { problem: Problem::NoOccurrence }]);
    let mut nowhere = invitation(Some("7042"), "2026-12-01T10:00", 60);
    nowhere.schedule.as_mut().unwrap().start.zone = Zone::named("Middle Earth");
    assert_eq!(
        world.reasons(&nowhere),
        [Reason::InvalidData { problem: Problem::Zone { zone: "Middle Earth".into() } }]
    );
}

/// Covers: PO-21
#[test]
fn equal_to_the_longest_duration_is_accepted_and_a_minute_more_is_not() {
    let world = world();
    let kinds = |start, minutes| world.kinds(&invitation(Some("7042"), start, minutes));
    assert_eq!(kinds("2026-12-01T10:00", 120), []);
    assert_eq!(kinds("2026-12-01T10:00", 121), [ReasonKind::TooLong]);
    // On the night when clocks go back two hours on the wall are three, and the other way round.
    assert_eq!(kinds("2027-10-31T01:30", 120), [ReasonKind::TooLong]);
    assert_eq!(kinds("2027-03-28T01:30", 180), []);
    // A whole day is a day long.
    let whole = invitation(Some("7042"), "2026-12-01T00:00", 24 * 60);
    assert_eq!(world.reasons(&whole), [Reason::TooLong { minutes: 1440, limit_minutes: 120 }]);
    // A series is as long as its longest occurrence.
    let mut daily = invitation(Some("7042"), "2027-10-25T01:30", 120);
    daily.schedule.as_mut().unwrap().recurrence =
        Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::After(10)));
    assert_eq!(world.kinds(&daily), [ReasonKind::TooLong]);
    daily
        .schedule
        .as_mut()
        .unwrap()
        .recurrence
        .as_mut()
        .unwrap()
        .cancelled
        .insert("2027-10-31T01:30".parse().unwrap());
    assert_eq!(world.kinds(&daily), []);
}

/// Covers: PO-22
/// Covers: PO-23
#[test]
fn each_code_has_its_own_reason_and_both_wrong_gives_both() {
    let world = world();
    let faults = |conference: &str, chairperson: &str| {
        let mut asked = invitation(Some("7042"), "2026-12-01T10:00", 60);
        let code = |text: &str| (!text.is_empty()).then(|| Passcode::new(text));
        asked.conference_passcode = code(conference);
        asked.chairperson_passcode = code(chairperson);
        let reasons = world.reasons(&asked);
        let fault = |reason: &Reason| match reason {
            Reason::ConferencePasscode { fault } => format!("c {fault}"),
            Reason::ChairpersonPasscode { fault } => format!("h {fault}"),
            other => panic!("{other:?}"),
        };
        reasons.iter().map(fault).collect::<Vec<_>>()
    };
    assert!(faults("1234", "5678").is_empty() && faults("", "").is_empty() && faults("", "5678").is_empty());
    assert_eq!(faults("123", ""), ["c too-short"]);
    assert_eq!(faults("12345678901234567", ""), ["c too-long"]);
    assert_eq!(faults("12a4", ""), ["c not-digits"]);
    assert_eq!(faults("1234", "1234"), ["h same-as-other"]);
    assert_eq!(faults("12", "x"), ["c too-short", "h not-digits"]);
}

/// Covers: PO-27
#[test]
fn an_update_keeps_the_room_and_the_codes_that_the_meeting_has() {
    let mut world = world();
    world.take("u-1", "7042", "2026-12-01T10:00", 60);
    let codes = Passcodes { conference: Some(Passcode::new("1234")), chairperson: None };
    world.held = Some(Held { number: number("7042"), passcodes: codes.clone() });
    let moved = invitation(None, "2026-12-01T10:30", 60);
    let Decided::Accepted(grant) = decide(&moved, &world.situation()).unwrap() else { panic!() };
    assert_eq!((grant.number, grant.passcodes), (number("7042"), codes));
    world.take("other", "7042", "2026-12-01T12:00", 60);
    let onto_another = invitation(None, "2026-12-01T12:30", 60);
    let Decided::Accepted(grant) = decide(&onto_another, &world.situation()).unwrap() else { panic!() };
    assert_ne!(grant.number, number("7042"), "another free room, since none was asked for");
}

#[test]
fn a_plain_invitation_gets_a_free_room_or_the_reason_that_there_is_none() {
    let mut world = world();
    let plain = invitation(None, "2026-12-01T10:00", 60);
    let Decided::Accepted(grant) = decide(&plain, &world.situation()).unwrap() else { panic!() };
    assert!(world.rooms.with(&grant.number).is_empty());
    let ranges = world.policy.numbers.clone();
    for taken in ranges.iter().flat_map(|range| range.numbers_from(0)) {
        world.take(&format!("m{taken}"), taken.as_str(), "2026-12-01T10:00", 60);
    }
    assert_eq!(world.reasons(&plain), [Reason::NoRoomFree]);
}

/// Covers: PO-24
#[test]
fn every_combination_of_the_five_conditions_names_exactly_those() {
    for combination in 0..32_u8 {
        let has = |bit: u8| combination & (1 << bit) != 0;
        let mut world = world();
        let mut asked = invitation(Some("7042"), "2026-12-01T10:00", if has(3) { 180 } else { 60 });
        let mut expected = Vec::new();
        if has(0) {
            world.take("other", "7042", "2026-12-01T10:00", 60);
            expected.push(ReasonKind::NumberInUse);
        }
        if has(1) {
            world.sender = Sender::NotInDirectory;
            expected.push(ReasonKind::SenderUnknown);
        }
        if has(2) {
            asked.problems.push(Problem::Number { text: "70x42".to_owned() });
            expected.push(ReasonKind::InvalidData);
        }
        if has(3) {
            expected.push(ReasonKind::TooLong);
        }
        if has(4) {
            asked.conference_passcode = Some(Passcode::new("12"));
            asked.chairperson_passcode = Some(Passcode::new("no"));
            expected.extend([ReasonKind::ConferencePasscode, ReasonKind::ChairpersonPasscode]);
        }
        assert_eq!(world.kinds(&asked), expected, "{combination:05b}");
        if combination != 0 {
            let proposals = world.proposals(&asked);
            assert_eq!(proposals.is_empty(), has(1), "{combination:05b}: {proposals:?}");
        }
    }
}

#[test]
fn proposals_are_another_room_or_another_time_or_a_shorter_meeting() {
    let mut world = world();
    world.take("other", "7042", "2026-12-01T10:00", 60);
    world.take("third", "7042", "2026-12-01T11:00", 30);
    let proposals = world.proposals(&invitation(Some("7042"), "2026-12-01T10:30", 60));
    assert_eq!(proposals.len(), 3);
    assert!(proposals[0].number.is_some());
    let moved = proposals[1].start.as_ref().unwrap();
    assert_eq!(moved.local.to_string(), "2026-12-01T11:30:00");
    let long = world.proposals(&invitation(Some("7060"), "2026-12-01T10:00", 300));
    assert_eq!(long[0].minutes, Some(120));
    assert!(long[1].number.as_ref().is_some_and(|number| number.as_str().starts_with("79")), "{long:?}");
    assert_eq!(long[1].minutes, None, "in that room it need not be shorter");
}

proptest! {
    /// Whatever is declined for what can be helped: each proposal is accepted when it is sent.
    #[test]
    fn every_proposal_is_accepted_when_it_is_sent(
        meetings in prop::collection::vec((0..5_u8, 0..12_i64, 15..180_i64), 0..30),
        room in 0..5_u8, hour in 0..12_i64, minutes in 1..400_i64,
        codes in ("[0-9a]{0,8}", "[0-9a]{0,8}"), times in 0..6_u32, random: u64,
    ) {
        let mut world = world();
        world.policy.numbers = vec!["7000-7004".parse().unwrap()];
        for (nth, (room, hour, minutes)) in meetings.into_iter().enumerate() {
            let spans = spans(&schedule(&format!("2026-12-01T{:02}:00", 6 + hour), minutes), world.now, 730).unwrap();
            let _ = world.calendar.reserve(&key(&format!("m{nth}")), &number(&format!("700{room}")), &spans);
        }
        let mut asked = invitation(Some(&format!("700{room}")), &format!("2026-12-01T{:02}:00", 6 + hour), minutes);
        asked.conference_passcode = Some(Passcode::new(&codes.0)).filter(|code| !code.reveal().is_empty());
        asked.chairperson_passcode = Some(Passcode::new(&codes.1)).filter(|code| !code.reveal().is_empty());
        if times > 0 {
            asked.schedule.as_mut().unwrap().recurrence =
                Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::After(times)));
        }
        let (verdict, grant) = verdict(&asked, &world.situation(), random).unwrap();
        match verdict {
            Verdict::Accepted { .. } => prop_assert!(grant.is_some()),
            Verdict::Declined { reasons, alternatives } => {
                prop_assert!(!reasons.is_empty() && alternatives.len() <= 3);
                for change in alternatives {
                    prop_assert_eq!(world.reasons(&apply(&asked, &change)), [], "{:?}", change);
                }
            }
        }
    }
}
