//! Opening, closing and asking.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::keys::{KeyFile, Keyring};
use crate::place::Place;
use crate::wake::{JobsChanged, Wakes};
use crate::writer::{Answer, Op, Prepared, Queued, Sweep, unexpected};
use crate::{Batch, Receipt, StoreError, postgres, sqlite};

/// Where the store is and what it may take.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// A file's path (also as `sqlite:PATH`), or `postgres://…`.
    pub url: String,
    /// The key file, see [`KeyFile`].
    pub key_file: PathBuf,
    /// Connections for reading.
    pub readers: u32,
    /// Brings the schema up to date when opening. Otherwise an older one is refused.
    pub migrate: bool,
    /// The most that the SQLite file may take, in bytes. PostgreSQL has limits of its own.
    pub size_limit: Option<u64>,
    /// How long to wait for a connection before the database counts as unavailable.
    pub patience: Duration,
}

impl StoreConfig {
    /// With the usual limits.
    pub fn new(url: impl Into<String>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            key_file: key_file.into(),
            readers: 8,
            migrate: true,
            size_limit: None,
            patience: Duration::from_secs(3),
        }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Retention {
    /// Content of messages that are delivered or deleted; counted from when they came in. The messages stay.
    pub content: SignedDuration,
    /// Staged content that no message came for.
    pub staged: SignedDuration,
    /// Events, for listeners that were away.
    pub events: SignedDuration,
    /// Decisions.
    pub decisions: SignedDuration,
    /// Audit entries.
    pub audit: SignedDuration,
    /// Snapshots of contacts and calendars; the last of each mailbox stays.
    pub snapshots: SignedDuration,
    /// Whom technicians meant by a contact, counted from the last time they said so.
    pub quick_call_choices: SignedDuration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        Self {
            content: days(30),
            staged: SignedDuration::from_hours(1),
            events: days(7),
            decisions: days(90),
            audit: days(730),
            snapshots: days(90),
            quick_call_choices: days(365),
        }
    }
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Messages whose content was removed.
    pub contents: u64,
    /// Staged contents that no message came for.
    pub staged: u64,
    /// Events.
    pub events: u64,
    /// Decisions.
    pub decisions: u64,
    /// Audit entries.
    pub audit: u64,
    /// SIP subscriptions that ended.
    pub subscriptions: u64,
    /// Sessions of the pages that ended.
    pub sessions: u64,
    /// Sign-ins that were begun and not finished.
    pub pending_sign_ins: u64,
    /// Deletions that can no longer be undone.
    pub deletions: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Whom technicians meant by a contact.
    pub quick_call_choices: u64,
}

/// The store. Cloning gives another handle on the same one.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    readers: Readers,
    queue: mpsc::Sender<Queued>,
    budget: Arc<Semaphore>,
    keys: RwLock<Arc<Keyring>>,
    wakes: Wakes,
    /// The writer first; it ends by itself when nobody is left to ask.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        tasks.drain(..).skip(1).for_each(|listener| listener.abort());
    }
}

/// Connections for reading.
#[derive(Debug)]
pub(crate) enum Readers {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

/// How long what was read for a plan is kept while nobody approves it and nothing changes.
const SPOOLED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a picture is kept that nothing names any more, and how often it is looked whether something does.
const PICTURES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many operations may wait for the writer.
const QUEUE: usize = 4096;
/// How much content may wait for the writer, in KiB.
const BUDGET_KIB: usize = 64 * 1024;

impl Store {
    /// Opens the store, which brings its schema up to date and takes possession of an SQLite file.
    ///
    /// # Errors
    /// When the key file is missing, open to others or another database's; when the database cannot be reached, is
    /// newer than this release, or its file belongs to a running process.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let place = Place::parse(&config.url)?;
        let name = place.name();
        let keys = KeyFile::at(&config.key_file).read()?;
        let wakes = Wakes::new();
        let (queue, asked) = mpsc::channel(QUEUE);
        let (readers, tasks) = match place {
            Place::Sqlite(path) => {
                let (pool, link) =
                    sqlite::open(&path, &config, &keys).await.map_err(|error| error.at(&name))?;
                let writer = sqlite::sql::group::run(link, asked, wakes.clone(), name.clone());
                (Readers::Sqlite(pool), vec![tokio::spawn(writer)])
            }
            Place::Postgres(options) => {
                let (pool, link) =
                    postgres::open(*options, &config, &keys).await.map_err(|error| error.at(&name))?;
                let writer = postgres::sql::group::run(link, asked, wakes.clone(), name.clone());
                let listener = postgres::listen(pool.clone(), wakes.clone());
                (Readers::Postgres(pool), vec![tokio::spawn(writer), tokio::spawn(listener)])
            }
        };
        let budget = Arc::new(Semaphore::new(BUDGET_KIB));
        let tasks = Mutex::new(tasks);
        let keys = RwLock::new(Arc::new(keys));
        Ok(Self(Arc::new(Inner { name, readers, queue, budget, keys, wakes, tasks })))
    }

