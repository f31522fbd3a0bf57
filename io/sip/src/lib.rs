//! Drives SIP: sockets, transactions, subscriptions, publications, calls. The protocol itself is `tieline-proto-sip`;
//! here are tokio, timers and tables, behind an API without SIP types that a service could trip over.
//!
//! Three ways for a light to reach a telephone, and [`SipStack`] has one method for each:
//!
//! * [`SipStack::notify_unsolicited`]: a NOTIFY that nobody subscribed to, as most PBXs and telephones take it.
//! * [`SipStack::publish`]: to everybody who subscribed (SUBSCRIBE with digest, RFC 6665).
//! * [`SipStack::publish_presence`]: to a presence server (PUBLISH, RFC 3903), refreshed until told otherwise.
//! * [`SipStack::publish_whereabouts`]: where a person is, to the same server, as presence (RFC 3856).
//!
//! A call that comes in is put to [`Calls`], and is refused, redirected or passed on as that says.
//!
//! What always holds:
//!
//! * **Unknown is no number.** An unknown light is never sent as a count, nor as off. Nothing is sent to targets;
//!   a watcher that subscribes or refreshes meanwhile gets the NOTIFY that RFC 6665 demands with an empty body; a
//!   publication is not refreshed and lapses.
//! * **Newest wins.** Towards one target one request is on its way; of what waits only the newest is sent, and never
//!   an older revision after a newer one.
//! * **One dead peer blocks nobody.** A watcher that answers 481 or not at all is forgotten.
//! * **Everything is bounded**, see [`Limits`]; requests of strangers leave nothing behind.
//! * **Subscriptions survive a restart** through [`SubscriptionStore`].
//!
//! Transports and transactions are our own, over the sans-IO ones of `tieline-proto-sip`. `ezk-sip-core` 0.9.2 was
//! tried first and failed its proof: one silent TCP connection stops its TLS listener for everybody, a message with
//! mixed line ends panics its reader, its first retransmission over UDP comes after 4 s instead of 0.5 s, and neither
//! its transactions nor its connections are bounded. `tests/sip/wire.rs` holds each of these against this crate.
//!
//! It refuses to be: a PBX, a registrar, a presence server, or a party of a call.

mod calls;
mod client;
mod config;
mod error;
mod lanes;
mod light;
mod ports;
mod publisher;
mod server;
mod stack;
mod watchers;
mod whereabouts;
mod wire;

pub use calls::{Calls, IncomingCall, Routing};
pub use config::{Limits, NotifyTarget, PublicationTarget, SipConfig, TlsListener};
pub use error::{Class, Error, Failure, StoreError};
pub use light::{Light, Snapshot, Tally};
pub use ports::{
    Access, Accounts, BoxFuture, Ended, Observer, SipEvent, StoredKind, StoredSubscription, SubscriptionStore,
};
pub use stack::{Outcome, Services, SipStack, Statistics};
pub use tieline_proto_sip::digest::{Algorithm, Login, Secret};
pub use tieline_proto_sip::{Counts, DialString, ExpiryPolicy, Timers, Transport, Uri};
pub use watchers::Watcher;
pub use whereabouts::Whereabouts;

/// Locks; a panic of another task while it held the lock leaves plain data behind that is still good.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
