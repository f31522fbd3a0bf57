use jiff::Timestamp;

use super::*;

const NOW: i64 = 1_795_430_400_000;

/// A weekly meeting as Outlook sends it, with an exception and a deleted occurrence.
const WEEKLY: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\n\
BEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n\
TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n\
BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n\
BEGIN:VEVENT\r\nORGANIZER;CN=Bob Brown:mailto:bob@lab.example\r\n\
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Alice:mailto:alice@lab.example\r\n\
ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Carol:mailto:carol@lab.example\r\n\
ATTENDEE;CUTYPE=ROOM;ROLE=NON-PARTICIPANT:mailto:room@lab.example\r\n\
DESCRIPTION;LANGUAGE=en-US:Line one\\nline two\\, and more\r\nUID:040000008200E00074C5B7101A82E008\r\n\
SUMMARY;LANGUAGE=en-US:Weekly\\; really\r\nRRULE:FREQ=WEEKLY;COUNT=5;INTERVAL=2;BYDAY=MO,WE;WKST=MO\r\n\
EXDATE;TZID=W. Europe Standard Time:20260316T090000\r\n\
DTSTART;TZID=W. Europe Standard Time:20260302T090000\r\nDTEND;TZID=W. Europe Standard Time:20260302T093000\r\n\
CLASS:PRIVATE\r\nPRIORITY:1\r\nDTSTAMP:20260101T000000Z\r\nTRANSP:OPAQUE\r\nSTATUS:CONFIRMED\r\nSEQUENCE:3\r\n\
LOCATION:Room 1\r\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\n\
BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;RELATED=START:-PT20M\r\nEND:VALARM\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:040000008200E00074C5B7101A82E008\r\nSUMMARY:Moved\r\n\
RECURRENCE-ID;TZID=W. Europe Standard Time:20260304T090000\r\n\
DTSTART;TZID=W. Europe Standard Time:20260304T140000\r\nDTEND;TZID=W. Europe Standard Time:20260304T143000\r\n\
END:VEVENT\r\nEND:VCALENDAR\r\n";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn wrapped(event: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn text(document: &Document, name: &str) -> String {
    document.text(name).unwrap_or_default()
}

#[test]
fn a_series_is_read_with_all_it_says() {
    let read = read(WEEKLY).expect("a calendar");
    let document = &read.event.document;
    assert_eq!(read.method.as_deref(), Some("REQUEST"));
    for (name, value) in [
        ("Subject", "Weekly; really"),
        ("Body", "Line one\nline two, and more"),
        ("Start", "2026-03-02T08:00:00Z"),
        ("End", "2026-03-02T08:30:00Z"),
        ("Location", "Room 1"),
        ("Sensitivity", "Private"),
        ("Importance", "High"),
        ("LegacyFreeBusyStatus", "Tentative"),
        ("AppointmentSequenceNumber", "3"),
        ("ReminderMinutesBeforeStart", "20"),
        ("ReminderIsSet", "true"),
        ("IsAllDayEvent", "false"),
    ] {
        assert_eq!(text(document, name), value, "{name}");
    }
    assert_eq!(document.attribute("StartTimeZone", "Id").as_deref(), Some("W. Europe Standard Time"));
    let address = |list: &str| document.texts_below(list, &["EmailAddress"]);
    assert_eq!(address("Organizer"), ["bob@lab.example"]);
    assert_eq!(address("RequiredAttendees"), ["alice@lab.example"]);
    assert_eq!(address("OptionalAttendees"), ["carol@lab.example"]);
    assert_eq!(address("Resources"), ["room@lab.example"]);
    assert_eq!(document.texts_below("OptionalAttendees", &["ResponseType"]), ["Accept"]);
    assert_eq!(document.texts_below("Recurrence", &["DaysOfWeek"]), ["Monday Wednesday"]);
    assert_eq!(document.texts_below("Recurrence", &["Interval", "NumberOfOccurrences"]), ["2", "5"]);
    assert_eq!(read.deleted, [at("2026-03-16T08:00:00Z")]);
    let [(original, exception)] = read.exceptions.as_slice() else { panic!("{:?}", read.exceptions) };
    assert_eq!(*original, at("2026-03-04T08:00:00Z"));
    assert_eq!(text(&exception.document, "Subject"), "Moved");
    assert_eq!(text(&exception.document, "Start"), "2026-03-04T13:00:00Z");
}

