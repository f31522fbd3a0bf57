//! Contacts that a user saved from the directory, as a UC client does, and their following it: a new SIP address or number
//! reaches the saved contact, in the fields that the directory wrote and nobody edited since (LY-28).
//!
//! A saved contact is tied to the person by the directory's own id, in its UID: addresses change, the id does not. Whether
//! contacts are saved and refreshed at all is the user's choice ("save Lync contacts in Outlook", LY-29); without it
//! nothing is saved, refreshed or deleted.

use jiff::Timestamp;
use serde::Serialize;
use tieline_model::settings::effective;
use tieline_model::{
    Contact, ContactField, ContactId, ContactText, DirectoryId, MailEntry, Mailbox, Person, PhoneKind,
    Record, RecordHash, Refusal, Slot,
};
use tieline_ports::Directory;
use tieline_store::{FieldOrigin, IfVersion, MailboxFilter, RecordFilter, StoredRecord};
use tieline_sync::{FieldProvenance, Kept, Origin, Provenance, refresh};
use uuid::Uuid;

use crate::Messaging;

/// Who set a field, in the store's words.
const DIRECTORY: &str = "directory";
/// What stands before the directory's id in a UID.
const UID: &str = "tieline-directory:";
/// Contacts, and mailboxes, read at once.
const PAGE: u32 = 500;

/// What the directory knows of a contact.
const FIELDS: [ContactField; 7] = [
    ContactField::Text(ContactText::DisplayName),
    ContactField::Text(ContactText::Company),
    ContactField::Text(ContactText::Department),
    ContactField::Mail(Slot::First),
    ContactField::Im(Slot::First),
    ContactField::Phone(PhoneKind::Business),
    ContactField::Phone(PhoneKind::Business2),
];

/// What following the directory changed in a mailbox, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Followed {
    /// Saved contacts that were compared with their person.
    pub compared: u64,
    /// Those that changed, with the fields.
    pub changed: Vec<FollowedContact>,
    /// Those where the directory has another value that was left out, with the fields and why.
    pub kept: Vec<FollowedContact>,
    /// Saved contacts whose person the directory no longer has; they stay as they are.
    pub gone: u64,
}

/// A contact and some of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowedContact {
    /// `ct_…`
    pub contact: String,
    /// Its name.
    pub name: String,
    /// Fields; with a reason where they were kept.
    pub fields: Vec<String>,
}

impl Messaging {
    /// Saves a person of the directory among a mailbox's contacts. A second time gives the contact that is there.
    ///
    /// # Errors
    /// When the user chose not to save contacts, or the store cannot be written.
    pub async fn save_person(&self, mailbox: &Mailbox, person: &Person) -> Result<Uuid, Refusal> {
        if !self.saves_contacts(mailbox).await? {
            return Err(Refusal::operator(
                "saving-off",
                format!("contacts are not saved for mailbox {}", mailbox.number),
                "tieline feature-group edit GROUP --save-contacts yes, or the same for the mailbox",
            )
            .at(mailbox.address.as_str()));
        }
        let uid = uid_of(&person.id);
        let same = RecordFilter { uid: Some(uid.clone()), ..RecordFilter::default() };
        let known: Vec<StoredRecord<Contact>> = self.store.records(mailbox.id, &same, 1).await?;
        if let Some(known) = known.first() {
            return Ok(known.id);
        }
        let contact = Contact { uid: Some(uid), ..contact_of(person) };
        self.put_record(mailbox.id, None, contact, IfVersion::Absent, by(self.now())).await
    }

