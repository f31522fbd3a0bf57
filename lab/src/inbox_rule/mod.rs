//! What happens to mail as it arrives: automatic replies, the junk folder, and the owner's rules, in the order of their
//! priorities. A message that a machine wrote gets no reply and is not sent on, so that nothing goes in circles.

mod predicate;

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use tieline_proto_ews::{
    EmailAddress,
    operations::{InboxRules, Rule, RuleActions, TargetFolderId},
};

use self::predicate::Subject;
use crate::{
    content::{self, Incoming, Making, NewAttachment},
    delivery::Mail,
    document::{Document, escape},
    ews::services::{oof, transfer::is_blocked},
    extended::ExtendedValue,
    id::{Id, Named},
    kept,
    mime::{listed, recipients_fragment},
    server::Server,
    store::{
        folder,
        item::{self, Content, Item},
        item_move,
        mailbox::Mailbox,
    },
};

/// The setting that holds a mailbox's rules.
pub(crate) const SETTING: &str = "rules";
/// PR_AUTO_FORWARDED: sent on by a rule.
const AUTO_FORWARDED: &str = "0x0005:Boolean";

/// The rules of a mailbox, in the order in which they act.
pub(crate) async fn load(tx: &mut SqliteConnection, mailbox: i64) -> Result<InboxRules, sqlx::Error> {
    Ok(kept::load(tx, mailbox, SETTING).await?.unwrap_or_default())
}

/// A message that has just come into somebody's inbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) server: &'a Server,
    pub(crate) owner: &'a Mailbox,
    pub(crate) incoming: &'a Incoming,
    pub(crate) now_ms: i64,
}

