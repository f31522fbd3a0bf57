use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{MailboxView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows one mailbox: what holds for it and where that was said, how it fares, and its light.
#[utoipa::path(get, path = "/mailboxes/{mailbox}", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = MailboxView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<MailboxView>, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    Ok(Json(MailboxView::new(&web, mailbox, Vec::new()).await?))
}
