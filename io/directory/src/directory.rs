//! The directory as services see it: answers from the cache, else with one search.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tieline_model::{Clock, ContactAddress, DirectoryId, Person, Refusal};
use tieline_ports::{
    AccountPolicy, Age, Answer, AnswerFuture, ChangeTracking, Directory, DirectoryStatus, Found,
    PeopleFuture, PortError, PortFuture, RefreshKind, RefreshReport, SharedAddress,
};

use crate::account;
use crate::cache::{self, Book};
use crate::config::DirectoryConfig;
use crate::error::DirectoryError;
use crate::flight::Flights;
use crate::ldap::{Lookups, Servers};
use crate::matching;
use crate::memory::Nobodies;
use crate::pace::Pace;
use crate::pass::Marker;

/// How many are offered as "did you mean".
const NEAREST: usize = 5;

/// One directory: its servers, and the people read from them.
pub struct LdapDirectory {
    pub(crate) config: Arc<DirectoryConfig>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) book: Arc<RwLock<Book>>,
    /// Held during a pass, so that there is one at a time.
    pub(crate) marker: tokio::sync::Mutex<Option<Marker>>,
    pub(crate) state: Mutex<State>,
    lookups: Lookups,
    flights: Flights<Answer>,
    nobodies: Mutex<Nobodies>,
    pace: Mutex<Pace>,
    counts: Counts,
}

/// What is known about the cache and the servers.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) as_of: Option<Timestamp>,
    /// The first search of a look-up whose people were kept, before there was a complete listing.
    first_search: Option<Timestamp>,
    pub(crate) last_full: Option<Timestamp>,
    pub(crate) tracking: Option<ChangeTracking>,
    pub(crate) server: Option<String>,
    /// Of the last pass.
    pub(crate) problem: Option<Refusal>,
    /// Of the last look-up that was sent.
    lookup_problem: Option<Refusal>,
    pub(crate) withheld: usize,
    pub(crate) unusable: usize,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    live: AtomicU64,
    live_failed: AtomicU64,
    live_limited: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl std::fmt::Debug for LdapDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LdapDirectory").field("servers", &self.config.servers).finish_non_exhaustive()
    }
}

impl LdapDirectory {
    /// A directory that has read nothing yet; [`LdapDirectory::run`] reads.
    ///
    /// # Errors
    /// When the settings cannot work or are not safe; see [`DirectoryConfig::check`].
    pub fn new(config: DirectoryConfig, clock: Arc<dyn Clock>) -> Result<Self, DirectoryError> {
        let config = Arc::new(config);
        let servers = Arc::new(Servers::new(Arc::clone(&config))?);
        let pace = Pace::new(config.limits.lookups_per_second, config.limits.lookup_burst, clock.now());
        Ok(Self {
            lookups: Lookups::new(Arc::clone(&servers)),
            config,
            clock,
            servers,
            book: Arc::default(),
            marker: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            flights: Flights::default(),
            nobodies: Mutex::default(),
            pace: Mutex::new(pace),
            counts: Counts::default(),
        })
    }

    /// Enters people without a directory, as if a complete listing had just brought them: for benchmarks.
    #[doc(hidden)]
    pub fn preload(&self, people: impl IntoIterator<Item = Person>) {
        let mut book = self.write_book();
        for person in people {
            book.enter(&person);
        }
        book.settle();
        self.lock_state().as_of = Some(self.clock.now());
    }

    /// Whose names are alike, the most alike first; what answers carry as "did you mean". Compares with everybody,
    /// beside the runtime's own threads.
    pub async fn nearest(&self, contact: &ContactAddress) -> Vec<Person> {
        let (book, contact) = (Arc::clone(&self.book), contact.clone());
        let compare = move || cache::nearest(&book, &contact, NEAREST);
        // Fails only when the process is ending, and then nobody is offered.
        tokio::task::spawn_blocking(compare).await.unwrap_or_default()
    }

