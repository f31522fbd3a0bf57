//! What goes wrong: sudden death, full disks, servers that go away, wrong files and schemas.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::Connection as _;
use tieline_model::{MailboxId, MessageId, Refusal};
use tieline_store::{
    Accepted, Batch, JobFilter, MessageFilter, Retention, StateOrigin, Store, StoreConfig, StoreError, Write,
};
use tieline_tests::postgres::Cluster;

use crate::site::{Site, both, code, inline, recording};

/// Set in the process that is going to be killed: the store's address, the key file, the mailbox, the round.
const VICTIM: &str = "TIELINE_STORE_VICTIM";
/// A recording of 10 s in G.711.
const SIZE: usize = 80_000;
const DEPOSITORS: u64 = 6;

/// Deposits without end and says aloud what was acknowledged, until it is killed.
async fn be_the_victim(order: &str) {
    let mut order = order.split('|');
    let config = StoreConfig::new(order.next().unwrap(), order.next().unwrap());
    let mailbox: MailboxId = order.next().unwrap().parse().unwrap();
    let round: u64 = order.next().unwrap().parse().unwrap();
    let store = Store::open(config).await.unwrap();
    let depositors: Vec<_> = (0..DEPOSITORS)
        .map(|depositor| {
            let store = store.clone();
            tokio::spawn(async move {
                // Ids of its own: the clock of each depositor begins at another time.
                let site = Site::at(None);
                let start =
                    jiff::SignedDuration::from_hours((round * DEPOSITORS + depositor).cast_signed() + 1);
                site.clock.advance(start);
                for number in 0_u64.. {
                    let message = site.message(mailbox, SIZE);
                    let seed = message.id.uuid().as_u128() as u64;
                    let batch = site.deposit(&message, recording(seed, SIZE));
                    // Every second one is followed by a change that must be there, too.
                    store.commit(batch).await.unwrap();
                    println!("kept {}", message.id);
                    if number % 2 == 0 {
                        let state = tieline_model::MessageState::Read;
                        let read = Write::MessageState { message: message.id, state, by: StateOrigin::Api };
                        store.commit(Batch::new(site.now()).with(read)).await.unwrap();
                        println!("read {}", message.id);
                    }
                }
            })
        })
        .collect();
    for depositor in depositors {
        depositor.await.unwrap();
    }
}

/// Starts a victim, kills it after so many lines, and gives all that it said.
fn kill_one(site: &Site, mailbox: MailboxId, round: u64, after: usize, story: &str) -> Vec<String> {
    let config = site.config();
    let order = format!("{}|{}|{mailbox}|{round}", config.url, config.key_file.display());
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", story, "--nocapture", "--test-threads", "1"])
        .env(VICTIM, order)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let said = |line: &String| line.starts_with("kept ") || line.starts_with("read ");
    let mut heard: Vec<String> = lines.by_ref().filter(said).take(after).collect();
    assert_eq!(heard.len(), after, "the victim died by itself");
    victim.kill().unwrap();
    heard.extend(lines.filter(said));
    victim.wait().unwrap();
    heard
}

async fn killed_again_and_again(site: Site, story: &str) {
    if let Ok(order) = std::env::var(VICTIM) {
        return be_the_victim(&order).await;
    }
    let store = site.open().await;
    let mailbox = site.home(&store).await.id;
    store.close().await;
    let mut heard: BTreeMap<MessageId, bool> = BTreeMap::new();
    for (round, after) in [1_usize, 7, 20, 45, 90].into_iter().enumerate() {
        for line in kill_one(&site, mailbox, round as u64, after, story) {
            // The last line may be cut off in the middle.
            let Ok(id) = line[5..].parse() else { continue };
            *heard.entry(id).or_default() |= line.starts_with("read ");
        }
        let store = site.open().await;
        judge(&store, &heard).await;
        store.close().await;
    }
}

/// What was acknowledged is there, and nothing is there by half.
async fn judge(store: &Store, heard: &BTreeMap<MessageId, bool>) {
    let stored = store.messages(&MessageFilter::default(), u32::MAX).await.unwrap();
    let jobs = store.jobs(&JobFilter::default(), u32::MAX).await.unwrap();
    let events = store.events_after(0, &["message".to_owned()], u32::MAX).await.unwrap();
    assert_eq!((stored.len(), stored.len()), (jobs.len(), events.len()), "one job and one event each");
    for message in &stored {
        let id = message.message.id;
        let seed = id.uuid().as_u128() as u64;
        assert_eq!(store.content(id).await.unwrap().unwrap(), recording(seed, SIZE), "{id}");
        assert!(jobs.iter().any(|job| job.subject == id.to_string()), "{id}");
    }
    for (id, read) in heard {
        let message = stored.iter().find(|stored| stored.message.id == *id);
        let message = message.unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        let state = message.message.state;
        assert!(!read || state == tieline_model::MessageState::Read, "{id} was acknowledged as read");
    }
}

