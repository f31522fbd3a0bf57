//! Local accounts: people who sign in to the pages with a password of Tieline's own.

mod create;
mod list;
mod password;
mod remove;

use std::sync::Arc;

use serde::Serialize;
use tieline_store::User;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(remove::remove))
        .routes(routes!(password::password))
}

/// An account, without its password.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    /// What is typed to sign in.
    name: String,
    /// What people see.
    display_name: String,
    /// technician or administrator.
    role: &'static str,
    /// When it was made.
    created: String,
    /// When its password was set last.
    password_set: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            display_name: user.display_name,
            role: user.role.name(),
            created: user.created.to_string(),
            password_set: user.changed.to_string(),
        }
    }
}
