//! Secrets and tokens.

use jiff::Timestamp;
use tieline_model::Refusal;
use uuid::Uuid;

use super::{Conn, Db, event};
use crate::column::{time, unknown};
use crate::keys::{Keyring, Sealed};
use crate::secret::KEY_CHECK;
use crate::{ApiToken, NewApiToken, Role, SecretInfo, StoreError};

/// Refuses a key file that does not belong to the database; a new database gets tied to it.
pub(crate) async fn check_key(conn: &mut Conn, keys: &Keyring) -> Result<(), StoreError> {
    if sealed(conn, KEY_CHECK).await?.is_none() {
        let fresh = keys.seal(KEY_CHECK, &"tieline".into())?;
        let sql =
            "INSERT INTO secret (name, key, nonce, sealed, set_ms, set_by) VALUES ($1, $2, $3, $4, 0, '')
                   ON CONFLICT DO NOTHING";
        let query = sqlx::query::<Db>(sql).bind(KEY_CHECK).bind(fresh.key);
        query.bind(fresh.nonce).bind(fresh.text).execute(&mut *conn).await?;
    }
    // Read again: another node may have been faster.
    match sealed(conn, KEY_CHECK).await? {
        Some(sealed) => keys.open(KEY_CHECK, &sealed).map(drop),
        None => Err(StoreError::Key(Refusal::operator(
            "key-check-lost",
            "the database does not keep what ties it to its key file",
            "check that the database can be written",
        ))),
    }
}

pub(crate) async fn sealed(conn: &mut Conn, name: &str) -> Result<Option<Sealed>, StoreError> {
    let sql = "SELECT key, nonce, sealed FROM secret WHERE name = $1";
    let row = sqlx::query_as::<Db, (String, Vec<u8>, Vec<u8>)>(sql).bind(name).fetch_optional(conn).await?;
    Ok(row.map(|(key, nonce, text)| Sealed { key, nonce, text }))
}

pub(crate) async fn put(
    conn: &mut Conn,
    name: &str,
    sealed: Option<&Sealed>,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    if name == KEY_CHECK {
        return Err(StoreError::conflict(
            "reserved-name",
            "a secret cannot have the name key-check",
            "choose another name",
        ));
    }
    let Some(sealed) = sealed else {
        sqlx::query::<Db>("DELETE FROM secret WHERE name = $1").bind(name).execute(&mut *conn).await?;
        return event::put_audit(conn, at, by, "secret-removed", name, "").await;
    };
    let sql = "INSERT INTO secret (name, key, nonce, sealed, set_ms, set_by) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (name) DO UPDATE SET key = excluded.key, nonce = excluded.nonce, sealed = excluded.sealed,
                   set_ms = excluded.set_ms, set_by = excluded.set_by";
    sqlx::query::<Db>(sql)
        .bind(name)
        .bind(&sealed.key)
        .bind(&sealed.nonce)
        .bind(&sealed.text)
        .bind(at.as_millisecond())
        .bind(by)
        .execute(&mut *conn)
        .await?;
    event::put_audit(conn, at, by, "secret-set", name, "").await
}

/// Replaces the sealed form, unless the secret was set anew meanwhile.
pub(crate) async fn reseal(
    conn: &mut Conn,
    name: &str,
    old: &Sealed,
    new: &Sealed,
) -> Result<(), StoreError> {
    let sql = "UPDATE secret SET key = $3, nonce = $4, sealed = $5 WHERE name = $1 AND sealed = $2";
    let query = sqlx::query::<Db>(sql).bind(name).bind(&old.text).bind(&new.key);
    query.bind(&new.nonce).bind(&new.text).execute(conn).await?;
    Ok(())
}

/// The names of secrets that are sealed with other keys than this one.
pub(crate) async fn sealed_otherwise(conn: &mut Conn, key: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM secret WHERE key <> $1 ORDER BY name";
    Ok(sqlx::query_scalar::<Db, String>(sql).bind(key).fetch_all(conn).await?)
}

pub(crate) async fn list(conn: &mut Conn) -> Result<Vec<SecretInfo>, StoreError> {
    let sql = "SELECT name, set_by, set_ms, key FROM secret WHERE name <> $1 ORDER BY name";
    let rows =
        sqlx::query_as::<Db, (String, String, i64, String)>(sql).bind(KEY_CHECK).fetch_all(conn).await?;
    rows.into_iter()
        .map(|(name, set_by, set_ms, key)| Ok(SecretInfo { name, set_by, set: time(set_ms)?, key }))
        .collect()
}

pub(crate) async fn put_token(conn: &mut Conn, token: &NewApiToken, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO api_token (id, name, role, hash, created_ms, created_by, expires_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query::<Db>(sql)
        .bind(token.id)
        .bind(&token.name)
        .bind(token.role.name())
        .bind(token.hash.as_slice())
        .bind(at.as_millisecond())
        .bind(&token.by)
        .bind(token.expires.map(Timestamp::as_millisecond))
        .execute(&mut *conn)
        .await?;
    event::put_audit(conn, at, &token.by, "token-made", &token.id.to_string(), &token.name).await
}

pub(crate) async fn revoke_token(
    conn: &mut Conn,
    id: Uuid,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE api_token SET revoked_ms = COALESCE(revoked_ms, $2) WHERE id = $1";
    let done = sqlx::query::<Db>(sql).bind(id).bind(at.as_millisecond()).execute(&mut *conn).await?;
    if done.rows_affected() == 0 {
        return Err(unknown("token", id));
    }
    event::put_audit(conn, at, by, "token-revoked", &id.to_string(), "").await
}

type TokenRow = (Uuid, String, String, String, i64, Option<i64>, Option<i64>);

fn api_token(row: TokenRow) -> Result<ApiToken, StoreError> {
    let (id, name, role, by, created_ms, expires_ms, revoked_ms) = row;
    let role = Role::from_name(&role)
        .ok_or_else(|| StoreError::corrupt(format!("token {id}"), format!("unknown role {role:?}")))?;
    Ok(ApiToken {
        id,
        name,
        role,
        by,
        created: time(created_ms)?,
        expires: expires_ms.map(time).transpose()?,
        revoked: revoked_ms.map(time).transpose()?,
    })
}

pub(crate) async fn token(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
    let sql = "SELECT id, name, role, created_by, created_ms, expires_ms, revoked_ms FROM api_token WHERE hash = $1";
    let row = sqlx::query_as::<Db, TokenRow>(sql).bind(hash.as_slice()).fetch_optional(conn).await?;
    row.map(api_token).transpose()
}

pub(crate) async fn tokens(conn: &mut Conn) -> Result<Vec<ApiToken>, StoreError> {
    let sql = "SELECT id, name, role, created_by, created_ms, expires_ms, revoked_ms FROM api_token
               ORDER BY created_ms DESC, id";
    let rows = sqlx::query_as::<Db, TokenRow>(sql).fetch_all(conn).await?;
    rows.into_iter().map(api_token).collect()
}
