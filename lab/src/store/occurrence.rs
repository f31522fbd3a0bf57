//! Occurrences that differ from their series. A change to one gives the series a new version.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    attachment,
    item::{self, Item},
};
use crate::{calendar::Exception, document::Document};

/// The property in an exception's document that says that it has attachments of its own, and whether one is shown
/// beside the body.
pub(crate) const OWN_ATTACHMENTS: &str = "OwnAttachments";

fn exception(row: &SqliteRow) -> Result<Exception, sqlx::Error> {
    let document: Vec<u8> = row.try_get("document")?;
    Ok(Exception {
        day: row.try_get("day")?,
        deleted: row.try_get("deleted")?,
        subject: row.try_get("subject")?,
        document: Document::from_bytes(&document),
    })
}

/// The exceptions of a series, by day.
pub(crate) async fn of_series(tx: &mut SqliteConnection, series: i64) -> Result<Vec<Exception>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT day, deleted, subject, document FROM occurrence WHERE item = $1 ORDER BY day")
            .bind(series)
            .fetch_all(tx)
            .await?;
    rows.iter().map(exception).collect()
}

/// The exceptions of every series in a folder, by series and day.
pub(crate) async fn of_folder(
    tx: &mut SqliteConnection,
    folder: i64,
) -> Result<HashMap<i64, Vec<Exception>>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT occurrence.* FROM occurrence JOIN item ON item.item = occurrence.item WHERE folder = $1 ORDER BY day",
    )
    .bind(folder)
    .fetch_all(tx)
    .await?;
    let mut all: HashMap<i64, Vec<Exception>> = HashMap::new();
    for row in &rows {
        all.entry(row.try_get("item")?).or_default().push(exception(row)?);
    }
    Ok(all)
}

/// Writes an exception.
pub(crate) async fn put(
    tx: &mut SqliteConnection,
    series: &Item,
    exception: &Exception,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO occurrence (item, day, deleted, subject, document) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (item, day) DO UPDATE SET deleted = $3, subject = $4, document = $5",
    )
    .bind(series.item)
    .bind(exception.day)
    .bind(exception.deleted)
    .bind(&exception.subject)
    .bind(exception.document.to_bytes())
    .execute(&mut *tx)
    .await?;
    if exception.deleted {
        attachment::remove_on(tx, series.item, Some(exception.day)).await?;
    }
    changed(tx, series, now_ms).await
}

/// Forgets all exceptions, because the pattern that they were exceptions to is no more.
pub(crate) async fn clear(tx: &mut SqliteConnection, series: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM occurrence WHERE item = $1").bind(series).execute(&mut *tx).await?;
    attachment::remove_on(tx, series, None).await
}

async fn changed(tx: &mut SqliteConnection, series: &Item, now_ms: i64) -> Result<(), sqlx::Error> {
    // The source that the series was made from says nothing of the exception.
    sqlx::query("UPDATE item SET mime = NULL, changed_ms = $2 WHERE item = $1")
        .bind(series.item)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
    item::touch_version(tx, series.mailbox, series.item, now_ms).await
}
