//! Calls into rooms: what the SIP stack asks, put to conferencing, and what conferencing says, in SIP's words.

use tieline_conferencing::{Closed, Conferencing, Visitor};
use tieline_model::Passcode;
use tieline_sip::{BoxFuture, Calls, IncomingCall, Routing, Uri};

use crate::config::BridgeCalls;

/// The rooms' telephone.
pub(crate) struct RoomCalls {
    pub(crate) conferencing: Conferencing,
    pub(crate) way: BridgeCalls,
    /// The rooms' domain; a call to another one is not for us. Addresses of this machine always are.
    pub(crate) domain: Option<String>,
}

impl Calls for RoomCalls {
    fn route<'a>(&'a self, call: &'a IncomingCall) -> BoxFuture<'a, Routing> {
        Box::pin(async move {
            let Some(dialled) = call.dialled.as_ref().filter(|_| self.is_ours(&call.host)) else {
                return refuse(404, "No such room", None, None);
            };
            let codes = call.passcode.iter().chain(&dialled.codes).map(|code| Passcode::new(code)).collect();
            let visitor = Visitor {
                number: dialled.number.clone(),
                codes,
                name: name_of(&call.from),
                from: call.peer.ip().to_string(),
            };
            match self.conferencing.enter(&visitor).await {
                Ok(entrance) => self.led_to(entrance.sip.as_deref()),
                Err(closed) => self.refused(&closed),
            }
        })
    }
}

impl RoomCalls {
    fn is_ours(&self, host: &str) -> bool {
        host.parse::<std::net::IpAddr>().is_ok()
            || self.domain.as_ref().is_none_or(|domain| domain.eq_ignore_ascii_case(host))
    }

    fn led_to(&self, sip: Option<&str>) -> Routing {
        let Some(target) = sip.and_then(|sip| sip.parse::<Uri>().ok()) else {
            let warning = "the bridge has no SIP address; set [conferencing.bridge] address";
            return refuse(480, "The room takes no calls", Some(warning.to_owned()), None);
        };
        match self.way {
            BridgeCalls::Redirect => Routing::Redirect(target),
            BridgeCalls::Forward => Routing::Forward(target),
        }
    }

    fn refused(&self, closed: &Closed) -> Routing {
        let warning = Some(closed.to_string());
        match closed {
            Closed::NoSuchRoom => refuse(404, "No such room", warning, None),
            Closed::TooEarly { opens, .. } => {
                let wait = opens.duration_since(self.conferencing.clock.now()).as_secs();
                let wait = u32::try_from(wait).ok().filter(|wait| *wait <= 24 * 3600);
                refuse(480, &format!("The room opens at {opens}"), warning, wait)
            }
            Closed::Over { ended } => refuse(410, &format!("The meeting ended at {ended}"), warning, None),
            Closed::PasscodeMissing => refuse(403, "Passcode needed: dial ROOM**PASSCODE", warning, None),
            Closed::PasscodeWrong => refuse(403, "Wrong passcode", warning, None),
            Closed::TooManyGuesses => refuse(403, "Too many wrong passcodes", warning, None),
            Closed::Bridge(refusal) => {
                tracing::warn!(%refusal, "a caller cannot be led to the bridge");
                refuse(503, "The bridge does not open the room", None, Some(30))
            }
            Closed::NotKnown(refusal) => {
                tracing::error!(%refusal, "a caller's room cannot be looked up");
                refuse(503, "Try again", None, Some(30))
            }
        }
    }
}

fn refuse(code: u16, phrase: &str, warning: Option<String>, retry_after: Option<u32>) -> Routing {
    Routing::Refuse { code, phrase: phrase.to_owned(), warning, retry_after }
}

/// `bob` of `sip:bob@lab.example`.
fn name_of(from: &str) -> String {
    let rest = from.split_once(':').map_or(from, |(_, rest)| rest);
    rest.split(['@', ';']).next().unwrap_or(rest).chars().take(100).collect()
}
