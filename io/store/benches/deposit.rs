//! How fast deposits become durable, against SQLite's own rate for rows and blobs of the same size in the same batches:
//! `cargo bench -p tieline-store`. Both run on the same disk at synchronous=FULL, one after the other, several times over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tieline_model::{
    Caller, DeliveryKey, Endpoint, EndpointId, FeatureGroup, FeatureGroupId, JobId, Mailbox, MailboxId,
    Message, MessageId, MessageKind, MessageState, SyncSettings, TraceId,
};
use tieline_store::{Batch, Configure, Content, Edit, KeyFile, NewEvent, NewJob, Store, StoreConfig, Write};
use uuid::Uuid;

/// 10 s of G.711: 8,000 bytes a second.
const RECORDING: usize = 80_000;
const DEPOSITS: usize = 2_000;
const ROUNDS: usize = 3;
/// Deposits under way at once.
const CALLERS: [usize; 3] = [1, 16, 64];

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    println!(
        "durable deposits of {RECORDING} bytes with event and job, {DEPOSITS} each time, best of {ROUNDS}"
    );
    println!("{:>8} {:>12} {:>12} {:>7}", "at once", "store /s", "sqlite /s", "ratio");
    for callers in CALLERS {
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(through_the_store(callers).await?);
            theirs = theirs.min(bare(callers).await?);
        }
        let rate = |took: Duration| DEPOSITS as f64 / took.as_secs_f64();
        let ratio = rate(ours) / rate(theirs);
        println!("{callers:>8} {:>12.0} {:>12.0} {ratio:>7.2}", rate(ours), rate(theirs));
    }
    Ok(())
}

/// Ids that are as ordered as UUIDv7.
fn next_uuid() -> Uuid {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u128(0x019b_8c00_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

async fn through_the_store(callers: usize) -> Result<Duration, Failure> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    KeyFile::at(&key).create()?;
    let url = folder.path().join("tieline.db").display().to_string();
    let store = Store::open(StoreConfig::new(url, key)).await?;
    let mailbox = home(&store).await?;
    let content = Bytes::from(vec![0x55_u8; RECORDING]);
    let left = Arc::new(AtomicU64::new(DEPOSITS as u64));
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, content, left) = (store.clone(), content.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    store.commit(deposit(mailbox, &content)).await?;
                }
                Ok::<(), tieline_store::StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let took = began.elapsed();
    store.close().await;
    Ok(took)
}

fn deposit(mailbox: MailboxId, content: &Bytes) -> Batch {
    let at = Timestamp::UNIX_EPOCH;
    let message = Message {
        id: MessageId::from_uuid(next_uuid()),
        mailbox,
        kind: MessageKind::Voice,
        delivery_key: DeliveryKey::from_uuid(next_uuid()),
        trace: TraceId::from_uuid(next_uuid()),
        caller: Caller { number: Some("+49301234567".to_owned()), name: None },
        received: at,
        duration_ms: 10_000,
        pages: 0,
        text: String::new(),
        media_type: "audio/wav".to_owned(),
        size: content.len() as u64,
        state: MessageState::Unread,
        source_id: Some(next_uuid().to_string()),
    };
    let job = NewJob {
        id: JobId::from_uuid(next_uuid()),
        stream: format!("{mailbox}/deliver"),
        kind: "deliver".to_owned(),
        payload: serde_json::json!({ "message": message.id }),
        not_before: at,
        trace: message.trace,
        subject: message.id.to_string(),
        dedupe: None,
    };
    let event = NewEvent {
        topic: "message".to_owned(),
        subject: message.id.to_string(),
        payload: serde_json::json!({ "state": "unread" }),
    };
    Batch::new(at)
        .with(Write::AcceptMessage { message, content: content.clone().into() })
        .with(Write::Event(event))
        .with(Write::Job(job))
}

async fn home(store: &Store) -> Result<MailboxId, Failure> {
    let endpoint = Endpoint {
        id: EndpointId::from_uuid(next_uuid()),
        name: "Exchange".to_owned(),
        address: "ews:mail.lab.example".parse()?,
        port: 443,
        https: true,
        path: Endpoint::DEFAULT_PATH.to_owned(),
        tls: tieline_model::TlsTrust::System,
        authentication: Default::default(),
        voice_format: tieline_model::VoiceFormat::PcmWav,
        server_version: None,
    };
    let group = FeatureGroup {
        id: FeatureGroupId::from_uuid(next_uuid()),
        name: "Sales".to_owned(),
        endpoint: endpoint.id,
        account: "svc-tieline@lab.example".parse()?,
        settings: SyncSettings::default(),
    };
    let mailbox = Mailbox {
        id: MailboxId::from_uuid(next_uuid()),
        number: "1001".to_owned(),
        address: "alice@lab.example".parse()?,
        display_name: "Alice".to_owned(),
        feature_group: group.id,
        user_type: tieline_model::UserType::Messaging,
        storage_mode: tieline_model::StorageMode::Synchronization,
        use_group_settings: true,
        settings: SyncSettings::default(),
        light_targets: Vec::new(),
        enabled: true,
    };
    let id = mailbox.id;
    let edits = vec![Edit::PutEndpoint(endpoint), Edit::PutFeatureGroup(group), Edit::PutMailbox(mailbox)];
    let configure = Configure { author: "bench".to_owned(), note: String::new(), base: None, edits };
    store.commit(Batch::new(Timestamp::UNIX_EPOCH).with(Write::Configure(configure))).await?;
    Ok(id)
}

/// The same bytes in as few plain tables as can be, in batches of as many deposits as callers.
async fn bare(batch: usize) -> Result<Duration, Failure> {
    let folder = tempfile::tempdir()?;
    let mut conn = plain(&folder.path().join("bare.db")).await?;
    let content = vec![0x55_u8; RECORDING];
    // Rows as long as the store's.
    let (body, row) = ("b".repeat(520), "r".repeat(150));
    let began = Instant::now();
    let mut done = 0;
    while done < DEPOSITS {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await?;
        for _ in 0..batch.min(DEPOSITS - done) {
            let id = next_uuid();
            let sql = "INSERT INTO message (id, body) VALUES ($1, $2)";
            sqlx::query(sql).bind(id).bind(body.as_str()).execute(&mut conn).await?;
            for (piece, bytes) in (0_i64..).zip(content.chunks(Content::CHUNK)) {
                let sql = "INSERT INTO chunk (message, piece, bytes) VALUES ($1, $2, $3)";
                sqlx::query(sql).bind(id).bind(piece).bind(bytes).execute(&mut conn).await?;
            }
            sqlx::query("INSERT INTO event (body) VALUES ($1)").bind(row.as_str()).execute(&mut conn).await?;
            sqlx::query("INSERT INTO job (body) VALUES ($1)").bind(row.as_str()).execute(&mut conn).await?;
            done += 1;
        }
        sqlx::query("COMMIT").execute(&mut conn).await?;
    }
    let took = began.elapsed();
    conn.close().await?;
    Ok(took)
}

async fn plain(path: &Path) -> Result<SqliteConnection, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut conn = SqliteConnection::connect_with(&options).await?;
    let tables = "CREATE TABLE message (id BLOB NOT NULL PRIMARY KEY, body TEXT NOT NULL);
                  CREATE TABLE chunk (message BLOB NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL);
                  CREATE UNIQUE INDEX chunk_piece ON chunk (message, piece);
                  CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
                  CREATE TABLE job (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)";
    sqlx::raw_sql(tables).execute(&mut conn).await?;
    Ok(conn)
}
