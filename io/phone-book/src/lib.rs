//! Tieline's contacts as telephones look them up: read-only LDAP (RFC 4511) with bind and search.
//!
//! The tree has one level of books and one of contacts:
//!
//! ```text
//! o=tieline                              the base
//!   ou=shared,o=tieline                  the books that the configuration shares, as one
//!     uid=ct_…,ou=shared,o=tieline       a contact, as inetOrgPerson
//!   ou=1001,o=tieline                    the book of mailbox 1001
//! ```
//!
//! Who binds as `uid=1001,o=tieline` with the password of that mailbox's telephones sees its book and the shared ones; the
//! account of the configuration, and nobody in particular where that is allowed, see the shared ones only. Private contacts
//! are in no book. The same search at the base looks through every book that the caller may see.
//!
//! Listings come in pages where that is asked for (RFC 2696), and a plain connection turns to TLS by StartTLS (RFC 4511
//! section 4.14) where the listener has a certificate.
//!
//! What it refuses to be: a directory server. It keeps no schema, follows no references and writes nothing. Telephones are
//! untrusted: requests, filters, connections and answers have limits, wrong passwords cost time, and nothing that is sent
//! can make it panic.
//!
//! Types to know: [`PhoneBook`] (the listener), [`Access`] (who sees what), [`Books`] (where contacts come from), and
//! inside, `session` (one connection, without sockets).

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod entry;
mod listing;
mod search;
mod server;
mod session;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::SecretString;
use tieline_model::{Contact, Refusal};

pub use server::{Listener, PhoneBook, PhoneBookError, Security};

/// What a lookup of [`Books`] returns.
pub type BookFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// A contact with its printed id.
pub type Listed = (String, Contact);

/// Where the contacts come from.
pub trait Books: Send + Sync {
    /// The contacts of a mailbox, by its number; `None` when there is no such mailbox or it is switched off.
    fn book<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<Arc<Vec<Listed>>>>;

    /// The password of a mailbox's telephones; `None` when it has none.
    fn password<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<SecretString>>;
}

/// Who sees what.
#[derive(Debug, Clone)]
pub struct Access {
    /// The distinguished name of the tree's base, as `o=tieline`.
    pub base: String,
    /// Mailboxes, by number, whose contacts everybody sees who may look up at all.
    pub shared: Vec<String>,
    /// A name and password that see the shared books.
    pub account: Option<(String, SecretString)>,
    /// Nobody in particular sees the shared books, too.
    pub anonymous: bool,
    /// The most entries of one answer.
    pub most_entries: usize,
}
