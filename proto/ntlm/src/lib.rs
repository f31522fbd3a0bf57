//! NTLM authentication, version 2 ([MS-NLMP]): the three messages, the keys, signing and sealing. Both directions, so
//! that clients (HTTP, SIP) and the lab's servers share one vocabulary.
//!
//! Sans-IO: bytes and fresh random numbers go in, messages and a [`Session`] come out. It knows no HTTP and no SIP;
//! base64 and header names are with whoever calls.
//!
//! What it refuses to be: NTLM version 1 and LAN Manager. A server that offers no more, or a client that sends no
//! more, gets an error that says so; those answers reveal the password to whoever listens.
//!
//! * [`Client`] says hello and answers the challenge; [`Server`] makes the challenge and judges the answer. Either ends
//!   with a [`Session`], which signs and seals what follows ([`Mode::Stream`] counts for itself, [`Mode::Datagram`] is
//!   told the number, as SIP needs it).
//! * [`ChannelBinding`] ties the answer to the TLS connection that carries it ("Extended Protection"): an answer that
//!   somebody relays over another connection is worthless.
//! * [`Spnego`] is the wrapping in which the messages go under the name `Negotiate`.
//! * [`NegotiateMessage`], [`ChallengeMessage`], [`AuthenticateMessage`] with [`AvPairs`] and [`NegotiateFlags`] are
//!   the messages themselves.
//!
//! [MS-NLMP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod authenticate;
mod av_pair;
mod certificate;
mod challenge;
mod channel_binding;
mod client;
mod crypto;
mod error;
mod flags;
mod negotiate;
mod response;
mod server;
mod session;
mod spnego;
mod time;
mod wire;

#[cfg(test)]
mod vectors;

pub use authenticate::AuthenticateMessage;
pub use av_pair::{AvId, AvPair, AvPairs};
pub use challenge::ChallengeMessage;
pub use channel_binding::ChannelBinding;
pub use client::{Authenticated, Client, Fresh, Identity};
pub use crypto::NtHash;
pub use error::NtlmError;
pub use flags::NegotiateFlags;
pub use negotiate::NegotiateMessage;
pub use response::ClientBlob;
pub use server::{Accepted, ExtendedProtection, Pending, Server, TargetNames};
pub use session::{Mode, Role, Session, Signature};
pub use spnego::{NegState, Spnego};
pub use time::FileTime;
pub use wire::{MAX_MESSAGE, Version};
