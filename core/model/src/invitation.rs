//! A mail in the conference mailbox as the mail system delivers it, and the invitation that may be in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    InvitationVersion, Language, Passcode, Problem, Recurrence, RoomNumber, Schedule, SmtpAddress, When,
};

/// What a mail is, by its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum MailKind {
    /// A meeting request: new, or an update.
    Request {
        /// The mail system knows a newer version of it already.
        outdated: bool,
        /// A copy for somebody else's information: the principal of a delegate answers.
        copy: bool,
    },
    /// The organizer called the meeting, or one occurrence, off.
    Cancellation,
    /// Somebody's answer.
    Response {
        /// With another time proposed.
        counter_proposal: bool,
    },
    /// Anything else: bounces, absence notes, advertisements.
    Other {
        /// Its item class.
        class: String,
    },
}

/// The fields of a mail in the conference mailbox. Everything but the kind may be missing or nonsense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConferenceMail {
    /// What it is.
    pub kind: MailKind,
    /// UID of the meeting.
    pub uid: Option<String>,
    /// `SEQUENCE`; 0 when it is not said.
    pub sequence: u32,
    /// `RECURRENCE-ID`: one occurrence is meant, and this is when it would have begun by the pattern.
    pub occurrence: Option<Timestamp>,
    /// Whose meeting it is.
    pub organizer: Option<SmtpAddress>,
    /// Who sent the mail: a delegate, somebody who forwarded it, or the organizer.
    pub sender: Option<SmtpAddress>,
    /// The mail was made by a program (RFC 3834 `Auto-Submitted` other than `no`, or an empty return path).
    pub automatic: bool,
    /// Subject.
    pub subject: String,
    /// Location as it was written.
    pub location: String,
    /// Body, as text or HTML.
    pub body: String,
    /// When it begins.
    pub start: Option<When>,
    /// When it ends.
    pub end: Option<When>,
    /// Whole days.
    pub all_day: bool,
    /// A series.
    pub recurrence: Option<Recurrence>,
    /// Private or confidential.
    pub private: bool,
    /// Everybody who is invited.
    pub attendees: Vec<SmtpAddress>,
    /// The language in which it was written, as a tag (RFC 5646).
    pub language: Option<String>,
    /// When it came.
    pub received: Timestamp,
}

/// Where in an invitation the room was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedIn {
    /// In the add-in's block.
    Block,
    /// In the location.
    Location,
    /// In the text.
    Body,
    /// Nowhere: any free room will do.
    Nowhere,
}

/// An invitation that was read: what is asked for, and what could not be understood of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Which version of it.
    pub version: InvitationVersion,
    /// Whose meeting it is.
    pub organizer: SmtpAddress,
    /// Who sent it, when that is somebody else.
    pub sender: Option<SmtpAddress>,
    /// Subject.
    pub subject: String,
    /// When; `None` when the problems say why.
    pub schedule: Option<Schedule>,
    /// The room asked for; `None` is any.
    pub number: Option<RoomNumber>,
    /// Where it was asked for.
    pub asked_in: AskedIn,
    /// The code for everybody, as it was asked for.
    pub conference_passcode: Option<Passcode>,
    /// The code for who leads, as it was asked for.
    pub chairperson_passcode: Option<Passcode>,
    /// What is invalid or missing.
    pub problems: Vec<Problem>,
    /// Private: others see only that there is something.
    pub private: bool,
    /// In which language its organizer is answered.
    pub language: Language,
}
