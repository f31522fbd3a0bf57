//! What Tieline asks of a mail system for the conference mailbox: what came in, and an answer to it.

use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use tieline_model::ConferenceMail;

use crate::{ItemRef, MailTarget, PortError, PortFuture};

/// A mail that came into the conference mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The item.
    pub item: ItemRef,
    /// What was read of it.
    pub mail: ConferenceMail,
}

/// A page of arrivals. The cursor may be stored only together with what came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalPage {
    /// In the server's order. What was gone before it could be read is left out.
    pub arrivals: Vec<Arrival>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing more at present.
    pub complete: bool,
}

/// By which way a subscription tells of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionWay {
    /// The mail system writes into a connection that stays open.
    Streaming,
    /// It posts to an address of ours.
    Push,
    /// It keeps the events until it is asked for them.
    Pull {
        /// From one question to the next.
        every: Duration,
    },
}

impl SubscriptionWay {
    /// Its name, the same in settings, commands and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Push => "push",
            Self::Pull { .. } => "pull",
        }
    }
}

/// What comes through a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// The subscription stands; the first of the stream.
    Subscribed,
    /// A sign of life without news.
    Heartbeat,
    /// Something happened in the mailbox.
    Event,
}

/// A subscription as it goes on; an error is its end, and the stream ends with it.
pub type SignStream = Pin<Box<dyn Stream<Item = Result<Sign, PortError>> + Send>>;

/// A mail system with meetings.
pub trait ConferenceMailbox: Send + Sync {
    /// The next page of what came into the Inbox; without a cursor, everything that lies there.
    fn arrivals<'a>(&'a self, target: &'a MailTarget, cursor: Option<&'a str>)
    -> PortFuture<'a, ArrivalPage>;

    /// Whether the invitation still waits for its answer in the Inbox. An answer takes it from there.
    fn waits<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, bool>;

    /// Accepts or declines the invitation, with a text for the organizer.
    fn answer<'a>(
        &'a self,
        target: &'a MailTarget,
        item: &'a ItemRef,
        accept: bool,
        html: &'a str,
    ) -> PortFuture<'a, ()>;

    /// Subscribes to the Inbox and the marker's folder, by this way and no other.
    fn subscribe(&self, target: MailTarget, way: SubscriptionWay) -> SignStream;

    /// Touches the marker item, which lies in a folder that the subscription covers and people do not see.
    fn touch_marker<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()>;
}
