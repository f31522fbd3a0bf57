//! Where one mailbox's contacts or calendar stand, between two passes and across crashes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::RecordHash;

use crate::brake::Brake;

/// What a folder says about itself. Other values than last time mean that it is another folder, or an earlier state
/// of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The mailbox's own id (`MailboxGuid`, legacy DN), which neither a move nor a new address changes.
    pub mailbox: String,
    /// The folder's id.
    pub folder: String,
    /// A number that only grows (`PR_LOCAL_COMMIT_TIME_MAX`, an article number), where the server has one.
    pub high_water: Option<u64>,
}

/// Why a mailbox waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Pause {
    /// More changes than are believed.
    Brake {
        /// What kind, and how many were waiting.
        deletes: u64,
        /// Edits that were waiting.
        edits: u64,
        /// How many are believed.
        limit: u64,
    },
    /// A complete listing lacks so many items that it is not believed.
    ShortListing {
        /// Items that were missing.
        missing: u64,
        /// Items that were linked.
        linked: u64,
    },
    /// The mailbox or folder is another one: moved, restored elsewhere, or its address was given to somebody else.
    AnotherMailbox {
        /// What it was.
        was: Identity,
        /// What it is.
        is: Identity,
    },
    /// The folder shows an earlier state of itself: it was restored from a backup.
    SetBack {
        /// What gave it away.
        evidence: String,
    },
    /// The folder is not there.
    FolderGone,
}

impl Pause {
    /// What happened, in a person's words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Brake { deletes, edits, limit } => format!(
                "{deletes} deletions and {edits} edits were waiting and {limit} in an hour are believed; nothing more was changed"
            ),
            Self::ShortListing { missing, linked } => {
                format!("the folder was listed without {missing} of {linked} items; nothing was deleted")
            }
            Self::AnotherMailbox { .. } => {
                "the mailbox or folder is another one than before; nothing was changed".to_owned()
            }
            Self::SetBack { evidence } => {
                format!("the folder was set back to an earlier state ({evidence}); nothing was changed")
            }
            Self::FolderGone => "the folder is not there any more; nothing was deleted".to_owned(),
        }
    }
}

/// A person's answer to a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resume {
    /// What is there is right: go on, and believe so many changes. A folder that was set back is rejoined all the same.
    Accept {
        /// Edits allowed beyond the usual.
        edits: u32,
        /// Deletions allowed beyond the usual.
        deletes: u32,
    },
    /// Join both sides anew, as in the first run, with a dry run: items are recognised by UID, SIP and mail address;
    /// nothing is deleted.
    Rejoin,
}

/// A plan that says all there is to do, and how far both sides were read for it. As long as nothing changed since, making it
/// again would give the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// The plan's.
    pub fingerprint: RecordHash,
    /// The choices under which it was made.
    pub choices: RecordHash,
    /// How far Tieline's changes were read.
    pub left_cursor: Option<String>,
    /// How far the mail system's changes were read.
    pub right_cursor: Option<String>,
}

/// Where one mailbox's contacts or calendar stand. Durable, small.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// How far Tieline's changes are read.
    pub left_cursor: Option<String>,
    /// How far the mail system's changes are read.
    pub right_cursor: Option<String>,
    /// The number of the last full listing.
    pub generation: u64,
    /// The full listing is under way.
    pub listing: bool,
    /// A full listing is complete, and what it did not show is still to be looked at.
    pub sweeping: bool,
    /// When everything was listed last.
    pub listed: Option<Timestamp>,
    /// The last complete listing lacked so many items that it was read again.
    pub doubted: bool,
    /// Which joining this is.
    pub epoch: u32,
    /// The folder as it was.
    pub identity: Option<Identity>,
    /// When it was asked last.
    pub identified: Option<Timestamp>,
    /// Changes of the last hour.
    pub brake: Brake,
    /// The choices that were approved after a dry run.
    pub approved: Option<RecordHash>,
    /// The fingerprint of a plan that a person approved and that was not applied yet.
    pub approval: Option<RecordHash>,
    /// The plan that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
    /// When the last snapshot was taken.
    pub snapshot: Option<Timestamp>,
    /// Waits for a person, since when.
    pub paused: Option<(Pause, Timestamp)>,
    /// Not before: throttled, or the server was not there.
    pub wait_until: Option<Timestamp>,
    /// Failures in a row of the whole mailbox.
    pub failures: u32,
}
