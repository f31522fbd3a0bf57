//! Notifications as hints: somebody did something in a mailbox, so it is worth asking what.
//!
//! Mailboxes of one account share streaming connections, since Exchange allows an account only a few that hang. A
//! group lives in one task, which subscribes its mailboxes, listens, and mends whatever breaks: a connection that
//! falls silent, subscriptions that the server forgot, one mailbox among many that cannot be subscribed. Where
//! streaming does not get through at all (a proxy that collects answers before it passes them on), the group asks
//! in intervals instead and tries streaming again later. After every interruption each mailbox concerned gets one
//! hint, because changes may have been missed.
//!
//! Where an address is set at which Exchange reaches this server, Exchange posts what happens there, and nothing hangs:
//! `inbox` takes the posts, `push` follows the subscriptions. A server that does not come through falls back to streaming.

mod coalesce;
mod group;
mod inbox;
mod pull;
mod push;
mod streaming;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tieline_ports::{Hint, HintStream, MailTarget};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use self::group::Ended;
use self::group::Group;
pub(super) use self::inbox::Inbox;
pub(super) use self::pull::{Asked, Place, TIMEOUT_MINUTES};
pub(super) use self::streaming::{Envelope, read as read_envelope};
use super::Shared;

/// The measures of notifications.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Mailboxes on one streaming connection; Exchange allows 200.
    pub group: usize,
    /// How long one streaming connection is asked to last, 1 to 30 minutes.
    pub connection_minutes: i32,
    /// A connection that says nothing for this long is dead: Exchange sends a sign of life at least each minute.
    pub silence: Duration,
    /// How long the first sign of life may take.
    pub first_sign: Duration,
    /// Events of one mailbox within this time become one hint.
    pub coalesce: Duration,
    /// The first pause after a broken connection; doubles.
    pub first_pause: Duration,
    pub max_pause: Duration,
    /// How often a mailbox that cannot be subscribed is tried again, and hinted at meanwhile.
    pub retry_member: Duration,
    /// After so many streaming connections without a sign of life the group asks in intervals instead.
    pub streaming_failures: u32,
    /// Between two questions of the interval mode.
    pub pull_interval: Duration,
    /// How long a way that is second best lasts before the best is tried again.
    pub pull_period: Duration,
    /// Where Exchange may post notifications; without it nothing is posted.
    pub push: Option<PushPolicy>,
}

/// Notifications by push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPolicy {
    /// This server as the Exchange servers reach it: `https://tieline.corp.example`. Of several nodes, this one.
    pub base: String,
    /// Exchange gives a sign of life after so many minutes of silence, 1 to 1440.
    pub status_minutes: i32,
    /// What Exchange calls a minute; only a test says otherwise.
    pub minute: Duration,
}

impl PushPolicy {
    /// For the server that is reached at `base`.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), status_minutes: 5, minute: Duration::from_secs(60) }
    }

    /// After so much silence a subscription is taken for dead.
    fn silence(&self) -> Duration {
        self.minute.saturating_mul(2 * self.status_minutes.clamp(1, 1440).unsigned_abs())
    }
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            group: 200,
            connection_minutes: 30,
            silence: Duration::from_secs(150),
            first_sign: Duration::from_secs(30),
            coalesce: Duration::from_millis(500),
            first_pause: Duration::from_secs(1),
            max_pause: Duration::from_secs(60),
            retry_member: Duration::from_secs(60),
            streaming_failures: 3,
            pull_interval: Duration::from_secs(15),
            pull_period: Duration::from_secs(1800),
            push: None,
        }
    }
}

/// Begins to watch; ends when the stream is dropped, which also tells the server.
pub(super) fn watch(shared: Arc<Shared>, targets: Vec<MailTarget>) -> HintStream {
    let (sender, receiver) = mpsc::channel(256);
    let token = CancellationToken::new();
    for targets in grouped(&shared, targets) {
        let group = Group::new(Arc::clone(&shared), targets, sender.clone(), token.child_token());
        tokio::spawn(group.run());
    }
    Box::pin(Hints { receiver, _sender: sender, _guard: token.drop_guard() })
}

struct Hints {
    receiver: mpsc::Receiver<Hint>,
    /// Keeps the stream from ending when there is nothing to watch.
    _sender: mpsc::Sender<Hint>,
    _guard: DropGuard,
}

impl Stream for Hints {
    type Item = Hint;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Hint>> {
        self.receiver.poll_recv(context)
    }
}

/// Mailboxes of the same account on the same server together, in the order of their addresses, at most `size` in a group.
fn grouped(shared: &Shared, mut targets: Vec<MailTarget>) -> Vec<Vec<MailTarget>> {
    let size = shared.options.watch.group;
    let account =
        |target: &MailTarget| (target.account.endpoint.id, target.account.user.key(), shared.route(target));
    targets.sort_by_cached_key(|target| (account(target), target.address.key()));
    let mut groups: Vec<Vec<MailTarget>> = Vec::new();
    for target in targets {
        match groups.last_mut() {
            Some(group)
                if group.len() < size.max(1) && group.first().map(account) == Some(account(&target)) =>
            {
                group.push(target);
            }
            _ => groups.push(vec![target]),
        }
    }
    groups
}
