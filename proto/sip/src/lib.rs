//! What goes over the wire between Tieline and SIP peers: RFC 3261 messages and transactions, RFC 6665 subscriptions
//! (notifier), RFC 3903 publications, RFC 3842 bodies, calls as a redirect server and a proxy see them, and digest
//! authentication as RFC 8760 updates it. Both directions: the same codec serves a server, a telephone and the lab.
//!
//! **Sans-IO.** Bytes, events and `now` go in; messages, bytes and the next deadline come out. Nothing here opens a
//! socket, reads a clock or draws a random number. Times are milliseconds since the Unix epoch (`i64`).
//!
//! **Strict out, lenient in, bounded always.** Every leniency is named where it is granted. Nothing a peer sends can
//! panic, inject a header line, or make a table grow past its cap.
//!
//! It refuses to be: a presence server, a resolver, media.
//!
//! The types to know:
//!
//! * [`Message`], [`Request`], [`Response`]: a parsed message; [`Framer`] cuts a stream into them.
//! * [`MessageSummary`]: the RFC 3842 body, counts by class.
//! * [`digest::Verifier`] and [`digest::Login`]: the two sides of digest authentication.
//! * [`Subscription`]: one watcher of one mailbox, serialisable, so that it survives a restart.
//! * [`Publication`]: our soft state at a presence server.
//! * [`ClientTransaction`] and [`ServerTransactions`]: retransmission and its absorption.
//! * [`InviteServerTransaction`] and [`InviteClientTransaction`]: the same for calls; [`Dialog`]: what a call or a
//!   subscription is once it stands.
//! * [`DialString`]: which room is called, with which passcode.
//!
//! Header names and their compact forms come from `ezk-sip-types`. The start line is read here, since that crate
//! matches method names by prefix (`INFOX` would become `INFO`).

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod dial_string;
mod dialog;
pub mod digest;
mod framer;
mod header_value;
mod headers;
mod invite;
mod message;
mod message_summary;
mod method;
mod presence;
mod publication;
mod subscription;
mod transaction;
mod uri;

pub use dial_string::DialString;
pub use dialog::Dialog;
pub use framer::{Frame, Framer};
pub use header_value::{Address, Params, Via, list};
pub use headers::{Headers, Name, header_name};
pub use invite::{InviteClientTransaction, InviteServerStep, InviteServerTransaction};
pub use message::{Message, Request, Response, TransactionKey, reason_phrase};
pub use message_summary::{Counts, MessageClass, MessageSummary};
pub use method::Method;
pub use presence::{Activity, PRESENCE_EVENT, PRESENCE_TYPE, PlaceType, Presence};
pub use publication::{Package, Publication, PublicationStep};
pub use subscription::{
    ExpiryPolicy, NotifyVerdict, Rejection, Subscription, SubscriptionEnd, notify_unsolicited, subscribe,
};
pub use transaction::{Arrival, ClientStep, ClientTransaction, ServerTransactions, Timers};
pub use uri::{Transport, Uri};

/// The event package of RFC 3842.
pub const MESSAGE_SUMMARY_EVENT: &str = "message-summary";
/// The media type of its body (RFC 3842).
pub const MESSAGE_SUMMARY_TYPE: &str = "application/simple-message-summary";
/// No message larger than this is read or written, in bytes.
pub const MAX_MESSAGE: usize = 65_535;
/// No start line and headers together larger than this, in bytes.
pub const MAX_HEAD: usize = 32 * 1024;
/// No more header lines than this in one message.
pub const MAX_HEADERS: usize = 128;

/// Why bytes from a peer could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Over one of the limits of this crate.
    #[error("SIP {what} exceeds {limit}; refuse the message")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit that was exceeded.
        limit: usize,
    },
    /// Against the grammar.
    #[error("malformed SIP {what}: {why}")]
    Malformed {
        /// The part that was read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header that the message must carry is not there.
    #[error("SIP message lacks its {0} header")]
    Missing(&'static str),
}

pub(crate) const fn malformed(what: &'static str, why: &'static str) -> Error {
    Error::Malformed { what, why }
}
