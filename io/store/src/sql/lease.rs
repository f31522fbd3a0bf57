//! Leases: who holds a stream, proven by a token that rises with each taker.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::{ms_after, time};
use crate::{Fence, Lease, StoreError};

/// Refuses a stale fence. The row stays locked until the transaction ends, so that nobody takes the stream meanwhile.
pub(crate) async fn check(conn: &mut Conn, fence: &Fence) -> Result<(), StoreError> {
    let sql = concat!("SELECT token FROM lease WHERE stream = $1", for_share!());
    let token = sqlx::query_scalar::<Db, i64>(sql).bind(&fence.stream).fetch_optional(conn).await?;
    if token == Some(fence.token) { Ok(()) } else { Err(fenced(&fence.stream)) }
}

fn fenced(stream: &str) -> StoreError {
    StoreError::Fenced { stream: stream.to_owned() }
}

/// Makes sure that the stream can be taken.
pub(crate) async fn ensure(conn: &mut Conn, stream: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO lease (stream, token, expires_ms) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
    sqlx::query::<Db>(sql).bind(stream).execute(conn).await?;
    Ok(())
}

/// Takes a stream unless somebody else holds it.
pub(crate) async fn hold(
    conn: &mut Conn,
    stream: &str,
    owner: Uuid,
    now: Timestamp,
    ttl: SignedDuration,
) -> Result<Option<Lease>, StoreError> {
    ensure(conn, stream).await?;
    take(conn, stream, owner, now, ttl).await
}

pub(crate) async fn take(
    conn: &mut Conn,
    stream: &str,
    owner: Uuid,
    now: Timestamp,
    ttl: SignedDuration,
) -> Result<Option<Lease>, StoreError> {
    let expires_ms = ms_after(now, ttl);
    let sql = "UPDATE lease SET owner = $2, token = token + 1, expires_ms = $3
               WHERE stream = $1 AND expires_ms <= $4 RETURNING token";
    let token = sqlx::query_scalar::<Db, i64>(sql)
        .bind(stream)
        .bind(owner)
        .bind(expires_ms)
        .bind(now.as_millisecond())
        .fetch_optional(conn)
        .await?;
    let expires = time(expires_ms)?;
    Ok(token.map(|token| Lease { stream: stream.to_owned(), owner, token, expires }))
}

pub(crate) async fn renew(
    conn: &mut Conn,
    lease: &Lease,
    now: Timestamp,
    ttl: SignedDuration,
) -> Result<Lease, StoreError> {
    let expires_ms = ms_after(now, ttl);
    let sql = "UPDATE lease SET expires_ms = $3 WHERE stream = $1 AND token = $2";
    let done =
        sqlx::query::<Db>(sql).bind(&lease.stream).bind(lease.token).bind(expires_ms).execute(conn).await?;
    if done.rows_affected() == 0 {
        return Err(fenced(&lease.stream));
    }
    Ok(Lease { expires: time(expires_ms)?, ..lease.clone() })
}

pub(crate) async fn release(conn: &mut Conn, fence: &Fence) -> Result<(), StoreError> {
    let sql = "UPDATE lease SET expires_ms = 0 WHERE stream = $1 AND token = $2";
    sqlx::query::<Db>(sql).bind(&fence.stream).bind(fence.token).execute(conn).await?;
    Ok(())
}

pub(crate) async fn one(conn: &mut Conn, stream: &str) -> Result<Option<Lease>, StoreError> {
    let sql = "SELECT owner, token, expires_ms FROM lease WHERE stream = $1 AND owner IS NOT NULL";
    let row = sqlx::query_as::<Db, (Uuid, i64, i64)>(sql).bind(stream).fetch_optional(conn).await?;
    row.map(|(owner, token, expires_ms)| {
        Ok(Lease { stream: stream.to_owned(), owner, token, expires: time(expires_ms)? })
    })
    .transpose()
}
