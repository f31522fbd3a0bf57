//! Contacts and calendars in step on two sides, and nothing ever lost.
//!
//! The left side is Tieline's own store, written in the same transaction as the engine's state. The right side is a
//! mail system: no transactions, its own clock, answers that are lost, requests that take effect late, fields written
//! its own way. This crate decides what becomes of every item and nothing else. It is sans-IO and deterministic: time
//! and randomness are arguments, effects are [`Command`]s that a driver carries out and reports back as [`Event`]s.
//!
//! # What is durable
//!
//! Observations, not pending work. A [`Link`] ties an item to its counterpart and remembers what both agreed on
//! ([`Base`], one record for each side, because servers write some fields their own way) and what was seen since.
//! Everything to be done follows from that by one table ([`TABLE`]) and is decided anew after each crash. The one
//! exception is an [`Intent`]: a write to the mail system is written down before it is sent, and until its effect is
//! known, or can no longer come, nothing else is written to that item.
//!
//! # A pass
//!
//! ```text
//!   Load ─ List(left) ─ List(right) ─ Identify ─ [sweep] ─ due links, a batch at a time ──────────────────┐
//!            pages: observations  │                 Locate · Fetch · Links(kin) ─ decide ─ Commit ─ Write ─ Commit
//!            and cursor in one    └─ another mailbox, or an earlier state of it: paused, a person is asked
//!            commit
//! ```
//!
//! # The rules
//!
//! 1. A cursor moves only in the commit that holds what its page showed, and only when the folder said who it is after
//!    that page was read. A pass without changes is one request to the mail system, and no commit.
//! 2. Silence deletes nothing. What a complete listing does not show is asked for by id; only "does not exist" counts.
//!    The window of a listing therefore never deletes, and neither does an empty, short or foreign one.
//! 3. Too many deletions or edits in an hour stop the mailbox before the next one ([`Brake`]); other mailboxes go on.
//! 4. Writes are conditional on the version that was read. A write whose answer was lost is recognised by its mark
//!    ([`Stamp`]) and waited for; its double, if one comes late, is removed.
//! 5. Our own writes come back as changes. They are compared in canonical form, and with what the server made of them
//!    last time: never written back.
//! 6. An edit beats a deletion, one edit of a field wins, and the loser is kept ([`Conflict`]). What was deleted for
//!    one side on the other can be restored for 14 days ([`Undo`], [`restore`]).
//! 7. The first pass, and the first after a change of [`Choices`], is a dry run ([`Plan`]) that a person approves; then
//!    a snapshot is taken; then something is written. If anything changed meanwhile on either side the plan is made anew,
//!    and the person asked again when it has become another one.
//! 8. A bad item is put aside ([`Trouble`]) and the others go on.
//! 9. Meetings are changed without a word to their attendees ([`SendToNone`]).
//!
//! What it refuses to be: a queue, a lease, a connector, a store.
//!
//! Types to know: [`Engine`], [`Command`] and [`Event`], [`Link`], [`Merged`], [`Plan`], [`State`].
//!
//! # What a driver owes
//!
//! Commits are atomic and fenced by the mailbox's lease; a [`Unit`] whose left write meets another version is left out
//! and named. What was read of an item may be kept and given again where [`Wanted`] allows it, also in a later pass; a driver
//! that does so forgets it when a write is sent to the item, and no later than in the commit that stores the cursor of a page
//! which shows another version, and forgets everything when a listing begins without a cursor. A call that was given up is reported as [`Event::Failed`]. Engines of different mailboxes share nothing,
//! so that one cannot stall another; polite limits are the transport's.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod brake;
mod command;
mod decide;
mod directory;
mod engine;
mod link;
mod merge;
mod plan;
mod policy;
mod restore;
mod settle;
mod side;
mod state;
mod whereabouts;

pub use brake::{Brake, Touch, limit};
pub use command::{
    Backlog, Change, Command, Commit, Conflict, Event, Fetched, LeftItem, LeftWrite, Linked, Page, Query,
    Reason, Rest, RightItem, SendToNone, Stamp, Undo, Unit, Wanted, Write, Written,
};
pub use decide::{Action, Now, Rule, TABLE, decide, decision_table};
pub use directory::{Kept, Refresh, refresh, written_by_directory};
pub use engine::Engine;
pub use link::{Birth, Intent, LeftRef, Link, Operation, RightRef, Seen, Trouble};
pub use merge::{
    Base, Both, Faithful, FieldProvenance, Merged, Provenance, Rendition, lost_fields, record_provenance,
};
pub use plan::{Plan, Planned, Sample};
pub use policy::{BrakePolicy, Choices, DeletePolicy, FieldPolicy, Limits, Policy};
pub use restore::{Restored, restore};
pub use side::{Origin, Side};
pub use state::{Awaiting, Identity, Pause, Resume, State};
pub use whereabouts::{Cause, Manual, Moves, Whereabouts, whereabouts};
