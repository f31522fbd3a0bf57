use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use tieline_store::{Batch, Configure, Edit, Write};

use super::{find, secret_name};
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes a feature group without mailboxes, and its password.
#[utoipa::path(delete, path = "/feature-groups/{group}", tag = "feature groups",
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(group): Segment,
) -> Result<StatusCode, Refused> {
    let group = find(&web, &group).await?;
    let configure = Configure {
        author: caller.name.clone(),
        note: format!("feature group {} removed", group.name),
        base: None,
        edits: vec![Edit::DeleteFeatureGroup(group.id)],
    };
    let batch = Batch::new(web.clock.now()).with(Write::Configure(configure)).with(Write::Secret {
        name: secret_name(group.id),
        value: None,
        by: caller.name,
    });
    web.store.commit(batch).await?;
    Ok(StatusCode::NO_CONTENT)
}
