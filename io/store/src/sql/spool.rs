//! What was read of the mail system's items for a plan.

use std::sync::LazyLock;

use jiff::Timestamp;
use tieline_model::{MailboxId, RecordKind, SnapshotId};

use super::rows::Rows;
use super::{Conn, Db};
use crate::column::{json, or_unknown};
use crate::{Spooled, StoreError};

static PUT: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(7, |rows| {
        format!(
            "INSERT INTO sync_spool (mailbox, kind, item, etag, headline, about, body) VALUES {rows}
             ON CONFLICT (mailbox, kind, item) DO UPDATE SET etag = excluded.etag, headline = excluded.headline,
                 about = excluded.about, body = excluded.body"
        )
    })
});

/// Each item at most once.
pub(crate) async fn put(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    items: &[Spooled],
) -> Result<(), StoreError> {
    for (sql, some) in PUT.portions(items) {
        let mut query = sqlx::query::<Db>(sql);
        for one in some {
            query = query.bind(mailbox.uuid()).bind(kind.label()).bind(&one.item).bind(&one.etag);
            query = query.bind(&one.headline).bind(&one.about).bind(&one.body);
        }
        let done = query.execute(&mut *conn).await;
        done.map_err(|error| or_unknown(error.into(), "mailbox", mailbox))?;
    }
    Ok(())
}

/// Forgets the items that are gone or have another version by now.
pub(crate) async fn compare(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    versions: &[(String, Option<String>)],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM sync_spool WHERE mailbox = $1 AND kind = $2 AND item = $3
               AND ($4 IS NULL OR etag <> $4)";
    for (item, etag) in versions {
        let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(kind.label());
        query.bind(item).bind(etag).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Forgets these items.
pub(crate) async fn forget(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    items: &[String],
) -> Result<(), StoreError> {
    let sql = concat!("DELETE FROM sync_spool WHERE mailbox = $1 AND kind = $2 AND ", listed!("item", "$3"));
    let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(kind.label());
    query.bind(json(&items)?).execute(conn).await?;
    Ok(())
}

/// Forgets all items.
pub(crate) async fn clear(conn: &mut Conn, mailbox: MailboxId, kind: RecordKind) -> Result<(), StoreError> {
    let sql = "DELETE FROM sync_spool WHERE mailbox = $1 AND kind = $2";
    sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(kind.label()).execute(conn).await?;
    Ok(())
}

type Row = (String, String, String, String, String);

pub(crate) async fn items(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    items: &[String],
) -> Result<Vec<Spooled>, StoreError> {
    let sql = concat!(
        "SELECT item, etag, headline, about, body FROM sync_spool WHERE mailbox = $1 AND kind = $2 AND ",
        listed!("item", "$3")
    );
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(kind.label());
    let rows = query.bind(json(&items)?).fetch_all(conn).await?;
    let spooled = |(item, etag, headline, about, body): Row| Spooled { item, etag, headline, about, body };
    Ok(rows.into_iter().map(spooled).collect())
}

/// The last of the next `limit` items; `None` when there are no more.
pub(crate) async fn portion(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    after: &str,
    limit: u32,
) -> Result<Option<String>, StoreError> {
    let sql =
        "SELECT MAX(item) FROM (SELECT item FROM sync_spool WHERE mailbox = $1 AND kind = $2 AND item > $3
               ORDER BY item LIMIT $4) AS portion";
    let query = sqlx::query_scalar::<Db, Option<String>>(sql).bind(mailbox.uuid()).bind(kind.label());
    Ok(query.bind(after).bind(i64::from(limit)).fetch_one(conn).await?)
}

/// Copies items into a snapshot: those after the first and up to the second.
pub(crate) async fn copy(
    conn: &mut Conn,
    id: SnapshotId,
    mailbox: MailboxId,
    kind: RecordKind,
    (after, to): (&str, &str),
) -> Result<(), StoreError> {
    let sql = "INSERT INTO snapshot_entry (snapshot, side, entry, headline, body)
               SELECT $1, 'mail', item, headline, body FROM sync_spool
               WHERE mailbox = $2 AND kind = $3 AND item > $4 AND item <= $5
               ON CONFLICT (snapshot, side, entry) DO UPDATE SET headline = excluded.headline, body = excluded.body";
    let query = sqlx::query::<Db>(sql).bind(id.uuid()).bind(mailbox.uuid()).bind(kind.label());
    let done = query.bind(after).bind(to).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "snapshot", id))
}

/// Items of the mail system that are known and not among these, after this one.
pub(crate) async fn others(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT DISTINCT l.right_id FROM sync_link l WHERE l.mailbox = $1 AND l.kind = $2 AND l.right_id > $3
               AND NOT EXISTS (SELECT 1 FROM sync_spool s
                               WHERE s.mailbox = l.mailbox AND s.kind = l.kind AND s.item = l.right_id)
               ORDER BY l.right_id LIMIT $4";
    let query = sqlx::query_scalar::<Db, String>(sql).bind(mailbox.uuid()).bind(kind.label());
    Ok(query.bind(after).bind(i64::from(limit)).fetch_all(conn).await?)
}

/// Forgets what was read for a plan that nobody wanted; the oldest states first.
pub(crate) async fn sweep(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "DELETE FROM sync_spool WHERE (mailbox, kind, item) IN
                   (SELECT s.mailbox, s.kind, s.item FROM sync_state t JOIN sync_spool s
                    ON s.mailbox = t.mailbox AND s.kind = t.kind WHERE t.at_ms < $1 LIMIT $2)";
    let query = sqlx::query::<Db>(sql).bind(before.as_millisecond()).bind(i64::from(limit));
    Ok(query.execute(conn).await?.rows_affected())
}
