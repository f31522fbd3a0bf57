//! Items: making, reading, changing, moving, deleting. Each function keeps the change log.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    change::{self, Change, Event, Subject},
    folder, next_number,
};

/// Which occurrence of a series a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InSeries {
    /// Where the pattern puts it: 20261123.
    pub(crate) day: i64,
    pub(crate) original_start_ms: i64,
    pub(crate) is_exception: bool,
    /// Whether one is shown beside the body, where the occurrence has attachments of its own.
    pub(crate) own_attachments: Option<bool>,
}

/// An item row without its MIME source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) item: i64,
    pub(crate) mailbox: i64,
    pub(crate) folder: i64,
    /// Change-log number of the last change.
    pub(crate) version: i64,
    pub(crate) class: String,
    pub(crate) associated: bool,
    pub(crate) is_read: bool,
    pub(crate) is_draft: bool,
    pub(crate) has_attachments: bool,
    pub(crate) subject: Option<String>,
    pub(crate) received_ms: i64,
    pub(crate) sent_ms: Option<i64>,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) changed_by: String,
    pub(crate) size: i64,
    /// PR_INTERNET_ARTICLE_NUMBER.
    pub(crate) article: i64,
    /// PR_SEARCH_KEY.
    pub(crate) search_key: Vec<u8>,
    /// The item element as a client may set it.
    pub(crate) document: Vec<u8>,
    /// Set where the row is that of a series, shown as one of its occurrences.
    pub(crate) occurrence: Option<InSeries>,
}

/// The columns of an item that a client decides, directly or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) class: String,
    pub(crate) is_read: bool,
    pub(crate) is_draft: bool,
    pub(crate) associated: bool,
    pub(crate) has_attachments: bool,
    pub(crate) subject: Option<String>,
    pub(crate) received_ms: i64,
    pub(crate) sent_ms: Option<i64>,
    pub(crate) size: i64,
    pub(crate) document: Vec<u8>,
    pub(crate) mime: Option<Vec<u8>>,
    /// Extended properties in canonical form, for searching.
    pub(crate) properties: Vec<(String, String)>,
}

/// Where and by whom an item is made.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) mailbox: i64,
    pub(crate) folder: i64,
    pub(crate) by: &'a str,
    pub(crate) now_ms: i64,
    /// Delivered by mail rather than put there: also raises NewMail.
    pub(crate) delivered: bool,
}

/// The columns of [`Item`], in its order.
macro_rules! columns {
    () => {
        "item, mailbox, folder, version, class, associated, is_read, is_draft, has_attachments, subject, \
         received_ms, sent_ms, created_ms, changed_ms, changed_by, size, article, search_key, document"
    };
}

pub(super) use columns;

pub(super) fn item(row: &SqliteRow) -> Result<Item, sqlx::Error> {
    Ok(Item {
        item: row.try_get("item")?,
        mailbox: row.try_get("mailbox")?,
        folder: row.try_get("folder")?,
        version: row.try_get("version")?,
        class: row.try_get("class")?,
        associated: row.try_get("associated")?,
        is_read: row.try_get("is_read")?,
        is_draft: row.try_get("is_draft")?,
        has_attachments: row.try_get("has_attachments")?,
        subject: row.try_get("subject")?,
        received_ms: row.try_get("received_ms")?,
        sent_ms: row.try_get("sent_ms")?,
        created_ms: row.try_get("created_ms")?,
        changed_ms: row.try_get("changed_ms")?,
        changed_by: row.try_get("changed_by")?,
        size: row.try_get("size")?,
        article: row.try_get("article")?,
        search_key: row.try_get("search_key")?,
        document: row.try_get("document")?,
        occurrence: None,
    })
}

/// The item with this number, in this mailbox.
pub(crate) async fn by_number(
    tx: &mut SqliteConnection,
    mailbox: i64,
    number: i64,
) -> Result<Option<Item>, sqlx::Error> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM item WHERE item = $1 AND mailbox = $2"))
        .bind(number)
        .bind(mailbox)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(item).transpose()
}

/// The columns of [`Item`] with an empty document unless parameter `$4` asks for it. Documents are most of a row.
macro_rules! light_columns {
    () => {
        "item, mailbox, folder, version, class, associated, is_read, is_draft, has_attachments, subject, \
         received_ms, sent_ms, created_ms, changed_ms, changed_by, size, article, search_key, \
         CASE WHEN $4 THEN document ELSE x'' END AS document"
    };
}

