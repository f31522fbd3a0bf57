//! A lab desk phone: a small SIP user agent on UDP that takes message-waiting NOTIFYs (RFC 3842), answers them
//! and remembers its lamp. It registers nowhere and makes no calls.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tokio::{net::UdpSocket, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{LabError, clock::Clock};

/// What a message-summary body said, with the time of its arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lamp {
    /// `Messages-Waiting: yes`.
    pub on: bool,
    /// New voice messages, from `Voice-Message: new/old`; absent when the body has no such line.
    pub new: Option<u32>,
    /// Old voice messages.
    pub old: Option<u32>,
    /// When the NOTIFY arrived, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// `Call-ID` of the NOTIFY.
    pub call_id: String,
    /// `CSeq` of the NOTIFY.
    pub cseq: String,
}

/// A phone and everything its lamp has shown, oldest first; retransmissions are answered but not repeated here.
#[derive(Clone, Debug)]
pub struct Phone {
    user: String,
    address: SocketAddr,
    history: Arc<Mutex<Vec<Lamp>>>,
    changed: watch::Receiver<usize>,
}

/// A phone as `GET /lab/phones` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PhoneStatus {
    /// Owner's alias.
    pub user: String,
    /// SIP URI to which NOTIFY goes.
    pub uri: String,
    /// The lamp now; absent before the first NOTIFY.
    pub lamp: Option<Lamp>,
    /// Everything the lamp has shown.
    pub history: Vec<Lamp>,
}

impl Phone {
    pub(crate) async fn start(
        user: &str,
        bind: SocketAddr,
        clock: Clock,
        stop: CancellationToken,
    ) -> Result<Self, LabError> {
        let listen = |error| LabError::Listen { what: "phone", address: bind, error };
        let socket = UdpSocket::bind(bind).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let history = Arc::new(Mutex::new(Vec::new()));
        let (sender, changed) = watch::channel(0);
        let phone = Self { user: user.to_owned(), address, history: Arc::clone(&history), changed };
        tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            loop {
                let (length, peer) = tokio::select! {
                    () = stop.cancelled() => return,
                    received = socket.recv_from(&mut buffer) => match received {
                        Ok(received) => received,
                        // A peer that closed its port; the phone keeps listening.
                        Err(_) => continue,
                    },
                };
                let datagram = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                let Some(request) = Request::parse(&datagram) else { continue };
                if request.method == "ACK" {
                    continue;
                }
                let (status, lamp) = request.judge(clock.now_ms());
                if let Some(lamp) = lamp {
                    let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
                    let seen = |shown: &Lamp| shown.call_id == lamp.call_id && shown.cseq == lamp.cseq;
                    if !history.iter().rev().take(32).any(seen) {
                        history.push(lamp);
                        sender.send_replace(history.len());
                    }
                }
                let answer = request.answer(status);
                if let Err(error) = socket.send_to(answer.as_bytes(), peer).await {
                    tracing::warn!(%peer, %error, "lab phone could not answer");
                }
            }
        });
        Ok(phone)
    }

    /// Owner's alias.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where the phone listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The SIP URI to which NOTIFY goes.
    pub fn uri(&self) -> String {
        format!("sip:{}@{}", self.user, self.address)
    }

    /// The lamp now; `None` before the first NOTIFY.
    pub fn lamp(&self) -> Option<Lamp> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    /// Everything the lamp has shown, oldest first.
    pub fn history(&self) -> Vec<Lamp> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the lamp's present state satisfies `wanted`. Give it a time limit with `tokio::time::timeout`.
    pub async fn wait_for(&self, wanted: impl Fn(&Lamp) -> bool) -> Option<Lamp> {
        let mut changed = self.changed.clone();
        loop {
            changed.borrow_and_update();
            if let Some(lamp) = self.lamp().filter(|lamp| wanted(lamp)) {
                return Some(lamp);
            }
            changed.changed().await.ok()?;
        }
    }

    /// The phone as JSON shows it.
    pub fn status(&self) -> PhoneStatus {
        PhoneStatus { user: self.user.clone(), uri: self.uri(), lamp: self.lamp(), history: self.history() }
    }
}

