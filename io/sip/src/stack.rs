//! The stack: what is shared by its parts, and what a service calls.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tieline_model::{Clock, Ids};
use tieline_proto_sip::digest::Verifier;
use tieline_proto_sip::{
    MESSAGE_SUMMARY_EVENT, Package, ServerTransactions, Transport, Uri, notify_unsolicited,
};
use tokio::time::Instant;

use crate::calls::{CallTable, Calls};
use crate::client::{Client, Way};
use crate::config::{NotifyTarget, PublicationTarget, SipConfig};
use crate::error::{Error, Failure};
use crate::lanes::Lanes;
use crate::light::Snapshot;
use crate::lock;
use crate::ports::{Accounts, Observer, SipEvent, StoredKind, SubscriptionStore};
use crate::publisher::{Publisher, State};
use crate::watchers::{Watcher, Watchers};
use crate::whereabouts::Whereabouts;
use crate::wire::{Bound, Inbox, Wire};

/// What the stack works with.
#[derive(Clone)]
pub struct Services {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws tags, branches, Call-IDs and nonces.
    pub ids: Arc<dyn Ids>,
    /// Users and mailboxes.
    pub accounts: Arc<dyn Accounts>,
    /// Keeps subscriptions over a restart.
    pub store: Arc<dyn SubscriptionStore>,
    /// Is told what happens.
    pub observer: Option<Arc<dyn Observer>>,
    /// Knows where calls belong; without it INVITE is answered 405.
    pub calls: Option<Arc<dyn Calls>>,
}

/// What became of a light on its way to one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The peer took it.
    Delivered {
        /// 200, 202 or another 2xx.
        code: u16,
        /// How often it was sent, retransmissions included.
        sent: u32,
        /// From the first attempt to the answer.
        elapsed: Duration,
    },
    /// Something newer is on its way or was sent already.
    Superseded,
    /// The light is unknown: nothing is claimed.
    Withheld,
    /// The peer holds this very state and need not be told.
    Unchanged,
}

/// How much the stack holds at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Watchers.
    pub subscriptions: usize,
    /// Publications.
    pub publications: usize,
    /// Connections, both ways.
    pub connections: usize,
    /// Answers kept for retransmissions, and requests in work.
    pub transactions: usize,
    /// Our requests that wait for an answer.
    pub in_flight: usize,
    /// Calls that are decided on, ring at the bridge, or wait for an ACK.
    pub calls: usize,
}

/// What the parts share.
pub(crate) struct Core {
    pub(crate) config: SipConfig,
    services: Services,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) store: Arc<dyn SubscriptionStore>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) client: Client,
    pub(crate) transactions: Mutex<ServerTransactions>,
    pub(crate) calls: CallTable,
    pub(crate) verifier: Mutex<Verifier>,
    pub(crate) watchers: Watchers,
    pub(crate) publisher: Publisher,
    lanes: Lanes,
    pub(crate) started: Instant,
    me: Weak<Core>,
}

impl Core {
    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.services.clock.now().as_millisecond()
    }

    /// Milliseconds since the start, never going back.
    pub(crate) fn uptime(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// A word that nobody can guess and that never comes twice: tags, branches, client nonces.
    pub(crate) fn token(&self) -> String {
        self.services.ids.uuid().simple().to_string()
    }

    pub(crate) fn call_id(&self) -> String {
        format!("{}@{}", self.token(), self.config.domain)
    }

    pub(crate) fn random(&self) -> u64 {
        self.services.ids.uuid().as_u64_pair().1
    }

    pub(crate) fn observe(&self, event: SipEvent<'_>) {
        if let Some(observer) = &self.services.observer {
            observer.observe(event);
        }
    }

    /// Who knows where calls belong.
    pub(crate) fn desk(&self) -> Option<Arc<dyn Calls>> {
        self.services.calls.clone()
    }

    pub(crate) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Ends what is over and refreshes what is due, every second until the stack stops.
    async fn keep_house(self: Arc<Self>) {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = self.wire.stopping().cancelled() => return,
            }
            self.expire_watchers();
            self.refresh_publications();
        }
    }
}

