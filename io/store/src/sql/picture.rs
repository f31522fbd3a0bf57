//! Pictures of contacts. Each row knows when it was last known to be needed: it came with an item then, or something named
//! it when somebody looked.

use jiff::{SignedDuration, Timestamp};
use tieline_model::{MailboxId, RecordHash};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::or_unknown;
use crate::{NewPicture, StoreError};

/// For so long the note that a picture is needed is not made anew: it moves the whole picture on the disk.
const NOTED: SignedDuration = SignedDuration::from_hours(24);

/// Keeps a picture; the same one again only notes that it is needed.
pub(crate) async fn put(conn: &mut Conn, new: &NewPicture, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO picture (mailbox, hash, content, needed_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (mailbox, hash) DO UPDATE SET needed_ms = excluded.needed_ms WHERE picture.needed_ms < $5";
    let noted = at.saturating_sub(NOTED).unwrap_or(Timestamp::MIN).as_millisecond();
    let query = sqlx::query::<Db>(sql).bind(new.mailbox.uuid()).bind(new.hash.as_str());
    let done = query.bind(&new.content).bind(at.as_millisecond()).bind(noted).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", new.mailbox))
}

/// Looks at pictures that were not known to be needed for long, and removes those that nothing names: no entry, no
/// deletion that can be undone, no snapshot (whosever), no conflict, nothing that was read for a plan. Tells how many it
/// looked at.
pub(crate) async fn sweep(
    conn: &mut Conn,
    now: Timestamp,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let sql = concat!(
        "SELECT p.mailbox, p.hash,
             EXISTS (SELECT 1 FROM record r WHERE r.mailbox = p.mailbox AND ",
        picture_in!("r.body", "$.photo"),
        " IS NOT NULL AND ",
        picture_in!("r.body", "$.photo"),
        " = p.hash)
             OR EXISTS (SELECT 1 FROM deletion d WHERE d.mailbox = p.mailbox AND ",
        picture_in!("d.body", "$.photo"),
        " IS NOT NULL AND ",
        picture_in!("d.body", "$.photo"),
        " = p.hash)
             OR EXISTS (SELECT 1 FROM snapshot_entry e WHERE ",
        picture_in!("e.body", "$.photo"),
        " IS NOT NULL AND ",
        picture_in!("e.body", "$.photo"),
        " = p.hash)
             OR EXISTS (SELECT 1 FROM sync_spool o WHERE o.mailbox = p.mailbox AND ",
        picture_in!("o.body", "$.photo"),
        " IS NOT NULL AND ",
        picture_in!("o.body", "$.photo"),
        " = p.hash)
             OR EXISTS (SELECT 1 FROM sync_conflict c WHERE c.mailbox = p.mailbox AND ",
        picture_in!("c.body", "$.loser.photo"),
        " IS NOT NULL AND ",
        picture_in!("c.body", "$.loser.photo"),
        " = p.hash)
         FROM picture p WHERE p.needed_ms < $1 ORDER BY p.needed_ms LIMIT $2"
    );
    let query = sqlx::query_as::<Db, (Uuid, String, bool)>(sql).bind(before.as_millisecond());
    let found = query.bind(i64::from(limit)).fetch_all(&mut *conn).await?;
    for (mailbox, hash, needed) in &found {
        // One that came with an item a moment ago stays, whatever was seen of it.
        let query = if *needed {
            let sql = "UPDATE picture SET needed_ms = $1 WHERE mailbox = $2 AND hash = $3 AND needed_ms < $4";
            sqlx::query::<Db>(sql).bind(now.as_millisecond())
        } else {
            sqlx::query::<Db>("DELETE FROM picture WHERE mailbox = $1 AND hash = $2 AND needed_ms < $3")
        };
        query.bind(mailbox).bind(hash).bind(before.as_millisecond()).execute(&mut *conn).await?;
    }
    Ok(found.len() as u64)
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
