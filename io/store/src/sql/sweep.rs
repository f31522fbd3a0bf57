//! Removes what is older than it need be, a few rows at a time.

use jiff::Timestamp;
use tieline_model::MessageId;
use uuid::Uuid;

use super::{Conn, Db, content, picture, snapshot, spool};
use crate::StoreError;
use crate::writer::Sweep;

pub(crate) async fn sweep(
    conn: &mut Conn,
    what: Sweep,
    now: Timestamp,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let sql = match what {
        Sweep::Content => return contents(conn, now, before, limit).await,
        Sweep::Staged => return staged(conn, before, limit).await,
        Sweep::Snapshots => return snapshot::sweep(conn, before, limit).await,
        Sweep::Spooled => return spool::sweep(conn, before, limit).await,
        Sweep::Pictures => return picture::sweep(conn, now, before, limit).await,
        Sweep::Deletions => {
            "DELETE FROM deletion WHERE id IN
                 (SELECT id FROM deletion WHERE until_ms < $1 ORDER BY until_ms LIMIT $2)"
        }
        // Numbers rise with time: looking at the oldest few is enough.
        Sweep::Events => "DELETE FROM event WHERE seq < (SELECT MIN(seq) FROM event) + $2 AND at_ms < $1",
        Sweep::Decisions => {
            "DELETE FROM decision WHERE seq < (SELECT MIN(seq) FROM decision) + $2 AND at_ms < $1"
        }
        Sweep::Audit => "DELETE FROM audit WHERE seq < (SELECT MIN(seq) FROM audit) + $2 AND at_ms < $1",
        Sweep::Sessions => {
            "DELETE FROM web_session WHERE hash IN
                 (SELECT hash FROM web_session WHERE ends_ms < $1 OR seen_ms + idle_ms < $1 LIMIT $2)"
        }
        Sweep::PendingSignIns => {
            "DELETE FROM pending_sign_in WHERE state IN
                 (SELECT state FROM pending_sign_in WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)"
        }
        Sweep::QuickCallChoices => {
            "DELETE FROM quick_call_choice WHERE (technician, contact) IN
                 (SELECT technician, contact FROM quick_call_choice WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)"
        }
        Sweep::Subscriptions => {
            "DELETE FROM sip_subscription WHERE id IN
                 (SELECT id FROM sip_subscription WHERE expires_ms < $1 ORDER BY id LIMIT $2)"
        }
    };
    let query = sqlx::query::<Db>(sql).bind(before.as_millisecond()).bind(i64::from(limit));
    Ok(query.execute(conn).await?.rows_affected())
}

/// Content whose message is safe in the mail system, or deleted by its user.
async fn contents(conn: &mut Conn, now: Timestamp, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "SELECT id FROM message WHERE received_ms < $1 AND purged_ms IS NULL AND size > 0
               AND (delivered_ms IS NOT NULL OR state = 'deleted') ORDER BY received_ms LIMIT $2";
    let found = candidates(conn, sql, before, limit).await?;
    for message in &found {
        content::purge(conn, *message, now).await?;
    }
    Ok(found.len() as u64)
}

async fn staged(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let sql = "SELECT message FROM staged_content WHERE at_ms < $1 ORDER BY at_ms LIMIT $2";
    let found = candidates(conn, sql, before, limit).await?;
    for message in &found {
        content::drop_pieces(conn, *message).await?;
        let sql = "DELETE FROM staged_content WHERE message = $1";
        sqlx::query::<Db>(sql).bind(message.uuid()).execute(&mut *conn).await?;
    }
    Ok(found.len() as u64)
}

async fn candidates(
    conn: &mut Conn,
    sql: &'static str,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<MessageId>, StoreError> {
    let query = sqlx::query_scalar::<Db, Uuid>(sql).bind(before.as_millisecond()).bind(i64::from(limit));
    Ok(query.fetch_all(conn).await?.into_iter().map(MessageId::from_uuid).collect())
}
