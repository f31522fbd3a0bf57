//! One connection, plain or TLS, opened by either side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tieline_proto_sip::{Frame, Framer, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Flow, Handle, Wire};

/// Messages that may wait for one connection.
const QUEUE: usize = 128;

/// A connection's two ends: the flow for senders, and what the task needs to serve it.
pub(super) struct Ends {
    pub(super) flow: Flow,
    queue: mpsc::Receiver<Arc<[u8]>>,
}

pub(super) fn ends(transport: Transport, peer: SocketAddr, local: SocketAddr) -> Ends {
    let (sender, queue) = mpsc::channel(QUEUE);
    let handle = Handle::Stream { queue: sender, refusal: Arc::default() };
    Ends { flow: Flow { transport, peer, local, handle }, queue }
}

/// Serves a connection until either side closes, stalls, talks nonsense, or the stack stops. `first` is how long its
/// first bytes may take.
pub(super) async fn serve<S>(wire: &Wire, stream: S, ends: Ends, first: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ends { flow, queue } = ends;
    let peer = flow.peer;
    let (reader, writer) = tokio::io::split(stream);
    let why = tokio::select! {
        // Reading first: what the peer said last explains why writing fails.
        biased;
        why = read(wire, reader, &flow, first) => why,
        why = write(writer, queue, wire.limits.write) => why,
        () = wire.stop.cancelled() => "Tieline stops",
    };
    tracing::debug!(%peer, transport = flow.transport.via_name(), why, "SIP connection closed");
}

async fn read(wire: &Wire, mut reader: impl AsyncRead + Unpin, flow: &Flow, first: Duration) -> &'static str {
    let mut framer = Framer::new();
    let mut buffer = vec![0; 8 * 1024];
    let mut patience = first;
    loop {
        let bytes = match timeout(patience, reader.read(&mut buffer)).await {
            Err(_) => return "no traffic",
            Ok(Err(error)) => {
                // With TLS 1.3 a peer that refuses our certificate says so only now.
                if error.kind() == std::io::ErrorKind::InvalidData {
                    flow.refuse(error.to_string());
                }
                return "broken";
            }
            Ok(Ok(0)) => return "closed by the peer",
            Ok(Ok(length)) => buffer.get(..length).unwrap_or_default(),
        };
        framer.push(bytes);
        loop {
            match framer.next_frame() {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => wire.deliver(message, flow).await,
                Ok(Some(Frame::Ping)) => {
                    if flow.send(Arc::from(&b"\r\n"[..])).await.is_err() {
                        return "the peer does not read";
                    }
                }
                Ok(Some(Frame::Pong)) => {}
                Err(error) => {
                    tracing::debug!(peer = %flow.peer, %error, "a connection carries no SIP");
                    return "not SIP";
                }
            }
        }
        // A message that has begun must be completed soon.
        patience = if framer.buffered() > 0 { wire.limits.handshake } else { wire.limits.idle };
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Arc<[u8]>>,
    patience: Duration,
) -> &'static str {
    while let Some(bytes) = queue.recv().await {
        let sent = timeout(patience, async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        });
        match sent.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "broken while writing",
            Err(_) => return "the peer does not read",
        }
    }
    "no longer needed"
}
