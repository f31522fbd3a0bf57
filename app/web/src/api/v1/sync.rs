//! How a mailbox's contacts and calendar are kept in step with its mail system.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_messaging::{Lag, Standing, SyncStatus, Word};
use tieline_model::RecordKind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, mailboxes, schema};
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(status, say))
}

/// Where a mailbox's contacts or calendar stand.
#[derive(Debug, Serialize, ToSchema)]
struct SyncView {
    /// contacts or calendar.
    kind: &'static str,
    /// Why it is not kept in step; null when it is.
    off: Option<String>,
    /// A pass is under way, or about to begin.
    busy: bool,
    /// not-yet, under-way, in-step, waits, awaits-approval or paused.
    standing: &'static str,
    /// Since when.
    at: Option<String>,
    /// When the last word was said whose pass came to its end. That pass began after the word. All digits, so that texts
    /// compare as times do.
    heard: Option<String>,
    /// Until when it waits.
    until: Option<String>,
    /// What would be done, while it awaits approval.
    plan: Option<PlanView>,
    /// Why it is paused, in a person's words.
    pause: Option<String>,
    /// When the last snapshot was taken.
    snapshot: Option<String>,
    /// Links between both sides.
    links: u64,
    /// Links that both sides agreed on.
    linked: u64,
    /// Items that were put aside, with their reasons.
    aside: BTreeMap<String, String>,
    /// Edits that lost against others; they are kept.
    conflicts: u64,
    /// How long edits take to the other side, over all mailboxes, since the server started: to-mail, to-tieline.
    #[schema(value_type = BTreeMap<String, schema::Lag>)]
    lag: BTreeMap<&'static str, Lag>,
}

/// What would be done.
#[derive(Debug, Serialize, ToSchema)]
struct PlanView {
    /// By what it is approved.
    fingerprint: String,
    /// Another plan was approved before, and the world has changed since.
    changed: bool,
    /// How many items each action meets: create-left, create-right, join, merge, update-left …
    actions: BTreeMap<String, u64>,
    /// Some of them, each with its rule.
    samples: Vec<String>,
    /// Fields that both sides edited.
    conflicts: u64,
    /// Items that cannot be read.
    unreadable: u64,
    /// Items that hold something the mail system cannot, by field.
    lossy: BTreeMap<String, u64>,
}

impl From<SyncStatus> for SyncView {
    fn from(status: SyncStatus) -> Self {
        let mut view = Self {
            kind: status.kind.label(),
            off: status.off,
            busy: status.busy,
            standing: "not-yet",
            at: status.at.map(|at| at.to_string()),
            heard: status.heard.map(to_the_nanosecond),
            until: None,
            plan: None,
            pause: None,
            snapshot: status.snapshot.map(|at| at.to_string()),
            links: status.counts.links,
            linked: status.counts.linked,
            aside: status.aside.into_iter().map(|(link, why)| (link.to_string(), why)).collect(),
            conflicts: status.conflicts,
            lag: status.lag,
        };
        match status.standing {
            Standing::NotYet => {}
            Standing::UnderWay => view.standing = "under-way",
            Standing::InStep => view.standing = "in-step",
            Standing::Waits { until } => {
                view.standing = "waits";
                view.until = Some(until.to_string());
            }
            Standing::AwaitsApproval { plan, changed } => {
                view.standing = "awaits-approval";
                let name = |action: &_| {
                    serde_json::to_value(action)
                        .ok()
                        .and_then(|name| name.as_str().map(str::to_owned))
                        .unwrap_or_default()
                };
                let samples = plan.actions.iter().flat_map(|(action, planned)| {
                    let name = name(action);
                    planned.samples.iter().map(move |sample| {
                        let fields = if sample.fields.is_empty() {
                            String::new()
                        } else {
                            format!(" ({})", sample.fields.join(", "))
                        };
                        format!("{name}: {}{fields}, since {}", sample.headline, sample.rule)
                    })
                });
                view.plan = Some(PlanView {
                    fingerprint: plan.approval().as_str().to_owned(),
                    changed,
                    actions: plan
                        .actions
                        .iter()
                        .map(|(action, planned)| (name(action), planned.count))
                        .collect(),
                    samples: samples.collect(),
                    conflicts: plan.conflicts,
                    unreadable: plan.unreadable,
                    lossy: plan.lossy.clone(),
                });
            }
            Standing::Paused { pause } => {
                view.standing = "paused";
                view.pause = Some(pause.what());
            }
        }
        view
    }
}

/// Shows where a mailbox's contacts and calendar stand.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/sync", tag = "sync",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = List<SyncView>)))]
async fn status(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
) -> Result<Json<List<SyncView>>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let status = web.messaging.sync_status(&mailbox).await?;
    Ok(Json(List::whole(status.into_iter().map(SyncView::from).collect())))
}

/// What is said to a mailbox's synchronization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WordBody {
    /// contacts or calendar.
    #[schema(pattern = "^(contacts|calendar)$")]
    kind: String,
    /// run: begin a pass now; retry: the same, with the items that were put aside; apply: the plan with this fingerprint is approved; accept: what a pause complained of is
    /// right; rejoin: both sides are joined anew, as in the first run.
    #[schema(pattern = "^(run|retry|apply|accept|rejoin)$")]
    word: String,
    /// The plan's fingerprint, for apply.
    plan: Option<String>,
    /// How many edits are believed beyond the usual, for accept.
    #[serde(default)]
    edits: u32,
    /// How many deletions are believed beyond the usual, for accept.
    #[serde(default)]
    deletes: u32,
}

fn to_the_nanosecond(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

/// A word was said.
#[derive(Debug, Serialize, ToSchema)]
struct Said {
    /// When. Once `heard` in the status is not before this, a pass that began afterwards has come to its end.
    said: String,
    /// Where contacts and calendar stand now.
    items: Vec<SyncView>,
}

/// Says something to a mailbox's synchronization. The pass that hears it begins at once; its end is seen in the status.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/sync", tag = "sync",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body = WordBody, responses((status = 202, body = Said)))]
async fn say(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Body(body): Body<WordBody>,
) -> Result<(StatusCode, Json<Said>), Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let kinds = [RecordKind::Contacts, RecordKind::Calendar];
    let kind = kinds.into_iter().find(|kind| kind.label() == body.kind);
    let kind = kind.ok_or_else(|| bad_request("kind is neither contacts nor calendar"))?;
    let word = match (body.word.as_str(), body.plan) {
        ("run", None) => Word::Run,
        ("retry", None) => Word::Retry,
        ("apply", Some(plan)) => Word::Approve(
            serde_json::from_value(plan.into()).map_err(|_| bad_request("plan is not a fingerprint"))?,
        ),
        ("apply", None) => return Err(bad_request("apply needs the plan's fingerprint")),
        ("accept", None) => Word::accept(body.edits, body.deletes),
        ("rejoin", None) => Word::rejoin(),
        _ => {
            return Err(bad_request(
                "word is none of run, retry, apply, accept, rejoin, or plan does not belong to it",
            ));
        }
    };
    let said = to_the_nanosecond(web.messaging.say_to_sync(&mailbox, kind, word).await?);
    let status = web.messaging.sync_status(&mailbox).await?;
    let items = status.into_iter().map(SyncView::from).collect();
    Ok((StatusCode::ACCEPTED, Json(Said { said, items })))
}
