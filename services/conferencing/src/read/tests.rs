use jiff::civil::DateTime;
use tieline_model::{
    AskedIn, Days, Ends, Passcodes, Pattern, Reason, ReasonKind, Recurrence, RoomNumber, Verdict, When, Zone,
};

use super::*;
use crate::{Calendar, RoomBook, Sender, Situation, verdict};

fn policy() -> Policy {
    Policy::parse(
        "default-conference-duration-minutes = 120\nnumbers = [\"7000-7999\"]\n[reading]\ndomains = [\"vmr.example\"]",
    )
    .unwrap()
}

fn conference() -> SmtpAddress {
    "conference@lab.example".parse().unwrap()
}

fn mail() -> ConferenceMail {
    let zone = Zone::named("W. Europe Standard Time");
    let when = |local: &str| Some(When { local: local.parse().unwrap(), zone: zone.clone() });
    ConferenceMail {
        kind: MailKind::Request { outdated: false, copy: false },
        uid: Some("040000008200E00074C5B7101A82E008".to_owned()),
        sequence: 0,
        occurrence: None,
        organizer: Some("alice@lab.example".parse().unwrap()),
        sender: Some("alice@lab.example".parse().unwrap()),
        automatic: false,
        subject: "Plans".to_owned(),
        location: "VMR 7042".to_owned(),
        body: "See you there.".to_owned(),
        start: when("2026-12-01T10:00"),
        end: when("2026-12-01T11:00"),
        all_day: false,
        recurrence: None,
        private: false,
        attendees: vec!["bob@lab.example".parse().unwrap(), conference()],
        language: Some("de-DE".to_owned()),
        received: "2026-11-23T08:00:00Z".parse().unwrap(),
    }
}

fn invitation(mail: &ConferenceMail) -> Invitation {
    match read(mail, &conference(), &policy()) {
        Mail::Invitation(invitation) => *invitation,
        other => panic!("{other:?}"),
    }
}

/// Covers: PO-08 (reading)
#[test]
fn an_invitation_is_read_with_its_language_and_version() {
    let read = invitation(&mail());
    assert_eq!(read.number.as_ref().unwrap().as_str(), "7042");
    assert_eq!((read.language, read.asked_in, read.problems.len()), (Language::German, AskedIn::Location, 0));
    assert_eq!(read.sender, None, "nobody but the organizer");
    let same = invitation(&ConferenceMail { subject: "Other plans".to_owned(), ..mail() });
    assert_eq!(same.version, read.version, "what is asked is the same");
    let moved = invitation(&ConferenceMail { location: "VMR 7043".to_owned(), ..mail() });
    assert_ne!(moved.version, read.version, "although the sequence is the same");
}

/// Covers: PO-03
#[test]
fn other_mail_is_left_alone() {
    let other = |class: &str| MailKind::Other { class: class.to_owned() };
    for class in [
        "REPORT.IPM.Note.NDR",
        "IPM.Note.Rules.OofTemplate.Microsoft",
        "IPM.Note",
        "IPM.Schedule.Meeting.Notification.Forward",
    ] {
        let read = read(&ConferenceMail { kind: other(class), ..mail() }, &conference(), &policy());
        assert_eq!(read, Mail::Ignored(Ignored::NotAMeeting(class.to_owned())));
    }
    let request = |outdated, copy| MailKind::Request { outdated, copy };
    for (mail, why) in [
        (ConferenceMail { kind: MailKind::Response { counter_proposal: false }, ..mail() }, Ignored::Answer),
        (
            ConferenceMail { kind: MailKind::Response { counter_proposal: true }, ..mail() },
            Ignored::CounterProposal,
        ),
        (ConferenceMail { kind: request(true, false), ..mail() }, Ignored::Outdated),
        (ConferenceMail { kind: request(false, true), ..mail() }, Ignored::Copy),
        (ConferenceMail { organizer: Some(conference()), ..mail() }, Ignored::Own),
        (ConferenceMail { automatic: true, ..mail() }, Ignored::Automatic),
        (ConferenceMail { organizer: None, sender: None, ..mail() }, Ignored::Nobody),
    ] {
        assert_eq!(read(&mail, &conference(), &policy()), Mail::Ignored(why));
    }
}

#[test]
fn a_cancellation_names_its_meeting_or_occurrence() {
    let occurrence = "2026-12-08T09:00:00Z".parse().ok();
    let called_off = ConferenceMail { kind: MailKind::Cancellation, occurrence, sequence: 3, ..mail() };
    let Mail::Cancelled { key, sequence: 3 } = read(&called_off, &conference(), &policy()) else { panic!() };
    assert_eq!(key.occurrence, occurrence);
    let unnamed = ConferenceMail { uid: Some(" ".to_owned()), ..called_off };
    assert_eq!(read(&unnamed, &conference(), &policy()), Mail::Ignored(Ignored::NoUid));
}

