use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use secrecy::SecretString;
use serde::Deserialize;
use tieline_model::Refusal;
use tieline_store::{Batch, NewUser, UserRole, Write};
use utoipa::ToSchema;

use super::UserView;
use crate::access::Caller;
use crate::api::v1::{check_name, unknown};
use crate::extract::Body;
use crate::problem::Refused;
use crate::sign_in::check_password;
use crate::web::Web;

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserBody {
    /// What is typed to sign in; upper and lower case are the same.
    name: String,
    /// What people see; the name when absent.
    display_name: Option<String>,
    /// technician or administrator.
    role: String,
    /// At least 12 characters.
    #[schema(write_only)]
    password: String,
}

/// Makes an account.
#[utoipa::path(post, path = "/users", tag = "users", request_body = UserBody,
    responses((status = 201, body = UserView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<UserBody>,
) -> Result<(StatusCode, Json<UserView>), Refused> {
    check_name("a user", &body.name)?;
    let display_name = body.display_name.unwrap_or_else(|| body.name.clone());
    check_name("a user", &display_name)?;
    let role = UserRole::from_name(&body.role).ok_or_else(|| {
        let what = format!("{:?} is not a role", body.role.chars().take(40).collect::<String>());
        Refusal::permanent("bad-role", what, "choose technician or administrator")
    })?;
    check_password(&body.name, &body.password)?;
    let password = web.sign_in.hash(SecretString::from(body.password)).await?;
    let user = NewUser { name: body.name.to_lowercase(), display_name, role, password };
    let name = user.name.clone();
    let add = Write::AddUser { user, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(add)).await?;
    let (user, _) = web.store.user(&name).await?.ok_or_else(|| unknown("user", &name))?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
