//! A call from a lab desk phone: it dials over UDP, follows one redirection, acknowledges, and hangs up.

use std::{io, net::SocketAddr, time::Duration};

use tieline_proto_sip::{
    Address, ClientStep, Dialog, InviteClientTransaction, Message, Method, Name, Request, Response, Timers,
    header_name,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until},
};

use crate::Phone;

/// A call that was not answered with yes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallRefused {
    /// With what it was answered.
    #[error("{code} {reason}")]
    Answered {
        /// The code.
        code: u16,
        /// What the phone's display shows.
        reason: String,
        /// The sentence in `Warning`.
        warning: Option<String>,
    },
    /// Nobody answered, or nothing that could be understood.
    #[error("no answer: {0}")]
    Silence(String),
}

/// A call that stands.
#[derive(Debug)]
pub struct Call {
    socket: UdpSocket,
    peer: SocketAddr,
    dialog: Dialog,
    /// Every answer on the way here, as `302 Moved Temporarily`.
    pub way: Vec<String>,
}

impl Phone {
    /// Dials `uri` through `server`.
    ///
    /// # Errors
    /// [`CallRefused`], with what the phone's display shows.
    pub async fn dial(&self, server: SocketAddr, uri: &str) -> Result<Call, CallRefused> {
        let silence = |error: io::Error| CallRefused::Silence(error.to_string());
        let socket = UdpSocket::bind((self.address().ip(), 0)).await.map_err(silence)?;
        let own = socket.local_addr().map_err(silence)?;
        let unique = own.port();
        let mut way = Vec::new();
        let (mut target, mut peer) = (uri.to_owned(), server);
        for cseq in 1..=2_u32 {
            let mut invite = Request::new(Method::Invite, &target);
            for (name, value) in [
                (Name::VIA, format!("SIP/2.0/UDP {own};branch=z9hG4bKlab{unique}x{cseq};rport")),
                (Name::MAX_FORWARDS, "70".to_owned()),
                (Name::FROM, format!("<sip:{}@lab.example>;tag=lab{unique}", self.user())),
                (Name::TO, format!("<{uri}>")),
                (Name::CALL_ID, format!("lab-{unique}-{}@{}", self.user(), own.ip())),
                (Name::CSEQ, format!("{cseq} INVITE")),
                (Name::CONTACT, format!("<sip:{}@{own}>", self.user())),
            ] {
                invite.headers.push(name, value);
            }
            let answer = ask(&socket, peer, &invite).await.map_err(silence)?;
            way.push(format!("{} {}", answer.code, answer.reason));
            if answer.code >= 300 {
                let ack = invite.ack(&answer).map_err(|error| CallRefused::Silence(error.to_string()))?;
                socket.send_to(&ack.to_bytes(), peer).await.map_err(silence)?;
            }
            match answer.code {
                200..=299 => {
                    let dialog = Dialog::answered(&invite, &answer)
                        .map_err(|error| CallRefused::Silence(error.to_string()))?;
                    let call = Call { socket, peer: at(dialog.next_hop().as_str(), peer), dialog, way };
                    call.acknowledge().await.map_err(silence)?;
                    return Ok(call);
                }
                302 if cseq == 1 => {
                    let contact = answer.headers.first(Name::CONTACT).unwrap_or_default();
                    let contact = Address::parse(contact).map(|contact| contact.uri.to_owned());
                    target = contact.map_err(|error| CallRefused::Silence(error.to_string()))?;
                    peer = at(&target, peer);
                }
                code => {
                    let warning = answer.headers.first(header_name("Warning")).map(str::to_owned);
                    return Err(CallRefused::Answered { code, reason: answer.reason, warning });
                }
            }
        }
        Err(CallRefused::Silence("redirected twice".to_owned()))
    }
}

impl Call {
    /// Who answered.
    pub fn answered_by(&self) -> &str {
        self.dialog.remote_target.as_str()
    }

    async fn acknowledge(&self) -> io::Result<()> {
        let ack = self.with_via(self.dialog.ack());
        self.socket.send_to(&ack.to_bytes(), self.peer).await.map(|_| ())
    }

    fn with_via(&self, mut request: Request) -> Request {
        let own = self.socket.local_addr().map(|own| own.to_string()).unwrap_or_default();
        let branch = format!("z9hG4bKlab{}{}", request.method, self.dialog.local_cseq);
        request.headers.push_front(Name::VIA, format!("SIP/2.0/UDP {own};branch={branch};rport"));
        request
    }

    /// Ends the call.
    ///
    /// # Errors
    /// When the other side does not say yes to it.
    pub async fn hang_up(mut self) -> Result<(), CallRefused> {
        let bye = self.dialog.request(Method::Bye);
        let bye = self.with_via(bye);
        let answer = ask(&self.socket, self.peer, &bye).await;
        match answer.map_err(|error| CallRefused::Silence(error.to_string()))? {
            answer if answer.code < 300 => Ok(()),
            answer => Err(CallRefused::Answered { code: answer.code, reason: answer.reason, warning: None }),
        }
    }
}

/// Where a URI's host is, when it is an address.
fn at(uri: &str, otherwise: SocketAddr) -> SocketAddr {
    let uri: Option<tieline_proto_sip::Uri> = uri.parse().ok();
    let address =
        uri.and_then(|uri| Some(SocketAddr::new(uri.host().parse().ok()?, uri.port().unwrap_or(5060))));
    address.unwrap_or(otherwise)
}

/// Sends a request until its final answer.
async fn ask(socket: &UdpSocket, peer: SocketAddr, request: &Request) -> io::Result<Response> {
    const RING_MS: i64 = 60_000;
    let begun = Instant::now();
    let uptime = || i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let mut transaction = InviteClientTransaction::new(Timers::default(), false, RING_MS, 0);
    let mut buffer = vec![0; 65_536];
    loop {
        match transaction.step(uptime()) {
            ClientStep::Send => drop(socket.send_to(&request.to_bytes(), peer).await?),
            ClientStep::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
            ClientStep::Wait(until) => {
                let until = begun + Duration::from_millis(u64::try_from(until).unwrap_or(0));
                let length = tokio::select! {
                    received = socket.recv(&mut buffer) => received?,
                    () = sleep_until(until) => continue,
                };
                let bytes = buffer.get(..length).unwrap_or_default();
                let Ok(Message::Response(response)) = Message::parse_datagram(bytes) else { continue };
                // A late answer to an earlier request is none to this one.
                if response.cseq().ok() != request.cseq().ok() {
                    continue;
                }
                if response.code >= 200 {
                    return Ok(response);
                }
                transaction.provisional(uptime());
            }
        }
    }
}