/// SIGKILL in the middle of commits, five times over.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_sudden_death_on_sqlite() {
    let story = "trouble::what_was_acknowledged_survives_sudden_death_on_sqlite";
    killed_again_and_again(Site::sqlite(), story).await;
}

/// SIGKILL in the middle of commits, five times over.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_sudden_death_on_postgres() {
    let story = "trouble::what_was_acknowledged_survives_sudden_death_on_postgres";
    let victim = std::env::var(VICTIM).is_ok();
    let site = if victim { Site::at(None) } else { Site::postgres() };
    killed_again_and_again(site, story).await;
}

/// A full disk is told as such; what was accepted is kept; work goes on once there is space.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_is_recovered_from() {
    let site = Site::sqlite();
    let config = StoreConfig { size_limit: Some(4 * 1024 * 1024), ..site.config() };
    let store = Store::open(config).await.unwrap();
    let mailbox = site.home(&store).await;
    let mut kept = Vec::new();
    let full = loop {
        // Several at once, so that full and fitting ones meet in a group.
        let messages: Vec<_> = (0..4).map(|_| site.message(mailbox.id, SIZE)).collect();
        let commits: Vec<_> = messages
            .iter()
            .map(|message| {
                let (store, batch) = (store.clone(), site.deposit(message, recording(1, SIZE)));
                tokio::spawn(async move { store.commit(batch).await })
            })
            .collect();
        let mut errors = Vec::new();
        for (message, commit) in messages.iter().zip(commits) {
            match commit.await.unwrap() {
                Ok(_) => kept.push(message.id),
                Err(error) => errors.push(error),
            }
        }
        if let Some(error) = errors.pop() {
            break error;
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
    let refusal = Refusal::from(full);
    assert!(refusal.what.contains("tieline.db is full; nothing that was accepted is lost"), "{refusal}");
    assert!(kept.len() > 20, "{}", kept.len());
    let stored = store.messages(&MessageFilter::default(), 1000).await.unwrap();
    assert_eq!(stored.len(), kept.len(), "no more and no less than was acknowledged");
    for id in &kept {
        assert_eq!(store.content(*id).await.unwrap().unwrap(), recording(1, SIZE));
    }

    for id in &kept {
        let state = tieline_model::MessageState::Deleted;
        let deleted = Write::MessageState { message: *id, state, by: StateOrigin::Api };
        store.commit(site.batch().with(deleted)).await.unwrap();
    }
    let month = site.now() + jiff::SignedDuration::from_hours(24 * 40);
    let swept = store.sweep(month, &Retention::default()).await.unwrap();
    assert_eq!(swept.contents, kept.len() as u64);
    let message = site.message(mailbox.id, SIZE);
    let receipt = store.commit(site.deposit(&message, recording(2, SIZE))).await.unwrap();
    assert_eq!(receipt.message, Some(Accepted::New(message.id)), "space came back, work goes on");
}

/// The database server goes away under load and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_goes_away_is_waited_for_and_nothing_is_lost() {
    let mut cluster = Cluster::start();
    let site = Site::at(Some(cluster.database()));
    let config = StoreConfig { patience: Duration::from_secs(2), ..site.config() };
    let store = Store::open(config).await.unwrap();
    let mailbox = site.home(&store).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let depositor = {
        let (store, mailbox) = (store.clone(), mailbox.id);
        tokio::spawn(async move {
            let site = Site::at(None);
            site.clock.advance(jiff::SignedDuration::from_hours(1));
            let (mut kept, mut refused) = (Vec::new(), 0_u32);
            let mut message = site.message(mailbox, SIZE);
            while kept.len() < 300 {
                match store.commit(site.deposit(&message, recording(1, SIZE))).await {
                    Ok(_) => {
                        kept.push(message.id);
                        message = site.message(mailbox, SIZE);
                        // Nobody listens any more once the server was away.
                        let _ = tell.send(kept.len());
                    }
                    // The same message is deposited again, as a caller would.
                    Err(error @ StoreError::Unavailable { .. }) => {
                        assert!(error.is_transient());
                        refused += 1;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            (kept, refused)
        })
    };
    while told.recv().await.is_some_and(|kept| kept < 100) {}
    drop(told);
    cluster.go_away();
    let away = store.message(MessageId::from_uuid(site.uuid())).await.unwrap_err();
    assert_eq!(code(away), "store-unavailable");
    let refused =
        store.commit(site.batch().with(Write::Job(site.job("mb_a/sync", "sync")))).await.unwrap_err();
    assert_eq!(code(refused), "store-unavailable");
    cluster.come_back();
    let (kept, refused) = depositor.await.unwrap();
    assert!(refused > 0, "it was away");
    for id in &kept {
        assert_eq!(store.content(*id).await.unwrap().unwrap(), recording(1, SIZE));
    }
    let filter = MessageFilter::default();
    assert_eq!(store.messages(&filter, 1000).await.unwrap().len(), kept.len(), "none lost, none twice");
    assert_eq!(store.jobs(&JobFilter::default(), 1000).await.unwrap().len(), kept.len());
    store.close().await;
}

/// Two processes never work on one file.
#[tokio::test]
async fn a_file_in_use_is_refused_until_its_owner_lets_go() {
    let site = Site::sqlite();
    let store = site.open().await;
    assert_eq!(code(Store::open(site.config()).await.unwrap_err()), "store-in-use");
    assert_eq!(code(tieline_store::migrate(&site.config().url).await.unwrap_err()), "store-in-use");
    store.close().await;
    let gone = store.commit(site.batch()).await.unwrap_err();
    assert!(gone.to_string().contains("was closed"), "{gone}");
    site.open().await;
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_refused_in_one_line() {
    let site = Site::sqlite();
    let open = |url: &str| Store::open(StoreConfig { url: url.to_owned(), ..site.config() });
    assert_eq!(code(open("mysql://localhost/tieline").await.unwrap_err()), "store-url");
    assert_eq!(code(open("postgres://user:secret@host:port/x").await.unwrap_err()), "store-url");
    assert_eq!(code(open("/nonexistent/tieline.db").await.unwrap_err()), "store-folder");
    let nobody = site.folder.path().display();
    let config = StoreConfig {
        url: format!("postgres:///tieline?host={nobody}&user=tieline&password=lab-password"),
        patience: Duration::from_millis(300),
        ..site.config()
    };
    let refusal = Refusal::from(Store::open(config).await.unwrap_err());
    assert_eq!(refusal.code, "store-unavailable");
    assert!(!refusal.to_string().contains("lab-password"), "{refusal}");

    let file = site.folder.path().join("tieline.db");
    std::fs::write(&file, "this is not a database, and it is long enough to be looked at".repeat(20))
        .unwrap();
    assert_eq!(code(Store::open(site.config()).await.unwrap_err()), "store-damaged");
}

both! {
    /// Covers: AV-15 (between nodes)
    async fn migrations_are_listed_carried_out_and_a_newer_schema_is_refused(site) {
        let url = site.config().url;
        let status = tieline_store::status(&url).await.unwrap();
        assert!(status.iter().all(|migration| !migration.applied && migration.known), "{status:?}");
        assert!(!site.folder.path().join("tieline.db").exists(), "looking makes no file");
        let strict = StoreConfig { migrate: false, ..site.config() };
        assert_eq!(code(Store::open(strict.clone()).await.unwrap_err()), "schema-behind");
        let status = tieline_store::migrate(&url).await.unwrap();
        assert!(status.iter().all(|migration| migration.applied && migration.known), "{status:?}");
        Store::open(strict).await.unwrap().close().await;

        // As a later release leaves it.
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9000, 'later', TRUE, '', 0)";
        match &site.database {
            Some(database) => drop(database.query(newer)),
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&url);
                let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::raw_sql(newer).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            }
        }
        assert_eq!(code(Store::open(site.config()).await.unwrap_err()), "schema-newer");
        let status = tieline_store::status(&url).await.unwrap();
        assert!(status.iter().any(|migration| migration.number == 9000 && !migration.known), "{status:?}");
    }

    async fn nothing_of_a_refused_batch_is_seen_by_others_in_its_group(site) {
        let store = site.open().await;
        let mailbox = site.home(&store).await;
        let content = recording(1, 1000);
        let first = site.message(mailbox.id, content.len());
        let second = site.message(mailbox.id, content.len());
        let refused = site.batch()
            .with(Write::AcceptMessage { message: first.clone(), content: inline(&content) })
            .with(Write::RetryJob { id: site.job("mb_a/x", "x").id });
        let (refused, kept) = tokio::join!(store.commit(refused), store.commit(site.deposit(&second, content)));
        assert_eq!(code(refused.unwrap_err()), "unknown-quarantined-job");
        kept.unwrap();
        let stored = store.messages(&MessageFilter::default(), 10).await.unwrap();
        assert_eq!(stored.iter().map(|stored| stored.message.id).collect::<Vec<_>>(), [second.id]);
        store.close().await;
    }
}

/// The two folders of migrations end in the same tables and columns.
#[tokio::test]
async fn both_schemas_have_the_same_columns() {
    let (sqlite, postgres) = (Site::sqlite(), Site::postgres());
    sqlite.open().await.close().await;
    postgres.open().await.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(sqlite.config().url);
    let mut conn = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let sql = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx_%'";
    let mut of_sqlite: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
    let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
    let mut of_postgres = postgres.database.as_ref().unwrap().query(sql);
    of_sqlite.sort();
    of_postgres.sort();
    assert!(of_sqlite.len() > 100, "{of_sqlite:?}");
    assert_eq!(of_sqlite, of_postgres);
    let strict: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict
                                          AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(strict, 0, "every table is STRICT");
}
