use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::{Mailbox, MailboxId, Refusal, StorageMode, SyncSettings, UserType};
use tieline_store::Edit;

use super::{MailboxBody, MailboxView, address, check_number, feature_groups};
use crate::access::Caller;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Adds a mailbox.
#[utoipa::path(post, path = "/mailboxes", tag = "mailboxes", request_body = MailboxBody,
    responses((status = 201, body = MailboxView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<MailboxBody>,
) -> Result<(StatusCode, Json<MailboxView>), Refused> {
    let missing =
        |field: &str, next: &str| Refusal::permanent("bad-request", format!("the {field} is missing"), next);
    let group =
        body.feature_group.as_deref().ok_or_else(|| missing("feature_group", "name the feature group"))?;
    let mut mailbox = Mailbox {
        id: MailboxId::from_uuid(web.ids.uuid()),
        number: check_number(
            body.number.clone().ok_or_else(|| missing("number", "say which number callers dial"))?,
        )?,
        address: address(
            body.address.as_deref().ok_or_else(|| missing("address", "write it as user@domain"))?,
        )?,
        display_name: String::new(),
        feature_group: feature_groups::find(&web, group).await?.id,
        user_type: UserType::default(),
        storage_mode: StorageMode::default(),
        use_group_settings: true,
        settings: SyncSettings::default(),
        light_targets: Vec::new(),
        enabled: true,
    };
    body.apply(&web, &mut mailbox).await?;
    let note = format!("mailbox {} added", mailbox.number);
    let receipt = web.configure(&caller, note, vec![Edit::PutMailbox(mailbox.clone())]).await?;
    web.messaging.settings_changed(mailbox.id).await?;
    let mut warnings = receipt.warnings;
    warnings.extend(web.doubts_about(&mailbox).await);
    Ok((StatusCode::CREATED, Json(MailboxView::new(&web, mailbox, warnings).await?)))
}
