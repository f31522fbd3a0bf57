//! What an administrator decides about SIP, as values. Every limit has a default and can be changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tieline_proto_sip::digest::{Algorithm, Login};
use tieline_proto_sip::{ExpiryPolicy, Timers, Uri};
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

/// One TLS listener. Whether it asks for a client certificate is up to its configuration.
#[derive(Debug, Clone)]
pub struct TlsListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Certificate, key and, for mutual TLS, the client verifier.
    pub config: Arc<ServerConfig>,
}

/// How much is done at once and how long things may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections that peers opened, at most.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_peer: usize,
    /// Requests of peers handled at once; more wait (connections) or are dropped (datagrams, which come again).
    pub requests_in_work: usize,
    /// Answers kept for retransmissions.
    pub transactions: usize,
    /// Our requests on their way at once.
    pub requests_in_flight: usize,
    /// Calls under way at once, that is until their answer is acknowledged.
    pub calls: usize,
    /// Subscriptions, at most.
    pub subscriptions: usize,
    /// Of these, for one mailbox.
    pub subscriptions_per_mailbox: usize,
    /// A TCP connect, a TLS handshake, and the first message on a connection that a peer opened.
    pub handshake: Duration,
    /// A connection without traffic is closed after this.
    pub idle: Duration,
    /// A peer that does not read for this long loses its connection.
    pub write: Duration,
    /// Shortest time between two NOTIFYs of a subscription (RFC 3842 recommends a second); the newest
    /// state is sent when it is over.
    pub notify_interval: Duration,
    /// How long the present state of a mailbox may take to be told to a new watcher; then it is unknown.
    pub state_lookup: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_peer: 64,
            requests_in_work: 256,
            transactions: 16_384,
            requests_in_flight: 2_048,
            calls: 2_048,
            subscriptions: 50_000,
            subscriptions_per_mailbox: 32,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(900),
            write: Duration::from_secs(10),
            notify_interval: Duration::from_secs(1),
            state_lookup: Duration::from_secs(5),
        }
    }
}

/// Everything [`crate::SipStack::start`] needs to know.
#[derive(Clone)]
pub struct SipConfig {
    /// UDP listeners; also where our datagrams leave from.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners.
    pub tls: Vec<TlsListener>,
    /// For TLS connections that we open; a client certificate in it makes them mutual. Without it TLS targets are
    /// refused.
    pub tls_client: Option<Arc<ClientConfig>>,
    /// The domain of our users: digest realm, and host of our own address.
    pub domain: String,
    /// The host that peers shall use to reach us, where listeners are bound to all addresses or lie behind NAT.
    pub advertised_host: Option<String>,
    /// `User-Agent` and `Server`.
    pub user_agent: String,
    /// The header that carries the trace id in NOTIFY and PUBLISH; `None` leaves it out.
    pub trace_header: Option<String>,
    /// Whether watchers must prove who they are. Without it anybody who reaches a listener may ask, and
    /// [`crate::Accounts::access`] sees an empty user name.
    pub authenticate: bool,
    /// Digest algorithms, most preferred first. A telephone that reads only the first challenge and knows MD5 alone, as
    /// sipp 3.6 does, needs MD5 in front.
    pub algorithms: Vec<Algorithm>,
    /// Signs nonces; secret, 32 random bytes.
    pub nonce_key: [u8; 32],
    /// How long one nonce may be used.
    pub nonce_lifetime: Duration,
    /// How long subscriptions last.
    pub expiry: ExpiryPolicy,
    /// RFC 3261's timers.
    pub timers: Timers,
    /// Bounds.
    pub limits: Limits,
}

impl SipConfig {
    /// A configuration that listens nowhere yet.
    #[must_use]
    pub fn new(domain: &str, nonce_key: [u8; 32]) -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            tls_client: None,
            domain: domain.to_owned(),
            advertised_host: None,
            user_agent: concat!("Tieline/", env!("CARGO_PKG_VERSION")).to_owned(),
            trace_header: Some("X-Tieline-Trace".to_owned()),
            authenticate: true,
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nonce_key,
            nonce_lifetime: Duration::from_secs(300),
            expiry: ExpiryPolicy::default(),
            timers: Timers::default(),
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for SipConfig {
    /// Without the nonce key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SipConfig")
            .field("domain", &self.domain)
            .field("udp", &self.udp)
            .field("tcp", &self.tcp)
            .field("tls", &self.tls.iter().map(|l| l.address).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Where unsolicited NOTIFYs for one lamp go.
#[derive(Debug, Clone)]
pub struct NotifyTarget {
    /// The telephone or PBX: host, port and transport.
    pub target: Uri,
    /// Whose lamp: the address of record that becomes To.
    pub user: Uri,
    /// Credentials, where the target asks for them.
    pub login: Option<Login>,
}

/// A presence server that publishes for one user.
#[derive(Debug, Clone)]
pub struct PublicationTarget {
    /// The presence server: host, port and transport.
    pub server: Uri,
    /// Whose state.
    pub user: Uri,
    /// Credentials.
    pub login: Option<Login>,
    /// How long a publication is asked to last, in seconds; it is refreshed in time.
    pub lifetime: u32,
}
