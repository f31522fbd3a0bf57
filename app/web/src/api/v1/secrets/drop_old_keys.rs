use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use tieline_store::{Batch, Write};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::problem::Refused;
use crate::web::Web;

/// What was taken out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dropped {
    /// Keys that are no longer in the key file.
    dropped: usize,
}

/// Takes the keys out of the key file that seal nothing any more. Refused while a rotation is not finished.
#[utoipa::path(post, path = "/secrets/drop-old-keys", tag = "secrets", responses((status = 200, body = Dropped)))]
pub(super) async fn drop_old_keys(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Dropped>, Refused> {
    let dropped = web.store.drop_old_keys().await?;
    let audit = Write::Audit {
        who: caller.name,
        action: "old-keys-dropped".to_owned(),
        subject: dropped.to_string(),
        detail: String::new(),
    };
    web.store.commit(Batch::new(web.clock.now()).with(audit)).await?;
    Ok(Json(Dropped { dropped }))
}
