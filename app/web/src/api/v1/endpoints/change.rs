use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use tieline_store::Edit;

use super::{EndpointBody, EndpointView, find, probe};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Changes a mail server. A new name changes nothing but the name; anything else is checked by reaching the server.
#[utoipa::path(patch, path = "/endpoints/{endpoint}", tag = "endpoints", request_body = EndpointBody,
    params(("endpoint" = String, Path, description = "Its name or id")),
    responses((status = 200, body = EndpointView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(endpoint): Segment,
    Body(body): Body<EndpointBody>,
) -> Result<Json<EndpointView>, Refused> {
    let before = find(&web, &endpoint).await?;
    let mut after = before.clone();
    body.apply(&mut after)?;
    let elsewhere =
        (&before.address, before.port, before.https, &before.path, &before.tls, &before.authentication)
            != (&after.address, after.port, after.https, &after.path, &after.tls, &after.authentication);
    if elsewhere && !body.unchecked {
        probe(&web, &mut after).await?;
    }
    let note = format!("endpoint {} changed", after.name);
    let receipt = web.configure(&caller, note, vec![Edit::PutEndpoint(after.clone())]).await?;
    Ok(Json(EndpointView::new(after, receipt.warnings)))
}
