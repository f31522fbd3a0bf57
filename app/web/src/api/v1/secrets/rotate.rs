use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tieline_store::{Batch, Write};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::extract::Asked;
use crate::problem::Refused;
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only add the key to the key file, which then goes to the other nodes before the rotation itself.
    #[serde(default)]
    prepare: bool,
}

/// What a rotation did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rotated {
    /// The name of the present key.
    key: String,
    /// Secrets that were sealed anew.
    resealed: usize,
    /// An earlier rotation was finished; no key was added.
    resumed: bool,
}

/// Seals every secret with a new key while everything runs. If it is killed in the middle, the same request goes on.
#[utoipa::path(post, path = "/secrets/rotate", tag = "secrets", params(Asking),
    responses((status = 200, body = Rotated)))]
pub(super) async fn rotate(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<Rotated>, Refused> {
    if asked.prepare {
        let key = web.store.prepare_key().await?;
        return Ok(Json(Rotated { key, resealed: 0, resumed: false }));
    }
    let done = web.store.rotate_key().await?;
    let audit = Write::Audit {
        who: caller.name,
        action: "key-rotated".to_owned(),
        subject: done.key.clone(),
        detail: format!("{} secrets sealed anew", done.resealed),
    };
    web.store.commit(Batch::new(web.clock.now()).with(audit)).await?;
    Ok(Json(Rotated { key: done.key, resealed: done.resealed, resumed: done.resumed }))
}
