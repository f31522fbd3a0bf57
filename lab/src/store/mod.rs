//! The lab's state in one SQLite file: mailboxes, folders, items, attachments, the change log and subscriptions.
//!
//! Every function takes the connection of an open transaction; [`Store::write`] and [`Store::read`] open one.
//! A change is visible to streams only after its transaction is on disk.

pub(crate) mod attachment;
pub(crate) mod change;
pub(crate) mod distinguished;
pub(crate) mod folder;
pub(crate) mod item;
pub(crate) mod item_move;
pub(crate) mod mailbox;
pub(crate) mod occurrence;
pub(crate) mod outbound;
pub(crate) mod roll_back;
pub(crate) mod setting;
pub(crate) mod subscription;

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Row, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Notify, futures::Notified, watch};

use crate::{account::Directory, clock::Clock};

const SCHEMA: &str = include_str!("schema.sql");

/// A transaction of the store; dropping it undoes its writes.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// The SQLite file with one writer and a few readers.
#[derive(Debug)]
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    committed: watch::Sender<i64>,
    written: Notify,
}

impl Store {
    /// Opens the file, making it at the first start, and gives every account of the directory its mailbox.
    pub(crate) async fn open(path: &Path, directory: &Directory, clock: &Clock) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(30))
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(120))
            .connect_with(options.clone())
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&writer).await?;
        bring_up_to_date(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(120))
            .connect_with(options.read_only(true))
            .await?;
        let store = Self { writer, readers, committed: watch::Sender::new(0), written: Notify::new() };
        let mut tx = store.write().await?;
        for account in directory.mailboxes() {
            mailbox::provision(&mut tx, account, clock.now_ms()).await?;
        }
        store.commit(tx).await?;
        Ok(store)
    }

    /// Opens a transaction that may write. There is one at a time; others wait.
    pub(crate) async fn write(&self) -> Result<Tx, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Opens a transaction that sees one committed state and writes nothing.
    pub(crate) async fn read(&self) -> Result<Tx, sqlx::Error> {
        self.readers.begin().await
    }

    /// Commits, syncs and wakes the streams.
    pub(crate) async fn commit(&self, mut tx: Tx) -> Result<(), sqlx::Error> {
        let last = change::last(&mut tx).await?;
        tx.commit().await?;
        self.written.notify_one();
        self.committed.send_if_modified(|seen| {
            let news = last > *seen;
            *seen = last.max(*seen);
            news
        });
        Ok(())
    }

    /// Changes whenever a transaction with new change-log rows is committed.
    pub(crate) fn committed(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    /// Ends when a transaction is committed, also one that was before it is waited for.
    pub(crate) fn written(&self) -> Notified<'_> {
        self.written.notified()
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Adds what files of earlier labs lack.
async fn bring_up_to_date(writer: &SqlitePool) -> Result<(), sqlx::Error> {
    let known = "SELECT name FROM pragma_table_info('attachment') WHERE name = 'day'";
    if sqlx::query(known).fetch_optional(writer).await?.is_none() {
        for table in ["attachment", "earlier_attachment"] {
            let column = "ADD COLUMN day INTEGER NOT NULL DEFAULT 0";
            sqlx::query(AssertSqlSafe(format!("ALTER TABLE {table} {column}"))).execute(writer).await?;
        }
    }
    Ok(())
}

/// The next number of a series that never repeats, across restarts and deletions.
pub(crate) async fn next_number(tx: &mut SqliteConnection, series: &str) -> Result<i64, sqlx::Error> {
    next_numbers(tx, series, 1).await
}

/// The first of so many next numbers.
pub(crate) async fn next_numbers(
    tx: &mut SqliteConnection,
    series: &str,
    many: usize,
) -> Result<i64, sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO counter (series, last) VALUES ($1, $2)
         ON CONFLICT (series) DO UPDATE SET last = last + $2 RETURNING last - $2 + 1 AS first",
    )
    .bind(series)
    .bind(i64::try_from(many).unwrap_or(i64::MAX))
    .fetch_one(tx)
    .await?;
    row.try_get("first")
}
