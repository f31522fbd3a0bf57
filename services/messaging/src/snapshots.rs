//! Snapshots of a mailbox's contacts or calendar, and what is brought back from them.
//!
//! Everything is brought back in Tieline; the mail system gets it from there, as it gets every other edit, with the next
//! pass and under its brake.

use tieline_model::{Contact, Event, Mailbox, MailboxId, Record, RecordKind, Refusal, SnapshotId};
use tieline_store::{
    AnyRecord, FieldOrigin, IfVersion, LinkQuery, NewSnapshot, RecordFilter, Snapshot, SnapshotEntry, Write,
};
use uuid::Uuid;

use crate::Messaging;
use crate::records::{Imported, Known, uid, unserializable};
use crate::sync::InStep;

/// Entries that are copied in one transaction.
const PORTION: u32 = 200;

/// Whose side of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotSide {
    /// As Tieline had it.
    Tieline,
    /// As the mail system had it.
    Mail,
}

impl SnapshotSide {
    /// As it is stored and printed.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tieline => "tieline",
            Self::Mail => "mail",
        }
    }
}

/// What is brought back, of which snapshot.
struct Bringing<'a> {
    snapshot: Snapshot,
    side: SnapshotSide,
    /// Only this one.
    entry: Option<&'a str>,
    by: &'a FieldOrigin,
    restored: Imported,
}

