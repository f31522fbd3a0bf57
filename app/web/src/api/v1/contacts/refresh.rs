use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tieline_messaging::{Followed, FollowedContact};
use tieline_ports::RefreshKind;
use utoipa::{IntoParams, ToSchema};

use super::mailboxes;
use super::save::directory;
use crate::extract::{Asked, Segment};
use crate::problem::Refused;
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// What following the directory changed, or would change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refreshed {
    /// Saved contacts that were compared with their person.
    compared: u64,
    /// Those that changed, with the fields.
    changed: Vec<RefreshedContact>,
    /// Those where the directory has another value that was left out, and why.
    kept: Vec<RefreshedContact>,
    /// Saved contacts whose person the directory no longer has; they stay.
    gone: u64,
}

/// A contact and some of its fields.
#[derive(Debug, Serialize, ToSchema)]
struct RefreshedContact {
    /// `ct_…`
    contact: String,
    /// Its name.
    name: String,
    /// Fields; with a reason where they were kept.
    fields: Vec<String>,
}

impl From<FollowedContact> for RefreshedContact {
    fn from(followed: FollowedContact) -> Self {
        let FollowedContact { contact, name, fields } = followed;
        Self { contact, name, fields }
    }
}

/// Refreshes a mailbox's saved contacts from the directory now: fields that the directory wrote and nobody edited since.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/contacts/refresh", tag = "contacts",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = Refreshed)))]
pub(super) async fn refresh(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Json<Refreshed>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let directory = directory(&web)?;
    directory.refresh(RefreshKind::Changes).await.map_err(|error| error.refusal())?;
    let followed = web.messaging.follow_directory(directory, &mailbox, asked.dry_run).await?;
    let Followed { compared, changed, kept, gone } = followed;
    let view = |all: Vec<FollowedContact>| all.into_iter().map(Into::into).collect();
    Ok(Json(Refreshed { compared, changed: view(changed), kept: view(kept), gone }))
}
