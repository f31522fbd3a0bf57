//! Versions of the configuration.

use jiff::Timestamp;
use tieline_model::{Endpoint, FeatureGroup, Mailbox, QuickCallTarget};

use super::{Conn, Db};
use crate::column::{json, parse, time, word};
use crate::{Change, ChangeSet, ConfigDocument, Configure, Noun, StoreError};

pub(crate) async fn version(conn: &mut Conn) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(version), 0) FROM change_set";
    Ok(sqlx::query_scalar::<Db, i64>(sql).fetch_one(conn).await?)
}

/// Writes a version down.
pub(crate) async fn put(
    conn: &mut Conn,
    version: i64,
    configure: &Configure,
    changes: &[Change],
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO change_set (version, at_ms, author, note) VALUES ($1, $2, $3, $4)";
    let query = sqlx::query::<Db>(sql).bind(version).bind(at.as_millisecond());
    query.bind(&configure.author).bind(&configure.note).execute(&mut *conn).await?;
    for (place, change) in (0_i64..).zip(changes) {
        let sql =
            "INSERT INTO change (version, place, noun, entry, before, after) VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query::<Db>(sql)
            .bind(version)
            .bind(place)
            .bind(change.noun.name())
            .bind(&change.id)
            .bind(change.before.as_ref().map(json).transpose()?)
            .bind(change.after.as_ref().map(json).transpose()?)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

type Row = (String, String, Option<String>, Option<String>);

fn change((noun, id, before, after): Row) -> Result<Change, StoreError> {
    Ok(Change {
        noun: word(Noun::ALL.into_iter().find(|known| known.name() == noun), &noun)?,
        id,
        before: before.as_deref().map(parse).transpose()?,
        after: after.as_deref().map(parse).transpose()?,
    })
}

/// What every version after this one changed, newest first.
pub(crate) async fn changes_since(conn: &mut Conn, version: i64) -> Result<Vec<Change>, StoreError> {
    let sql =
        "SELECT noun, entry, before, after FROM change WHERE version > $1 ORDER BY version DESC, place DESC";
    let rows = sqlx::query_as::<Db, Row>(sql).bind(version).fetch_all(conn).await?;
    rows.into_iter().map(change).collect()
}

pub(crate) async fn one(conn: &mut Conn, version: i64) -> Result<Option<ChangeSet>, StoreError> {
    let sets = list(conn, version.checked_add(1), 1).await?;
    Ok(sets.into_iter().find(|set| set.version == version))
}

pub(crate) async fn list(
    conn: &mut Conn,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<ChangeSet>, StoreError> {
    let sql = "SELECT version, at_ms, author, note FROM change_set WHERE ($1 IS NULL OR version < $1)
               ORDER BY version DESC LIMIT $2";
    let rows = sqlx::query_as::<Db, (i64, i64, String, String)>(sql)
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await?;
    let mut sets = Vec::with_capacity(rows.len());
    for (version, at_ms, author, note) in rows {
        let sql = "SELECT noun, entry, before, after FROM change WHERE version = $1 ORDER BY place";
        let changes = sqlx::query_as::<Db, Row>(sql).bind(version).fetch_all(&mut *conn).await?;
        let changes = changes.into_iter().map(change).collect::<Result<_, _>>()?;
        sets.push(ChangeSet { version, at: time(at_ms)?, author, note, changes });
    }
    Ok(sets)
}

/// Everything that is configured, read by one statement so that it belongs together.
pub(crate) async fn document(conn: &mut Conn) -> Result<ConfigDocument, StoreError> {
    let sql = "SELECT 0, '', CAST(COALESCE(MAX(version), 0) AS text) FROM change_set
               UNION ALL SELECT 1, name, body FROM endpoint
               UNION ALL SELECT 2, name, body FROM feature_group
               UNION ALL SELECT 3, number, body FROM mailbox
               UNION ALL SELECT 4, name, body FROM quick_call_target
               ORDER BY 1, 2";
    let rows = sqlx::query_as::<Db, (i32, String, String)>(sql).fetch_all(conn).await?;
    let mut document = ConfigDocument::default();
    for (noun, _, text) in rows {
        match noun {
            0 => document.version = Some(parse(&text)?),
            1 => document.endpoints.push(parse::<Endpoint>(&text)?),
            2 => document.feature_groups.push(parse::<FeatureGroup>(&text)?),
            3 => document.mailboxes.push(parse::<Mailbox>(&text)?),
            _ => document.quick_call_targets.push(parse::<QuickCallTarget>(&text)?),
        }
    }
    Ok(document)
}
