use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tieline_store::{Batch, NewApiToken, Role, Write};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// What a token is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// In a person's words.
    name: String,
    /// admin, deposit or read.
    role: String,
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewToken {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    role: &'static str,
    /// Send it as `Authorization: Bearer …`.
    token: String,
}

/// Makes a token.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = TokenBody,
    responses((status = 201, body = NewToken)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<TokenBody>,
) -> Result<(StatusCode, Json<NewToken>), Refused> {
    super::super::check_name("a token", &body.name)?;
    let role = Role::from_name(&body.role).ok_or_else(|| {
        let what = format!("{:?} is not a role", body.role.chars().take(40).collect::<String>());
        Refusal::permanent("bad-role", what, "choose admin, deposit or read")
    })?;
    let id = web.ids.uuid();
    let (token, secret) = NewApiToken::draw(id, &body.name, role, &caller.name, None)?;
    web.store.commit(Batch::new(web.clock.now()).with(Write::ApiToken(token))).await?;
    let token = secret.expose_secret().to_owned();
    Ok((
        StatusCode::CREATED,
        Json(NewToken { id: id.to_string(), name: body.name, role: role.name(), token }),
    ))
}
