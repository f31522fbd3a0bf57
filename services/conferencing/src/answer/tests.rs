use tieline_model::{AskedIn, InvitationVersion, MeetingKey, Passcode, RoomNumber, When, Zone};

use super::*;
use crate::Policy;
use crate::read::{Mail, read};

fn bridge() -> Bridge {
    Bridge {
        sip_domain: Some("vmr.example".to_owned()),
        h323_gateway: Some("gw.example".to_owned()),
        telephones: vec!["+49 (30) 1234-0".to_owned()],
        web: Some("https://vmr.example/{number}".to_owned()),
    }
}

fn number(text: &str) -> RoomNumber {
    text.parse().unwrap()
}

fn invitation(language: Language) -> Invitation {
    let zone = Zone::named("Europe/Berlin");
    let when = |local: &str| When { local: local.parse().unwrap(), zone: zone.clone() };
    Invitation {
        version: InvitationVersion {
            key: MeetingKey { uid: "u".to_owned(), occurrence: None },
            sequence: 0,
            fingerprint: String::new(),
        },
        organizer: "alice@lab.example".parse().unwrap(),
        sender: None,
        subject: "Plans".to_owned(),
        schedule: Some(Schedule {
            start: when("2026-12-01T10:00"),
            end: when("2026-12-01T11:00"),
            all_day: false,
            recurrence: None,
        }),
        number: Some(number("7042")),
        asked_in: AskedIn::Location,
        conference_passcode: None,
        chairperson_passcode: None,
        problems: Vec::new(),
        private: false,
        language,
    }
}

fn accepted() -> Verdict {
    let passcodes =
        Passcodes { conference: Some(Passcode::new("1234")), chairperson: Some(Passcode::new("567890")) };
    Verdict::Accepted { number: number("7042"), passcodes }
}

/// Covers: PO-09
/// Covers: PO-10 (answer)
#[test]
fn a_yes_says_how_to_join_in_every_way() {
    let said = reply(&accepted(), &invitation(Language::English), &bridge(), None, Some("mailto:?body=x"));
    for part in [
        "Room: 7042",
        "SIP: sip:7042@vmr.example",
        "H.323: gw.example##7042",
        "Telephone: +49 (30) 1234-0, 7042#",
        "Browser: https://vmr.example/7042",
        "Passcode: 1234",
        "Chairperson passcode (for you only): 567890",
        "attendees do not have this yet",
        "[tieline-conference number=7042 passcode=1234]",
    ] {
        assert!(said.text.contains(part), "{part} in {}", said.text);
    }
    assert!(said.html.contains("<a href=\"sip:7042@vmr.example\">"), "{}", said.html);
    assert!(said.html.contains("<a href=\"tel:+493012340,,7042#\">"), "{}", said.html);
}

/// Covers: PO-10 (answer)
#[test]
fn attendees_get_the_join_data_in_known_places_and_not_the_chairpersons_code() {
    let Verdict::Accepted { number, passcodes } = accepted() else { panic!() };
    let join = bridge().join(&number, &passcodes, Some("https://tieline.example/join/abc"));
    let told = for_attendees(&join, Language::French);
    assert!(told.text.contains("Code d'accès: 1234") && !told.text.contains("567890"), "{}", told.text);
    assert_eq!(join.location(), "sip:7042@vmr.example");
    assert_eq!(
        join.calendar_properties(),
        [
            ("OnlineMeetingExternalLink", "https://tieline.example/join/abc".to_owned()),
            ("OnlineMeetingConfLink", "conf:sip:7042@vmr.example".to_owned()),
        ]
    );
    assert!(
        join.icalendar().contains(&"CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+493012340,,7042#".to_owned())
    );
}

/// What Tieline writes into a meeting, it reads again from the meeting's update.
#[test]
fn our_own_join_data_are_understood_again() {
    let policy = Policy::parse("numbers = [\"7000-7999\"]\n[reading]\ndomains = [\"vmr.example\"]").unwrap();
    for language in Language::ALL {
        let Verdict::Accepted { number, passcodes } = accepted() else { panic!() };
        let join = bridge().join(&number, &passcodes, None);
        let told = for_attendees(&join, *language);
        for body in [told.text, told.html] {
            let mail = tieline_model::ConferenceMail {
                kind: tieline_model::MailKind::Request { outdated: false, copy: false },
                uid: Some("u".to_owned()),
                sequence: 1,
                occurrence: None,
                organizer: "alice@lab.example".parse().ok(),
                sender: None,
                automatic: false,
                subject: String::new(),
                location: join.location(),
                body,
                start: None,
                end: None,
                all_day: false,
                recurrence: None,
                private: false,
                attendees: Vec::new(),
                language: None,
                received: "2026-11-23T08:00:00Z".parse().unwrap(),
            };
            let Mail::Invitation(again) = read(&mail, &"conference@lab.example".parse().unwrap(), &policy)
            else {
                panic!()
            };
            assert_eq!(
                (again.number.as_ref(), again.asked_in),
                (Some(&number), AskedIn::Block),
                "{language}"
            );
            assert_eq!(again.conference_passcode, passcodes.conference, "{language}");
        }
    }
}

