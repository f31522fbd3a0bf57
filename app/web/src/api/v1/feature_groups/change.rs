use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use tieline_store::Edit;

use super::{GroupBody, GroupView, find};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Changes a feature group.
#[utoipa::path(patch, path = "/feature-groups/{group}", tag = "feature groups", request_body = GroupBody,
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 200, body = GroupView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(group): Segment,
    Body(body): Body<GroupBody>,
) -> Result<Json<GroupView>, Refused> {
    if body.password.is_some() {
        return Err(bad_request("the password has an address of its own: PUT …/password"));
    }
    let mut group = find(&web, &group).await?;
    body.apply(&web, &mut group).await?;
    let note = format!("feature group {} changed", group.name);
    let receipt = web.configure(&caller, note, vec![Edit::PutFeatureGroup(group.clone())]).await?;
    Ok(Json(GroupView::new(&web, group, receipt.warnings).await?))
}
