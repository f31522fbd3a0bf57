//! What handlers share.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_messaging::Messaging;
use tieline_model::{Clock, Ids};
use tieline_ports::{MailSystem, PushListener};
use tieline_quick_call::QuickCall;
use tieline_store::Store;
use tokio::sync::{mpsc, watch};

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
    pub reload: mpsc::Sender<()>,
    /// How people sign in to the pages.
    pub sign_in: SignIn,
    /// The quick-call job; `None` without a directory.
    pub quick_call: Option<QuickCall>,
    /// Where notifications of mail servers go.
    pub push: Arc<dyn PushListener>,
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
        reload: mpsc::Sender<()>,
    ) -> Self {
        let Parts { mail, clock, ids, sign_in, quick_call, push } = parts;
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
            pace,
        }
    }
}
