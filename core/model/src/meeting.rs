//! Meetings in rooms: what an organizer asked for, what was granted, and every reason for a no.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::named_values;
use crate::{
    AnswerId, Invitation, MeetingId, Passcodes, RoomKind, RoomNumber, Schedule, SmtpAddress, TraceId, When,
};

/// What a meeting is known by outside: the UID (RFC 5545), and for somebody who was invited to one occurrence of a
/// series only, when that would have begun by the pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeetingKey {
    /// Equal on all sides. Opaque and case-sensitive.
    pub uid: String,
    /// The occurrence's original start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Timestamp>,
}

/// Which version of an invitation: the organizer's programs count with `SEQUENCE`, but not every change counts there,
/// so that the fingerprint of what was asked belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InvitationVersion {
    /// Which meeting.
    pub key: MeetingKey,
    /// `SEQUENCE` (RFC 5545 section 3.8.7.4), `AppointmentSequenceNumber` in EWS.
    pub sequence: u32,
    /// SHA-256 over what was asked, the first 16 bytes as hexadecimal digits.
    pub fingerprint: String,
}

/// A stretch of time: from, and to (not included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// From.
    pub start: Timestamp,
    /// To, not included.
    pub end: Timestamp,
}

impl Span {
    /// Whether they share time; touching is not sharing.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// How long it lasts.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }
}

named_values! {
    /// Where a meeting stands.
    MeetingState, "a meeting's state";
    /// It has its room.
    Accepted = "accepted",
    /// It was told no; it has no room.
    Declined = "declined",
    /// Its organizer called it off; its room is free again.
    Cancelled = "cancelled",
    /// It is over, or an administrator said so; its room was given back.
    Released = "released",
    /// It asks for a room, and the conference mailbox was never invited; its organizer was told.
    Forgotten = "forgotten",
}

/// The join data stand in the meeting itself, so that everybody who is invited has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inserted {
    /// Which, as a fingerprint: other data are inserted anew.
    pub mark: String,
    /// The update that this caused has come back to the conference mailbox; it is not answered.
    #[serde(default)]
    pub came_back: bool,
}

/// A meeting as Tieline knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its id.
    pub id: MeetingId,
    /// What it is known by outside.
    pub key: MeetingKey,
    /// The last `SEQUENCE` that was seen.
    pub sequence: u32,
    /// Where it stands.
    pub state: MeetingState,
    /// Who invites.
    pub organizer: SmtpAddress,
    /// What about.
    pub subject: String,
    /// When; `None` when nobody said.
    pub schedule: Option<Schedule>,
    /// Its room, once it has one.
    pub number: Option<RoomNumber>,
    /// The room's codes for this meeting.
    pub passcodes: Passcodes,
    /// Private: others see only that there is something.
    pub private: bool,
    /// The journey of its first invitation.
    pub trace: TraceId,
    /// Everybody who is invited.
    #[serde(default)]
    pub attendees: Vec<SmtpAddress>,
    /// An administrator keeps the room for it until then, also when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// The meeting's own link, once it was given out, holds until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_until: Option<Timestamp>,
}

named_values! {
    /// What is wrong with a code.
    PasscodeFault, "what is wrong with a passcode";
    /// There is none, and there must be one.
    Missing = "missing",
    /// It has something else than digits.
    NotDigits = "not-digits",
    /// It has too few digits.
    TooShort = "too-short",
    /// It has too many digits.
    TooLong = "too-long",
    /// It is the other code.
    SameAsOther = "same-as-other",
}

/// What is invalid or missing in an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "field")]
pub enum Problem {
    /// It has no UID, so that a change of it could not be known again.
    Uid,
    /// It does not say when the meeting begins.
    Start,
    /// It does not say when the meeting ends.
    End,
    /// It ends before or when it begins.
    EndBeforeStart,
    /// Its time zone is known to nobody.
    Zone {
        /// What it says.
        zone: String,
    },
    /// It takes place at no time: a series without any occurrence left.
    NoOccurrence,
    /// It is over.
    Past,
    /// What it names as the room's number is none.
    Number {
        /// What it says.
        text: String,
    },
    /// It names more than one room.
    SeveralNumbers {
        /// Those.
        numbers: Vec<RoomNumber>,
    },
    /// The room's number does not exist here.
    UnknownNumber {
        /// What it says.
        number: RoomNumber,
    },
}

