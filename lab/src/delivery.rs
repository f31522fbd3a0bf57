//! Mail on its way: into mailboxes of the lab, to the smart host, or back to its author as a report.
//!
//! Whoever sends (a client over EWS, a peer over SMTP) hands the message over here, within one transaction.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use crate::{
    account::DOMAIN,
    attendant::{Attendant, delegation},
    content::{self, Incoming},
    document::Document,
    icalendar,
    inbox_rule::Arrival,
    mime::{self, Outgoing, listed, recipients_fragment},
    server::Server,
    store::{
        attachment,
        folder::{self, Folder},
        item::{self, Content, Item, Place},
        mailbox, outbound,
    },
};

/// A message handed over for delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mail<'a> {
    pub(crate) server: &'a Server,
    pub(crate) content: &'a Incoming,
    /// Name and address of the author, to whom reports go.
    pub(crate) author: (&'a str, &'a str),
    /// How it came, for its trace: `HTTP` or `SMTP`.
    pub(crate) with: &'a str,
    pub(crate) now_ms: i64,
}

/// The addresses that a message names, in lower case, blind copies too.
pub(crate) fn recipients(document: &Document) -> BTreeSet<String> {
    ["ToRecipients", "CcRecipients", "BccRecipients"]
        .iter()
        .flat_map(|list| listed(document, list))
        .map(|(_, address)| address.to_lowercase())
        .collect()
}

/// Whether an address is of the lab's own domain.
pub(crate) fn is_ours(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(DOMAIN))
}

impl Mail<'_> {
    /// Sends it to these addresses: lab users get it, others get it over the smart host if there is one, and for an
    /// address of the lab that nobody has the author gets a report.
    pub(crate) async fn send(
        &self,
        tx: &mut SqliteConnection,
        recipients: &BTreeSet<String>,
    ) -> Result<(), sqlx::Error> {
        let mut elsewhere = Vec::new();
        for address in &self.server.directory.expand(recipients.iter().cloned()) {
            match self.server.directory.by_address(address) {
                Some(account) => drop(self.deliver(tx, &account.address.clone()).await?),
                None if is_ours(address) => self.bounce(tx, address, "The address was not found.").await?,
                None => elsewhere.push(address.clone()),
            }
        }
        match self.server.settings.smart_host {
            Some(_) if !elsewhere.is_empty() => {
                let source = self.source();
                outbound::queue(tx, self.author.1, &elsewhere, &source, self.now_ms).await
            }
            _ => {
                for address in elsewhere {
                    tracing::debug!(%address, "lab: mail for elsewhere, and no smart host");
                }
                Ok(())
            }
        }
    }

    /// Puts it into a user's inbox; `None` when there is no such mailbox.
    pub(crate) async fn deliver(
        &self,
        tx: &mut SqliteConnection,
        address: &str,
    ) -> Result<Option<Item>, sqlx::Error> {
        let Some(owner) = mailbox::by_address(tx, address).await? else { return Ok(None) };
        let Some(inbox) = folder::by_distinguished(tx, owner.mailbox, "inbox").await? else {
            return Ok(None);
        };
        let sent = self.content;
        let mut document = sent.document.clone();
        let blind = document.parts.remove("BccRecipients").is_some();
        let id = document.text("InternetMessageId").unwrap_or_default();
        for name in ["ReceivedBy", "ReceivedRepresenting"] {
            let owner = [(Some(owner.display_name.clone()), owner.address.clone())];
            document.parts.insert(name.to_owned(), recipients_fragment(name, &owner));
        }
        // The source may name blind copies; what is delivered is built anew.
        let source = sent.content.mime.as_deref().filter(|_| !blind);
        let mut content = Content {
            is_draft: false,
            is_read: false,
            received_ms: self.now_ms,
            sent_ms: sent.content.sent_ms.filter(|_| self.with == "SMTP").or(Some(self.now_ms)),
            mime: source.map(|source| mime::stamped(source, &id, self.with, self.now_ms)),
            ..sent.content.clone()
        };
        let bytes = sent.attachments.iter().map(|attachment| attachment.content.len()).sum();
        content::store(&document, &mut content, bytes);
        let delivered = Incoming { content, document, attachments: sent.attachments.clone() };
        let row = save(tx, &inbox, &delivered, self.author.0, self.now_ms, true).await?;
        if row.class.starts_with("IPM.Schedule.Meeting") {
            let attendant = Attendant { server: self.server, owner: &owner, now_ms: self.now_ms };
            // What arrives may be answered, and the answer arrives elsewhere.
            Box::pin(attendant.received(tx, &row)).await?;
            if !Box::pin(delegation::pass_on(self, tx, &owner, &row, &delivered)).await? {
                return Ok(Some(row));
            }
        }
        let arrival =
            Arrival { server: self.server, owner: &owner, incoming: &delivered, now_ms: self.now_ms };
        arrival.settle(tx, &row).await?;
        Ok(Some(row))
    }

    /// A report that a message did not arrive, to its author.
    pub(crate) async fn bounce(
        &self,
        tx: &mut SqliteConnection,
        address: &str,
        reason: &str,
    ) -> Result<(), sqlx::Error> {
        let subject = self.content.content.subject.as_deref().unwrap_or_default();
        report(tx, self.author, address, subject, reason, self.now_ms).await
    }

    /// The message as it leaves the lab: without blind copies.
    fn source(&self) -> Vec<u8> {
        let sent = self.content;
        let id = sent.document.text("InternetMessageId").unwrap_or_else(mime::new_message_id);
        let blind = sent.document.parts.contains_key("BccRecipients");
        if let Some(source) = sent.content.mime.as_deref().filter(|_| !blind) {
            return mime::stamped(source, &id, self.with, self.now_ms);
        }
        let mut document = sent.document.clone();
        document.parts.remove("BccRecipients");
        let (class, subject) = (&sent.content.class, sent.content.subject.as_deref());
        let calendar = icalendar::of_meeting_message(&document, class, subject, self.now_ms);
        mime::build(&Outgoing {
            document: &document,
            class: &sent.content.class,
            subject: sent.content.subject.as_deref(),
            sent_ms: self.now_ms,
            message_id: &id,
            attachments: &sent.attachments,
            calendar: calendar.as_ref().map(|(method, text)| (method.as_str(), text.as_str())),
        })
    }
}

