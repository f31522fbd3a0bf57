//! Jobs. The head of a stream is marked, so that claiming looks at heads only, however long the streams are.

use jiff::{SignedDuration, Timestamp};
use tieline_model::{JobId, TraceId};
use uuid::Uuid;

use super::{Conn, Db, lease};
use crate::column::{json, natural, parse, small, time, unknown};
use crate::{Fence, Job, JobFilter, JobOutcome, Lease, NewJob, QueueDepth, StoreError};

macro_rules! columns {
    () => {
        "id, stream, seq, kind, payload, state, attempts, not_before_ms, trace, subject, generation, reason, \
         quarantined, queued_ms"
    };
}

macro_rules! listing {
    ($by:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM job WHERE seq > $1 AND ",
            $by,
            " AND ($4 IS NULL OR kind = $4) AND ($5 IS NULL OR quarantined = $5) ORDER BY seq LIMIT $6"
        )
    };
}

type Row =
    (Uuid, String, i64, String, String, String, i64, i64, Uuid, String, i64, Option<String>, bool, i64);

fn job(row: Row) -> Result<Job, StoreError> {
    let (id, stream, seq, kind, payload, state, attempts, not_before_ms, trace, subject, generation, ..) =
        row;
    let (.., reason, quarantined, queued_ms) = (row.11, row.12, row.13);
    Ok(Job {
        id: JobId::from_uuid(id),
        stream,
        seq,
        kind,
        payload: parse(&payload)?,
        state: parse(&state)?,
        attempts: small(attempts),
        not_before: time(not_before_ms)?,
        trace: TraceId::from_uuid(trace),
        subject,
        generation,
        reason: reason.as_deref().map(parse).transpose()?,
        quarantined,
        queued: time(queued_ms)?,
    })
}

/// Queues a job. As a `hint` it leaves an open one's payload and trace as they are.
pub(crate) async fn enqueue(
    conn: &mut Conn,
    new: &NewJob,
    at: Timestamp,
    hint: bool,
) -> Result<(), StoreError> {
    if let Some(dedupe) = &new.dedupe
        && queue_again(conn, new, dedupe, hint).await?
    {
        return Ok(());
    }
    let sql = "INSERT INTO job (id, stream, kind, payload, state, attempts, not_before_ms, queued_ms, trace, subject,
                                dedupe, generation, claimed_generation, head, quarantined)
               VALUES ($1, $2, $3, $4, 'null', 0, $5, $6, $7, $8, $9, 1, 0,
                       NOT EXISTS (SELECT 1 FROM job WHERE stream = $2 AND NOT quarantined), $10)
               RETURNING head";
    let head = sqlx::query_scalar::<Db, bool>(sql)
        .bind(new.id.uuid())
        .bind(&new.stream)
        .bind(&new.kind)
        .bind(json(&new.payload)?)
        .bind(new.not_before.as_millisecond())
        .bind(at.as_millisecond())
        .bind(new.trace.uuid())
        .bind(&new.subject)
        .bind(&new.dedupe)
        .bind(false)
        .fetch_one(&mut *conn)
        .await?;
    // A stream with open jobs has its lease row since the first of them.
    if head { lease::ensure(conn, &new.stream).await } else { Ok(()) }
}

