//! Single look-ups, over a few connections that are kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tieline_proto_ldap::{Entry, Filter, Scope, Search};
use tokio::sync::Semaphore;

use super::{Connection, Servers};
use crate::error::DirectoryError;

/// Look-ups under way at once.
const AT_ONCE: usize = 2;
/// Directories close what is silent for long; firewalls forget it without a word.
const IDLE: Duration = Duration::from_secs(60);
/// The most people one address may lead to; a shared address of more is still shared.
const MOST: i32 = 50;

/// Asks for people one at a time.
#[derive(Debug)]
pub(crate) struct Lookups {
    servers: Arc<Servers>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    permits: Semaphore,
}

impl Lookups {
    pub(crate) fn new(servers: Arc<Servers>) -> Self {
        Self { servers, idle: Mutex::new(Vec::new()), permits: Semaphore::new(AT_ONCE) }
    }

    /// The entries below all bases that `filter` and the setting `people` let through.
    pub(crate) async fn find(&self, filter: &Filter) -> Result<Vec<Entry>, DirectoryError> {
        let config = self.servers.config();
        let people = Filter::And(vec![config.people.clone(), filter.clone()]);
        self.search(&people, &config.attributes.wanted()).await
    }

    /// The entries below all bases that `filter` lets through, with these attributes.
    pub(crate) async fn search(
        &self,
        filter: &Filter,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        let after = self.servers.config().limits.lookup_timeout;
        match tokio::time::timeout(after, self.find_in_turn(filter, attributes)).await {
            Ok(found) => found,
            Err(_) => Err(DirectoryError::Timeout { server: "the directory".to_owned(), after }),
        }
    }

    async fn find_in_turn(
        &self,
        filter: &Filter,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        // Never closed, so that a permit always comes.
        let _permit = self.permits.acquire().await.ok();
        if let Some(connection) = self.take_idle(Instant::now()) {
            match self.find_with(connection, filter, attributes).await {
                // A kept connection may have died unnoticed. A search changes nothing: it is repeated on a new one.
                Err(error) if error.breaks_connection() => {
                    tracing::debug!(error = %error, "a kept directory connection is gone");
                }
                result => return result,
            }
        }
        let connection = self.servers.connect().await?;
        self.find_with(connection, filter, attributes).await
    }

    /// The connection is given back only when the answer was read to its end.
    async fn find_with(
        &self,
        mut connection: Connection,
        filter: &Filter,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        let config = self.servers.config();
        let mut found = Vec::new();
        for base in &config.bases {
            let search = Search {
                base: base.clone(),
                scope: Scope::Subtree,
                size_limit: MOST,
                time_limit: i32::try_from(config.limits.lookup_timeout.as_secs()).unwrap_or(5).max(1),
                types_only: false,
                filter: filter.clone(),
                attributes: attributes.to_vec(),
            };
            let mut sink = |entry| {
                found.push(entry);
                Ok(())
            };
            match connection.search(&search, Vec::new(), &mut sink).await {
                Ok(_) => {}
                // Too many share the address: those that came say so.
                Err(DirectoryError::Search { outcome, .. })
                    if outcome.code == tieline_proto_ldap::ResultCode::SIZE_LIMIT_EXCEEDED
                        && !found.is_empty() => {}
                Err(error) => {
                    if !error.breaks_connection() {
                        self.give_back(connection);
                    }
                    return Err(error);
                }
            }
            // A server that ignores the limit is not followed.
            found.truncate(MOST as usize);
        }
        self.give_back(connection);
        Ok(found)
    }

    fn take_idle(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| now.saturating_duration_since(*since) < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < AT_ONCE {
            idle.push((connection, Instant::now()));
        }
    }
}
