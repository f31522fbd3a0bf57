//! Builds the server's parts from the configuration and ties them together.

mod calls;
mod conferencing;
mod lights;
mod location;
mod phone_book;
mod quick_call;
mod sign_in;
mod tls;
mod trust_files;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use metrics_exporter_prometheus::PrometheusHandle;
use tieline_audio::{Converter, Tools};
use tieline_conferencing::Conferencing;
use tieline_connectors::ews::{EwsOptions, Exchange, PushPolicy, WatchOptions};
use tieline_messaging::{
    LocationPolicy, Messaging, MessagingParts, MessagingPolicy, Moves, RecordSystems, SpoolPolicy,
};
use tieline_model::{Clock, Ids, Refusal};
use tieline_ports::MailSystem;
use tieline_sip::{Algorithm, Login, Secret, Services, SipConfig, SipStack, TlsListener};
use tieline_store::{KeyFile, Retention, Store, StoreConfig};
use tieline_transport::{ClientOptions, LimiterPolicy, TrustStore};
use tieline_web::{Certificates, Limits, Listeners, Metrics, Readiness, ReloadAsked, Web};
use tieline_worker::{Worker, WorkerPolicy};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{self, Config};
pub(crate) use quick_call::directory_config;

use lights::{MailboxAccounts, Presence, SipLamps, StoredSubscriptions};
pub(crate) use trust_files::Reread;
use trust_files::TrustFiles;

/// The running server.
pub(crate) struct Server {
    http: SocketAddr,
    ldap: Vec<SocketAddr>,
    store: Store,
    lamps: Arc<SipLamps>,
    readiness: watch::Sender<Readiness>,
    running: Config,
    trust_files: TrustFiles,
    /// Ends the listeners.
    listening: CancellationToken,
    /// Ends the work.
    working: CancellationToken,
    web: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
}

/// How often what is too old is removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

