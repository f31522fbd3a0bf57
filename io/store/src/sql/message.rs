//! Messages. The message itself is JSON in `body`; the state in its column is the one that holds.

use jiff::Timestamp;
use tieline_model::{DeliveryKey, MailboxId, Message, MessageId, MessageState};
use uuid::Uuid;

use super::{Conn, Db, content};
use crate::column::{count, json, or_unknown, parse, small, time, unknown, word};
use crate::{Accepted, Content, KindCounts, MessageFilter, StateOrigin, StoreError, StoredMessage};

macro_rules! columns {
    () => {
        "body, state, state_by, state_ms, accepted_ms, delivered_ms, purged_ms"
    };
}

type Row = (String, String, Option<String>, Option<i64>, i64, Option<i64>, Option<i64>);

fn stored(row: Row) -> Result<StoredMessage, StoreError> {
    let (body, state, state_by, state_ms, accepted_ms, delivered_ms, purged_ms) = row;
    let message: Message = parse(&body)?;
    let state_by = match (state_by, state_ms) {
        (Some(by), Some(ms)) => Some((word(StateOrigin::from_name(&by), &by)?, time(ms)?)),
        _ => None,
    };
    Ok(StoredMessage {
        message: Message { state: message_state(&state)?, ..message },
        accepted: time(accepted_ms)?,
        delivered: delivered_ms.map(time).transpose()?,
        state_by,
        purged: purged_ms.map(time).transpose()?,
    })
}

fn message_state(name: &str) -> Result<MessageState, StoreError> {
    let states = [MessageState::Unread, MessageState::Read, MessageState::Deleted];
    word(states.into_iter().find(|state| state.name() == name), name)
}

pub(crate) async fn accept(
    conn: &mut Conn,
    message: &Message,
    content: &Content,
    at: Timestamp,
) -> Result<Accepted, StoreError> {
    let sql = "INSERT INTO message (id, mailbox, kind, state, source_id, delivery_key, trace, received_ms, accepted_ms,
                                    size, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let done = sqlx::query::<Db>(sql)
        .bind(message.id.uuid())
        .bind(message.mailbox.uuid())
        .bind(message.kind.name())
        .bind(message.state.name())
        .bind(&message.source_id)
        .bind(message.delivery_key.uuid())
        .bind(message.trace.uuid())
        .bind(message.received.as_millisecond())
        .bind(at.as_millisecond())
        .bind(count(message.size))
        .bind(json(message)?)
        .execute(&mut *conn)
        .await
        .map_err(|error| or_unknown(error.into(), "mailbox", message.mailbox))?;
    if done.rows_affected() == 0 {
        return standing(conn, message).await.map(Accepted::Standing);
    }
    match content {
        Content::None => {}
        Content::Inline(parts) => {
            // Nothing may be left of an attempt to stage the same message.
            content::put(conn, message.id, parts).await?;
        }
        Content::Staged(staged) if staged.message == message.id => {
            content::adopt(conn, message.id, staged.size).await?;
        }
        Content::Staged(staged) => {
            return Err(StoreError::conflict(
                "content-of-another",
                format!("the content was staged for {}, not for {}", staged.message, message.id),
                "stage it for the message's own id",
            ));
        }
    }
    Ok(Accepted::New(message.id))
}

/// The message that keeps a new one out.
async fn standing(conn: &mut Conn, message: &Message) -> Result<MessageId, StoreError> {
    let sql = "SELECT id FROM message WHERE id = $1 OR (mailbox = $2 AND source_id = $3)";
    let found = sqlx::query_scalar::<Db, Uuid>(sql)
        .bind(message.id.uuid())
        .bind(message.mailbox.uuid())
        .bind(&message.source_id)
        .fetch_optional(conn)
        .await?;
    found.map(MessageId::from_uuid).ok_or_else(|| {
        StoreError::conflict(
            "delivery-key-taken",
            format!("another message has the mark {}", message.delivery_key),
            "draw a mark of its own for each message",
        )
    })
}

pub(crate) async fn set_state(
    conn: &mut Conn,
    message: MessageId,
    state: MessageState,
    by: StateOrigin,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE message SET state = $2, state_by = $3, state_ms = $4 WHERE id = $1";
    let done = sqlx::query::<Db>(sql)
        .bind(message.uuid())
        .bind(state.name())
        .bind(by.name())
        .bind(at.as_millisecond())
        .execute(conn)
        .await?;
    if done.rows_affected() == 0 { Err(unknown("message", message)) } else { Ok(()) }
}

pub(crate) async fn one(conn: &mut Conn, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM message WHERE id = $1");
    let row = sqlx::query_as::<Db, Row>(sql).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(stored).transpose()
}

pub(crate) async fn by_key(conn: &mut Conn, key: DeliveryKey) -> Result<Option<StoredMessage>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM message WHERE delivery_key = $1");
    let row = sqlx::query_as::<Db, Row>(sql).bind(key.uuid()).fetch_optional(conn).await?;
    row.map(stored).transpose()
}

pub(crate) async fn by_source(
    conn: &mut Conn,
    mailbox: MailboxId,
    source_id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM message WHERE mailbox = $1 AND source_id = $2");
    let query = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).bind(source_id);
    query.fetch_optional(conn).await?.map(stored).transpose()
}

pub(crate) async fn list(
    conn: &mut Conn,
    filter: &MessageFilter,
    limit: u32,
) -> Result<Vec<StoredMessage>, StoreError> {
    // Two statements, so that a mailbox's messages are found by its index.
    let sql = match filter.mailbox {
        Some(_) => concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE mailbox = $1 AND ($2 IS NULL OR kind = $2) AND ($3 IS NULL OR state = $3)
              AND ($4 IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
        ),
        None => concat!(
            "SELECT ",
            columns!(),
            " FROM message WHERE $1 IS NULL AND ($2 IS NULL OR kind = $2) AND ($3 IS NULL OR state = $3)
              AND ($4 IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
        ),
    };
    let rows = sqlx::query_as::<Db, Row>(sql)
        .bind(filter.mailbox.map(MailboxId::uuid))
        .bind(filter.kind.map(|kind| kind.name()))
        .bind(filter.state.map(MessageState::name))
        .bind(filter.before.map(MessageId::uuid))
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(stored).collect()
}

pub(crate) async fn counts(conn: &mut Conn, mailbox: MailboxId) -> Result<KindCounts, StoreError> {
    let sql = "SELECT kind, state, COUNT(*) FROM message
               WHERE mailbox = $1 AND state IN ('unread', 'read') GROUP BY kind, state";
    let rows = sqlx::query_as::<Db, (String, String, i64)>(sql).bind(mailbox.uuid()).fetch_all(conn).await?;
    let mut counts = KindCounts::default();
    for (kind, state, number) in rows {
        let of_kind = match kind.as_str() {
            "voice" => &mut counts.voice,
            "fax" => &mut counts.fax,
            _ => &mut counts.text,
        };
        match message_state(&state)? {
            MessageState::Unread => of_kind.new = small(number),
            MessageState::Read => of_kind.old = small(number),
            MessageState::Deleted => {}
        }
    }
    Ok(counts)
}