/// The items of a folder, newest first; `associated` ones (hidden configuration) or the others. Without their
/// documents when only columns are asked for.
pub(crate) async fn of_folder(
    tx: &mut SqliteConnection,
    listed: &folder::Folder,
    associated: bool,
    with_document: bool,
) -> Result<Vec<Item>, sqlx::Error> {
    let query = match &listed.search_class {
        None => sqlx::query(concat!(
            "SELECT ",
            light_columns!(),
            " FROM item WHERE folder = $1 AND associated = $2 AND $3 = '' ORDER BY received_ms DESC, item DESC"
        ))
        .bind(listed.folder),
        // Item classes are ASCII, so everything that begins with one sorts before the class with a tilde.
        Some(_) => sqlx::query(concat!(
            "SELECT ",
            light_columns!(),
            " FROM item WHERE mailbox = $1 AND associated = $2 AND class >= $3 AND class < $3 || '~'
               AND folder NOT IN (SELECT folder FROM archived WHERE mailbox = $1)
             ORDER BY received_ms DESC, item DESC"
        ))
        .bind(listed.mailbox),
    };
    let class = listed.search_class.as_deref().unwrap_or_default();
    let rows = query.bind(associated).bind(class).bind(with_document).fetch_all(tx).await?;
    rows.iter().map(item).collect()
}

/// The items of a folder that carry this value of an extended property, newest first.
pub(crate) async fn of_folder_with_property(
    tx: &mut SqliteConnection,
    folder: i64,
    associated: bool,
    name: &str,
    value: &str,
) -> Result<Vec<Item>, sqlx::Error> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM item WHERE folder = $1 AND associated = $2
          AND item IN (SELECT item FROM property WHERE name = $3 AND value = $4)
         ORDER BY received_ms DESC, item DESC"
    ))
    .bind(folder)
    .bind(associated)
    .bind(name)
    .bind(value)
    .fetch_all(tx)
    .await?;
    rows.iter().map(item).collect()
}

/// Up to `limit` items of a folder whose numbers are below `below`, highest number first.
pub(crate) async fn page_below(
    tx: &mut SqliteConnection,
    folder: i64,
    below: i64,
    with_associated: bool,
    limit: i64,
) -> Result<Vec<Item>, sqlx::Error> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM item WHERE folder = $1 AND item < $2 AND (associated = 0 OR $3) ORDER BY item DESC LIMIT $4"
    ))
    .bind(folder)
    .bind(below)
    .bind(with_associated)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter().map(item).collect()
}

/// The MIME source that an item was made from, if it was.
pub(crate) async fn mime(tx: &mut SqliteConnection, number: i64) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let row = sqlx::query("SELECT mime FROM item WHERE item = $1").bind(number).fetch_optional(tx).await?;
    row.map_or(Ok(None), |row| row.try_get("mime"))
}

/// The calendar items of a mailbox, in any of its calendars, that belong to a meeting; a series before its
/// occurrences.
pub(crate) async fn of_meeting(
    tx: &mut SqliteConnection,
    mailbox: i64,
    uid: &str,
) -> Result<Vec<Item>, sqlx::Error> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM item WHERE mailbox = $1 AND item IN (SELECT item FROM property WHERE name = 'UID' AND value = $2)
          AND class LIKE 'IPM.Appointment%'
          AND folder IN (SELECT folder FROM folder WHERE mailbox = $1 AND class LIKE 'IPF.Appointment%')
         ORDER BY item"
    ))
    .bind(mailbox)
    .bind(uid)
    .fetch_all(tx)
    .await?;
    rows.iter().map(item).collect()
}

/// Makes an item.
pub(crate) async fn create(
    tx: &mut SqliteConnection,
    place: &Place<'_>,
    content: &Content,
) -> Result<Item, sqlx::Error> {
    let number = next_number(tx, "item").await?;
    let line = Change::new(place.mailbox, Event::Created, place.folder, Subject::Item(number));
    let mut version = change::append(tx, &line, place.now_ms).await?;
    if place.delivered {
        let line = Change { event: Event::NewMail, ..line };
        version = change::append(tx, &line, place.now_ms).await?;
    }
    let search_key = crate::id::random_uuid().as_bytes().to_vec();
    let row = sqlx::query(concat!(
        "INSERT INTO item (item, mailbox, folder, version, class, associated, is_read, is_draft, subject, received_ms,
                           sent_ms, created_ms, changed_ms, changed_by, size, article, search_key, document, mime,
                           has_attachments)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $1, $15, $16, $17, $18) RETURNING ",
        columns!()
    ))
    .bind(number)
    .bind(place.mailbox)
    .bind(place.folder)
    .bind(version)
    .bind(&content.class)
    .bind(content.associated)
    .bind(content.is_read)
    .bind(content.is_draft)
    .bind(&content.subject)
    .bind(content.received_ms)
    .bind(content.sent_ms)
    .bind(place.now_ms)
    .bind(place.by)
    .bind(content.size)
    .bind(search_key)
    .bind(&content.document)
    .bind(&content.mime)
    .bind(content.has_attachments)
    .fetch_one(&mut *tx)
    .await?;
    write_properties(tx, number, &content.properties).await?;
    folder::touch(tx, place.mailbox, place.folder, place.now_ms).await?;
    item(&row)
}

