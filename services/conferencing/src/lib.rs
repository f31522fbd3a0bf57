//! Conferencing: an organizer adds the conference mailbox to a meeting and is told yes, with everything needed to
//! join, or no, with every reason and what would be accepted instead.
//!
//! The deciding parts do no I/O; time and randomness are arguments:
//!
//! * [`read`] makes an [`Invitation`](tieline_model::Invitation) of what lies in the conference mailbox, or says why it is
//!   to be left alone.
//! * [`Policy`] holds the administrator's rules. Its default is the source document: each of its conditions declines.
//! * [`decide`] looks at an invitation, the [`Calendar`] of reservations, the [`RoomBook`] of rooms that always exist and
//!   what the directory says of the sender, and finds every reason there is. [`alternatives`] looks for what would be
//!   accepted, and asks [`decide`] for each.
//! * [`answer`] writes the reply in the organizer's language.
//! * [`Watch`] keeps the subscription to the conference mailbox alive and says at any time how it stands.
//!
//! [`Conferencing`] ties them to the store and the ports:
//!
//! | file | trigger | effect |
//! |---|---|---|
//! | `guard` | the subscription, and time | the mailbox is read when there may be something; its state |
//! | `inbox` | job `read-conference` | meeting, reservation, answer, decision and job in one batch |
//! | `respond` | job `answer-invitation` | exactly one answer for each version of an invitation |
//! | `enter` | somebody dials a room, or opens its page | the bridge's entrance, or the reason why the door is closed |
//! | `insert` | before a yes | the join data in the meeting itself, as its organizer |
//! | `forgotten` | rooms' calendars, job `notice-forgotten` | the organizer is told that nobody was asked for the room |
//! | `meetings` | administrators, and every hour | rooms are kept, released and cleaned up |
//! | `link`, `feed` | a browser, a device | the join page behind a signed link, and calendars |
//!
//! What it refuses to be: a scheduler of ports and bandwidth. Nothing is declined for lack of them.

mod alternatives;
pub mod answer;
mod calendar;
mod decide;
mod enter;
mod error;
mod feed;
mod forgotten;
mod guard;
mod horizon;
mod inbox;
mod insert;
mod link;
mod meetings;
mod policy;
pub mod read;
mod respond;
mod rooms;
mod series;
mod service;
mod watch;

pub use alternatives::{alternatives, apply};
pub use calendar::{Calendar, Taken, spans};
pub use decide::{Decided, Grant, Held, Sender, Situation, decide, verdict};
pub use enter::{Closed, DoorPolicy, Guest, Visitor};
pub use error::PolicyError;
pub use link::Joining;
pub use meetings::{CleanedUp, MeetingDetail};
pub use policy::{
    Difference, DurationRule, PasscodeRule, Past, Policy, Reading, Replay, Rule, Rules, Trial, TrialOutcome,
    Trials,
};
pub use rooms::{Conflict, RoomBook};
pub use series::{with_occurrence, without_occurrence};
pub use service::{ConferenceSettings, ConferenceStatus, Conferencing, ConferencingParts};
pub use watch::{Action, Input, State, Trouble, Watch, WatchPolicy};
