//! Tieline's side and the engine's own rows, in the store's words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use tieline_model::{DeletionId, LinkId, MailboxId, Refusal};
use tieline_store::{
    FieldOrigin, IfVersion, LinkQuery, LinkedRecord, NewConflict, NewDeletion, NewEvent, RecordWrite,
    StoredRecord, SyncLink, SyncUnit, Write, printed,
};
use tieline_sync::{
    Backlog, Change, Commit, LeftItem, LeftWrite, Link, Linked, Page, Query, Seen, Side, Unit,
};
use tieline_worker::{JobContext, WorkError};
use uuid::Uuid;

use super::{InStep, Pass};
use crate::Messaging;
use crate::jobs::json as value;

impl<R: InStep> Pass<'_, R> {
    pub(crate) async fn left_page(&self, cursor: Option<String>, limit: usize) -> Result<Page, WorkError> {
        let after = cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let limit = u32::try_from(limit).unwrap_or(512);
        let found = self.messaging.store.record_changes(self.mailbox.id, R::KIND, after, limit).await?;
        let complete = found.len() < limit as usize;
        let cursor = found.last().map_or(after, |last| last.seq).to_string();
        let change = |change: &tieline_store::RecordChange| match change.version {
            Some(version) => Change::Present { id: text(change.id), etag: text(version) },
            None => Change::Gone { id: text(change.id) },
        };
        Ok(Page { changes: found.iter().map(change).collect(), cursor, complete })
    }

    pub(crate) async fn links(&mut self, query: Query) -> Result<(Vec<Linked<R>>, Backlog), WorkError> {
        let mut backlog = Backlog::default();
        let limit_of = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let found = match query {
            Query::ByLeft(ids) => {
                self.ask(LinkQuery::Left(ids.iter().filter_map(|id| id_of(id)).collect())).await?
            }
            Query::ByRight(ids) => self.ask(LinkQuery::Right(ids)).await?,
            Query::Kin { ids, keys } => self.kin(ids, keys).await?,
            Query::Unseen { generation, after, limit } => {
                self.ask(LinkQuery::Unseen { generation, after, limit: limit_of(limit) }).await?
            }
            Query::Due { now, after, limit } => {
                let first = after.is_none();
                let due = self.ask(LinkQuery::Due { now, after, limit: limit_of(limit) }).await?;
                backlog = self.backlog(first, due.is_empty()).await?;
                due
            }
        };
        Ok((found, backlog))
    }

    /// Asked for with each batch, so that little is: how many are linked at the first one, and when the next is due at the
    /// end.
    async fn backlog(&mut self, first: bool, last: bool) -> Result<Backlog, WorkError> {
        let store = &self.messaging.store;
        if last {
            let next = store.next_link_due(self.mailbox.id, R::KIND).await?;
            return Ok(Backlog {
                next: next.map(|next| next.max(Timestamp::UNIX_EPOCH)),
                ..Backlog::default()
            });
        }
        let (gone, missing) = store.links_gone(self.mailbox.id, R::KIND).await?;
        if first {
            self.linked = store.link_counts(self.mailbox.id, R::KIND).await?.linked;
        }
        Ok(Backlog { linked: self.linked, gone, missing, next: None })
    }

    async fn ask(&self, query: LinkQuery) -> Result<Vec<Linked<R>>, WorkError> {
        let found = self.messaging.store.sync_links::<R>(self.mailbox.id, &query).await?;
        found.into_iter().map(known).collect()
    }

    async fn kin(&self, ids: Vec<LinkId>, keys: Vec<String>) -> Result<Vec<Linked<R>>, WorkError> {
        let mut kin: BTreeMap<LinkId, Linked<R>> = BTreeMap::new();
        for linked in self.ask(LinkQuery::Ids(ids)).await? {
            kin.insert(linked.0.id, linked);
        }
        if keys.is_empty() {
            return Ok(kin.into_values().collect());
        }
        let (linked, unlinked) = self.messaging.store.kin::<R>(self.mailbox.id, &keys).await?;
        for linked in linked.into_iter().map(known) {
            let linked = linked?;
            kin.insert(linked.0.id, linked);
        }
        if !unlinked.is_empty() {
            let kept = self.messaging.kept_state::<R>(self.mailbox.id).await?.unwrap_or_default();
            for item in unlinked.into_iter().map(item) {
                let link = Link::of_left(LinkId::from_uuid(self.messaging.ids.uuid()), &item, &kept.state);
                kin.insert(link.id, (link, Some(item)));
            }
        }
        Ok(kin.into_values().collect())
    }

    pub(crate) async fn commit(&mut self, commit: Commit<R>) -> Result<Vec<LinkId>, WorkError> {
        for portion in self.spool.portions() {
            self.context.commit(vec![portion]).await?;
            self.next_step().await;
        }
        let (pass, spool) = (self.id(), &mut self.spool);
        let mut writes = spool.writes(&commit.state, pass);
        let kept = self.kept(commit.state);
        writes.push(self.state_write(&kept));
        let moved = R::KIND == tieline_model::RecordKind::Calendar
            && commit.units.iter().any(|unit| unit.left.is_some());
        let units: Vec<SyncUnit> =
            commit.units.into_iter().map(|unit| self.unit(unit)).collect::<Result<_, _>>()?;
        if !units.is_empty() {
            writes.push(Write::SyncUnits(units));
        }
        writes.extend(moved.then(|| self.messaging.location_job(self.mailbox.id)));
        Ok(self.context.commit(writes).await?.refused)
    }

    fn unit(&self, unit: Unit<R>) -> Result<SyncUnit, WorkError> {
        let at = self.context.now();
        let trace = self.context.job().trace;
        let left_of = |link: &Link<R>| link.left.as_ref().and_then(|left| id_of(&left.id));
        let about = unit
            .put
            .as_ref()
            .and_then(left_of)
            .or_else(|| unit.left.as_ref().and_then(|left| id_of(&left.id)));
        let subject = about.map_or_else(|| unit.link.to_string(), |id| printed(R::KIND, id));
        let decision = unit.reason.as_ref().map(|reason| {
            let mut decision = reason
                .decision(trace, unit.link, at)
                .input("link", unit.link)
                .input("mailbox", self.mailbox.id);
            decision.subject = subject.clone();
            decision
        });
        let event = unit.left.as_ref().map(|left| NewEvent {
            topic: if R::KIND == tieline_model::RecordKind::Contacts { "contact" } else { "event" }
                .to_owned(),
            subject: subject.clone(),
            payload: json!({
                "what": if left.put.is_some() { "synchronized" } else { "deleted" },
                "mailbox": self.mailbox.id,
                "trace": trace,
            }),
        });
        let conflict = unit.conflict.as_ref().map(|conflict| NewConflict {
            mailbox: self.mailbox.id,
            kind: R::KIND,
            link: conflict.link,
            body: value(conflict),
        });
        // What was deleted in Tieline is kept since then, by whoever deleted it.
        let undo = unit.undo.as_ref().filter(|undo| undo.deleted_on == Side::Right);
        let deletion = undo.map(|undo| NewDeletion {
            id: DeletionId::from_uuid(self.messaging.ids.uuid()),
            mailbox: self.mailbox.id,
            kind: R::KIND,
            record: undo.left.as_deref().and_then(id_of),
            headline: undo.record.headline(),
            by: undo.deleted_on.label().to_owned(),
            until: undo.until,
            body: value(&undo.record),
        });
        Ok(SyncUnit {
            link: unit.link,
            left: unit.left.map(|left| self.left_write(left, at)).transpose()?,
            put: unit.put.map(|link| stored_link(self.mailbox.id, &link)).transpose()?,
            absorbed: unit.absorbed,
            conflict,
            deletion,
            decision,
            event,
        })
    }

    fn left_write(&self, left: LeftWrite<R>, at: Timestamp) -> Result<RecordWrite, WorkError> {
        let bad = || unreadable_id(&left.id);
        let id = id_of(&left.id).ok_or_else(bad)?;
        let expected = match &left.if_etag {
            Some(etag) => IfVersion::Is(id_of(etag).ok_or_else(bad)?),
            None => IfVersion::Absent,
        };
        let by = FieldOrigin { from: "mail".to_owned(), who: String::new(), at };
        let write = match left.put {
            Some((record, etag)) => {
                let version = id_of(&etag).ok_or_else(|| unreadable_id(&etag))?;
                RecordWrite { edited: None, ..RecordWrite::put(self.mailbox.id, id, record, version, by) }
            }
            None => RecordWrite { edited: None, ..RecordWrite::delete(self.mailbox.id, R::KIND, id, by) },
        };
        Ok(write.expecting(expected))
    }
}

