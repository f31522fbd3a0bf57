//! Endpoints, feature groups, mailboxes: read, and changed by change sets.

use jiff::Timestamp;
use serde_json::{Value, json as object};
use tieline_model::{
    Endpoint, EndpointId, FeatureGroup, FeatureGroupId, Mailbox, MailboxId, QuickCallTargetId, Refusal,
    SmtpAddress,
};
use uuid::Uuid;

use super::{Conn, Db, change_set, event, mailbox as kept, quick_call};
use crate::column::{json, parse, unknown};
use crate::{Change, Configure, Edit, MailboxFilter, NewEvent, Noun, StoreError};

/// Carries a change set out. Gives the new version, if anything changed, and what a person should know.
pub(crate) async fn configure(
    conn: &mut Conn,
    configure: &Configure,
    at: Timestamp,
) -> Result<(Option<i64>, Vec<Refusal>), StoreError> {
    let present = change_set::version(conn).await?;
    if let Some(base) = configure.base
        && base != present
    {
        return Err(StoreError::conflict(
            "configuration-changed",
            format!("the configuration was changed meanwhile: it is at version {present}, not {base}"),
            "look at the present configuration and save again; leave version out of a document of another server",
        ));
    }
    let edits = ordered(&configure.edits)?;
    free_names(conn, &edits).await?;
    let (mut changes, mut warnings) = (Vec::new(), Vec::new());
    for edit in &edits {
        let change = carry_out(conn, edit, &mut warnings).await?;
        changes.extend((change.before != change.after).then_some(change));
    }
    if changes.is_empty() {
        return Ok((None, warnings));
    }
    let version = present + 1;
    change_set::put(conn, version, configure, &changes, at).await?;
    let entries: Vec<&str> = changes.iter().map(|change| change.id.as_str()).collect();
    let payload = object!({ "version": version, "author": configure.author, "entries": entries });
    let told = NewEvent { topic: "config".to_owned(), subject: format!("config/{version}"), payload };
    event::put(conn, &told, at).await?;
    Ok((Some(version), warnings))
}

/// The order in which no reference leads nowhere in between: what is referred to comes first and goes last.
fn ordered(edits: &[Edit]) -> Result<Vec<&Edit>, StoreError> {
    let rank = |edit: &Edit| match edit {
        Edit::DeleteMailbox(_) => 0,
        Edit::PutEndpoint(_) => 1,
        Edit::PutFeatureGroup(_) => 2,
        Edit::PutMailbox(_) => 3,
        Edit::DeleteFeatureGroup(_) => 4,
        Edit::DeleteEndpoint(_) => 5,
        Edit::PutQuickCallTarget(_) | Edit::DeleteQuickCallTarget(_) => 6,
    };
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| rank(edit));
    let mut keys: Vec<(Noun, String)> = edits.iter().map(Edit::key).collect();
    keys.sort();
    match keys.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        Some([(noun, id), ..]) => Err(StoreError::conflict(
            "edited-twice",
            format!("the {} {id} is changed twice at once", noun.label()),
            "keep one of the two changes",
        )),
        _ => Ok(ordered),
    }
}

