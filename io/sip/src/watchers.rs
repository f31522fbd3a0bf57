//! Everybody who subscribed: their subscriptions, what they were told, and a pump each that tells them the newest.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tieline_proto_sip::{
    Name, NotifyVerdict, Rejection, Request, Response, Subscription, Transport, Uri, header_name,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::client::Way;
use crate::error::Error;
use crate::light::{Light, Snapshot};
use crate::lock;
use crate::ports::{Ended, SipEvent, StoredKind, StoredSubscription};
use crate::stack::Core;
use crate::wire::Flow;

/// CSeq numbers are reserved in the store in blocks, so that not every NOTIFY costs a write; after a restart they go
/// on at the next block.
const CSEQ_BLOCK: u32 = 64;
/// A watcher that is busy this often in a row is given up.
const MAX_RETRIES: u32 = 3;

/// What is stored of a watcher.
#[derive(Serialize, Deserialize)]
struct Record {
    subscription: Subscription,
    /// The mailbox, as the watcher named it.
    address: String,
    /// Where datagrams reach a watcher behind NAT.
    nat: Option<SocketAddr>,
}

/// The part of a watcher that only one may use at a time.
struct Talk {
    subscription: Subscription,
    nat: Option<SocketAddr>,
    /// The connection or socket its latest SUBSCRIBE came over.
    flow: Option<Flow>,
    /// Up to which CSeq the store knows.
    reserved: u32,
}

/// What a watcher should be told.
#[derive(Default)]
struct Want {
    newest: Option<Snapshot>,
    /// Tell even what it knows: it has just subscribed or refreshed, or asked for its end.
    force: bool,
    dirty: bool,
    running: bool,
    /// What it took last, unless that was an empty body.
    told: Option<(Light, u64)>,
    last_sent: Option<Instant>,
    retries: u32,
    unsubscribed: bool,
}

/// One watcher.
pub(crate) struct Watch {
    id: String,
    account: String,
    /// The mailbox's address of record, also its `Message-Account`.
    address: String,
    watcher: Uri,
    expires_at: AtomicI64,
    talk: tokio::sync::Mutex<Talk>,
    want: Mutex<Want>,
}

/// A watcher, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// Where NOTIFYs go.
    pub uri: Uri,
    /// When its subscription ends, in ms since the epoch.
    pub expires_at_ms: i64,
    /// What it took last and of which revision; `None` when it was told nothing certain yet.
    pub told: Option<(Light, u64)>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Arc<Watch>>,
    by_account: HashMap<String, Vec<Arc<Watch>>>,
}

/// All watchers.
#[derive(Default)]
pub(crate) struct Watchers {
    table: Mutex<Table>,
}

impl Watchers {
    pub(crate) fn len(&self) -> usize {
        lock(&self.table).by_id.len()
    }

    pub(crate) fn of(&self, account: &str) -> Vec<Arc<Watch>> {
        lock(&self.table).by_account.get(account).cloned().unwrap_or_default()
    }

    pub(crate) fn describe(&self, account: &str) -> Vec<Watcher> {
        let describe = |watch: Arc<Watch>| Watcher {
            uri: watch.watcher.clone(),
            expires_at_ms: watch.expires_at.load(Ordering::Relaxed),
            told: lock(&watch.want).told,
        };
        self.of(account).into_iter().map(describe).collect()
    }

    fn all(&self) -> Vec<Arc<Watch>> {
        lock(&self.table).by_id.values().cloned().collect()
    }

    /// Adds a watcher, unless there are too many already.
    fn insert(&self, watch: Arc<Watch>, total: usize, per_account: usize) -> bool {
        let mut table = lock(&self.table);
        let watching = table.by_account.get(&watch.account).map_or(0, Vec::len);
        if table.by_id.len() >= total || watching >= per_account {
            return false;
        }
        table.by_account.entry(watch.account.clone()).or_default().push(watch.clone());
        table.by_id.insert(watch.id.clone(), watch);
        true
    }

    fn remove(&self, watch: &Watch) -> bool {
        let mut table = lock(&self.table);
        let removed = table.by_id.remove(&watch.id).is_some();
        if let Some(watching) = table.by_account.get_mut(&watch.account) {
            watching.retain(|other| other.id != watch.id);
            if watching.is_empty() {
                table.by_account.remove(&watch.account);
            }
        }
        removed
    }

    fn owner(&self, request: &Request) -> Option<Arc<Watch>> {
        let (call_id, to, from) = (request.call_id().ok()?, request.to().ok()?, request.from().ok()?);
        let id = format!("{call_id};{};{}", to.tag()?, from.tag()?);
        lock(&self.table).by_id.get(&id).cloned()
    }
}

