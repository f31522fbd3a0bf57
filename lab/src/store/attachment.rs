//! Attachments of items, and of occurrences that have some of their own.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{item::Item, next_number};

/// An attachment row without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) attachment: i64,
    pub(crate) item: i64,
    /// The attachment element without id and content.
    pub(crate) document: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) changed_ms: i64,
    /// The occurrence of a series that it belongs to, by the pattern's day; 0 where it belongs to the item.
    pub(crate) day: i64,
}

fn attachment(row: &SqliteRow) -> Result<Attachment, sqlx::Error> {
    Ok(Attachment {
        attachment: row.try_get("attachment")?,
        item: row.try_get("item")?,
        document: row.try_get("document")?,
        size: row.try_get("size")?,
        changed_ms: row.try_get("changed_ms")?,
        day: row.try_get("day")?,
    })
}

/// Adds an attachment to an item and returns its number. The caller touches the item.
pub(crate) async fn add(
    tx: &mut SqliteConnection,
    item: i64,
    document: &[u8],
    content: &[u8],
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    add_on(tx, (item, 0), document, content, now_ms).await
}

/// The same for an item and a day: the occurrence of a series.
pub(crate) async fn add_on(
    tx: &mut SqliteConnection,
    (item, day): (i64, i64),
    document: &[u8],
    content: &[u8],
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    let number = next_number(tx, "attachment").await?;
    sqlx::query(
        "INSERT INTO attachment (attachment, item, document, size, changed_ms, content, day)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(number)
    .bind(item)
    .bind(document)
    .bind(i64::try_from(content.len()).unwrap_or(i64::MAX))
    .bind(now_ms)
    .bind(content)
    .bind(day)
    .execute(tx)
    .await?;
    Ok(number)
}

/// The attachments of an item in the order of adding.
pub(crate) async fn of_item(tx: &mut SqliteConnection, item: i64) -> Result<Vec<Attachment>, sqlx::Error> {
    on(tx, item, 0).await
}

/// The attachments that a row shows: an occurrence those of its series until it has some of its own.
pub(crate) async fn of_row(tx: &mut SqliteConnection, row: &Item) -> Result<Vec<Attachment>, sqlx::Error> {
    let own = row.occurrence.filter(|place| place.own_attachments.is_some());
    on(tx, row.item, own.map_or(0, |place| place.day)).await
}

/// The attachments of an item's occurrence on a day, or with 0 of the item.
pub(crate) async fn on(
    tx: &mut SqliteConnection,
    item: i64,
    day: i64,
) -> Result<Vec<Attachment>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT attachment, item, document, size, changed_ms, day FROM attachment
         WHERE item = $1 AND day = $2 ORDER BY attachment",
    )
    .bind(item)
    .bind(day)
    .fetch_all(tx)
    .await?;
    rows.iter().map(attachment).collect()
}

/// One attachment with its content.
pub(crate) async fn with_content(
    tx: &mut SqliteConnection,
    item: i64,
    number: i64,
) -> Result<Option<(Attachment, Vec<u8>)>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM attachment WHERE attachment = $1 AND item = $2")
        .bind(number)
        .bind(item)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(|row| Ok((attachment(row)?, row.try_get("content")?))).transpose()
}

/// Removes one attachment. The caller touches the item.
pub(crate) async fn remove(tx: &mut SqliteConnection, number: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM attachment WHERE attachment = $1").bind(number).execute(tx).await?;
    Ok(())
}

/// Removes those that occurrences of a series have of their own: of one day, or of all.
pub(crate) async fn remove_on(
    tx: &mut SqliteConnection,
    item: i64,
    day: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM attachment WHERE item = $1 AND day <> 0 AND day = coalesce($2, day)")
        .bind(item)
        .bind(day)
        .execute(tx)
        .await?;
    Ok(())
}

/// Copies all attachments of an item, and of its occurrences, to another.
pub(crate) async fn copy_all(tx: &mut SqliteConnection, from: i64, to: i64) -> Result<(), sqlx::Error> {
    let all = sqlx::query("SELECT attachment, day FROM attachment WHERE item = $1 ORDER BY attachment");
    for row in all.bind(from).fetch_all(&mut *tx).await? {
        copy(tx, row.try_get("attachment")?, (to, row.try_get("day")?)).await?;
    }
    Ok(())
}

/// Gives an occurrence copies of the attachments of its series, as its own.
pub(crate) async fn copy_to_day(tx: &mut SqliteConnection, item: i64, day: i64) -> Result<(), sqlx::Error> {
    for original in of_item(tx, item).await? {
        copy(tx, original.attachment, (item, day)).await?;
    }
    Ok(())
}

async fn copy(tx: &mut SqliteConnection, number: i64, (item, day): (i64, i64)) -> Result<(), sqlx::Error> {
    let new = next_number(tx, "attachment").await?;
    sqlx::query(
        "INSERT INTO attachment (attachment, item, document, size, changed_ms, content, day)
         SELECT $1, $2, document, size, changed_ms, content, $3 FROM attachment WHERE attachment = $4",
    )
    .bind(new)
    .bind(item)
    .bind(day)
    .bind(number)
    .execute(tx)
    .await?;
    Ok(())
}
