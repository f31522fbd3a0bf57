//! Local accounts.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Conn, Db, event, session};
use crate::column::{time, unknown};
use crate::{NewUser, StoreError, User, UserRole};

/// Adds an account; its name must be free.
pub(crate) async fn add(conn: &mut Conn, user: &NewUser, by: &str, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO user_account (name, display_name, role, password, created_ms, changed_ms)
               VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING";
    let done = sqlx::query::<Db>(sql)
        .bind(&user.name)
        .bind(&user.display_name)
        .bind(user.role.name())
        .bind(user.password.expose_secret())
        .bind(at.as_millisecond())
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::conflict(
            "duplicate-user",
            format!("there is a user {} already", user.name),
            "choose another name, or change the password: tieline user set-password",
        ));
    }
    event::put_audit(conn, at, by, "user-added", &user.name, user.role.name()).await
}

/// Sets another password and ends the account's sessions.
pub(crate) async fn set_password(
    conn: &mut Conn,
    name: &str,
    password: &SecretString,
    by: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE user_account SET password = $2, changed_ms = $3 WHERE name = $1";
    let query = sqlx::query::<Db>(sql).bind(name).bind(password.expose_secret()).bind(at.as_millisecond());
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Err(unknown("user", name));
    }
    session::end_local(conn, name).await?;
    event::put_audit(conn, at, by, "user-password-set", name, "").await
}

/// Removes an account and ends its sessions.
pub(crate) async fn remove(conn: &mut Conn, name: &str, by: &str, at: Timestamp) -> Result<(), StoreError> {
    let query = sqlx::query::<Db>("DELETE FROM user_account WHERE name = $1").bind(name);
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Err(unknown("user", name));
    }
    session::end_local(conn, name).await?;
    event::put_audit(conn, at, by, "user-removed", name, "").await
}

type Row = (String, String, String, i64, i64);

fn user((name, display_name, role, created_ms, changed_ms): Row) -> Result<User, StoreError> {
    let role = UserRole::from_name(&role)
        .ok_or_else(|| StoreError::corrupt(format!("user {name}"), format!("unknown role {role:?}")))?;
    Ok(User { name, display_name, role, created: time(created_ms)?, changed: time(changed_ms)? })
}

pub(crate) async fn one(conn: &mut Conn, name: &str) -> Result<Option<(User, SecretString)>, StoreError> {
    let sql =
        "SELECT name, display_name, role, created_ms, changed_ms, password FROM user_account WHERE name = $1";
    let row = sqlx::query_as::<Db, (String, String, String, i64, i64, String)>(sql)
        .bind(name)
        .fetch_optional(conn)
        .await?;
    row.map(|(name, display, role, created, changed, password)| {
        Ok((user((name, display, role, created, changed))?, SecretString::from(password)))
    })
    .transpose()
}

pub(crate) async fn list(conn: &mut Conn) -> Result<Vec<User>, StoreError> {
    let sql = "SELECT name, display_name, role, created_ms, changed_ms FROM user_account ORDER BY name";
    let rows = sqlx::query_as::<Db, Row>(sql).fetch_all(conn).await?;
    rows.into_iter().map(user).collect()
}