fn watch(record: Record, flow: Option<Flow>, reserved: u32) -> Arc<Watch> {
    let Record { subscription, address, nat } = record;
    Arc::new(Watch {
        id: subscription.dialog.id(),
        account: subscription.account.clone(),
        address,
        watcher: subscription.dialog.remote_target.clone(),
        expires_at: AtomicI64::new(subscription.expires_at),
        talk: tokio::sync::Mutex::new(Talk { subscription, nat, flow, reserved }),
        want: Mutex::new(Want::default()),
    })
}

/// The source of a datagram when its sender does not know its own address: then its Contact is of no use either.
fn behind_nat(request: &Request, flow: &Flow) -> Option<SocketAddr> {
    let via = request.top_via().ok()?;
    let direct =
        request.headers.all(Name::VIA).count() == 1 && request.headers.first(Name::RECORD_ROUTE).is_none();
    let elsewhere = via.host().parse::<std::net::IpAddr>().is_ok_and(|ip| ip != flow.peer.ip());
    (flow.transport == Transport::Udp && direct && via.params.has("rport") && elsewhere).then_some(flow.peer)
}

impl Core {
    /// Takes up what an earlier process left.
    pub(crate) async fn restore_watchers(&self, stored: Vec<StoredSubscription>) {
        let now = self.now();
        for record in stored {
            let parsed = serde_json::from_str::<Record>(&record.record);
            match parsed {
                Ok(record) if !record.subscription.is_over(now) => {
                    let reserved = record.subscription.dialog.local_cseq;
                    self.watchers.insert(watch(record, None, reserved), usize::MAX, usize::MAX);
                }
                other => {
                    if let Err(error) = other {
                        tracing::warn!(id = record.id, %error, "a stored subscription is not readable and dropped");
                    }
                    self.forget(&record.id).await;
                }
            }
        }
    }

    async fn forget(&self, id: &str) {
        if let Err(error) = self.store.remove(id).await {
            tracing::warn!(id, %error, "an ended SIP subscription could not be removed from the store");
        }
    }

    /// Saves a watcher with a fresh block of CSeq numbers.
    async fn save(&self, watch: &Watch, talk: &mut Talk) -> Result<(), Error> {
        let mut subscription = talk.subscription.clone();
        let reserved = subscription.dialog.local_cseq.saturating_add(CSEQ_BLOCK);
        subscription.dialog.local_cseq = reserved;
        let account = subscription.account.clone();
        let expires_at_ms = subscription.expires_at;
        let record = Record { subscription, address: watch.address.clone(), nat: talk.nat };
        let record = serde_json::to_string(&record).map_err(|error| Error::Store(error.into()))?;
        let kind = StoredKind::Subscription;
        let stored = StoredSubscription { id: watch.id.clone(), kind, account, record, expires_at_ms };
        self.store.save(stored).await.map_err(Error::Store)?;
        talk.reserved = reserved;
        Ok(())
    }

    /// Accepts a SUBSCRIBE outside any dialog.
    pub(crate) async fn open_watch(
        &self,
        request: &Request,
        flow: &Flow,
        (address, account): (&str, &str),
        tag: &str,
    ) -> Result<(Response, BoxFuture<'_, ()>), Rejection> {
        let now = self.now();
        let subscription = Subscription::accept(request, account, &self.config.expiry, tag, now)?;
        let seconds = subscription.seconds_left(now);
        let record = Record { subscription, address: address.to_owned(), nat: behind_nat(request, flow) };
        let opened = watch(record, Some(flow.clone()), 0);
        let limits = &self.config.limits;
        let later = || Rejection::with(503, Name::RETRY_AFTER, "60".to_owned());
        if opened.id.len() > 1_000 {
            return Err(Rejection::new(400));
        }
        if !self.watchers.insert(opened.clone(), limits.subscriptions, limits.subscriptions_per_mailbox) {
            return Err(later());
        }
        // Durable before it is acknowledged.
        if seconds > 0
            && let Err(error) = self.save(&opened, &mut *opened.talk.lock().await).await
        {
            tracing::warn!(account, %error, "a SIP subscription could not be stored and is refused");
            self.watchers.remove(&opened);
            return Err(later());
        }
        Ok(self.acknowledge(request, flow, tag, opened, seconds, false))
    }

