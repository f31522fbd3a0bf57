//! The few traits through which services reach the outside. A service holds an `Arc<dyn …>`; an `io` crate or a
//! test's stand-in is behind it. What an outside system cannot do is a typed [`Refusal`], never a stub.
//!
//! Types to know: [`MailSystem`] (Exchange and its like), [`Signalling`] (lamps and presence), [`Directory`] (who is
//! behind an address), [`Preflight`] (what is looked at before anything is relied on), [`PushListener`] (what a mail
//! system posts to us), [`ConferenceMailbox`] (invitations and their answers), [`OrganizerCalendars`] (join data in
//! meetings), [`ConferenceBridge`] (where rooms really are), [`Itsm`] (whose tickets are whose), [`PortError`] (which says
//! whether the effect may have happened all the same).

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bridge;
mod conference;
mod directory;
mod error;
mod itsm;
mod location;
mod mail_system;
mod organizer;
mod preflight;
mod push;
mod records;
mod signalling;

use std::future::Future;
use std::pin::Pin;

pub use bridge::{ConferenceBridge, Entrance, OpenRoom};
pub use conference::{Arrival, ArrivalPage, ConferenceMailbox, Sign, SignStream, SubscriptionWay};
pub use directory::{
    AccountPolicy, Age, Answer, AnswerFuture, ChangeTracking, Directory, DirectoryStatus, Found,
    PeopleFuture, RefreshKind, RefreshReport, SharedAddress,
};
pub use error::{Applied, PortError};
pub use itsm::{Itsm, ItsmAccount, ItsmPage, ItsmPerson, ItsmTicket, PageSeen};
pub use location::{LocationNotice, LocationSink};
pub use mail_system::{
    Attachment, Change, ChangePage, Discovered, Discovery, FolderRef, Hint, HintStream, ItemRef, Located,
    MailAccount, MailSystem, MailTarget, OutgoingMessage, RemoteItem, ServerInfo,
};
pub use organizer::{Insertion, InvitedPage, JoinData, OrganizerCalendars};
pub use preflight::{AccountFacts, AccountMailbox, PasswordEnd, Preflight, Step, StepsFuture};
pub use push::{PushListener, Pushed};
pub use records::{
    FolderIdentity, ReadRecord, RecordOperation, RecordStamp, RecordSystem, RecordWritten, RemoteChange,
    RemotePage, RemoteRecord, WriteRecord,
};
pub use signalling::{Lamp, LampTarget, Signalling};

#[doc(no_inline)]
pub use tieline_model::Refusal;

/// What a port's method returns: services are not generic over their ports.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, PortError>> + Send + 'a>>;
