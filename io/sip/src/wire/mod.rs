//! Sockets. Datagrams and connections end here; above are messages and flows.
//!
//! Bounds: connections (all, and from one peer), the queue of each, what is read before a message is whole, and the
//! time for connecting, shaking hands, reading and writing. A peer that stalls costs its own task only: handshakes
//! run beside each other, and a full queue is an error for its sender at once.

mod connection;
mod listener;
mod outgoing;
mod udp;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tieline_proto_sip::{Message, Transport};
use tokio::net::UdpSocket;
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Limits, SipConfig};
use crate::error::Error;
use crate::lock;

/// Where messages that were read go.
pub(crate) trait Inbox: Send + Sync + 'static {
    /// A response; handled at once.
    fn response(&self, response: tieline_proto_sip::Response);
    /// A request, with the flow for its answer. The future ends when it was answered.
    fn request(
        self: Arc<Self>,
        request: tieline_proto_sip::Request,
        flow: Flow,
    ) -> futures_util::future::BoxFuture<'static, ()>;
}

/// The way to a peer, and back.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    handle: Handle,
}

#[derive(Debug, Clone)]
enum Handle {
    /// Weak: a flow that somebody keeps must not keep the socket open.
    Datagram(Weak<UdpSocket>),
    Stream {
        queue: mpsc::Sender<Arc<[u8]>>,
        /// Why the connection ended, where that is the administrator's business: the peer refused our certificate.
        refusal: Arc<OnceLock<String>>,
    },
}

impl Flow {
    /// Whether it can still carry anything.
    pub(crate) fn is_open(&self) -> bool {
        match &self.handle {
            Handle::Datagram(_) => true,
            Handle::Stream { queue, .. } => !queue.is_closed(),
        }
    }

    /// Ends when the connection does; never for datagrams.
    pub(crate) async fn closed(&self) {
        match &self.handle {
            Handle::Datagram(_) => std::future::pending().await,
            Handle::Stream { queue, .. } => queue.closed().await,
        }
    }

    /// Why the peer ended a TLS connection, when it said so.
    pub(crate) fn refusal(&self) -> Option<&str> {
        match &self.handle {
            Handle::Datagram(_) => None,
            Handle::Stream { refusal, .. } => refusal.get().map(String::as_str),
        }
    }

    fn refuse(&self, why: String) {
        if let Handle::Stream { refusal, .. } = &self.handle {
            let _ = refusal.set(why);
        }
    }

    /// The same socket towards another peer; connections have only one.
    pub(crate) fn towards(mut self, peer: SocketAddr) -> Self {
        if matches!(self.handle, Handle::Datagram(_)) {
            self.peer = peer;
        }
        self
    }

    /// Hands bytes over. Never waits for a slow peer.
    pub(crate) async fn send(&self, bytes: Arc<[u8]>) -> io::Result<()> {
        match &self.handle {
            Handle::Datagram(socket) => {
                let socket = socket.upgrade().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
                socket.send_to(&bytes, self.peer).await.map(|_| ())
            }
            Handle::Stream { queue, .. } => queue.try_send(bytes).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    io::Error::other("the peer does not read its connection")
                }
                mpsc::error::TrySendError::Closed(_) => io::Error::from(io::ErrorKind::ConnectionReset),
            }),
        }
    }
}

/// What tells connections apart. The name that the certificate was checked for is part of it: two hosts at one
/// address do not share a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionKey {
    pub(crate) transport: Transport,
    pub(crate) peer: SocketAddr,
    pub(crate) host: String,
}

