//! Connections that we open, kept for the next message; and the choice of a flow for a host.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tieline_proto_sip::{Transport, Uri};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{ConnectionKey, Flow, Handle, Wire, connection};
use crate::error::{Class, Failure};
use crate::lock;

impl Wire {
    /// The way to `hop`: an open connection, a new one, or a socket for datagrams. Host names are looked up as
    /// addresses; SRV and NAPTR records are not asked for, so a name needs its port unless it is the default.
    pub(crate) async fn flow_to(self: &Arc<Self>, hop: &Uri, method: &'static str) -> Result<Flow, Failure> {
        let transport = hop.transport();
        let port = hop.port().unwrap_or(transport.default_port());
        let failed = |class, why: String| Failure::new(class, method, hop.as_str(), why);
        let lookup = timeout(self.limits.handshake, tokio::net::lookup_host((hop.host(), port))).await;
        let addresses: Vec<SocketAddr> = match lookup {
            Ok(Ok(addresses)) => addresses.take(8).collect(),
            Ok(Err(error)) => {
                return Err(failed(
                    Class::Transient,
                    format!("the host {} has no address: {error}", hop.host()),
                ));
            }
            Err(_) => return Err(failed(Class::Transient, format!("no answer on where {} is", hop.host()))),
        };
        if transport == Transport::Udp {
            return self.datagram_flow(&addresses).ok_or_else(|| {
                failed(Class::Operator, "no UDP listener of this address family is configured".to_owned())
            });
        }
        let mut last = failed(Class::Transient, "the host has no address".to_owned());
        for peer in addresses {
            let key = ConnectionKey { transport, peer, host: hop.host().to_owned() };
            match self.connection(key).await {
                Ok(flow) => return Ok(flow),
                Err(error) => last = failed(connect_class(&error), format!("{peer}: {error}")),
            }
        }
        Err(last)
    }

    fn datagram_flow(&self, addresses: &[SocketAddr]) -> Option<Flow> {
        let sockets = lock(&self.udp);
        addresses.iter().find_map(|peer| {
            let (local, socket) = sockets.iter().find(|(local, _)| local.is_ipv4() == peer.is_ipv4())?;
            let handle = Handle::Datagram(Arc::downgrade(socket));
            Some(Flow { transport: Transport::Udp, peer: *peer, local: *local, handle })
        })
    }

    /// Opens a connection once, however many ask for it at the same time.
    async fn connection(self: &Arc<Self>, key: ConnectionKey) -> io::Result<Flow> {
        let cell = {
            let mut outgoing = lock(&self.outgoing);
            outgoing.retain(|k, cell| *k == key || cell.get().is_none_or(Flow::is_open));
            if outgoing.get(&key).and_then(|cell| cell.get()).is_some_and(|flow| !flow.is_open()) {
                outgoing.remove(&key);
            }
            outgoing.entry(key.clone()).or_insert_with(|| Arc::new(OnceCell::new())).clone()
        };
        cell.get_or_try_init(|| self.connect(key)).await.cloned()
    }

    async fn connect(self: &Arc<Self>, key: ConnectionKey) -> io::Result<Flow> {
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time");
        let connected = timeout(self.limits.handshake, TcpStream::connect(key.peer)).await;
        let stream = connected.map_err(|_| slow())??;
        let _ = stream.set_nodelay(true);
        let ends = connection::ends(key.transport, key.peer, stream.local_addr()?);
        let flow = ends.flow.clone();
        let (wire, idle) = (self.clone(), self.limits.idle);
        if key.transport == Transport::Tcp {
            self.tasks.spawn(async move { connection::serve(&wire, stream, ends, idle).await });
            return Ok(flow);
        }
        let no_tls = || io::Error::new(io::ErrorKind::Unsupported, "no TLS client configuration");
        let connector = self.tls_client.as_ref().ok_or_else(no_tls)?;
        let name = ServerName::try_from(key.host).map_err(io::Error::other)?;
        let stream =
            timeout(self.limits.handshake, connector.connect(name, stream)).await.map_err(|_| slow())??;
        self.tasks.spawn(async move { connection::serve(&wire, stream, ends, idle).await });
        Ok(flow)
    }
}

/// A certificate that does not fit needs the administrator; a peer that is away comes back.
fn connect_class(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput => {
            Class::Operator
        }
        _ => Class::Transient,
    }
}
