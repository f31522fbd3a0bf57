//! What is looked at before a mail system is relied on.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use tieline_model::Refusal;

use crate::{MailAccount, MailTarget, PortFuture, ServerInfo};

/// One thing that was looked at, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What, in a word or two.
    pub name: &'static str,
    /// What was seen, or what is wrong.
    pub outcome: Result<String, Refusal>,
}

/// What [`Preflight::way`] returns: it cannot fail, because a failure is what it looks for.
pub type StepsFuture<'a> = Pin<Box<dyn Future<Output = Vec<Step>> + Send + 'a>>;

/// The service account, as its own mail system sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The server that said so.
    pub server: ServerInfo,
    /// Its own mailbox.
    pub mailbox: Result<AccountMailbox, Refusal>,
    /// When its password ends.
    pub password: PasswordEnd,
}

/// The service account's own mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMailbox {
    /// Its primary address, which may be another one than the account signs in with.
    pub address: String,
    /// The name that people see.
    pub name: String,
    /// Items in all its folders.
    pub items: u64,
    /// Their size, where the server tells it.
    pub bytes: Option<u64>,
}

/// When a password ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordEnd {
    /// It does not.
    Never,
    /// Then.
    At(Timestamp),
    /// The server does not say.
    Unknown(Refusal),
}

/// What can be found out about a mail system without relying on it. Nothing is left behind.
pub trait Preflight: Send + Sync {
    /// The way there, step by step, as far as it goes: name, port, certificate.
    fn way<'a>(&'a self, account: &'a MailAccount) -> StepsFuture<'a>;

    /// Signs in and looks at the account itself.
    fn account<'a>(&'a self, account: &'a MailAccount) -> PortFuture<'a, AccountFacts>;

    /// Writes an item where people do not see it, reads it back and removes it.
    fn rehearse<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()>;
}