/// SIP, running. Dropping it leaves it running; [`SipStack::stop`] ends it.
#[derive(Clone)]
pub struct SipStack {
    core: Arc<Core>,
}

impl SipStack {
    /// Opens the listeners and takes up the subscriptions that an earlier process left.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Listen`], or [`Error::Store`] when stored subscriptions cannot be read.
    pub async fn start(config: SipConfig, services: Services) -> Result<Self, Error> {
        check(&config)?;
        let bound = Bound::open(&config).await?;
        let stored = services.store.load().await.map_err(Error::Store)?;
        let lifetime = i64::try_from(config.nonce_lifetime.as_millis()).unwrap_or(i64::MAX);
        let now = services.clock.now().as_millisecond();
        let verifier = Verifier::new(&config.domain, config.nonce_key, &config.algorithms, lifetime, now);
        let core = Arc::new_cyclic(|me: &Weak<Core>| {
            let inbox: Weak<dyn Inbox> = me.clone();
            Core {
                wire: Arc::new(Wire::new(&config, &bound, inbox)),
                client: Client::new(config.limits.requests_in_flight),
                transactions: Mutex::new(ServerTransactions::new(config.timers, config.limits.transactions)),
                calls: CallTable::default(),
                verifier: Mutex::new(verifier),
                watchers: Watchers::default(),
                publisher: Publisher::default(),
                lanes: Lanes::default(),
                started: Instant::now(),
                me: me.clone(),
                accounts: services.accounts.clone(),
                store: services.store.clone(),
                config,
                services,
            }
        });
        let (subscriptions, publications) =
            stored.into_iter().partition(|record| record.kind == StoredKind::Subscription);
        core.restore_watchers(subscriptions).await;
        core.restore_publications(publications).await;
        core.wire.run(bound);
        core.wire.tasks().spawn(core.clone().keep_house());
        Ok(Self { core })
    }

    /// What is listened on, with the ports that were chosen where 0 was asked for.
    #[must_use]
    pub fn listening(&self) -> Vec<(Transport, std::net::SocketAddr)> {
        self.core.wire.listening().to_vec()
    }

    /// Tells one target that did not subscribe, and waits for its answer. Calls for one target and user go out one
    /// after the other; of those that wait only the newest revision is sent.
    ///
    /// # Errors
    /// [`Failure`], with who must act. A 2xx of any kind is success.
    pub async fn notify_unsolicited(
        &self,
        target: &NotifyTarget,
        snapshot: &Snapshot,
    ) -> Result<Outcome, Failure> {
        let core = &self.core;
        let user = target.user.address_of_record();
        let lane = core.lanes.of(format!("{user} at {}", target.target));
        let Some(_turn) = lane.enter(snapshot.revision).await else { return Ok(Outcome::Superseded) };
        let Some(summary) = snapshot.light.summary(&user) else { return Ok(Outcome::Withheld) };
        let began = Instant::now();
        let from = format!("sip:voicemail@{}", core.config.domain);
        let flow = core.wire.flow_to(&target.target, "NOTIFY").await?;
        let contact = core.contact(&flow);
        let (call_id, tag) = (core.call_id(), core.token());
        let mut request =
            notify_unsolicited(&target.target, &target.user, &from, (&call_id, &tag), &contact, &summary);
        core.put_trace(&mut request, snapshot.trace.as_deref());
        let answer = core.send(request, Way::Through(&target.target, flow), target.login.as_ref()).await;
        let word =
            answer.as_ref().map_or("none", |a| if a.response.code < 300 { "delivered" } else { "refused" });
        metrics::counter!("tieline_sip_unsolicited_notifies_total", "answer" => word).increment(1);
        let answer = answer?;
        match answer.response.code {
            code @ 200..=299 => Ok(Outcome::Delivered { code, sent: answer.sent, elapsed: began.elapsed() }),
            _ => Err(Failure::answered("NOTIFY", target.target.as_str(), &answer.response)),
        }
    }

