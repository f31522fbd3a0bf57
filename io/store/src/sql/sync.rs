//! Links, states and conflicts of the synchronization.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Connection as _;
use tieline_model::{Decision, LinkId, MailboxId, Record, RecordKind};
use uuid::Uuid;

use super::rows::Rows;
use super::{Conn, Db, deletion, event, record};
use crate::column::{count, json, natural, or_unknown, parse, time};
use crate::writer::Effects;
use crate::{
    LinkCounts, LinkQuery, LinkedRecord, NewConflict, NewEvent, RecordWrite, StoreError, StoredRecord,
    SyncLink, SyncOverview, SyncUnit,
};

pub(crate) async fn put_state(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    body: &Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO sync_state (mailbox, kind, body, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (mailbox, kind) DO UPDATE SET body = excluded.body, at_ms = excluded.at_ms";
    let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(kind.label()).bind(json(body)?);
    let done = query.bind(at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", mailbox))
}

pub(crate) async fn state(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
) -> Result<Option<(Value, Timestamp)>, StoreError> {
    let sql = "SELECT body, at_ms FROM sync_state WHERE mailbox = $1 AND kind = $2";
    let query = sqlx::query_as::<Db, (String, i64)>(sql).bind(mailbox.uuid()).bind(kind.label());
    let row = query.fetch_optional(conn).await?;
    row.map(|(body, at_ms)| Ok((parse(&body)?, time(at_ms)?))).transpose()
}

/// Carries units out; names those that were left out because their entry has another version.
pub(crate) async fn units(
    conn: &mut Conn,
    units: &[SyncUnit],
    at: Timestamp,
    effects: &mut Effects,
) -> Result<Vec<LinkId>, StoreError> {
    let mut refused = Vec::new();
    let mut left = units;
    while !left.is_empty() {
        let (some, behind) = left.split_at(unrelated(left));
        together(conn, some, at, effects, &mut refused).await?;
        left = behind;
    }
    Ok(refused)
}

/// How many of the first units have nothing to do with each other, so that their order does not matter.
fn unrelated(units: &[SyncUnit]) -> usize {
    let (mut links, mut entries) = (HashSet::new(), HashSet::new());
    let meets = |unit: &SyncUnit| {
        let met = !links.insert(unit.link)
            | unit.absorbed.is_some_and(|link| !links.insert(link))
            | unit.left.as_ref().is_some_and(|left| !entries.insert(left.id));
        let stranger = |left: &RecordWrite| {
            let first = units.iter().find_map(|unit| unit.left.as_ref());
            first.is_some_and(|first| (first.mailbox, first.kind) != (left.mailbox, left.kind))
        };
        met || unit.left.as_ref().is_some_and(stranger)
    };
    units.iter().position(meets).unwrap_or(units.len()).max(1)
}

async fn together(
    conn: &mut Conn,
    units: &[SyncUnit],
    at: Timestamp,
    effects: &mut Effects,
    refused: &mut Vec<LinkId>,
) -> Result<(), StoreError> {
    let lefts: Vec<&RecordWrite> = units.iter().filter_map(|unit| unit.left.as_ref()).collect();
    let standing = record::Standing::of(conn, &lefts).await?;
    let is_carried_out = |unit: &&SyncUnit| unit.left.as_ref().is_none_or(|left| standing.expects(left));
    let (units, left_out): (Vec<&SyncUnit>, Vec<&SyncUnit>) = units.iter().partition(is_carried_out);
    refused.extend(left_out.iter().map(|unit| unit.link));
    let lefts: Vec<&RecordWrite> = units.iter().filter_map(|unit| unit.left.as_ref()).collect();
    record::write_many(conn, &lefts, standing, at).await?;
    let dropped = units.iter().filter(|unit| unit.put.is_none()).map(|unit| unit.link);
    for link in dropped.chain(units.iter().filter_map(|unit| unit.absorbed)) {
        drop_link(conn, link).await?;
    }
    let links: Vec<&SyncLink> = units.iter().filter_map(|unit| unit.put.as_ref()).collect();
    put_links(conn, &links).await?;
    for conflict in units.iter().filter_map(|unit| unit.conflict.as_ref()) {
        put_conflict(conn, conflict, at).await?;
    }
    for new in units.iter().filter_map(|unit| unit.deletion.as_ref()) {
        deletion::put(conn, new, at).await?;
    }
    let decisions: Vec<&Decision> = units.iter().filter_map(|unit| unit.decision.as_ref()).collect();
    event::put_decisions(conn, &decisions).await?;
    let events: Vec<&NewEvent> = units.iter().filter_map(|unit| unit.event.as_ref()).collect();
    effects.events |= !events.is_empty();
    event::put_many(conn, &events, at).await
}

static PUT_LINKS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(13, |rows| {
        format!(
            "INSERT INTO sync_link (id, mailbox, kind, left_id, right_id, due_ms, place, generation, linked, gone,
                                    missing, quarantined, body)
             VALUES {rows}
             ON CONFLICT (id) DO UPDATE SET left_id = excluded.left_id, right_id = excluded.right_id,
                 due_ms = excluded.due_ms, place = excluded.place, generation = excluded.generation,
                 linked = excluded.linked, gone = excluded.gone, missing = excluded.missing,
                 quarantined = excluded.quarantined, body = excluded.body"
        )
    })
});

