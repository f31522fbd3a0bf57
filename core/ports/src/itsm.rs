//! What Tieline asks of an IT service management system: who is a person there, and which tickets are theirs.

use jiff::Timestamp;
use secrecy::SecretString;
use tieline_model::{ItsmApi, SmtpAddress};

use crate::PortFuture;

/// A REST API and the means to use it.
#[derive(Debug, Clone)]
pub struct ItsmAccount {
    /// Where, and of what kind.
    pub api: ItsmApi,
    /// The token; for GLPI `user_token`, or `app_token:user_token` where the server asks for both.
    pub token: SecretString,
}

/// A person as the ITSM knows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItsmPerson {
    /// The ITSM's own id.
    pub id: String,
    /// The name that the ITSM shows.
    pub name: String,
    /// The mail addresses that the ITSM knows.
    pub mail: Vec<String>,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItsmTicket {
    /// As people quote it.
    pub number: String,
    /// What it is about.
    pub title: String,
    /// The ITSM's word for where it stands.
    pub state: String,
    /// It still needs work.
    pub open: bool,
    /// The last change, when the ITSM says it.
    pub changed: Option<Timestamp>,
    /// The page that shows it.
    pub url: String,
}

/// Some of the ITSM's people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItsmPage {
    /// In the ITSM's order.
    pub people: Vec<ItsmPerson>,
    /// Where the next page begins; `None` is the end.
    pub next: Option<u64>,
}

/// What a page of a ticket system answered to somebody who is not signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSeen {
    /// The HTTP status.
    pub status: u16,
    /// Scheme, host and port that it redirects to, when it does.
    pub leads_to: Option<String>,
    /// The redirect carries a SAML request.
    pub saml: bool,
}

/// A ticket system.
pub trait Itsm: Send + Sync {
    /// Who has this mail address; more than one is the ITSM's disorder, and the caller's to show.
    fn people_with<'a>(
        &'a self,
        account: &'a ItsmAccount,
        mail: &'a SmtpAddress,
    ) -> PortFuture<'a, Vec<ItsmPerson>>;

    /// The tickets that a person asked for, the last changed first.
    fn latest_tickets<'a>(
        &'a self,
        account: &'a ItsmAccount,
        person: &'a ItsmPerson,
        limit: usize,
    ) -> PortFuture<'a, Vec<ItsmTicket>>;

    /// Everybody, a page at a time from `place` on; 0 begins.
    fn people<'a>(&'a self, account: &'a ItsmAccount, place: u64) -> PortFuture<'a, ItsmPage>;

    /// Asks a page for its head, as a browser without cookies would; redirects are not followed.
    fn page<'a>(&'a self, url: &'a str) -> PortFuture<'a, PageSeen>;
}
