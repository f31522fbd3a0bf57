//! LDAP version 3 (RFC 4511) as far as a directory of people needs it: bind, search, StartTLS, and the controls for
//! paging and for following changes. Both directions, so that the client and the lab's server share one vocabulary.
//!
//! Sans-IO: bytes in, messages out. It is not a client: sockets, TLS and time-outs are with whoever calls. It writes
//! nothing into a directory; requests that would (modify, add, delete) are read as [`Operation::Other`], so that a
//! server can refuse them by their tag.
//!
//! Why not a ready client: a directory's answers are bytes from outside. Here a message has a greatest size before a
//! byte of it is stored, nesting has a greatest depth, and what is malformed is an error. And a search [`Filter`] is
//! a tree that is encoded as such: a value never passes through the text form of RFC 4515, so that no value can
//! become structure.
//!
//! Types to know: [`Message`] with its [`Operation`], [`Filter`], [`Entry`], [`Outcome`] (a result code with its
//! words), [`Control`]; [`frame_length`] cuts the stream into messages.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod ber;
mod control;
mod entry;
mod filter;
mod filter_text;
mod message;
mod outcome;
mod password;

pub use ber::{BerError, frame_length};
pub use control::{Control, DirSync, PagedResults, oid};
pub use entry::{Attribute, Entry};
pub use filter::Filter;
pub use filter_text::FilterError;
pub use message::{Authentication, Message, Operation, Scope, Search};
pub use outcome::{Outcome, ResultCode};
pub use password::Password;
