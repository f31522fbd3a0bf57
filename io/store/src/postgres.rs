//! PostgreSQL: several nodes on one database, each with one writing connection.
//!
//! The writers' transactions run one after the other, by an advisory lock taken at their beginning. So numbers given to
//! events and jobs appear in their order, nobody waits for a row in a circle, and what a statement read still holds
//! when the next one writes. Grouping makes up for it: a node that waits collects what came in meanwhile. A node that
//! falls silent in the middle is cut off by the server after [`IDLE_LIMIT`].

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};

use crate::keys::Keyring;
use crate::wake::Wakes;
use crate::writer::Effects;
use crate::{StoreConfig, StoreError, schema};

pub(crate) type Db = sqlx::Postgres;
pub(crate) type Conn = sqlx::PgConnection;

/// The lease row stays as it is until the transaction that relies on it ends.
macro_rules! for_share {
    () => {
        " FOR SHARE"
    };
}
macro_rules! for_update {
    () => {
        " FOR UPDATE"
    };
}
macro_rules! skip_locked {
    () => {
        " FOR UPDATE OF l SKIP LOCKED"
    };
}
/// Whether a column is among the texts of a JSON array, or the array is empty.
macro_rules! among {
    ($column:literal, $parameter:literal) => {
        concat!(
            "(",
            $parameter,
            "::text = '[]' OR ",
            $column,
            " IN (SELECT json_array_elements_text(",
            $parameter,
            "::json)))"
        )
    };
}
/// Whether a column is among the texts of a JSON array.
macro_rules! listed {
    ($column:literal, $parameter:literal) => {
        concat!($column, " IN (SELECT json_array_elements_text(", $parameter, "::json))")
    };
}
/// The texts of a JSON array as rows: `k.value`.
macro_rules! each {
    ($parameter:literal) => {
        concat!("json_array_elements_text(", $parameter, "::json) AS k(value)")
    };
}
/// The hash of the picture that an entry in a column names, wherever it stands; as the indexes have it. Within a text the
/// quotation marks are written otherwise.
macro_rules! picture_in {
    ($column:literal, $path:literal) => {
        concat!("(substring(", $column, " FROM '\"photo\":\"([0-9a-f]+)\"') COLLATE \"C\")")
    };
}
/// Begins a transaction that reads, each statement as things stood at the first.
macro_rules! one_moment {
    () => {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    };
}
macro_rules! table_exists {
    () => {
        "SELECT to_regclass($1) IS NOT NULL"
    };
}

#[path = "sql/mod.rs"]
pub(crate) mod sql;

/// How a statement's text names its `nth` argument.
pub(crate) fn place(nth: usize) -> String {
    format!("${nth}")
}

/// How long the server waits for a silent writer, in the words of its setting.
const IDLE_LIMIT: &str = "10s";
/// Names Tieline's writers among the database's advisory locks.
const WRITER_LOCK: i64 = 0x7469_656c_696e_6501;
const JOBS: &str = "tieline_jobs";
const EVENTS: &str = "tieline_events";

/// The writing connection, made anew when it was lost.
#[derive(Debug)]
pub(crate) struct Link {
    options: PgConnectOptions,
    patience: Duration,
    conn: Option<Conn>,
}

