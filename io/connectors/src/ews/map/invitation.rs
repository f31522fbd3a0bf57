//! What lies in the conference mailbox, as the fields that a decision needs. What is missing or strange stays missing:
//! the reader of the fields says so to the organizer.

use jiff::Timestamp;
use tieline_model::{ConferenceMail, Exception, MailKind, SmtpAddress, When, Zone};
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
        occurrence: meeting.and_then(|meeting| meeting.recurrence_id.as_ref()?.timestamp()),
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
        start_time_zone: fields.start_time_zone,
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
    let zone = zone(request);
    mail.start = request.start.as_ref().and_then(|at| when(at, &zone));
    mail.end = request.end.as_ref().and_then(|at| when(at, &zone));
    mail.recurrence = request.recurrence.as_ref().and_then(|series| recurrence(series, request, &zone));
    let all: [&[Attendee]; 3] =
        [&request.required_attendees, &request.optional_attendees, &request.resources];
    let people = all.into_iter().flatten().filter_map(|attendee| smtp(&attendee.mailbox));
    mail.attendees = people.take(MOST_ATTENDEES).collect();
}

fn smtp(mailbox: &EmailAddress) -> Option<SmtpAddress> {
    mailbox.email_address.as_deref()?.parse().ok()
}

/// The zone in which the organizer keeps the meeting. Without one, times are instants.
fn zone(request: &MeetingRequest) -> Zone {
    let definition =
        request.start_time_zone.as_ref().and_then(|zone| zone.id.clone().or_else(|| zone.name.clone()));
    let id = request.start_time_zone_id.clone().or(definition).or_else(|| request.time_zone.clone());
    match id {
        Some(id) if !id.trim().is_empty() && Zone::named(id.trim()).resolve().is_ok() => {
            Zone::named(id.trim())
        }
        // A series in a zone that nobody knows cannot be followed; a single meeting can.
        Some(id) if request.recurrence.is_some() && !id.trim().is_empty() => Zone::named(id.trim()),
        _ => Zone::utc(),
    }
}

fn when(at: &DateTime, zone: &Zone) -> Option<When> {
    let Ok(resolved) = zone.resolve() else {
        return Some(When { local: at.civil, zone: zone.clone() });
    };
    let local = match at.timestamp() {
        Some(instant) => resolved.to_datetime(instant),
        None => at.civil,
    };
    Some(When { local, zone: zone.clone() })
}

fn recurrence(
    series: &Recurrence,
    request: &MeetingRequest,
    zone: &Zone,
) -> Option<tieline_model::Recurrence> {
    let mut whole = super::recurrence::read(series)?;
    let local = |at: &Option<DateTime>| at.as_ref().and_then(|at| when(at, zone)).map(|when| when.local);
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
    use tieline_proto_ews::Message;
    use tieline_proto_ews::recurrence::{EndDate, RecurrencePattern, RecurrenceRange, Weekly};

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

    #[test]
    fn other_mail_is_named_by_its_class() {
        let item = Item { item_class: Some("REPORT.IPM.Note.NDR".to_owned()), ..Item::default() };
        let read = mail(&item, Timestamp::UNIX_EPOCH);
        assert_eq!(read.kind, MailKind::Other { class: "REPORT.IPM.Note.NDR".to_owned() });
    }
}
