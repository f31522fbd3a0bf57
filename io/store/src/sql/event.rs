//! Events, decisions, audit entries: written once, never changed.

use std::sync::LazyLock;

use jiff::Timestamp;
use tieline_model::{Decision, TraceId};
use uuid::Uuid;

use super::rows::Rows;
use super::{Conn, Db};
use crate::column::{json, parse, time};
use crate::{AuditEntry, Event, NewEvent, StoreError};

pub(crate) async fn put(conn: &mut Conn, new: &NewEvent, at: Timestamp) -> Result<i64, StoreError> {
    let sql = "INSERT INTO event (at_ms, topic, subject, payload) VALUES ($1, $2, $3, $4) RETURNING seq";
    let query = sqlx::query_scalar::<Db, i64>(sql).bind(at.as_millisecond()).bind(&new.topic);
    Ok(query.bind(&new.subject).bind(json(&new.payload)?).fetch_one(conn).await?)
}

pub(crate) async fn after(
    conn: &mut Conn,
    after: i64,
    topics: &[String],
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let sql = concat!(
        "SELECT seq, at_ms, topic, subject, payload FROM event WHERE seq > $1 AND ",
        among!("topic", "$2"),
        " ORDER BY seq LIMIT $3"
    );
    let rows = sqlx::query_as::<Db, (i64, i64, String, String, String)>(sql)
        .bind(after)
        .bind(json(&topics)?)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(seq, at_ms, topic, subject, payload)| {
            Ok(Event { seq, at: time(at_ms)?, topic, subject, payload: parse(&payload)? })
        })
        .collect()
}

pub(crate) async fn last(conn: &mut Conn) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(seq), 0) FROM event";
    Ok(sqlx::query_scalar::<Db, i64>(sql).fetch_one(conn).await?)
}

/// The same for many of which nobody needs the numbers.
pub(crate) async fn put_many(conn: &mut Conn, events: &[&NewEvent], at: Timestamp) -> Result<(), StoreError> {
    for (sql, some) in PUT_EVENTS.portions(events) {
        let mut query = sqlx::query::<Db>(sql);
        for new in some {
            query = query.bind(at.as_millisecond()).bind(&new.topic).bind(&new.subject);
            query = query.bind(json(&new.payload)?);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

static PUT_EVENTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(4, |rows| format!("INSERT INTO event (at_ms, topic, subject, payload) VALUES {rows}"))
});

/// Decisions come in crowds when many people call at once.
static PUT_DECISIONS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(6, |rows| {
        format!("INSERT INTO decision (trace, subject, at_ms, rule, inputs, outcome) VALUES {rows}")
    })
});

pub(crate) async fn put_decisions(conn: &mut Conn, decisions: &[&Decision]) -> Result<(), StoreError> {
    for (sql, some) in PUT_DECISIONS.portions(decisions) {
        let mut query = sqlx::query::<Db>(sql);
        for decision in some {
            query = query
                .bind(decision.trace.uuid())
                .bind(&decision.subject)
                .bind(decision.at.as_millisecond())
                .bind(&decision.rule)
                .bind(json(&decision.inputs)?)
                .bind(&decision.outcome);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

type DecisionRow = (Uuid, String, i64, String, String, String);

fn decision((trace, subject, at_ms, rule, inputs, outcome): DecisionRow) -> Result<Decision, StoreError> {
    let (trace, at, inputs) = (TraceId::from_uuid(trace), time(at_ms)?, parse(&inputs)?);
    Ok(Decision { trace, subject, at, rule, inputs, outcome })
}

pub(crate) async fn decisions_about(conn: &mut Conn, subject: &str) -> Result<Vec<Decision>, StoreError> {
    let sql =
        "SELECT trace, subject, at_ms, rule, inputs, outcome FROM decision WHERE subject = $1 ORDER BY seq";
    let rows = sqlx::query_as::<Db, DecisionRow>(sql).bind(subject).fetch_all(conn).await?;
    rows.into_iter().map(decision).collect()
}

pub(crate) async fn decisions_on(conn: &mut Conn, trace: TraceId) -> Result<Vec<Decision>, StoreError> {
    let sql =
        "SELECT trace, subject, at_ms, rule, inputs, outcome FROM decision WHERE trace = $1 ORDER BY seq";
    let rows = sqlx::query_as::<Db, DecisionRow>(sql).bind(trace.uuid()).fetch_all(conn).await?;
    rows.into_iter().map(decision).collect()
}

pub(crate) async fn put_audit(
    conn: &mut Conn,
    at: Timestamp,
    who: &str,
    action: &str,
    subject: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (at_ms, who, action, subject, detail) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query::<Db>(sql).bind(at.as_millisecond()).bind(who).bind(action);
    query.bind(subject).bind(detail).execute(conn).await?;
    Ok(())
}

pub(crate) async fn audit(conn: &mut Conn, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    let sql = "SELECT seq, at_ms, who, action, subject, detail FROM audit ORDER BY seq DESC LIMIT $1";
    let rows = sqlx::query_as::<Db, (i64, i64, String, String, String, String)>(sql)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(seq, at_ms, who, action, subject, detail)| {
            Ok(AuditEntry { seq, at: time(at_ms)?, who, action, subject, detail })
        })
        .collect()
}
