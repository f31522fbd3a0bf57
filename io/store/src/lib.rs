//! What Tieline remembers: messages, jobs, settings, secrets, events. SQLite or PostgreSQL behind one [`Store`]; the only
//! product crate that knows SQL.
//!
//! * Every change is data: a [`Batch`] of [`Write`]s, made durable as one by [`Store::commit`] before it is answered.
//!   One writer per node groups the batches that wait into one transaction, each in a savepoint of its own.
//! * Work outside (an item, a NOTIFY) is a [`NewJob`] in the same batch as its cause. Jobs of a stream run strictly one
//!   after the other under a [`Lease`]; a batch with the [`Fence`] of a lease that somebody else took writes nothing.
//! * Settings change by [`Configure`], as numbered versions that can be listed, compared and rolled back.
//! * Time is always an argument, compared between nodes: their clocks must agree within a fraction of a lease.
//!
//! It decides nothing about messages or retries (`core/delivery` does), and keeps no state that is not in the database.
//!
//! How it is built: a file per noun. `src/<noun>.rs` holds the types and the methods of [`Store`]; `src/sql/<noun>.rs`
//! the statements. The folder `sql` is compiled twice, as part of `sqlite.rs` and of `postgres.rs`, which say what
//! differs by a few macros and functions with the same names.

#![expect(clippy::duplicate_mod, reason = "the statements are compiled for each of the two databases")]

mod batch;
mod column;
mod conference;
mod config;
mod deletion;
mod document;
mod error;
mod event;
mod feed;
mod job;
mod keys;
mod location;
mod mailbox;
mod message;
mod picture;
mod place;
mod postgres;
mod quick_call;
mod record;
mod schema;
mod secret;
mod session;
mod snapshot;
mod spool;
mod sqlite;
mod store;
mod sync;
mod token;
mod trust;
mod user;
mod wake;
mod writer;

pub use batch::{Accepted, Batch, Content, Fence, NewEvent, Receipt, StateOrigin, Write};
pub use conference::{
    ConferenceWrite, MeetingFeed, MeetingFilter, NewMeetingFeed, Reservation, StoredAnswer, StoredMeeting,
};
pub use config::{Change, ChangeSet, Configure, Edit, MailboxFilter, Noun};
pub use deletion::{Deletion, NewDeletion, UNDO_FOR};
pub use document::ConfigDocument;
pub use error::StoreError;
pub use event::{AuditEntry, Event, EventFeed};
pub use feed::{Feed, NewFeed};
pub use job::{Job, JobFilter, JobOutcome, Lease, NewJob, QueueDepth};
pub use keys::KeyFile;
pub use location::{LocationEntry, LocationWrite};
pub use mailbox::{FolderCount, HealthState, LightShown, MailboxHealth, Subscription};
pub use message::{ContentWriter, KindCounts, MessageFilter, RemoteItem, StagedContent, StoredMessage};
pub use picture::NewPicture;
pub use quick_call::QuickCallChoice;
pub use record::{
    AnyRecord, FieldOrigin, IfVersion, RecordChange, RecordFilter, RecordWrite, StoredRecord, printed,
};
pub use schema::{MigrationStatus, migrate, status};
pub use secret::{Rotation, Sealing, SecretInfo};
pub use session::{BrowserToken, PendingSignIn, Session, SignInWay, TokenHash};
pub use snapshot::{NewSnapshot, Snapshot, SnapshotEntry};
pub use spool::Spooled;
pub use store::{Retention, Store, StoreConfig, Swept};
pub use sync::{LinkCounts, LinkQuery, LinkedRecord, NewConflict, SyncLink, SyncOverview, SyncUnit};
pub use token::{ApiToken, NewApiToken, Role, TOKEN_PREFIX};
pub use trust::TrustedCertificate;
pub use user::{NewUser, User, UserRole};
pub use wake::{EventsChanged, JobsChanged};
