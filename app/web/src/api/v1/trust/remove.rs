use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::{Batch, Write};

use super::fingerprint;
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Takes a certificate out. New connections no longer believe it; open ones go on until they are idle.
#[utoipa::path(delete, path = "/trust/{sha256}", tag = "trust",
    params(("sha256" = String, Path, description = "SHA-256 of the certificate")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(sha256): Segment,
) -> Result<StatusCode, Refused> {
    let sha256 = fingerprint(&sha256)?.0;
    let write = Write::Distrust { sha256, by: caller.name };
    web.store.commit(Batch::new(web.clock.now()).with(write)).await?;
    web.certificates.take_up().await?;
    Ok(StatusCode::NO_CONTENT)
}
