//! How the server is doing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tieline_messaging::{FolderReport, Lag};
use tieline_store::QueueDepth;
use utoipa::ToSchema;

use super::schema;
use super::trust::SeenView;
use crate::problem::Refused;
use crate::web::Web;

/// Queues, lag, mailboxes and folders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusView {
    /// When this process started.
    since: String,
    /// Whether this node exchanges anything with mail servers.
    exchanges: bool,
    /// Mailboxes that are enabled for it.
    enabled_mailboxes: usize,
    /// Waiting work, by kind.
    queues: BTreeMap<String, Queue>,
    /// How long each step of a journey takes, by step and kind.
    #[schema(value_type = BTreeMap<String, schema::Lag>)]
    lag: BTreeMap<String, Lag>,
    /// How many mailboxes are in which state.
    mailboxes: BTreeMap<&'static str, usize>,
    /// Counted folders against their limits, fullest first.
    #[schema(value_type = Vec<schema::Folder>)]
    folders: Vec<FolderReport>,
    /// Certificates in use that end within 30 days, or have ended.
    certificates: Vec<SeenView>,
}

/// Waiting work of one kind.
#[derive(Debug, Serialize, ToSchema)]
struct Queue {
    /// Open jobs.
    depth: u64,
    /// Of these, due now.
    due: u64,
    /// Put aside.
    quarantined: u64,
    /// How long the oldest one has waited, in milliseconds.
    oldest_ms: Option<i64>,
}

/// Shows how the server is doing.
#[utoipa::path(get, path = "/status", tag = "operations",
    responses((status = 200, body = StatusView)))]
pub(super) async fn status(State(web): State<Arc<Web>>) -> Result<Json<StatusView>, Refused> {
    let now = web.clock.now();
    let queue = |depth: QueueDepth| {
        let oldest_ms = depth.oldest.map(|oldest| now.duration_since(oldest).as_millis() as i64);
        (depth.kind, Queue { depth: depth.open, due: depth.due, quarantined: depth.quarantined, oldest_ms })
    };
    let mut mailboxes = BTreeMap::new();
    for health in web.store.health().await? {
        *mailboxes.entry(health.state.name()).or_insert(0) += 1;
    }
    let mut certificates = web.certificates.seen();
    certificates.retain(|seen| seen.warning(now).is_some());
    let certificates = SeenView::all(certificates, now);
    Ok(Json(StatusView {
        since: web.since.to_string(),
        exchanges: web.exchanges,
        enabled_mailboxes: web.enabled_mailboxes().await?,
        queues: web.store.queue(now).await?.into_iter().map(queue).collect(),
        lag: web.messaging.lag(),
        mailboxes,
        folders: web.messaging.folders().await?,
        certificates,
    }))
}
