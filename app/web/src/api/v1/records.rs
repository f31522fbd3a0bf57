//! What contacts and events have in common on the wire: bodies that change single fields, views, pages, versions.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tieline_model::{Record, RecordKind, Refusal};
use tieline_store::{AnyRecord, FieldOrigin, IfVersion, StoredRecord, printed};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Caller;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Who set a field last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OriginView {
    /// tieline, mail, directory or import.
    from: String,
    /// Who there, as far as it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    who: String,
    /// When.
    #[schema(value_type = String)]
    at: Timestamp,
}

/// What every view of a contact or event begins with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Head {
    /// `ct_…` or `ev_…`
    id: String,
    /// `mb_…`
    mailbox: String,
    /// Changes with each write; send it as If-Match to change only this one.
    version: String,
    /// A few words for people; nothing private.
    headline: String,
    /// When it came into being here.
    created: String,
    /// When a person edited it last.
    edited: Option<String>,
    /// Who set which field.
    provenance: BTreeMap<String, OriginView>,
}

impl Head {
    pub(super) fn new<R: Record>(stored: &StoredRecord<R>) -> Self {
        let origin = |(field, origin): (&String, &FieldOrigin)| {
            let origin = origin.clone();
            (field.clone(), OriginView { from: origin.from, who: origin.who, at: origin.at })
        };
        Self {
            id: printed(R::KIND, stored.id),
            mailbox: stored.mailbox.to_string(),
            version: stored.version.simple().to_string(),
            headline: stored.record.headline(),
            created: stored.created.to_string(),
            edited: stored.edited.map(|at| at.to_string()),
            provenance: stored.provenance.iter().map(origin).collect(),
        }
    }
}

/// What was removed, and how it comes back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Removed {
    /// `dl_…`: tieline deletion restore undoes it.
    deletion: String,
}

impl Removed {
    pub(super) fn new(deletion: tieline_model::DeletionId) -> Self {
        Self { deletion: deletion.to_string() }
    }
}

/// What an import did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportReport {
    /// New entries.
    added: u64,
    /// Entries that were there with the same UID, and changed.
    changed: u64,
    /// Entries that were there already.
    same: u64,
    /// Entries that could not be taken.
    unreadable: Vec<UnreadableView>,
}

/// An entry that could not be taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreadableView {
    /// Which entry of the file, counted from 1.
    place: u64,
    /// What it calls itself.
    name: String,
    /// Why.
    reason: String,
}

/// Takes the entries of a file in.
pub(super) async fn import<R: Record + Into<AnyRecord>>(
    web: &Web,
    caller: &Caller,
    mailbox: tieline_model::MailboxId,
    read: Result<tieline_interchange::Read<R>, tieline_interchange::InterchangeError>,
) -> Result<ImportReport, Refused> {
    let read = read.map_err(|error| {
        let code = match &error {
            tieline_interchange::InterchangeError::Nothing(_) => "nothing-to-import",
            _ => "import-too-large",
        };
        Refusal::permanent(code, error.to_string(), "send a file in UTF-8, in parts if it is large")
    })?;
    let by = origin(web, caller, "import");
    let done = web.messaging.import_records(mailbox, read.entries, &by).await?;
    let unreadable = |one: tieline_interchange::Unreadable| UnreadableView {
        place: one.place as u64,
        name: one.name,
        reason: one.reason,
    };
    Ok(ImportReport {
        added: done.added,
        changed: done.changed,
        same: done.same,
        unreadable: read.unreadable.into_iter().map(unreadable).collect(),
    })
}

/// The caller as the origin of fields.
pub(super) fn origin(web: &Web, caller: &Caller, from: &str) -> FieldOrigin {
    FieldOrigin { from: from.to_owned(), who: caller.name.clone(), at: web.clock.now() }
}

