//! Mail for elsewhere that waits for the smart host.

use sqlx::{Row, SqliteConnection};

use super::next_number;

/// One message for some recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outbound {
    pub(crate) outbound: i64,
    /// The envelope's sender.
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) source: Vec<u8>,
    /// How often it was tried in vain.
    pub(crate) tries: i64,
}

/// Puts a message into the queue.
pub(crate) async fn queue(
    tx: &mut SqliteConnection,
    sender: &str,
    recipients: &[String],
    source: &[u8],
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let number = next_number(tx, "outbound").await?;
    sqlx::query(
        "INSERT INTO outbound (outbound, sender, recipients, source, tries, due_ms) VALUES ($1, $2, $3, $4, 0, $5)",
    )
    .bind(number)
    .bind(sender)
    .bind(recipients.join("\n"))
    .bind(source)
    .bind(now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// The oldest message whose time has come.
pub(crate) async fn due(tx: &mut SqliteConnection, now_ms: i64) -> Result<Option<Outbound>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM outbound WHERE due_ms <= $1 ORDER BY outbound LIMIT 1")
        .bind(now_ms)
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        let recipients: String = row.try_get("recipients")?;
        Ok(Outbound {
            outbound: row.try_get("outbound")?,
            sender: row.try_get("sender")?,
            recipients: recipients.lines().map(str::to_owned).collect(),
            source: row.try_get("source")?,
            tries: row.try_get("tries")?,
        })
    })
    .transpose()
}

/// When the next message is due, in milliseconds since 1970 UTC.
pub(crate) async fn next_due(tx: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query("SELECT min(due_ms) AS due FROM outbound").fetch_one(tx).await?.try_get("due")
}

/// Takes a message out of the queue.
pub(crate) async fn remove(tx: &mut SqliteConnection, outbound: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbound WHERE outbound = $1").bind(outbound).execute(tx).await?;
    Ok(())
}

/// Leaves a message for some of its recipients for later.
pub(crate) async fn retry(
    tx: &mut SqliteConnection,
    outbound: i64,
    recipients: &[String],
    due_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE outbound SET tries = tries + 1, recipients = $2, due_ms = $3 WHERE outbound = $1")
        .bind(outbound)
        .bind(recipients.join("\n"))
        .bind(due_ms)
        .execute(tx)
        .await?;
    Ok(())
}
