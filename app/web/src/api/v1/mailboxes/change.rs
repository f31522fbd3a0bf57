use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use tieline_store::Edit;

use super::{MailboxBody, MailboxView, find};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Changes a mailbox. Moving it to another feature group copies nothing again and deletes nothing.
#[utoipa::path(patch, path = "/mailboxes/{mailbox}", tag = "mailboxes", request_body = MailboxBody,
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = MailboxView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<MailboxBody>,
) -> Result<Json<MailboxView>, Refused> {
    let mut mailbox = find(&web, &mailbox).await?;
    body.apply(&web, &mut mailbox).await?;
    let note = format!("mailbox {} changed", mailbox.number);
    let receipt = web.configure(&caller, note, vec![Edit::PutMailbox(mailbox.clone())]).await?;
    web.messaging.settings_changed(mailbox.id).await?;
    let mut warnings = receipt.warnings;
    warnings.extend(web.doubts_about(&mailbox).await);
    Ok(Json(MailboxView::new(&web, mailbox, warnings).await?))
}