impl Server {
    /// Starts everything. The receiver tells when the API was asked to read the configuration again.
    pub(crate) async fn start(
        config: &Config,
        metrics: PrometheusHandle,
    ) -> Result<(Self, mpsc::Receiver<ReloadAsked>), Refusal> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemClock);
        let listeners = Listeners::bind(config.listen.http, &config.listen.admin_socket).await?;
        let http = listeners.http().map_err(|error| {
            Refusal::operator("listen-failed", error.to_string(), "choose another [listen] http")
        })?;
        let store = open_store(config).await?;
        let trust_store = TrustStore::default();
        let trust_files = TrustFiles::new(trust_store.clone());
        let certificates = Arc::new(Certificates::new(
            store.clone(),
            Arc::clone(&clock),
            trust_store.clone(),
            tls_servers(config),
        ));
        certificates.take_up().await?;
        let exchange = Exchange::new(Arc::clone(&clock), Arc::clone(&ids), ews_options(config, &trust_store));
        let mail: Arc<dyn MailSystem> = Arc::new(exchange.clone());
        let lamps = Arc::new(SipLamps::new(Arc::clone(&clock), presence(&config.sip)?));
        let messaging = Messaging::new(MessagingParts {
            store: store.clone(),
            mail: Arc::clone(&mail),
            signalling: Arc::clone(&lamps) as Arc<dyn tieline_ports::Signalling>,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            audio: Arc::new(Converter::new(Tools::default(), audio_limits(config))),
            policy: messaging_policy(config),
        });
        messaging.keep_records_in(RecordSystems {
            contacts: Arc::new(exchange.clone()),
            calendar: Some(Arc::new(exchange.clone())),
        });
        messaging.tell_locations_to(location::sinks(config, &lamps, &trust_store)?);
        let (listening, working) = (CancellationToken::new(), CancellationToken::new());
        let directory = quick_call::directory(&config.directory, &trust_files, &clock)?;
        let conferencing = conferencing::conferencing(
            config,
            &trust_files,
            &store,
            Arc::new(exchange.clone()),
            directory.clone().map(|directory| directory as Arc<dyn tieline_ports::Directory>),
            (&clock, &ids),
        )?;
        if let Some(stack) =
            start_sip(config, &store, &messaging, conferencing.as_ref(), &clock, &ids).await?
        {
            lamps.put(stack);
        }
        let exchanges = config.delivery.enabled;
        if !exchanges {
            tracing::warn!("this node exchanges nothing with mail servers: [delivery] enabled is false");
        }
        let own = if exchanges { messaging.work() } else { messaging.work_at_home() };
        let work = own.into_iter().chain(conferencing.iter().flat_map(Conferencing::work));
        let worker =
            Worker::new(store.clone(), Arc::clone(&clock), Arc::clone(&ids), worker_policy(config), work);
        let quick_call = directory.as_ref().map(|directory| {
            quick_call::quick_call(&config.directory, directory, &trust_store, &store, &clock, &ids)
        });
        let phone_book = phone_book::start(&config.ldap, &store, listening.clone()).await?;
        let ldap = phone_book.map(|book| book.addresses().to_vec()).unwrap_or_default();
        let mut tasks = vec![
            tokio::spawn(worker.run(working.clone())),
            tokio::spawn({
                let (messaging, stop) = (messaging.clone(), working.clone());
                async move {
                    match exchanges {
                        true => messaging.run(stop).await,
                        false => messaging.run_at_home(stop).await,
                    }
                }
            }),
            tokio::spawn(sweep(store.clone(), Arc::clone(&clock), retention(config), working.clone())),
            tokio::spawn(upkeep(metrics.clone(), working.clone())),
            tokio::spawn({
                let (certificates, stop) = (Arc::clone(&certificates), working.clone());
                async move { certificates.run(stop).await }
            }),
        ];
        let preflight: Arc<dyn tieline_ports::Preflight> = Arc::new(exchange.clone());
        let known_people = directory.clone().map(|directory| directory as Arc<dyn tieline_ports::Directory>);
        if let (Some(directory), Some(quick_call)) = (directory, quick_call.clone()) {
            let (reading, calling) = (working.clone(), working.clone());
            tasks.push(tokio::spawn(follow(
                messaging.clone(),
                Arc::clone(&directory) as Arc<dyn tieline_ports::Directory>,
                Duration::from_secs(config.directory.list_every_s),
                working.clone(),
            )));
            tasks.push(tokio::spawn(async move { directory.run(reading).await }));
            tasks.push(tokio::spawn(async move { quick_call.run(calling).await }));
        }
        if let Some(conferencing) = conferencing.clone() {
            let stop = working.clone();
            tasks.push(tokio::spawn(async move { conferencing.run(stop).await }));
        }
        let (readiness, ready) = watch::channel(Readiness::Ready);
        let (reload, reloads) = mpsc::channel(1);
        let sign_in = sign_in::sign_in(&config.sign_in, &trust_files)?;
        let parts = tieline_web::Parts {
            mail,
            clock,
            ids,
            sign_in,
            quick_call,
            push: Arc::new(exchange),
            certificates,
            preflight,
            directory: known_people,
            exchanges,
            conferencing,
        };
        let web =
            Web::new(store.clone(), messaging, parts, web_limits(config), Metrics(metrics), ready, reload);
        let web = tokio::spawn(tieline_web::serve(listeners, Arc::new(web), listening.clone()));
        let running = config.clone();
        let server = Self {
            http,
            ldap,
            store,
            lamps,
            readiness,
            running,
            trust_files,
            listening,
            working,
            web,
            tasks,
        };
        Ok((server, reloads))
    }

    pub(crate) const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where SIP is listened on, as `udp 127.0.0.1:5060`.
    pub(crate) fn sip(&self) -> Vec<String> {
        let listening = self.lamps.stack().map(SipStack::listening).unwrap_or_default();
        listening
            .iter()
            .map(|(transport, address)| format!("{} {address}", transport.via_name().to_lowercase()))
            .collect()
    }

    /// Where contacts can be looked up over LDAP, without TLS first.
    pub(crate) fn ldap(&self) -> &[SocketAddr] {
        &self.ldap
    }

    pub(crate) fn store_name(&self) -> &str {
        self.store.name()
    }

    /// Returns when a part that must not end has ended.
    pub(crate) async fn broken(&mut self) -> Refusal {
        let ended = (&mut self.web).await;
        let why = match ended {
            Ok(Ok(())) => "the listeners ended".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        Refusal::operator(
            "server-broken",
            format!("the server cannot go on: {why}"),
            "start it again and report this line",
        )
    }

    /// Reads the authorities again that the configuration names in files, and changes nothing yet.
    pub(crate) fn reread_trust(&self) -> Result<Reread, Refusal> {
        self.trust_files.reread()
    }

    /// Believes them, and what the operating system believes by now; what was let in is taken up by itself.
    pub(crate) fn take_up_trust(&self, reread: Reread) {
        self.trust_files.take_up(reread);
    }

    /// Which settings of a changed configuration take effect only after a restart, as `sip.udp`: all but the log's.
    pub(crate) fn restart_needed(&self, next: &Config) -> Vec<String> {
        let before = serde_json::to_value(&self.running).unwrap_or_default();
        let after = serde_json::to_value(next).unwrap_or_default();
        let sections = before.as_object().into_iter().flatten().filter(|(name, _)| *name != "log");
        sections.flat_map(|(name, value)| differing(name, value, after.get(name.as_str()))).collect()
    }

    /// Lets requests and work in hand come to an end, within the configured time.
    pub(crate) async fn stop(self, config: &Config) {
        self.readiness.send_replace(Readiness::Stopping);
        self.listening.cancel();
        self.working.cancel();
        let patience = Duration::from_secs(config.listen.stop_within_s);
        let finished = async {
            for task in self.tasks {
                let _ = task.await;
            }
            let _ = self.web.await;
        };
        if tokio::time::timeout(patience, finished).await.is_err() {
            tracing::warn!(?patience, "work in hand did not end in time; it goes on after the next start");
        }
        if let Some(stack) = self.lamps.stack() {
            stack.stop().await;
        }
        self.store.close().await;
        let _ = std::fs::remove_file(&config.listen.admin_socket);
    }
}

