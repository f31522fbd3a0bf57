//! How Tieline reaches servers over HTTP: TLS with named failures, connections that belong to one identity,
//! and the manners that keep a mail server from being overrun.
//!
//! It is not a general HTTP client. It speaks HTTP/1.1 only, follows no redirects, keeps no cookies, and repeats a
//! request only when it is certain that the first copy never left or was not let in (401). Those are the caller's
//! decisions, because only the caller knows whether a request may happen twice. A caller that asks for gzip gets the
//! answer unpacked.
//!
//! The types to know:
//!
//! * [`Endpoint`]: scheme, host, port and path of a server, parsed once.
//! * [`Trust`]: whose certificates are believed; [`TlsProblem`] says exactly why one was not. [`TrustStore`] holds what
//!   an administrator added for the whole service, and may change at any time.
//! * [`Reach`]: whether addresses inside the company may be contacted. An address that an administrator
//!   configured may; one that came from a user or a peer is held against a [`Guard`].
//! * [`Client`]: one endpoint, one identity, a few kept-alive connections. A [`Response`] owns its connection
//!   until its body is read, because NTLM authenticates the connection: an answer to a challenge goes out on the
//!   connection that brought it, bound to its TLS session.
//! * [`Payload`]: what a request carries, at hand or made piece by piece while it is sent.
//! * [`Credentials`]: Basic, NTLM, or tokens from a [`TokenSource`], which fetches and renews them.
//! * [`Throttle`]: a place in the queue for every request, one limiter per charged mailbox and a cap over all. Its
//!   decisions are [`Limiter`], a state machine without a clock; [`Breaker`] likewise stops a credential that
//!   the server keeps refusing.

mod authenticator;
mod breaker;
mod certificate;
mod client;
mod connection;
mod credentials;
mod endpoint;
mod error;
mod guard;
mod limiter;
mod local;
mod payload;
mod throttle;
mod token;
mod trust;
mod trust_store;
mod unpack;

pub use breaker::{Breaker, BreakerPolicy, Gate, Rejection};
pub use certificate::{
    CertificateFacts, CertificateRole, certificates_of_pem, chain_leads_to, is_name_mismatch,
};
pub use client::{Body, Client, ClientOptions, Response};
pub use connection::{PresentedCertificate, presented_chain, walk};
pub use credentials::Credentials;
pub use endpoint::{Endpoint, Scheme};
pub use error::{Phase, TlsProblem, TransportError};
pub use guard::{AddressClass, Guard, Network, Reach};
pub use limiter::{Charge, Limiter, LimiterPolicy, Outcome, Scope, Ticket};
pub use local::LocalClient;
pub use payload::Payload;
pub use throttle::{Busy, Permit, Throttle};
pub use token::{ClientCredentials, TokenSource};
pub use trust::{Fingerprint, Pin, Trust};
pub use trust_store::TrustStore;