    /// Takes in a SUBSCRIBE inside a dialog.
    pub(crate) async fn refresh_watch(
        &self,
        request: &Request,
        flow: &Flow,
        username: &str,
    ) -> Result<(Response, BoxFuture<'_, ()>), Rejection> {
        let gone = || Rejection::new(481);
        let watch = self.watchers.owner(request).ok_or_else(gone)?;
        let mut talk = watch.talk.lock().await;
        // What was allowed an hour ago may be no more.
        let access = self.accounts.access(&watch.address, username).await;
        if access != crate::ports::Access::Granted(watch.account.clone()) {
            return Err(Rejection::new(403));
        }
        let now = self.now();
        talk.subscription.refresh(request, &self.config.expiry, now)?;
        talk.flow = Some(flow.clone());
        talk.nat = behind_nat(request, flow);
        let seconds = talk.subscription.seconds_left(now);
        watch.expires_at.store(talk.subscription.expires_at, Ordering::Relaxed);
        if seconds > 0 {
            if let Err(error) = self.save(&watch, &mut talk).await {
                tracing::warn!(account = watch.account, %error, "a refreshed SIP subscription could not be stored");
            }
        } else {
            lock(&watch.want).unsubscribed = true;
        }
        drop(talk);
        Ok(self.acknowledge(request, flow, "", watch, seconds, true))
    }

    /// The 200, and the NOTIFY that must follow at once (RFC 6665 section 4.2.1.2).
    fn acknowledge(
        &self,
        request: &Request,
        flow: &Flow,
        tag: &str,
        watch: Arc<Watch>,
        seconds: u32,
        refresh: bool,
    ) -> (Response, BoxFuture<'_, ()>) {
        let mut response = request.respond(200, tag);
        for route in request.headers.all(Name::RECORD_ROUTE) {
            response.headers.push(Name::RECORD_ROUTE, route);
        }
        response.headers.push(Name::CONTACT, format!("<{}>", self.contact(flow)));
        response.headers.push(Name::EXPIRES, seconds.to_string());
        let event =
            SipEvent::Subscribed { account: &watch.account, watcher: &watch.watcher, seconds, refresh };
        self.observe(event);
        let then = async move {
            let known = timeout(self.config.limits.state_lookup, self.accounts.light(&watch.account)).await;
            let unknown = |_| Snapshot { light: Light::Unknown, revision: 0, trace: None };
            self.offer(&watch, known.unwrap_or_else(unknown), true);
        };
        (response, then.boxed())
    }

    /// Tells a watcher, unless it knows or something newer is known.
    pub(crate) fn offer(&self, watch: &Arc<Watch>, snapshot: Snapshot, force: bool) {
        let mut want = lock(&watch.want);
        if want.newest.as_ref().is_none_or(|newest| newest.revision <= snapshot.revision) {
            want.newest = Some(snapshot);
        }
        want.force |= force;
        want.dirty = true;
        if !std::mem::replace(&mut want.running, true)
            && let Some(core) = self.me()
        {
            let watch = watch.clone();
            self.wire.tasks().spawn(async move {
                tokio::select! {
                    () = core.pump(&watch) => {}
                    () = core.wire.stopping().cancelled() => {}
                }
            });
        }
    }

    /// Tells one watcher the newest until it knows. Only one pump of a watcher runs at a time.
    async fn pump(&self, watch: &Arc<Watch>) {
        loop {
            let next = {
                let mut want = lock(&watch.want);
                if !want.dirty {
                    want.running = false;
                    return;
                }
                want.last_sent.map(|at| at + self.config.limits.notify_interval)
            };
            if let Some(next) = next {
                sleep_until(next).await;
            }
            let (snapshot, forced) = {
                let mut want = lock(&watch.want);
                want.dirty = false;
                let forced = std::mem::take(&mut want.force);
                let Some(newest) = want.newest.clone() else { continue };
                let news =
                    newest.light != Light::Unknown && want.told.map(|(light, _)| light) != Some(newest.light);
                if !news && !forced {
                    continue;
                }
                want.last_sent = Some(Instant::now());
                (newest, forced)
            };
            if !self.tell(watch, &snapshot, forced).await {
                return;
            }
        }
    }

