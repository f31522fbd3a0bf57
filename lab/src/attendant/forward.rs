//! Invitations that an attendee passes on: the organizer is told who was invited, and has them among the attendees.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use tieline_proto_ews::EmailAddress;

use super::{Attendant, entry, is_organizer};
use crate::{
    calendar::{Processing, attendees},
    content::{self, Incoming},
    document::{Document, escape, mailboxes},
    mime::{listed, new_message_id, recipients_fragment},
    property::{date_time, millisecond},
    store::{item::Content, mailbox},
};

impl Attendant<'_> {
    /// The owner has sent a request for a meeting to these people (addresses in lower case). If it is somebody else's
    /// meeting, its organizer gets a forward notification.
    pub(crate) async fn forwarded(
        &self,
        tx: &mut SqliteConnection,
        request: &Incoming,
        to: &BTreeSet<String>,
    ) -> Result<(), sqlx::Error> {
        let organizer = request.document.parts.get("Organizer").map(|part| mailboxes(part));
        let Some((name, address)) = organizer.unwrap_or_default().into_iter().next() else { return Ok(()) };
        if is_organizer(&request.document, &self.owner.address) {
            return Ok(());
        }
        let Some(organizer) = mailbox::by_address(tx, &address.to_lowercase()).await? else {
            return Ok(());
        };
        let notification = self.notification(request, (name, address));
        self.mail(&notification).deliver(tx, &organizer.address).await?;
        let theirs = Attendant { owner: &organizer, ..*self };
        theirs.invited_by_others(tx, &request.document, to).await
    }

    fn notification(&self, request: &Incoming, organizer: (Option<String>, String)) -> Incoming {
        let mut document = Document { kind: "MeetingMessage".to_owned(), ..Document::default() };
        for name in ["UID", "RecurrenceId"] {
            if let Some(part) = request.document.parts.get(name) {
                document.parts.insert(name.to_owned(), part.clone());
            }
        }
        for (name, text) in [
            ("IsDelegated", "false"),
            ("IsOutOfDate", "false"),
            ("HasBeenProcessed", "true"),
            ("ResponseType", "Unknown"),
            ("DateTimeStamp", &date_time(self.now_ms)),
            ("InternetMessageId", &new_message_id()),
        ] {
            document.set_text(name, text);
        }
        let owner = [(Some(self.owner.display_name.clone()), self.owner.address.clone())];
        for (name, people) in [("From", &owner[..]), ("Sender", &owner), ("ToRecipients", &[organizer])] {
            document.parts.insert(name.to_owned(), recipients_fragment(name, people));
        }
        let subject = request.content.subject.as_deref().unwrap_or_default();
        let meeting = subject.strip_prefix("FW: ").unwrap_or(subject);
        let text = format!(
            "Your meeting was forwarded.\r\n\r\n{} has forwarded your meeting request to additional recipients.\r\n\r\n\
             Meeting: {meeting}\r\nRecipients: {}\r\n",
            self.owner.display_name,
            named(&request.document).join("; ")
        );
        let body = format!("<t:Body BodyType=\"Text\">{}</t:Body>", escape(&text));
        document.parts.insert("Body".to_owned(), body);
        let mut content = Content {
            class: "IPM.Schedule.Meeting.Notification.Forward".to_owned(),
            subject: Some(format!("Meeting Forward Notification: {meeting}")),
            received_ms: self.now_ms,
            sent_ms: Some(self.now_ms),
            ..Content::default()
        };
        content::store(&document, &mut content, 0);
        Incoming { content, document, attachments: Vec::new() }
    }

    /// Others were invited to a meeting of the owner's: they become optional attendees.
    async fn invited_by_others(
        &self,
        tx: &mut SqliteConnection,
        request: &Document,
        to: &BTreeSet<String>,
    ) -> Result<(), sqlx::Error> {
        if self.processing() == Processing::None {
            return Ok(());
        }
        let Some(uid) = request.text("UID") else { return Ok(()) };
        let recurrence_id = request.text("RecurrenceId").and_then(|text| millisecond(&text));
        let Some(row) = entry::find(tx, self.owner.mailbox, &uid, recurrence_id).await? else {
            return Ok(());
        };
        let mut meeting = Document::from_bytes(&row.document);
        let known = attendees::addresses(&meeting);
        let new: Vec<_> = to.difference(&known).filter(|one| **one != self.owner.address).collect();
        if new.is_empty() {
            return Ok(());
        }
        for address in new {
            let mailbox = EmailAddress { email_address: Some(address.clone()), ..EmailAddress::default() };
            attendees::add(&mut meeting, mailbox);
        }
        attendees::resolve(&mut meeting, &self.server.directory);
        let by = &self.owner.display_name;
        entry::save(tx, &row, &meeting, row.subject.as_deref(), by, self.now_ms).await?;
        Ok(())
    }
}

/// Whom a message names, as people read it.
fn named(document: &Document) -> Vec<String> {
    let lists = ["ToRecipients", "CcRecipients"].iter().flat_map(|list| listed(document, list));
    lists.map(|(name, address)| name.unwrap_or(address)).collect()
}
