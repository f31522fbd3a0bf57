//! Tieline's own contacts and events: people and programs add, change, remove and restore them. The synchronization
//! finds what they did by the order of changes; an edit begins a pass, and waits for nothing.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use tieline_model::{Contact, DeletionId, Event, MailboxId, Record, RecordKind, Refusal, TraceId};
use tieline_store::{
    AnyRecord, Deletion, FieldOrigin, IfVersion, NewDeletion, NewEvent, RecordFilter, RecordWrite,
    StoredRecord, UNDO_FOR, Write, printed,
};
use uuid::Uuid;

use crate::Messaging;

/// Entries in one transaction, and in one page of reading.
const PORTION: usize = 200;
/// The most contacts or events of one mailbox that are read at once, for imports and exports.
const MOST: usize = 100_000;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Imported {
    /// New entries.
    pub added: u64,
    /// Entries that were there with the same UID, and changed.
    pub changed: u64,
    /// Entries that were there already.
    pub same: u64,
}

impl Messaging {
    /// The pass that takes an edit over to the mail system, to be written with the edit.
    async fn carry_over(&self, mailbox: MailboxId, kind: RecordKind) -> Result<Vec<Write>, Refusal> {
        let Some(mailbox) = self.store.mailbox(mailbox).await? else { return Ok(Vec::new()) };
        Ok(self.records_jobs(&mailbox, &[kind]).await?)
    }