    /// Tells everybody who subscribed to `account`, without waiting: each watcher has its own pace, and none waits
    /// for another. A watcher that holds this light already is not told again; an unknown light is told to nobody.
    /// Returns how many watch.
    pub fn publish(&self, account: &str, snapshot: &Snapshot) -> usize {
        self.offer(account, snapshot, false)
    }

    /// As [`SipStack::publish`], but tells watchers even what they should hold already.
    pub fn resync(&self, account: &str, snapshot: &Snapshot) -> usize {
        self.offer(account, snapshot, snapshot.light.is_on().is_some())
    }

    fn offer(&self, account: &str, snapshot: &Snapshot, force: bool) -> usize {
        let watching = self.core.watchers.of(account);
        for watch in &watching {
            self.core.offer(watch, snapshot.clone(), force);
        }
        watching.len()
    }

    /// Tells a presence server, and waits for its answer. What is published is refreshed from then on, until the
    /// light is unknown.
    ///
    /// # Errors
    /// [`Failure`], with who must act.
    pub async fn publish_presence(
        &self,
        target: &PublicationTarget,
        snapshot: &Snapshot,
    ) -> Result<Outcome, Failure> {
        let account = target.user.address_of_record();
        let body = snapshot.light.summary(&account).map(|summary| summary.to_string());
        let (revision, trace) = (snapshot.revision, snapshot.trace.clone());
        let state = State { package: Package::MessageSummary, body, revision, trace };
        self.core.publish_state(target, state).await
    }

    /// Tells a presence server where a person is, and waits for its answer; refreshed from then on.
    ///
    /// # Errors
    /// [`Failure`], with who must act.
    pub async fn publish_whereabouts(
        &self,
        target: &PublicationTarget,
        whereabouts: &Whereabouts,
    ) -> Result<Outcome, Failure> {
        let body = Some(whereabouts.presence(&target.user.address_of_record()).to_string());
        let (revision, trace) = (whereabouts.revision, whereabouts.trace.clone());
        self.core.publish_state(target, State { package: Package::Presence, body, revision, trace }).await
    }

    /// Who watches an account, and what they hold.
    #[must_use]
    pub fn watchers(&self, account: &str) -> Vec<Watcher> {
        self.core.watchers.describe(account)
    }

    /// How much is held at present.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            subscriptions: self.core.watchers.len(),
            publications: self.core.publisher.len(),
            connections: self.core.wire.connections(),
            transactions: lock(&self.core.transactions).len(),
            in_flight: self.core.client.waiting(),
            calls: self.core.calls.len(),
        }
    }

    /// Closes every socket and waits for what runs. Subscriptions stay in the store: watchers notice nothing.
    pub async fn stop(&self) {
        self.core.wire.stop().await;
    }
}

/// Refuses settings that could not work, or would let one header become two.
fn check(config: &SipConfig) -> Result<(), Error> {
    let wrong = |setting, why| Err(Error::Setting { setting, why });
    if format!("sip:{}", config.domain).parse::<Uri>().is_err() {
        return wrong("domain", "it is no host name; write it as pbx.example.com");
    }
    if config.advertised_host.as_ref().is_some_and(|host| format!("sip:{host}").parse::<Uri>().is_err()) {
        return wrong("advertised host", "it is neither a host name nor an address");
    }
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if config.trace_header.as_ref().is_some_and(|name| name.is_empty() || !name.chars().all(token)) {
        return wrong("trace header", "a header name has letters, digits and hyphens only");
    }
    if config.algorithms.is_empty() {
        return wrong("digest algorithms", "at least one is needed, or nobody can subscribe");
    }
    if config.timers.t1 < 1 || config.limits.requests_in_flight == 0 || config.limits.requests_in_work == 0 {
        return wrong("limits", "T1, requests in flight and requests in work must be at least 1");
    }
    tracing::debug!(event = MESSAGE_SUMMARY_EVENT, domain = config.domain, "SIP settings are usable");
    Ok(())
}