/// Raises the generation of the open job with this key, if there is one.
async fn queue_again(conn: &mut Conn, new: &NewJob, dedupe: &str, hint: bool) -> Result<bool, StoreError> {
    let sql = "UPDATE job SET generation = generation + 1,
                   payload = CASE WHEN $5 THEN payload ELSE $2 END, trace = CASE WHEN $5 THEN trace ELSE $3 END,
                   not_before_ms = CASE WHEN reason IS NULL AND not_before_ms > $4 THEN $4 ELSE not_before_ms END
               WHERE dedupe = $1 AND NOT quarantined";
    let done = sqlx::query::<Db>(sql)
        .bind(dedupe)
        .bind(json(&new.payload)?)
        .bind(new.trace.uuid())
        .bind(new.not_before.as_millisecond())
        .bind(hint)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn claim(
    conn: &mut Conn,
    owner: Uuid,
    now: Timestamp,
    ttl: SignedDuration,
    kinds: &[String],
) -> Result<Option<(Lease, Job)>, StoreError> {
    // The first of each kind by the index, then the first of these: what waits of other kinds is not looked at.
    let sql = concat!(
        "SELECT l.stream FROM ",
        each!("$2"),
        " CROSS JOIN job j JOIN lease l ON l.stream = j.stream
         WHERE j.seq = (SELECT d.seq FROM job d JOIN lease m ON m.stream = d.stream
                        WHERE d.head AND d.kind = k.value AND d.not_before_ms <= $1 AND m.expires_ms <= $1
                        ORDER BY d.not_before_ms, d.seq LIMIT 1)
         ORDER BY j.not_before_ms, j.seq LIMIT 1",
        skip_locked!()
    );
    let stream = sqlx::query_scalar::<Db, String>(sql)
        .bind(now.as_millisecond())
        .bind(json(&kinds)?)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(stream) = stream else { return Ok(None) };
    let Some(lease) = lease::take(conn, &stream, owner, now, ttl).await? else { return Ok(None) };
    Ok(take_head(conn, &stream, now).await?.map(|job| (lease, job)))
}

/// The stream's head, if it is due; from now on it is running.
pub(crate) async fn take_head(
    conn: &mut Conn,
    stream: &str,
    now: Timestamp,
) -> Result<Option<Job>, StoreError> {
    let sql = concat!(
        "UPDATE job SET attempts = attempts + 1, claimed_generation = generation
         WHERE stream = $1 AND head AND not_before_ms <= $2 RETURNING ",
        columns!()
    );
    let row =
        sqlx::query_as::<Db, Row>(sql).bind(stream).bind(now.as_millisecond()).fetch_optional(conn).await?;
    row.map(job).transpose()
}

pub(crate) async fn conclude(
    conn: &mut Conn,
    fence: Option<&Fence>,
    id: JobId,
    outcome: &JobOutcome,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT stream, generation > claimed_generation FROM job WHERE id = $1 AND NOT quarantined";
    let row = sqlx::query_as::<Db, (String, bool)>(sql).bind(id.uuid()).fetch_optional(&mut *conn).await?;
    let (stream, queued_again) = row.ok_or_else(|| unknown("job", id))?;
    if fence.is_none_or(|fence| fence.stream != stream) {
        return Err(StoreError::conflict(
            "job-not-held",
            format!("{id} is concluded by somebody who does not hold {stream}"),
            "commit its outcome with the lease's fence",
        ));
    }
    match outcome {
        JobOutcome::Done if queued_again => run_again(conn, id, at).await,
        JobOutcome::Done => {
            sqlx::query::<Db>("DELETE FROM job WHERE id = $1").bind(id.uuid()).execute(&mut *conn).await?;
            promote(conn, &stream).await
        }
        JobOutcome::Again { not_before, state, reason } => {
            let not_before = if queued_again && reason.is_none() { at.min(*not_before) } else { *not_before };
            wait(conn, id, not_before, state, reason.as_ref()).await
        }
        JobOutcome::Keep { state } => {
            let sql = "UPDATE job SET state = $2 WHERE id = $1";
            sqlx::query::<Db>(sql).bind(id.uuid()).bind(json(state)?).execute(conn).await?;
            Ok(())
        }
        JobOutcome::Quarantined { reason } => {
            let sql = "UPDATE job SET quarantined = $2, head = $3, reason = $4 WHERE id = $1";
            let query = sqlx::query::<Db>(sql).bind(id.uuid()).bind(true).bind(false).bind(json(reason)?);
            query.execute(&mut *conn).await?;
            promote(conn, &stream).await
        }
    }
}

/// Starts the job anew, since it was queued again while it ran.
async fn run_again(conn: &mut Conn, id: JobId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE job SET state = 'null', attempts = 0, reason = NULL, not_before_ms = $2 WHERE id = $1";
    sqlx::query::<Db>(sql).bind(id.uuid()).bind(at.as_millisecond()).execute(conn).await?;
    Ok(())
}

async fn wait(
    conn: &mut Conn,
    id: JobId,
    not_before: Timestamp,
    state: &serde_json::Value,
    reason: Option<&tieline_model::Refusal>,
) -> Result<(), StoreError> {
    let sql = "UPDATE job SET not_before_ms = $2, state = $3, reason = $4,
                   attempts = CASE WHEN $5 THEN attempts ELSE 0 END
               WHERE id = $1";
    sqlx::query::<Db>(sql)
        .bind(id.uuid())
        .bind(not_before.as_millisecond())
        .bind(json(state)?)
        .bind(reason.map(json).transpose()?)
        .bind(reason.is_some())
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks the stream's next job as its head.
async fn promote(conn: &mut Conn, stream: &str) -> Result<(), StoreError> {
    let sql = "UPDATE job SET head = $2
               WHERE seq = (SELECT MIN(seq) FROM job WHERE stream = $1 AND NOT quarantined)";
    sqlx::query::<Db>(sql).bind(stream).bind(true).execute(conn).await?;
    Ok(())
}

/// Puts a quarantined job behind its stream's open ones. One that was queued again meanwhile is simply removed.
pub(crate) async fn retry(conn: &mut Conn, id: JobId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "SELECT dedupe FROM job WHERE id = $1 AND quarantined";
    let dedupe = sqlx::query_scalar::<Db, Option<String>>(sql)
        .bind(id.uuid())
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(|| unknown("quarantined job", id))?;
    let Some(old) = one(conn, id).await? else { return Err(unknown("quarantined job", id)) };
    drop_quarantined(conn, id).await?;
    let new = NewJob {
        id,
        stream: old.stream,
        kind: old.kind,
        payload: old.payload,
        not_before: at,
        trace: old.trace,
        subject: old.subject,
        dedupe,
    };
    enqueue(conn, &new, at, false).await?;
    // What was noted about earlier attempts still holds: an item may be there already.
    let sql = "UPDATE job SET state = $2 WHERE id = $1";
    sqlx::query::<Db>(sql).bind(id.uuid()).bind(json(&old.state)?).execute(conn).await?;
    Ok(())
}

pub(crate) async fn drop_quarantined(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    let sql = "DELETE FROM job WHERE id = $1 AND quarantined";
    let done = sqlx::query::<Db>(sql).bind(id.uuid()).execute(conn).await?;
    if done.rows_affected() == 0 { Err(unknown("quarantined job", id)) } else { Ok(()) }
}

/// Forgets the streams whose names begin with this, since what they were about is removed.
pub(crate) async fn drop_streams(conn: &mut Conn, prefix: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM job WHERE substr(stream, 1, length($1)) = $1",
        "DELETE FROM lease WHERE substr(stream, 1, length($1)) = $1",
    ] {
        sqlx::query::<Db>(sql).bind(prefix).execute(&mut *conn).await?;
    }
    Ok(())
}

pub(crate) async fn next_due(conn: &mut Conn, kinds: &[&str]) -> Result<Option<Timestamp>, StoreError> {
    // Nothing behind the first job whose stream is free can be due before it; those ahead of it are held, and few.
    let sql = concat!(
        "SELECT MIN(CASE WHEN j.not_before_ms > l.expires_ms THEN j.not_before_ms ELSE l.expires_ms END)
         FROM ",
        each!("$1"),
        " CROSS JOIN job j JOIN lease l ON l.stream = j.stream
         WHERE j.head AND j.kind = k.value AND j.not_before_ms <= COALESCE(
               (SELECT d.not_before_ms FROM job d JOIN lease m ON m.stream = d.stream
                WHERE d.head AND d.kind = k.value AND m.expires_ms <= d.not_before_ms
                ORDER BY d.not_before_ms, d.seq LIMIT 1), 9223372036854775807)"
    );
    let due = sqlx::query_scalar::<Db, Option<i64>>(sql).bind(json(&kinds)?).fetch_one(conn).await?;
    due.map(time).transpose()
}

pub(crate) async fn one(conn: &mut Conn, id: JobId) -> Result<Option<Job>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM job WHERE id = $1");
    let row = sqlx::query_as::<Db, Row>(sql).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(job).transpose()
}