    pub(crate) fn read_book(&self) -> std::sync::RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_book(&self) -> std::sync::RwLockWriteGuard<'_, Book> {
        self.book.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget_nobodies(&self) {
        self.nobodies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How old the cache is; before the first complete listing, how old the oldest kept look-up is.
    pub(crate) fn age(&self, now: Timestamp) -> Age {
        let state = self.lock_state();
        state.as_of.or(state.first_search).map_or(Age::Never, |as_of| cached(as_of, now))
    }

    fn answer_from_cache(&self, contact: &ContactAddress) -> Option<Answer> {
        let candidates = self.read_book().candidates(contact);
        let found = found(matching::meant(contact, candidates))?;
        Some(Answer { found, age: self.age(self.clock.now()) })
    }

    async fn answer(&self, contact: &ContactAddress) -> Answer {
        if let Some(answer) = self.answer_from_cache(contact) {
            count(&self.counts.hits);
            return answer;
        }
        count(&self.counts.misses);
        let key = contact.key();
        let now = self.clock.now();
        if let Some((as_of, nearest)) = self.recall_nobody(&key, now) {
            return Answer { found: Found::Nobody { nearest }, age: cached(as_of, now) };
        }
        Box::pin(self.flights.ask(key, || self.search(contact))).await
    }

    fn recall_nobody(&self, key: &str, now: Timestamp) -> Option<(Timestamp, Vec<Person>)> {
        let nobodies = self.nobodies.lock().unwrap_or_else(PoisonError::into_inner);
        nobodies.recall(key, self.config.limits.nobody_for, now)
    }

    /// One search in the directory. Whom it finds is kept.
    async fn search(&self, contact: &ContactAddress) -> Answer {
        let now = self.clock.now();
        if !self.pace.lock().unwrap_or_else(PoisonError::into_inner).take(now) {
            count(&self.counts.live_limited);
            // Without "did you mean": a flood of strangers must not cost a comparison with everybody each.
            let found = Found::Unknown { reason: too_many_lookups(), nearest: Vec::new() };
            return Answer { found, age: self.age(now) };
        }
        count(&self.counts.live);
        let filter = matching::filter(contact, &self.config.attributes);
        match self.lookups.find(&filter).await {
            Ok(entries) => {
                self.lock_state().lookup_problem = None;
                let plan = &self.config.dial_plan;
                let people =
                    entries.iter().filter_map(|entry| self.config.attributes.person(entry, plan)).collect();
                self.take_found(contact, people, now).await
            }
            Err(error) => {
                count(&self.counts.live_failed);
                let reason = error.refusal();
                tracing::warn!(error = %error, "a person could not be looked up");
                self.lock_state().lookup_problem = Some(reason.clone());
                let nearest = self.nearest(contact).await;
                Answer { found: Found::Unknown { reason, nearest }, age: self.age(now) }
            }
        }
    }

    async fn take_found(&self, contact: &ContactAddress, people: Vec<Person>, now: Timestamp) -> Answer {
        {
            let mut book = self.write_book();
            for person in &people {
                // The limit on everybody holds for those who come one by one.
                if book.len() < self.config.limits.max_people {
                    book.enter(person);
                }
            }
        }
        if !people.is_empty() {
            self.lock_state().first_search.get_or_insert(now);
        }
        let found = match found(matching::meant(contact, people)) {
            Some(found) => found,
            None => {
                let nearest = self.nearest(contact).await;
                let mut nobodies = self.nobodies.lock().unwrap_or_else(PoisonError::into_inner);
                nobodies.remember(contact.key(), nearest.clone(), self.config.limits.nobody_for, now);
                Found::Nobody { nearest }
            }
        };
        Answer { found, age: Age::Live }
    }
}

fn found(mut people: Vec<Person>) -> Option<Found> {
    match people.len() {
        0 => None,
        1 => people.pop().map(|person| Found::One(Box::new(person))),
        _ => Some(Found::Several(people)),
    }
}

fn cached(as_of: Timestamp, now: Timestamp) -> Age {
    // A clock that was set back makes nothing younger than new.
    Age::Cached { as_of, age: now.duration_since(as_of).max(jiff::SignedDuration::ZERO) }
}

fn too_many_lookups() -> Refusal {
    Refusal::transient(
        "directory-busy",
        "the directory was asked for many unknown addresses within a second, and is spared for a moment",
        "try again in a few seconds",
    )
}

impl Directory for LdapDirectory {
    fn resolve<'a>(&'a self, contact: &'a ContactAddress) -> AnswerFuture<'a> {
        Box::pin(self.answer(contact))
    }

    fn alike<'a>(&'a self, name: &'a str) -> PeopleFuture<'a> {
        Box::pin(async move {
            let (book, name) = (Arc::clone(&self.book), name.to_owned());
            let compare = move || cache::named(&book, &name, NEAREST);
            tokio::task::spawn_blocking(compare).await.unwrap_or_default()
        })
    }

    fn person(&self, id: &DirectoryId) -> Option<Person> {
        self.read_book().person(id)
    }

    fn people(&self, after: Option<&DirectoryId>, limit: usize) -> Vec<Person> {
        cache::page(&self.book, after, limit)
    }

    fn shared_addresses(&self, limit: usize) -> Vec<SharedAddress> {
        self.read_book().shared_addresses(limit)
    }

    fn account_policy<'a>(&'a self, account: &'a str) -> PortFuture<'a, Option<AccountPolicy>> {
        Box::pin(async move {
            let found = self.lookups.search(&account::filter(account), &account::wanted()).await;
            let entries = found.map_err(|error| PortError::refused(error.refusal()))?;
            Ok(entries.first().and_then(account::policy))
        })
    }

    fn refresh(&self, kind: RefreshKind) -> PortFuture<'_, RefreshReport> {
        Box::pin(async move { self.pass(kind).await.map_err(|error| PortError::refused(error.refusal())) })
    }

    fn status(&self) -> DirectoryStatus {
        let (people, bytes, shared_addresses) = {
            let book = self.read_book();
            (book.len(), book.bytes(), book.shared_count())
        };
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let state = self.lock_state();
        DirectoryStatus {
            people,
            bytes,
            as_of: state.as_of,
            last_full: state.last_full,
            tracking: state.tracking,
            server: state.server.clone(),
            problem: state.problem.clone().or_else(|| state.lookup_problem.clone()),
            withheld: state.withheld,
            shared_addresses,
            unusable: state.unusable,
            hits: value(&self.counts.hits),
            misses: value(&self.counts.misses),
            live: value(&self.counts.live),
            live_failed: value(&self.counts.live_failed),
            live_limited: value(&self.counts.live_limited),
        }
    }
}
