//! Mailboxes and their birth.

use std::collections::HashMap;

use serde_json::json;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    change,
    distinguished::{ARCHIVE, Birth, TREE},
    folder, next_numbers,
};
use crate::{account::Account, id::random_uuid};

/// A mailbox row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    pub(crate) mailbox: i64,
    pub(crate) guid: Uuid,
    pub(crate) address: String,
    pub(crate) display_name: String,
}

/// Makes the account's mailbox with its folder tree, unless it is there already.
pub(crate) async fn provision(
    tx: &mut SqliteConnection,
    account: &Account,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    if by_address(tx, &account.address).await?.is_some() {
        return Ok(());
    }
    let mailbox: i64 = sqlx::query(
        "INSERT INTO mailbox (guid, address, display_name) VALUES ($1, $2, $3) RETURNING mailbox",
    )
    .bind(random_uuid().as_bytes().to_vec())
    .bind(&account.address)
    .bind(&account.display_name)
    .fetch_one(&mut *tx)
    .await?
    .try_get("mailbox")?;
    plant(tx, mailbox, TREE, now_ms).await
}

/// Gives a mailbox an archive, unless it has one.
pub(crate) async fn provision_archive(
    tx: &mut SqliteConnection,
    mailbox: i64,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    match folder::by_distinguished(tx, mailbox, "archiveroot").await? {
        Some(_) => Ok(()),
        None => plant(tx, mailbox, ARCHIVE, now_ms).await,
    }
}

/// Makes the folders of a tree.
async fn plant(
    tx: &mut SqliteConnection,
    mailbox: i64,
    tree: &[Birth],
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let first = next_numbers(tx, "folder", tree.len()).await?;
    let mut born = HashMap::new();
    let mut rows = Vec::new();
    for (folder, birth) in (first..).zip(tree) {
        let parent = born.get(birth.parent).copied();
        rows.push(json!([folder, parent, birth.id, birth.class, birth.name, birth.search, birth.hidden]));
        born.insert(birth.id.unwrap_or(birth.name), folder);
    }
    // One statement for the whole tree: a lab of ten thousand people is born in seconds.
    sqlx::query(
        "INSERT INTO folder (folder, mailbox, parent, distinguished, class, name, search_class, hidden, version,
                             created_ms, changed_ms, properties)
         SELECT value ->> 0, $1, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, $2,
                $3, $3, '{}'
         FROM json_each($4) ORDER BY key",
    )
    .bind(mailbox)
    .bind(change::last(tx).await?)
    .bind(now_ms)
    .bind(serde_json::Value::Array(rows).to_string())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Moves the mailbox to another server: every id and every state that clients hold is void.
pub(crate) async fn move_away(tx: &mut SqliteConnection, mailbox: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE mailbox SET guid = $2 WHERE mailbox = $1")
        .bind(mailbox)
        .bind(random_uuid().as_bytes().to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

/// The mailbox with this primary address.
pub(crate) async fn by_address(
    tx: &mut SqliteConnection,
    address: &str,
) -> Result<Option<Mailbox>, sqlx::Error> {
    let row = sqlx::query("SELECT mailbox, guid, address, display_name FROM mailbox WHERE address = $1")
        .bind(address)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(mailbox).transpose()
}

/// The mailbox with this GUID.
pub(crate) async fn by_guid(tx: &mut SqliteConnection, guid: Uuid) -> Result<Option<Mailbox>, sqlx::Error> {
    let row = sqlx::query("SELECT mailbox, guid, address, display_name FROM mailbox WHERE guid = $1")
        .bind(guid.as_bytes().to_vec())
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(mailbox).transpose()
}

/// The mailbox with this number.
pub(crate) async fn by_number(
    tx: &mut SqliteConnection,
    number: i64,
) -> Result<Option<Mailbox>, sqlx::Error> {
    let row = sqlx::query("SELECT mailbox, guid, address, display_name FROM mailbox WHERE mailbox = $1")
        .bind(number)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(mailbox).transpose()
}

fn mailbox(row: &SqliteRow) -> Result<Mailbox, sqlx::Error> {
    let guid: Vec<u8> = row.try_get("guid")?;
    Ok(Mailbox {
        mailbox: row.try_get("mailbox")?,
        guid: Uuid::from_slice(&guid).map_err(|error| sqlx::Error::Decode(error.into()))?,
        address: row.try_get("address")?,
        display_name: row.try_get("display_name")?,
    })
}
