//! Tieline's own contacts and events, with their history: which version, in which order, and who set which field.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::{Contact, ContactId, Event as CalendarEvent, EventId, MailboxId, Record, RecordKind};
use uuid::Uuid;

use crate::store::read;
use crate::{Store, StoreError};

/// A contact or an event, whichever.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRecord {
    /// A contact.
    Contact(Box<Contact>),
    /// An event.
    Event(Box<CalendarEvent>),
}

impl AnyRecord {
    pub(crate) const fn kind(&self) -> RecordKind {
        match self {
            Self::Contact(_) => RecordKind::Contacts,
            Self::Event(_) => RecordKind::Calendar,
        }
    }
}

impl From<Contact> for AnyRecord {
    fn from(contact: Contact) -> Self {
        Self::Contact(Box::new(contact))
    }
}

impl From<CalendarEvent> for AnyRecord {
    fn from(event: CalendarEvent) -> Self {
        Self::Event(Box::new(event))
    }
}

/// The version that a change was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfVersion {
    /// Whatever there is.
    Any,
    /// There must be none.
    Absent,
    /// Exactly this one.
    Is(Uuid),
}

/// A change of one contact or event.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// Which. Stays when it is restored.
    pub id: Uuid,
    /// Whose.
    pub mailbox: MailboxId,
    /// Contact or event.
    pub kind: RecordKind,
    /// The version that the change was made for; another one is a conflict (`changed-meanwhile`).
    pub expected: IfVersion,
    /// What it becomes, and its new version; `None` deletes it.
    pub put: Option<(AnyRecord, Uuid)>,
    /// Who sets the fields that change.
    pub by: FieldOrigin,
    /// When it was edited, if a person did it.
    pub edited: Option<Timestamp>,
}

impl RecordWrite {
    /// Adds or replaces one.
    #[must_use]
    pub fn put(
        mailbox: MailboxId,
        id: Uuid,
        record: impl Into<AnyRecord>,
        version: Uuid,
        by: FieldOrigin,
    ) -> Self {
        let record = record.into();
        let kind = record.kind();
        Self {
            id,
            mailbox,
            kind,
            expected: IfVersion::Any,
            put: Some((record, version)),
            edited: Some(by.at),
            by,
        }
    }

    /// Deletes one.
    #[must_use]
    pub const fn delete(mailbox: MailboxId, kind: RecordKind, id: Uuid, by: FieldOrigin) -> Self {
        Self { id, mailbox, kind, expected: IfVersion::Any, put: None, edited: Some(by.at), by }
    }

    /// Binds the change to a version.
    #[must_use]
    pub const fn expecting(mut self, expected: IfVersion) -> Self {
        self.expected = expected;
        self
    }
}

/// Who set a field, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldOrigin {
    /// Which side: `tieline`, `mail`, `directory`, `import`.
    pub from: String,
    /// Who there, as far as it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// A contact or event as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredRecord<R> {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub mailbox: MailboxId,
    /// Changes with each write.
    pub version: Uuid,
    /// When it came into being here.
    pub created: Timestamp,
    /// When a person edited it last; `None` when only synchronization did.
    pub edited: Option<Timestamp>,
    /// Itself.
    pub record: R,
    /// Who set which field last, by the field's name.
    pub provenance: BTreeMap<String, FieldOrigin>,
    /// What to send for the next page of a list.
    pub sort: String,
}

/// One change in the order in which changes were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordChange {
    /// Its place in the order.
    pub seq: i64,
    /// Of which.
    pub id: Uuid,
    /// Its version; `None` when it is gone.
    pub version: Option<Uuid>,
}

/// Which contacts or events to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFilter {
    /// Only those whose name or subject begins or goes on with this, in any case.
    pub search: Option<String>,
    /// Only those with this UID.
    pub uid: Option<String>,
    /// Events that may take place in this time, series included.
    pub between: Option<(Timestamp, Timestamp)>,
    /// After this sort key and id, for the next page.
    pub after: Option<(String, Uuid)>,
}

/// How a record is kept besides its JSON.
pub(crate) struct Indexed {
    pub(crate) uid: Option<String>,
    pub(crate) sort: String,
    pub(crate) start_ms: Option<i64>,
    pub(crate) end_ms: Option<i64>,
    pub(crate) keys: Vec<String>,
}

