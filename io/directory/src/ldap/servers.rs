//! Several servers of one directory: whichever answers, in the order of preference.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tieline_transport::{Breaker, BreakerPolicy, Gate};

use super::Connection;
use crate::config::DirectoryConfig;
use crate::error::DirectoryError;

/// A server that did not answer is passed over for this long, while others do.
const COOLING: Duration = Duration::from_secs(30);
/// After no server answered, callers are told so at once for this long, instead of each waiting for time-outs.
const ALL_DOWN: Duration = Duration::from_secs(1);

/// The servers and what is known of them.
#[derive(Debug)]
pub(crate) struct Servers {
    config: Arc<DirectoryConfig>,
    tls: Arc<rustls::ClientConfig>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// For each server, until when it is passed over.
    cooling: Vec<Option<Instant>>,
    /// One for all servers: they check the same account.
    account: Breaker,
    all_down: Option<(Instant, Arc<DirectoryError>)>,
}

impl Servers {
    pub(crate) fn new(config: Arc<DirectoryConfig>) -> Result<Self, DirectoryError> {
        config.check()?;
        let tls = config
            .trust
            .client_config(&config.trust_store)
            .map_err(|error| DirectoryError::BadSetting { setting: "trust", reason: error.what() })?;
        let mut tls = (*tls).clone();
        tls.alpn_protocols.clear();
        let known = Known {
            cooling: vec![None; config.servers.len()],
            account: Breaker::new(BreakerPolicy::default()),
            all_down: None,
        };
        Ok(Self { config, tls: Arc::new(tls), known: Mutex::new(known) })
    }

    pub(crate) fn config(&self) -> &Arc<DirectoryConfig> {
        &self.config
    }

    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// A bound connection to the first server that answers.
    pub(crate) async fn connect(&self) -> Result<Connection, DirectoryError> {
        let order = self.order(Instant::now())?;
        let mut last = None;
        for index in order {
            let Some(server) = self.config.servers.get(index) else { continue };
            let attempt = Attempt { servers: self, index, settled: false };
            match Connection::open(&self.config, server, self.tls()).await {
                Ok(connection) => {
                    attempt.answered();
                    return Ok(connection);
                }
                Err(error) => {
                    tracing::warn!(server = %server, error = %error, "a directory server cannot be used");
                    attempt.failed(&error);
                    if !error.try_next_server() {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        let last = Arc::new(last.unwrap_or_else(|| DirectoryError::BadSetting {
            setting: "servers",
            reason: "there are none".to_owned(),
        }));
        self.lock().all_down = Some((Instant::now(), Arc::clone(&last)));
        Err(self.all_down(last))
    }

    /// Indices of the servers to try: those that are not cooling first.
    fn order(&self, now: Instant) -> Result<Vec<usize>, DirectoryError> {
        let mut known = self.lock();
        if let Some((at, last)) = &known.all_down
            && now.saturating_duration_since(*at) < ALL_DOWN
        {
            return Err(self.all_down(Arc::clone(last)));
        }
        if self.config.account.is_some()
            && let Gate::Closed { wait } = known.account.ask(now)
        {
            return Err(DirectoryError::Held { wait: wait.unwrap_or(Duration::from_secs(1)) });
        }
        let mut order: Vec<_> = (0..known.cooling.len()).collect();
        let cooling = &known.cooling;
        order.sort_by_key(|index| cooling.get(*index).copied().flatten().is_some_and(|until| until > now));
        Ok(order)
    }

    fn all_down(&self, last: Arc<DirectoryError>) -> DirectoryError {
        DirectoryError::AllDown { count: self.config.servers.len(), last }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One server being tried. Whoever gives up waiting for it has learned that it does not answer: otherwise a server that
/// swallows everything would be tried first by everybody, and the account's probe would never end.
struct Attempt<'a> {
    servers: &'a Servers,
    index: usize,
    settled: bool,
}

impl Attempt<'_> {
    fn answered(mut self) {
        self.settled = true;
        let mut known = self.servers.lock();
        known.account.accepted();
        known.all_down = None;
        if let Some(slot) = known.cooling.get_mut(self.index) {
            *slot = None;
        }
    }

    fn failed(mut self, error: &DirectoryError) {
        if error.is_wrong_account() {
            self.settled = true;
            self.servers.lock().account.rejected(Instant::now());
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let mut known = self.servers.lock();
        known.account.unanswered();
        if let Some(slot) = known.cooling.get_mut(self.index) {
            *slot = Some(Instant::now() + COOLING);
        }
    }
}
