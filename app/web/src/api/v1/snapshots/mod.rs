//! Snapshots of a mailbox's contacts and calendar.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tieline_messaging::SnapshotSide;
use tieline_model::{RecordKind, SnapshotId};
use tieline_store::Snapshot;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, mailboxes, page_size, records, unknown};
use crate::access::Caller;
use crate::extract::{Asked, Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(list, take)).routes(routes!(entries)).routes(routes!(restore))
}

/// A snapshot.
#[derive(Debug, Serialize, ToSchema)]
struct SnapshotView {
    /// `sn_…`
    id: String,
    /// contacts or calendar.
    kind: &'static str,
    /// Why it was taken.
    reason: String,
    /// When it was begun.
    at: String,
    /// When it was complete; null: it is not, and cannot be restored.
    complete: Option<String>,
    /// How many entries it holds.
    entries: u64,
}

impl From<Snapshot> for SnapshotView {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            id: snapshot.id.to_string(),
            kind: snapshot.kind.label(),
            reason: snapshot.reason,
            at: snapshot.at.to_string(),
            complete: snapshot.complete.map(|at| at.to_string()),
            entries: snapshot.entries,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asking {
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists a mailbox's snapshots, newest first.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/snapshots", tag = "snapshots",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = List<SnapshotView>)))]
async fn list(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<SnapshotView>>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let found = web.store.snapshots(mailbox.id, page_size(asked.limit, 100)?).await?;
    Ok(Json(List::whole(found.into_iter().map(SnapshotView::from).collect())))
}

/// What a snapshot is taken of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakeBody {
    /// contacts or calendar.
    #[schema(pattern = "^(contacts|calendar)$")]
    kind: String,
}

/// Takes a snapshot of Tieline's side now.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/snapshots", tag = "snapshots",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body = TakeBody, responses((status = 201, body = SnapshotView)))]
async fn take(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Body(body): Body<TakeBody>,
) -> Result<(StatusCode, Json<SnapshotView>), Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let kinds = [RecordKind::Contacts, RecordKind::Calendar];
    let kind = kinds.into_iter().find(|kind| kind.label() == body.kind);
    let kind = kind.ok_or_else(|| bad_request("kind is neither contacts nor calendar"))?;
    let id = web.messaging.take_snapshot(&mailbox, kind, "on demand").await?;
    let snapshot = web.store.snapshot(id).await?.ok_or_else(|| unknown("snapshot", &id.to_string()))?;
    Ok((StatusCode::CREATED, Json(snapshot.into())))
}

/// One entry of a snapshot.
#[derive(Debug, Serialize, ToSchema)]
struct EntryView {
    /// tieline or mail.
    side: String,
    /// Its id: `ct_…`, `ev_…`, or the mail system's.
    entry: String,
    /// A few words.
    headline: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EntriesAsking {
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists a snapshot's entries, by side and id.
#[utoipa::path(get, path = "/snapshots/{snapshot}/entries", tag = "snapshots",
    params(("snapshot" = String, Path, description = "Its id, sn_…"), EntriesAsking),
    responses((status = 200, body = List<EntryView>)))]
async fn entries(
    State(web): State<Arc<Web>>,
    Segment(reference): Segment,
    Asked(asked): Asked<EntriesAsking>,
) -> Result<Json<List<EntryView>>, Refused> {
    let snapshot = find(&web, &reference).await?;
    let limit = page_size(asked.limit, 100)?;
    let after =
        asked.after.as_deref().filter(|after| !after.contains('\0')).and_then(|after| after.split_once('~'));
    if asked.after.is_some() && after.is_none() {
        return Err(bad_request("after is not the next of a page"));
    }
    let page = web.store.snapshot_entries(snapshot.id, after, limit).await?;
    let full = page.len() == limit as usize;
    let next = page.last().filter(|_| full).map(|last| format!("{}~{}", last.side, last.entry));
    let view = |one: tieline_store::SnapshotEntry| {
        let own = one.side == "tieline";
        let printed = uuid::Uuid::try_parse(&one.entry).ok().filter(|_| own);
        let entry = printed.map_or(one.entry, |id| tieline_store::printed(snapshot.kind, id));
        EntryView { side: one.side, entry, headline: one.headline }
    };
    Ok(Json(List { items: page.into_iter().map(view).collect(), next }))
}

/// What is restored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreBody {
    /// Only this entry, as it is listed; everything of the side without it.
    entry: Option<String>,
    /// tieline or mail: as whose side had it. tieline without it.
    #[schema(pattern = "^(tieline|mail)$")]
    side: Option<String>,
}

/// What was restored.
#[derive(Debug, Serialize, ToSchema)]
struct RestoreReport {
    /// Entries that were gone.
    added: u64,
    /// Entries that were set back.
    changed: u64,
    /// Entries that are as they were.
    same: u64,
}

/// Brings back what a snapshot holds of a side: what is gone is added, what differs is set back, what came later stays.
/// Everything is brought back in Tieline, under its own id where it is Tieline's side, and goes to the mail system from
/// there.
#[utoipa::path(post, path = "/snapshots/{snapshot}/restore", tag = "snapshots",
    params(("snapshot" = String, Path, description = "Its id, sn_…")),
    request_body = RestoreBody, responses((status = 200, body = RestoreReport)))]
async fn restore(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(reference): Segment,
    Body(body): Body<RestoreBody>,
) -> Result<Json<RestoreReport>, Refused> {
    let snapshot = find(&web, &reference).await?;
    let sides = [SnapshotSide::Tieline, SnapshotSide::Mail];
    let side = match &body.side {
        Some(side) => sides.into_iter().find(|known| known.label() == side),
        None => Some(SnapshotSide::Tieline),
    };
    let side = side.ok_or_else(|| bad_request("side is neither tieline nor mail"))?;
    let entry = match (&body.entry, side) {
        (Some(text), SnapshotSide::Tieline) => {
            let id = records::id_of(snapshot.kind, text).ok_or_else(|| unknown("snapshot entry", text))?;
            Some(id.simple().to_string())
        }
        (Some(text), SnapshotSide::Mail) if text.contains('\0') => {
            return Err(unknown("snapshot entry", text));
        }
        (text, _) => text.clone(),
    };
    let by = records::origin(&web, &caller, "tieline");
    let done = web.messaging.restore_snapshot(snapshot.id, side, entry.as_deref(), &by).await?;
    Ok(Json(RestoreReport { added: done.added, changed: done.changed, same: done.same }))
}

async fn find(web: &Web, reference: &str) -> Result<Snapshot, Refused> {
    let id = reference.parse::<SnapshotId>().map_err(|_| unknown("snapshot", reference))?;
    web.store.snapshot(id).await?.ok_or_else(|| unknown("snapshot", reference))
}