/// The settings of a section that differ; a list of sections is one setting.
fn differing(section: &str, before: &serde_json::Value, after: Option<&serde_json::Value>) -> Vec<String> {
    let Some(after) = after.filter(|after| *after != before) else { return Vec::new() };
    match (before.as_object(), after.as_object()) {
        (Some(before), Some(after)) => before
            .iter()
            .filter(|(name, value)| after.get(name.as_str()) != Some(*value))
            .map(|(name, _)| format!("{section}.{name}"))
            .collect(),
        _ => vec![section.to_owned()],
    }
}

/// A store that was never used may be given a key; an existing one without its key is refused by the store itself.
async fn open_store(config: &Config) -> Result<Store, Refusal> {
    let key = &config.store.key_file;
    if !key.exists()
        && tieline_store::status(&config.store.url).await?.iter().all(|migration| !migration.applied)
    {
        KeyFile::at(key).create()?;
        tracing::info!(key = %key.display(), "key made for a new store; keep a copy apart from the backups");
    }
    let mut store = StoreConfig::new(config.store.url.clone(), key.clone());
    store.migrate = config.store.migrate;
    Ok(Store::open(store).await?)
}

/// Servers that the file names and that are asked over TLS from the first byte on; their certificates' days are counted.
fn tls_servers(config: &Config) -> Vec<tieline_transport::Endpoint> {
    let directories = config.directory.servers.iter().filter_map(|server| server.strip_prefix("ldaps://"));
    let directories = directories.map(|place| {
        let port = if place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            ""
        } else {
            ":636"
        };
        format!("https://{}{port}/", place.trim_end_matches('/'))
    });
    let issuer = config.sign_in.openid.iter().map(|openid| openid.issuer.clone());
    let all = directories.chain(issuer.filter(|issuer| issuer.starts_with("https://")));
    all.filter_map(|url| tieline_transport::Endpoint::parse(&url).ok()).collect()
}

