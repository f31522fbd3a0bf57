use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_model::settings::effective;
use utoipa::ToSchema;

use super::{find, group_of};
use crate::api::v1::endpoints::Finding;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MailboxChecked {
    findings: Vec<Finding>,
}

/// Checks that the mailbox may synchronize and that the service account may act for it.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/check", tag = "mailboxes",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = MailboxChecked)))]
pub(super) async fn check(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<MailboxChecked>, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    let group = group_of(&web, &mailbox).await?;
    let kinds = effective(&mailbox, &group).kinds;
    let mut findings = vec![match mailbox.may_synchronize() {
        Ok(true) if kinds.value.messages => {
            Finding::good("settings", format!("messages are delivered ({})", kinds.origin))
        }
        Ok(true) => Finding::good("settings", format!("messages stay in Tieline ({})", kinds.origin)),
        Ok(false) => Finding::good("settings", "the mailbox exchanges nothing with the mail server"),
        Err(refusal) => Finding::bad("settings", refusal),
    }];
    match web.messaging.target(mailbox.id).await {
        Err(refusal) => findings.push(Finding::bad("service account", refusal)),
        Ok(target) => findings.push(match web.mail.check(&target).await {
            Ok(()) => {
                Finding::good("impersonation", format!("{} may act for {}", group.account, mailbox.address))
            }
            Err(error) => Finding::bad("impersonation", error.refusal()),
        }),
    }
    Ok(Json(MailboxChecked { findings }))
}