    /// Sends one NOTIFY and draws the consequences; `false` when the subscription has ended.
    async fn tell(&self, watch: &Arc<Watch>, snapshot: &Snapshot, forced: bool) -> bool {
        let began = Instant::now();
        let sent = self.notify(watch, snapshot).await;
        let over = watch.expires_at.load(Ordering::Relaxed) <= self.now();
        let (verdict, wait, why) = match sent {
            Ok(response) => {
                let wait = response.retry_after().map(|s| Duration::from_secs(s.min(300).into()));
                (
                    Subscription::judge(Some(response.code)),
                    wait,
                    format!("{} {}", response.code, response.reason),
                )
            }
            // An answer that never came ends it; a connection that cannot be opened may be a telephone restarting.
            Err((true, why)) => (Subscription::judge(None), None, why),
            Err((false, why)) => (NotifyVerdict::Later, None, why),
        };
        metrics::counter!("tieline_sip_watcher_notifies_total", "verdict" => word(verdict)).increment(1);
        if verdict == NotifyVerdict::Delivered {
            self.observe(SipEvent::Notified {
                account: &watch.account,
                watcher: &watch.watcher,
                light: snapshot.light,
                revision: snapshot.revision,
                trace: snapshot.trace.as_deref(),
                elapsed: began.elapsed(),
            });
        }
        let ended = {
            let mut want = lock(&watch.want);
            match verdict {
                _ if over && want.unsubscribed => Some(Ended::Unsubscribed),
                _ if over => Some(Ended::Expired),
                NotifyVerdict::Delivered => {
                    want.retries = 0;
                    want.told =
                        (snapshot.light != Light::Unknown).then_some((snapshot.light, snapshot.revision));
                    None
                }
                NotifyVerdict::Later if want.retries < MAX_RETRIES => {
                    want.retries += 1;
                    want.dirty = true;
                    want.force |= forced;
                    want.told = None;
                    None
                }
                NotifyVerdict::Later | NotifyVerdict::Gone => Some(Ended::Gone(why)),
            }
        };
        if let Some(why) = ended {
            self.end(watch, why).await;
            return false;
        }
        if verdict == NotifyVerdict::Later {
            let retries = lock(&watch.want).retries;
            sleep(wait.unwrap_or(Duration::from_secs(1 << retries.min(5)))).await;
        }
        true
    }

    async fn end(&self, watch: &Watch, why: Ended) {
        if self.watchers.remove(watch) {
            self.forget(&watch.id).await;
            self.observe(SipEvent::Ended { account: &watch.account, watcher: &watch.watcher, why });
        }
    }

    /// One NOTIFY. `Err((true, _))`: sent, and no answer came.
    async fn notify(&self, watch: &Watch, snapshot: &Snapshot) -> Result<Response, (bool, String)> {
        let mut talk = watch.talk.lock().await;
        let flow = match self.way(&talk).await {
            Ok(flow) => flow,
            Err(failure) => return Err((false, failure.to_string())),
        };
        if talk.subscription.dialog.local_cseq >= talk.reserved
            && !talk.subscription.is_over(self.now())
            && let Err(error) = self.save(watch, &mut talk).await
        {
            return Err((false, error.to_string()));
        }
        let summary = snapshot.light.summary(&watch.address);
        let contact = self.contact(&flow);
        let mut request = talk.subscription.notify(summary.as_ref(), None, &contact, self.now());
        // The lock must not be held while waiting for an answer: the watcher may refresh meanwhile.
        drop(talk);
        self.put_trace(&mut request, snapshot.trace.as_deref());
        match self.send(request, Way::Flow(flow), None).await {
            Ok(answer) => Ok(answer.response),
            Err(failure) => Err((true, failure.to_string())),
        }
    }

    /// The way to a watcher: the connection it holds open, the NAT's door, or its own address.
    async fn way(&self, talk: &Talk) -> Result<Flow, crate::error::Failure> {
        let dialog = &talk.subscription.dialog;
        match &talk.flow {
            Some(flow) if flow.transport.is_reliable() && flow.is_open() => return Ok(flow.clone()),
            _ => {}
        }
        let flow = self.wire.flow_to(dialog.next_hop(), "NOTIFY").await?;
        Ok(match talk.nat {
            Some(source) if flow.transport == Transport::Udp && dialog.route_set.is_empty() => {
                flow.towards(source)
            }
            _ => flow,
        })
    }

    /// Adds the trace id, where that is wanted.
    pub(crate) fn put_trace(&self, request: &mut Request, trace: Option<&str>) {
        if let (Some(name), Some(trace)) = (&self.config.trace_header, trace) {
            request.headers.push(header_name(name), trace);
        }
    }

    /// Ends subscriptions whose time is over, with the NOTIFY that says so.
    pub(crate) fn expire_watchers(&self) {
        let now = self.now();
        for watch in self.watchers.all() {
            if watch.expires_at.load(Ordering::Relaxed) <= now && !lock(&watch.want).running {
                let newest = lock(&watch.want).newest.clone();
                let last = newest.unwrap_or(Snapshot { light: Light::Unknown, revision: 0, trace: None });
                self.offer(&watch, last, true);
            }
        }
    }
}

const fn word(verdict: NotifyVerdict) -> &'static str {
    match verdict {
        NotifyVerdict::Delivered => "delivered",
        NotifyVerdict::Later => "later",
        NotifyVerdict::Gone => "gone",
    }
}