impl Arrival<'_> {
    /// Answers it, and lets the rules act on it.
    pub(crate) async fn settle(&self, tx: &mut SqliteConnection, row: &Item) -> Result<(), sqlx::Error> {
        let subject = Subject { incoming: self.incoming, owner: &self.owner.address };
        let automatic = subject.is_automatic();
        if !automatic && let Some(reply) = oof::reply(tx, self.owner, self.incoming, self.now_ms).await? {
            let mut reply = self.composed(reply, Vec::new());
            reply.content.class = "IPM.Note.Rules.OofTemplate.Microsoft".to_owned();
            self.send(tx, &reply).await?;
        }
        // What took care of the message before may have taken it away.
        let Some(row) = item::by_number(tx, row.mailbox, row.item).await? else { return Ok(()) };
        let sender = listed(&self.incoming.document, "From").into_iter().next();
        if let Some((_, sender)) = sender
            && is_blocked(tx, self.owner.mailbox, &sender).await?
        {
            return self.move_to(tx, row, "junkemail").await.map(drop);
        }
        let mut row = Some(row);
        for rule in load(tx, self.owner.mailbox).await?.inbox_rules {
            let Some(found) = row.take() else { break };
            if !applies(&rule, &subject) {
                row = Some(found);
                continue;
            }
            let actions = rule.actions.unwrap_or_default();
            let stop = actions.stop_processing_rules == Some(true);
            row = self.act(tx, found, &actions, automatic).await?;
            if stop {
                break;
            }
        }
        Ok(())
    }

    /// Carries out a rule's actions; `None` when the message is gone.
    async fn act(
        &self,
        tx: &mut SqliteConnection,
        row: Item,
        actions: &RuleActions,
        automatic: bool,
    ) -> Result<Option<Item>, sqlx::Error> {
        if !automatic {
            self.pass_on(tx, actions).await?;
        }
        let mut row = self.change(tx, row, actions).await?;
        if let Some(to) = self.folder(tx, actions.copy_to_folder.as_ref()).await? {
            item_move::copy_to(tx, &row, row.mailbox, to, self.now_ms).await?;
        }
        if let Some(to) = self.folder(tx, actions.move_to_folder.as_ref()).await?
            && to != row.folder
        {
            row = item_move::move_to(tx, &row, to, self.now_ms).await?;
        }
        if actions.permanent_delete == Some(true) {
            item_move::delete(tx, &row, self.now_ms).await?;
            return Ok(None);
        }
        match actions.delete {
            Some(true) => self.move_to(tx, row, "deleteditems").await.map(Some),
            _ => Ok(Some(row)),
        }
    }

    /// Categories, importance and the read flag.
    async fn change(
        &self,
        tx: &mut SqliteConnection,
        row: Item,
        actions: &RuleActions,
    ) -> Result<Item, sqlx::Error> {
        let mut document = Document::from_bytes(&row.document);
        let before = document.clone();
        if !actions.assign_categories.is_empty() {
            let mut names: BTreeSet<_> =
                document.texts_below("Categories", &["String"]).into_iter().collect();
            names.extend(actions.assign_categories.iter().cloned());
            let entries: String =
                names.iter().map(|name| format!("<t:String>{}</t:String>", escape(name))).collect();
            let part = format!("<t:Categories>{entries}</t:Categories>");
            document.parts.insert("Categories".to_owned(), part);
        }
        if let Some(importance) = &actions.mark_importance {
            document.set_text("Importance", importance.as_str());
        }
        let read = row.is_read || actions.mark_as_read == Some(true);
        if document == before && read == row.is_read {
            return Ok(row);
        }
        let mut content = Content {
            class: row.class.clone(),
            is_read: read,
            is_draft: row.is_draft,
            associated: row.associated,
            has_attachments: row.has_attachments,
            subject: row.subject.clone(),
            received_ms: row.received_ms,
            sent_ms: row.sent_ms,
            mime: item::mime(tx, row.item).await?,
            ..Content::default()
        };
        let bytes = self.incoming.attachments.iter().map(|attachment| attachment.content.len()).sum();
        content::store(&document, &mut content, bytes);
        item::update(tx, &row, &content, false, &self.owner.display_name, self.now_ms).await
    }

    /// Forwards and redirects.
    async fn pass_on(&self, tx: &mut SqliteConnection, actions: &RuleActions) -> Result<(), sqlx::Error> {
        if !actions.forward_to_recipients.is_empty() {
            let document = self.forwarded(&actions.forward_to_recipients, true);
            let forward = self.composed(document, self.incoming.attachments.clone());
            self.send(tx, &forward).await?;
        }
        if !actions.forward_as_attachment_to_recipients.is_empty() {
            let document = self.forwarded(&actions.forward_as_attachment_to_recipients, false);
            let forward = self.composed(document, vec![self.attached()]);
            self.send(tx, &forward).await?;
        }
        if !actions.redirect_to_recipients.is_empty() {
            let mut redirected = self.incoming.clone();
            let mark = ExtendedValue::one("true");
            redirected.document.extended.insert(AUTO_FORWARDED.to_owned(), mark);
            let to: BTreeSet<_> = addresses(&actions.redirect_to_recipients).collect();
            self.send_to(tx, &redirected, &to).await?;
        }
        Ok(())
    }

    fn forwarded(&self, to: &[EmailAddress], quoting: bool) -> Document {
        let subject = self.incoming.content.subject.as_deref().unwrap_or_default();
        let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
        document.set_text("Subject", &format!("FW: {subject}"));
        let list: Vec<_> =
            to.iter().filter_map(|one| Some((one.name.clone(), one.email_address.clone()?))).collect();
        document.parts.insert("ToRecipients".to_owned(), recipients_fragment("ToRecipients", &list));
        document.extended.insert(AUTO_FORWARDED.to_owned(), ExtendedValue::one("true"));
        if quoting && let Some(body) = self.incoming.document.parts.get("Body") {
            document.parts.insert("Body".to_owned(), body.clone());
        }
        document
    }

    /// The message itself as an attachment.
    fn attached(&self) -> NewAttachment {
        let name = self.incoming.content.subject.clone().unwrap_or_else(|| "Message".to_owned());
        let mut document = Document { kind: "ItemAttachment".to_owned(), ..Document::default() };
        document.set_text("Name", &name);
        let mut inner = self.incoming.document.clone();
        inner.set_text("Subject", &name);
        inner.set_text("ItemClass", &self.incoming.content.class);
        inner.parts.remove("InlineAttachments");
        NewAttachment { document, content: inner.to_xml(|_| true).into_bytes() }
    }

    fn composed(&self, document: Document, attachments: Vec<NewAttachment>) -> Incoming {
        let making = Making {
            directory: &self.server.directory,
            owner_name: &self.owner.display_name,
            owner_address: &self.owner.address,
            now_ms: self.now_ms,
        };
        content::composed(document, attachments, making)
    }

    async fn send(&self, tx: &mut SqliteConnection, message: &Incoming) -> Result<(), sqlx::Error> {
        let to = crate::delivery::recipients(&message.document);
        self.send_to(tx, message, &to).await
    }

    async fn send_to(
        &self,
        tx: &mut SqliteConnection,
        message: &Incoming,
        to: &BTreeSet<String>,
    ) -> Result<(), sqlx::Error> {
        let mail = Mail {
            server: self.server,
            content: message,
            author: (&self.owner.display_name, &self.owner.address),
            with: "HTTP",
            now_ms: self.now_ms,
        };
        // A message that goes on may set rules of others going.
        Box::pin(mail.send(tx, to)).await
    }

    async fn move_to(&self, tx: &mut SqliteConnection, row: Item, id: &str) -> Result<Item, sqlx::Error> {
        match folder::by_distinguished(tx, self.owner.mailbox, id).await? {
            Some(to) => item_move::move_to(tx, &row, to.folder, self.now_ms).await,
            None => Ok(row),
        }
    }

    /// The folder of the owner's that an action names; one that is gone is left out, as a rule in error.
    async fn folder(
        &self,
        tx: &mut SqliteConnection,
        target: Option<&TargetFolderId>,
    ) -> Result<Option<i64>, sqlx::Error> {
        use tieline_proto_ews::BaseFolderId;
        let found = match target.and_then(|target| target.folder.as_ref()) {
            Some(BaseFolderId::Distinguished(id)) => {
                folder::by_distinguished(tx, self.owner.mailbox, id.id.as_str()).await?
            }
            Some(BaseFolderId::FolderId(id)) => match Id::decode(&id.id) {
                // Of whatever server the mailbox was on when the rule was made.
                Some(Id { named: Named::Folder(number), .. }) => {
                    folder::by_number(tx, self.owner.mailbox, number).await?
                }
                _ => None,
            },
            _ => None,
        };
        Ok(found.map(|found| found.folder))
    }
}

fn addresses(list: &[EmailAddress]) -> impl Iterator<Item = String> + '_ {
    list.iter().filter_map(|one| one.email_address.as_deref()).map(str::to_lowercase)
}

fn applies(rule: &Rule, subject: &Subject<'_>) -> bool {
    rule.is_enabled
        && rule.conditions.as_ref().is_none_or(|conditions| subject.meets(conditions))
        && !rule.exceptions.as_ref().is_some_and(|exceptions| subject.meets_any(exceptions))
}
