use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::Edit;

use super::find;
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes a mailbox without messages; what was delivered stays in the mail server.
#[utoipa::path(delete, path = "/mailboxes/{mailbox}", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
) -> Result<StatusCode, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    web.configure(
        &caller,
        format!("mailbox {} removed", mailbox.number),
        vec![Edit::DeleteMailbox(mailbox.id)],
    )
    .await?;
    web.messaging.settings_changed(mailbox.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
