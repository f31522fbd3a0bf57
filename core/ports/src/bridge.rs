//! What Tieline asks of a conference bridge: to open a room for somebody, and where that is.

use jiff::Timestamp;
use tieline_model::{Passcodes, RoomNumber};

use crate::PortFuture;

/// A room that somebody may enter now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRoom {
    /// Its number.
    pub number: RoomNumber,
    /// What the conference is called there.
    pub name: String,
    /// What the conference is known by to the bridge: the same for everybody in it, another one for the next meeting in
    /// the same room. Letters, digits, `-` and `_`.
    pub conference: String,
    /// When the conference is over at the latest; `None` where the room is always open.
    pub until: Option<Timestamp>,
    /// The room's codes, for bridges that ask for them themselves.
    pub passcodes: Passcodes,
    /// Who enters, as others see it.
    pub participant: String,
    /// Who enters leads.
    pub leads: bool,
}

/// Where a room is entered. A bridge that cannot be entered in one of the ways leaves it out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entrance {
    /// A SIP address.
    pub sip: Option<String>,
    /// A page, for this participant only: it holds what lets in.
    pub web: Option<String>,
}

/// A conference bridge.
pub trait ConferenceBridge: Send + Sync {
    /// Makes the conference ready, when that must be done, and says where it is entered.
    fn open<'a>(&'a self, room: &'a OpenRoom) -> PortFuture<'a, Entrance>;

    /// Whether people with a browser get an entrance of their own.
    fn has_pages(&self) -> bool;
}
