//! The messages that an organizer sends: requests, updates and cancellations.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use tieline_proto_ews::{Attendee, ResponseType};

use super::Attendant;
use crate::{
    calendar::attendees,
    content::{self, Incoming, NewAttachment},
    delivery::{self, Mail},
    document::Document,
    mime::{new_message_id, recipients_fragment},
    property::date_time,
    store::{
        attachment, folder,
        item::{Content, Item},
    },
};

/// What a message to attendees is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The first invitation.
    New,
    /// Time or recurrence changed: earlier answers no longer hold.
    Full,
    /// Something else changed.
    Informational,
    Cancellation,
}

/// The properties of an appointment that its messages carry.
const CARRIED: [&str; 26] = [
    "Body",
    "Sensitivity",
    "Importance",
    "Categories",
    "Start",
    "End",
    "IsAllDayEvent",
    "Location",
    "EnhancedLocation",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Recurrence",
    "StartTimeZone",
    "EndTimeZone",
    "MeetingTimeZone",
    "UID",
    "Organizer",
    "AppointmentSequenceNumber",
    "ConferenceType",
    "AllowNewTimeProposal",
    "IsOnlineMeeting",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "DoNotForwardMeeting",
    "IsResponseRequested",
];

/// What a cancellation's element has not.
const NOT_IN_CANCELLATIONS: [&str; 16] = [
    "IsAllDayEvent",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "StartTimeZone",
    "EndTimeZone",
    "MeetingTimeZone",
    "Organizer",
    "AppointmentSequenceNumber",
    "ConferenceType",
    "AllowNewTimeProposal",
    "IsOnlineMeeting",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "IntendedFreeBusyStatus",
    "LegacyFreeBusyStatus",
];

impl Attendant<'_> {
    /// Sends a notice about an appointment of the owner's to these attendees (addresses in lower case), with a copy
    /// to Sent Items if wanted. `body` replaces the appointment's.
    pub(crate) async fn notify(
        &self,
        tx: &mut SqliteConnection,
        row: &Item,
        notice: Notice,
        to: &BTreeSet<String>,
        body: Option<&str>,
        copy: bool,
    ) -> Result<(), sqlx::Error> {
        let to: BTreeSet<String> =
            to.iter().filter(|address| !address.eq_ignore_ascii_case(&self.owner.address)).cloned().collect();
        if to.is_empty() {
            return Ok(());
        }
        let appointment = Document::from_bytes(&row.document);
        let mut document = message(row, &appointment, notice);
        self.address(&mut document, &appointment, &to);
        document.set_text("DateTimeStamp", &date_time(self.now_ms));
        if let Some(body) = body {
            document.parts.insert("Body".to_owned(), body.to_owned());
        }
        let subject = row.subject.as_deref().unwrap_or_default();
        let (class, subject) = match notice {
            Notice::Cancellation => ("IPM.Schedule.Meeting.Canceled", format!("Canceled: {subject}")),
            _ => ("IPM.Schedule.Meeting.Request", subject.to_owned()),
        };
        let attachments = self.attachments(tx, row).await?;
        let mut content = Content {
            class: class.to_owned(),
            subject: Some(subject),
            is_read: true,
            received_ms: self.now_ms,
            sent_ms: Some(self.now_ms),
            ..Content::default()
        };
        content::finish(&mut document, &mut content, &attachments);
        let incoming = Incoming { content, document, attachments };
        if copy && let Some(sent) = folder::by_distinguished(tx, self.owner.mailbox, "sentitems").await? {
            delivery::save(tx, &sent, &incoming, &self.owner.display_name, self.now_ms, false).await?;
        }
        self.mail(&incoming).send(tx, &to).await
    }

    /// A message of the owner's on its way.
    pub(super) fn mail<'m>(&'m self, content: &'m Incoming) -> Mail<'m> {
        Mail {
            server: self.server,
            content,
            author: (&self.owner.display_name, &self.owner.address),
            with: "HTTP",
            now_ms: self.now_ms,
        }
    }

    fn address(&self, document: &mut Document, appointment: &Document, to: &BTreeSet<String>) {
        let owner = [(Some(self.owner.display_name.clone()), self.owner.address.clone())];
        for name in ["From", "Sender"] {
            document.parts.insert(name.to_owned(), recipients_fragment(name, &owner));
        }
        let people = |lists: &[&str]| -> Vec<(Option<String>, String)> {
            let all = lists.iter().flat_map(|list| attendees::of(appointment, list));
            let wanted =
                all.filter(|one| attendees::address(one).is_some_and(|address| to.contains(&address)));
            wanted.filter_map(|one| Some((one.mailbox.name, one.mailbox.email_address?))).collect()
        };
        let mut required = people(&["RequiredAttendees", "Resources"]);
        let optional = people(&["OptionalAttendees"]);
        let named: BTreeSet<String> =
            required.iter().chain(&optional).map(|(_, address)| address.to_lowercase()).collect();
        // Those who are no longer invited stand in no list any more.
        required.extend(to.difference(&named).map(|address| {
            let known = self.server.directory.by_address(address);
            (known.map(|account| account.display_name.clone()), address.clone())
        }));
        for (name, list) in [("ToRecipients", required), ("CcRecipients", optional)] {
            if !list.is_empty() {
                document.parts.insert(name.to_owned(), recipients_fragment(name, &list));
            }
        }
        document.set_text("InternetMessageId", &new_message_id());
    }

    async fn attachments(
        &self,
        tx: &mut SqliteConnection,
        row: &Item,
    ) -> Result<Vec<NewAttachment>, sqlx::Error> {
        let mut attachments = Vec::new();
        for found in attachment::of_row(tx, row).await? {
            if let Some((_, content)) = attachment::with_content(tx, row.item, found.attachment).await? {
                attachments.push(NewAttachment { document: Document::from_bytes(&found.document), content });
            }
        }
        Ok(attachments)
    }
}

