//! What a caller writes: a [`Batch`] of [`Write`]s, carried out as one or not at all.

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tieline_model::{
    Decision, DeletionId, JobId, LinkId, MailboxId, Message, MessageId, MessageState, RecordKind, Refusal,
    SnapshotId,
};
use uuid::Uuid;

use crate::{
    ConferenceWrite, Configure, FolderCount, HealthState, JobOutcome, LightShown, LocationWrite, NewApiToken,
    NewDeletion, NewFeed, NewJob, NewPicture, NewSnapshot, NewUser, PendingSignIn, QuickCallChoice,
    RecordWrite, RemoteItem, Session, SnapshotEntry, Spooled, StagedContent, Subscription, SyncUnit,
    TokenHash, TrustedCertificate,
};

/// Writes that belong together. All of them become durable before [`crate::Store::commit`] answers, or none does.
#[derive(Debug, Clone)]
pub struct Batch {
    /// When the caller decided on it: the time of its events, jobs and changes.
    pub at: Timestamp,
    /// The lease under which it is written. If somebody else holds the stream by now, nothing is written.
    pub fence: Option<Fence>,
    /// Carried out in this order.
    pub writes: Vec<Write>,
}

impl Batch {
    /// An empty batch without a fence.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { at, fence: None, writes: Vec::new() }
    }

    /// Binds the batch to a lease.
    #[must_use]
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn with(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds a write, in place.
    pub fn push(&mut self, write: Write) {
        self.writes.push(write);
    }
}

/// Proof of having held a stream: stale as soon as somebody else takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The stream, as `mb_…/deliver`.
    pub stream: String,
    /// Rises with each taker.
    pub token: i64,
}

/// One change of what is stored.
#[derive(Debug, Clone)]
pub enum Write {
    /// Takes a message in. The same `(mailbox, source_id)`, or the same id, given once more changes nothing: then the
    /// **whole batch** is left out and the receipt names the message that stands. At most one in a batch.
    AcceptMessage {
        /// The message; its `size` is the content's length.
        message: Message,
        /// The recording or fax.
        content: Content,
    },
    /// Sets what the user did with a message.
    MessageState {
        /// Which.
        message: MessageId,
        /// What it is from now on.
        state: MessageState,
        /// Who said so.
        by: StateOrigin,
    },
    /// Forgets a message's content and keeps the message (Storage Mode "mail only").
    PurgeContent {
        /// Whose content.
        message: MessageId,
    },
    /// Notes where a message's item is in the mail system; the first time, the message counts as delivered.
    RemoteItem(RemoteItem),
    /// Forgets where it is.
    ForgetRemoteItem {
        /// Whose item.
        message: MessageId,
    },
    /// Where reading a folder's changes goes on; `None` begins anew.
    Cursor {
        /// Whose.
        mailbox: MailboxId,
        /// The folder's id in the mail system.
        folder: String,
        /// The mail system's cursor.
        cursor: Option<String>,
    },
    /// Queues a job.
    Job(NewJob),
    /// Queues a job; when one with its key is open, that one runs once more with the payload and the trace that it has.
    JobHint(NewJob),
    /// What became of a job that the batch's fence holds.
    JobOutcome {
        /// Which.
        id: JobId,
        /// What became of it.
        outcome: JobOutcome,
    },
    /// Gives a quarantined job another chance, behind its stream's open jobs.
    RetryJob {
        /// Which.
        id: JobId,
    },
    /// Removes a quarantined job for good.
    DropJob {
        /// Which.
        id: JobId,
    },
    /// Tells whoever listens.
    Event(NewEvent),
    /// Records why something was done.
    Decision(Decision),
    /// Changes endpoints, feature groups and mailboxes as one new version.
    Configure(Configure),
    /// Sets or removes a secret; it is encrypted before it is queued, and an audit entry is written.
    Secret {
        /// What it opens, as `feature-group/fg_…/password`.
        name: String,
        /// `None` removes it.
        value: Option<SecretString>,
        /// Who set it.
        by: String,
    },
    /// Adds a token for the API.
    ApiToken(NewApiToken),
    /// Ends a token's validity.
    RevokeApiToken {
        /// Which.
        id: Uuid,
        /// Who ended it.
        by: String,
    },
    /// Lets a certificate in.
    Trust(TrustedCertificate),
    /// Takes a certificate out, at every host.
    Distrust {
        /// Its SHA-256.
        sha256: [u8; 32],
        /// Who took it out.
        by: String,
    },
    /// Adds a local account.
    AddUser {
        /// The account.
        user: NewUser,
        /// Who added it.
        by: String,
    },
    /// Sets a local account's password and ends its sessions.
    UserPassword {
        /// Whose.
        name: String,
        /// The Argon2id hash.
        password: SecretString,
        /// Who set it.
        by: String,
    },
    /// Removes a local account and ends its sessions.
    RemoveUser {
        /// Whose.
        name: String,
        /// Who removed it.
        by: String,
    },
    /// Somebody has signed in.
    Session(Session),
    /// Somebody who is signed in was seen.
    SessionSeen(TokenHash),
    /// Somebody has signed out.
    EndSession(TokenHash),
    /// Keeps a sign-in that was begun; the same state once more replaces it.
    PendingSignIn(PendingSignIn),
    /// Uses a sign-in up: a second time is refused, and the batch with it.
    TakePendingSignIn(TokenHash),
    /// Keeps whom a technician meant by a contact; the same contact once more replaces it.
    QuickCallChoice(QuickCallChoice),
    /// Keeps a SIP subscription across restarts.
    Subscription(Subscription),
    /// Forgets a SIP subscription.
    DropSubscription {
        /// Its key.
        id: String,
    },
    /// Notes what a lamp was told last.
    LightShown(LightShown),
    /// Forgets what a lamp was told, since it is no longer a target.
    DropLightShown {
        /// Whose.
        mailbox: MailboxId,
        /// Which lamp.
        target: String,
    },
    /// How a mailbox fares. `since` of a state that lasts is kept.
    MailboxHealth {
        /// Whose.
        mailbox: MailboxId,
        /// The state.
        state: HealthState,
        /// Why, unless all is well.
        cause: Option<Refusal>,
    },
    /// Changes what is kept about where a mailbox's user is.
    Location(LocationWrite),
    /// How many items a folder holds.
    FolderCount(FolderCount),
    /// Changes a contact or an event.
    Record(Box<RecordWrite>),
    /// Where the synchronization of a mailbox's contacts or calendar stands. The body is the engine's.
    SyncState {
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
        /// The engine's own.
        body: serde_json::Value,
    },
    /// Decisions of the synchronization. One whose entry has another version by then is left out, and the receipt names
    /// it; the rest of the batch is written all the same.
    SyncUnits(Vec<SyncUnit>),
    /// Keeps what was read of the mail system's items, each at most once.
    Spool {
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
        /// What.
        items: Vec<Spooled>,
    },
    /// A listing showed these versions of items, or that they are gone: what was read of others does not hold any more.
    SpoolCompare {
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
        /// The items, and their versions unless they are gone.
        versions: Vec<(String, Option<String>)>,
    },
    /// Forgets what was read of these items.
    SpoolForget {
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
        /// Which.
        items: Vec<String>,
    },
    /// Forgets what was read of all items.
    SpoolClear {
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
    },
    /// Keeps a deletion, so that it can be undone.
    Deletion(NewDeletion),
    /// Notes that a deletion was undone; a second time is refused, and the batch with it.
    DeletionRestored(DeletionId),
    /// Keeps a contact's picture.
    Picture(NewPicture),
    /// Begins a snapshot.
    Snapshot(NewSnapshot),
    /// Adds entries to a snapshot.
    SnapshotEntries {
        /// Which.
        id: SnapshotId,
        /// What.
        entries: Vec<SnapshotEntry>,
    },
    /// Adds items that were read before: those after the first and up to the second.
    SnapshotSpooled {
        /// Which.
        id: SnapshotId,
        /// Whose.
        mailbox: MailboxId,
        /// Contacts or events.
        kind: RecordKind,
        /// The part.
        part: (String, String),
    },
    /// A snapshot is complete.
    SnapshotComplete(SnapshotId),
    /// Adds a calendar feed.
    AddFeed(NewFeed),
    /// Ends a calendar feed.
    RemoveFeed {
        /// Whose.
        mailbox: MailboxId,
        /// Which.
        id: Uuid,
    },
    /// Changes a room, a meeting or an answer.
    Conference(ConferenceWrite),
    /// Who did what, for the administrator.
    Audit {
        /// Who.
        who: String,
        /// A verb in kebab case: `secret-set`.
        action: String,
        /// To what, as a printed id or a name.
        subject: String,
        /// More, never a secret.
        detail: String,
    },
}

