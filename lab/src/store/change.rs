//! The change log: one rising number over all mailboxes, read by synchronisation and by notifications.

use std::collections::HashSet;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Created,
    NewMail,
    Modified,
    Deleted,
    Moved,
    Copied,
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::NewMail => "NewMail",
            Self::Modified => "Modified",
            Self::Deleted => "Deleted",
            Self::Moved => "Moved",
            Self::Copied => "Copied",
        }
    }

    fn parse(text: &str) -> Result<Self, sqlx::Error> {
        Ok(match text {
            "Created" => Self::Created,
            "NewMail" => Self::NewMail,
            "Modified" => Self::Modified,
            "Deleted" => Self::Deleted,
            "Moved" => Self::Moved,
            "Copied" => Self::Copied,
            other => return Err(sqlx::Error::Decode(format!("event {other}").into())),
        })
    }
}

/// What it happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Item(i64),
    Folder(i64),
}

/// One line of the log. `seq` and `at_ms` are given by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) seq: i64,
    pub(crate) mailbox: i64,
    pub(crate) at_ms: i64,
    pub(crate) event: Event,
    /// The subject's parent folder.
    pub(crate) folder: i64,
    pub(crate) subject: Subject,
    /// Former parent of a moved subject, source of a copied one.
    pub(crate) old_folder: Option<i64>,
    pub(crate) old_item: Option<i64>,
    /// New read state, when nothing else changed.
    pub(crate) read_flag: Option<bool>,
    /// Unread count of a folder whose contents changed.
    pub(crate) unread: Option<i64>,
}

impl Change {
    /// A line with only what every event has.
    pub(crate) fn new(mailbox: i64, event: Event, folder: i64, subject: Subject) -> Self {
        Self {
            seq: 0,
            mailbox,
            at_ms: 0,
            event,
            folder,
            subject,
            old_folder: None,
            old_item: None,
            read_flag: None,
            unread: None,
        }
    }
}

/// Appends a line and returns its number.
pub(crate) async fn append(
    tx: &mut SqliteConnection,
    change: &Change,
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    let (item, folder) = match change.subject {
        Subject::Item(item) => (Some(item), None),
        Subject::Folder(folder) => (None, Some(folder)),
    };
    sqlx::query(
        "INSERT INTO change (mailbox, at_ms, event, folder, item, subject_folder, old_folder, old_item, read_flag,
                             unread)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq",
    )
    .bind(change.mailbox)
    .bind(now_ms)
    .bind(change.event.as_str())
    .bind(change.folder)
    .bind(item)
    .bind(folder)
    .bind(change.old_folder)
    .bind(change.old_item)
    .bind(change.read_flag)
    .bind(change.unread)
    .fetch_one(tx)
    .await?
    .try_get("seq")
}

/// The highest number that a line ever had, 0 before the first.
pub(crate) async fn last(tx: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    // Not the highest there is: going back to an earlier state removes lines, and their numbers never come again.
    let row = sqlx::query("SELECT coalesce(max(seq), 0) AS last FROM sqlite_sequence WHERE name = 'change'");
    row.fetch_one(tx).await?.try_get("last")
}

/// The mailboxes that have lines after `seq`.
pub(crate) async fn touched(tx: &mut SqliteConnection, seq: i64) -> Result<HashSet<i64>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT DISTINCT mailbox FROM change WHERE seq > $1").bind(seq).fetch_all(tx).await?;
    rows.iter().map(|row| row.try_get("mailbox")).collect()
}

/// The item lines that touch a folder after `seq`, oldest first.
pub(crate) async fn of_folder(
    tx: &mut SqliteConnection,
    folder: i64,
    seq: i64,
    limit: i64,
) -> Result<Vec<Change>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM (
             SELECT * FROM change WHERE folder = $1 AND seq > $2 AND item IS NOT NULL
             UNION
             SELECT * FROM change WHERE old_folder = $1 AND seq > $2 AND item IS NOT NULL AND event = 'Moved')
         ORDER BY seq LIMIT $3",
    )
    .bind(folder)
    .bind(seq)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter().map(change).collect()
}

/// The lines of a mailbox after `seq`, oldest first.
pub(crate) async fn of_mailbox(
    tx: &mut SqliteConnection,
    mailbox: i64,
    seq: i64,
    limit: i64,
) -> Result<Vec<Change>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM change WHERE mailbox = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(mailbox)
        .bind(seq)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(change).collect()
}

fn change(row: &SqliteRow) -> Result<Change, sqlx::Error> {
    let item: Option<i64> = row.try_get("item")?;
    let folder: Option<i64> = row.try_get("subject_folder")?;
    let subject = match (item, folder) {
        (Some(item), _) => Subject::Item(item),
        (None, Some(folder)) => Subject::Folder(folder),
        (None, None) => return Err(sqlx::Error::Decode("a change without a subject".into())),
    };
    Ok(Change {
        seq: row.try_get("seq")?,
        mailbox: row.try_get("mailbox")?,
        at_ms: row.try_get("at_ms")?,
        event: Event::parse(row.try_get("event")?)?,
        folder: row.try_get("folder")?,
        subject,
        old_folder: row.try_get("old_folder")?,
        old_item: row.try_get("old_item")?,
        read_flag: row.try_get("read_flag")?,
        unread: row.try_get("unread")?,
    })
}
