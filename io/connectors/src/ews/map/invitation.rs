//! What lies in the conference mailbox, as the fields that a decision needs. What is missing or strange stays missing:
//! the reader of the fields says so to the organizer.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use tieline_model::{ConferenceMail, Exception, MailKind, SmtpAddress, UnknownZone, When, Zone};
use tieline_proto_ews::recurrence::Recurrence;
use tieline_proto_ews::{
    Attendee, DateTime, EmailAddress, Item, ItemKind, MeetingMessage, MeetingRequest, MeetingRequestType,
    ResponseType, Sensitivity, SingleRecipient,
};

/// More people than these need not be known.
const MOST_ATTENDEES: usize = 1000;
/// More exceptions than these no series has.
const MOST_EXCEPTIONS: usize = 2000;

/// Reads an item of the Inbox.
pub(crate) fn mail(item: &Item, received: Timestamp) -> ConferenceMail {
    let meeting = meeting(item);
    let message = item.message();
    let address = |one: Option<&SingleRecipient>| one.and_then(|one| smtp(&one.mailbox));
    let from = address(message.and_then(|message| message.from.as_ref()));
    let sender = address(message.and_then(|message| message.sender.as_ref()));
    let text = item.body.as_ref().or(item.text_body.as_ref()).map(|body| body.text.clone());
    let header = |name: &str| {
        let found =
            item.internet_message_headers.iter().find(|one| one.header_name.eq_ignore_ascii_case(name));
        found.map(|one| one.value.trim().to_owned())
    };
    let mut mail = ConferenceMail {
        kind: kind(item),
        uid: meeting.and_then(|meeting| meeting.uid.clone()),
        sequence: 0,
        // Whatever its zone, it is one occurrence and not the series.
        occurrence: meeting.and_then(|meeting| meeting.recurrence_id.as_ref()?.timestamp_in(&TimeZone::UTC)),
        organizer: from.clone(),
        sender: sender.or(from),
        automatic: header("Auto-Submitted").is_some_and(|said| !said.eq_ignore_ascii_case("no")),
        subject: item.subject.clone().unwrap_or_default(),
        location: String::new(),
        body: text.unwrap_or_default(),
        start: None,
        end: None,
        all_day: false,
        recurrence: None,
        private: matches!(item.sensitivity, Some(Sensitivity::Private | Sensitivity::Confidential)),
        attendees: Vec::new(),
        language: header("Content-Language").or_else(|| item.culture.clone()),
        received: item.date_time_received.as_ref().and_then(DateTime::timestamp).unwrap_or(received),
    };
    if let ItemKind::MeetingRequest(request) = &item.kind {
        request_fields(request, &mut mail);
    }
    mail
}

/// Reads an entry of a room's calendar as the invitation that it was; `None` for what the room's own people entered.
pub(crate) fn entry(item: &Item, received: Timestamp) -> Option<ConferenceMail> {
    let ItemKind::CalendarItem(fields) = &item.kind else { return None };
    let fields = fields.as_ref().clone();
    if fields.is_cancelled == Some(true) || fields.my_response_type == Some(ResponseType::Organizer) {
        return None;
    }
    let request = MeetingRequest {
        meeting: MeetingMessage { uid: fields.uid, ..MeetingMessage::default() },
        start: fields.start,
        end: fields.end,
        is_all_day_event: fields.is_all_day_event,
        location: fields.location,
        organizer: Some(fields.organizer?),
        required_attendees: fields.required_attendees,
        optional_attendees: fields.optional_attendees,
        resources: fields.resources,
        appointment_sequence_number: fields.appointment_sequence_number,
        recurrence: fields.recurrence,
        modified_occurrences: fields.modified_occurrences,
        deleted_occurrences: fields.deleted_occurrences,
        meeting_time_zone: fields.meeting_time_zone,
        start_time_zone: fields.start_time_zone,
        end_time_zone: fields.end_time_zone,
        end_time_zone_id: fields.end_time_zone_id,
        start_time_zone_id: fields.start_time_zone_id,
        time_zone: fields.time_zone,
        ..MeetingRequest::default()
    };
    let kind = ItemKind::MeetingRequest(Box::new(request));
    Some(mail(&Item { kind, ..item.clone() }, received))
}

fn meeting(item: &Item) -> Option<&MeetingMessage> {
    match &item.kind {
        ItemKind::MeetingMessage(meeting) => Some(meeting),
        ItemKind::MeetingRequest(request) => Some(&request.meeting),
        ItemKind::MeetingResponse(response) => Some(&response.meeting),
        ItemKind::MeetingCancellation(cancellation) => Some(&cancellation.meeting),
        _ => None,
    }
}

