//! What the engine asks for, and what it is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_delivery::Failure;
use tieline_model::{Decision, LinkId, Record, TraceId, WriteId};

use crate::brake::Touch;
use crate::link::{Link, Operation};
use crate::plan::Plan;
use crate::side::Side;
use crate::state::{Identity, Pause, Resume, State};

/// Tieline's item as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftItem<R> {
    /// Its id.
    pub id: String,
    /// Its version; each write gives it another.
    pub etag: String,
    /// When it was edited.
    pub edited: Option<Timestamp>,
    /// The item.
    pub record: R,
}

/// The mark on an item that Tieline wrote: whose it is, and which write came last. One named property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The link.
    pub link: LinkId,
    /// The last write of ours.
    pub write: WriteId,
}

/// The mail system's item as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RightItem<R> {
    /// Its id.
    pub id: String,
    /// Its version.
    pub etag: String,
    /// When it was edited last, by the server's clock; equal to `created` only while nobody touched it.
    pub edited: Option<Timestamp>,
    /// When it was made, by the server's clock.
    pub created: Option<Timestamp>,
    /// Our mark; copies that a user makes carry it as well.
    pub stamp: Option<Stamp>,
    /// The item.
    pub record: R,
}

/// A change in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There, new or changed.
    Present {
        /// Which.
        id: String,
        /// Its version.
        etag: String,
    },
    /// Reported gone.
    Gone {
        /// Which.
        id: String,
    },
}

impl Change {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Present { id, .. } | Self::Gone { id } => id,
        }
    }
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the side's order.
    pub changes: Vec<Change>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing more at present.
    pub complete: bool,
}

/// Which links are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Those of these items of Tieline's.
    ByLeft(Vec<String>),
    /// Those of these items of the mail system's. While a create is in doubt there may be two; both are wanted.
    ByRight(Vec<String>),
    /// Those with these ids, and those of Tieline's items that have one of these keys now
    /// ([`tieline_model::Record::match_keys`], to be indexed). An item that has no link yet, because it was made a
    /// moment ago, comes with a new one ([`Link::of_left`]).
    Kin {
        /// Ids.
        ids: Vec<LinkId>,
        /// Keys, as [`tieline_model::MatchKey::text`].
        keys: Vec<String>,
    },
    /// Those with an item in the mail system that were not seen in this listing, by id.
    Unseen {
        /// The listing.
        generation: u64,
        /// After this one.
        after: Option<LinkId>,
        /// At most.
        limit: usize,
    },
    /// Those due at `now` ([`Link::due`]), by rank and id, after this one. With the backlog.
    Due {
        /// The present.
        now: Timestamp,
        /// After this rank and id.
        after: Option<(u8, LinkId)>,
        /// At most.
        limit: usize,
    },
}

/// A link with Tieline's item as it stands in the same transaction; `None` when there is none (any more).
pub type Linked<R> = (Link<R>, Option<LeftItem<R>>);

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Links with a base.
    pub linked: u64,
    /// Links with a base that are seen as gone or missing on exactly one side.
    pub gone: u64,
    /// Of those, the ones that a complete listing did not show.
    pub missing: u64,
    /// When the first link is due, in the past or to come.
    pub next: Option<Timestamp>,
}

/// An item of the mail system's that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub id: String,
    /// It must be asked for now: it may be gone, or may show what became of a write. Otherwise what was read before will do,
    /// as long as no listing since then showed another version of the item, or began anew.
    pub afresh: bool,
}

/// What became of reading an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Fetched<R> {
    /// Here it is.
    Found(Box<RightItem<R>>),
    /// The mail system says that it does not exist.
    NotFound,
    /// It is there and cannot be read.
    Unreadable(Failure, String),
}

/// Meetings are changed without a word to their attendees. There is no other way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendToNone;

/// A write to the mail system.
#[derive(Debug, Clone, PartialEq)]
pub struct Write<R: Record> {
    /// The link, for the answer and as the item's mark.
    pub link: LinkId,
    /// This write, for the item's mark.
    pub write: WriteId,
    /// Create, update or delete.
    pub operation: Operation,
    /// The item; `None` for a create.
    pub id: Option<String>,
    /// Refused as stale when the item has another version by then. A deletion moves to Deleted Items, and where the
    /// server cannot compare, the connector reads the version directly before it.
    pub if_etag: Option<String>,
    /// What it shall be.
    pub record: Option<R>,
    /// The fields that change.
    pub fields: Vec<R::Field>,
    /// `SendMeetingInvitations`, `SendMeetingCancellations`.
    pub invitations: SendToNone,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Written<R> {
    /// Done.
    Done {
        /// The item.
        id: String,
        /// Its new version.
        etag: String,
        /// The item as read back, only when it still had that version.
        stored: Option<Box<R>>,
    },
    /// The item has another version.
    Stale,
    /// The item does not exist.
    NotFound,
    /// It did not work; `uncertain` when it may have had its effect.
    Failed(Failure, String),
}

/// A write to Tieline's side, in the same transaction as everything else.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftWrite<R> {
    /// The item.
    pub id: String,
    /// Refused when it has another version by then; `None` when there must be none.
    pub if_etag: Option<String>,
    /// What it becomes and its new version; `None` deletes it.
    pub put: Option<(R, String)>,
}

/// What lost against what won; kept for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Conflict<R: Record> {
    /// The item.
    pub link: LinkId,
    /// When it was decided.
    pub at: Timestamp,
    /// By which rule.
    pub rule: String,
    /// Whose edit won.
    pub winner: Side,
    /// The fields; empty when an edit and a deletion met.
    pub fields: Vec<R::Field>,
    /// The whole item of the side that lost; `None` when a deletion lost.
    pub loser: Option<R>,
}

