use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::{Changes, field_changes};
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Makes the settings what they were at a version, as a new version.
#[utoipa::path(post, path = "/config/versions/{version}/restore", tag = "configuration",
    params(("version" = i64, Path, description = "The version's number")),
    responses((status = 200, body = Changes)))]
pub(super) async fn restore(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(version): Segment,
) -> Result<Json<Changes>, Refused> {
    let version = version.parse().map_err(|_| bad_request("the version is not a number"))?;
    let receipt = web.store.roll_back(version, &caller.name, web.clock.now()).await?;
    let changes = match receipt.version {
        Some(made) => {
            web.store.change_set(made).await?.map(|set| field_changes(&set.changes)).unwrap_or_default()
        }
        None => Vec::new(),
    };
    for mailbox in &web.store.export().await?.mailboxes {
        web.messaging.settings_changed(mailbox.id).await?;
    }
    Ok(Json(Changes { version: receipt.version, changes }))
}
