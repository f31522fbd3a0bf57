//! A mailbox's earlier state, kept to go back to it as after a restored database.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::{change, subscription};

/// What belongs to an item, by its number.
const OF_ITEMS: [&str; 3] = ["property", "occurrence", "attachment"];
/// What belongs to a mailbox, by its number; what is referred to stands first.
const OF_MAILBOXES: [&str; 3] = ["folder", "item", "setting"];

async fn run(tx: &mut SqliteConnection, mailbox: i64, sql: String) -> Result<(), sqlx::Error> {
    // Only names of the tables above are put into the text.
    sqlx::query(AssertSqlSafe(sql)).bind(mailbox).execute(tx).await?;
    Ok(())
}

/// Removes what belongs to a mailbox from the tables whose names begin with `prefix`.
async fn clear(tx: &mut SqliteConnection, mailbox: i64, prefix: &str) -> Result<(), sqlx::Error> {
    for table in OF_ITEMS {
        let items = format!("SELECT item FROM {prefix}item WHERE mailbox = $1");
        run(tx, mailbox, format!("DELETE FROM {prefix}{table} WHERE item IN ({items})")).await?;
    }
    for table in OF_MAILBOXES.iter().rev() {
        run(tx, mailbox, format!("DELETE FROM {prefix}{table} WHERE mailbox = $1")).await?;
    }
    Ok(())
}

/// Copies what belongs to a mailbox.
async fn copy(tx: &mut SqliteConnection, mailbox: i64, from: &str, to: &str) -> Result<(), sqlx::Error> {
    for table in OF_MAILBOXES {
        let rows = format!("SELECT * FROM {from}{table} WHERE mailbox = $1");
        run(tx, mailbox, format!("INSERT INTO {to}{table} {rows}")).await?;
    }
    for table in OF_ITEMS {
        let rows = format!(
            "SELECT * FROM {from}{table} WHERE item IN (SELECT item FROM {from}item WHERE mailbox = $1)"
        );
        // An attachment that went to another mailbox with its item stays there.
        run(tx, mailbox, format!("INSERT OR IGNORE INTO {to}{table} {rows}")).await?;
    }
    Ok(())
}

/// Keeps the mailbox as it is now, in place of what was kept of it before.
pub(crate) async fn keep(tx: &mut SqliteConnection, mailbox: i64) -> Result<(), sqlx::Error> {
    clear(tx, mailbox, "earlier_").await?;
    copy(tx, mailbox, "", "earlier_").await?;
    sqlx::query("INSERT OR REPLACE INTO earlier (mailbox, seq) VALUES ($1, $2)")
        .bind(mailbox)
        .bind(change::last(tx).await?)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Puts the mailbox back to what was kept. What was learnt of it since is of the future; unless those states are to be
/// accepted, they are refused from now on. The subscriptions that ended by it; `None` when nothing was kept.
pub(crate) async fn restore(
    tx: &mut SqliteConnection,
    mailbox: i64,
    accept_states: bool,
) -> Result<Option<Vec<String>>, sqlx::Error> {
    let kept = sqlx::query("SELECT seq FROM earlier WHERE mailbox = $1").bind(mailbox);
    let Some(kept) = kept.fetch_optional(&mut *tx).await? else { return Ok(None) };
    let seq: i64 = kept.try_get("seq")?;
    clear(tx, mailbox, "").await?;
    copy(tx, mailbox, "earlier_", "").await?;
    let last = change::last(tx).await?;
    sqlx::query("DELETE FROM change WHERE mailbox = $1 AND seq > $2")
        .bind(mailbox)
        .bind(seq)
        .execute(&mut *tx)
        .await?;
    let ended = subscription::remove_all(tx, Some(mailbox)).await?;
    if !accept_states {
        sqlx::query("INSERT INTO future (mailbox, after_seq, until_seq) VALUES ($1, $2, $3)")
            .bind(mailbox)
            .bind(seq)
            .bind(last)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Some(ended))
}

/// Whether a place in the change log was seen before the mailbox went back to a state from before that place.
pub(crate) async fn is_of_future(
    tx: &mut SqliteConnection,
    mailbox: i64,
    seq: i64,
) -> Result<bool, sqlx::Error> {
    let found = sqlx::query("SELECT 1 FROM future WHERE mailbox = $1 AND after_seq < $2 AND until_seq >= $2")
        .bind(mailbox)
        .bind(seq)
        .fetch_optional(tx)
        .await?;
    Ok(found.is_some())
}
