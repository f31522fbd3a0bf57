use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use tieline_store::ConfigDocument;
use utoipa::IntoParams;

use super::document::Document;
use super::{Changes, field_changes};
use crate::access::Caller;
use crate::extract::{Asked, Body};
use crate::problem::Refused;
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// Makes the settings what the document says, all or nothing; entries that it does not name are removed. With
/// `dry_run` nothing is changed, and whatever would be refused is refused.
#[utoipa::path(post, path = "/config", tag = "configuration", request_body = Document, params(Asking),
    responses((status = 200, body = Changes)))]
pub(super) async fn apply(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<Asking>,
    Body(document): Body<ConfigDocument>,
) -> Result<Json<Changes>, Refused> {
    document.check_form()?;
    for mailbox in &document.mailboxes {
        mailbox.may_synchronize()?;
    }
    let changes = field_changes(&web.store.plan(&document).await?);
    if asked.dry_run {
        web.store.rehearse(&document, &caller.name, web.clock.now()).await?;
    }
    if asked.dry_run || changes.is_empty() {
        return Ok(Json(Changes { version: None, changes }));
    }
    let receipt = web.store.apply(&document, &caller.name, "document applied", web.clock.now()).await?;
    for mailbox in &document.mailboxes {
        web.messaging.settings_changed(mailbox.id).await?;
    }
    Ok(Json(Changes { version: receipt.version, changes }))
}