    /// Adds a contact or event, or replaces the one with this id.
    ///
    /// # Errors
    /// When it has another version than `expected` by now, or the store cannot be written.
    pub async fn put_record<R: Record + Into<AnyRecord>>(
        &self,
        mailbox: MailboxId,
        id: Option<Uuid>,
        record: R,
        expected: IfVersion,
        by: FieldOrigin,
    ) -> Result<Uuid, Refusal> {
        let before = match id {
            Some(id) => self.store.record::<R>(id).await?,
            None => None,
        };
        let id = id.unwrap_or_else(|| self.ids.uuid());
        let (trace, at) = (self.new_trace(), self.now());
        let before = before.map(|before| before.record);
        let mut writes = self.put_writes(mailbox, (id, trace), &before, record, expected, by, at);
        writes.extend(self.carry_over(mailbox, R::KIND).await?);
        self.commit(writes).await?;
        Ok(id)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what an edit is: whose, which, from what to what, by whom, when"
    )]
    fn put_writes<R: Record + Into<AnyRecord>>(
        &self,
        mailbox: MailboxId,
        (id, trace): (Uuid, TraceId),
        before: &Option<R>,
        record: R,
        expected: IfVersion,
        by: FieldOrigin,
        at: Timestamp,
    ) -> Vec<Write> {
        let subject = printed(R::KIND, id);
        let fields: Vec<String> = match before {
            Some(before) => record.differences(before).iter().map(ToString::to_string).collect(),
            None => R::fields()
                .iter()
                .filter(|field| !record.canonical(**field).is_empty())
                .map(ToString::to_string)
                .collect(),
        };
        let verb = if before.is_some() { "changed" } else { "added" };
        let decision = tieline_model::Decision::new(
            trace,
            &subject,
            at,
            "edited-in-tieline",
            format!("{verb} {}", record.headline()),
        )
        .input("by", who(&by))
        .input("fields", fields.join(", "))
        .input("mailbox", mailbox);
        let event = NewEvent {
            topic: topic(R::KIND).to_owned(),
            subject,
            payload: serde_json::json!({"what": verb, "mailbox": mailbox, "trace": trace, "fields": fields}),
        };
        let write = RecordWrite::put(mailbox, id, record, self.ids.uuid(), by).expecting(expected);
        let mut writes = vec![Write::Record(Box::new(write)), Write::Event(event), Write::Decision(decision)];
        writes.extend((R::KIND == RecordKind::Calendar).then(|| self.location_job(mailbox)));
        writes
    }

    /// Deletes a contact or event; it can be restored for 14 days.
    ///
    /// # Errors
    /// When it has another version than `expected` by now, or the store cannot be written.
    pub async fn delete_record<R: Record>(
        &self,
        stored: &StoredRecord<R>,
        expected: IfVersion,
        by: FieldOrigin,
    ) -> Result<DeletionId, Refusal> {
        let (at, trace) = (self.now(), self.new_trace());
        let id = DeletionId::from_uuid(self.ids.uuid());
        let body = serde_json::to_value(&stored.record).map_err(unserializable)?;
        let subject = printed(R::KIND, stored.id);
        let headline = stored.record.headline();
        let deletion = NewDeletion {
            id,
            mailbox: stored.mailbox,
            kind: R::KIND,
            record: Some(stored.id),
            headline: headline.clone(),
            by: who(&by),
            until: at.saturating_add(UNDO_FOR).unwrap_or(Timestamp::MAX),
            body,
        };
        let decision = tieline_model::Decision::new(
            trace,
            &subject,
            at,
            "deleted-in-tieline",
            format!("deleted {headline}; {id} undoes it"),
        )
        .input("by", who(&by));
        let payload =
            serde_json::json!({"what": "deleted", "mailbox": stored.mailbox, "trace": trace, "deletion": id});
        let event = NewEvent { topic: topic(R::KIND).to_owned(), subject, payload };
        let delete = RecordWrite::delete(stored.mailbox, R::KIND, stored.id, by).expecting(expected);
        let mut writes = vec![
            Write::Record(Box::new(delete)),
            Write::Deletion(deletion),
            Write::Event(event),
            Write::Decision(decision),
        ];
        writes.extend((R::KIND == RecordKind::Calendar).then(|| self.location_job(stored.mailbox)));
        writes.extend(self.carry_over(stored.mailbox, R::KIND).await?);
        self.commit(writes).await?;
        Ok(id)
    }

    /// Brings a deleted contact or event back under its own id. The synchronization then brings it back in the mail
    /// system too.
    ///
    /// # Errors
    /// When there is nothing to undo any more, or the entry is there again.
    pub async fn restore_deletion(&self, deletion: &Deletion, by: FieldOrigin) -> Result<String, Refusal> {
        match deletion.kind {
            RecordKind::Contacts => self.restore::<Contact>(deletion, by).await,
            RecordKind::Calendar => self.restore::<Event>(deletion, by).await,
        }
    }

    async fn restore<R: Record + Into<AnyRecord>>(
        &self,
        deletion: &Deletion,
        by: FieldOrigin,
    ) -> Result<String, Refusal> {
        let record: R = serde_json::from_value(deletion.body.clone()).map_err(unserializable)?;
        let id = deletion.record.unwrap_or_else(|| self.ids.uuid());
        let (trace, at) = (self.new_trace(), self.now());
        let mut writes = vec![Write::DeletionRestored(deletion.id)];
        writes.extend(self.put_writes(
            deletion.mailbox,
            (id, trace),
            &None,
            record,
            IfVersion::Absent,
            by,
            at,
        ));
        writes.extend(self.carry_over(deletion.mailbox, R::KIND).await?);
        self.commit(writes).await?;
        Ok(printed(R::KIND, id))
    }

    /// Takes entries in: one with a known UID replaces it, one that is there with all its fields is not added again.
    ///
    /// # Errors
    /// When the store cannot be written; what was taken in by then stays, and a second try goes on.
    pub async fn import_records<R: Record + Into<AnyRecord>>(
        &self,
        mailbox: MailboxId,
        records: Vec<R>,
        by: &FieldOrigin,
    ) -> Result<Imported, Refusal> {
        let mut known = Known::default();
        for stored in self.all_records::<R>(mailbox).await? {
            known.add(stored.id, &stored.record);
        }
        let mut imported = Imported::default();
        for portion in records.chunks(PORTION) {
            let (mut writes, at) = (Vec::new(), self.now());
            for record in portion {
                let hash = record.hash();
                let there = uid(record).and_then(|uid| known.by_uid.get(&uid).copied());
                if known.by_hash.contains_key(hash.as_str())
                    && there.is_none_or(|id| known.by_hash.get(hash.as_str()) == Some(&id))
                {
                    imported.same += 1;
                    continue;
                }
                let before = match there {
                    Some(id) => self.store.record::<R>(id).await?.map(|stored| stored.record),
                    None => None,
                };
                *(if there.is_some() { &mut imported.changed } else { &mut imported.added }) += 1;
                let id = there.unwrap_or_else(|| self.ids.uuid());
                known.add(id, record);
                let trace = self.new_trace();
                writes.extend(self.put_writes(
                    mailbox,
                    (id, trace),
                    &before,
                    record.clone(),
                    IfVersion::Any,
                    by.clone(),
                    at,
                ));
            }
            self.commit(writes).await?;
        }
        self.commit(self.carry_over(mailbox, R::KIND).await?).await?;
        Ok(imported)
    }

    /// Every contact or event of a mailbox, a page at a time.
    ///
    /// # Errors
    /// When there are more than are read at once, or the store cannot be read.
    pub async fn all_records<R: Record>(&self, mailbox: MailboxId) -> Result<Vec<StoredRecord<R>>, Refusal> {
        self.records_where(mailbox, RecordFilter::default()).await
    }

    /// The same with a filter.
    ///
    /// # Errors
    /// When there are more than are read at once, or the store cannot be read.
    pub async fn records_where<R: Record>(
        &self,
        mailbox: MailboxId,
        mut filter: RecordFilter,
    ) -> Result<Vec<StoredRecord<R>>, Refusal> {
        let mut all: Vec<StoredRecord<R>> = Vec::new();
        loop {
            let page = self.store.records::<R>(mailbox, &filter, 500).await?;
            let full = page.len() == 500;
            filter.after = page.last().map(|last| (last.sort.clone(), last.id));
            all.extend(page);
            if !full {
                return Ok(all);
            }
            if all.len() >= MOST {
                return Err(Refusal::permanent(
                    "too-many-records",
                    format!("the mailbox holds more than {MOST} of them"),
                    "ask for a page or a span of time instead",
                ));
            }
        }
    }
}

/// What is there before an import.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) by_uid: BTreeMap<String, Uuid>,
    pub(crate) by_hash: HashMap<String, Uuid>,
}

impl Known {
    pub(crate) fn add<R: Record>(&mut self, id: Uuid, record: &R) {
        if let Some(uid) = uid(record) {
            self.by_uid.insert(uid, id);
        }
        self.by_hash.insert(record.hash().as_str().to_owned(), id);
    }
}

pub(crate) fn uid<R: Record>(record: &R) -> Option<String> {
    record.match_keys().into_iter().find_map(|key| match key {
        tieline_model::MatchKey::Uid(uid) => Some(uid),
        _ => None,
    })
}

/// The topic of events about it.
const fn topic(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Contacts => "contact",
        RecordKind::Calendar => "event",
    }
}

fn who(by: &FieldOrigin) -> String {
    if by.who.is_empty() { by.from.clone() } else { format!("{} ({})", by.from, by.who) }
}

pub(crate) fn unserializable(error: serde_json::Error) -> Refusal {
    Refusal::operator(
        "store-corrupt",
        format!("an entry cannot be read: {error}"),
        "restore the database from its backup, and report this line",
    )
}
