//! What Tieline talks about: mailboxes, messages, lights, settings, and how a person is told no.
//!
//! Sans-IO and deterministic: nothing here reads a clock, a random number, a file or a socket. Time comes in as
//! [`jiff::Timestamp`] from a [`Clock`], randomness as [`uuid::Uuid`] from [`Ids`]; only `app` has real ones.
//!
//! Types to know: the ids in [`id`], [`Refusal`] (every "no" that a person reads), [`Mailbox`] with its
//! [`FeatureGroup`] and [`Endpoint`] (settings, see [`settings`] for inheritance), [`Message`] (what was recorded),
//! [`LightState`] (what a telephone's lamp should show), [`Contact`] and
//! [`Event`] with [`Record`] (what is merged field by field), [`Zone`] (a time zone that is never guessed).

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod address;
mod authentication;
mod caseless;
mod clock;
mod contact;
mod contact_address;
mod decision;
mod endpoint;
mod event;
mod feature_group;
mod folder_limits;
pub mod id;
mod invitation;
mod language;
mod light;
mod mailbox;
mod meeting;
mod message;
mod person;
mod phone_number;
mod quick_call;
mod record;
mod recurrence;
mod refusal;
mod room;
pub mod settings;
mod uc_location;
mod zone;

pub use address::{AddressError, ServerAddress, ServerAddressError, SmtpAddress};
pub use authentication::Authentication;
pub use clock::{Clock, Ids, ManualClock};
pub use contact::{
    AddressKind, Contact, ContactField, ContactForm, ContactText, MailEntry, PhoneKind, PostalAddress, Slot,
};
pub use contact_address::{ContactAddress, ContactAddressError, SipAddress, SipAddressError};
pub use decision::Decision;
pub use endpoint::{Endpoint, TlsTrust, VoiceFormat};
pub use event::{Attendee, Busy, Event, EventField, Exception, Occurrence, Response, Role, Schedule};
pub use feature_group::FeatureGroup;
pub use folder_limits::{ExchangeVersion, FolderLoad, FolderNoun, Limit};
pub use id::{
    AnswerId, ContactId, DeletionId, DeliveryKey, EndpointId, EventId, FeatureGroupId, JobId, LinkId,
    MailboxId, MeetingId, MessageId, QuickCallTargetId, RoomId, SnapshotId, TraceId, WriteId,
};
pub use invitation::{AskedIn, ConferenceMail, Invitation, MailKind};
pub use language::Language;
pub use light::{LightState, MessageCounts};
pub use mailbox::{Mailbox, StorageMode, UserType};
pub use meeting::{
    Alternative, Answer, Inserted, InvitationVersion, KnownSender, Meeting, MeetingKey, MeetingState,
    PasscodeFault, PastInvitation, Problem, Reason, ReasonKind, Span, Verdict,
};
pub use message::{Caller, Message, MessageKind, MessageState};
pub use person::{DirectoryId, Person};
pub use phone_number::{DialPlan, PhoneNumber};
pub use quick_call::{
    Environment, Hosting, ItsmApi, ItsmProduct, PersonKey, QuickCallTarget, TargetKind, UnknownPerson,
};
pub use record::{FieldId, MatchKey, Record, RecordHash, RecordKind, Sensitivity};
pub use recurrence::{Days, Ends, Nth, Pattern, Recurrence};
pub use refusal::{Class, Refusal};
pub use room::{
    EnterpriseNumbers, Passcode, Passcodes, Room, RoomKind, RoomNumber, RoomNumberError, RoomRange,
    RoomRangeError,
};
pub use settings::{CalendarMode, Effective, FolderPath, KindRules, Origin, SyncKinds, SyncSettings};
pub use uc_location::UcLocation;
pub use zone::{ChangeDay, DaylightTime, UnknownZone, When, YearlyChange, Zone, ZoneRules, weekday_number};
