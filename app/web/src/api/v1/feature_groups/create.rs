use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::{FeatureGroup, FeatureGroupId, Refusal, SyncSettings};
use tieline_store::{Batch, Configure, Edit, Write};

use super::{GroupBody, GroupView, address, confirmed, secret_name};
use crate::access::Caller;
use crate::api::v1::endpoints;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Adds a feature group. Group and password are saved together or not at all.
#[utoipa::path(post, path = "/feature-groups", tag = "feature groups", request_body = GroupBody,
    responses((status = 201, body = GroupView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<GroupBody>,
) -> Result<(StatusCode, Json<GroupView>), Refused> {
    let missing =
        |field: &str, next: &str| Refusal::permanent("bad-request", format!("the {field} is missing"), next);
    let endpoint = body.endpoint.as_deref().ok_or_else(|| missing("endpoint", "name the mail server"))?;
    let account = body.account.as_deref().ok_or_else(|| missing("account", "name the service account"))?;
    let mut group = FeatureGroup {
        id: FeatureGroupId::from_uuid(web.ids.uuid()),
        name: body.name.clone().ok_or_else(|| missing("name", "say what people call the group"))?,
        endpoint: endpoints::find(&web, endpoint).await?.id,
        account: address(account)?,
        settings: SyncSettings::default(),
    };
    body.apply(&web, &mut group).await?;
    let configure = Configure {
        author: caller.name.clone(),
        note: format!("feature group {} added", group.name),
        base: None,
        edits: vec![Edit::PutFeatureGroup(group.clone())],
    };
    let mut batch = Batch::new(web.clock.now()).with(Write::Configure(configure));
    if let Some(password) = body.password {
        let value = Some(confirmed(password, body.password_confirm.as_deref())?);
        batch.push(Write::Secret { name: secret_name(group.id), value, by: caller.name });
    }
    let receipt = web.store.commit(batch).await?;
    Ok((StatusCode::CREATED, Json(GroupView::new(&web, group, receipt.warnings).await?)))
}