impl Link {
    pub(crate) async fn connection(&mut self) -> Result<&mut Conn, StoreError> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let attempt = tokio::time::timeout(self.patience, self.options.connect()).await;
                attempt.unwrap_or(Err(sqlx::Error::PoolTimedOut))?
            }
        };
        Ok(self.conn.insert(conn))
    }

    pub(crate) fn forget(&mut self) {
        self.conn = None;
    }

    /// Whether a transaction became durable whose commit was not answered; `None` when the server cannot be asked.
    pub(crate) async fn was_committed(&mut self, marker: &str) -> Option<bool> {
        self.forget();
        // A server that restarts needs a moment to recover.
        let patience = self.patience.saturating_mul(3);
        let asked = async {
            loop {
                if let Ok(conn) = self.connection().await {
                    let status =
                        sqlx::query_scalar::<Db, Option<String>>("SELECT pg_xact_status($1::text::xid8)")
                            .bind(marker)
                            .fetch_one(conn)
                            .await;
                    match status.as_ref().map(Option::as_deref) {
                        Ok(Some("committed")) => return Some(true),
                        Ok(Some("aborted")) => return Some(false),
                        Ok(Some(_)) => {}
                        Ok(None) => return None,
                        Err(_) => self.forget(),
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(patience, asked).await.ok().flatten()
    }

    pub(crate) async fn close(self) {
        if let Some(conn) = self.conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the connection to the database was not closed cleanly; nothing is lost");
        }
    }
}

/// Transaction control, by the simple protocol: it works in a failed transaction, too.
pub(crate) async fn control(conn: &mut Conn, sql: &'static str) -> Result<(), StoreError> {
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}

/// Begins a transaction that may write; gives the name by which its fate can be asked for.
pub(crate) async fn begin(conn: &mut Conn) -> Result<String, StoreError> {
    control(conn, "BEGIN").await?;
    let marker = "SELECT pg_current_xact_id()::text FROM pg_advisory_xact_lock($1)";
    Ok(sqlx::query_scalar::<Db, String>(marker).bind(WRITER_LOCK).fetch_one(conn).await?)
}

/// Tells other nodes, once the transaction is durable.
pub(crate) async fn announce(conn: &mut Conn, effects: Effects) -> Result<(), StoreError> {
    match (effects.jobs, effects.events) {
        (true, true) => control(conn, "NOTIFY tieline_jobs; NOTIFY tieline_events").await,
        (true, false) => control(conn, "NOTIFY tieline_jobs").await,
        (false, true) => control(conn, "NOTIFY tieline_events").await,
        (false, false) => Ok(()),
    }
}

/// Passes on what other nodes announce. What was announced while the connection was lost is made up for by one ring.
pub(crate) async fn listen(pool: PgPool, wakes: Wakes) {
    loop {
        if let Err(error) = listen_once(&pool, &wakes).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(%error, "waiting for other nodes' announcements; asking again in a second");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(pool: &PgPool, wakes: &Wakes) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([JOBS, EVENTS]).await?;
    wakes.ring_jobs();
    wakes.ring_events();
    loop {
        match listener.try_recv().await? {
            Some(announced) if announced.channel() == JOBS => wakes.ring_jobs(),
            Some(_) => wakes.ring_events(),
            None => {
                wakes.ring_jobs();
                wakes.ring_events();
            }
        }
    }
}

fn options(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .statement_cache_capacity(256)
        .options([("idle_in_transaction_session_timeout", IDLE_LIMIT), ("lock_timeout", "30s")])
}

pub(crate) async fn open(
    given: PgConnectOptions,
    config: &StoreConfig,
    keys: &Keyring,
) -> Result<(PgPool, Link), StoreError> {
    let options = options(&given);
    let mut link = Link { options: options.clone(), patience: config.patience, conn: None };
    let conn = link.connection().await?;
    sql::schema::prepare(conn, config.migrate, &schema::migrator(|known| known.3)).await?;
    sql::secret::check_key(conn, keys).await?;
    let readers = PgPoolOptions::new()
        // One of them listens.
        .max_connections(config.readers.max(1).saturating_add(1))
        .acquire_timeout(config.patience)
        .connect_lazy_with(options);
    Ok((readers, link))
}

pub(crate) async fn applied(given: &PgConnectOptions) -> Result<Vec<(i64, String)>, StoreError> {
    let mut conn = options(given).connect().await?;
    let applied = sql::schema::applied(&mut conn).await?;
    conn.close().await?;
    Ok(applied)
}

pub(crate) async fn migrate(given: &PgConnectOptions) -> Result<(), StoreError> {
    let mut conn = options(given).connect().await?;
    sql::schema::prepare(&mut conn, true, &schema::migrator(|known| known.3)).await?;
    conn.close().await?;
    Ok(())
}
