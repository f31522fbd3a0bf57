use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{FieldChange, field_changes};
use crate::api::v1::{List, page_size};
use crate::extract::Asked;
use crate::problem::Refused;
use crate::web::Web;

/// One version of the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Version {
    /// Counted from 1.
    version: i64,
    /// When it was saved.
    at: String,
    /// By whom.
    author: String,
    /// Why.
    summary: String,
    /// What it changed.
    changes: Vec<FieldChange>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<i64>,
}

/// Lists the versions of the settings, newest first.
#[utoipa::path(get, path = "/config/versions", tag = "configuration", params(Asking),
    responses((status = 200, body = List<Version>)))]
pub(super) async fn versions(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<Version>>, Refused> {
    let limit = page_size(asked.limit, 50)?;
    let sets = web.store.change_sets(asked.after, limit).await?;
    let full = sets.len() == limit as usize;
    let next = sets.last().filter(|_| full).map(|set| set.version.to_string());
    let version = |set: tieline_store::ChangeSet| Version {
        version: set.version,
        at: set.at.to_string(),
        author: set.author,
        summary: set.note,
        changes: field_changes(&set.changes),
    };
    Ok(Json(List { items: sets.into_iter().map(version).collect(), next }))
}