fn kind(item: &Item) -> MailKind {
    match &item.kind {
        ItemKind::MeetingRequest(request) => MailKind::Request {
            outdated: request.meeting.is_out_of_date == Some(true)
                || request.meeting_request_type == Some(MeetingRequestType::Outdated),
            copy: request.meeting_request_type == Some(MeetingRequestType::PrincipalWantsCopy),
        },
        ItemKind::MeetingCancellation(_) => MailKind::Cancellation,
        ItemKind::MeetingResponse(response) => {
            MailKind::Response { counter_proposal: response.proposed_start.is_some() }
        }
        _ => MailKind::Other {
            class: item.item_class.clone().unwrap_or_else(|| "an item without a class".to_owned()),
        },
    }
}

fn request_fields(request: &MeetingRequest, mail: &mut ConferenceMail) {
    if let Some(organizer) = request.organizer.as_ref().and_then(|one| smtp(&one.mailbox)) {
        mail.organizer = Some(organizer);
    }
    mail.sequence =
        request.appointment_sequence_number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    mail.location = request.location.clone().unwrap_or_default();
    mail.all_day = request.is_all_day_event == Some(true);
    let zones = Zones::of(request);
    let in_series = request.recurrence.is_some();
    mail.start = request.start.as_ref().map(|at| zones.when(at, zones.starts(), in_series));
    mail.end = request.end.as_ref().map(|at| zones.when(at, zones.ends(), in_series));
    mail.recurrence = request.recurrence.as_ref().and_then(|series| recurrence(series, request, &zones));
    if let (Some(at), Zones::Known(start, _)) = (&request.meeting.recurrence_id, &zones) {
        mail.occurrence = start.resolve().ok().and_then(|zone| at.timestamp_in(&zone)).or(mail.occurrence);
    }
    let all: [&[Attendee]; 3] =
        [&request.required_attendees, &request.optional_attendees, &request.resources];
    let people = all.into_iter().flatten().filter_map(|attendee| smtp(&attendee.mailbox));
    mail.attendees = people.take(MOST_ATTENDEES).collect();
}

fn smtp(mailbox: &EmailAddress) -> Option<SmtpAddress> {
    mailbox.email_address.as_deref()?.parse().ok()
}

/// In which zones the organizer keeps the meeting.
enum Zones {
    /// Known by name or by rules.
    Known(Zone, Zone),
    /// Nobody knows them, or nothing is said of them: an instant is an instant all the same, any other time is nothing.
    Unknown(Zone),
}

impl Zones {
    fn of(request: &MeetingRequest) -> Self {
        match super::zone::of_request(request) {
            Ok(Some((start, end))) => Self::Known(start, end),
            Ok(None) => Self::Unknown(Zone::named("")),
            Err(UnknownZone(name)) => Self::Unknown(Zone::named(name)),
        }
    }

    /// A time as its organizer's clock shows it. Without a zone that is known only a single meeting's instant counts; the
    /// reader refuses the rest, since a series in a zone that nobody knows cannot be followed, nor may a zone be guessed.
    fn when(&self, at: &DateTime, zone: &Zone, in_series: bool) -> When {
        let resolved = match self {
            Self::Known(..) => zone.resolve().ok(),
            Self::Unknown(_) => None,
        };
        match (resolved, at.timestamp()) {
            (Some(resolved), Some(instant)) => {
                When { local: resolved.to_datetime(instant), zone: zone.clone() }
            }
            (None, Some(instant)) if !in_series => {
                When { local: Offset::UTC.to_datetime(instant), zone: Zone::utc() }
            }
            _ => When { local: at.civil, zone: zone.clone() },
        }
    }

    fn starts(&self) -> &Zone {
        match self {
            Self::Known(start, _) | Self::Unknown(start) => start,
        }
    }

    fn ends(&self) -> &Zone {
        match self {
            Self::Known(_, end) | Self::Unknown(end) => end,
        }
    }
}

