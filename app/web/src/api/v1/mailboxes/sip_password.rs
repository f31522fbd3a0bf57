use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tieline_messaging::sip_password_of;
use tieline_store::{Batch, Write};
use utoipa::ToSchema;

use super::find;
use crate::access::Caller;
use crate::api::v1::feature_groups::confirmed;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// The telephone's password, twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SipPasswordBody {
    #[schema(write_only)]
    password: String,
    #[schema(write_only)]
    confirm: String,
}

/// Stores the password with which the mailbox's telephones subscribe to its light; the user name is the number.
#[utoipa::path(put, path = "/mailboxes/{mailbox}/sip-password", tag = "mailboxes", request_body = SipPasswordBody,
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 204)))]
pub(super) async fn sip_password(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<SipPasswordBody>,
) -> Result<StatusCode, Refused> {
    let mailbox = find(&web, &mailbox).await?;
    let value = Some(confirmed(body.password, Some(&body.confirm))?);
    let secret = Write::Secret { name: sip_password_of(mailbox.id), value, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(secret)).await?;
    Ok(StatusCode::NO_CONTENT)
}
