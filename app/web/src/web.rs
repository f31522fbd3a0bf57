//! What handlers share.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_conferencing::Conferencing;
use tieline_messaging::Messaging;
use tieline_model::{Clock, Ids, Refusal};
use tieline_ports::{Directory, MailSystem, Preflight, PushListener};
use tieline_quick_call::QuickCall;
use tieline_store::Store;
use tokio::sync::{mpsc, oneshot, watch};

use crate::certificates::Certificates;
use crate::observe::Metrics;
use crate::pace::Pace;
use crate::sign_in::SignIn;

/// What is refused as too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body that is not a recording, in bytes.
    pub request_bytes: usize,
    /// The largest recording or fax, in bytes.
    pub recording_bytes: usize,
    /// How long a request may take.
    pub request_within: std::time::Duration,
    /// Requests for each address and minute.
    pub requests_per_minute: u32,
}

/// Whether requests should be sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The store is not open yet, or work has not begun.
    Starting,
    /// Everything works.
    Ready,
    /// A graceful stop is under way.
    Stopping,
}

/// The configuration file is to be read again.
#[derive(Debug)]
pub struct ReloadAsked {
    /// Only say what would be taken up.
    pub dry_run: bool,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<ReloadReport, Refusal>>,
}

/// What became of the file's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadReport {
    /// What was taken up, or would be.
    pub taken: Vec<String>,
    /// Settings that differ from those that the process runs with, and wait for a restart.
    pub restart: Vec<String>,
}

/// What handlers share.
pub struct Web {
    /// Where everything is kept.
    pub store: Store,
    /// The messaging job.
    pub messaging: Messaging,
    /// The mail systems, for checks.
    pub mail: Arc<dyn MailSystem>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// What is refused as too much.
    pub limits: Limits,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// When this process started.
    pub since: Timestamp,
    /// Whether requests should be sent here.
    pub readiness: watch::Receiver<Readiness>,
    /// Asks for the configuration to be read again.
    pub reload: mpsc::Sender<ReloadAsked>,
    /// How people sign in to the pages.
    pub sign_in: SignIn,
    /// The quick-call job; `None` without a directory.
    pub quick_call: Option<QuickCall>,
    /// Where notifications of mail servers go.
    pub push: Arc<dyn PushListener>,
    /// Whose certificates are believed.
    pub certificates: Arc<Certificates>,
    /// Looks at mail systems before they are relied on.
    pub preflight: Arc<dyn Preflight>,
    /// The directory, where one is configured.
    pub directory: Option<Arc<dyn Directory>>,
    /// Whether this node exchanges anything with mail systems.
    pub exchanges: bool,
    /// The conferencing job; `None` without a conference mailbox.
    pub conferencing: Option<Conferencing>,
    pub(crate) pace: Pace,
}

/// The outside parts of a [`Web`].
pub struct Parts {
    /// The mail systems.
    pub mail: Arc<dyn MailSystem>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How people sign in to the pages.
    pub sign_in: SignIn,
    /// The quick-call job; `None` without a directory.
    pub quick_call: Option<QuickCall>,
    /// Where notifications of mail servers go.
    pub push: Arc<dyn PushListener>,
    /// Whose certificates are believed.
    pub certificates: Arc<Certificates>,
    /// Looks at mail systems before they are relied on.
    pub preflight: Arc<dyn Preflight>,
    /// The directory, where one is configured.
    pub directory: Option<Arc<dyn Directory>>,
    /// Whether this node exchanges anything with mail systems.
    pub exchanges: bool,
    /// The conferencing job; `None` without a conference mailbox.
    pub conferencing: Option<Conferencing>,
}

impl Web {
    /// Puts together what handlers share.
    #[must_use]
    pub fn new(
        store: Store,
        messaging: Messaging,
        parts: Parts,
        limits: Limits,
        metrics: Metrics,
        readiness: watch::Receiver<Readiness>,
        reload: mpsc::Sender<ReloadAsked>,
    ) -> Self {
        let Parts {
            mail,
            clock,
            ids,
            sign_in,
            quick_call,
            push,
            certificates,
            preflight,
            directory,
            exchanges,
            conferencing,
        } = parts;
        let since = clock.now();
        let pace = Pace::new(limits.requests_per_minute);
        Self {
            store,
            messaging,
            mail,
            clock,
            ids,
            limits,
            metrics,
            since,
            readiness,
            reload,
            sign_in,
            quick_call,
            push,
            certificates,
            preflight,
            directory,
            exchanges,
            conferencing,
            pace,
        }
    }
}
