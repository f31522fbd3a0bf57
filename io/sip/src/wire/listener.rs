//! Connections that peers open. Each handshake runs in its own task, so that a silent peer holds up nobody.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tieline_proto_sip::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::{Wire, connection};
use crate::error::Error;
use crate::lock;

/// A bound listener.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Self, Error> {
        let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
        let failed = |source| Error::Listen { transport, address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { address, socket, tls: tls.map(TlsAcceptor::from) })
    }

    pub(super) const fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Tcp }
    }

    /// Accepts until the stack stops.
    pub(super) async fn accept_all(self, wire: Arc<Wire>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = wire.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let local = stream.local_addr().unwrap_or(self.address);
                    wire.tasks.spawn(welcome(wire.clone(), stream, peer, local, self.tls.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: give others time to close some.
                    tracing::warn!(address = %self.address, %error, "SIP connections cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

/// A peer's share of the connections; given back when dropped.
struct PeerSlot<'a> {
    wire: &'a Wire,
    peer: IpAddr,
}

impl<'a> PeerSlot<'a> {
    fn take(wire: &'a Wire, peer: IpAddr) -> Option<Self> {
        let mut by_peer = lock(&wire.accepted_by_peer);
        let count = by_peer.entry(peer).or_insert(0);
        if *count >= wire.limits.connections_per_peer {
            return None;
        }
        *count += 1;
        Some(Self { wire, peer })
    }
}

impl Drop for PeerSlot<'_> {
    fn drop(&mut self) {
        let mut by_peer = lock(&self.wire.accepted_by_peer);
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}

async fn welcome(
    wire: Arc<Wire>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let (Ok(_permit), Some(_slot)) =
        (wire.accepted.clone().try_acquire_owned(), PeerSlot::take(&wire, peer.ip()))
    else {
        tracing::debug!(%peer, "SIP connection refused: too many are open");
        metrics::counter!("tieline_sip_refused_connections_total").increment(1);
        return;
    };
    let _ = stream.set_nodelay(true);
    let patience = wire.limits.handshake;
    let Some(tls) = tls else {
        let ends = connection::ends(Transport::Tcp, peer, local);
        return connection::serve(&wire, stream, ends, patience).await;
    };
    let handshake = tokio::select! {
        handshake = timeout(patience, tls.accept(stream)) => handshake,
        () = wire.stop.cancelled() => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let ends = connection::ends(Transport::Tls, peer, local);
            connection::serve(&wire, stream, ends, patience).await;
        }
        Ok(Err(error)) => tracing::info!(%peer, %error, "a SIP peer's TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a SIP peer did not finish its TLS handshake"),
    }
}
