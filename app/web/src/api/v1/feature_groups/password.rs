use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tieline_store::{Batch, Write};
use utoipa::ToSchema;

use super::{confirmed, find, secret_name};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// The service account's password, twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    #[schema(write_only)]
    password: String,
    #[schema(write_only)]
    confirm: String,
}

/// Stores the service account's password, encrypted. It takes effect at once.
#[utoipa::path(put, path = "/feature-groups/{group}/password", tag = "feature groups", request_body = PasswordBody,
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 204)))]
pub(super) async fn password(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(group): Segment,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Refused> {
    let group = find(&web, &group).await?;
    let value = Some(confirmed(body.password, Some(&body.confirm))?);
    let secret = Write::Secret { name: secret_name(group.id), value, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(secret)).await?;
    Ok(StatusCode::NO_CONTENT)
}