/// All sockets of a stack.
pub(crate) struct Wire {
    limits: Limits,
    tls_client: Option<TlsConnector>,
    udp: Mutex<Vec<(SocketAddr, Arc<UdpSocket>)>>,
    listening: Vec<(Transport, SocketAddr)>,
    outgoing: Mutex<HashMap<ConnectionKey, Arc<OnceCell<Flow>>>>,
    accepted: Arc<Semaphore>,
    accepted_by_peer: Mutex<HashMap<IpAddr, usize>>,
    in_work: Arc<Semaphore>,
    inbox: Weak<dyn Inbox>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Sockets that are bound and not yet read.
pub(crate) struct Bound {
    udp: Vec<(SocketAddr, Arc<UdpSocket>)>,
    streams: Vec<listener::Listener>,
}

impl Bound {
    /// Opens every listener of the configuration.
    pub(crate) async fn open(config: &SipConfig) -> Result<Self, Error> {
        let mut udp = Vec::new();
        for address in &config.udp {
            let failed = |source| Error::Listen { transport: Transport::Udp, address: *address, source };
            let socket = UdpSocket::bind(address).await.map_err(failed)?;
            udp.push((socket.local_addr().map_err(failed)?, Arc::new(socket)));
        }
        let mut streams = Vec::new();
        for address in &config.tcp {
            streams.push(listener::Listener::bind(*address, None).await?);
        }
        for tls in &config.tls {
            streams.push(listener::Listener::bind(tls.address, Some(tls.config.clone())).await?);
        }
        Ok(Self { udp, streams })
    }
}

impl Wire {
    /// Sockets over `bound`; [`Wire::run`] starts reading.
    pub(crate) fn new(config: &SipConfig, bound: &Bound, inbox: Weak<dyn Inbox>) -> Self {
        let streams = bound.streams.iter().map(|l| (l.transport(), l.address));
        Self {
            limits: config.limits.clone(),
            tls_client: config.tls_client.clone().map(TlsConnector::from),
            udp: Mutex::new(bound.udp.clone()),
            listening: bound.udp.iter().map(|(a, _)| (Transport::Udp, *a)).chain(streams).collect(),
            outgoing: Mutex::new(HashMap::new()),
            accepted: Arc::new(Semaphore::new(config.limits.connections)),
            accepted_by_peer: Mutex::new(HashMap::new()),
            in_work: Arc::new(Semaphore::new(config.limits.requests_in_work)),
            inbox,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts the listeners.
    pub(crate) fn run(self: &Arc<Self>, bound: Bound) {
        for (address, socket) in bound.udp {
            self.tasks.spawn(udp::read(self.clone(), address, socket));
        }
        for listener in bound.streams {
            self.tasks.spawn(listener.accept_all(self.clone()));
        }
    }

    /// What is listened on.
    pub(crate) fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Closes everything and waits until nothing runs any more.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        lock(&self.udp).clear();
        lock(&self.outgoing).clear();
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Connections that are open, both ways.
    pub(crate) fn connections(&self) -> usize {
        let accepted = self.limits.connections - self.accepted.available_permits();
        accepted + lock(&self.outgoing).values().filter(|cell| cell.get().is_some_and(Flow::is_open)).count()
    }

    /// A message from a connection: requests wait for room, which holds up this connection and no other.
    async fn deliver(&self, message: Message, flow: &Flow) {
        let Some(inbox) = self.inbox.upgrade() else { return };
        match message {
            Message::Response(response) => inbox.response(response),
            Message::Request(mut request) => {
                request.note_source(flow.peer);
                let Ok(permit) = self.in_work.clone().acquire_owned().await else { return };
                let work = inbox.request(request, flow.clone());
                self.tasks.spawn(async move {
                    work.await;
                    drop(permit);
                });
            }
        }
    }

    /// A message from a datagram: without room it is dropped, and comes again.
    fn deliver_or_drop(&self, message: Message, flow: &Flow) {
        let Some(inbox) = self.inbox.upgrade() else { return };
        match message {
            Message::Response(response) => inbox.response(response),
            Message::Request(mut request) => {
                request.note_source(flow.peer);
                let Ok(permit) = self.in_work.clone().try_acquire_owned() else {
                    metrics::counter!("tieline_sip_dropped_datagrams_total").increment(1);
                    return;
                };
                let work = inbox.request(request, flow.clone());
                self.tasks.spawn(async move {
                    work.await;
                    drop(permit);
                });
            }
        }
    }
}
