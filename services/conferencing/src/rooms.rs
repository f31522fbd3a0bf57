//! The rooms that always exist, by number: people's own and those that administrators made.

use std::collections::HashMap;

use jiff::Timestamp;
use tieline_model::{Room, RoomKind, RoomNumber, SmtpAddress, Span};

use crate::Calendar;

/// Why a room cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// There is one with this number.
    #[error("the number {number} belongs to the {kind} room {name:?}; choose another number")]
    Room {
        /// The number.
        number: RoomNumber,
        /// What kind it is.
        kind: RoomKind,
        /// Its name.
        name: String,
    },
    /// Meetings have it.
    #[error(
        "the number {number} is reserved for a meeting on {}; choose another number, or wait until the meeting is over",
        next.start
    )]
    Meeting {
        /// The number.
        number: RoomNumber,
        /// The next time.
        next: Span,
    },
}

/// The rooms that always exist. Two people's telephone numbers may end alike, so that a number may have several.
#[derive(Debug, Clone, Default)]
pub struct RoomBook {
    rooms: HashMap<RoomNumber, Vec<Room>>,
}

impl RoomBook {
    /// No rooms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rooms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rooms.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// The rooms with a number.
    #[must_use]
    pub fn with(&self, number: &RoomNumber) -> &[Room] {
        self.rooms.get(number).map_or(&[], Vec::as_slice)
    }

    /// Puts a room in, whatever has its number: the directory may name two people the same number.
    pub fn insert(&mut self, room: Room) {
        self.rooms.entry(room.number.clone()).or_default().push(room);
    }

    /// Takes out every room of a kind.
    pub fn clear(&mut self, kind: RoomKind) {
        for rooms in self.rooms.values_mut() {
            rooms.retain(|room| room.kind != kind);
        }
        self.rooms.retain(|_, rooms| !rooms.is_empty());
    }

    /// Whether an administrator may make a custom room with this number: neither a room nor a coming meeting has it.
    ///
    /// # Errors
    /// Who has it.
    pub fn may_create(
        &self,
        number: &RoomNumber,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), Conflict> {
        if let Some(room) = self.with(number).first() {
            let (number, kind, name) = (number.clone(), room.kind, room.name.clone());
            return Err(Conflict::Room { number, kind, name });
        }
        match calendar.next_use(number, now) {
            Some(next) => Err(Conflict::Meeting { number: number.clone(), next }),
            None => Ok(()),
        }
    }

    /// Whether a room with this number is the person's own.
    pub(crate) fn is_own(&self, room: &Room, addresses: &[SmtpAddress]) -> bool {
        room.kind == RoomKind::Enterprise
            && room.owner.as_ref().is_some_and(|owner| addresses.contains(owner))
    }
}