/// Each link at most once.
async fn put_links(conn: &mut Conn, links: &[&SyncLink]) -> Result<(), StoreError> {
    for (sql, some) in PUT_LINKS.portions(links) {
        let mut query = sqlx::query::<Db>(sql);
        for link in some {
            query = query
                .bind(link.id.uuid())
                .bind(link.mailbox.uuid())
                .bind(link.kind.label())
                .bind(link.left)
                .bind(&link.right)
                .bind(link.due.map(Timestamp::as_millisecond))
                .bind(i64::from(link.place))
                .bind(count(link.generation))
                .bind(link.linked)
                .bind(link.gone)
                .bind(link.missing)
                .bind(link.quarantined)
                .bind(&link.body);
        }
        let done = query.execute(&mut *conn).await;
        if let (Err(error), Some(link)) = (done, some.first()) {
            return Err(or_unknown(error.into(), "mailbox", link.mailbox));
        }
    }
    Ok(())
}

async fn drop_link(conn: &mut Conn, link: LinkId) -> Result<(), StoreError> {
    sqlx::query::<Db>("DELETE FROM sync_link WHERE id = $1").bind(link.uuid()).execute(conn).await?;
    Ok(())
}

async fn put_conflict(conn: &mut Conn, new: &NewConflict, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO sync_conflict (mailbox, kind, link, at_ms, body) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query::<Db>(sql).bind(new.mailbox.uuid()).bind(new.kind.label()).bind(new.link.uuid());
    query.bind(at.as_millisecond()).bind(json(&new.body)?).execute(conn).await?;
    Ok(())
}

macro_rules! linked {
    ($($rest:tt)+) => {
        concat!(
            "SELECT l.body, r.id, r.mailbox, r.version, r.created_ms, r.edited_ms, r.body, r.provenance, r.sort
             FROM sync_link l LEFT JOIN record r ON r.id = l.left_id AND r.body IS NOT NULL
             WHERE l.mailbox = $1 AND l.kind = $2 ",
            $($rest)+
        )
    };
}

