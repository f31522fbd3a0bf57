//! What is kept about a mailbox besides its settings.

use jiff::Timestamp;
use tieline_model::{MailboxId, Refusal};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::{count, json, natural, or_unknown, parse, time, word};
use crate::{FolderCount, HealthState, LightShown, MailboxHealth, StoreError, Subscription};

pub(crate) async fn put_health(
    conn: &mut Conn,
    mailbox: MailboxId,
    state: HealthState,
    cause: Option<&Refusal>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO mailbox_health (mailbox, state, since_ms, checked_ms, cause) VALUES ($1, $2, $3, $3, $4)
               ON CONFLICT (mailbox) DO UPDATE SET
                   since_ms = CASE WHEN mailbox_health.state = excluded.state THEN mailbox_health.since_ms
                              ELSE excluded.since_ms END,
                   state = excluded.state, checked_ms = excluded.checked_ms, cause = excluded.cause";
    let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(state.name()).bind(at.as_millisecond());
    let done = query.bind(cause.map(json).transpose()?).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", mailbox))
}

type HealthRow = (Uuid, String, i64, i64, Option<String>);

fn health_of((mailbox, state, since_ms, checked_ms, cause): HealthRow) -> Result<MailboxHealth, StoreError> {
    Ok(MailboxHealth {
        mailbox: MailboxId::from_uuid(mailbox),
        state: word(HealthState::from_name(&state), &state)?,
        since: time(since_ms)?,
        checked: time(checked_ms)?,
        cause: cause.as_deref().map(parse).transpose()?,
    })
}

pub(crate) async fn health(conn: &mut Conn, mailbox: MailboxId) -> Result<Option<MailboxHealth>, StoreError> {
    let sql = "SELECT mailbox, state, since_ms, checked_ms, cause FROM mailbox_health WHERE mailbox = $1";
    let row = sqlx::query_as::<Db, HealthRow>(sql).bind(mailbox.uuid()).fetch_optional(conn).await?;
    row.map(health_of).transpose()
}

pub(crate) async fn all_health(conn: &mut Conn) -> Result<Vec<MailboxHealth>, StoreError> {
    let sql = "SELECT mailbox, state, since_ms, checked_ms, cause FROM mailbox_health ORDER BY mailbox";
    let rows = sqlx::query_as::<Db, HealthRow>(sql).fetch_all(conn).await?;
    rows.into_iter().map(health_of).collect()
}

pub(crate) async fn put_folder_count(conn: &mut Conn, folder: &FolderCount) -> Result<(), StoreError> {
    let sql = "INSERT INTO folder_count (mailbox, folder, items, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (mailbox, folder) DO UPDATE SET items = excluded.items, at_ms = excluded.at_ms";
    let query = sqlx::query::<Db>(sql).bind(folder.mailbox.uuid()).bind(&folder.folder);
    let done = query.bind(count(folder.items)).bind(folder.at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", folder.mailbox))
}

pub(crate) async fn folder_counts(
    conn: &mut Conn,
    mailbox: Option<MailboxId>,
) -> Result<Vec<FolderCount>, StoreError> {
    let sql = "SELECT mailbox, folder, items, at_ms FROM folder_count WHERE ($1 IS NULL OR mailbox = $1)
               ORDER BY items DESC, mailbox, folder";
    let rows = sqlx::query_as::<Db, (Uuid, String, i64, i64)>(sql)
        .bind(mailbox.map(MailboxId::uuid))
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(mailbox, folder, items, at_ms)| {
            let mailbox = MailboxId::from_uuid(mailbox);
            Ok(FolderCount { mailbox, folder, items: natural(items), at: time(at_ms)? })
        })
        .collect()
}

pub(crate) async fn put_light_shown(conn: &mut Conn, shown: &LightShown) -> Result<(), StoreError> {
    let sql = "INSERT INTO light_shown (mailbox, target, state, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (mailbox, target) DO UPDATE SET state = excluded.state, at_ms = excluded.at_ms";
    let query = sqlx::query::<Db>(sql).bind(shown.mailbox.uuid()).bind(&shown.target);
    let done = query.bind(json(&shown.state)?).bind(shown.at.as_millisecond()).execute(conn).await;
    done.map(|_| ()).map_err(|error| or_unknown(error.into(), "mailbox", shown.mailbox))
}

pub(crate) async fn drop_light_shown(
    conn: &mut Conn,
    mailbox: MailboxId,
    target: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM light_shown WHERE mailbox = $1 AND target = $2";
    sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(target).execute(conn).await?;
    Ok(())
}

pub(crate) async fn lights_shown(conn: &mut Conn, mailbox: MailboxId) -> Result<Vec<LightShown>, StoreError> {
    let sql = "SELECT target, state, at_ms FROM light_shown WHERE mailbox = $1 ORDER BY target";
    let rows = sqlx::query_as::<Db, (String, String, i64)>(sql).bind(mailbox.uuid()).fetch_all(conn).await?;
    rows.into_iter()
        .map(|(target, state, at_ms)| {
            Ok(LightShown { mailbox, target, state: parse(&state)?, at: time(at_ms)? })
        })
        .collect()
}

pub(crate) async fn put_subscription(conn: &mut Conn, subscription: &Subscription) -> Result<(), StoreError> {
    let sql = "INSERT INTO sip_subscription (id, account, state, expires_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (id) DO UPDATE SET account = excluded.account, state = excluded.state,
                   expires_ms = excluded.expires_ms";
    let query = sqlx::query::<Db>(sql).bind(&subscription.id).bind(&subscription.account);
    let query = query.bind(json(&subscription.state)?).bind(subscription.expires.as_millisecond());
    query.execute(conn).await?;
    Ok(())
}

pub(crate) async fn drop_subscription(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    sqlx::query::<Db>("DELETE FROM sip_subscription WHERE id = $1").bind(id).execute(conn).await?;
    Ok(())
}

pub(crate) async fn subscriptions(
    conn: &mut Conn,
    account: Option<&str>,
) -> Result<Vec<Subscription>, StoreError> {
    let sql = "SELECT id, account, state, expires_ms FROM sip_subscription WHERE ($1 IS NULL OR account = $1)
               ORDER BY id";
    let rows = sqlx::query_as::<Db, (String, String, String, i64)>(sql).bind(account).fetch_all(conn).await?;
    rows.into_iter()
        .map(|(id, account, state, expires_ms)| {
            Ok(Subscription { id, account, state: parse(&state)?, expires: time(expires_ms)? })
        })
        .collect()
}

/// Forgets what is kept about a mailbox that is removed.
pub(crate) async fn forget(conn: &mut Conn, mailbox: MailboxId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM mailbox_health WHERE mailbox = $1",
        "DELETE FROM folder_count WHERE mailbox = $1",
        "DELETE FROM light_shown WHERE mailbox = $1",
        "DELETE FROM location WHERE mailbox = $1",
        "DELETE FROM sync_cursor WHERE mailbox = $1",
    ] {
        sqlx::query::<Db>(sql).bind(mailbox.uuid()).execute(&mut *conn).await?;
    }
    super::sync::forget(conn, mailbox).await?;
    super::record::forget(conn, mailbox).await?;
    super::job::drop_streams(conn, &format!("{mailbox}/")).await
}
