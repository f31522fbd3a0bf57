//! Endpoints, feature groups, mailboxes and quick-call targets as one document, and their versions.

mod apply;
mod document;
mod export;
mod restore;
mod versions;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tieline_store::Change;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(export::export, apply::apply))
        .routes(routes!(versions::versions))
        .routes(routes!(restore::restore))
}

/// What changed, field by field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changes {
    /// The version that it made; absent when nothing was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// Each field that differs.
    changes: Vec<FieldChange>,
}

/// One field that differs.
#[derive(Debug, Serialize, ToSchema)]
struct FieldChange {
    /// endpoint, feature-group, mailbox or quick-call-target.
    noun: &'static str,
    /// Its name, number or id.
    name: String,
    /// The field; empty when the whole entry was added or removed.
    field: String,
    /// Before.
    before: Value,
    /// Afterwards.
    after: Value,
}

fn field_changes(changes: &[Change]) -> Vec<FieldChange> {
    changes.iter().flat_map(fields_of).collect()
}

fn fields_of(change: &Change) -> Vec<FieldChange> {
    let entry = change.after.as_ref().or(change.before.as_ref());
    let label = entry.and_then(|e| e.get("name").or_else(|| e.get("number"))).and_then(Value::as_str);
    let name = label.unwrap_or(&change.id).to_owned();
    let row = |field: &str, before: Value, after: Value| FieldChange {
        noun: change.noun.name(),
        name: name.clone(),
        field: field.to_owned(),
        before,
        after,
    };
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (&change.before, &change.after) else {
        let added = change.after.is_some();
        let word = |present: bool| Value::from(if present { "there" } else { "absent" });
        return vec![row("", word(!added), word(added))];
    };
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| {
            let value = |of: &serde_json::Map<String, Value>| of.get(field).cloned().unwrap_or_default();
            row(field, value(before), value(after))
        })
        .collect()
}
