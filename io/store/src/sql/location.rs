//! Where a mailbox's user is.

use jiff::Timestamp;
use tieline_model::MailboxId;

use super::{Conn, Db};
use crate::column::{json, parse, time};
use crate::{LocationEntry, LocationWrite, StoreError};

pub(crate) async fn write(conn: &mut Conn, change: &LocationWrite, at: Timestamp) -> Result<(), StoreError> {
    match change {
        LocationWrite::Said { mailbox, body } => {
            let sql = "INSERT INTO location (mailbox, said) VALUES ($1, $2)
                       ON CONFLICT (mailbox) DO UPDATE SET said = excluded.said";
            let body = body.as_ref().map(json).transpose()?;
            sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(body).execute(conn).await?;
        }
        LocationWrite::Shown { mailbox, body } => {
            let sql = "INSERT INTO location (mailbox, shown, shown_ms) VALUES ($1, $2, $3)
                       ON CONFLICT (mailbox) DO UPDATE SET shown = excluded.shown, shown_ms = excluded.shown_ms";
            let query = sqlx::query::<Db>(sql).bind(mailbox.uuid()).bind(json(body)?);
            query.bind(at.as_millisecond()).execute(conn).await?;
        }
    }
    Ok(())
}

type Row = (Option<String>, Option<String>, Option<i64>);

pub(crate) async fn entry(conn: &mut Conn, mailbox: MailboxId) -> Result<LocationEntry, StoreError> {
    let sql = "SELECT said, shown, shown_ms FROM location WHERE mailbox = $1";
    let row = sqlx::query_as::<Db, Row>(sql).bind(mailbox.uuid()).fetch_optional(conn).await?;
    let Some((said, shown, shown_ms)) = row else { return Ok(LocationEntry::default()) };
    let shown = match (shown, shown_ms) {
        (Some(shown), Some(at_ms)) => Some((parse(&shown)?, time(at_ms)?)),
        _ => None,
    };
    Ok(LocationEntry { said: said.map(|said| parse(&said)).transpose()?, shown })
}
