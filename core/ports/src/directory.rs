//! What Tieline asks of the directory: who is behind an address.

use std::future::Future;
use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use tieline_model::{ContactAddress, DirectoryId, Person, Refusal};

use crate::PortFuture;

/// Who is behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Exactly one person; boxed, because most answers are this one and are moved around.
    One(Box<Person>),
    /// A shared or doubled address.
    Several(Vec<Person>),
    /// The directory itself said so, now or moments ago.
    Nobody {
        /// Whose names are alike, the most alike first.
        nearest: Vec<Person>,
    },
    /// Not in the cache, and the directory could not be asked: neither somebody nor nobody.
    Unknown {
        /// Why it could not be asked.
        reason: Refusal,
        /// Whose names are alike, the most alike first.
        nearest: Vec<Person>,
    },
}

/// How old an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The directory was asked for this answer.
    Live,
    /// It is what the directory said `age` ago.
    Cached {
        /// When the directory was last asked for all changes, or for this person.
        as_of: Timestamp,
        /// How long ago that was.
        age: SignedDuration,
    },
    /// Nothing was ever read from the directory.
    Never,
}

/// An answer and its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub found: Found,
    /// How old.
    pub age: Age,
}

/// How the directory tells what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeTracking {
    /// Active Directory's DirSync control: changes and deletions by cookie.
    DirSync,
    /// Active Directory's `uSNChanged`.
    UpdateSequence,
    /// OpenLDAP's `entryCSN`.
    EntryCsn,
    /// `modifyTimestamp` (RFC 4512), which most servers keep.
    ModifyTimestamp,
    /// It does not: every pass lists everybody.
    ListAll,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshKind {
    /// Everybody. Who is missing from a complete listing is forgotten, unless so many are missing that the listing is
    /// doubted.
    Full,
    /// Everybody, and people are forgotten however many are missing. An administrator's word; an empty listing is
    /// still not believed.
    FullAcceptingLosses,
    /// What changed since the last pass; everybody where the directory cannot tell.
    Changes,
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshReport {
    /// Everybody was listed.
    pub complete: bool,
    /// People that the directory sent.
    pub seen: usize,
    /// People that were not known before.
    pub added: usize,
    /// People that were known and have changed.
    pub changed: usize,
    /// People that were forgotten.
    pub removed: usize,
    /// People that are missing from the listing and were kept, because too many are missing at once.
    pub withheld: usize,
    /// Entries without a usable id or name.
    pub unusable: usize,
    /// The server that was asked.
    pub server: String,
}

/// What the cache holds and how it fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryStatus {
    /// People in the cache.
    pub people: usize,
    /// Estimate of its memory in bytes.
    pub bytes: usize,
    /// State of the directory that the cache shows; `None` before the first complete pass.
    pub as_of: Option<Timestamp>,
    /// The last complete listing.
    pub last_full: Option<Timestamp>,
    /// How changes are followed.
    pub tracking: Option<ChangeTracking>,
    /// The server that answered last.
    pub server: Option<String>,
    /// Why the last pass or look-up failed; `None` when it did not.
    pub problem: Option<Refusal>,
    /// People kept although the last listing lacked them.
    pub withheld: usize,
    /// Addresses and numbers that several people have.
    pub shared_addresses: usize,
    /// Entries of the last complete listing that could not be used.
    pub unusable: usize,
    /// Look-ups answered from the cache.
    pub hits: u64,
    /// Look-ups that the cache could not answer.
    pub misses: u64,
    /// Searches sent for them.
    pub live: u64,
    /// Searches that failed.
    pub live_failed: u64,
    /// Misses for which none was sent, to spare the directory.
    pub live_limited: u64,
}

/// An address or number that several people have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAddress {
    /// Lower-case address, or number.
    pub address: String,
    /// Who has it: id and name.
    pub people: Vec<(DirectoryId, String)>,
}

/// What the directory's policy says of an account that signs in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountPolicy {
    /// Where the entry is.
    pub name: String,
    /// It may not sign in at all.
    pub disabled: bool,
    /// It is locked after wrong passwords, since then.
    pub locked_since: Option<Timestamp>,
    /// The account itself ends then.
    pub ends: Option<Timestamp>,
    /// It may sign in at certain hours of the week only: so many of 168.
    pub hours: Option<u32>,
    /// Its password must be changed before it can be used.
    pub must_change_password: bool,
    /// Its password never ends.
    pub password_never_ends: bool,
    /// Its password ends then, where the directory tells it.
    pub password_ends: Option<Timestamp>,
}

/// What [`Directory::resolve`] returns: it cannot fail, because "could not be asked" is an answer.
pub type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What [`Directory::alike`] returns.
pub type PeopleFuture<'a> = Pin<Box<dyn Future<Output = Vec<Person>> + Send + 'a>>;

/// The directory.
pub trait Directory: Send + Sync {
    /// Who is behind an address: from the cache, else by one search in the directory.
    fn resolve<'a>(&'a self, contact: &'a ContactAddress) -> AnswerFuture<'a>;

    /// Whose names are alike a name that somebody typed, the most alike first; from the cache.
    fn alike<'a>(&'a self, name: &'a str) -> PeopleFuture<'a>;

    /// The person with this id, from the cache.
    fn person(&self, id: &DirectoryId) -> Option<Person>;

    /// Everybody in the cache, from a place on, in a stable order; `None` begins. Fewer than `limit` is the end.
    fn people(&self, after: Option<&DirectoryId>, limit: usize) -> Vec<Person>;

    /// Addresses that several people have, at most `limit`.
    fn shared_addresses(&self, limit: usize) -> Vec<SharedAddress>;

    /// What the directory's policy says of an account, by its address or sign-in name; `None` when it has no such account
    /// or no such policy.
    fn account_policy<'a>(&'a self, account: &'a str) -> PortFuture<'a, Option<AccountPolicy>> {
        let _ = account;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Reads the directory now; waits for a pass that is under way.
    fn refresh(&self, kind: RefreshKind) -> PortFuture<'_, RefreshReport>;

    /// Size, age and health.
    fn status(&self) -> DirectoryStatus;
}
