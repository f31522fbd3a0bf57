//! Where quick calls lead.

use jiff::Timestamp;
use serde_json::Value;
use tieline_model::{DirectoryId, QuickCallTarget, QuickCallTargetId};

use super::{Conn, Db, config};
use crate::column::{json, parse, unknown};
use crate::quick_call::CHOICES;
use crate::{Noun, QuickCallChoice, StoreError};

const BODY: &str = "SELECT body FROM quick_call_target WHERE id = $1";

pub(crate) async fn all(conn: &mut Conn) -> Result<Vec<QuickCallTarget>, StoreError> {
    let sql = "SELECT body FROM quick_call_target ORDER BY name";
    let bodies = sqlx::query_scalar::<Db, String>(sql).fetch_all(conn).await?;
    bodies.iter().map(|body| parse(body)).collect()
}

pub(crate) async fn one(
    conn: &mut Conn,
    id: QuickCallTargetId,
) -> Result<Option<QuickCallTarget>, StoreError> {
    let body = sqlx::query_scalar::<Db, String>(BODY).bind(id.uuid()).fetch_optional(conn).await?;
    body.as_deref().map(parse).transpose()
}

pub(crate) async fn by_name(conn: &mut Conn, name: &str) -> Result<Option<QuickCallTarget>, StoreError> {
    let sql = "SELECT body FROM quick_call_target WHERE name = $1";
    let body = sqlx::query_scalar::<Db, String>(sql).bind(name).fetch_optional(conn).await?;
    body.as_deref().map(parse).transpose()
}

/// Adds or replaces one; gives the entry before.
pub(crate) async fn put(conn: &mut Conn, target: &QuickCallTarget) -> Result<Option<Value>, StoreError> {
    let id = target.id.uuid();
    let sql = "SELECT id FROM quick_call_target WHERE name = $1 AND id <> $2";
    config::unique(conn, sql, &target.name, id, Noun::QuickCallTarget, "name").await?;
    let before = config::stored(conn, BODY, id).await?;
    let sql = "INSERT INTO quick_call_target (id, name, body) VALUES ($1, $2, $3)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, body = excluded.body";
    sqlx::query::<Db>(sql).bind(id).bind(&target.name).bind(json(target)?).execute(conn).await?;
    Ok(before)
}

/// Removes one; gives the entry before.
pub(crate) async fn delete(conn: &mut Conn, id: QuickCallTargetId) -> Result<Option<Value>, StoreError> {
    let before = config::stored(conn, BODY, id.uuid()).await?;
    let before = before.ok_or_else(|| unknown("quick-call target", id))?;
    sqlx::query::<Db>("DELETE FROM quick_call_target WHERE id = $1").bind(id.uuid()).execute(conn).await?;
    Ok(Some(before))
}

/// Keeps a choice; the same contact once more replaces it.
pub(crate) async fn put_choice(
    conn: &mut Conn,
    choice: &QuickCallChoice,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO quick_call_choice (technician, contact, person, at_ms) VALUES ($1, $2, $3, $4)
               ON CONFLICT (technician, contact) DO UPDATE SET person = excluded.person, at_ms = excluded.at_ms";
    sqlx::query::<Db>(sql)
        .bind(&choice.technician)
        .bind(&choice.contact)
        .bind(choice.person.as_str())
        .bind(at.as_millisecond())
        .execute(&mut *conn)
        .await?;
    let sql = "DELETE FROM quick_call_choice WHERE technician = $1 AND at_ms <=
                   (SELECT at_ms FROM quick_call_choice WHERE technician = $1
                    ORDER BY at_ms DESC LIMIT 1 OFFSET $2)";
    sqlx::query::<Db>(sql).bind(&choice.technician).bind(CHOICES).execute(conn).await?;
    Ok(())
}

pub(crate) async fn choices(conn: &mut Conn, technician: &str) -> Result<Vec<QuickCallChoice>, StoreError> {
    let sql = "SELECT contact, person FROM quick_call_choice WHERE technician = $1 ORDER BY contact";
    let rows = sqlx::query_as::<Db, (String, String)>(sql).bind(technician).fetch_all(conn).await?;
    let strange = || StoreError::corrupt("a quick-call choice", "the person's id is empty");
    rows.into_iter()
        .map(|(contact, person)| {
            let (technician, person) =
                (technician.to_owned(), DirectoryId::new(&person).ok_or_else(strange)?);
            Ok(QuickCallChoice { technician, contact, person })
        })
        .collect()
}