#[test]
fn what_is_written_reads_back_the_same() {
    let first = read(WEEKLY).expect("a calendar");
    let written = write(&first, NOW);
    assert!(
        written.contains("DTSTART;TZID=\"W. Europe Standard Time\":20260302T090000")
            || written.contains("DTSTART;TZID=W. Europe Standard Time:20260302T090000"),
        "{written}"
    );
    assert!(written.contains("BEGIN:VTIMEZONE"), "{written}");
    assert!(written.contains("TZOFFSETFROM:+0200"), "{written}");
    assert!(written.lines().all(|line| line.len() <= 75), "{written}");
    let mut second = read(&written).expect("a calendar");
    // An exception without a stamp gets one.
    for (_, exception) in &mut second.exceptions {
        exception.document.parts.remove("DateTimeStamp");
        exception.document.parts.remove("AppointmentSequenceNumber");
    }
    assert_eq!(second, first);
}

#[test]
fn zones_are_known_by_id_and_otherwise_by_their_rules() {
    let start = |tzid: &str, zones: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\r\n{zones}BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID={tzid}:20260701T120000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let read = read(&text).expect("a calendar");
        let id = read.event.document.attribute("StartTimeZone", "Id");
        (self::text(&read.event.document, "Start"), id.unwrap_or_default())
    };
    let known = |utc: &str, id: &str| (utc.to_owned(), id.to_owned());
    assert_eq!(start("Europe/Berlin", ""), known("2026-07-01T10:00:00Z", "W. Europe Standard Time"));
    assert_eq!(
        start("/softwarestudio.org/Olson_20011030_5/America/New_York", ""),
        known("2026-07-01T16:00:00Z", "Eastern Standard Time")
    );
    let zone = |to: &str, summer: &str| {
        format!(
            "BEGIN:VTIMEZONE\r\nTZID:Custom\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:{summer}\r\n\
             TZOFFSETTO:{to}\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
             DTSTART:16010101T020000\r\nTZOFFSETFROM:{to}\r\nTZOFFSETTO:{summer}\r\n\
             RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
        )
    };
    assert_eq!(start("Custom", &zone("+0330", "+0430")), known("2026-07-01T07:30:00Z", "Custom"));
    // A zone of the same rules gets its name: Amsterdam to Prague all keep these.
    let (utc, id) = start("Custom", &zone("+0100", "+0200"));
    assert_eq!(utc, "2026-07-01T10:00:00Z");
    assert!(crate::calendar::zone::by_id(&id).is_some(), "{id}");
    // Nobody knows this zone: the time floats, and is not taken for UTC.
    assert_eq!(start("Nowhere/Land", ""), known("2026-07-01T12:00:00", ""));
}

#[test]
fn a_zone_with_rules_of_its_own_survives() {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0330\r\n\
        TZOFFSETTO:+0330\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
    let text =
        wrapped("DTSTART;TZID=Own:20260701T120000").replace("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"));
    let first = read(&text).expect("a calendar");
    assert_eq!(self::text(&first.event.document, "Start"), "2026-07-01T08:30:00Z");
    let written = write(&first, NOW);
    assert!(written.contains("TZOFFSETTO:+0330"), "{written}");
    assert_eq!(self::text(&read(&written).expect("again").event.document, "Start"), "2026-07-01T08:30:00Z");
}

#[test]
fn whole_days_are_dates() {
    let first = read(&wrapped("DTSTART;VALUE=DATE:20260701\r\nSUMMARY:Holiday")).expect("a calendar");
    assert_eq!(text(&first.event.document, "IsAllDayEvent"), "true");
    assert_eq!(text(&first.event.document, "Start"), "2026-07-01T00:00:00");
    assert_eq!(text(&first.event.document, "End"), "2026-07-02T00:00:00");
    let mut stored = first.clone();
    stored.event.document.set_text("Start", "2026-06-30T22:00:00Z");
    stored.event.document.set_text("End", "2026-07-01T22:00:00Z");
    stored
        .event
        .document
        .parts
        .insert("StartTimeZone".to_owned(), "<t:StartTimeZone Id=\"W. Europe Standard Time\"/>".to_owned());
    let written = write(&stored, NOW);
    assert!(written.contains("DTSTART;VALUE=DATE:20260701\r\n"), "{written}");
    assert!(written.contains("DTEND;VALUE=DATE:20260702\r\n"), "{written}");
}