/// A deletion that was carried over and can be undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Undo<R: Record> {
    /// The link.
    pub link: LinkId,
    /// Where it was deleted by somebody; Tieline deleted it on the other side.
    pub deleted_on: Side,
    /// When it was carried over.
    pub at: Timestamp,
    /// Until when it is kept.
    pub until: Timestamp,
    /// The item's id in Tieline: a restored item gets it back.
    pub left: Option<String>,
    /// Its id in the mail system.
    pub right: Option<String>,
    /// The item as Tieline had it.
    pub record: R,
}

/// Why something was done, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule's name.
    pub rule: &'static str,
    /// What came of it, one sentence.
    pub outcome: String,
    /// What was looked at.
    pub inputs: Vec<(&'static str, String)>,
}

impl Reason {
    /// As a decision of the journey `trace`.
    #[must_use]
    pub fn decision(&self, trace: TraceId, link: LinkId, at: Timestamp) -> Decision {
        let decision = Decision::new(trace, link, at, self.rule, self.outcome.clone());
        self.inputs.iter().fold(decision, |decision, (name, value)| decision.input(name, value))
    }
}

/// Everything that one decision writes: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit<R: Record> {
    /// The link that decides; named in [`Event::Committed`] when its left write is refused.
    pub link: LinkId,
    /// The link as it is afterwards; `None` removes it.
    pub put: Option<Link<R>>,
    /// Another link that this one has taken in.
    pub absorbed: Option<LinkId>,
    /// Tieline's side.
    pub left: Option<LeftWrite<R>>,
    /// For people.
    pub conflict: Option<Conflict<R>>,
    /// For the undo bar.
    pub undo: Option<Undo<R>>,
    /// For `explain`.
    pub reason: Option<Reason>,
    /// What the brake counts it as.
    pub touch: Option<Touch>,
}

impl<R: Record> Unit<R> {
    pub(crate) fn put(link: Link<R>) -> Self {
        let id = link.id;
        Self { put: Some(link), ..Self::remove(id) }
    }

    pub(crate) const fn remove(link: LinkId) -> Self {
        Self {
            link,
            put: None,
            absorbed: None,
            left: None,
            conflict: None,
            undo: None,
            reason: None,
            touch: None,
        }
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit<R: Record> {
    /// The mailbox's state.
    pub state: State,
    /// Each all or nothing: one whose left write meets another version is left out, the others are not.
    pub units: Vec<Unit<R>>,
}

/// What the driver does next; it answers with the event named.
#[derive(Debug, Clone, PartialEq)]
pub enum Command<R: Record> {
    /// Read the state. [`Event::Loaded`]
    Load,
    /// Ask the folder who it is. [`Event::Identified`]
    Identify,
    /// The next page of changes on a side; without a cursor everything there is. [`Event::Page`]
    List {
        /// Which side.
        side: Side,
        /// From where.
        cursor: Option<String>,
        /// At most.
        limit: usize,
    },
    /// Read links. [`Event::Links`]
    Links(Query),
    /// Read items of the mail system, in order. [`Event::Fetched`]
    Fetch {
        /// Which.
        items: Vec<Wanted>,
    },
    /// Look for items that carry these marks, oldest first. [`Event::Located`]
    Locate {
        /// Whose.
        links: Vec<LinkId>,
    },
    /// Take a snapshot of both sides. [`Event::SnapshotTaken`]
    Snapshot,
    /// Write one transaction, fenced by the lease. [`Event::Committed`]
    Commit(Box<Commit<R>>),
    /// Write to the mail system, giving up at the deadline. [`Event::Written`]
    Write {
        /// What.
        writes: Vec<Write<R>>,
        /// Until when.
        deadline: Timestamp,
    },
    /// Nothing for now.
    Rest(Rest),
}

/// Why nothing is done. Every rest ends with [`Event::Wake`] or with what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// The pass is over; come again at a hint, or then.
    Done {
        /// Something is due then, or was already. `None`: both sides are in step, as far as is known.
        until: Option<Timestamp>,
    },
    /// The mail system asked for it, or is not there.
    Until(Timestamp),
    /// A dry run is done; nothing is written before [`Event::Approve`].
    AwaitApproval(Box<Plan>),
    /// The world changed since the plan was approved; here is the new one.
    WorldChanged(Box<Plan>),
    /// A person must look; [`Event::Resume`].
    Paused(Pause),
}

/// What the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<R: Record> {
    /// Begin a pass: something may have changed, or it is time.
    Wake,
    /// The state; `None` for a mailbox that was never synchronized.
    Loaded(Option<Box<State>>),
    /// Who the folder is.
    Identified(Identity),
    /// A page.
    Page(Page),
    /// The cursor is unknown to the server, or too old.
    CursorExpired,
    /// The folder does not exist.
    FolderGone,
    /// Links as asked for; the backlog with due ones.
    Links(Vec<Linked<R>>, Backlog),
    /// One answer for each id, in order.
    Fetched(Vec<Fetched<R>>),
    /// One list for each mark, in order.
    Located(Vec<Vec<RightItem<R>>>),
    /// The snapshot is complete.
    SnapshotTaken(Timestamp),
    /// It is durable; these links' units were left out.
    Committed {
        /// Refused.
        refused: Vec<LinkId>,
    },
    /// One answer for each write, in order.
    Written(Vec<Written<R>>),
    /// The call failed as a whole.
    Failed(Failure),
    /// A person approves the plan with this fingerprint.
    Approve(tieline_model::RecordHash),
    /// A person answers a pause.
    Resume(Resume),
}