/// A message's content. Printing shows its length only.
#[derive(Clone)]
pub enum Content {
    /// A text message has none.
    None,
    /// Up to [`Content::INLINE_LIMIT`] bytes at hand.
    Inline(Vec<Bytes>),
    /// Content that was staged before, of any size.
    Staged(StagedContent),
}

impl Content {
    /// The most that is taken inline, in bytes; larger content is staged.
    pub const INLINE_LIMIT: usize = 8 * 1024 * 1024;
    /// The size of the pieces that content is stored in, in bytes.
    pub const CHUNK: usize = 64 * 1024;

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Inline(parts) => parts.iter().map(|part| part.len() as u64).sum(),
            Self::Staged(staged) => staged.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes)", self.len())
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::None } else { Self::Inline(vec![bytes]) }
    }
}

/// Who changed a message's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateOrigin {
    /// The mail system's user.
    Mail,
    /// The user at the telephone.
    Telephone,
    /// A client of the API.
    Api,
}

impl StateOrigin {
    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Telephone => "telephone",
            Self::Api => "api",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Mail, Self::Telephone, Self::Api].into_iter().find(|origin| origin.name() == name)
    }
}

/// An event to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What kind of event, in kebab case: `message`, `light`, `config`.
    pub topic: String,
    /// What it is about, as a printed id.
    pub subject: String,
    /// What happened.
    pub payload: serde_json::Value,
}

/// What a commit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What became of the batch's message, if it had one.
    pub message: Option<Accepted>,
    /// What a person should know although it was done.
    pub warnings: Vec<Refusal>,
    /// The configuration's new version, if it changed.
    pub version: Option<i64>,
    /// The number of the batch's last event.
    pub event: Option<i64>,
    /// Units of the synchronization that were left out, since their entry has another version by now.
    pub refused: Vec<LinkId>,
}

/// What became of a message that was to be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It was taken in.
    New(MessageId),
    /// It, or the same deposit, was there already under this id; nothing of the batch was written.
    Standing(MessageId),
}

impl Accepted {
    /// The id of the message that stands.
    #[must_use]
    pub const fn id(self) -> MessageId {
        match self {
            Self::New(id) | Self::Standing(id) => id,
        }
    }
}