/// Lets go of the names of all that is about to be saved or removed, so that two entries may swap theirs, and one may take
/// the place of another.
async fn free_names(conn: &mut Conn, edits: &[&Edit]) -> Result<(), StoreError> {
    if edits.len() < 2 {
        return Ok(());
    }
    for edit in edits {
        let (sql, id) = match edit {
            Edit::PutEndpoint(endpoint) => {
                ("UPDATE endpoint SET name = NULL WHERE id = $1", endpoint.id.uuid())
            }
            Edit::PutFeatureGroup(group) => {
                ("UPDATE feature_group SET name = NULL WHERE id = $1", group.id.uuid())
            }
            Edit::PutMailbox(mailbox) => {
                ("UPDATE mailbox SET number = NULL, address = NULL WHERE id = $1", mailbox.id.uuid())
            }
            Edit::PutQuickCallTarget(target) => {
                ("UPDATE quick_call_target SET name = NULL WHERE id = $1", target.id.uuid())
            }
            Edit::DeleteEndpoint(id) => ("UPDATE endpoint SET name = NULL WHERE id = $1", id.uuid()),
            Edit::DeleteFeatureGroup(id) => ("UPDATE feature_group SET name = NULL WHERE id = $1", id.uuid()),
            Edit::DeleteQuickCallTarget(id) => {
                ("UPDATE quick_call_target SET name = NULL WHERE id = $1", id.uuid())
            }
            // Mailboxes are removed before others are saved.
            Edit::DeleteMailbox(_) => continue,
        };
        sqlx::query::<Db>(sql).bind(id).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn carry_out(conn: &mut Conn, edit: &Edit, warnings: &mut Vec<Refusal>) -> Result<Change, StoreError> {
    let (noun, id) = edit.key();
    let before = match edit {
        Edit::PutEndpoint(endpoint) => {
            warnings.extend(same_server(conn, endpoint).await?);
            put_endpoint(conn, endpoint).await?
        }
        Edit::PutFeatureGroup(group) => put_feature_group(conn, group).await?,
        Edit::PutMailbox(mailbox) => put_mailbox(conn, mailbox).await?,
        Edit::DeleteEndpoint(id) => delete_endpoint(conn, *id).await?,
        Edit::DeleteFeatureGroup(id) => delete_feature_group(conn, *id).await?,
        Edit::DeleteMailbox(id) => delete_mailbox(conn, *id).await?,
        Edit::PutQuickCallTarget(target) => quick_call::put(conn, target).await?,
        Edit::DeleteQuickCallTarget(id) => quick_call::delete(conn, *id).await?,
    };
    let after = edit.entry()?;
    Ok(Change { noun, id, before, after })
}

/// Another endpoint on the same host is allowed, since editing the old entry and making a new one both must work, but
/// a person should know (AV-33).
async fn same_server(conn: &mut Conn, endpoint: &Endpoint) -> Result<Option<Refusal>, StoreError> {
    let sql = "SELECT body FROM endpoint WHERE host = $1 AND id <> $2 ORDER BY name LIMIT 1";
    let query = sqlx::query_scalar::<Db, String>(sql).bind(endpoint.address.host());
    let Some(body) = query.bind(endpoint.id.uuid()).fetch_optional(conn).await? else { return Ok(None) };
    let other: Endpoint = parse(&body)?;
    let what = format!("{} and {} are the same server, {}", other.name, endpoint.name, endpoint.address);
    let next = format!(
        "use one of them in every feature group and delete the other, unless both are wanted ({})",
        {
            if other.port == endpoint.port {
                format!("both at port {}", other.port)
            } else {
                format!("ports {} and {}", other.port, endpoint.port)
            }
        }
    );
    Ok(Some(Refusal::operator("same-server", what, next)))
}

/// The entry before, by its id.
pub(crate) async fn stored(
    conn: &mut Conn,
    sql: &'static str,
    id: Uuid,
) -> Result<Option<Value>, StoreError> {
    let body = sqlx::query_scalar::<Db, String>(sql).bind(id).fetch_optional(conn).await?;
    body.as_deref().map(parse).transpose()
}

/// Refuses a name that another entry has.
pub(crate) async fn unique(
    conn: &mut Conn,
    sql: &'static str,
    key: &str,
    id: Uuid,
    noun: Noun,
    what: &str,
) -> Result<(), StoreError> {
    let taken = sqlx::query_scalar::<Db, Uuid>(sql).bind(key).bind(id).fetch_optional(conn).await?;
    let Some(taken) = taken else { return Ok(()) };
    let other = match noun {
        Noun::Endpoint => EndpointId::from_uuid(taken).to_string(),
        Noun::FeatureGroup => FeatureGroupId::from_uuid(taken).to_string(),
        Noun::Mailbox => MailboxId::from_uuid(taken).to_string(),
        Noun::QuickCallTarget => QuickCallTargetId::from_uuid(taken).to_string(),
    };
    Err(StoreError::conflict(
        &format!("duplicate-{what}"),
        format!("another {} has the {what} {key:?} ({other})", noun.label()),
        format!("choose another {what}, or edit that {}", noun.label()),
    ))
}

async fn put_endpoint(conn: &mut Conn, endpoint: &Endpoint) -> Result<Option<Value>, StoreError> {
    let id = endpoint.id.uuid();
    let sql = "SELECT id FROM endpoint WHERE name = $1 AND id <> $2";
    unique(conn, sql, &endpoint.name, id, Noun::Endpoint, "name").await?;
    let before = stored(conn, "SELECT body FROM endpoint WHERE id = $1", id).await?;
    let sql = "INSERT INTO endpoint (id, name, host, body) VALUES ($1, $2, $3, $4)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, host = excluded.host, body = excluded.body";
    let query = sqlx::query::<Db>(sql).bind(id).bind(&endpoint.name).bind(endpoint.address.host());
    query.bind(json(endpoint)?).execute(conn).await?;
    Ok(before)
}

async fn put_feature_group(conn: &mut Conn, group: &FeatureGroup) -> Result<Option<Value>, StoreError> {
    let id = group.id.uuid();
    if endpoint(conn, group.endpoint).await?.is_none() {
        return Err(unknown("endpoint", group.endpoint));
    }
    let sql = "SELECT id FROM feature_group WHERE name = $1 AND id <> $2";
    unique(conn, sql, &group.name, id, Noun::FeatureGroup, "name").await?;
    let before = stored(conn, "SELECT body FROM feature_group WHERE id = $1", id).await?;
    let sql = "INSERT INTO feature_group (id, name, endpoint, body) VALUES ($1, $2, $3, $4)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, endpoint = excluded.endpoint, body = excluded.body";
    let query = sqlx::query::<Db>(sql).bind(id).bind(&group.name).bind(group.endpoint.uuid());
    query.bind(json(group)?).execute(conn).await?;
    Ok(before)
}

async fn put_mailbox(conn: &mut Conn, mailbox: &Mailbox) -> Result<Option<Value>, StoreError> {
    let id = mailbox.id.uuid();
    if feature_group(conn, mailbox.feature_group).await?.is_none() {
        return Err(unknown("feature group", mailbox.feature_group));
    }
    let sql = "SELECT id FROM mailbox WHERE number = $1 AND id <> $2";
    unique(conn, sql, &mailbox.number, id, Noun::Mailbox, "number").await?;
    let sql = "SELECT id FROM mailbox WHERE address = $1 AND id <> $2";
    unique(conn, sql, &mailbox.address.key(), id, Noun::Mailbox, "address").await?;
    let before = stored(conn, "SELECT body FROM mailbox WHERE id = $1", id).await?;
    let sql = "INSERT INTO mailbox (id, number, address, feature_group, body) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (id) DO UPDATE SET number = excluded.number, address = excluded.address,
                   feature_group = excluded.feature_group, body = excluded.body";
    let query = sqlx::query::<Db>(sql).bind(id).bind(&mailbox.number).bind(mailbox.address.key());
    query.bind(mailbox.feature_group.uuid()).bind(json(mailbox)?).execute(conn).await?;
    Ok(before)
}

/// Refuses to remove what something else refers to.
async fn unused(
    conn: &mut Conn,
    sql: &'static str,
    id: Uuid,
    what: &str,
    user: &str,
) -> Result<(), StoreError> {
    let (count, first) = sqlx::query_as::<Db, (i64, Option<String>)>(sql).bind(id).fetch_one(conn).await?;
    if count == 0 {
        return Ok(());
    }
    let first = first.unwrap_or_default();
    let others = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Err(StoreError::conflict(
        "in-use",
        format!("{what} is used by the {user} {first}{others}"),
        format!("let each {user} refer to another one first"),
    ))
}

async fn delete_endpoint(conn: &mut Conn, id: EndpointId) -> Result<Option<Value>, StoreError> {
    let before = stored(conn, "SELECT body FROM endpoint WHERE id = $1", id.uuid()).await?;
    let before = before.ok_or_else(|| unknown("endpoint", id))?;
    let what = format!("the endpoint {}", label(&before, "name"));
    let sql = "SELECT COUNT(*), MIN(name) FROM feature_group WHERE endpoint = $1";
    unused(conn, sql, id.uuid(), &what, "feature group").await?;
    sqlx::query::<Db>("DELETE FROM endpoint WHERE id = $1").bind(id.uuid()).execute(conn).await?;
    Ok(Some(before))
}

async fn delete_feature_group(conn: &mut Conn, id: FeatureGroupId) -> Result<Option<Value>, StoreError> {
    let before = stored(conn, "SELECT body FROM feature_group WHERE id = $1", id.uuid()).await?;
    let before = before.ok_or_else(|| unknown("feature group", id))?;
    let what = format!("the feature group {}", label(&before, "name"));
    let sql = "SELECT COUNT(*), MIN(number) FROM mailbox WHERE feature_group = $1";
    unused(conn, sql, id.uuid(), &what, "mailbox").await?;
    sqlx::query::<Db>("DELETE FROM feature_group WHERE id = $1").bind(id.uuid()).execute(conn).await?;
    Ok(Some(before))
}

async fn delete_mailbox(conn: &mut Conn, id: MailboxId) -> Result<Option<Value>, StoreError> {
    let before = stored(conn, "SELECT body FROM mailbox WHERE id = $1", id.uuid()).await?;
    let before = before.ok_or_else(|| unknown("mailbox", id))?;
    let sql = "SELECT COUNT(*) FROM message WHERE mailbox = $1";
    let messages = sqlx::query_scalar::<Db, i64>(sql).bind(id.uuid()).fetch_one(&mut *conn).await?;
    if messages > 0 {
        return Err(StoreError::conflict(
            "mailbox-holds-messages",
            format!("the mailbox {} holds {messages} messages", label(&before, "number")),
            "disable it instead: nothing is delivered then and nothing is lost",
        ));
    }
    let sql = "SELECT COUNT(*) FROM record WHERE mailbox = $1 AND body IS NOT NULL";
    let records = sqlx::query_scalar::<Db, i64>(sql).bind(id.uuid()).fetch_one(&mut *conn).await?;
    if records > 0 {
        return Err(StoreError::conflict(
            "mailbox-holds-records",
            format!("the mailbox {} holds {records} contacts and events", label(&before, "number")),
            "disable it instead, or remove its contacts and events first",
        ));
    }
    kept::forget(conn, id).await?;
    sqlx::query::<Db>("DELETE FROM mailbox WHERE id = $1").bind(id.uuid()).execute(conn).await?;
    Ok(Some(before))
}

fn label<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or("without a name")
}

/// One entry's body, parsed.
async fn one<T: serde::de::DeserializeOwned>(
    conn: &mut Conn,
    sql: &'static str,
    id: Uuid,
) -> Result<Option<T>, StoreError> {
    let body = sqlx::query_scalar::<Db, String>(sql).bind(id).fetch_optional(conn).await?;
    body.as_deref().map(parse).transpose()
}

/// One entry's body by a textual key, parsed.
async fn by_key<T: serde::de::DeserializeOwned>(
    conn: &mut Conn,
    sql: &'static str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let body = sqlx::query_scalar::<Db, String>(sql).bind(key).fetch_optional(conn).await?;
    body.as_deref().map(parse).transpose()
}

async fn all<T: serde::de::DeserializeOwned>(
    conn: &mut Conn,
    sql: &'static str,
) -> Result<Vec<T>, StoreError> {
    let bodies = sqlx::query_scalar::<Db, String>(sql).fetch_all(conn).await?;
    bodies.iter().map(|body| parse(body)).collect()
}

pub(crate) async fn endpoints(conn: &mut Conn) -> Result<Vec<Endpoint>, StoreError> {
    all(conn, "SELECT body FROM endpoint ORDER BY name").await
}

pub(crate) async fn endpoint(conn: &mut Conn, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
    one(conn, "SELECT body FROM endpoint WHERE id = $1", id.uuid()).await
}

pub(crate) async fn endpoint_by_name(conn: &mut Conn, name: &str) -> Result<Option<Endpoint>, StoreError> {
    by_key(conn, "SELECT body FROM endpoint WHERE name = $1", name).await
}

pub(crate) async fn feature_groups(conn: &mut Conn) -> Result<Vec<FeatureGroup>, StoreError> {
    all(conn, "SELECT body FROM feature_group ORDER BY name").await
}

pub(crate) async fn feature_group(
    conn: &mut Conn,
    id: FeatureGroupId,
) -> Result<Option<FeatureGroup>, StoreError> {
    one(conn, "SELECT body FROM feature_group WHERE id = $1", id.uuid()).await
}

pub(crate) async fn feature_group_by_name(
    conn: &mut Conn,
    name: &str,
) -> Result<Option<FeatureGroup>, StoreError> {
    by_key(conn, "SELECT body FROM feature_group WHERE name = $1", name).await
}

pub(crate) async fn mailboxes(
    conn: &mut Conn,
    filter: &MailboxFilter,
    limit: u32,
) -> Result<Vec<Mailbox>, StoreError> {
    let sql =
        "SELECT body FROM mailbox WHERE ($1 IS NULL OR feature_group = $1) AND ($2 IS NULL OR number > $2)
               ORDER BY number LIMIT $3";
    let bodies = sqlx::query_scalar::<Db, String>(sql)
        .bind(filter.feature_group.map(FeatureGroupId::uuid))
        .bind(&filter.after)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    bodies.iter().map(|body| parse(body)).collect()
}

pub(crate) async fn mailbox(conn: &mut Conn, id: MailboxId) -> Result<Option<Mailbox>, StoreError> {
    one(conn, "SELECT body FROM mailbox WHERE id = $1", id.uuid()).await
}

pub(crate) async fn mailbox_by_number(conn: &mut Conn, number: &str) -> Result<Option<Mailbox>, StoreError> {
    by_key(conn, "SELECT body FROM mailbox WHERE number = $1", number).await
}

pub(crate) async fn mailbox_by_address(
    conn: &mut Conn,
    address: &SmtpAddress,
) -> Result<Option<Mailbox>, StoreError> {
    by_key(conn, "SELECT body FROM mailbox WHERE address = $1", &address.key()).await
}
