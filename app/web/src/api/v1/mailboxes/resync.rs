use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_model::TraceId;
use utoipa::ToSchema;

use super::find;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// The journey of a resync.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resync {
    /// `tr_…`: tieline explain shows what became of it.
    trace: String,
}

/// Tells every telephone of the mailbox its light again, whatever it was told last.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/light/resync", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = Resync)))]
pub(super) async fn resync(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<Resync>, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    let trace = TraceId::from_uuid(web.ids.uuid());
    web.messaging.resync(mailbox.id, trace).await?;
    Ok(Json(Resync { trace: trace.to_string() }))
}
