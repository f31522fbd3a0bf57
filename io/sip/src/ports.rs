//! What the stack asks of its surroundings. Small traits; the product implements them over its store, tests by hand.

use std::sync::Arc;
use std::time::Duration;

pub use futures_util::future::BoxFuture;
use tieline_proto_sip::Uri;
use tieline_proto_sip::digest::Secret;

use crate::error::{Failure, StoreError};
use crate::light::{Light, Snapshot};

/// Whether a user may watch a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Yes: the account under which its light is published.
    Granted(String),
    /// The mailbox exists; this user may not watch it.
    Forbidden,
    /// There is no such mailbox.
    Unknown,
}

/// Users and mailboxes.
pub trait Accounts: Send + Sync + 'static {
    /// The secret of a digest user; `None` for nobody we know.
    fn secret<'a>(&'a self, username: &'a str) -> BoxFuture<'a, Option<Secret>>;

    /// May `username` (empty where watchers need not prove who they are) watch the mailbox that `address` names? The host of `address` is our domain wherever the
    /// watcher wrote one of our own addresses.
    fn access<'a>(&'a self, address: &'a str, username: &'a str) -> BoxFuture<'a, Access>;

    /// The light of an account at present, for a watcher that has just subscribed.
    fn light<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Snapshot>;
}

/// What a stored record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoredKind {
    /// A watcher's subscription.
    Subscription,
    /// Our publication at a presence server.
    Publication,
}

/// State that must outlive the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Unique, at most 1,000 bytes.
    pub id: String,
    /// What it is.
    pub kind: StoredKind,
    /// The account it is about.
    pub account: String,
    /// JSON; opaque to the store, at most 16 KiB. It holds no secret.
    pub record: String,
    /// When it may be thrown away, in ms since the epoch.
    pub expires_at_ms: i64,
}

/// Keeps subscriptions over a restart.
pub trait SubscriptionStore: Send + Sync + 'static {
    /// Inserts or replaces, durably once it returns.
    fn save(&self, record: StoredSubscription) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Removes; nothing happens when it is not there.
    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Everything saved and not removed.
    fn load(&self) -> BoxFuture<'_, Result<Vec<StoredSubscription>, StoreError>>;
}

/// Why a subscription ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The watcher asked for it.
    Unsubscribed,
    /// Its time was over.
    Expired,
    /// The watcher did not take a NOTIFY.
    Gone(String),
}

/// Something that `explain`, the drift check or a person may want to know.
#[derive(Debug)]
pub enum SipEvent<'a> {
    /// A watcher subscribed, or refreshed.
    Subscribed {
        /// The mailbox.
        account: &'a str,
        /// Where NOTIFYs go.
        watcher: &'a Uri,
        /// For how long, in seconds.
        seconds: u32,
        /// Whether it is an earlier subscription that goes on.
        refresh: bool,
    },
    /// A watcher took a NOTIFY.
    Notified {
        /// The mailbox.
        account: &'a str,
        /// Where it went.
        watcher: &'a Uri,
        /// What it was told; `Unknown` for an empty body.
        light: Light,
        /// Of which revision.
        revision: u64,
        /// The change that led to it.
        trace: Option<&'a str>,
        /// From the moment it was ready to be sent.
        elapsed: Duration,
    },
    /// A subscription ended.
    Ended {
        /// The mailbox.
        account: &'a str,
        /// Where NOTIFYs went.
        watcher: &'a Uri,
        /// Why.
        why: Ended,
    },
    /// A refresh of a publication failed; it is tried again.
    RefreshFailed {
        /// Whose state.
        user: &'a Uri,
        /// What happened.
        failure: &'a Failure,
    },
}

/// Is told what happens. Called from within the stack: it must not block.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, event: SipEvent<'_>);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn observe(&self, event: SipEvent<'_>) {
        (**self).observe(event);
    }
}
