//! Mailboxes and their birth.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{change, distinguished::TREE, next_number};
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
    let mut born = HashMap::new();
    for birth in TREE {
        let folder = next_number(tx, "folder").await?;
        sqlx::query(
            "INSERT INTO folder (folder, mailbox, parent, distinguished, class, name, search_class, hidden, version,
                                 created_ms, changed_ms, properties)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, '{}')",
        )
        .bind(folder)
        .bind(mailbox)
        .bind(born.get(birth.parent).copied())
        .bind(birth.id)
        .bind(birth.class)
        .bind(birth.name)
        .bind(birth.search)
        .bind(birth.hidden)
        .bind(change::last(tx).await?)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        born.insert(birth.id.unwrap_or(birth.name), folder);
    }
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
