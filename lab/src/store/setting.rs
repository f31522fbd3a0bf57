//! What a mailbox remembers beside its items: automatic replies, rules, delegates, permissions, clients' settings.

use sqlx::{Row, SqliteConnection};

/// The setting with this name.
pub(crate) async fn get(
    tx: &mut SqliteConnection,
    mailbox: i64,
    name: &str,
) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query("SELECT value FROM setting WHERE mailbox = $1 AND name = $2")
        .bind(mailbox)
        .bind(name)
        .fetch_optional(tx)
        .await?;
    row.map(|row| row.try_get("value")).transpose()
}

/// Writes a setting over what was there.
pub(crate) async fn put(
    tx: &mut SqliteConnection,
    mailbox: i64,
    name: &str,
    value: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO setting (mailbox, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (mailbox, name) DO UPDATE SET value = $3",
    )
    .bind(mailbox)
    .bind(name)
    .bind(value)
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes a setting; false when there was none.
pub(crate) async fn remove(tx: &mut SqliteConnection, mailbox: i64, name: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM setting WHERE mailbox = $1 AND name = $2")
        .bind(mailbox)
        .bind(name)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