/// The version that a change is for, as the header If-Match says it.
pub(super) fn if_match(headers: &HeaderMap) -> Result<IfVersion, Refused> {
    let Some(value) = headers.get("if-match") else { return Ok(IfVersion::Any) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
    match text {
        "*" => Ok(IfVersion::Any),
        _ => Uuid::try_parse(text).map(IfVersion::Is).map_err(|_| bad_request("If-Match is not a version")),
    }
}

/// The place behind which a page begins.
pub(super) fn after(text: Option<&str>) -> Result<Option<(String, Uuid)>, Refused> {
    let Some(text) = text else { return Ok(None) };
    let (id, sort) = text.split_once('~').ok_or_else(|| bad_request("after is not the next of a page"))?;
    let id = Uuid::try_parse(id).map_err(|_| bad_request("after is not the next of a page"))?;
    if sort.contains('\0') {
        return Err(bad_request("after is not the next of a page"));
    }
    Ok(Some((sort.to_owned(), id)))
}

/// What to send as `after` for the next page.
pub(super) fn next<R>(page: &[StoredRecord<R>], limit: u32) -> Option<String> {
    let full = page.len() == limit as usize;
    page.last().filter(|_| full).map(|last| format!("{}~{}", last.id.simple(), last.sort))
}

/// What is looked for.
pub(super) fn search(text: Option<String>) -> Result<Option<String>, Refused> {
    match text {
        Some(text) if text.len() > 200 || text.contains('\0') => {
            Err(bad_request("the search is longer than 200 bytes, or holds control characters"))
        }
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}

/// A printed id of this kind.
pub(super) fn id_of(kind: RecordKind, text: &str) -> Option<Uuid> {
    match kind {
        RecordKind::Contacts => text.parse::<tieline_model::ContactId>().ok().map(|id| id.uuid()),
        RecordKind::Calendar => text.parse::<tieline_model::EventId>().ok().map(|id| id.uuid()),
    }
}

/// Lays a body over what there is (RFC 7396): what is left out stays, null removes, objects go member by member.
pub(super) fn merged<R: Record>(
    before: &R,
    body: Map<String, Value>,
    members: &[&str],
) -> Result<R, Refused> {
    if let Some(unknown) = body.keys().find(|key| !members.contains(&key.as_str())) {
        let shown: String = unknown.chars().take(80).collect();
        return Err(bad_request(format!("there is no member {shown:?}")));
    }
    let mut value = serde_json::to_value(before).map_err(|error| bad_request(error.to_string()))?;
    merge(&mut value, Value::Object(body));
    let merged =
        R::deserialize(value).map_err(|error| bad_request(format!("the body is not understood: {error}")))?;
    if R::fields().iter().any(|field| merged.canonical(*field).len() > LONGEST) {
        return Err(bad_request(format!("a field is longer than {LONGEST} bytes")));
    }
    Ok(merged)
}

/// The longest value of one field, in bytes.
const LONGEST: usize = 256 << 10;

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            members.remove(&key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// A body whose members are checked against a list, so that a mistyped one is not ignored.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Members(pub(super) Map<String, Value>);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tieline_model::{Contact, PhoneKind};

    #[test]
    fn a_body_changes_what_it_names_and_nothing_else() {
        let mut before = Contact { given_name: "Alice".into(), surname: "A".into(), ..Contact::default() };
        before.phones.insert(PhoneKind::Home, "1".into());
        let body = |body: Value| body.as_object().cloned().unwrap();
        let patch = body(json!({"surname": null, "phones": {"mobile": "2", "home": null}, "company": "X"}));
        let after = merged(&before, patch, &["surname", "phones", "company"]).unwrap();
        assert_eq!(
            (after.given_name.as_str(), after.surname.as_str(), after.company.as_str()),
            ("Alice", "", "X")
        );
        assert_eq!(after.phones.into_iter().collect::<Vec<_>>(), [(PhoneKind::Mobile, "2".to_owned())]);
        assert!(merged(&before, body(json!({"givenname": "x"})), &["given_name"]).is_err());
        assert!(merged(&before, body(json!({"phones": {"mobil": "x"}})), &["phones"]).is_err());
    }
}
