//! Folders: reading, making, renaming, moving, deleting, counting.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    change::{self, Change, Event, Subject},
    next_number,
};

/// A folder row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) folder: i64,
    pub(crate) mailbox: i64,
    pub(crate) parent: Option<i64>,
    pub(crate) distinguished: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) name: String,
    pub(crate) search_class: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) version: i64,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    /// JSON: extended properties that clients set.
    pub(crate) properties: String,
}

/// How much a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) items: i64,
    pub(crate) unread: i64,
    pub(crate) children: i64,
}

fn folder(row: &SqliteRow) -> Result<Folder, sqlx::Error> {
    Ok(Folder {
        folder: row.try_get("folder")?,
        mailbox: row.try_get("mailbox")?,
        parent: row.try_get("parent")?,
        distinguished: row.try_get("distinguished")?,
        class: row.try_get("class")?,
        name: row.try_get("name")?,
        search_class: row.try_get("search_class")?,
        hidden: row.try_get("hidden")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
        changed_ms: row.try_get("changed_ms")?,
        properties: row.try_get("properties")?,
    })
}

/// The folder with this number, in this mailbox.
pub(crate) async fn by_number(
    tx: &mut SqliteConnection,
    mailbox: i64,
    number: i64,
) -> Result<Option<Folder>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM folder WHERE folder = $1 AND mailbox = $2")
        .bind(number)
        .bind(mailbox)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(folder).transpose()
}

/// The folder with this distinguished id.
pub(crate) async fn by_distinguished(
    tx: &mut SqliteConnection,
    mailbox: i64,
    id: &str,
) -> Result<Option<Folder>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM folder WHERE mailbox = $1 AND distinguished = $2")
        .bind(mailbox)
        .bind(id)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(folder).transpose()
}

/// All folders of a mailbox, oldest first; parents may stand after their children when folders were moved.
pub(crate) async fn all(tx: &mut SqliteConnection, mailbox: i64) -> Result<Vec<Folder>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM folder WHERE mailbox = $1 ORDER BY folder")
        .bind(mailbox)
        .fetch_all(tx)
        .await?;
    rows.iter().map(folder).collect()
}

/// The folders below `root`, nearest first; only its children unless `deep`.
pub(crate) async fn below(
    tx: &mut SqliteConnection,
    mailbox: i64,
    root: i64,
    deep: bool,
) -> Result<Vec<Folder>, sqlx::Error> {
    let all = all(tx, mailbox).await?;
    let mut found: Vec<Folder> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|folder| folder.parent == Some(parent)) {
            found.push(child.clone());
            if deep {
                parents.push(child.folder);
            }
        }
    }
    Ok(found)
}

/// Item, unread and child counts. A search folder counts what it shows.
pub(crate) async fn counts(tx: &mut SqliteConnection, folder: &Folder) -> Result<Counts, sqlx::Error> {
    let row = match &folder.search_class {
        None => {
            sqlx::query(
                "SELECT count(*) AS items, coalesce(sum(is_read = 0), 0) AS unread FROM item
                 WHERE folder = $1 AND associated = 0",
            )
            .bind(folder.folder)
            .fetch_one(&mut *tx)
            .await?
        }
        Some(class) => {
            sqlx::query(
                "SELECT count(*) AS items, coalesce(sum(is_read = 0), 0) AS unread FROM item
                 WHERE mailbox = $1 AND associated = 0 AND class >= $2 AND class < $2 || '~'
                   AND folder NOT IN (SELECT folder FROM archived WHERE mailbox = $1)",
            )
            .bind(folder.mailbox)
            .bind(class)
            .fetch_one(&mut *tx)
            .await?
        }
    };
    let children = sqlx::query("SELECT count(*) AS children FROM folder WHERE parent = $1")
        .bind(folder.folder)
        .fetch_one(tx)
        .await?;
    Ok(Counts {
        items: row.try_get("items")?,
        unread: row.try_get("unread")?,
        children: children.try_get("children")?,
    })
}

/// The child of `parent` with this name; case does not matter.
pub(crate) async fn child_named(
    tx: &mut SqliteConnection,
    parent: i64,
    name: &str,
) -> Result<Option<Folder>, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM folder WHERE parent = $1 AND name = $2 COLLATE NOCASE")
        .bind(parent)
        .bind(name)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(folder).transpose()
}

