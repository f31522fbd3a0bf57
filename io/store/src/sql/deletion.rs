//! Deletions that can be undone.

use jiff::Timestamp;
use tieline_model::{DeletionId, MailboxId, RecordKind};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::{json, or_unknown, parse, time, word};
use crate::{Deletion, NewDeletion, StoreError};

macro_rules! columns {
    () => {
        "id, mailbox, kind, record, headline, deleted_by, at_ms, until_ms, restored_ms, body"
    };
}

type Row = (Uuid, Uuid, String, Option<Uuid>, String, String, i64, i64, Option<i64>, String);

fn deletion(row: Row) -> Result<Deletion, StoreError> {
    let (id, mailbox, kind, record, headline, by, at_ms, until_ms, restored_ms, body) = row;
    Ok(Deletion {
        id: DeletionId::from_uuid(id),
        mailbox: MailboxId::from_uuid(mailbox),
        kind: kind_of(&kind)?,
        record,
        headline,
        by,
        at: time(at_ms)?,
        until: time(until_ms)?,
        restored: restored_ms.map(time).transpose()?,
        body: parse(&body)?,
    })
}

pub(crate) fn kind_of(name: &str) -> Result<RecordKind, StoreError> {
    let kinds = [RecordKind::Contacts, RecordKind::Calendar];
    word(kinds.into_iter().find(|kind| kind.label() == name), name)
}

pub(crate) async fn put(conn: &mut Conn, new: &NewDeletion, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO deletion (id, mailbox, kind, record, headline, deleted_by, at_ms, until_ms, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query::<Db>(sql)
        .bind(new.id.uuid())
        .bind(new.mailbox.uuid())
        .bind(new.kind.label())
        .bind(new.record)
        .bind(&new.headline)
        .bind(&new.by)
        .bind(at.as_millisecond())
        .bind(new.until.as_millisecond())
        .bind(json(&new.body)?)
        .execute(conn)
        .await
        .map_err(|error| or_unknown(error.into(), "mailbox", new.mailbox))?;
    Ok(())
}

/// Notes that a deletion was undone; a second time is a conflict.
pub(crate) async fn restored(conn: &mut Conn, id: DeletionId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE deletion SET restored_ms = $2 WHERE id = $1 AND restored_ms IS NULL AND until_ms > $2";
    let done = sqlx::query::<Db>(sql).bind(id.uuid()).bind(at.as_millisecond()).execute(conn).await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    Err(StoreError::conflict(
        "not-restorable",
        format!("the deletion {id} was undone already, or is no longer kept"),
        "tieline deletion list shows what can be undone; snapshots go further back",
    ))
}

pub(crate) async fn list(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: Option<RecordKind>,
    limit: u32,
) -> Result<Vec<Deletion>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM deletion WHERE mailbox = $1 AND ($2 IS NULL OR kind = $2) ORDER BY at_ms DESC, id DESC LIMIT $3"
    );
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(kind.map(RecordKind::label));
    query.bind(i64::from(limit)).fetch_all(conn).await?.into_iter().map(deletion).collect()
}

pub(crate) async fn one(conn: &mut Conn, id: DeletionId) -> Result<Option<Deletion>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM deletion WHERE id = $1");
    let row = sqlx::query_as::<Db, Row>(sql).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(deletion).transpose()
}