    /// Carries out what is queued, then lets go of the database. Whoever asks afterwards is told that it is gone.
    pub async fn close(&self) {
        // No answer means that the writer is gone already.
        let _ = self.ask(Op::Stop, 0).await;
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let mut tasks = tasks.into_iter();
        if let Some(writer) = tasks.next() {
            let _ = writer.await;
        }
        tasks.for_each(|task| task.abort());
        match &self.0.readers {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool) => pool.close().await,
        }
    }

    /// The database's name, without passwords: the file's path, or host and database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Makes a batch durable. Batches of several callers share one transaction on the disk, each for itself is
    /// written whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the fence is stale, [`StoreError::Conflict`] when a write contradicts what stands;
    /// others when the database fails. In each case nothing was written, unless the error says that it is uncertain.
    pub async fn commit(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let prepared = Prepared::new(batch, &self.keys())?;
        let bytes = prepared.bytes();
        match self.ask(Op::Commit(prepared), bytes).await? {
            Answer::Receipt(receipt) => Ok(receipt),
            other => Err(unexpected(&other)),
        }
    }

    /// Removes what is older than it need be, a little at a time, so that nobody waits for it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn sweep(&self, now: Timestamp, retention: &Retention) -> Result<Swept, StoreError> {
        // Only copies of what can be read again: not worth a figure.
        self.sweep_one(now, Sweep::Spooled, before(now, SPOOLED)).await?;
        let swept = Swept {
            contents: self.sweep_one(now, Sweep::Content, before(now, retention.content)).await?,
            staged: self.sweep_one(now, Sweep::Staged, before(now, retention.staged)).await?,
            events: self.sweep_one(now, Sweep::Events, before(now, retention.events)).await?,
            decisions: self.sweep_one(now, Sweep::Decisions, before(now, retention.decisions)).await?,
            audit: self.sweep_one(now, Sweep::Audit, before(now, retention.audit)).await?,
            subscriptions: self.sweep_one(now, Sweep::Subscriptions, now).await?,
            sessions: self.sweep_one(now, Sweep::Sessions, now).await?,
            pending_sign_ins: self.sweep_one(now, Sweep::PendingSignIns, now).await?,
            deletions: self.sweep_one(now, Sweep::Deletions, now).await?,
            snapshots: self.sweep_one(now, Sweep::Snapshots, before(now, retention.snapshots)).await?,
            quick_call_choices: self
                .sweep_one(now, Sweep::QuickCallChoices, before(now, retention.quick_call_choices))
                .await?,
        };
        // After what named them. Most of those that are looked at stay.
        self.sweep_one(now, Sweep::Pictures, before(now, PICTURES)).await?;
        Ok(swept)
    }

    async fn sweep_one(&self, now: Timestamp, what: Sweep, before: Timestamp) -> Result<u64, StoreError> {
        // Contents are large, the rest is rows.
        let limit = match what {
            Sweep::Content | Sweep::Staged | Sweep::Snapshots | Sweep::Pictures => 20,
            _ => 500,
        };
        let mut swept = 0;
        loop {
            match self.ask(Op::Sweep { what, now, before, limit }, 0).await? {
                Answer::Count(0) => return Ok(swept),
                Answer::Count(count) => swept += count,
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// Rings when a claim may succeed that did not before.
    #[must_use]
    pub fn jobs_changed(&self) -> JobsChanged {
        self.0.wakes.jobs()
    }

    pub(crate) fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    /// Signs with the server's key, for a purpose: HMAC-SHA256. `None` never happens with a store that is open.
    #[must_use]
    pub fn sign(&self, purpose: &str, data: &[u8]) -> Option<[u8; 32]> {
        self.keys().sign(purpose, data)
    }

    /// Whether a signature, or its first 16 bytes or more, was made by [`Store::sign`] with a key of this server.
    #[must_use]
    pub fn verifies(&self, purpose: &str, data: &[u8], signature: &[u8]) -> bool {
        self.keys().verifies(purpose, data, signature)
    }

    pub(crate) fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what the key file holds by now.
    pub(crate) fn reload_keys(&self) -> Result<Arc<Keyring>, StoreError> {
        let fresh = Arc::new(self.keys().file().read()?);
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// Sends an operation to the writer and waits until it is durable. `bytes` is the content that it carries.
    pub(crate) async fn ask(&self, op: Op, bytes: usize) -> Result<Answer, StoreError> {
        let budget = match u32::try_from(bytes.div_ceil(1024)) {
            Ok(0) | Err(_) => None,
            Ok(kib) => {
                let permit = Arc::clone(&self.0.budget).acquire_many_owned(kib).await;
                Some(permit.map_err(|_| self.gone())?)
            }
        };
        let (reply, answer) = oneshot::channel();
        let queued = Queued { op, reply, bytes, _budget: budget };
        self.0.queue.send(queued).await.map_err(|_| self.gone())?;
        answer.await.map_err(|_| self.gone())?
    }

    fn gone(&self) -> StoreError {
        StoreError::Unavailable {
            where_: self.0.name.clone(),
            cause: "the store was closed".to_owned(),
            uncertain: false,
        }
    }
}

fn before(now: Timestamp, age: SignedDuration) -> Timestamp {
    now.saturating_sub(age).unwrap_or(Timestamp::MIN)
}

/// Calls a reading function of `sql/` on a connection of whichever database it is. Boxed: what waits for either database
/// is four kilobytes large, and whoever might have to ask would carry that around without asking.
macro_rules! read {
    ($store:expr, $conn:ident => $noun:ident :: $function:ident ( $first:ident $(, $argument:expr)* )) => {{
        let store: &$crate::Store = $store;
        let result = Box::pin(async {
            match store.readers() {
                $crate::store::Readers::Sqlite(pool) => match pool.acquire().await {
                    Ok(mut $conn) => $crate::sqlite::sql::$noun::$function(&mut $conn $(, $argument)*).await,
                    Err(error) => Err($crate::StoreError::from(error)),
                },
                $crate::store::Readers::Postgres(pool) => match pool.acquire().await {
                    Ok(mut $conn) => $crate::postgres::sql::$noun::$function(&mut $conn $(, $argument)*).await,
                    Err(error) => Err($crate::StoreError::from(error)),
                },
            }
        });
        result.await.map_err(|error| error.at(store.name()))
    }};
}
pub(crate) use read;
