use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::mailboxes;
use crate::access::Caller;
use crate::api::v1::records::{self, ImportReport};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Takes the contacts of a vCard file in, version 2.1 to 4.0. One with a known UID is changed, one that is there is
/// not added again.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/contacts/import", tag = "contacts",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body(content = String, content_type = "text/vcard"),
    responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    text: String,
) -> Result<Json<ImportReport>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let read = tieline_interchange::vcard::read(&text);
    Ok(Json(records::import(&web, &caller, mailbox.id, read).await?))
}
