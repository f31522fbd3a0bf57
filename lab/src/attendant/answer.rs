//! Answers: what an attendee's answer does to the entry, the message it sends, and how the organizer's mailbox keeps
//! track.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use tieline_proto_ews::{DateTime, EmailAddress, ResponseType};

use super::{Attendant, entry, is_organizer, sequence};
use crate::{
    calendar::attendees::{self, Answer},
    content::{self, Incoming},
    delivery,
    document::{Document, mailboxes},
    extended::ExtendedValue,
    mime::{listed, new_message_id, recipients_fragment},
    property::{date_time, millisecond},
    store::{
        folder,
        item::{Content, Item},
        item_move,
    },
};

/// An attendee's answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) response: ResponseType,
    /// The fragment of a body.
    pub(crate) body: Option<String>,
    /// Another start and end.
    pub(crate) proposed: Option<(DateTime, DateTime)>,
    /// Whether the organizer is told.
    pub(crate) send: bool,
    /// Whether a copy goes to Sent Items.
    pub(crate) copy: bool,
}

impl Reply {
    /// The class of the message, and the word before its subject.
    fn class(&self) -> (&'static str, &'static str) {
        let (class, word) = match self.response {
            ResponseType::Accept => ("IPM.Schedule.Meeting.Resp.Pos", "Accepted"),
            ResponseType::Decline => ("IPM.Schedule.Meeting.Resp.Neg", "Declined"),
            _ => ("IPM.Schedule.Meeting.Resp.Tent", "Tentative"),
        };
        (class, if self.proposed.is_some() { "New Time Proposed" } else { word })
    }
}

