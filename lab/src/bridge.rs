//! A conference bridge that takes calls over SIP and UDP: it answers for every room, and remembers who came and went. Its
//! sound is silence.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tieline_proto_sip::{Message, Method, Name, Request, Response, Uri};
use tokio::{net::UdpSocket, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::LabError;

/// A call that the bridge answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BridgeCall {
    /// What was dialled: the room's number.
    pub room: String,
    /// Who called, as From has it.
    pub from: String,
    /// Whether the caller is still there.
    pub here: bool,
    /// `Call-ID`.
    pub call_id: String,
}

/// The bridge and its calls, oldest first.
#[derive(Clone, Debug)]
pub struct Bridge {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<BridgeCall>>>,
    changed: watch::Receiver<()>,
}

impl Bridge {
    pub(crate) async fn start(bind: SocketAddr, stop: CancellationToken) -> Result<Self, LabError> {
        let listen = |error| LabError::Listen { what: "bridge", address: bind, error };
        let socket = UdpSocket::bind(bind).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (sender, changed) = watch::channel(());
        let bridge = Self { address, calls: Arc::clone(&calls), changed };
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            loop {
                let received = tokio::select! {
                    () = stop.cancelled() => return,
                    received = socket.recv_from(&mut buffer) => received,
                };
                let Ok((length, peer)) = received else { continue };
                let bytes = buffer.get(..length).unwrap_or_default();
                let Ok(Message::Request(mut request)) = Message::parse_datagram(bytes) else { continue };
                request.note_source(peer);
                let answer = {
                    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
                    answer(&request, address, &mut calls)
                };
                sender.send_replace(());
                if let Some(answer) = answer
                    && let Err(error) = socket.send_to(&answer.to_bytes(), peer).await
                {
                    tracing::warn!(%peer, %error, "lab bridge could not answer");
                }
            }
        });
        Ok(bridge)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its SIP address, without a room.
    pub fn uri(&self) -> String {
        format!("sip:{}", self.address)
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<BridgeCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a call satisfies `wanted`. Give it a time limit with `tokio::time::timeout`.
    pub async fn wait_for(&self, wanted: impl Fn(&BridgeCall) -> bool) -> Option<BridgeCall> {
        let mut changed = self.changed.clone();
        loop {
            changed.borrow_and_update();
            if let Some(call) = self.calls().into_iter().find(|call| wanted(call)) {
                return Some(call);
            }
            changed.changed().await.ok()?;
        }
    }
}

fn answer(request: &Request, own: SocketAddr, calls: &mut Vec<BridgeCall>) -> Option<Response> {
    if request.check().is_err() {
        return Some(request.respond(400, "lab-bridge"));
    }
    let call_id = request.call_id().unwrap_or_default().to_owned();
    let known = calls.iter().position(|call| call.call_id == call_id);
    match request.method {
        Method::Ack => None,
        Method::Invite => {
            if known.is_none() {
                let uri: Option<Uri> = request.uri.parse().ok();
                let room = uri.and_then(|uri| uri.user().map(str::to_owned)).unwrap_or_default();
                let from = request.from().map(|from| from.uri.to_owned()).unwrap_or_default();
                calls.push(BridgeCall { room, from, here: true, call_id });
            }
            let mut response = request.respond(200, "lab-bridge");
            response.headers.push(Name::CONTACT, format!("<sip:bridge@{own}>"));
            response.headers.push(Name::CONTENT_TYPE, "application/sdp");
            let host = own.ip();
            response.body = format!(
                "v=0\r\no=lab 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n"
            )
            .into_bytes();
            Some(response)
        }
        Method::Bye => match known.and_then(|at| calls.get_mut(at)) {
            Some(call) => {
                call.here = false;
                Some(request.respond(200, "lab-bridge"))
            }
            None => Some(request.respond(481, "lab-bridge")),
        },
        Method::Options => Some(request.respond(200, "lab-bridge")),
        _ => Some(request.respond(405, "lab-bridge")),
    }
}
