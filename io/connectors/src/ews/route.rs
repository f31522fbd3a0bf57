//! Where a mailbox is found when the server of its endpoint says that it has it no more: asked of Autodiscover once,
//! remembered for a while, and forgotten when nobody answers there.
//!
//! A failing server makes many requests fail together, so one search runs at a time, and one that brought nothing new
//! is not repeated before a pause is over. No clock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tieline_model::{Endpoint, EndpointId, ServerAddress};
use tieline_transport::Endpoint as Place;

/// A mailbox of an endpoint.
type Key = (EndpointId, String);

/// What is known of mailboxes that have moved.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Where each is, and until when that is believed.
    moved: HashMap<Key, (String, Instant)>,
    /// When the next search may begin, by mailbox and, after one that failed, by endpoint.
    paused: HashMap<(EndpointId, Option<String>), Instant>,
    searching: bool,
}

/// The right to search; given back when dropped.
#[derive(Debug)]
pub(super) struct Searching<'a> {
    routes: &'a Routes,
    key: Key,
    since: Instant,
}

impl Routes {
    /// The address of the server that has the mailbox, where it is another than the endpoint's.
    pub(super) fn of(&self, endpoint: EndpointId, mailbox: &str, now: Instant) -> Option<String> {
        let mut known = self.lock();
        if known.moved.is_empty() {
            return None;
        }
        let key = (endpoint, mailbox.to_owned());
        match known.moved.get(&key) {
            Some((url, until)) if *until > now => Some(url.clone()),
            Some(_) => {
                known.moved.remove(&key);
                None
            }
            None => None,
        }
    }

    /// The mailbox is asked for at its endpoint again.
    pub(super) fn forget(&self, endpoint: EndpointId, mailbox: &str) {
        self.lock().moved.remove(&(endpoint, mailbox.to_owned()));
    }

    /// Begins a search, unless another runs or it is too early for one.
    pub(super) fn begin(&self, endpoint: EndpointId, mailbox: &str, now: Instant) -> Option<Searching<'_>> {
        let mut known = self.lock();
        known.paused.retain(|_, until| *until > now);
        let paused = [None, Some(mailbox.to_owned())];
        if known.searching || paused.into_iter().any(|of| known.paused.contains_key(&(endpoint, of))) {
            return None;
        }
        known.searching = true;
        Some(Searching { routes: self, key: (endpoint, mailbox.to_owned()), since: now })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Searching<'_> {
    /// The mailbox is elsewhere.
    pub(super) fn found(self, url: String, lifetime: Duration) {
        self.routes.lock().moved.insert(self.key.clone(), (url, self.since + lifetime));
    }

    /// It is where it was looked for; its next search waits.
    pub(super) fn nothing_new(self, pause: Duration) {
        let (endpoint, mailbox) = self.key.clone();
        self.routes.lock().paused.insert((endpoint, Some(mailbox)), self.since + pause);
    }

    /// Autodiscover itself does not work; it is left alone.
    pub(super) fn failed(self, pause: Duration) {
        self.routes.lock().paused.insert((self.key.0, None), self.since + pause);
    }
}

impl Drop for Searching<'_> {
    fn drop(&mut self) {
        self.routes.lock().searching = false;
    }
}

/// Whether two addresses lead to the same server.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let place = |url: &str| Place::parse(url).map(|place| place.to_string().to_ascii_lowercase()).ok();
    place(one) == place(other)
}

/// The endpoint as it is at another address; `None` for an address that cannot be one.
pub(super) fn at(endpoint: &Endpoint, url: &str) -> Option<Endpoint> {
    let place = Place::parse(url).ok()?;
    Some(Endpoint {
        address: format!("ews:{}", place.host()).parse::<ServerAddress>().ok()?,
        port: place.port(),
        https: place.scheme() == tieline_transport::Scheme::Https,
        path: place.path().to_owned(),
        ..endpoint.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const PAUSE: Duration = Duration::from_secs(60);

    fn corp() -> EndpointId {
        EndpointId::from_uuid(Uuid::from_u128(1))
    }

    #[test]
    fn a_route_has_its_time() {
        let (routes, now) = (Routes::default(), Instant::now());
        routes.begin(corp(), "alice", now).unwrap().found("https://b/EWS/Exchange.asmx".to_owned(), PAUSE);
        assert_eq!(routes.of(corp(), "alice", now).as_deref(), Some("https://b/EWS/Exchange.asmx"));
        assert_eq!(routes.of(corp(), "bob", now), None);
        assert_eq!(routes.of(corp(), "alice", now + PAUSE), None);
    }

    #[test]
    fn searches_are_few() {
        let (routes, now) = (Routes::default(), Instant::now());
        let first = routes.begin(corp(), "alice", now).unwrap();
        assert!(routes.begin(corp(), "bob", now).is_none(), "one at a time");
        first.nothing_new(PAUSE);
        assert!(routes.begin(corp(), "alice", now).is_none(), "she was just looked for");
        routes.begin(corp(), "bob", now).unwrap().failed(PAUSE);
        assert!(routes.begin(corp(), "carol", now).is_none(), "Autodiscover has just failed");
        assert!(routes.begin(corp(), "carol", now + PAUSE).is_some());
    }

    #[test]
    fn addresses_are_compared_as_servers_take_them() {
        assert!(is_same("https://Mail.corp:443/ews/exchange.asmx", "https://mail.corp/EWS/Exchange.asmx"));
        assert!(!is_same("https://mail.corp/EWS/Exchange.asmx", "https://mail2.corp/EWS/Exchange.asmx"));
    }
}
