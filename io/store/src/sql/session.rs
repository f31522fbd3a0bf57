//! Sessions of the pages, and sign-ins under way.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{Conn, Db};
use crate::column::time;
use crate::session::PENDING;
use crate::{PendingSignIn, Session, SignInWay, StoreError, UserRole};

pub(crate) async fn put(conn: &mut Conn, session: &Session) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO web_session (hash, name, display_name, role, way, created_ms, seen_ms, idle_ms, ends_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let idle_ms = i64::try_from(session.idle.as_millis()).unwrap_or(i64::MAX);
    sqlx::query::<Db>(sql)
        .bind(session.hash.as_slice())
        .bind(&session.name)
        .bind(&session.display_name)
        .bind(session.role.name())
        .bind(session.way.name())
        .bind(session.created.as_millisecond())
        .bind(session.seen.as_millisecond())
        .bind(idle_ms)
        .bind(session.ends.as_millisecond())
        .execute(conn)
        .await?;
    Ok(())
}

/// Moves the last sight forward. A session that ended meanwhile stays ended.
pub(crate) async fn touch(conn: &mut Conn, hash: &[u8; 32], at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE web_session SET seen_ms = $2 WHERE hash = $1 AND seen_ms < $2";
    sqlx::query::<Db>(sql).bind(hash.as_slice()).bind(at.as_millisecond()).execute(conn).await?;
    Ok(())
}

pub(crate) async fn end(conn: &mut Conn, hash: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "DELETE FROM web_session WHERE hash = $1";
    sqlx::query::<Db>(sql).bind(hash.as_slice()).execute(conn).await?;
    Ok(())
}

/// Ends the sessions of a local account.
pub(crate) async fn end_local(conn: &mut Conn, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM web_session WHERE name = $1 AND way = 'local'";
    sqlx::query::<Db>(sql).bind(name).execute(conn).await?;
    Ok(())
}

type Row = (Vec<u8>, String, String, String, String, i64, i64, i64, i64);

pub(crate) async fn one(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
    let sql = "SELECT hash, name, display_name, role, way, created_ms, seen_ms, idle_ms, ends_ms
               FROM web_session WHERE hash = $1";
    let row = sqlx::query_as::<Db, Row>(sql).bind(hash.as_slice()).fetch_optional(conn).await?;
    row.map(session).transpose()
}

fn session(row: Row) -> Result<Session, StoreError> {
    let (hash, name, display_name, role, way, created_ms, seen_ms, idle_ms, ends_ms) = row;
    let strange = |what: &str| StoreError::corrupt("a session", format!("{what:?} is not known"));
    Ok(Session {
        hash: hash.try_into().map_err(|_| strange("hash"))?,
        role: UserRole::from_name(&role).ok_or_else(|| strange(&role))?,
        way: SignInWay::from_name(&way).ok_or_else(|| strange(&way))?,
        name,
        display_name,
        created: time(created_ms)?,
        seen: time(seen_ms)?,
        idle: SignedDuration::from_millis(idle_ms),
        ends: time(ends_ms)?,
    })
}

/// Keeps a sign-in that was begun; only so many, whoever asks for however many.
pub(crate) async fn put_pending(conn: &mut Conn, pending: &PendingSignIn) -> Result<(), StoreError> {
    let sql = "INSERT INTO pending_sign_in (state, visit, target, nonce, verifier, expires_ms)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (state) DO UPDATE SET target = excluded.target, nonce = excluded.nonce,
                   verifier = excluded.verifier, expires_ms = excluded.expires_ms";
    sqlx::query::<Db>(sql)
        .bind(pending.state.as_slice())
        .bind(pending.visit.as_slice())
        .bind(pending.target.as_deref())
        .bind(pending.nonce.as_deref())
        .bind(pending.verifier.as_ref().map(ExposeSecret::expose_secret))
        .bind(pending.expires.as_millisecond())
        .execute(&mut *conn)
        .await?;
    let sql = "DELETE FROM pending_sign_in WHERE expires_ms <=
                   (SELECT expires_ms FROM pending_sign_in ORDER BY expires_ms DESC LIMIT 1 OFFSET $1)";
    sqlx::query::<Db>(sql).bind(PENDING).execute(conn).await?;
    Ok(())
}

/// Takes a sign-in away; of two that come with the same state only one succeeds.
pub(crate) async fn take_pending(conn: &mut Conn, state: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "DELETE FROM pending_sign_in WHERE state = $1";
    let done = sqlx::query::<Db>(sql).bind(state.as_slice()).execute(conn).await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::conflict(
            "sign-in-used",
            "this sign-in was used already",
            "begin again from the page you wanted",
        ));
    }
    Ok(())
}

type PendingRow = (Vec<u8>, Vec<u8>, Option<String>, Option<String>, Option<String>, i64);

pub(crate) async fn pending(conn: &mut Conn, state: &[u8; 32]) -> Result<Option<PendingSignIn>, StoreError> {
    let sql =
        "SELECT state, visit, target, nonce, verifier, expires_ms FROM pending_sign_in WHERE state = $1";
    let row = sqlx::query_as::<Db, PendingRow>(sql).bind(state.as_slice()).fetch_optional(conn).await?;
    let strange = |_| StoreError::corrupt("a pending sign-in", "a hash has the wrong length");
    row.map(|(state, visit, target, nonce, verifier, expires_ms)| {
        Ok(PendingSignIn {
            state: state.try_into().map_err(strange)?,
            visit: visit.try_into().map_err(strange)?,
            target,
            nonce,
            verifier: verifier.map(SecretString::from),
            expires: time(expires_ms)?,
        })
    })
    .transpose()
}