async fn write_properties(
    tx: &mut SqliteConnection,
    number: i64,
    properties: &[(String, String)],
) -> Result<(), sqlx::Error> {
    for (name, value) in properties {
        sqlx::query("INSERT OR IGNORE INTO property (item, name, value) VALUES ($1, $2, $3)")
            .bind(number)
            .bind(name)
            .bind(value)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Writes an item's content anew. `only_read_flag` says that nothing but the read state differs.
pub(crate) async fn update(
    tx: &mut SqliteConnection,
    old: &Item,
    content: &Content,
    only_read_flag: bool,
    by: &str,
    now_ms: i64,
) -> Result<Item, sqlx::Error> {
    let mut line = Change::new(old.mailbox, Event::Modified, old.folder, Subject::Item(old.item));
    line.read_flag = only_read_flag.then_some(content.is_read);
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(concat!(
        "UPDATE item SET version = $2, class = $3, associated = $4, is_read = $5, is_draft = $6, subject = $7,
                received_ms = $8, sent_ms = $9, changed_ms = $10, changed_by = $11, size = $12, document = $13,
                mime = $14, has_attachments = $15
         WHERE item = $1 RETURNING ",
        columns!()
    ))
    .bind(old.item)
    .bind(version)
    .bind(&content.class)
    .bind(content.associated)
    .bind(content.is_read)
    .bind(content.is_draft)
    .bind(&content.subject)
    .bind(content.received_ms)
    .bind(content.sent_ms)
    .bind(now_ms)
    .bind(by)
    .bind(content.size)
    .bind(&content.document)
    .bind(&content.mime)
    .bind(content.has_attachments)
    .fetch_one(&mut *tx)
    .await?;
    if !only_read_flag {
        sqlx::query("DELETE FROM property WHERE item = $1").bind(old.item).execute(&mut *tx).await?;
        write_properties(tx, old.item, &content.properties).await?;
    }
    if old.is_read != content.is_read {
        folder::touch(tx, old.mailbox, old.folder, now_ms).await?;
    }
    item(&row)
}

/// Sets the read state alone, without touching the document.
pub(crate) async fn set_read(
    tx: &mut SqliteConnection,
    old: &Item,
    is_read: bool,
    by: &str,
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    let mut line = Change::new(old.mailbox, Event::Modified, old.folder, Subject::Item(old.item));
    line.read_flag = Some(is_read);
    let version = change::append(tx, &line, now_ms).await?;
    sqlx::query(
        "UPDATE item SET is_read = $2, version = $3, changed_ms = $4, changed_by = $5 WHERE item = $1",
    )
    .bind(old.item)
    .bind(is_read)
    .bind(version)
    .bind(now_ms)
    .bind(by)
    .execute(tx)
    .await?;
    Ok(version)
}

/// What changes on an item when its attachments do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch<'a> {
    pub(crate) size: i64,
    pub(crate) has_attachments: bool,
    pub(crate) document: &'a [u8],
    pub(crate) by: &'a str,
}

/// Gives an item a new version after its attachments changed; returns the version.
pub(crate) async fn touch(
    tx: &mut SqliteConnection,
    touched: &Item,
    change: &Touch<'_>,
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    let line = Change::new(touched.mailbox, Event::Modified, touched.folder, Subject::Item(touched.item));
    let version = change::append(tx, &line, now_ms).await?;
    sqlx::query(
        "UPDATE item SET version = $2, changed_ms = $3, size = $4, changed_by = $5, mime = NULL,
                has_attachments = $6, document = $7
         WHERE item = $1",
    )
    .bind(touched.item)
    .bind(version)
    .bind(now_ms)
    .bind(change.size)
    .bind(change.by)
    .bind(change.has_attachments)
    .bind(change.document)
    .execute(tx)
    .await?;
    Ok(version)
}

/// Gives an item a new version and changes nothing else; an item that is gone stays so.
pub(crate) async fn touch_version(
    tx: &mut SqliteConnection,
    mailbox: i64,
    number: i64,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let Some(touched) = by_number(tx, mailbox, number).await? else { return Ok(()) };
    let line = Change::new(mailbox, Event::Modified, touched.folder, Subject::Item(number));
    let version = change::append(tx, &line, now_ms).await?;
    sqlx::query("UPDATE item SET version = $2 WHERE item = $1")
        .bind(number)
        .bind(version)
        .execute(tx)
        .await?;
    Ok(())
}