impl Attendant<'_> {
    /// Answers for the owner: the entry takes the answer, or goes away with a refusal, and the organizer is told.
    /// Returns the entry, if it is still there.
    pub(crate) async fn reply(
        &self,
        tx: &mut SqliteConnection,
        entry: &Item,
        reply: &Reply,
    ) -> Result<Option<Item>, sqlx::Error> {
        let mut document = Document::from_bytes(&entry.document);
        if reply.send {
            self.send_reply(tx, entry, &document, reply).await?;
        }
        if reply.response == ResponseType::Decline {
            match entry.occurrence {
                Some(place) => entry::delete_occurrence(tx, entry, place.day, self.now_ms).await?,
                None => {
                    document.set_text("MyResponseType", reply.response.as_str());
                    let by = &self.owner.display_name;
                    let row =
                        entry::save(tx, entry, &document, entry.subject.as_deref(), by, self.now_ms).await?;
                    if let Some(bin) =
                        folder::by_distinguished(tx, self.owner.mailbox, "deleteditems").await?
                    {
                        let moved = item_move::move_to(tx, &row, bin.folder, self.now_ms).await?;
                        return Ok(Some(moved));
                    }
                }
            }
            return Ok(None);
        }
        let intended = document.text("IntendedFreeBusyStatus").unwrap_or_else(|| "Busy".to_owned());
        let status = if reply.response == ResponseType::Accept { intended.as_str() } else { "Tentative" };
        for (name, text) in [
            ("MyResponseType", reply.response.as_str()),
            ("LegacyFreeBusyStatus", status),
            ("AppointmentReplyTime", &date_time(self.now_ms)),
        ] {
            document.set_text(name, text);
        }
        let by = &self.owner.display_name;
        entry::save(tx, entry, &document, entry.subject.as_deref(), by, self.now_ms).await.map(Some)
    }

    async fn send_reply(
        &self,
        tx: &mut SqliteConnection,
        entry: &Item,
        meeting: &Document,
        reply: &Reply,
    ) -> Result<(), sqlx::Error> {
        let organizer = meeting.parts.get("Organizer").map(|part| mailboxes(part)).unwrap_or_default();
        let Some((_, address)) = organizer.first() else { return Ok(()) };
        let to = BTreeSet::from([address.to_lowercase()]);
        let mut document = Document { kind: "MeetingResponse".to_owned(), ..Document::default() };
        for name in ["UID", "Start", "End", "Location", "RecurrenceId"] {
            if let Some(part) = meeting.parts.get(name) {
                document.parts.insert(name.to_owned(), part.clone());
            }
        }
        if let Some(place) = entry.occurrence {
            document.set_text("RecurrenceId", &date_time(place.original_start_ms));
        }
        for (name, text) in [
            ("ResponseType", reply.response.as_str()),
            ("IsDelegated", "false"),
            ("IsOutOfDate", "false"),
            ("HasBeenProcessed", "false"),
            ("DateTimeStamp", &date_time(self.now_ms)),
            ("InternetMessageId", &new_message_id()),
        ] {
            document.set_text(name, text);
        }
        if let Some((start, end)) = reply.proposed {
            document.set_text("ProposedStart", &start.to_string());
            document.set_text("ProposedEnd", &end.to_string());
        }
        if let Some(body) = &reply.body {
            document.parts.insert("Body".to_owned(), body.clone());
        }
        let owner = [(Some(self.owner.display_name.clone()), self.owner.address.clone())];
        for (name, people) in [("From", &owner[..]), ("Sender", &owner), ("ToRecipients", &organizer)] {
            document.parts.insert(name.to_owned(), recipients_fragment(name, people));
        }
        let value = ExtendedValue::one(sequence(meeting).to_string());
        document.extended.insert(super::notice::SEQUENCE.to_owned(), value);
        let (class, word) = reply.class();
        let mut content = Content {
            class: class.to_owned(),
            subject: Some(format!("{word}: {}", entry.subject.as_deref().unwrap_or_default())),
            is_read: true,
            received_ms: self.now_ms,
            sent_ms: Some(self.now_ms),
            ..Content::default()
        };
        content::store(&document, &mut content, 0);
        let incoming = Incoming { content, document, attachments: Vec::new() };
        if reply.copy
            && let Some(sent) = folder::by_distinguished(tx, self.owner.mailbox, "sentitems").await?
        {
            delivery::save(tx, &sent, &incoming, &self.owner.display_name, self.now_ms, false).await?;
        }
        self.mail(&incoming).send(tx, &to).await
    }

    /// An answer has arrived at the organizer's.
    pub(super) async fn answered(
        &self,
        tx: &mut SqliteConnection,
        message: &Item,
        document: Document,
    ) -> Result<(), sqlx::Error> {
        let Some(uid) = document.text("UID") else { return Ok(()) };
        let recurrence_id = document.text("RecurrenceId").and_then(|text| millisecond(&text));
        let Some(entry) = entry::find(tx, self.owner.mailbox, &uid, recurrence_id).await? else {
            return Ok(());
        };
        let mut meeting = Document::from_bytes(&entry.document);
        if !is_organizer(&meeting, &self.owner.address) {
            return Ok(());
        }
        let told = document.extended.get(super::notice::SEQUENCE).and_then(|value| value.values.first());
        let told: i64 = told.and_then(|text| text.parse().ok()).unwrap_or_else(|| sequence(&meeting));
        if told < sequence(&meeting) {
            let out = [("HasBeenProcessed", "true"), ("IsOutOfDate", "true")];
            return self.mark(tx, message, &document, &out).await;
        }
        let proposed = (|| {
            let at = |name: &str| DateTime::from_xml(&document.text(name)?);
            Some((at("ProposedStart")?, at("ProposedEnd")?))
        })();
        let response = ResponseType::from(document.text("ResponseType").unwrap_or_default().as_str());
        let answer = Answer { response, at: self.now(), proposed };
        if let Some((name, who)) = listed(&document, "From").into_iter().next() {
            if !attendees::note_answer(&mut meeting, &who, &answer) {
                attendees::add(
                    &mut meeting,
                    EmailAddress::named(name.unwrap_or_else(|| who.clone()), who.clone()),
                );
                attendees::resolve(&mut meeting, &self.server.directory);
                attendees::note_answer(&mut meeting, &who, &answer);
            }
            let by = &self.owner.display_name;
            entry::save(tx, &entry, &meeting, entry.subject.as_deref(), by, self.now_ms).await?;
        }
        self.mark(tx, message, &document, &[("HasBeenProcessed", "true")]).await
    }
}
