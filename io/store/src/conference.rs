//! Meeting rooms, meetings with their reservations, and the answers to invitations.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tieline_model::{
    Answer, AnswerId, Inserted, InvitationVersion, Meeting, MeetingId, MeetingKey, MeetingState,
    PastInvitation, Room, RoomId, RoomNumber, SmtpAddress, Span,
};
use uuid::Uuid;

use crate::store::read;
use crate::token::draw_token;
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
    /// Notes which join data stand in the meeting itself. The meeting does not count as changed.
    Inserted {
        /// Which.
        meeting: MeetingId,
        /// Which data; `None` when there are none.
        inserted: Option<Inserted>,
    },
    /// Forgets a meeting with its answers and what it held.
    RemoveMeeting(MeetingId),
    /// Adds a feed.
    AddFeed(NewMeetingFeed),
    /// Ends a feed.
    RemoveFeed(Uuid),
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
    /// The text in case the join data could be put into the meeting itself before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html_inserted: Option<String>,
    /// The invitation's location, when the join data may take its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Box<PastInvitation>>,
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
    /// The join data that stand in the meeting itself.
    pub inserted: Option<Inserted>,
}

/// Which meetings are asked for.
#[derive(Debug, Clone, Default)]
pub struct MeetingFilter {
    /// In this state.
    pub state: Option<MeetingState>,
    /// In this room.
    pub number: Option<RoomNumber>,
    /// Changed before this instant, with a smaller id where it is the same: where the page before ended.
    pub after: Option<(Timestamp, MeetingId)>,
    /// Accepted, with nothing to come after this instant.
    pub over: Option<Timestamp>,
    /// Changed before this instant.
    pub changed_before: Option<Timestamp>,
}

/// A feed of meetings to be added. The token itself is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMeetingFeed {
    /// The feed.
    pub feed: MeetingFeed,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
}

/// A feed of a room's or a person's meetings, for a device that cannot sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingFeed {
    /// Its id.
    pub id: Uuid,
    /// Meetings in this room.
    pub room: Option<RoomNumber>,
    /// Meetings that this person organizes or is invited to.
    pub person: Option<SmtpAddress>,
    /// What it is for, in a person's words.
    pub name: String,
    /// Whether details of private meetings are in it.
    pub private: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Who had it made.
    pub by: String,
}

impl NewMeetingFeed {
    /// Draws the token of 32 random bytes. It is shown once and cannot be read back.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn draw(feed: MeetingFeed) -> Result<(Self, SecretString), StoreError> {
        let (token, hash) = draw_token("")?;
        Ok((Self { feed, hash }, token))
    }
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

    /// Meetings, the last changed first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meetings_where(
        &self,
        filter: &MeetingFilter,
        limit: u32,
    ) -> Result<Vec<StoredMeeting>, StoreError> {
        read!(self, conn => conference::list_where(conn, filter, limit))
    }

    /// The stretches of time that a meeting holds, by beginning.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn spans_of(&self, meeting: MeetingId) -> Result<Vec<Span>, StoreError> {
        read!(self, conn => conference::spans_of(conn, meeting))
    }

    /// The answers that were decided from an instant on, the first one first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn answers_since(&self, from: Timestamp, limit: u32) -> Result<Vec<StoredAnswer>, StoreError> {
        read!(self, conn => conference::answers_since(conn, from, limit))
    }

    /// The feed with this token.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meeting_feed(&self, token: &SecretString) -> Result<Option<MeetingFeed>, StoreError> {
        let hash = crate::token::hash(token);
        read!(self, conn => conference::feed(conn, &hash))
    }

    /// The feeds of meetings, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meeting_feeds(&self) -> Result<Vec<MeetingFeed>, StoreError> {
        read!(self, conn => conference::feeds(conn))
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