/// Why an invitation is declined. The administrator's policy says which of these count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// The number belongs to another room (at that time).
    NumberInUse {
        /// Which number.
        number: RoomNumber,
        /// What kind of room has it.
        by: RoomKind,
        /// The earliest times at which the meetings collide, at most three; empty for a room that always exists.
        #[serde(default)]
        times: Vec<Span>,
        /// How many there are.
        #[serde(default)]
        collisions: usize,
    },
    /// No number was asked for, and no room is free at that time.
    NoRoomFree,
    /// Who invites is not in the directory.
    SenderUnknown {
        /// The addresses that were looked up.
        addresses: Vec<SmtpAddress>,
    },
    /// Something is missing or wrong.
    InvalidData {
        /// What.
        problem: Problem,
    },
    /// It lasts longer than allowed. Equal is allowed.
    TooLong {
        /// The longest occurrence, in whole minutes, begun ones counted.
        minutes: i64,
        /// What is allowed.
        limit_minutes: i64,
    },
    /// The code for everybody is not a valid one.
    ConferencePasscode {
        /// What is wrong with it.
        fault: PasscodeFault,
    },
    /// The code for who leads is not a valid one.
    ChairpersonPasscode {
        /// What is wrong with it.
        fault: PasscodeFault,
    },
}

named_values! {
    /// The kinds of reason, as the source document lists them.
    ReasonKind, "a kind of reason";
    /// The number is taken.
    NumberInUse = "number-in-use",
    /// The sender is not in the directory.
    SenderUnknown = "sender-unknown",
    /// Invalid or incomplete data.
    InvalidData = "invalid-data",
    /// Too long.
    TooLong = "too-long",
    /// The passcode for everybody.
    ConferencePasscode = "conference-passcode",
    /// The passcode for who leads.
    ChairpersonPasscode = "chairperson-passcode",
}

impl Reason {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ReasonKind {
        match self {
            Self::NumberInUse { .. } | Self::NoRoomFree => ReasonKind::NumberInUse,
            Self::SenderUnknown { .. } => ReasonKind::SenderUnknown,
            Self::InvalidData { .. } => ReasonKind::InvalidData,
            Self::TooLong { .. } => ReasonKind::TooLong,
            Self::ConferencePasscode { .. } => ReasonKind::ConferencePasscode,
            Self::ChairpersonPasscode { .. } => ReasonKind::ChairpersonPasscode,
        }
    }
}

/// What would be accepted instead. What is `None` stays as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Alternative {
    /// Another room.
    pub number: Option<RoomNumber>,
    /// Another beginning; the length stays, unless it is shortened.
    pub start: Option<When>,
    /// A shorter length, in minutes.
    pub minutes: Option<i64>,
    /// Other codes; `None` in it is none at all.
    pub passcodes: Option<Passcodes>,
}

/// What the organizer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Yes.
    Accepted {
        /// The room.
        number: RoomNumber,
        /// The codes that hold in it.
        passcodes: Passcodes,
    },
    /// No.
    Declined {
        /// Every reason; never empty.
        reasons: Vec<Reason>,
        /// At most three, each of which would be accepted at the time of the answer.
        alternatives: Vec<Alternative>,
    },
}

/// An answer to one version of an invitation. There is one for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its id.
    pub id: AnswerId,
    /// The meeting.
    pub meeting: MeetingId,
    /// What is answered.
    pub version: InvitationVersion,
    /// When it was decided.
    pub decided: Timestamp,
    /// Yes or no.
    pub verdict: Verdict,
}

/// An invitation as it was decided on, kept so that it can be decided on again under other rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastInvitation {
    /// What was asked.
    pub invitation: Invitation,
    /// Who the directory said that the sender is; `None` when it knew nobody.
    pub sender: Option<KnownSender>,
}

/// Somebody whom the directory knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSender {
    /// Every address of the person.
    pub addresses: Vec<SmtpAddress>,
    /// The department.
    pub department: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        let at = |second| Timestamp::from_second(second).unwrap();
        Span { start: at(start), end: at(end) }
    }

    #[test]
    fn meetings_that_touch_do_not_overlap() {
        assert!(span(0, 10).overlaps(&span(9, 20)) && span(9, 20).overlaps(&span(0, 10)));
        assert!(!span(0, 10).overlaps(&span(10, 20)) && !span(10, 20).overlaps(&span(0, 10)));
        assert!(span(0, 30).overlaps(&span(10, 20)));
    }

    #[test]
    fn answers_keep_their_form() {
        let reason = Reason::NumberInUse {
            number: "7042".parse().unwrap(),
            by: RoomKind::Calendared,
            times: vec![span(0, 3600)],
            collisions: 1,
        };
        let verdict = Verdict::Declined {
            reasons: vec![reason, Reason::InvalidData { problem: Problem::End }],
            alternatives: vec![Alternative { minutes: Some(60), ..Alternative::default() }],
        };
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["verdict"], "declined");
        assert_eq!(json["reasons"][0]["reason"], "number-in-use");
        assert_eq!(json["reasons"][1]["problem"]["field"], "end");
        assert_eq!(serde_json::from_value::<Verdict>(json).unwrap(), verdict);
    }
}
