//! Snapshots and their entries.

use std::sync::LazyLock;

use jiff::Timestamp;
use tieline_model::{MailboxId, SnapshotId};
use uuid::Uuid;

use super::rows::Rows;
use super::{Conn, Db, deletion};
use crate::column::{json, natural, or_unknown, parse, time, unknown};
use crate::{NewSnapshot, Snapshot, SnapshotEntry, StoreError};

pub(crate) async fn begin(conn: &mut Conn, new: &NewSnapshot, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO snapshot (id, mailbox, kind, reason, at_ms) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query::<Db>(sql).bind(new.id.uuid()).bind(new.mailbox.uuid()).bind(new.kind.label());
    let done = query.bind(&new.reason).bind(at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", new.mailbox))
}

static ADD: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(5, |rows| {
        format!(
            "INSERT INTO snapshot_entry (snapshot, side, entry, headline, body) VALUES {rows}
             ON CONFLICT (snapshot, side, entry) DO UPDATE SET headline = excluded.headline, body = excluded.body"
        )
    })
});

/// Each entry at most once.
pub(crate) async fn add(
    conn: &mut Conn,
    id: SnapshotId,
    entries: &[SnapshotEntry],
) -> Result<(), StoreError> {
    for (sql, some) in ADD.portions(entries) {
        let mut query = sqlx::query::<Db>(sql);
        for one in some {
            query = query.bind(id.uuid()).bind(&one.side).bind(&one.entry);
            query = query.bind(&one.headline).bind(json(&one.body)?);
        }
        let done = query.execute(&mut *conn).await;
        done.map_err(|error| or_unknown(error.into(), "snapshot", id))?;
    }
    Ok(())
}

pub(crate) async fn complete(conn: &mut Conn, id: SnapshotId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE snapshot SET complete_ms = $2 WHERE id = $1";
    let done = sqlx::query::<Db>(sql).bind(id.uuid()).bind(at.as_millisecond()).execute(conn).await?;
    if done.rows_affected() == 0 { Err(unknown("snapshot", id)) } else { Ok(()) }
}

type Row = (Uuid, Uuid, String, String, i64, Option<i64>, i64);

fn snapshot((id, mailbox, kind, reason, at_ms, complete_ms, entries): Row) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        id: SnapshotId::from_uuid(id),
        mailbox: MailboxId::from_uuid(mailbox),
        kind: deletion::kind_of(&kind)?,
        reason,
        at: time(at_ms)?,
        complete: complete_ms.map(time).transpose()?,
        entries: natural(entries),
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, mailbox, kind, reason, at_ms, complete_ms,
                    (SELECT COUNT(*) FROM snapshot_entry WHERE snapshot = snapshot.id) FROM snapshot WHERE ",
            $rest
        )
    };
}

pub(crate) async fn list(
    conn: &mut Conn,
    mailbox: MailboxId,
    limit: u32,
) -> Result<Vec<Snapshot>, StoreError> {
    let sql = select!("mailbox = $1 ORDER BY at_ms DESC, id DESC LIMIT $2");
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(i64::from(limit));
    query.fetch_all(conn).await?.into_iter().map(snapshot).collect()
}

pub(crate) async fn one(conn: &mut Conn, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
    let row = sqlx::query_as::<Db, Row>(select!("id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(snapshot).transpose()
}

pub(crate) async fn entries(
    conn: &mut Conn,
    id: SnapshotId,
    after: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<SnapshotEntry>, StoreError> {
    let sql = "SELECT side, entry, headline, body FROM snapshot_entry WHERE snapshot = $1
               AND ($2 IS NULL OR side > $2 OR (side = $2 AND entry > $3)) ORDER BY side, entry LIMIT $4";
    let (side, entry) = after.unzip();
    let query = sqlx::query_as::<Db, (String, String, String, String)>(sql).bind(id.uuid());
    let rows = query.bind(side).bind(entry).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.into_iter()
        .map(|(side, entry, headline, body)| Ok(SnapshotEntry { side, entry, headline, body: parse(&body)? }))
        .collect()
}

/// Removes snapshots that are older than they need be; the last complete one of each mailbox and kind stays.
pub(crate) async fn sweep(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "SELECT id FROM snapshot WHERE at_ms < $1 AND EXISTS (SELECT 1 FROM snapshot AS later
                   WHERE later.mailbox = snapshot.mailbox AND later.kind = snapshot.kind
                   AND later.at_ms > snapshot.at_ms AND later.complete_ms IS NOT NULL)
               ORDER BY at_ms LIMIT $2";
    let query = sqlx::query_scalar::<Db, Uuid>(sql).bind(before.as_millisecond()).bind(i64::from(limit));
    let old = query.fetch_all(&mut *conn).await?;
    for id in &old {
        for sql in ["DELETE FROM snapshot_entry WHERE snapshot = $1", "DELETE FROM snapshot WHERE id = $1"] {
            sqlx::query::<Db>(sql).bind(*id).execute(&mut *conn).await?;
        }
    }
    Ok(old.len() as u64)
}
