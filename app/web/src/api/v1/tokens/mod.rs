//! Tokens for programs that use the API.

mod create;
mod list;
mod remove;

use std::sync::Arc;

use serde::Serialize;
use tieline_store::ApiToken;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(remove::remove))
}

/// A token, without its secret part.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenView {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// admin, deposit or read.
    role: &'static str,
    /// When it was made.
    created: String,
}

impl From<ApiToken> for TokenView {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            role: token.role.name(),
            created: token.created.to_string(),
        }
    }
}