fn recurrence(
    series: &Recurrence,
    request: &MeetingRequest,
    zones: &Zones,
) -> Option<tieline_model::Recurrence> {
    let mut whole = super::recurrence::read(series)?;
    let local = |at: &Option<DateTime>| Some(zones.when(at.as_ref()?, zones.starts(), true).local);
    for changed in request.modified_occurrences.iter().take(MOST_EXCEPTIONS) {
        let (Some(original), Some(start), Some(end)) =
            (local(&changed.original_start), local(&changed.start), local(&changed.end))
        else {
            continue;
        };
        whole.exceptions.insert(original, Exception { start, end, ..Exception::default() });
    }
    let deleted = request.deleted_occurrences.iter().take(MOST_EXCEPTIONS);
    whole.cancelled.extend(deleted.filter_map(|gone| local(&gone.start)));
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::Ends;
    use tieline_proto_ews::operations::GetItem;
    use tieline_proto_ews::recurrence::{EndDate, RecurrencePattern, RecurrenceRange, Weekly};
    use tieline_proto_ews::{Limits, Message, decode_response};

    fn at(text: &str) -> Option<DateTime> {
        DateTime::from_xml(text)
    }

    fn request() -> MeetingRequest {
        let recipient = |address: &str| Some(SingleRecipient::from(EmailAddress::smtp(address)));
        MeetingRequest {
            meeting: MeetingMessage {
                message: Message {
                    from: recipient("alice@lab.example"),
                    sender: recipient("bob@lab.example"),
                    ..Message::default()
                },
                uid: Some("u-1".to_owned()),
                ..MeetingMessage::default()
            },
            start: at("2026-12-01T09:00:00Z"),
            end: at("2026-12-01T10:00:00Z"),
            location: Some("@vmr".to_owned()),
            appointment_sequence_number: Some(3),
            start_time_zone_id: Some("W. Europe Standard Time".to_owned()),
            ..MeetingRequest::default()
        }
    }

    fn read(request: MeetingRequest) -> ConferenceMail {
        mail(&Item::new(ItemKind::MeetingRequest(Box::new(request))), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_request_is_read_in_its_organizers_zone() {
        let mail = read(request());
        assert_eq!((mail.uid.as_deref(), mail.sequence, mail.location.as_str()), (Some("u-1"), 3, "@vmr"));
        assert_eq!(mail.organizer.unwrap().as_str(), "alice@lab.example");
        assert_eq!(mail.sender.unwrap().as_str(), "bob@lab.example");
        assert_eq!(mail.start.unwrap().local.to_string(), "2026-12-01T10:00:00");
    }

    #[test]
    fn a_series_keeps_its_exceptions() {
        let series = Recurrence {
            pattern: Some(RecurrencePattern::Weekly(Weekly {
                interval: 1,
                days_of_week: "Tuesday".to_owned(),
                first_day_of_week: None,
            })),
            range: Some(RecurrenceRange::EndDate(EndDate {
                start_date: None,
                end_date: Some(jiff::civil::date(2027, 3, 30).into()),
            })),
        };
        let deleted = tieline_proto_ews::DeletedOccurrence { start: at("2026-12-08T09:00:00Z") };
        let request =
            MeetingRequest { recurrence: Some(series), deleted_occurrences: vec![deleted], ..request() };
        let read = read(request.clone()).recurrence.unwrap();
        assert_eq!(read.ends, Ends::On(jiff::civil::date(2027, 3, 30)));
        assert_eq!(read.cancelled.first().unwrap().to_string(), "2026-12-08T10:00:00");
        let nowhere = MeetingRequest { start_time_zone_id: Some("Middle Earth".to_owned()), ..request };
        assert_eq!(self::read(nowhere).start.unwrap().zone.id, "Middle Earth", "never taken for UTC");
    }

    /// What an item says of a custom zone: three hours and a half behind UTC, an hour less in summer, as both schemas
    /// have it.
    const NEWFOUNDLAND: &str = r#"<t:StartTimeZone xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
        Id="Customized Time Zone" Name="Our time"><t:Periods><t:Period Bias="PT3H30M" Name="Standard" Id="s"/>
        <t:Period Bias="PT2H30M" Name="Daylight" Id="d"/></t:Periods><t:TransitionsGroups><t:TransitionsGroup Id="0">
        <t:RecurringDayTransition><t:To Kind="Period">d</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>3</t:Month>
        <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>2</t:Occurrence></t:RecurringDayTransition>
        <t:RecurringDayTransition><t:To Kind="Period">s</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>11</t:Month>
        <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>1</t:Occurrence></t:RecurringDayTransition>
        </t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0</t:To>
        </t:Transition></t:Transitions></t:StartTimeZone>"#;

    const NEWFOUNDLAND_2007: &str = r#"<t:MeetingTimeZone
        xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" TimeZoneName="Customized Time Zone">
        <t:BaseOffset>PT3H30M</t:BaseOffset>
        <t:Standard><t:Offset>P0D</t:Offset><t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday</t:DaysOfWeek>
        <t:DayOfWeekIndex>First</t:DayOfWeekIndex><t:Month>November</t:Month></t:RelativeYearlyRecurrence>
        <t:Time>02:00:00</t:Time></t:Standard>
        <t:Daylight><t:Offset>-PT1H</t:Offset><t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday</t:DaysOfWeek>
        <t:DayOfWeekIndex>Second</t:DayOfWeekIndex><t:Month>March</t:Month></t:RelativeYearlyRecurrence>
        <t:Time>02:00:00</t:Time></t:Daylight></t:MeetingTimeZone>"#;

    /// An invitation on a summer's day, as it comes over the wire.
    fn wired(zone: &str, start: &str, end: &str) -> ConferenceMail {
        let ours = "http://schemas.microsoft.com/exchange/services/2006";
        let text = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:GetItemResponse \
             xmlns:m=\"{ours}/messages\" xmlns:t=\"{ours}/types\"><m:ResponseMessages>\
             <m:GetItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items>\
             <t:MeetingRequest><t:UID>u-1</t:UID><t:Start>{start}</t:Start><t:End>{end}</t:End>{zone}\
             </t:MeetingRequest></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse>\
             </s:Body></s:Envelope>"
        );
        let reply = decode_response::<GetItem>(text.as_bytes(), &Limits::DEFAULT).unwrap();
        let message = reply.body.unwrap().messages.pop().unwrap();
        mail(&message.payload.items[0], Timestamp::UNIX_EPOCH)
    }

    /// Covers: PO-08 (zones of invitations)
    #[test]
    fn a_zone_is_read_in_each_of_its_three_forms() {
        let by_id = r#"<t:StartTimeZone Id="Newfoundland Standard Time"/>"#;
        for zone in [NEWFOUNDLAND_2007, by_id, NEWFOUNDLAND] {
            for (start, end) in [
                ("2026-07-01T11:30:00Z", "2026-07-01T12:30:00Z"),
                // Without an offset a time is the zone's.
                ("2026-07-01T09:00:00", "2026-07-01T10:00:00"),
                ("2026-07-01T13:30:00+02:00", "2026-07-01T14:30:00+02:00"),
            ] {
                let read = wired(zone, start, end);
                let (start, end) = (read.start.unwrap(), read.end.unwrap());
                assert_eq!(start.local.to_string(), "2026-07-01T09:00:00", "{zone}");
                assert_eq!(end.local.to_string(), "2026-07-01T10:00:00", "{zone}");
                assert_eq!(start.instant().unwrap().to_string(), "2026-07-01T11:30:00Z", "{zone}");
                assert_eq!(end.instant().unwrap().to_string(), "2026-07-01T12:30:00Z", "{zone}");
            }
            // In winter it is another offset.
            let winter = wired(zone, "2026-12-01T09:00:00", "2026-12-01T10:00:00").start.unwrap();
            assert_eq!(winter.instant().unwrap().to_string(), "2026-12-01T12:30:00Z", "{zone}");
        }
    }

    /// Covers: PO-20 (zones)
    #[test]
    fn a_time_whose_zone_cannot_be_told_is_nothing_and_not_utc() {
        let nowhere = r#"<t:StartTimeZone Id="Customized Time Zone"/>"#;
        for (zone, name) in [(nowhere, "Customized Time Zone"), ("", "")] {
            let read = wired(zone, "2026-07-01T09:00:00", "2026-07-01T10:00:00");
            let start = read.start.unwrap();
            assert_eq!((start.zone.id.as_str(), start.instant().is_err()), (name, true));
            // An instant is one in every zone.
            let read = wired(zone, "2026-07-01T09:00:00Z", "2026-07-01T10:00:00Z");
            assert_eq!(read.start.unwrap().instant().unwrap().to_string(), "2026-07-01T09:00:00Z");
        }
    }

    #[test]
    fn an_occurrence_is_never_taken_for_its_series() {
        let of = |zone: &str, id: &str| {
            let id = format!("<t:RecurrenceId>{id}</t:RecurrenceId>{zone}");
            wired(&id, "2026-07-01T11:30:00Z", "2026-07-01T12:30:00Z").occurrence.unwrap().to_string()
        };
        assert_eq!(of(NEWFOUNDLAND, "2026-07-02T11:30:00Z"), "2026-07-02T11:30:00Z");
        assert_eq!(of(NEWFOUNDLAND, "2026-07-02T09:00:00"), "2026-07-02T11:30:00Z");
        assert_eq!(of("", "2026-07-02T09:00:00"), "2026-07-02T09:00:00Z");
    }

    #[test]
    fn other_mail_is_named_by_its_class() {
        let item = Item { item_class: Some("REPORT.IPM.Note.NDR".to_owned()), ..Item::default() };
        let read = mail(&item, Timestamp::UNIX_EPOCH);
        assert_eq!(read.kind, MailKind::Other { class: "REPORT.IPM.Note.NDR".to_owned() });
    }
}
