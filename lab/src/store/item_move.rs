//! Items that move, are copied, or go away. Each function keeps the change log.

use sqlx::SqliteConnection;

use super::{
    attachment,
    change::{self, Change, Event, Subject},
    folder,
    item::{Item, columns, item},
    next_number,
};

/// Moves an item to another folder of the same mailbox. It gets a new number, so all its ids change.
pub(crate) async fn move_to(
    tx: &mut SqliteConnection,
    moved: &Item,
    to: i64,
    now_ms: i64,
) -> Result<Item, sqlx::Error> {
    let number = next_number(tx, "item").await?;
    let mut line = Change::new(moved.mailbox, Event::Moved, to, Subject::Item(number));
    line.old_folder = Some(moved.folder);
    line.old_item = Some(moved.item);
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(concat!(
        "UPDATE item SET item = $2, folder = $3, version = $4, changed_ms = $5, article = $2 WHERE item = $1 RETURNING ",
        columns!()
    ))
    .bind(moved.item)
    .bind(number)
    .bind(to)
    .bind(version)
    .bind(now_ms)
    .fetch_one(&mut *tx)
    .await?;
    for statement in [
        "UPDATE attachment SET item = $2 WHERE item = $1",
        "UPDATE property SET item = $2 WHERE item = $1",
        "UPDATE occurrence SET item = $2 WHERE item = $1",
    ] {
        sqlx::query(statement).bind(moved.item).bind(number).execute(&mut *tx).await?;
    }
    folder::touch(tx, moved.mailbox, moved.folder, now_ms).await?;
    folder::touch(tx, moved.mailbox, to, now_ms).await?;
    item(&row)
}

/// Copies an item with its attachments to a folder of this or another mailbox.
pub(crate) async fn copy_to(
    tx: &mut SqliteConnection,
    original: &Item,
    mailbox: i64,
    to: i64,
    now_ms: i64,
) -> Result<Item, sqlx::Error> {
    let number = next_number(tx, "item").await?;
    let mut line = Change::new(mailbox, Event::Copied, to, Subject::Item(number));
    line.old_folder = Some(original.folder);
    line.old_item = Some(original.item);
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(concat!(
        "INSERT INTO item (item, mailbox, folder, version, class, associated, is_read, is_draft, subject, received_ms,
                           sent_ms, created_ms, changed_ms, changed_by, size, article, search_key, document, mime,
                           has_attachments)
         SELECT $2, $3, $4, $5, class, associated, is_read, is_draft, subject, received_ms, sent_ms, $6, $6, changed_by,
                size, $2, search_key, document, mime, has_attachments FROM item WHERE item = $1 RETURNING ",
        columns!()
    ))
    .bind(original.item)
    .bind(number)
    .bind(mailbox)
    .bind(to)
    .bind(version)
    .bind(now_ms)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO property (item, name, value) SELECT $2, name, value FROM property WHERE item = $1",
    )
    .bind(original.item)
    .bind(number)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO occurrence (item, day, deleted, subject, document)
         SELECT $2, day, deleted, subject, document FROM occurrence WHERE item = $1",
    )
    .bind(original.item)
    .bind(number)
    .execute(&mut *tx)
    .await?;
    attachment::copy_all(tx, original.item, number).await?;
    folder::touch(tx, mailbox, to, now_ms).await?;
    item(&row)
}

/// Removes an item for good.
pub(crate) async fn delete(tx: &mut SqliteConnection, gone: &Item, now_ms: i64) -> Result<(), sqlx::Error> {
    let line = Change::new(gone.mailbox, Event::Deleted, gone.folder, Subject::Item(gone.item));
    change::append(tx, &line, now_ms).await?;
    for statement in [
        "DELETE FROM attachment WHERE item = $1",
        "DELETE FROM property WHERE item = $1",
        "DELETE FROM occurrence WHERE item = $1",
        "DELETE FROM item WHERE item = $1",
    ] {
        sqlx::query(statement).bind(gone.item).execute(&mut *tx).await?;
    }
    folder::touch(tx, gone.mailbox, gone.folder, now_ms).await
}