/// The parts of a SIP request that the phone needs.
struct Request<'a> {
    method: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl<'a> Request<'a> {
    fn parse(datagram: &'a str) -> Option<Self> {
        let (head, body) = datagram.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let (method, rest) = lines.next()?.split_once(' ')?;
        if !rest.ends_with(" SIP/2.0") {
            return None;
        }
        let headers =
            lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.trim(), v.trim())).collect();
        Some(Self { method, headers, body })
    }

    fn header(&self, name: &str, compact: &str) -> Option<&'a str> {
        let hit = |found: &str| found.eq_ignore_ascii_case(name) || found.eq_ignore_ascii_case(compact);
        self.headers.iter().find(|(found, _)| hit(found)).map(|(_, value)| *value)
    }

    /// The status to answer with and, for a good message-summary, the lamp's new state.
    fn judge(&self, at_ms: i64) -> (&'static str, Option<Lamp>) {
        match self.method {
            "OPTIONS" => return ("200 OK", None),
            "NOTIFY" => {}
            _ => return ("405 Method Not Allowed", None),
        }
        let event = self.header("Event", "o").unwrap_or_default();
        if event.split(';').next().map(str::trim) != Some("message-summary") {
            return ("489 Bad Event", None);
        }
        if self.body.is_empty() {
            return ("200 OK", None);
        }
        let content_type = self.header("Content-Type", "c").unwrap_or_default();
        if !content_type.to_ascii_lowercase().starts_with("application/simple-message-summary") {
            return ("415 Unsupported Media Type", None);
        }
        match self.lamp(at_ms) {
            Some(lamp) => ("200 OK", Some(lamp)),
            None => ("400 Bad Request", None),
        }
    }

    fn lamp(&self, at_ms: i64) -> Option<Lamp> {
        let line = |name: &str| {
            let mut lines = self.body.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| found.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let on = match line("Messages-Waiting")?.to_ascii_lowercase().as_str() {
            "yes" => true,
            "no" => false,
            _ => return None,
        };
        let counts = line("Voice-Message").map(|value| value.split([' ', '(']).next().unwrap_or_default());
        let (new, old) = match counts.map(|counts| counts.split_once('/')) {
            None => (None, None),
            Some(None) => return None,
            Some(Some((new, old))) => (Some(new.parse().ok()?), Some(old.parse().ok()?)),
        };
        let text = |name, compact| self.header(name, compact).unwrap_or_default().to_owned();
        Some(Lamp { on, new, old, at_ms, call_id: text("Call-ID", "i"), cseq: text("CSeq", "CSeq") })
    }

    fn answer(&self, status: &str) -> String {
        let mut answer = format!("SIP/2.0 {status}\r\n");
        for (name, value) in &self.headers {
            match name.to_ascii_lowercase().as_str() {
                "via" | "v" | "from" | "f" | "call-id" | "i" | "cseq" | "record-route" => {
                    answer.push_str(&format!("{name}: {value}\r\n"));
                }
                "to" | "t" if value.contains(";tag=") => answer.push_str(&format!("{name}: {value}\r\n")),
                "to" | "t" => answer.push_str(&format!("{name}: {value};tag=lab-phone\r\n")),
                _ => {}
            }
        }
        if status.starts_with("405") {
            answer.push_str("Allow: NOTIFY, OPTIONS\r\n");
        }
        if status.starts_with("489") {
            answer.push_str("Allow-Events: message-summary\r\n");
        }
        answer.push_str("User-Agent: lab-phone\r\nContent-Length: 0\r\n\r\n");
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn notify(cseq: u32, event: &str, body: &str) -> String {
        format!(
            "NOTIFY sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{cseq}\r\n\
             From: <sip:mwi@lab.example>;tag=1\r\nTo: <sip:alice@lab.example>\r\nCall-ID: call-1\r\n\
             CSeq: {cseq} NOTIFY\r\nEvent: {event}\r\nContent-Type: application/simple-message-summary\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    async fn exchange(socket: &UdpSocket, phone: &Phone, request: &str) -> String {
        socket.send_to(request.as_bytes(), phone.address()).await.expect("send");
        let mut buffer = [0; 2048];
        let received = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer));
        let length = received.await.expect("an answer").expect("recv");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn the_lamp_follows_notify_and_ignores_retransmissions() {
        let stop = CancellationToken::new();
        let bind = "127.0.0.1:0".parse().expect("address");
        let phone = Phone::start("alice", bind, Clock::system(), stop.clone()).await.expect("phone");
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("bind");

        let on = notify(1, "message-summary", "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n");
        for _ in 0..2 {
            let answer = exchange(&socket, &phone, &on).await;
            assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
            assert!(answer.contains("To: <sip:alice@lab.example>;tag=lab-phone\r\n"), "{answer}");
        }
        let lamp = phone.wait_for(|lamp| lamp.on).await.expect("lamp");
        assert_eq!((lamp.new, lamp.old), (Some(2), Some(8)));
        assert_eq!(phone.history().len(), 1);

        let off = notify(2, "message-summary", "Messages-Waiting: no\r\nVoice-Message: 0/10\r\n");
        exchange(&socket, &phone, &off).await;
        assert!(!phone.lamp().expect("lamp").on);

        for (request, status) in [
            (notify(3, "presence", ""), "489"),
            (notify(4, "message-summary", "Voice-Message: 1/0\r\n"), "400"),
            (notify(5, "message-summary", "Messages-Waiting: yes\r\nVoice-Message: -1/0\r\n"), "400"),
            (on.replace("NOTIFY ", "INVITE "), "405"),
        ] {
            let answer = exchange(&socket, &phone, &request).await;
            assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
        }
        assert_eq!(phone.history().len(), 2);
        stop.cancel();
    }
}
