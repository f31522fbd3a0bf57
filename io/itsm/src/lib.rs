//! Ticket systems over their REST APIs: GLPI and Zammad behind [`tieline_ports::Itsm`].
//!
//! It reads only: who has a mail address, which tickets are theirs, who is there at all. It refuses to be a ticket
//! client: tickets are made by people in the system's own form.
//!
//! What an API answers is hostile until read: answers have a greatest size, ids are numbers, texts are bounded, links
//! are made here from the configured address and never taken from an answer.
//!
//! Types to know: [`TicketSystems`], the port's implementation.

mod call;
mod glpi;
mod page;
mod zammad;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use tieline_model::{ItsmProduct, SmtpAddress};
use tieline_ports::{Itsm, ItsmAccount, ItsmPage, ItsmPerson, ItsmTicket, PageSeen, PortError, PortFuture};

use tieline_transport::{ClientOptions, TrustStore};

use call::Connection;

/// Every ticket system that is configured. Connections, and GLPI's sessions, are kept by address and token.
#[derive(Default)]
pub struct TicketSystems {
    open: Mutex<HashMap<String, Arc<Connection>>>,
    options: ClientOptions,
}

/// More than this are not kept: accounts change, but there are few of them.
const MOST_KEPT: usize = 64;

impl TicketSystems {
    /// Nothing is contacted yet. `trust_store` is what the service believes beside the operating system.
    #[must_use]
    pub fn new(trust_store: TrustStore) -> Self {
        Self { options: ClientOptions { trust_store, ..ClientOptions::default() }, ..Self::default() }
    }

    fn connection(&self, account: &ItsmAccount) -> Result<Arc<Connection>, PortError> {
        let key = format!("{:?} {}", account.api, account.token.expose_secret());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = open.get(&key) {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(Connection::new(account, self.options.clone())?);
        if open.len() >= MOST_KEPT {
            open.clear();
        }
        open.insert(key, Arc::clone(&connection));
        Ok(connection)
    }
}

impl Itsm for TicketSystems {
    fn people_with<'a>(
        &'a self,
        account: &'a ItsmAccount,
        mail: &'a SmtpAddress,
    ) -> PortFuture<'a, Vec<ItsmPerson>> {
        Box::pin(async move {
            let connection = self.connection(account)?;
            match account.api.product {
                ItsmProduct::Glpi => glpi::people_with(&connection, mail).await,
                ItsmProduct::Zammad => zammad::people_with(&connection, mail).await,
            }
        })
    }

    fn latest_tickets<'a>(
        &'a self,
        account: &'a ItsmAccount,
        person: &'a ItsmPerson,
        limit: usize,
    ) -> PortFuture<'a, Vec<ItsmTicket>> {
        Box::pin(async move {
            let connection = self.connection(account)?;
            match account.api.product {
                ItsmProduct::Glpi => glpi::latest_tickets(&connection, person, limit).await,
                ItsmProduct::Zammad => zammad::latest_tickets(&connection, person, limit).await,
            }
        })
    }

    fn people<'a>(&'a self, account: &'a ItsmAccount, place: u64) -> PortFuture<'a, ItsmPage> {
        Box::pin(async move {
            let connection = self.connection(account)?;
            match account.api.product {
                ItsmProduct::Glpi => glpi::people(&connection, place).await,
                ItsmProduct::Zammad => zammad::people(&connection, place).await,
            }
        })
    }

    fn page<'a>(&'a self, url: &'a str) -> PortFuture<'a, PageSeen> {
        Box::pin(page::look(url))
    }
}