/// The message's properties that follow from the appointment.
pub(crate) fn message(row: &Item, appointment: &Document, notice: Notice) -> Document {
    let mut document = Document::default();
    for name in CARRIED {
        if let Some(part) = appointment.parts.get(name) {
            document.parts.insert(name.to_owned(), part.clone());
        }
    }
    document.extended.clone_from(&appointment.extended);
    // Attendees do not learn from the request what others answered.
    attendees::change(&mut document, |attendee| {
        *attendee = Attendee {
            mailbox: attendee.mailbox.clone(),
            response_type: Some(ResponseType::Unknown),
            ..Attendee::default()
        };
    });
    let kind = match row.occurrence {
        Some(place) if place.is_exception => "Exception",
        Some(_) => "Occurrence",
        None if appointment.parts.contains_key("Recurrence") => "RecurringMaster",
        None => "Single",
    };
    document.set_text("CalendarItemType", kind);
    if let Some(place) = row.occurrence {
        document.set_text("RecurrenceId", &date_time(place.original_start_ms));
    }
    for (name, text) in [("IsDelegated", "false"), ("IsOutOfDate", "false"), ("HasBeenProcessed", "false")] {
        document.set_text(name, text);
    }
    if notice == Notice::Cancellation {
        document.kind = "MeetingCancellation".to_owned();
        document.set_text("ResponseType", "Unknown");
        // What the element has no place for travels as the MAPI property it is.
        let sequence = super::sequence(appointment).to_string();
        document.extended.insert(SEQUENCE.to_owned(), crate::extended::ExtendedValue::one(sequence));
        NOT_IN_CANCELLATIONS.iter().for_each(|name| drop(document.parts.remove(*name)));
        return document;
    }
    document.kind = "MeetingRequest".to_owned();
    let intended = appointment.text("LegacyFreeBusyStatus").unwrap_or_else(|| "Busy".to_owned());
    let request_type = match notice {
        Notice::New => "NewMeetingRequest",
        Notice::Full => "FullUpdate",
        _ => "InformationalUpdate",
    };
    for (name, text) in [
        ("MeetingRequestType", request_type),
        ("IntendedFreeBusyStatus", &intended),
        ("LegacyFreeBusyStatus", "Tentative"),
        ("ResponseType", "NoResponseReceived"),
        ("MyResponseType", "NoResponseReceived"),
        ("IsMeeting", "true"),
        ("IsCancelled", "false"),
        ("IsRecurring", if kind == "Single" { "false" } else { "true" }),
        ("MeetingRequestWasSent", "true"),
        ("AppointmentState", "3"),
    ] {
        document.set_text(name, text);
    }
    if let Some(place) = row.occurrence {
        document.set_text("OriginalStart", &date_time(place.original_start_ms));
    }
    document
}

/// PidLidAppointmentSequence.
pub(super) const SEQUENCE: &str = "00062002-0000-0000-c000-000000000046#33281:Integer";