impl Messaging {
    /// Copies Tieline's side of a mailbox's contacts or calendar.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn take_snapshot(
        &self,
        mailbox: &Mailbox,
        kind: RecordKind,
        reason: &str,
    ) -> Result<SnapshotId, Refusal> {
        let id = SnapshotId::from_uuid(self.ids.uuid());
        let new = NewSnapshot { id, mailbox: mailbox.id, kind, reason: reason.to_owned() };
        self.commit(vec![Write::Snapshot(new)]).await?;
        match kind {
            RecordKind::Contacts => self.copy_side::<Contact>(mailbox.id, id).await?,
            RecordKind::Calendar => self.copy_side::<Event>(mailbox.id, id).await?,
        }
        self.commit(vec![Write::SnapshotComplete(id)]).await?;
        Ok(id)
    }

    /// A portion at a time, so that a large mailbox is never in memory.
    pub(crate) async fn copy_side<R: Record>(
        &self,
        mailbox: MailboxId,
        id: SnapshotId,
    ) -> Result<(), Refusal> {
        let mut filter = RecordFilter::default();
        loop {
            let page = self.store.records::<R>(mailbox, &filter, PORTION).await?;
            let Some(last) = page.last() else { return Ok(()) };
            filter.after = Some((last.sort.clone(), last.id));
            let mut entries = Vec::with_capacity(page.len());
            for stored in &page {
                entries.push(SnapshotEntry {
                    side: SnapshotSide::Tieline.label().to_owned(),
                    entry: stored.id.simple().to_string(),
                    headline: stored.record.headline(),
                    body: serde_json::to_value(&stored.record).map_err(unserializable)?,
                });
            }
            self.commit(vec![Write::SnapshotEntries { id, entries }]).await?;
        }
    }

    /// Brings back what a snapshot holds of a side: what is missing is added (under its own id, if it is Tieline's), what
    /// differs is set back; what came later stays. Without `entry`, the id of a stored entry, everything.
    ///
    /// # Errors
    /// When the snapshot is not complete or lacks the entry, or the store cannot be written.
    pub async fn restore_snapshot(
        &self,
        id: SnapshotId,
        side: SnapshotSide,
        entry: Option<&str>,
        by: &FieldOrigin,
    ) -> Result<Imported, Refusal> {
        let Some(snapshot) = self.store.snapshot(id).await?.filter(|snapshot| snapshot.complete.is_some())
        else {
            return Err(Refusal::permanent(
                "unknown-snapshot",
                format!("there is no complete snapshot {id}"),
                "tieline snapshot list shows them",
            ));
        };
        let kind = snapshot.kind;
        let mut bringing = Bringing { snapshot, side, entry, by, restored: Imported::default() };
        let found = match kind {
            RecordKind::Contacts => self.bring_back::<Contact>(&mut bringing).await?,
            RecordKind::Calendar => self.bring_back::<Event>(&mut bringing).await?,
        };
        if entry.is_some() && !found {
            let what = format!("the snapshot {id} does not hold this entry");
            return Err(Refusal::permanent(
                "unknown-snapshot-entry",
                what,
                "tieline snapshot show lists its entries",
            ));
        }
        Ok(bringing.restored)
    }

    async fn bring_back<R: InStep>(&self, bringing: &mut Bringing<'_>) -> Result<bool, Refusal> {
        let side = bringing.side;
        let mailbox = bringing.snapshot.mailbox;
        let mut known = Known::default();
        if side == SnapshotSide::Mail {
            for stored in self.all_records::<R>(mailbox).await? {
                known.add(stored.id, &stored.record);
            }
        }
        let (mut after, mut found) = (String::new(), false);
        loop {
            let page =
                self.store.snapshot_entries(bringing.snapshot.id, Some((side.label(), &after)), 500).await?;
            // The other side's entries follow.
            let own = page.iter().take_while(|one| one.side == side.label());
            let Some(last) = own.last() else { return Ok(found) };
            after = last.entry.clone();
            for one in page.into_iter().take_while(|one| one.side == side.label()) {
                if bringing.entry.is_some_and(|wanted| wanted != one.entry) {
                    continue;
                }
                found = true;
                let record: R = serde_json::from_value(one.body).map_err(unserializable)?;
                match side {
                    SnapshotSide::Tieline => {
                        if let Ok(id) = Uuid::try_parse(&one.entry) {
                            self.set_back(mailbox, id, record, bringing.by, &mut bringing.restored).await?;
                        }
                    }
                    SnapshotSide::Mail => {
                        self.set_back_mail(mailbox, &one.entry, record, &known, bringing).await?;
                    }
                }
            }
        }
    }

    /// An item as the mail system had it: the entry that is linked with it, or is the same, becomes that again. What the
    /// mail system cannot hold stays as it is in Tieline.
    async fn set_back_mail<R: InStep>(
        &self,
        mailbox: MailboxId,
        item: &str,
        record: R,
        known: &Known,
        bringing: &mut Bringing<'_>,
    ) -> Result<(), Refusal> {
        let query = LinkQuery::Right(vec![item.to_owned()]);
        let linked = self.store.sync_links::<R>(mailbox, &query).await?;
        let linked = linked.into_iter().find_map(|(_, entry)| Some(entry?.id));
        let same = || known.by_hash.get(record.hash().as_str()).copied();
        let same_uid = || known.by_uid.get(&uid(&record)?).copied();
        let now = match linked.or_else(same).or_else(same_uid) {
            Some(id) => self.store.record::<R>(id).await?,
            None => None,
        };
        let Some(now) = now else {
            bringing.restored.added += 1;
            return self
                .put_record(mailbox, None, record, IfVersion::Absent, bringing.by.clone())
                .await
                .map(|_| ());
        };
        let system = self.0.records.get().and_then(R::system);
        let shown = system.map_or_else(|| now.record.clone(), |system| system.render(&now.record));
        let mut as_it_was = now.record.clone();
        for field in record.differences(&shown) {
            as_it_was.copy_field(field, &record);
        }
        self.set_back(mailbox, now.id, as_it_was, bringing.by, &mut bringing.restored).await
    }

    async fn set_back<R: Record + Into<AnyRecord>>(
        &self,
        mailbox: MailboxId,
        id: Uuid,
        record: R,
        by: &FieldOrigin,
        restored: &mut Imported,
    ) -> Result<(), Refusal> {
        let now = self.store.record::<R>(id).await?;
        let expected = match &now {
            Some(now) if now.record.differences(&record).is_empty() => {
                restored.same += 1;
                return Ok(());
            }
            Some(now) => {
                restored.changed += 1;
                IfVersion::Is(now.version)
            }
            None => {
                restored.added += 1;
                IfVersion::Absent
            }
        };
        self.put_record(mailbox, Some(id), record, expected, by.clone()).await.map(|_| ())
    }
}