/// Puts a report that a message did not arrive into its author's inbox, where the author is a user of the lab.
pub(crate) async fn report(
    tx: &mut SqliteConnection,
    (name, author): (&str, &str),
    address: &str,
    subject: &str,
    reason: &str,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let Some(owner) = mailbox::by_address(tx, author).await? else { return Ok(()) };
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    let text = format!("Delivery has failed to these recipients: {address}. {reason}");
    document.parts.insert(
        "Body".to_owned(),
        format!("<t:Body BodyType=\"Text\">{}</t:Body>", crate::document::escape(&text)),
    );
    let postmaster = [(Some("Microsoft Outlook".to_owned()), format!("postmaster@{DOMAIN}"))];
    for name in ["From", "Sender"] {
        document.parts.insert(name.to_owned(), recipients_fragment(name, &postmaster));
    }
    let to = [(Some(name.to_owned()), author.to_owned())];
    document.parts.insert("ToRecipients".to_owned(), recipients_fragment("ToRecipients", &to));
    document.set_text("InternetMessageId", &mime::new_message_id());
    let mut content = Content {
        class: "REPORT.IPM.Note.NDR".to_owned(),
        subject: Some(format!("Undeliverable: {subject}")),
        received_ms: now_ms,
        sent_ms: Some(now_ms),
        ..Content::default()
    };
    content::store(&document, &mut content, 0);
    let report = Incoming { content, document, attachments: Vec::new() };
    if let Some(inbox) = folder::by_distinguished(tx, owner.mailbox, "inbox").await? {
        save(tx, &inbox, &report, "Microsoft Outlook", now_ms, true).await?;
    }
    Ok(())
}

/// Stores an item with its attachments. `delivered` by mail rather than put there: also raises NewMail.
pub(crate) async fn save(
    tx: &mut SqliteConnection,
    folder: &Folder,
    incoming: &Incoming,
    by: &str,
    now_ms: i64,
    delivered: bool,
) -> Result<Item, sqlx::Error> {
    let place = Place { mailbox: folder.mailbox, folder: folder.folder, by, now_ms, delivered };
    let row = item::create(tx, &place, &incoming.content).await?;
    for new in &incoming.attachments {
        attachment::add(tx, row.item, &new.document.to_bytes(), &new.content, now_ms).await?;
    }
    Ok(row)
}