/// A folder to be made.
pub(crate) struct NewFolder<'a> {
    pub(crate) mailbox: i64,
    pub(crate) parent: i64,
    pub(crate) name: &'a str,
    pub(crate) class: Option<&'a str>,
    pub(crate) search_class: Option<&'a str>,
    pub(crate) properties: &'a str,
}

/// Makes a folder. The caller has checked the name.
pub(crate) async fn create(
    tx: &mut SqliteConnection,
    new: &NewFolder<'_>,
    now_ms: i64,
) -> Result<Folder, sqlx::Error> {
    let number = next_number(tx, "folder").await?;
    let line = Change::new(new.mailbox, Event::Created, new.parent, Subject::Folder(number));
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(
        "INSERT INTO folder (folder, mailbox, parent, class, name, search_class, hidden, version, created_ms,
                             changed_ms, properties)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $8, $9) RETURNING *",
    )
    .bind(number)
    .bind(new.mailbox)
    .bind(new.parent)
    .bind(new.class)
    .bind(new.name)
    .bind(new.search_class)
    .bind(version)
    .bind(now_ms)
    .bind(new.properties)
    .fetch_one(tx)
    .await?;
    folder(&row)
}

/// Writes a folder's name, class, hidden flag and properties.
pub(crate) async fn update(
    tx: &mut SqliteConnection,
    changed: &Folder,
    now_ms: i64,
) -> Result<Folder, sqlx::Error> {
    let parent = changed.parent.unwrap_or(changed.folder);
    let line = Change::new(changed.mailbox, Event::Modified, parent, Subject::Folder(changed.folder));
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(
        "UPDATE folder SET name = $2, class = $3, hidden = $4, properties = $5, version = $6, changed_ms = $7
         WHERE folder = $1 RETURNING *",
    )
    .bind(changed.folder)
    .bind(&changed.name)
    .bind(&changed.class)
    .bind(changed.hidden)
    .bind(&changed.properties)
    .bind(version)
    .bind(now_ms)
    .fetch_one(tx)
    .await?;
    folder(&row)
}

/// Hangs a folder under another parent. The caller has checked names and cycles.
pub(crate) async fn move_to(
    tx: &mut SqliteConnection,
    moved: &Folder,
    parent: i64,
    now_ms: i64,
) -> Result<Folder, sqlx::Error> {
    let mut line = Change::new(moved.mailbox, Event::Moved, parent, Subject::Folder(moved.folder));
    line.old_folder = moved.parent;
    let version = change::append(tx, &line, now_ms).await?;
    let row = sqlx::query(
        "UPDATE folder SET parent = $2, version = $3, changed_ms = $4 WHERE folder = $1 RETURNING *",
    )
    .bind(moved.folder)
    .bind(parent)
    .bind(version)
    .bind(now_ms)
    .fetch_one(tx)
    .await?;
    folder(&row)
}

/// Removes a folder that holds neither items nor folders.
pub(crate) async fn delete(tx: &mut SqliteConnection, gone: &Folder, now_ms: i64) -> Result<(), sqlx::Error> {
    let parent = gone.parent.unwrap_or(gone.folder);
    let line = Change::new(gone.mailbox, Event::Deleted, parent, Subject::Folder(gone.folder));
    change::append(tx, &line, now_ms).await?;
    sqlx::query("DELETE FROM folder WHERE folder = $1").bind(gone.folder).execute(tx).await?;
    Ok(())
}

/// Logs that a folder's contents changed, with its unread count, as Exchange does beside every item event.
pub(crate) async fn touch(
    tx: &mut SqliteConnection,
    mailbox: i64,
    number: i64,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let Some(touched) = by_number(tx, mailbox, number).await? else { return Ok(()) };
    let unread: i64 = sqlx::query(
        "SELECT count(*) AS unread FROM item WHERE folder = $1 AND associated = 0 AND is_read = 0",
    )
    .bind(number)
    .fetch_one(&mut *tx)
    .await?
    .try_get("unread")?;
    let parent = touched.parent.unwrap_or(number);
    let mut line = Change::new(mailbox, Event::Modified, parent, Subject::Folder(number));
    line.unread = Some(unread);
    change::append(tx, &line, now_ms).await?;
    sqlx::query("UPDATE folder SET changed_ms = $2 WHERE folder = $1")
        .bind(number)
        .bind(now_ms)
        .execute(tx)
        .await?;
    Ok(())
}