impl Messaging {
    /// Items that were put aside are tried again by the next pass.
    pub(crate) async fn retry_put_aside<R: InStep>(
        &self,
        context: &JobContext,
        mailbox: MailboxId,
    ) -> Result<(), WorkError> {
        loop {
            let found = self.store.sync_links::<R>(mailbox, &LinkQuery::Quarantined { limit: 100 }).await?;
            if found.is_empty() {
                return Ok(());
            }
            let mut units = Vec::new();
            for (body, _) in found {
                let mut link: Link<R> = serde_json::from_str(&body).map_err(unreadable)?;
                link.retry();
                units.push(SyncUnit {
                    link: link.id,
                    left: None,
                    put: Some(stored_link(mailbox, &link)?),
                    absorbed: None,
                    conflict: None,
                    deletion: None,
                    decision: None,
                    event: None,
                });
            }
            context.commit(vec![Write::SyncUnits(units)]).await?;
        }
    }
}

fn stored_link<R: InStep>(mailbox: MailboxId, link: &Link<R>) -> Result<SyncLink, WorkError> {
    let away = |seen: Seen| matches!(seen, Seen::Gone | Seen::Missing);
    let one_sided =
        link.base.is_some() && link.intent.is_none() && away(link.seen_left) != away(link.seen_right);
    Ok(SyncLink {
        id: link.id,
        mailbox,
        kind: R::KIND,
        left: link.left.as_ref().and_then(|left| id_of(&left.id)),
        right: link.right.as_ref().map(|right| right.id.clone()),
        due: link.due(),
        place: link.rank(),
        generation: link.generation,
        linked: link.base.is_some(),
        gone: one_sided,
        missing: one_sided && link.seen_right == Seen::Missing,
        quarantined: link.trouble.as_ref().is_some_and(|trouble| trouble.quarantined),
        body: serde_json::to_string(link).map_err(unreadable)?,
    })
}

fn known<R: InStep>((body, entry): LinkedRecord<R>) -> Result<Linked<R>, WorkError> {
    let link: Link<R> = serde_json::from_str(&body).map_err(unreadable)?;
    Ok((link, entry.map(item)))
}

fn item<R>(stored: StoredRecord<R>) -> LeftItem<R> {
    LeftItem { id: text(stored.id), etag: text(stored.version), edited: stored.edited, record: stored.record }
}

fn text(id: Uuid) -> String {
    id.simple().to_string()
}

fn id_of(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

fn unreadable(error: serde_json::Error) -> WorkError {
    let what = format!("a link of the synchronization cannot be read: {error}");
    WorkError::failed(Refusal::operator(
        "store-corrupt",
        what,
        "restore the database from its backup, and report this line",
    ))
}

fn unreadable_id(text: &str) -> WorkError {
    WorkError::failed(Refusal::permanent(
        "bad-entry-id",
        format!("{text:?} is no entry of this store"),
        "report this line together with tieline --version",
    ))
}
