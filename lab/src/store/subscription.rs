//! Subscriptions to notifications and how far each has been served.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// How a subscription is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pull,
    Push,
    Streaming,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Streaming => "streaming",
        }
    }
}

/// A subscription row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// Address of who subscribed; nobody else may use it.
    pub(crate) caller: String,
    pub(crate) mailbox: i64,
    /// Watched folders; `None` is all of them.
    pub(crate) folders: Option<Vec<i64>>,
    /// EWS names such as `NewMailEvent`.
    pub(crate) events: Vec<String>,
    /// Last change-log number that was handed out.
    pub(crate) position: i64,
    pub(crate) timeout_ms: i64,
    pub(crate) expires_ms: i64,
    /// Where a push subscription is delivered.
    pub(crate) url: Option<String>,
    pub(crate) caller_data: Option<String>,
}

fn subscription(row: &SqliteRow) -> Result<Subscription, sqlx::Error> {
    let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let folders: Option<String> = row.try_get("folders")?;
    let events: String = row.try_get("events")?;
    let kind: String = row.try_get("kind")?;
    Ok(Subscription {
        id: row.try_get("id")?,
        kind: match kind.as_str() {
            "pull" => Kind::Pull,
            "push" => Kind::Push,
            _ => Kind::Streaming,
        },
        caller: row.try_get("caller")?,
        mailbox: row.try_get("mailbox")?,
        folders: folders.map(|json| serde_json::from_str(&json)).transpose().map_err(decode)?,
        events: serde_json::from_str(&events).map_err(decode)?,
        position: row.try_get("position")?,
        timeout_ms: row.try_get("timeout_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        url: row.try_get("url")?,
        caller_data: row.try_get("caller_data")?,
    })
}

/// Adds a subscription.
pub(crate) async fn add(tx: &mut SqliteConnection, new: &Subscription) -> Result<(), sqlx::Error> {
    let encode = |error: serde_json::Error| sqlx::Error::Encode(error.into());
    let folders = new.folders.as_ref().map(serde_json::to_string).transpose().map_err(encode)?;
    sqlx::query(
        "INSERT INTO subscription (id, kind, caller, mailbox, folders, events, position, timeout_ms, expires_ms, url,
                                   caller_data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&new.id)
    .bind(new.kind.as_str())
    .bind(&new.caller)
    .bind(new.mailbox)
    .bind(folders)
    .bind(serde_json::to_string(&new.events).map_err(encode)?)
    .bind(new.position)
    .bind(new.timeout_ms)
    .bind(new.expires_ms)
    .bind(&new.url)
    .bind(&new.caller_data)
    .execute(tx)
    .await?;
    Ok(())
}

/// The subscription with this id, unless it has expired.
pub(crate) async fn by_id(
    tx: &mut SqliteConnection,
    id: &str,
    now_ms: i64,
) -> Result<Option<Subscription>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM subscription WHERE id = $1 AND expires_ms > $2")
        .bind(id)
        .bind(now_ms)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(subscription).transpose()
}

/// All push subscriptions that have not expired.
pub(crate) async fn pushes(tx: &mut SqliteConnection, now_ms: i64) -> Result<Vec<Subscription>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM subscription WHERE kind = 'push' AND expires_ms > $1")
        .bind(now_ms)
        .fetch_all(tx)
        .await?;
    rows.iter().map(subscription).collect()
}

/// Notes how far a subscription was served and puts off its end.
pub(crate) async fn served(
    tx: &mut SqliteConnection,
    id: &str,
    position: i64,
    expires_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE subscription SET position = $2, expires_ms = $3 WHERE id = $1")
        .bind(id)
        .bind(position)
        .bind(expires_ms)
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes a subscription; false when there was none.
pub(crate) async fn remove(tx: &mut SqliteConnection, id: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM subscription WHERE id = $1").bind(id).execute(tx).await?;
    Ok(done.rows_affected() > 0)
}

/// How many subscriptions are charged: those of a caller, or, when the caller acts for others, those for one mailbox.
pub(crate) async fn count(
    tx: &mut SqliteConnection,
    caller: &str,
    mailbox: Option<i64>,
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query(
        "SELECT count(*) AS held FROM subscription
         WHERE caller = $1 AND expires_ms > $2 AND ($3 IS NULL OR mailbox = $3)",
    )
    .bind(caller)
    .bind(now_ms)
    .bind(mailbox)
    .fetch_one(tx)
    .await?
    .try_get("held")
}

/// Removes the subscriptions to a mailbox, or all there are, and says which.
pub(crate) async fn remove_all(
    tx: &mut SqliteConnection,
    mailbox: Option<i64>,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query("DELETE FROM subscription WHERE $1 IS NULL OR mailbox = $1 RETURNING id")
        .bind(mailbox)
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| row.try_get("id")).collect()
}