/// Covers: PO-24
#[test]
fn a_no_names_every_reason_and_what_would_be_accepted_in_the_organizers_language() {
    let at = |text: &str| text.parse().unwrap();
    let span = Span { start: at("2026-12-01T09:00:00Z"), end: at("2026-12-01T10:00:00Z") };
    let reasons = vec![
        Reason::NumberInUse {
            number: number("7042"),
            by: RoomKind::Calendared,
            times: vec![span],
            collisions: 4,
        },
        Reason::TooLong { minutes: 180, limit_minutes: 120 },
        Reason::ConferencePasscode { fault: PasscodeFault::TooShort },
    ];
    let alternatives = vec![Alternative {
        number: Some(number("7043")),
        start: None,
        minutes: Some(120),
        passcodes: Some(Passcodes { conference: Some(Passcode::new("482913")), chairperson: None }),
    }];
    let verdict = Verdict::Declined { reasons, alternatives };
    let told =
        |language| reply(&verdict, &invitation(language), &bridge(), None, Some("mailto:?body=x")).text;
    let english = told(Language::English);
    for part in [
        "for these reasons",
        "- Room 7042 is taken by another meeting: 2026-12-01 10:00-11:00 (Europe/Berlin), and 3 more.",
        "- The meeting lasts 180 minutes; at most 120 are allowed.",
        "- The passcode has too few digits.",
        "- room 7043, 120 minutes long, passcode 482913",
    ] {
        assert!(english.contains(part), "{part} in {english}");
    }
    assert!(told(Language::German).contains("- Der Kenncode hat zu wenige Ziffern."));
    assert!(told(Language::French).contains("- Le code d'accès a trop peu de chiffres."));
    assert!(told(Language::Spanish).contains("- El código de acceso tiene muy pocas cifras."));
}

#[test]
fn what_came_from_outside_stays_text() {
    let problem = Problem::Number { text: "<b>7\r\nBcc: x@y".to_owned() };
    let verdict =
        Verdict::Declined { reasons: vec![Reason::InvalidData { problem }], alternatives: Vec::new() };
    let said = reply(&verdict, &invitation(Language::English), &bridge(), None, Some("mailto:?body=x"));
    assert!(said.html.contains("&lt;b&gt;7") && !said.html.contains("<b>"), "{}", said.html);
    assert!(!said.text.contains("\nBcc"), "{}", said.text);
}

/// Every reason that there is has a sentence of its own in every language.
#[test]
fn every_reason_has_a_sentence() {
    let number = number("7042");
    let invalid = |problem| Reason::InvalidData { problem };
    let in_use = |by| Reason::NumberInUse { number: number.clone(), by, times: Vec::new(), collisions: 0 };
    let mut reasons: Vec<Reason> = RoomKind::ALL.iter().map(|kind| in_use(*kind)).collect();
    reasons.extend([
        Reason::NoRoomFree,
        Reason::SenderUnknown { addresses: vec!["x@y.example".parse().unwrap()] },
        Reason::TooLong { minutes: 2, limit_minutes: 1 },
        invalid(Problem::Uid),
        invalid(Problem::Start),
        invalid(Problem::End),
        invalid(Problem::EndBeforeStart),
        invalid(Problem::Zone { zone: "Z".to_owned() }),
        invalid(Problem::Zone { zone: String::new() }),
        invalid(Problem::NoOccurrence),
        invalid(Problem::Past),
        invalid(Problem::Number { text: "x".to_owned() }),
        invalid(Problem::SeveralNumbers { numbers: vec![number.clone()] }),
        invalid(Problem::UnknownNumber { number }),
    ]);
    for fault in PasscodeFault::ALL {
        reasons.extend([
            Reason::ConferencePasscode { fault: *fault },
            Reason::ChairpersonPasscode { fault: *fault },
        ]);
    }
    for language in Language::ALL {
        let say = Phrases::of(*language);
        let said: std::collections::BTreeSet<String> =
            reasons.iter().map(|one| reason(one, None, say)).collect();
        assert_eq!(said.len(), reasons.len(), "{language}: each its own");
        assert!(said.iter().all(|text| text.contains(' ') && text.ends_with('.')), "{said:?}");
    }
}