pub(crate) async fn list(conn: &mut Conn, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, StoreError> {
    // One statement for each index that can be used.
    let sql = match (&filter.subject, &filter.stream) {
        (Some(_), _) => listing!("subject = $2 AND ($3 IS NULL OR stream = $3)"),
        (None, Some(_)) => listing!("$2 IS NULL AND stream = $3"),
        (None, None) => listing!("$2 IS NULL AND $3 IS NULL"),
    };
    let rows = sqlx::query_as::<Db, Row>(sql)
        .bind(filter.after)
        .bind(&filter.subject)
        .bind(&filter.stream)
        .bind(&filter.kind)
        .bind(filter.quarantined)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(job).collect()
}

pub(crate) async fn depth(conn: &mut Conn, now: Timestamp) -> Result<Vec<QueueDepth>, StoreError> {
    let sql = "SELECT kind, COUNT(CASE WHEN NOT quarantined THEN 1 END),
                      COUNT(CASE WHEN NOT quarantined AND not_before_ms <= $1 THEN 1 END),
                      COUNT(CASE WHEN quarantined THEN 1 END),
                      MIN(CASE WHEN NOT quarantined THEN queued_ms END)
               FROM job GROUP BY kind ORDER BY kind";
    let rows = sqlx::query_as::<Db, (String, i64, i64, i64, Option<i64>)>(sql)
        .bind(now.as_millisecond())
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(kind, open, due, quarantined, oldest)| {
            Ok(QueueDepth {
                kind,
                open: natural(open),
                due: natural(due),
                quarantined: natural(quarantined),
                oldest: oldest.map(time).transpose()?,
            })
        })
        .collect()
}