fn ews_options(config: &Config, trust_store: &TrustStore) -> EwsOptions {
    let delivery = &config.delivery;
    EwsOptions {
        request_timeout: Duration::from_secs(delivery.request_within_s),
        response_limit: config.limits.answer_bytes,
        limiter: LimiterPolicy {
            per_server: delivery.parallel_requests,
            per_charge: delivery.parallel_requests_per_mailbox,
            ..LimiterPolicy::default()
        },
        watch: WatchOptions {
            push: delivery.push_url.as_deref().map(PushPolicy::new),
            ..WatchOptions::default()
        },
        client: ClientOptions { trust_store: trust_store.clone(), ..ClientOptions::default() },
        ..EwsOptions::default()
    }
}

fn messaging_policy(config: &Config) -> MessagingPolicy {
    let defaults = MessagingPolicy::default();
    let spool = |spool: &config::Spool| SpoolPolicy {
        root: spool.folder.clone(),
        poll: Duration::from_secs(spool.every_s.max(1)),
        remove_accepted: spool.remove_accepted,
    };
    MessagingPolicy {
        parallel_mailboxes: config.delivery.parallel_mailboxes,
        delivery: delivery_policy(&config.delivery),
        content_limit: config.limits.recording_bytes,
        text_limit: config.limits.text_chars as usize,
        sync_interval: Duration::from_secs(config.delivery.read_every_s),
        snapshot_every: SignedDuration::from_secs(config.delivery.snapshot_every_s as i64),
        unknown_after: SignedDuration::from_secs(config.sip.unknown_after_s as i64),
        account_domain: config.sip.domain.clone(),
        location: location_policy(&config.location),
        spools: config.spool.iter().map(spool).collect(),
        ..defaults
    }
}

fn location_policy(location: &config::Location) -> LocationPolicy {
    let moves = Moves {
        default: location.event,
        tentative: location.tentative,
        all_day: location.whole_days,
        ..Moves::default()
    };
    LocationPolicy { usual: location.usual, moves }
}

fn delivery_policy(delivery: &config::Delivery) -> tieline_delivery::Policy {
    let defaults = tieline_delivery::Policy::default();
    let longest = SignedDuration::from_secs(delivery.retry_at_most_s as i64);
    tieline_delivery::Policy {
        call_timeout: SignedDuration::from_secs(delivery.request_within_s as i64),
        late_effect_bound: SignedDuration::from_secs(delivery.late_effect_bound_s as i64),
        first_wait: SignedDuration::from_millis(delivery.first_retry_ms as i64),
        longest_wait: longest,
        operator_first_wait: defaults.operator_first_wait.min(longest),
        operator_longest_wait: longest,
        ..defaults
    }
}

fn worker_policy(config: &Config) -> WorkerPolicy {
    WorkerPolicy {
        lease: SignedDuration::from_secs(config.delivery.lease_s as i64),
        drain: Duration::from_secs(config.listen.stop_within_s / 2),
        retry: delivery_policy(&config.delivery),
        ..WorkerPolicy::default()
    }
}

fn audio_limits(config: &Config) -> tieline_audio::Limits {
    tieline_audio::Limits {
        max_bytes: config.limits.recording_bytes,
        max_duration: Duration::from_secs(config.limits.recording_s),
        ..tieline_audio::Limits::default()
    }
}

fn web_limits(config: &Config) -> Limits {
    let limits = &config.limits;
    // A form's other part and its boundaries come on top of the recording.
    const FORM: u64 = 64 << 10;
    Limits {
        request_bytes: limits.request_bytes as usize,
        recording_bytes: (limits.recording_bytes + FORM) as usize,
        request_within: Duration::from_secs(limits.request_s),
        requests_per_minute: u32::try_from(limits.requests_per_minute).unwrap_or(u32::MAX),
    }
}

fn retention(config: &Config) -> Retention {
    Retention {
        content: SignedDuration::from_hours(24 * i64::from(config.store.keep_recordings_days)),
        ..Retention::default()
    }
}

