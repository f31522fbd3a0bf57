//! Meeting rooms, meetings with their reservations, and the answers to invitations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{
    Answer, AnswerId, InvitationVersion, Meeting, MeetingId, MeetingKey, Room, RoomId, RoomNumber, Span,
};

use crate::store::read;
use crate::{Store, StoreError};

/// One change around conferences.
#[derive(Debug, Clone)]
pub enum ConferenceWrite {
    /// Makes a custom room, or changes it. Refused while a coming meeting or another room has its number.
    Room(Room),
    /// Removes a custom room.
    RemoveRoom(RoomId),
    /// Writes a meeting down with everything that it holds from now on: its stretches take the place of those before.
    /// Refused as a whole where another meeting has the room at one of these times, or a custom room the number.
    Meeting {
        /// The meeting; the same UID and occurrence keep their id.
        meeting: Box<Meeting>,
        /// When it needs its room.
        spans: Vec<Span>,
        /// A custom room's number does not hinder it: the policy says so.
        beside_rooms: bool,
    },
    /// Writes an answer down before it is sent. Refused when this version was answered.
    Answer(Box<StoredAnswer>),
    /// The answer has reached the mail system.
    AnswerSent(AnswerId),
    /// How far a conference mailbox was read.
    Cursor {
        /// Which.
        address: String,
        /// The mail system's cursor.
        cursor: Option<String>,
    },
}

/// An answer, and what is needed to send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The answer.
    pub answer: Answer,
    /// The invitation's item in the mail system.
    pub item: String,
    /// The text, ready.
    pub html: String,
    /// When it was sent; `None` while it is not.
    pub sent: Option<Timestamp>,
}

/// A meeting, and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMeeting {
    /// The meeting.
    pub meeting: Meeting,
    /// When.
    pub changed: Timestamp,
}

/// A stretch of time for which a meeting has a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Which meeting.
    pub key: MeetingKey,
    /// Which room.
    pub number: RoomNumber,
    /// When.
    pub span: Span,
}

/// A version as one text, for the index that keeps answers single.
pub(crate) fn version_text(version: &InvitationVersion) -> String {
    let occurrence = version.key.occurrence.map_or(0, Timestamp::as_millisecond);
    format!("{} {occurrence} {} {}", version.sequence, version.fingerprint, version.key.uid)
}

impl Store {
    /// The custom rooms, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meeting_rooms(&self) -> Result<Vec<Room>, StoreError> {
        read!(self, conn => conference::rooms(conn))
    }

    /// A meeting by what it is known by outside.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meeting_by_key(&self, key: &MeetingKey) -> Result<Option<StoredMeeting>, StoreError> {
        read!(self, conn => conference::by_key(conn, key))
    }

    /// A meeting.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meeting(&self, id: MeetingId) -> Result<Option<StoredMeeting>, StoreError> {
        read!(self, conn => conference::meeting(conn, id))
    }

    /// Meetings, the last changed first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meetings(&self, limit: u32) -> Result<Vec<StoredMeeting>, StoreError> {
        read!(self, conn => conference::list(conn, limit))
    }

    /// Every stretch of time that ends after an instant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn reservations(&self, from: Timestamp) -> Result<Vec<Reservation>, StoreError> {
        read!(self, conn => conference::reservations(conn, from))
    }

    /// When a room is taken: what ends after an instant, the earliest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn room_times(
        &self,
        number: &RoomNumber,
        from: Timestamp,
        limit: u32,
    ) -> Result<Vec<Reservation>, StoreError> {
        read!(self, conn => conference::room_times(conn, number, from, limit))
    }

    /// When a room was last in use before an instant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn room_last_used(
        &self,
        number: &RoomNumber,
        before: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        read!(self, conn => conference::room_last_used(conn, number, before))
    }

    /// The answer to a version of an invitation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn answer_to(&self, version: &InvitationVersion) -> Result<Option<StoredAnswer>, StoreError> {
        read!(self, conn => conference::answer_to(conn, version))
    }

    /// An answer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn answer(&self, id: AnswerId) -> Result<Option<StoredAnswer>, StoreError> {
        read!(self, conn => conference::answer(conn, id))
    }

    /// A meeting's answers, the first one first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn answers(&self, meeting: MeetingId) -> Result<Vec<StoredAnswer>, StoreError> {
        read!(self, conn => conference::answers(conn, meeting))
    }

    /// How far a conference mailbox was read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn conference_cursor(&self, address: &str) -> Result<Option<String>, StoreError> {
        read!(self, conn => conference::cursor(conn, address))
    }
}
