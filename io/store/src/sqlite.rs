//! SQLite: one file, one process, one writing connection.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use crate::keys::Keyring;
use crate::place::Possession;
use crate::writer::Effects;
use crate::{StoreConfig, StoreError, schema};

pub(crate) type Db = sqlx::Sqlite;
pub(crate) type Conn = sqlx::SqliteConnection;

/// Only PostgreSQL needs row locks: here the writer is alone.
macro_rules! for_share {
    () => {
        ""
    };
}
macro_rules! for_update {
    () => {
        ""
    };
}
macro_rules! skip_locked {
    () => {
        ""
    };
}
/// Whether a column is among the texts of a JSON array, or the array is empty.
macro_rules! among {
    ($column:literal, $parameter:literal) => {
        concat!(
            "(",
            $parameter,
            " = '[]' OR ",
            $column,
            " IN (SELECT value FROM json_each(",
            $parameter,
            ")))"
        )
    };
}
/// Whether a column is among the texts of a JSON array.
macro_rules! listed {
    ($column:literal, $parameter:literal) => {
        concat!($column, " IN (SELECT value FROM json_each(", $parameter, "))")
    };
}
/// The texts of a JSON array as rows: `k.value`.
macro_rules! each {
    ($parameter:literal) => {
        concat!("json_each(", $parameter, ") k")
    };
}
/// The hash of the picture that an entry in a column names, where it stands; as the indexes have it.
macro_rules! picture_in {
    ($column:literal, $path:literal) => {
        concat!("CAST(json_extract(", $column, ", '", $path, "') AS TEXT)")
    };
}
/// Begins a transaction that reads, each statement as things stood at the first.
macro_rules! one_moment {
    () => {
        "BEGIN DEFERRED"
    };
}
macro_rules! table_exists {
    () => {
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)"
    };
}

#[path = "sql/mod.rs"]
pub(crate) mod sql;

/// How a statement's text names its `nth` argument. Without a number: looking names up costs as much again for each one
/// before it.
pub(crate) fn place(_nth: usize) -> String {
    "?".to_owned()
}

/// The writing connection. It owns the file.
#[derive(Debug)]
pub(crate) struct Link {
    options: SqliteConnectOptions,
    conn: Option<Conn>,
    _possession: Possession,
}

impl Link {
    pub(crate) async fn connection(&mut self) -> Result<&mut Conn, StoreError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.options.connect().await?,
        };
        Ok(self.conn.insert(conn))
    }

    pub(crate) fn forget(&mut self) {
        self.conn = None;
    }

    /// Whether a transaction became durable whose commit was not answered. SQLite's answer is never lost on the way.
    pub(crate) async fn was_committed(&mut self, _marker: &str) -> Option<bool> {
        None
    }

    pub(crate) async fn close(self) {
        if let Some(conn) = self.conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing is lost");
        }
    }
}

/// Transaction control. Prepared once, as it is needed all the time.
pub(crate) async fn control(conn: &mut Conn, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query::<Db>(sql).execute(conn).await?;
    Ok(())
}

/// Begins a transaction that may write.
pub(crate) async fn begin(conn: &mut Conn) -> Result<String, StoreError> {
    control(conn, "BEGIN IMMEDIATE").await?;
    Ok(String::new())
}

/// Tells other nodes; there are none.
pub(crate) async fn announce(_conn: &mut Conn, _effects: Effects) -> Result<(), StoreError> {
    Ok(())
}

fn options(path: &Path, config: Option<&StoreConfig>) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(config.map_or(std::time::Duration::from_secs(3), |config| config.patience))
        .statement_cache_capacity(256)
        // A row is handed from SQLite's thread to ours: with room for few, the two would wait for each other at each of them.
        .row_buffer_size(1024)
        // Pages that do not fit are read from the file again and again, in KiB.
        .pragma("cache_size", "-16384")
        // Checkpoints of 16 MiB: the write-ahead log is copied back less often when recordings come in.
        .pragma("wal_autocheckpoint", "4096");
    match config.and_then(|config| config.size_limit) {
        Some(bytes) => options.pragma("max_page_count", (bytes / PAGE).max(1).to_string()),
        None => options,
    }
}

/// SQLite's page size, in bytes.
const PAGE: u64 = 4096;

pub(crate) async fn open(
    path: &Path,
    config: &StoreConfig,
    keys: &Keyring,
) -> Result<(SqlitePool, Link), StoreError> {
    let possession = Possession::take(path)?;
    let options = options(path, Some(config)).create_if_missing(true);
    let mut conn = options.connect().await?;
    sql::schema::prepare(&mut conn, config.migrate, &schema::migrator(|known| known.2)).await?;
    sql::secret::check_key(&mut conn, keys).await?;
    // Whoever held a lease died with the process that owned the file before.
    expire_leases(&mut conn).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(config.readers.max(1))
        .acquire_timeout(config.patience)
        .connect_lazy_with(options.clone().create_if_missing(false).pragma("query_only", "1"));
    Ok((readers, Link { options, conn: Some(conn), _possession: possession }))
}

pub(crate) async fn applied(path: &Path) -> Result<Vec<(i64, String)>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut conn = options(path, None).create_if_missing(false).connect().await?;
    let applied = sql::schema::applied(&mut conn).await?;
    conn.close().await?;
    Ok(applied)
}

pub(crate) async fn migrate(path: &Path) -> Result<(), StoreError> {
    let _possession = Possession::take(path)?;
    let mut conn = options(path, None).create_if_missing(true).connect().await?;
    sql::schema::prepare(&mut conn, true, &schema::migrator(|known| known.2)).await?;
    conn.close().await?;
    Ok(())
}

/// Ends the leases of the process that owned the file before; their tokens stay used.
async fn expire_leases(conn: &mut Conn) -> Result<(), StoreError> {
    control(conn, "UPDATE lease SET expires_ms = 0 WHERE expires_ms > 0").await
}