impl Indexed {
    pub(crate) fn of(record: &AnyRecord) -> Self {
        match record {
            AnyRecord::Contact(contact) => Self {
                uid: contact.uid.clone(),
                sort: sort_key(&searchable(contact)),
                start_ms: None,
                end_ms: None,
                keys: keys(&**contact),
            },
            AnyRecord::Event(event) => {
                let (start_ms, end_ms) = extent(event);
                let sort = sort_key(&event.subject);
                Self { uid: event.uid.clone(), sort, start_ms, end_ms, keys: keys(&**event) }
            }
        }
    }
}

fn keys<R: Record>(record: &R) -> Vec<String> {
    let mut keys: Vec<String> = record.match_keys().iter().map(|key| storable(&key.text())).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// NUL, which separates parts of keys, cannot be stored in a text column of PostgreSQL.
pub(crate) fn storable(key: &str) -> String {
    key.replace('\0', "\u{1}").chars().take(1000).collect()
}

/// What people look a contact up by: its names, company and numbers.
fn searchable(contact: &Contact) -> String {
    let mut text = contact.headline();
    for part in [&contact.surname, &contact.given_name, &contact.company] {
        text.push(' ');
        text.push_str(part);
    }
    for number in contact.phones.values() {
        text.push(' ');
        text.extend(number.chars().filter(|c| c.is_ascii_digit() || *c == '+'));
    }
    text
}

fn sort_key(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(400).collect();
    text.to_lowercase()
}

/// From the first start to the last end; open where the series is, or where a zone is not known.
fn extent(event: &CalendarEvent) -> (Option<i64>, Option<i64>) {
    let schedule = &event.schedule;
    // A day more on both ends makes zones harmless.
    let day = SignedDuration::from_hours(24);
    let (Ok(start), Ok(end)) = (schedule.start.instant(), schedule.end.instant()) else {
        return (None, None);
    };
    let mut from = start.saturating_sub(day).unwrap_or(Timestamp::MIN);
    let Some(series) = &schedule.recurrence else {
        let to = end.max(start).saturating_add(day).unwrap_or(Timestamp::MAX);
        return (Some(from.as_millisecond()), Some(to.as_millisecond()));
    };
    let zone = schedule.start.zone.resolve().ok();
    let at = |local| zone.as_ref().and_then(|zone| zone.to_ambiguous_timestamp(local).compatible().ok());
    let mut last = match series.ends {
        tieline_model::Ends::On(date) => at(date.to_datetime(jiff::civil::Time::midnight())),
        tieline_model::Ends::Never | tieline_model::Ends::After(_) => None,
    };
    for exception in series.exceptions.values() {
        from = at(exception.start).map_or(from, |start| from.min(start));
        last = last.and_then(|last| Some(last.max(at(exception.end)?)));
    }
    let length = end.duration_since(start).max(SignedDuration::ZERO) + day + day;
    let to = last.map(|last| last.saturating_add(length).unwrap_or(Timestamp::MAX).as_millisecond());
    (Some(from.as_millisecond()), to)
}

/// The printed id of a contact or event.
#[must_use]
pub fn printed(kind: RecordKind, id: Uuid) -> String {
    match kind {
        RecordKind::Contacts => ContactId::from_uuid(id).to_string(),
        RecordKind::Calendar => EventId::from_uuid(id).to_string(),
    }
}

impl Store {
    /// One contact or event; `None` when there is none (any more).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn record<R: Record>(&self, id: Uuid) -> Result<Option<StoredRecord<R>>, StoreError> {
        read!(self, conn => record::one(conn, id))
    }

    /// A mailbox's contacts by name, or events by subject.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn records<R: Record>(
        &self,
        mailbox: MailboxId,
        filter: &RecordFilter,
        limit: u32,
    ) -> Result<Vec<StoredRecord<R>>, StoreError> {
        read!(self, conn => record::list(conn, mailbox, filter, limit))
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn record_count(&self, mailbox: MailboxId, kind: RecordKind) -> Result<u64, StoreError> {
        read!(self, conn => record::count_of(conn, mailbox, kind))
    }

    /// What changed after `seq`, each once with its last change, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn record_changes(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RecordChange>, StoreError> {
        read!(self, conn => record::changes(conn, mailbox, kind, after, limit))
    }
}
