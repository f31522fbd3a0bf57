//! Contacts, as JSON and as vCard.

mod change;
mod create;
mod export;
mod import;
mod list;
mod photo;
mod refresh;
mod remove;
mod save;
mod schema;
mod show;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use serde::Serialize;
use serde_json::Value;
use tieline_model::{Contact, RecordKind};
use tieline_store::StoredRecord;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::records::{Head, id_of};
use super::{mailboxes, records, unknown};
use crate::problem::Refused;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(export::export))
        .routes(routes!(save::save))
        .routes(routes!(refresh::refresh))
        .routes(routes!(photo::photo))
        .routes(routes!(show::show, change::change, remove::remove))
}

/// The address that takes vCard files, with a limit of its own.
pub(in crate::api) fn upload() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(import::import))
        .layer(DefaultBodyLimit::max(tieline_interchange::MOST_BYTES))
}

/// A contact.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContactView {
    #[serde(flatten)]
    head: Head,
    /// Its fields.
    #[schema(value_type = schema::Contact)]
    contact: Value,
}

impl ContactView {
    fn new(stored: &StoredRecord<Contact>) -> Self {
        Self { head: Head::new(stored), contact: serde_json::to_value(&stored.record).unwrap_or_default() }
    }
}

/// The members of a body.
const MEMBERS: [&str; 32] = [
    "uid",
    "form",
    "file_as",
    "display_name",
    "title",
    "given_name",
    "middle_name",
    "surname",
    "suffix",
    "nickname",
    "initials",
    "phonetic_given_name",
    "phonetic_surname",
    "company",
    "department",
    "job_title",
    "office",
    "profession",
    "manager",
    "assistant_name",
    "spouse",
    "web_page",
    "mails",
    "ims",
    "phones",
    "addresses",
    "members",
    "birthday",
    "anniversary",
    "notes",
    "categories",
    "sensitivity",
];

async fn find(web: &Web, reference: &str) -> Result<StoredRecord<Contact>, Refused> {
    let id = id_of(RecordKind::Contacts, reference).ok_or_else(|| unknown("contact", reference))?;
    web.store.record::<Contact>(id).await?.ok_or_else(|| unknown("contact", reference))
}
