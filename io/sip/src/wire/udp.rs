//! Datagrams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tieline_proto_sip::{MAX_MESSAGE, Message, Transport};
use tokio::net::UdpSocket;

use super::{Flow, Handle, Wire};

/// Reads one socket until the stack stops.
pub(super) async fn read(wire: Arc<Wire>, local: SocketAddr, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; MAX_MESSAGE];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = wire.stop.cancelled() => return,
        };
        let (length, peer) = match received {
            Ok(received) => received,
            Err(error) => {
                // ICMP errors of earlier datagrams surface here; they concern one peer, not the socket.
                tracing::debug!(%local, %error, "a datagram could not be received");
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        };
        let Some(bytes) = buffer.get(..length) else { continue };
        // Keep-alives (RFC 5626 section 3.5.2 leaves them to STUN, telephones send line ends or zeros).
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | 0)) {
            continue;
        }
        match Message::parse_datagram(bytes) {
            Ok(message) => {
                let handle = Handle::Datagram(Arc::downgrade(&socket));
                wire.deliver_or_drop(message, &Flow { transport: Transport::Udp, peer, local, handle });
            }
            Err(error) => tracing::debug!(%peer, %error, "a datagram is not SIP"),
        }
    }
}
