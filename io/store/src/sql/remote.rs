//! Where items are in the mail system, and how far its changes were read.

use jiff::Timestamp;
use tieline_model::{MailboxId, MessageId};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::or_unknown;
use crate::{RemoteItem, StoreError};

macro_rules! columns {
    () => {
        "message, mailbox, item, folder, read, deleted"
    };
}

type Row = (Uuid, Uuid, String, String, bool, bool);

fn remote_item((message, mailbox, item, folder, read, deleted): Row) -> RemoteItem {
    let (message, mailbox) = (MessageId::from_uuid(message), MailboxId::from_uuid(mailbox));
    RemoteItem { message, mailbox, item, folder, read, deleted }
}

pub(crate) async fn put(conn: &mut Conn, item: &RemoteItem, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO remote_item (message, mailbox, item, folder, read, deleted, at_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (message) DO UPDATE SET mailbox = excluded.mailbox, item = excluded.item,
                   folder = excluded.folder, read = excluded.read, deleted = excluded.deleted, at_ms = excluded.at_ms";
    sqlx::query::<Db>(sql)
        .bind(item.message.uuid())
        .bind(item.mailbox.uuid())
        .bind(&item.item)
        .bind(&item.folder)
        .bind(item.read)
        .bind(item.deleted)
        .bind(at.as_millisecond())
        .execute(&mut *conn)
        .await
        .map_err(|error| or_unknown(error.into(), "message", item.message))?;
    let sql = "UPDATE message SET delivered_ms = $2 WHERE id = $1 AND delivered_ms IS NULL";
    sqlx::query::<Db>(sql).bind(item.message.uuid()).bind(at.as_millisecond()).execute(conn).await?;
    Ok(())
}

pub(crate) async fn forget(conn: &mut Conn, message: MessageId) -> Result<(), StoreError> {
    let sql = "DELETE FROM remote_item WHERE message = $1";
    sqlx::query::<Db>(sql).bind(message.uuid()).execute(conn).await?;
    Ok(())
}

pub(crate) async fn of_message(
    conn: &mut Conn,
    message: MessageId,
) -> Result<Option<RemoteItem>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM remote_item WHERE message = $1");
    let row = sqlx::query_as::<Db, Row>(sql).bind(message.uuid()).fetch_optional(conn).await?;
    Ok(row.map(remote_item))
}

pub(crate) async fn by_item(
    conn: &mut Conn,
    mailbox: MailboxId,
    item: &str,
) -> Result<Option<RemoteItem>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM remote_item WHERE mailbox = $1 AND item = $2");
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(item);
    Ok(query.fetch_optional(conn).await?.map(remote_item))
}

pub(crate) async fn list(
    conn: &mut Conn,
    mailbox: MailboxId,
    folder: Option<&str>,
) -> Result<Vec<RemoteItem>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM remote_item WHERE mailbox = $1 AND ($2 IS NULL OR folder = $2) ORDER BY message"
    );
    let rows = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(folder).fetch_all(conn).await?;
    Ok(rows.into_iter().map(remote_item).collect())
}

pub(crate) async fn set_cursor(
    conn: &mut Conn,
    mailbox: MailboxId,
    folder: &str,
    cursor: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(cursor) = cursor else {
        let sql = "DELETE FROM sync_cursor WHERE mailbox = $1 AND folder = $2";
        sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(folder).execute(conn).await?;
        return Ok(());
    };
    let sql = "INSERT INTO sync_cursor (mailbox, folder, cursor, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (mailbox, folder) DO UPDATE SET cursor = excluded.cursor, at_ms = excluded.at_ms";
    let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(folder).bind(cursor);
    let done = query.bind(at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", mailbox))
}

pub(crate) async fn cursor(
    conn: &mut Conn,
    mailbox: MailboxId,
    folder: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT cursor FROM sync_cursor WHERE mailbox = $1 AND folder = $2";
    let query = sqlx::query_scalar::<Db, String>(sql).bind(mailbox.uuid()).bind(folder);
    Ok(query.fetch_optional(conn).await?)
}

pub(crate) async fn cursors(
    conn: &mut Conn,
    mailbox: MailboxId,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT folder, cursor FROM sync_cursor WHERE mailbox = $1 ORDER BY folder";
    Ok(sqlx::query_as::<Db, (String, String)>(sql).bind(mailbox.uuid()).fetch_all(conn).await?)
}