    /// Compares a mailbox's saved contacts with the directory and refreshes them; with `dry_run` nothing is written.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn follow_directory(
        &self,
        directory: &dyn Directory,
        mailbox: &Mailbox,
        dry_run: bool,
    ) -> Result<Followed, Refusal> {
        let mut followed = Followed::default();
        if !self.saves_contacts(mailbox).await? {
            return Ok(followed);
        }
        let mut filter = RecordFilter::default();
        loop {
            let page: Vec<StoredRecord<Contact>> = self.store.records(mailbox.id, &filter, PAGE).await?;
            filter.after = page.last().map(|last| (last.sort.clone(), last.id));
            for stored in &page {
                self.follow_one(directory, stored, dry_run, &mut followed).await?;
            }
            if page.len() < PAGE as usize {
                return Ok(followed);
            }
        }
    }

    /// Follows the directory for every mailbox. One that cannot be read does not stop the others.
    pub async fn everybody_follows(&self, directory: &dyn Directory) {
        let mut filter = MailboxFilter::default();
        loop {
            let page = match self.store.mailboxes(&filter, PAGE).await {
                Ok(page) => page,
                Err(error) => return tracing::warn!(%error, "saved contacts not compared with the directory"),
            };
            for mailbox in page.iter().filter(|mailbox| mailbox.enabled) {
                match self.follow_directory(directory, mailbox, false).await {
                    Ok(followed) if followed.changed.is_empty() => {}
                    Ok(followed) => {
                        tracing::info!(mailbox = %mailbox.id, contacts = followed.changed.len(), "saved contacts refreshed");
                    }
                    Err(refusal) => {
                        tracing::warn!(mailbox = %mailbox.id, %refusal, "saved contacts not compared with the directory");
                    }
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => filter.after = Some(last.number.clone()),
                _ => return,
            }
        }
    }

    async fn saves_contacts(&self, mailbox: &Mailbox) -> Result<bool, Refusal> {
        let group = self.store.feature_group(mailbox.feature_group).await?;
        Ok(group.is_some_and(|group| effective(mailbox, &group).save_contacts.value))
    }

    async fn follow_one(
        &self,
        directory: &dyn Directory,
        stored: &StoredRecord<Contact>,
        dry_run: bool,
        followed: &mut Followed,
    ) -> Result<(), Refusal> {
        let id =
            stored.record.uid.as_deref().and_then(|uid| uid.strip_prefix(UID)).and_then(DirectoryId::new);
        let Some(id) = id else { return Ok(()) };
        let Some(person) = directory.person(&id) else {
            followed.gone += 1;
            return Ok(());
        };
        followed.compared += 1;
        let now = self.now();
        let refreshed = refresh(&stored.record, &provenance(stored), &contact_of(&person), &FIELDS, now);
        let told = |fields: Vec<String>| FollowedContact {
            contact: ContactId::from_uuid(stored.id).to_string(),
            name: stored.record.headline(),
            fields,
        };
        if !refreshed.kept.is_empty() {
            let why = |(field, kept): &(ContactField, Kept)| match kept {
                Kept::NotTheDirectorys => format!("{field}: the directory never wrote it"),
                Kept::EditedSince => format!("{field}: edited since"),
            };
            followed.kept.push(told(refreshed.kept.iter().map(why).collect()));
        }
        if refreshed.changed.is_empty() {
            return Ok(());
        }
        let fields = refreshed.changed.iter().map(ToString::to_string).collect();
        if !dry_run {
            let expected = IfVersion::Is(stored.version);
            let put =
                self.put_record(stored.mailbox, Some(stored.id), refreshed.record, expected, by(now)).await;
            match put {
                Ok(_) => {}
                // Somebody was faster; the next pass sees what they did.
                Err(refusal) if refusal.code == "changed-meanwhile" => return Ok(()),
                Err(refusal) => return Err(refusal),
            }
        }
        followed.changed.push(told(fields));
        Ok(())
    }
}

fn uid_of(id: &DirectoryId) -> String {
    format!("{UID}{id}")
}

fn by(at: Timestamp) -> FieldOrigin {
    FieldOrigin { from: DIRECTORY.to_owned(), who: String::new(), at }
}

/// A person as a contact.
fn contact_of(person: &Person) -> Contact {
    let mut contact = Contact {
        display_name: person.display_name.clone(),
        company: person.company.clone().unwrap_or_default(),
        department: person.department.clone().unwrap_or_default(),
        ..Contact::default()
    };
    if let Some(mail) = &person.mail {
        let entry = MailEntry { address: mail.to_string(), name: person.display_name.clone() };
        contact.mails.insert(Slot::First, entry);
    }
    if let Some(sip) = person.sip.first() {
        contact.ims.insert(Slot::First, format!("sip:{}", sip.as_str()));
    }
    for (kind, number) in [PhoneKind::Business, PhoneKind::Business2].into_iter().zip(&person.phones) {
        contact.phones.insert(kind, number.to_string());
    }
    contact
}

/// Who set which field, in the engine's words. The store names the last who changed a field, so that what the directory set
/// still has the directory's value.
fn provenance(stored: &StoredRecord<Contact>) -> FieldProvenance<Contact> {
    let of = |field: &ContactField| {
        let set = stored.provenance.get(&field.to_string())?;
        let origin = match set.from.as_str() {
            DIRECTORY => Origin::Directory,
            "mail" => Origin::Right,
            _ => Origin::Left,
        };
        let value = RecordHash::of(&stored.record.canonical(*field));
        Some((*field, Provenance { origin, at: set.at, rule: String::new(), value }))
    };
    FIELDS.iter().filter_map(of).collect()
}
