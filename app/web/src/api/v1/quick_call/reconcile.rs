use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract::Asked;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Whose ticket system is compared.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ReconcileQuery {
    /// The target's name or id; may be left out when there is only one.
    #[serde(default)]
    target: String,
    /// How many of each kind are named, up to 10,000; 100 unless said otherwise.
    sample: Option<usize>,
}

/// The comparison of directory and ticket system, by mail address.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reconciliation {
    /// People in the directory.
    in_directory: usize,
    /// People in the ticket system.
    in_itsm: usize,
    /// People whom both know.
    in_both: usize,
    /// People in the directory only.
    only_in_directory: usize,
    /// Some of them.
    only_in_directory_sample: Vec<String>,
    /// People in the ticket system only.
    only_in_itsm: usize,
    /// Some of them.
    only_in_itsm_sample: Vec<String>,
    /// People in the directory without a mail address.
    without_mail: usize,
    /// People in the ticket system without a mail address.
    itsm_without_mail: usize,
    /// Mail addresses that several people share, with where and how many.
    shared: Vec<SharedMail>,
    /// The directory's state that was compared.
    as_of: Option<String>,
}

/// A mail address of several people.
#[derive(Debug, Serialize, ToSchema)]
struct SharedMail {
    /// The address.
    address: String,
    /// directory or ticket-system.
    r#in: &'static str,
    /// How many people.
    people: usize,
}

/// Compares the directory with a ticket system: who is missing here, who there.
#[utoipa::path(get, path = "/quick-call/reconcile", tag = "quick call", params(ReconcileQuery),
    responses((status = 200, body = Reconciliation)))]
pub(super) async fn reconcile(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<ReconcileQuery>,
) -> Result<Json<Reconciliation>, Refused> {
    let sample = asked.sample.unwrap_or(100);
    if sample > 10_000 {
        return Err(bad_request("sample is not from 0 to 10000"));
    }
    let report = web.quick_calls()?.reconcile(&asked.target, sample).await?;
    let shared = |list: Vec<(String, usize)>, place: &'static str| {
        list.into_iter().map(move |(address, people)| SharedMail { address, r#in: place, people })
    };
    let there = shared(report.shared_in_itsm, "ticket-system");
    Ok(Json(Reconciliation {
        in_directory: report.in_directory,
        in_itsm: report.in_itsm,
        in_both: report.in_both,
        only_in_directory: report.only_in_directory,
        only_in_directory_sample: report.only_in_directory_sample,
        only_in_itsm: report.only_in_itsm,
        only_in_itsm_sample: report.only_in_itsm_sample,
        without_mail: report.without_mail,
        itsm_without_mail: report.itsm_without_mail,
        shared: shared(report.shared_in_directory, "directory").chain(there).collect(),
        as_of: report.as_of,
    }))
}
