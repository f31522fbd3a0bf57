//! What Tieline tells others about where a user is.

use jiff::Timestamp;
use tieline_model::{MailboxId, SmtpAddress, TraceId, UcLocation};

use crate::PortFuture;

/// Where a user is by now, and why. The subject of an event is never told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationNotice {
    /// Whose mailbox.
    pub mailbox: MailboxId,
    /// The number that callers dial.
    pub number: String,
    /// The user's mail address.
    pub address: SmtpAddress,
    /// The user's account, as a SIP URI.
    pub account: String,
    /// Where.
    pub location: UcLocation,
    /// Why: `usual`, `by-hand` or `event`.
    pub cause: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// The change that led here.
    pub trace: TraceId,
}

/// Somebody who is told: a presence server, a webhook. To be told the same twice does no harm.
pub trait LocationSink: Send + Sync {
    /// By which it is known in jobs and explanations: `presence`, `webhook`.
    fn name(&self) -> &'static str;

    /// Tells it, and waits for its answer.
    fn tell<'a>(&'a self, notice: &'a LocationNotice) -> PortFuture<'a, ()>;
}
