use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_store::SecretInfo;
use utoipa::ToSchema;

use crate::problem::Refused;
use crate::web::Web;

/// A secret, without what it says.
#[derive(Debug, Serialize, ToSchema)]
struct SecretView {
    /// What it opens.
    name: String,
    /// Who set it.
    set_by: String,
    /// When.
    set: String,
    /// The name of the key that it is sealed with.
    key: String,
}

/// How the secrets are sealed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretsView {
    /// The name of the key file's present key; it tells nothing of the key.
    key: String,
    /// Keys in the key file.
    keys: usize,
    /// What is sealed with an older key: a rotation is not finished while it is more than 0.
    behind: usize,
    items: Vec<SecretView>,
}

/// Lists the secrets by name, and how they are sealed. What they say is never shown.
#[utoipa::path(get, path = "/secrets", tag = "secrets", responses((status = 200, body = SecretsView)))]
pub(super) async fn list(State(web): State<Arc<Web>>) -> Result<Json<SecretsView>, Refused> {
    let sealing = web.store.sealing().await?;
    let view = |info: SecretInfo| SecretView {
        name: info.name,
        set_by: info.set_by,
        set: info.set.to_string(),
        key: info.key,
    };
    let items = web.store.secrets().await?.into_iter().map(view).collect();
    Ok(Json(SecretsView { key: sealing.key, keys: sealing.keys, behind: sealing.behind, items }))
}