type LinkedRow = (
    String,
    Option<Uuid>,
    Option<Uuid>,
    Option<Uuid>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn linked<R: Record>(row: LinkedRow) -> Result<LinkedRecord<R>, StoreError> {
    let (link, id, mailbox, version, created, edited, body, provenance, sort) = row;
    let entry = match (id, mailbox, version, created, body, provenance, sort) {
        (Some(id), Some(mailbox), Some(version), Some(created), Some(body), Some(provenance), Some(sort)) => {
            Some(record::stored((id, mailbox, version, created, edited, body, provenance, sort))?)
        }
        _ => None,
    };
    Ok((link, entry))
}

pub(crate) async fn links<R: Record>(
    conn: &mut Conn,
    mailbox: MailboxId,
    query: &LinkQuery,
) -> Result<Vec<LinkedRecord<R>>, StoreError> {
    let kind = R::KIND.label();
    let rows: Vec<LinkedRow> = match query {
        LinkQuery::Ids(ids) => {
            let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
            one_by_one(conn, linked!("AND l.id = $3"), mailbox, kind, &ids).await?
        }
        LinkQuery::Left(ids) => one_by_one(conn, linked!("AND l.left_id = $3"), mailbox, kind, ids).await?,
        LinkQuery::Right(ids) => {
            let sql = linked!("AND ", listed!("l.right_id", "$3"), " ORDER BY l.id");
            let query = sqlx::query_as::<Db, LinkedRow>(sql).bind(mailbox.uuid()).bind(kind);
            query.bind(json(&ids)?).fetch_all(conn).await?
        }
        LinkQuery::Unseen { generation, after, limit } => {
            let sql = linked!(
                "AND l.right_id IS NOT NULL AND l.generation < $3 AND ($4 IS NULL OR l.id > $4) ORDER BY l.id LIMIT $5"
            );
            let query = sqlx::query_as::<Db, LinkedRow>(sql).bind(mailbox.uuid()).bind(kind);
            let query = query.bind(count(*generation)).bind(after.map(LinkId::uuid)).bind(i64::from(*limit));
            query.fetch_all(conn).await?
        }
        LinkQuery::Due { now, after, limit } => {
            let sql = linked!(
                "AND l.due_ms IS NOT NULL AND l.due_ms <= $3 AND (l.place, l.id) > ($4, $5)
                 ORDER BY l.place, l.id LIMIT $6"
            );
            let (place, id) = after.map_or((-1, Uuid::nil()), |(place, id)| (i64::from(place), id.uuid()));
            let query = sqlx::query_as::<Db, LinkedRow>(sql).bind(mailbox.uuid()).bind(kind);
            let query = query.bind(now.as_millisecond()).bind(place).bind(id).bind(i64::from(*limit));
            query.fetch_all(conn).await?
        }
        LinkQuery::Quarantined { limit } => {
            let sql = linked!("AND l.quarantined ORDER BY l.id LIMIT $3");
            let query = sqlx::query_as::<Db, LinkedRow>(sql).bind(mailbox.uuid()).bind(kind);
            query.bind(i64::from(*limit)).fetch_all(conn).await?
        }
    };
    rows.into_iter().map(linked).collect()
}

async fn one_by_one(
    conn: &mut Conn,
    sql: &'static str,
    mailbox: MailboxId,
    kind: &str,
    ids: &[Uuid],
) -> Result<Vec<LinkedRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let query = sqlx::query_as::<Db, LinkedRow>(sql).bind(mailbox.uuid()).bind(kind).bind(*id);
        rows.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(rows)
}

/// Links of entries that have one of these keys now, and such entries that belong to no link yet.
pub(crate) async fn kin<R: Record>(
    conn: &mut Conn,
    mailbox: MailboxId,
    keys: &[String],
) -> Result<(Vec<LinkedRecord<R>>, Vec<StoredRecord<R>>), StoreError> {
    let (mut linked_kin, mut unlinked) = (Vec::new(), Vec::new());
    for entry in record::by_keys::<R>(conn, mailbox, keys).await? {
        let sql = linked!("AND l.left_id = $3");
        match one_by_one(conn, sql, mailbox, R::KIND.label(), &[entry.id]).await? {
            rows if rows.is_empty() => unlinked.push(entry),
            rows => {
                for row in rows {
                    linked_kin.push(linked(row)?);
                }
            }
        }
    }
    Ok((linked_kin, unlinked))
}