/// What must come of a mutated invitation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Room(&'static str),
    AnyRoom,
    Reasons(&'static [ReasonKind]),
    Left,
}

type Mutation = (&'static str, fn(&mut ConferenceMail), fn(Outcome) -> Outcome);

/// Where the room stands: block, location, text, nowhere.
const FORMS: [(&str, &str, Outcome); 5] = [
    ("", "Hello\n[tieline-conference number=7042 passcode=1234]\n", Outcome::Room("7042")),
    ("@vmr 7042", "Hello", Outcome::Room("7042")),
    ("Berlin", "Hello\nsip:7042@vmr.example\n", Outcome::Room("7042")),
    ("Berlin; @vmr", "Hello", Outcome::AnyRoom),
    ("Berlin", "Hello", Outcome::AnyRoom),
];

fn minutes_later(when: &Option<When>, minutes: i64) -> Option<When> {
    let when = when.clone()?;
    let local: DateTime = when.local.checked_add(jiff::SignedDuration::from_secs(minutes * 60)).ok()?;
    Some(When { local, ..when })
}

fn weekly(ends: Ends) -> Option<Recurrence> {
    let day = jiff::civil::Weekday::Tuesday;
    let first_day = jiff::civil::Weekday::Monday;
    Some(Recurrence::new(Pattern::Weekly { interval: 1, days: Days::one(day), first_day }, ends))
}

const INVALID: Outcome = Outcome::Reasons(&[ReasonKind::InvalidData]);

/// What may happen to an invitation on its way.
const MUTATIONS: &[Mutation] = &[
    ("nothing", |_| {}, |was| was),
    (
        "as HTML",
        |m| m.body = format!("<html><body><p>{}</p></body></html>", m.body.replace('\n', "<br>")),
        |was| was,
    ),
    ("quoted", |m| m.body = m.body.lines().map(|line| format!("> {line}\n")).collect(), |was| was),
    ("folded", |m| m.body = m.body.replace(" passcode", "\r\n passcode"), |was| was),
    (
        "shouted",
        |m| {
            m.body = m.body.to_uppercase();
            m.location = m.location.to_uppercase();
        },
        |was| was,
    ),
    (
        "hard spaces",
        |m| {
            m.body = m.body.replace(' ', "\u{a0}");
            m.location = m.location.replace(' ', "\u{a0}");
        },
        |was| was,
    ),
    (
        "body stripped",
        |m| {
            if m.location.is_empty() {
                m.location = "VMR 7042".to_owned();
                m.body.clear()
            }
        },
        |was| was,
    ),
    ("bracket lost", |m| m.body = m.body.replace(']', ""), |was| was),
    (
        "long text around",
        |m| m.body = format!("{}\n{}\n{}", "a ".repeat(20_000), m.body, "b ".repeat(20_000)),
        |was| was,
    ),
    ("a signature", |m| m.body.push_str("\n-- \nAlice, room 4711, tel. +49 30 1234"), |was| was),
    ("no subject", |m| m.subject.clear(), |was| was),
    ("controls in the subject", |m| m.subject = "\u{0}\u{1b}[2J\r\nBcc: x@y".to_owned(), |was| was),
    ("unknown language", |m| m.language = Some("tlh".to_owned()), |was| was),
    ("from a delegate", |m| m.sender = Some("bob@lab.example".parse().unwrap()), |was| was),
    ("forwarded, organizer lost", |m| m.organizer = None, |was| was),
    ("without attendees", |m| m.attendees.clear(), |was| was),
    ("a series", |m| m.recurrence = weekly(Ends::After(10)), |was| was),
    ("a series without end", |m| m.recurrence = weekly(Ends::Never), |was| was),
    ("a series of none", |m| m.recurrence = weekly(Ends::After(0)), |_| INVALID),
    ("an occurrence", |m| m.occurrence = "2026-12-01T09:00:00Z".parse().ok(), |was| was),
    ("a huge sequence", |m| m.sequence = u32::MAX, |was| was),
    ("no UID", |m| m.uid = None, |_| INVALID),
    ("an endless UID", |m| m.uid = Some("u".repeat(100_000)), |_| INVALID),
    ("no start", |m| m.start = None, |_| INVALID),
    ("no end", |m| m.end = None, |_| INVALID),
    (
        "neither",
        |m| {
            m.start = None;
            m.end = None;
        },
        |_| INVALID,
    ),
    ("ends before it begins", |m| m.end = minutes_later(&m.start, -30), |_| INVALID),
    ("takes no time", |m| m.end.clone_from(&m.start), |_| INVALID),
    (
        "an unknown zone",
        |m| {
            if let Some(start) = &mut m.start {
                start.zone = Zone::named("Customized Time Zone")
            }
        },
        |_| INVALID,
    ),
    (
        "over",
        |m| {
            for when in [&mut m.start, &mut m.end].into_iter().flatten() {
                when.local = when
                    .local
                    .date()
                    .yesterday()
                    .unwrap()
                    .yesterday()
                    .unwrap()
                    .first_of_month()
                    .to_datetime(when.local.time());
            }
        },
        |_| INVALID,
    ),
    ("too long", |m| m.end = minutes_later(&m.start, 121), |_| Outcome::Reasons(&[ReasonKind::TooLong])),
    ("just long enough", |m| m.end = minutes_later(&m.start, 120), |was| was),
    (
        "a whole day",
        |m| {
            m.all_day = true;
            m.end = minutes_later(&m.start, 1440)
        },
        |_| Outcome::Reasons(&[ReasonKind::TooLong]),
    ),
    ("a space in the number", |m| m.location = m.location.replace("7042", "70 42"), |was| was),
    (
        "a letter in the number",
        |m| {
            m.location = m.location.replace("7042", "7O42");
            m.body = m.body.replace("number=7042", "number=7O42")
        },
        |was| was,
    ),
    ("a short code", |m| m.body.push_str("\n[tieline-conference passcode=12]"), |was| was),
    ("two numbers", |m| m.location.push_str("; VMR 7043; VMR 7044"), |_| INVALID),
    (
        "an unknown number",
        |m| {
            m.location = "VMR 1234".to_owned();
            m.body.clear();
        },
        |_| INVALID,
    ),
    ("an answer", |m| m.kind = MailKind::Response { counter_proposal: false }, |_| Outcome::Left),
    (
        "a bounce",
        |m| m.kind = MailKind::Other { class: "REPORT.IPM.Schedule.Meeting.Request.NDR".to_owned() },
        |_| Outcome::Left,
    ),
    (
        "the mailbox's own",
        |m| {
            m.organizer = Some(conference());
            m.sender = Some(conference())
        },
        |_| Outcome::Left,
    ),
];

/// What an invitation comes to, with an empty calendar and a known sender.
fn outcome(mail: &ConferenceMail) -> Came {
    let policy = policy();
    let invitation = match read(mail, &conference(), &policy) {
        Mail::Invitation(invitation) => invitation,
        _ => return Err(None),
    };
    let sender = Sender::Known { addresses: Vec::new(), department: None };
    let (rooms, calendar) = (RoomBook::new(), Calendar::new());
    let now = mail.received;
    let situation =
        Situation { policy: &policy, rooms: &rooms, calendar: &calendar, sender: &sender, held: None, now };
    match verdict(&invitation, &situation, 7).unwrap().0 {
        Verdict::Accepted { number, passcodes } => Ok((Some(number), passcodes)),
        Verdict::Declined { reasons, .. } => Err(Some(reasons)),
    }
}

/// Every pair of a form and a mutation, and pairs of harmless mutations on top of each: more than 300.
///
/// Covers: PO-20
/// Covers: PO-03
#[test]
fn mutated_invitations_end_in_the_right_answer_or_the_right_reason() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (location, body, plain) in FORMS {
        for (name, mutate, expect) in MUTATIONS {
            for (also, on_top, _) in MUTATIONS.iter().take(8).step_by(3) {
                let mut mutated =
                    ConferenceMail { location: location.to_owned(), body: body.to_owned(), ..mail() };
                on_top(&mut mutated);
                mutate(&mut mutated);
                tried += 1;
                if !is_right(outcome(&mutated), expect(plain), name) {
                    wrong.push(format!("{location:?}, {name}, {also}: {:?}", outcome(&mutated)));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(tried >= 300, "{tried}");
}

type Came = Result<(Option<RoomNumber>, Passcodes), Option<Vec<Reason>>>;

fn is_right(came: Came, expected: Outcome, name: &str) -> bool {
    let kinds = came.as_ref().err().map(|reasons| {
        let mut kinds: Vec<ReasonKind> = reasons.iter().flatten().map(Reason::kind).collect();
        kinds.dedup();
        kinds
    });
    match (came, expected) {
        (Err(None), Outcome::Left) => true,
        // Where the room's number or a code was broken, the reason says that; where there was none to break, nothing.
        (Err(Some(_)), Outcome::Room(_))
            if ["a space in the number", "a letter in the number"].contains(&name) =>
        {
            kinds.as_deref() == Some(&[ReasonKind::InvalidData])
        }
        (came, Outcome::Room(_) | Outcome::AnyRoom) if name == "a short code" => {
            came.is_err() && kinds.as_deref() == Some(&[ReasonKind::ConferencePasscode])
        }
        (Ok((Some(number), _)), Outcome::Room(wanted)) => number.as_str() == wanted,
        (Ok((Some(_), _)), Outcome::AnyRoom) => true,
        (Err(Some(_)), Outcome::Reasons(wanted)) => kinds.as_deref() == Some(wanted),
        _ => false,
    }
}