fn presence(sip: &config::Sip) -> Result<Option<Presence>, Refusal> {
    let Some(presence) = &sip.presence else { return Ok(None) };
    let next = "write it as sip:10.0.0.5:5060;transport=tcp";
    let server = presence.server.parse().map_err(|_| {
        Refusal::operator(
            "config-invalid",
            format!("[sip.presence] server {:?} is not a SIP address", presence.server),
            next,
        )
    })?;
    let login = match (&presence.user, &presence.password_file) {
        (Some(user), Some(file)) => {
            let password = read_file(file)?;
            let password = String::from_utf8_lossy(&password).lines().next().unwrap_or_default().to_owned();
            Some(Login { username: user.clone(), secret: Secret::Password(password) })
        }
        _ => None,
    };
    Ok(Some(Presence { server, login }))
}

async fn start_sip(
    config: &Config,
    store: &Store,
    messaging: &Messaging,
    conferencing: Option<&Conferencing>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
) -> Result<Option<SipStack>, Refusal> {
    let sip = &config.sip;
    if sip.udp.is_none() && sip.tcp.is_none() && sip.tls.is_none() {
        return Ok(None);
    }
    let mut nonce_key = [0; 32];
    getrandom::fill(&mut nonce_key).map_err(|error| {
        Refusal::operator("no-randomness", error.to_string(), "check the operating system")
    })?;
    let mut stack = SipConfig::new(&sip.domain, nonce_key);
    stack.udp = sip.udp.into_iter().collect();
    stack.tcp = sip.tcp.into_iter().collect();
    stack.expiry.max = sip.subscription_max_s;
    stack.authenticate = sip.authenticate_subscribers;
    stack.algorithms = sip
        .digest
        .iter()
        .map(|digest| match digest {
            config::Digest::Sha256 => Algorithm::Sha256,
            config::Digest::Md5 => Algorithm::Md5,
        })
        .collect();
    if !sip.trace_header {
        stack.trace_header = None;
    }
    if let Some(tls) = &sip.tls {
        let (server, client) = tls::configs(tls)?;
        stack.tls = vec![TlsListener { address: tls.listen, config: server }];
        stack.tls_client = Some(client);
    }
    let services = Services {
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
        accounts: Arc::new(MailboxAccounts {
            messaging: messaging.clone(),
            clock: Arc::clone(clock),
            domain: sip.domain.clone(),
            authenticate: sip.authenticate_subscribers,
        }),
        store: Arc::new(StoredSubscriptions { store: store.clone(), clock: Arc::clone(clock) }),
        observer: None,
        calls: room_calls(&config.conferencing, conferencing),
    };
    let started = SipStack::start(stack, services).await;
    started.map(Some).map_err(|error| {
        Refusal::operator("sip-failed", error.to_string(), "correct the section [sip] of the configuration")
    })
}

/// Who takes calls: conferencing, when it has a bridge.
fn room_calls(
    config: &config::Conferencing,
    conferencing: Option<&Conferencing>,
) -> Option<Arc<dyn tieline_sip::Calls>> {
    let (bridge, conferencing) = config.bridge.as_ref().zip(conferencing)?;
    Some(Arc::new(calls::RoomCalls {
        conferencing: conferencing.clone(),
        way: bridge.calls,
        domain: config.sip_domain.clone(),
    }))
}

fn read_file(path: &Path) -> Result<Vec<u8>, Refusal> {
    std::fs::read(path).map_err(|error| {
        let what = format!("the file cannot be read: {error}");
        Refusal::operator("file-unreadable", what, "correct the path or its permissions")
            .at(path.display().to_string())
    })
}

/// Removes what is older than it need be, once an hour.
async fn sweep(store: Store, clock: Arc<dyn Clock>, retention: Retention, stop: CancellationToken) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        match store.sweep(clock.now(), &retention).await {
            Ok(swept) => tracing::debug!(?swept, "store swept"),
            Err(error) => tracing::warn!(%error, "store not swept; tried again in an hour"),
        }
    }
}

/// Has saved contacts follow the directory, as often as it is listed.
async fn follow(
    messaging: Messaging,
    directory: Arc<dyn tieline_ports::Directory>,
    every: Duration,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => messaging.everybody_follows(&*directory).await,
        }
    }
}

/// Keeps the metrics' histograms small between scrapes.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => metrics.run_upkeep(),
        }
    }
}
