//! Attachments of items.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::next_number;

/// An attachment row without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) attachment: i64,
    pub(crate) item: i64,
    /// The attachment element without id and content.
    pub(crate) document: Vec<u8>,
    pub(crate) size: i64,
    pub(crate) changed_ms: i64,
}

fn attachment(row: &SqliteRow) -> Result<Attachment, sqlx::Error> {
    Ok(Attachment {
        attachment: row.try_get("attachment")?,
        item: row.try_get("item")?,
        document: row.try_get("document")?,
        size: row.try_get("size")?,
        changed_ms: row.try_get("changed_ms")?,
    })
}

/// Adds an attachment and returns its number. The caller touches the item.
pub(crate) async fn add(
    tx: &mut SqliteConnection,
    item: i64,
    document: &[u8],
    content: &[u8],
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    let number = next_number(tx, "attachment").await?;
    sqlx::query(
        "INSERT INTO attachment (attachment, item, document, size, changed_ms, content)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(number)
    .bind(item)
    .bind(document)
    .bind(i64::try_from(content.len()).unwrap_or(i64::MAX))
    .bind(now_ms)
    .bind(content)
    .execute(tx)
    .await?;
    Ok(number)
}

/// The attachments of an item in the order of adding.
pub(crate) async fn of_item(tx: &mut SqliteConnection, item: i64) -> Result<Vec<Attachment>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT attachment, item, document, size, changed_ms FROM attachment WHERE item = $1 ORDER BY attachment",
    )
    .bind(item)
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

/// Copies all attachments of an item to another.
pub(crate) async fn copy_all(tx: &mut SqliteConnection, from: i64, to: i64) -> Result<(), sqlx::Error> {
    for original in of_item(tx, from).await? {
        let number = next_number(tx, "attachment").await?;
        sqlx::query(
            "INSERT INTO attachment (attachment, item, document, size, changed_ms, content)
             SELECT $1, $2, document, size, changed_ms, content FROM attachment WHERE attachment = $3",
        )
        .bind(number)
        .bind(to)
        .bind(original.attachment)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
