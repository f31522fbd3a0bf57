//! Contacts and events. The entry is JSON in `body`; an entry without body is gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use jiff::Timestamp;
use tieline_model::{Contact, Event as CalendarEvent, MailboxId, Record, RecordKind, Refusal};
use uuid::Uuid;

use super::rows::Rows;
use super::{Conn, Db};
use crate::column::{json, natural, or_unknown, parse, time};
use crate::record::{Indexed, printed, storable};
use crate::{
    AnyRecord, FieldOrigin, IfVersion, RecordChange, RecordFilter, RecordWrite, StoreError, StoredRecord,
};

macro_rules! columns {
    () => {
        "id, mailbox, version, created_ms, edited_ms, body, provenance, sort"
    };
}

pub(crate) type Row = (Uuid, Uuid, Uuid, i64, Option<i64>, String, String, String);

pub(crate) fn stored<R: Record>(row: Row) -> Result<StoredRecord<R>, StoreError> {
    let (id, mailbox, version, created_ms, edited_ms, body, provenance, sort) = row;
    Ok(StoredRecord {
        id,
        mailbox: MailboxId::from_uuid(mailbox),
        version,
        created: time(created_ms)?,
        edited: edited_ms.map(time).transpose()?,
        record: parse(&body)?,
        provenance: parse(&provenance)?,
        sort,
    })
}

/// Version, body, provenance and owner of a row that may be gone.
type Current = (Uuid, Option<String>, String, Uuid);

static STANDING: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(1, |rows| {
        let columns = "id, version, body, provenance, mailbox";
        format!("SELECT {columns} FROM record WHERE id IN (VALUES {rows}){}", for_update!())
    })
});

/// The entries that are to be changed, as they stand. They stay locked until the transaction ends.
pub(crate) struct Standing(HashMap<Uuid, Current>);

impl Standing {
    pub(crate) async fn of(conn: &mut Conn, writes: &[&RecordWrite]) -> Result<Self, StoreError> {
        let mut standing = HashMap::with_capacity(writes.len());
        for (sql, some) in STANDING.portions(writes) {
            let mut query = sqlx::query_as::<Db, (Uuid, Uuid, Option<String>, String, Uuid)>(sql);
            for write in some {
                query = query.bind(write.id);
            }
            for (id, version, body, provenance, mailbox) in query.fetch_all(&mut *conn).await? {
                standing.insert(id, (version, body, provenance, mailbox));
            }
        }
        Ok(Self(standing))
    }

    /// Whether the entry has the version that a change was made for.
    pub(crate) fn expects(&self, write: &RecordWrite) -> bool {
        let current = self.0.get(&write.id);
        match (write.expected, current) {
            (IfVersion::Any, _) => true,
            (IfVersion::Absent, current) => current.is_none_or(|(_, body, ..)| body.is_none()),
            (IfVersion::Is(wanted), Some((version, Some(_), ..))) => wanted == *version,
            (IfVersion::Is(_), _) => false,
        }
    }
}

/// Carries a change out.
pub(crate) async fn write(conn: &mut Conn, write: &RecordWrite, at: Timestamp) -> Result<(), StoreError> {
    let standing = Standing::of(conn, &[write]).await?;
    if !standing.expects(write) {
        return Err(StoreError::conflict(
            "changed-meanwhile",
            format!("{} was changed by somebody else meanwhile", printed(write.kind, write.id)),
            "read it again and repeat the change",
        ));
    }
    write_many(conn, &[write], standing, at).await
}

/// Carries changes of different entries of one mailbox out, all as expected.
pub(crate) async fn write_many(
    conn: &mut Conn,
    writes: &[&RecordWrite],
    mut standing: Standing,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(first) = writes.first() else { return Ok(()) };
    let mut seq = next_seqs(conn, first.mailbox, first.kind, writes.len()).await?;
    let mut puts = Vec::with_capacity(writes.len());
    for write in writes {
        let before = standing.0.remove(&write.id);
        if before.as_ref().is_some_and(|(.., mailbox)| *mailbox != write.mailbox.uuid()) {
            return Err(StoreError::conflict(
                "of-another-mailbox",
                format!("{} belongs to another mailbox", printed(write.kind, write.id)),
                "copy it; an entry never changes its mailbox",
            ));
        }
        if before.is_some() {
            let sql = "DELETE FROM record_key WHERE record = $1";
            sqlx::query::<Db>(sql).bind(write.id).execute(&mut *conn).await?;
        }
        match &write.put {
            Some((record, version)) => puts.push(Put::new(write, record, *version, before, seq)?),
            None => remove(conn, write, seq).await?,
        }
        seq += 1;
    }
    put(conn, &puts, at).await
}

