use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use tieline_store::{Batch, Write};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::api::v1::unknown;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::sign_in::check_password;
use crate::web::Web;

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    /// At least 12 characters.
    #[schema(write_only)]
    password: String,
}

/// Sets an account's password and ends its sessions.
#[utoipa::path(put, path = "/users/{user}/password", tag = "users", request_body = PasswordBody,
    params(("user" = String, Path, description = "Its name")),
    responses((status = 204)))]
pub(super) async fn password(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(user): Segment,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Refused> {
    let name = user.to_lowercase();
    check_password(&name, &body.password)?;
    web.store.user(&name).await?.ok_or_else(|| unknown("user", &user))?;
    let password = web.sign_in.hash(SecretString::from(body.password)).await?;
    let set = Write::UserPassword { name, password, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(set)).await?;
    web.sign_in.sessions.forget();
    Ok(StatusCode::NO_CONTENT)
}
