//! Deletions of contacts and events that can be undone.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tieline_store::Deletion;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, mailboxes, page_size, records, unknown};
use crate::access::Caller;
use crate::extract::{Asked, Segment};
use crate::problem::Refused;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(restore))
}

/// A deletion.
#[derive(Debug, Serialize, ToSchema)]
struct DeletionView {
    /// `dl_…`
    id: String,
    /// contacts or calendar.
    kind: &'static str,
    /// The entry's id; it comes back under it.
    record: Option<String>,
    /// A few words.
    headline: String,
    /// Who deleted it.
    by: String,
    /// When.
    at: String,
    /// Until when it can be undone.
    until: String,
    /// When it was undone.
    restored: Option<String>,
}

impl From<Deletion> for DeletionView {
    fn from(deletion: Deletion) -> Self {
        Self {
            id: deletion.id.to_string(),
            kind: deletion.kind.label(),
            record: deletion.record.map(|id| tieline_store::printed(deletion.kind, id)),
            headline: deletion.headline,
            by: deletion.by,
            at: deletion.at.to_string(),
            until: deletion.until.to_string(),
            restored: deletion.restored.map(|at| at.to_string()),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asking {
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists what was deleted in a mailbox and can be restored, newest first.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/deletions", tag = "deletions",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = List<DeletionView>)))]
async fn list(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<DeletionView>>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let found = web.store.deletions(mailbox.id, None, page_size(asked.limit, 100)?).await?;
    Ok(Json(List::whole(found.into_iter().map(DeletionView::from).collect())))
}

/// What came back.
#[derive(Debug, Serialize, ToSchema)]
struct Restored {
    /// `ct_…` or `ev_…`
    id: String,
}

/// Brings a deleted contact or event back, under its own id.
#[utoipa::path(post, path = "/deletions/{deletion}/restore", tag = "deletions",
    params(("deletion" = String, Path, description = "Its id, dl_…")),
    responses((status = 200, body = Restored)))]
async fn restore(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(reference): Segment,
) -> Result<Json<Restored>, Refused> {
    let id = reference.parse().map_err(|_| unknown("deletion", &reference))?;
    let deletion = web.store.deletion(id).await?.ok_or_else(|| unknown("deletion", &reference))?;
    let by = records::origin(&web, &caller, "tieline");
    Ok(Json(Restored { id: web.messaging.restore_deletion(&deletion, by).await? }))
}