/// The first of so many numbers. The row of the counter stays locked until the transaction ends: numbers become visible in
/// their order.
async fn next_seqs(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    many: usize,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO record_counter (mailbox, kind, seq) VALUES ($1, $2, $3)
               ON CONFLICT (mailbox, kind) DO UPDATE SET seq = record_counter.seq + excluded.seq RETURNING seq";
    let many = i64::try_from(many).unwrap_or(1);
    let query = sqlx::query_scalar::<Db, i64>(sql).bind(mailbox.uuid()).bind(kind.label()).bind(many);
    let last = query.fetch_one(conn).await.map_err(|error| or_unknown(error.into(), "mailbox", mailbox))?;
    Ok(last - many + 1)
}

/// An entry as it is written.
struct Put<'a> {
    write: &'a RecordWrite,
    version: Uuid,
    seq: i64,
    index: Indexed,
    body: String,
    provenance: String,
}

impl<'a> Put<'a> {
    fn new(
        write: &'a RecordWrite,
        record: &AnyRecord,
        version: Uuid,
        before: Option<Current>,
        seq: i64,
    ) -> Result<Self, StoreError> {
        let (body_before, provenance_before) = match before {
            Some((_, Some(body), provenance, _)) => (Some(body), Some(provenance)),
            _ => (None, None),
        };
        let (body, provenance) = match record {
            AnyRecord::Contact(contact) => {
                (json(contact)?, provenance::<Contact>(contact, body_before, provenance_before, &write.by)?)
            }
            AnyRecord::Event(event) => {
                (json(event)?, provenance::<CalendarEvent>(event, body_before, provenance_before, &write.by)?)
            }
        };
        if body.contains("\\u0000") {
            return Err(StoreError::conflict(
                "text-not-storable",
                "a field holds a NUL character",
                "send text of printable characters",
            ));
        }
        Ok(Self { write, version, seq, index: Indexed::of(record), body, provenance })
    }
}

static PUT: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(13, |rows| {
        format!(
            "INSERT INTO record (id, mailbox, kind, version, seq, uid, sort, start_ms, end_ms, created_ms,
                                 edited_ms, body, provenance)
             VALUES {rows}
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, seq = excluded.seq, uid = excluded.uid,
                 sort = excluded.sort, start_ms = excluded.start_ms, end_ms = excluded.end_ms,
                 edited_ms = excluded.edited_ms, body = excluded.body, provenance = excluded.provenance"
        )
    })
});
static PUT_KEYS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(4, |rows| format!("INSERT INTO record_key (mailbox, kind, key, record) VALUES {rows}"))
});

