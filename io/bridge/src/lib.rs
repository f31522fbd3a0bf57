//! Conference bridges behind the port [`ConferenceBridge`].
//!
//! * [`SipBridge`]: any bridge with a SIP address for each room. Nothing is asked of it beforehand; it opens the room when
//!   the first call comes.
//! * [`BigBlueButton`]: its REST API makes the conference first; callers then dial its voice bridge, and people with a
//!   browser get a link of their own.
//!
//! It refuses to be: a place for media, or for what is said in a conference.

mod bigbluebutton;

use tieline_ports::{ConferenceBridge, Entrance, OpenRoom, PortFuture};

pub use bigbluebutton::{BigBlueButton, BigBlueButtonAccount, Checksum};

/// A bridge that is nothing but SIP addresses.
#[derive(Debug, Clone)]
pub struct SipBridge {
    /// `sip:{number}@10.0.0.9:5060;transport=tcp`.
    address: String,
}

impl SipBridge {
    /// `address` has `{number}` where the room's number belongs.
    #[must_use]
    pub const fn new(address: String) -> Self {
        Self { address }
    }
}

impl ConferenceBridge for SipBridge {
    fn open<'a>(&'a self, room: &'a OpenRoom) -> PortFuture<'a, Entrance> {
        let sip = Some(self.address.replace("{number}", room.number.as_str()));
        Box::pin(async move { Ok(Entrance { sip, web: None }) })
    }

    fn has_pages(&self) -> bool {
        false
    }
}
