//! Messages' content, in pieces.

use bytes::Bytes;
use jiff::Timestamp;
use tieline_model::MessageId;

use super::{Conn, Db};
use crate::column::unknown;
use crate::{Content, StoreError};

/// Writes content that is at hand.
pub(crate) async fn put(conn: &mut Conn, message: MessageId, parts: &[Bytes]) -> Result<(), StoreError> {
    let pieces: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(Content::CHUNK)).collect();
    let mut number = 0_i64;
    for pair in pieces.chunks(2) {
        match *pair {
            [first, second] => {
                let sql =
                    "INSERT INTO message_chunk (message, piece, bytes) VALUES ($1, $2, $3), ($1, $4, $5)";
                let query = sqlx::query::<Db>(sql).bind(message.uuid()).bind(number).bind(first);
                query.bind(number + 1).bind(second).execute(&mut *conn).await?;
                number += 2;
            }
            [only] => put_piece(conn, message, number, only).await?,
            _ => {}
        }
    }
    Ok(())
}

async fn put_piece(conn: &mut Conn, message: MessageId, number: i64, bytes: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO message_chunk (message, piece, bytes) VALUES ($1, $2, $3)";
    sqlx::query::<Db>(sql).bind(message.uuid()).bind(number).bind(bytes).execute(conn).await?;
    Ok(())
}

/// Writes a piece of content whose message is still to come. The first piece replaces what was staged before.
pub(crate) async fn stage(
    conn: &mut Conn,
    message: MessageId,
    number: i64,
    bytes: &[u8],
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = $1)";
    if sqlx::query_scalar::<Db, bool>(sql).bind(message.uuid()).fetch_one(&mut *conn).await? {
        return Err(StoreError::conflict(
            "message-stands",
            format!("{message} was taken in already; its content stays as it is"),
            "nothing; deposit the message to be told the one that stands",
        ));
    }
    if number == 0 {
        drop_pieces(conn, message).await?;
        let sql = "INSERT INTO staged_content (message, at_ms) VALUES ($1, $2)
                   ON CONFLICT (message) DO UPDATE SET at_ms = excluded.at_ms";
        sqlx::query::<Db>(sql).bind(message.uuid()).bind(at.as_millisecond()).execute(&mut *conn).await?;
    } else {
        let sql = "UPDATE staged_content SET at_ms = $2 WHERE message = $1";
        let query = sqlx::query::<Db>(sql).bind(message.uuid()).bind(at.as_millisecond());
        if query.execute(&mut *conn).await?.rows_affected() == 0 {
            return Err(swept(message));
        }
    }
    put_piece(conn, message, number, bytes).await
}

fn swept(message: MessageId) -> StoreError {
    StoreError::conflict(
        "content-gone",
        format!("the staged content of {message} was swept, since its message came too late"),
        "send the recording again",
    )
}

/// Ties staged content to its message.
pub(crate) async fn adopt(conn: &mut Conn, message: MessageId, size: u64) -> Result<(), StoreError> {
    let sql = "DELETE FROM staged_content WHERE message = $1";
    let staged = sqlx::query::<Db>(sql).bind(message.uuid()).execute(&mut *conn).await?.rows_affected();
    if staged == 0 && size > 0 {
        return Err(swept(message));
    }
    Ok(())
}

pub(crate) async fn drop_pieces(conn: &mut Conn, message: MessageId) -> Result<(), StoreError> {
    let sql = "DELETE FROM message_chunk WHERE message = $1";
    sqlx::query::<Db>(sql).bind(message.uuid()).execute(conn).await?;
    Ok(())
}

/// Forgets a message's content and notes when.
pub(crate) async fn purge(conn: &mut Conn, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE message SET purged_ms = COALESCE(purged_ms, $2) WHERE id = $1";
    let query = sqlx::query::<Db>(sql).bind(message.uuid()).bind(at.as_millisecond());
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Err(unknown("message", message));
    }
    drop_pieces(conn, message).await
}

pub(crate) async fn whole(conn: &mut Conn, message: MessageId) -> Result<Option<Bytes>, StoreError> {
    let sql = "SELECT c.bytes FROM message_chunk c JOIN message m ON m.id = c.message
               WHERE c.message = $1 ORDER BY c.piece";
    let pieces = sqlx::query_scalar::<Db, Vec<u8>>(sql).bind(message.uuid()).fetch_all(conn).await?;
    Ok(if pieces.is_empty() { None } else { Some(pieces.concat().into()) })
}

pub(crate) async fn piece(
    conn: &mut Conn,
    message: MessageId,
    number: u32,
) -> Result<Option<Bytes>, StoreError> {
    let sql = "SELECT c.bytes FROM message_chunk c JOIN message m ON m.id = c.message
               WHERE c.message = $1 AND c.piece = $2";
    let query = sqlx::query_scalar::<Db, Vec<u8>>(sql).bind(message.uuid()).bind(i64::from(number));
    Ok(query.fetch_optional(conn).await?.map(Bytes::from))
}