async fn put(conn: &mut Conn, puts: &[Put<'_>], at: Timestamp) -> Result<(), StoreError> {
    for (sql, some) in PUT.portions(puts) {
        let mut query = sqlx::query::<Db>(sql);
        for put in some {
            query = query
                .bind(put.write.id)
                .bind(put.write.mailbox.uuid())
                .bind(put.write.kind.label())
                .bind(put.version)
                .bind(put.seq)
                .bind(&put.index.uid)
                .bind(&put.index.sort)
                .bind(put.index.start_ms)
                .bind(put.index.end_ms)
                .bind(at.as_millisecond())
                .bind(put.write.edited.map(Timestamp::as_millisecond))
                .bind(&put.body)
                .bind(&put.provenance);
        }
        query.execute(&mut *conn).await?;
    }
    let keys: Vec<(&RecordWrite, &String)> =
        puts.iter().flat_map(|put| put.index.keys.iter().map(|key| (put.write, key))).collect();
    for (sql, some) in PUT_KEYS.portions(&keys) {
        let mut query = sqlx::query::<Db>(sql);
        for (write, key) in some {
            query = query.bind(write.mailbox.uuid()).bind(write.kind.label()).bind(*key).bind(write.id);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Who set which field: what did not change keeps its origin.
fn provenance<R: Record>(
    record: &R,
    body: Option<String>,
    provenance: Option<String>,
    by: &FieldOrigin,
) -> Result<String, StoreError> {
    let before: Option<R> = body.as_deref().map(parse).transpose()?;
    let mut known: BTreeMap<String, FieldOrigin> =
        provenance.as_deref().map(parse).transpose()?.unwrap_or_default();
    for field in R::fields() {
        let same = match &before {
            Some(before) => record.same(before, *field),
            None => record.canonical(*field).is_empty(),
        };
        if !same {
            known.insert(field.to_string(), by.clone());
        }
    }
    json(&known)
}

async fn remove(conn: &mut Conn, write: &RecordWrite, seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE record SET body = NULL, uid = NULL, seq = $2 WHERE id = $1 AND body IS NOT NULL";
    let done = sqlx::query::<Db>(sql).bind(write.id).bind(seq).execute(conn).await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let (noun, plural) = match write.kind {
        RecordKind::Contacts => ("contact", "contacts"),
        RecordKind::Calendar => ("event", "events"),
    };
    Err(StoreError::Conflict(Refusal::permanent(
        &format!("unknown-{noun}"),
        format!("there is no {noun} {}", printed(write.kind, write.id)),
        format!("check the id; tieline {noun} list shows a mailbox's {plural}"),
    )))
}

pub(crate) async fn one<R: Record>(conn: &mut Conn, id: Uuid) -> Result<Option<StoredRecord<R>>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM record WHERE id = $1 AND kind = $2 AND body IS NOT NULL");
    let row = sqlx::query_as::<Db, Row>(sql).bind(id).bind(R::KIND.label()).fetch_optional(conn).await?;
    row.map(stored).transpose()
}

pub(crate) async fn list<R: Record>(
    conn: &mut Conn,
    mailbox: MailboxId,
    filter: &RecordFilter,
    limit: u32,
) -> Result<Vec<StoredRecord<R>>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM record WHERE mailbox = $1 AND kind = $2 AND body IS NOT NULL AND ($3 IS NULL OR uid = $3)
          AND ($4 IS NULL OR sort LIKE $4 ESCAPE '!') AND ($5 IS NULL OR start_ms IS NULL OR start_ms < $5)
          AND ($6 IS NULL OR end_ms IS NULL OR end_ms > $6)
          AND ($7 IS NULL OR sort > $7 OR (sort = $7 AND id > $8)) ORDER BY sort, id LIMIT $9"
    );
    let pattern = filter.search.as_deref().map(|search| {
        let search = search.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
        format!("%{search}%")
    });
    let (from, to) = filter.between.unzip();
    let (sort, id) = filter.after.clone().unzip();
    let rows = sqlx::query_as::<Db, Row>(sql)
        .bind(mailbox.uuid())
        .bind(R::KIND.label())
        .bind(&filter.uid)
        .bind(pattern)
        .bind(to.map(Timestamp::as_millisecond))
        .bind(from.map(Timestamp::as_millisecond))
        .bind(sort)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(stored).collect()
}

pub(crate) async fn count_of(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM record WHERE mailbox = $1 AND kind = $2 AND body IS NOT NULL";
    let query = sqlx::query_scalar::<Db, i64>(sql).bind(mailbox.uuid()).bind(kind.label());
    Ok(natural(query.fetch_one(conn).await?))
}

pub(crate) async fn changes(
    conn: &mut Conn,
    mailbox: MailboxId,
    kind: RecordKind,
    after: i64,
    limit: u32,
) -> Result<Vec<RecordChange>, StoreError> {
    let sql =
        "SELECT seq, id, version, body IS NULL FROM record WHERE mailbox = $1 AND kind = $2 AND seq > $3
               ORDER BY seq LIMIT $4";
    let rows = sqlx::query_as::<Db, (i64, Uuid, Uuid, bool)>(sql)
        .bind(mailbox.uuid())
        .bind(kind.label())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    let change = |(seq, id, version, gone): (i64, Uuid, Uuid, bool)| RecordChange {
        seq,
        id,
        version: (!gone).then_some(version),
    };
    Ok(rows.into_iter().map(change).collect())
}

/// Entries that have one of these keys now.
pub(crate) async fn by_keys<R: Record>(
    conn: &mut Conn,
    mailbox: MailboxId,
    keys: &[String],
) -> Result<Vec<StoredRecord<R>>, StoreError> {
    let keys: Vec<String> = keys.iter().map(|key| storable(key)).collect();
    let sql = concat!(
        "SELECT DISTINCT ",
        columns!(),
        " FROM record JOIN (SELECT record FROM record_key WHERE record_key.mailbox = $1 AND record_key.kind = $2 AND ",
        listed!("key", "$3"),
        ") AS known ON known.record = record.id WHERE body IS NOT NULL ORDER BY id"
    );
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(R::KIND.label()).bind(json(&keys)?);
    query.fetch_all(conn).await?.into_iter().map(stored).collect()
}

/// Forgets a mailbox's entries, which are all gone.
pub(crate) async fn forget(conn: &mut Conn, mailbox: MailboxId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM record_key WHERE mailbox = $1",
        "DELETE FROM record WHERE mailbox = $1",
        "DELETE FROM picture WHERE mailbox = $1",
        "DELETE FROM record_counter WHERE mailbox = $1",
    ] {
        sqlx::query::<Db>(sql).bind(mailbox.uuid()).execute(&mut *conn).await?;
    }
    Ok(())
}