/// Each from an index of its own, since links hold whole items.
pub(crate) async fn counts(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
) -> Result<LinkCounts, StoreError> {
    let all =
        "SELECT COUNT(*), COUNT(CASE WHEN linked THEN 1 END) FROM sync_link WHERE mailbox = $1 AND kind = $2";
    let query = sqlx::query_as::<Db, (i64, i64)>(all).bind(mailbox.uuid()).bind(kind.label());
    let (links, linked) = query.fetch_one(&mut *conn).await?;
    let aside = "SELECT COUNT(*) FROM sync_link WHERE mailbox = $1 AND kind = $2 AND quarantined";
    let query = sqlx::query_scalar::<Db, i64>(aside).bind(mailbox.uuid()).bind(kind.label());
    let quarantined = natural(query.fetch_one(&mut *conn).await?);
    let (gone, missing) = gone(conn, mailbox, kind).await?;
    Ok(LinkCounts { links: natural(links), linked: natural(linked), gone, missing, quarantined })
}

/// Links that are seen as gone on exactly one side, and those of them that a complete listing did not show.
pub(crate) async fn gone(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
) -> Result<(u64, u64), StoreError> {
    let sql = "SELECT COUNT(*), COUNT(CASE WHEN missing THEN 1 END) FROM sync_link
               WHERE mailbox = $1 AND kind = $2 AND gone";
    let query = sqlx::query_as::<Db, (i64, i64)>(sql).bind(mailbox.uuid()).bind(kind.label());
    let (gone, missing) = query.fetch_one(conn).await?;
    Ok((natural(gone), natural(missing)))
}

/// When the first link is due.
pub(crate) async fn next_due(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MIN(due_ms) FROM sync_link WHERE mailbox = $1 AND kind = $2 AND due_ms IS NOT NULL";
    let query = sqlx::query_scalar::<Db, Option<i64>>(sql).bind(mailbox.uuid()).bind(kind.label());
    query.fetch_one(conn).await?.map(time).transpose()
}

/// In one transaction, so that what is counted belongs to the state beside it.
pub(crate) async fn overview(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    stream: &str,
    now: Timestamp,
) -> Result<SyncOverview, StoreError> {
    let mut moment = conn.begin_with(one_moment!()).await?;
    let state = state(&mut moment, mailbox, kind).await?;
    let busy =
        "SELECT EXISTS (SELECT 1 FROM job WHERE stream = $1 AND not_before_ms <= $2 AND NOT quarantined)";
    let query = sqlx::query_scalar::<Db, bool>(busy).bind(stream).bind(now.as_millisecond());
    let busy = query.fetch_one(&mut *moment).await?;
    let counts = counts(&mut moment, mailbox, kind).await?;
    let aside =
        "SELECT body FROM sync_link WHERE mailbox = $1 AND kind = $2 AND quarantined ORDER BY id LIMIT 100";
    let query = sqlx::query_scalar::<Db, String>(aside).bind(mailbox.uuid()).bind(kind.label());
    let aside = query.fetch_all(&mut *moment).await?;
    let conflicts = "SELECT COUNT(*) FROM sync_conflict WHERE mailbox = $1 AND kind = $2";
    let query = sqlx::query_scalar::<Db, i64>(conflicts).bind(mailbox.uuid()).bind(kind.label());
    let conflicts = natural(query.fetch_one(&mut *moment).await?);
    moment.commit().await?;
    Ok(SyncOverview { state, busy, counts, aside, conflicts })
}

/// Forgets what is kept about a mailbox that is removed.
pub(crate) async fn forget(conn: &mut Conn, mailbox: MailboxId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM sync_link WHERE mailbox = $1",
        "DELETE FROM sync_spool WHERE mailbox = $1",
        "DELETE FROM sync_state WHERE mailbox = $1",
        "DELETE FROM sync_conflict WHERE mailbox = $1",
        "DELETE FROM deletion WHERE mailbox = $1",
        "DELETE FROM snapshot_entry WHERE snapshot IN (SELECT id FROM snapshot WHERE mailbox = $1)",
        "DELETE FROM snapshot WHERE mailbox = $1",
        "DELETE FROM feed WHERE mailbox = $1",
    ] {
        sqlx::query::<Db>(sql).bind(mailbox.uuid()).execute(&mut *conn).await?;
    }
    Ok(())
}
