//! Where quick calls lead.

use serde_json::Value;
use tieline_model::{QuickCallTarget, QuickCallTargetId};

use super::{Conn, Db, config};
use crate::column::{json, parse, unknown};
use crate::{Noun, StoreError};

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
