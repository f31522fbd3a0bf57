//! Pictures of contacts.

use jiff::Timestamp;
use tieline_model::{MailboxId, RecordHash};

use super::{Conn, Db};
use crate::column::or_unknown;
use crate::{NewPicture, StoreError};

/// Keeps a picture; the same one again changes nothing.
pub(crate) async fn put(conn: &mut Conn, new: &NewPicture, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO picture (mailbox, hash, content, added_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let query = sqlx::query::<Db>(sql).bind(new.mailbox.uuid()).bind(new.hash.as_str());
    let done = query.bind(&new.content).bind(at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", new.mailbox))
}

pub(crate) async fn one(
    conn: &mut Conn,
    mailbox: MailboxId,
    hash: &RecordHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT content FROM picture WHERE mailbox = $1 AND hash = $2";
    let query = sqlx::query_scalar::<Db, Vec<u8>>(sql).bind(mailbox.uuid()).bind(hash.as_str());
    Ok(query.fetch_optional(conn).await?)
}