#[test]
fn every_pattern_goes_both_ways() {
    for rule in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;COUNT=4;INTERVAL=1;BYDAY=TU,TH;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15",
        "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=-1",
        "FREQ=MONTHLY;INTERVAL=1;BYDAY=2TU",
        "FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR",
        "FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1",
        "FREQ=YEARLY;INTERVAL=1;BYMONTHDAY=24;BYMONTH=12",
        "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
        "FREQ=DAILY;UNTIL=20270101T110000Z;INTERVAL=1",
    ] {
        let event = format!("DTSTART;TZID=W. Europe Standard Time:20260701T120000\r\nRRULE:{rule}");
        let first = read(&wrapped(&event)).expect(rule);
        assert!(first.event.document.parts.contains_key("Recurrence"), "{rule}");
        let written = write(&first, NOW);
        let line = written.lines().find_map(|line| line.strip_prefix("RRULE:F")).unwrap_or_default();
        let parts = |text: &str| {
            let mut parts: Vec<_> = text.split(';').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        let again = written
            .split("BEGIN:VEVENT")
            .nth(1)
            .and_then(|event| event.lines().find_map(|line| line.strip_prefix("RRULE:")))
            .unwrap_or(line);
        assert_eq!(parts(again), parts(rule));
    }
}

#[test]
fn what_ews_has_no_pattern_for_does_not_recur() {
    for rule in ["FREQ=HOURLY", "FREQ=YEARLY;BYWEEKNO=20", "FREQ=MONTHLY;BYMONTHDAY=1,15"] {
        let event = format!("DTSTART:20260701T120000Z\r\nRRULE:{rule}");
        let read = read(&wrapped(&event)).expect(rule);
        assert!(!read.event.document.parts.contains_key("Recurrence"), "{rule}");
    }
}

#[test]
fn nothing_in_a_value_becomes_a_line_of_its_own() {
    let mut document = Document { kind: "CalendarItem".to_owned(), ..Document::default() };
    for name in ["Subject", "Location", "UID"] {
        document.set_text(name, "a\r\nATTENDEE:mailto:evil@x.example");
    }
    document.set_text("Start", "2026-07-01T12:00:00Z");
    let mailbox = "<t:Attendee><t:Mailbox><t:Name>n\"&#10;X-EVIL:1</t:Name>\
        <t:EmailAddress>a@b&#10;X-EVIL:2</t:EmailAddress></t:Mailbox></t:Attendee>";
    let list = format!("<t:RequiredAttendees>{mailbox}</t:RequiredAttendees>");
    document.parts.insert("RequiredAttendees".to_owned(), list);
    let written = write(&Calendar { event: Event { document }, ..Calendar::default() }, NOW);
    let unfolded = written.replace("\r\n ", "");
    assert!(!unfolded.lines().any(|line| line.starts_with("X-EVIL")), "{written}");
    let attendees = unfolded.lines().filter(|line| line.starts_with("ATTENDEE")).count();
    assert_eq!(attendees, 1, "{written}");
}

#[test]
fn an_answer_by_mail_is_a_response() {
    let ics = "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:u\r\nORGANIZER:mailto:bob@lab.example\r\n\
        ATTENDEE;PARTSTAT=DECLINED:mailto:zoe@x.example\r\nDTSTART:20260701T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let mut parsed = Parsed { calendar: Some(ics.to_owned()), ..Parsed::default() };
    assert!(become_meeting_message(&mut parsed));
    assert_eq!(parsed.document.kind, "MeetingResponse");
    assert_eq!(parsed.class.as_deref(), Some("IPM.Schedule.Meeting.Resp.Neg"));
    assert_eq!(text(&parsed.document, "ResponseType"), "Decline");
    assert_eq!(text(&parsed.document, "UID"), "u");
}
