//! Feeds of calendars.

use jiff::Timestamp;
use tieline_model::MailboxId;
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::{or_unknown, time, unknown};
use crate::{Feed, NewFeed, StoreError};

type Row = (Uuid, Uuid, String, bool, i64, String);

fn feed((id, mailbox, name, private, created_ms, by): Row) -> Result<Feed, StoreError> {
    Ok(Feed { id, mailbox: MailboxId::from_uuid(mailbox), name, private, created: time(created_ms)?, by })
}

pub(crate) async fn add(conn: &mut Conn, new: &NewFeed, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO feed (id, mailbox, name, hash, private, created_ms, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let query = sqlx::query::<Db>(sql).bind(new.id).bind(new.mailbox.uuid()).bind(&new.name);
    let query = query.bind(&new.hash[..]).bind(new.private).bind(at.as_millisecond()).bind(&new.by);
    let done = query.execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", new.mailbox))
}

pub(crate) async fn remove(conn: &mut Conn, mailbox: MailboxId, id: Uuid) -> Result<(), StoreError> {
    let sql = "DELETE FROM feed WHERE mailbox = $1 AND id = $2";
    let done = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(id).execute(conn).await?;
    if done.rows_affected() == 0 { Err(unknown("feed", id)) } else { Ok(()) }
}

pub(crate) async fn by_hash(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Feed>, StoreError> {
    let sql = "SELECT id, mailbox, name, private, created_ms, created_by FROM feed WHERE hash = $1";
    let row = sqlx::query_as::<Db, Row>(sql).bind(&hash[..]).fetch_optional(conn).await?;
    row.map(feed).transpose()
}

pub(crate) async fn list(conn: &mut Conn, mailbox: MailboxId) -> Result<Vec<Feed>, StoreError> {
    let sql = "SELECT id, mailbox, name, private, created_ms, created_by FROM feed WHERE mailbox = $1
               ORDER BY created_ms, id";
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid());
    query.fetch_all(conn).await?.into_iter().map(feed).collect()
}
