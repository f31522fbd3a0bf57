use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::{Batch, Write};

use crate::access::Caller;
use crate::api::v1::unknown;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Makes a token worthless at once.
#[utoipa::path(delete, path = "/tokens/{token}", tag = "tokens",
    params(("token" = String, Path, description = "Its id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(token): Segment,
) -> Result<StatusCode, Refused> {
    let known = web.store.api_tokens().await?.into_iter().find(|known| known.id.to_string() == token);
    let known = known.ok_or_else(|| unknown("token", &token))?;
    let revoke = Write::RevokeApiToken { id: known.id, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(revoke)).await?;
    Ok(StatusCode::NO_CONTENT)
}
