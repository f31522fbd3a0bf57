//! Who is behind an address: LDAP and Active Directory, with a cache that knows its age.
//!
//! People are read from the directory as a whole and then as changes, kept in compact records, and found by SIP
//! address, mail address or telephone number. Whoever is not in the cache is looked for with one search, so that a
//! person hired this morning is found. Every answer says how old it is.
//!
//! What it holds to:
//!
//! * **Unknown is a value.** "Nobody" is said on the directory's own word only. When it cannot be asked, the answer is
//!   [`Found::Unknown`](tieline_ports::Found::Unknown) with the reason.
//! * **Nobody is forgotten on silence.** A person goes when a complete listing lacks them or the directory reports them
//!   deleted; not on an empty, broken or short listing, and not when too many are missing at once.
//! * **Polite.** Callers who ask the same share one search; searches have a pace; an account that is refused is not
//!   tried on and on until the directory locks it; a server that is down is passed over for a while.
//! * **Safe.** No password without TLS unless somebody said so. A contact's text becomes a value in an encoded filter
//!   and nothing else. Messages, listings and values have greatest sizes.
//!
//! It refuses to be: an LDAP client for others, a sign-in service (passwords of people never pass here), a writer.
//!
//! Types to know: [`DirectoryConfig`] (servers, [`Attributes`], [`Limits`]), [`LdapDirectory`] (implements
//! [`tieline_ports::Directory`]; `run` keeps it fresh), [`DirectoryError`], [`probe`] for `doctor`.

mod account;
mod attributes;
mod cache;
mod config;
mod directory;
mod error;
mod flight;
mod ldap;
mod matching;
mod memory;
mod pace;
mod pass;
mod probe;
mod refresh;

pub use attributes::Attributes;
pub use config::{Account, DirectoryConfig, Limits, Schedule, Security, ServerAddress};
pub use directory::LdapDirectory;
pub use error::DirectoryError;
pub use probe::{ServerFacts, ServerProbe, probe};
#[doc(no_inline)]
pub use tieline_proto_ldap::{Filter, FilterError};
