//! What an administrator may set about messaging.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tieline_delivery::Policy;

use crate::location::LocationPolicy;

/// What an administrator may set about messaging.
#[derive(Debug, Clone)]
pub struct MessagingPolicy {
    /// How many mailboxes are delivered to, and how many are read, at the same time; 16 by default.
    pub parallel_mailboxes: usize,
    /// How deliveries are tried again.
    pub delivery: Policy,
    /// The largest fax or other content, in bytes; 20 MiB by default. Recordings have their own limit, the
    /// converter's.
    pub content_limit: u64,
    /// The longest text message, in characters; 10,000 by default.
    pub text_limit: usize,
    /// Each mailbox's changes are read this often, also without a hint; 5 min by default. A crowd is read less often, so
    /// that a second has no more than four turns.
    pub sync_interval: Duration,
    /// An item that is nowhere is looked for a second time after this, before it counts as deleted; 2 s by default.
    pub gone_grace: SignedDuration,
    /// More messages than this, and more than a tenth of a mailbox's, vanishing without a trace pause it; 20 by default.
    pub brake: usize,
    /// How old a mailbox's last snapshot may be when contacts or events are written; 24 h by default.
    pub snapshot_every: SignedDuration,
    /// A mailbox's folders are counted this often; 1 h by default. In a crowd less often, one mailbox a second.
    pub count_interval: Duration,
    /// When the mail system could not be asked for this long, a light that depends on it is unknown; 30 min by default.
    pub unknown_after: SignedDuration,
    /// What follows the `@` of a message account's SIP URI (`Message-Account`, RFC 3842).
    pub account_domain: String,
    /// The zone in which times are written into message bodies.
    pub time_zone: TimeZone,
    /// Where users are, and what moves them.
    pub location: LocationPolicy,
    /// Voicemail spool folders to watch.
    pub spools: Vec<SpoolPolicy>,
}

impl Default for MessagingPolicy {
    fn default() -> Self {
        Self {
            parallel_mailboxes: 16,
            delivery: Policy::default(),
            content_limit: 20 * 1024 * 1024,
            text_limit: 10_000,
            sync_interval: Duration::from_secs(300),
            gone_grace: SignedDuration::from_secs(2),
            brake: 20,
            snapshot_every: SignedDuration::from_hours(24),
            count_interval: Duration::from_secs(3600),
            unknown_after: SignedDuration::from_mins(30),
            account_domain: "localhost".to_owned(),
            time_zone: TimeZone::UTC,
            location: LocationPolicy::default(),
            spools: Vec::new(),
        }
    }
}

/// A spool folder in Asterisk's voicemail layout: `<root>/<context>/<mailbox>/INBOX/msgNNNN.txt` with its audio.
#[derive(Debug, Clone)]
pub struct SpoolPolicy {
    /// The folder that holds the contexts, usually `/var/spool/asterisk/voicemail`.
    pub root: PathBuf,
    /// How often it is looked at. A message is taken when it did not change between two looks.
    pub poll: Duration,
    /// Accepted files are removed instead of moved to [`SpoolPolicy::ACCEPTED`].
    pub remove_accepted: bool,
}

impl SpoolPolicy {
    /// Where accepted files go, beside `INBOX`.
    pub const ACCEPTED: &'static str = "Tieline-accepted";
    /// Where files go that can never be accepted, each with a file that says why.
    pub const REFUSED: &'static str = "Tieline-refused";

    /// Looks at `root` every second and keeps what it accepted.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), poll: Duration::from_secs(1), remove_accepted: false }
    }
}
