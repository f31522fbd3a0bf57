use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::TokenView;
use crate::api::v1::List;
use crate::problem::Refused;
use crate::web::Web;

/// Lists the tokens that are valid.
#[utoipa::path(get, path = "/tokens", tag = "tokens",
    responses((status = 200, body = List<TokenView>)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<TokenView>>, Refused> {
    let now = web.clock.now();
    let tokens = web.store.api_tokens().await?;
    Ok(Json(List::whole(
        tokens.into_iter().filter(|token| token.is_valid(now)).map(TokenView::from).collect(),
    )))
}
