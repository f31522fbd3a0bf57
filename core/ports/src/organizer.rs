//! What Tieline asks of people's own calendars: the join data are put into a meeting as its organizer, room mailboxes
//! are looked at for invitations that the conference mailbox never got, and an organizer is written to.

use tieline_model::{ConferenceMail, SmtpAddress, Span};

use crate::{ItemRef, MailTarget, PortFuture};

/// Join data for a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinData {
    /// The meeting's UID.
    pub uid: String,
    /// A time at which it takes place, by which it is found.
    pub around: Span,
    /// Tells these data from others; what carries it already is not changed.
    pub mark: String,
    /// What people read, to stand at the end of the text.
    pub html: String,
    /// The new location; `None` leaves it.
    pub location: Option<String>,
    /// Named properties (property set PS_PUBLIC_STRINGS) for programs.
    pub properties: Vec<(&'static str, String)>,
}

/// What became of join data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// They stand in the meeting now, and an update went to everybody who is invited.
    Done,
    /// They stood there before.
    Already,
    /// The organizer's calendar has no such meeting.
    NoSuchMeeting,
}

/// A page of what a calendar's meetings are now. The cursor may be stored only together with what came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedPage {
    /// Meetings that are new or changed, with somebody else as organizer.
    pub meetings: Vec<ConferenceMail>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing more at present.
    pub complete: bool,
}

/// Calendars of organizers and rooms.
pub trait OrganizerCalendars: Send + Sync {
    /// Puts the join data into the meeting of the target's calendar, in the place of earlier ones. One update goes out,
    /// however often this is asked for.
    fn insert<'a>(&'a self, target: &'a MailTarget, data: &'a JoinData) -> PortFuture<'a, Insertion>;

    /// What the target was invited to, as its calendar has it; without a cursor, everything.
    fn invited<'a>(&'a self, target: &'a MailTarget, cursor: Option<&'a str>) -> PortFuture<'a, InvitedPage>;

    /// Writes a mail and keeps it as a draft.
    fn draft<'a>(
        &'a self,
        target: &'a MailTarget,
        to: &'a SmtpAddress,
        subject: &'a str,
        html: &'a str,
    ) -> PortFuture<'a, ItemRef>;

    /// Sends a draft. `false` when it is not there: it was sent before.
    fn send<'a>(&'a self, target: &'a MailTarget, draft: &'a ItemRef) -> PortFuture<'a, bool>;
}
