//! Version 1 of the REST API: a folder a resource, a file a verb.

pub(super) mod calendar;
pub(crate) mod conference;
pub(super) mod config;
pub(super) mod contacts;
pub(super) mod deletions;
pub(super) mod endpoints;
pub(super) mod events;
pub(super) mod explain;
pub(super) mod feature_groups;
pub(super) mod mailboxes;
pub(crate) mod meeting_rooms;
pub(crate) mod meetings;
pub(super) mod messages;
pub(super) mod quick_call;
mod records;
pub(super) mod reload;
pub(crate) mod schema;
pub(super) mod secrets;
pub(super) mod snapshots;
pub(super) mod status;
mod sync;
pub(super) mod tokens;
pub(super) mod trust;
pub(super) mod users;

use std::sync::Arc;

use serde::Serialize;
use tieline_model::Refusal;
use tieline_store::{Batch, Configure, Edit, Receipt, Write};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .merge(endpoints::routes())
        .merge(feature_groups::routes())
        .merge(mailboxes::routes())
        .merge(messages::routes())
        .merge(quick_call::routes())
        .merge(calendar::routes())
        .merge(contacts::routes())
        .merge(deletions::routes())
        .merge(snapshots::routes())
        .merge(sync::routes())
        .merge(conference::routes())
        .merge(meeting_rooms::routes())
        .merge(meetings::routes())
        .merge(config::routes())
        .merge(tokens::routes())
        .merge(trust::routes())
        .merge(secrets::routes())
        .merge(users::routes())
        .routes(routes!(explain::explain))
        .routes(routes!(status::status))
        .routes(routes!(reload::reload))
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// The entries of this page.
    items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T: ToSchema> List<T> {
    const fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// The largest page of a list.
const PAGE: u32 = 500;

/// How many entries a page holds, as asked or as usual.
fn page_size(asked: Option<u32>, usual: u32) -> Result<u32, Refused> {
    let size = asked.unwrap_or(usual);
    if (1..=PAGE).contains(&size) {
        Ok(size)
    } else {
        Err(bad_request(format!("limit is not from 1 to {PAGE}")))
    }
}

impl Web {
    /// Saves one change of the configuration as a new version.
    async fn configure(&self, caller: &Caller, note: String, edits: Vec<Edit>) -> Result<Receipt, Refused> {
        let configure = Configure { author: caller.name.clone(), note, base: None, edits };
        Ok(self.store.commit(Batch::new(self.clock.now()).with(Write::Configure(configure))).await?)
    }
}

/// Nothing has this name or id.
fn unknown(noun: &str, reference: &str) -> Refused {
    let slug = noun.replace(' ', "-");
    let shown: String = reference.chars().take(80).collect();
    Refusal::permanent(
        &format!("unknown-{slug}"),
        format!("there is no {noun} {shown:?}"),
        format!("tieline {slug} list"),
    )
    .into()
}

/// A name that people must be able to type and read.
pub(crate) fn check_name(noun: &str, name: &str) -> Result<(), Refused> {
    let chars = name.chars().count();
    if (1..=80).contains(&chars) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let what = format!("{:?} is not a name for {noun}", name.chars().take(80).collect::<String>());
    Err(Refusal::permanent("bad-name", what, "choose 1 to 80 characters, without spaces around them").into())
}
