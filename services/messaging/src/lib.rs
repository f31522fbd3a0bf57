//! Messaging: a voice message, fax or text message reaches its user's mailbox, what the user does with it comes back,
//! and the message-waiting light follows.
//!
//! One file tells one use case from trigger to effect:
//!
//! | file | trigger | effect |
//! |---|---|---|
//! | `deposit` | an upload, a command, the spool | message, content, event, decision and jobs in one batch |
//! | `deliver` | job `deliver` | exactly one item in the mail system |
//! | `confirm` | job `confirm`, after a doubt | doubled items removed |
//! | `follow` | job `sync`: a hint or the interval | read and deleted state comes back, across folders |
//! | `state_change` | the telephone or the API; job `set-state` | the item outside is read or deleted |
//! | `light` | job `light`, job `lamp` | lamps and subscribers are told what changed |
//! | `backfill` | settings changed | what was accepted meanwhile is delivered |
//! | `limits` | job `count-folders` | folders that fill up warn |
//! | `watch` | the mail system's notifications | hints become `sync` jobs |
//! | `spool` | files of a PBX | deposits |
//! | `sync` | job `records`: a hint, the interval, a person | contacts and calendars in step, both ways |
//! | `location` | job `location`: an event begins or ends, the calendar changes; job `tell-location` | the user's location moves; a presence server and a webhook are told |
//! | `snapshots` | before the first write, a schedule, a person | copies of both sides, and back |
//! | `records` | people and programs edit contacts and events | entry, event and decision in one batch; deletions can be undone |
//! | `saved_contacts` | the directory changed | contacts that were saved from it are refreshed in the fields it wrote |
//! | `explain` | a person asks | the chain of decisions |
//!
//! What it holds to:
//!
//! * Creation is one-way: items born in the mail system are never copied, whatever class or mark they carry (AV-86,
//!   AV-88). The state of messages born here goes both ways, as a three-way comparison with what was last seen, so that
//!   our own writes never cause counter-writes.
//! * A deletion is believed when the item lies among the deleted, or when a complete successful search found it nowhere,
//!   twice. Too many that vanish without a trace pause the mailbox (the brake) until [`Messaging::resume`].
//! * The light is derived from the messages whenever somebody must be told, and is *unknown* while the mail system could
//!   not be asked for long and unread messages lie there; never a stale or negative count.
//! * No user's password is read or needed: every call impersonates with the feature group's service account, for enabled
//!   mailboxes only (AV-30).
//!
//! What it refuses to be: a mail client, a telephone, a store of settings.
//!
//! Types to know: [`Messaging`] (made from [`MessagingParts`]), [`Deposit`], [`LightView`], [`Explanation`].

mod backfill;
mod body;
mod confirm;
mod deliver;
mod deposit;
mod explain;
mod folders;
mod follow;
mod health;
mod jobs;
mod lag;
mod light;
mod limits;
mod location;
mod policy;
mod reach;
mod record;
mod records;
mod report;
mod saved_contacts;
mod snapshots;
mod spool;
mod state_change;
mod sync;
mod watch;

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use tieline_audio::Converter;
use tieline_model::{Clock, Ids, JobId, TraceId};
use tieline_ports::{LocationSink, MailSystem, Signalling};
use tieline_store::Store;
use tieline_worker::Work;
use tokio_util::sync::CancellationToken;

pub use deposit::{Deposit, Deposited, Destination};
pub use explain::Explanation;
pub use lag::Lag;
pub use light::LightView;
pub use limits::FolderReport;
pub use location::{LocationPolicy, LocationSaid, LocationView};
pub use policy::{MessagingPolicy, SpoolPolicy};
pub use reach::{password_of, sip_password_of};
pub use records::Imported;
pub use report::{DeliveryReport, DeliveryWord};
pub use saved_contacts::{Followed, FollowedContact};
pub use snapshots::SnapshotSide;
pub use sync::{RecordSystems, Standing, SyncStatus, Word};
pub use tieline_sync::{Cause, Manual, Moves};

pub(crate) use lag::LagStep;

/// What messaging is made from.
pub struct MessagingParts {
    /// Everything durable.
    pub store: Store,
    /// Exchange, or its like.
    pub mail: Arc<dyn MailSystem>,
    /// Lamps.
    pub signalling: Arc<dyn Signalling>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Reads and converts recordings.
    pub audio: Arc<Converter>,
    /// Settings.
    pub policy: MessagingPolicy,
}

/// The messaging service. Cloning gives another handle on the same one.
///
/// The wiring registers [`Messaging::work`] with a worker and keeps [`Messaging::run`] running; the API and the command
/// line call [`Messaging::deposit`], [`Messaging::set_state`], [`Messaging::delivery`], [`Messaging::retry`],
/// [`Messaging::light`], [`Messaging::resync`], [`Messaging::resume`], [`Messaging::settings_changed`],
/// [`Messaging::target`], [`Messaging::folders`], [`Messaging::lag`] and [`Messaging::explain`].
#[derive(Clone)]
pub struct Messaging(Arc<Inner>);

/// What every use case has at hand.
pub(crate) struct Inner {
    parts: MessagingParts,
    lag: lag::Lags,
    watching: tokio::sync::Notify,
    records: std::sync::OnceLock<sync::RecordSystems>,
    courtesy: sync::Courtesy,
    sinks: std::sync::OnceLock<Vec<Arc<dyn LocationSink>>>,
}

impl Deref for Messaging {
    type Target = MessagingParts;

    fn deref(&self) -> &MessagingParts {
        &self.0.parts
    }
}

impl Messaging {
    /// Puts the parts together; nothing runs yet.
    #[must_use]
    pub fn new(parts: MessagingParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            lag: lag::Lags::default(),
            watching: tokio::sync::Notify::new(),
            records: std::sync::OnceLock::new(),
            courtesy: sync::Courtesy::default(),
            sinks: std::sync::OnceLock::new(),
        }))
    }

    /// One [`Work`] for each kind of job.
    #[must_use]
    pub fn work(&self) -> Vec<Arc<dyn Work>> {
        vec![
            Arc::new(deliver::Deliver(self.clone())),
            Arc::new(confirm::ConfirmOnce(self.clone())),
            Arc::new(follow::Follow(self.clone())),
            Arc::new(state_change::SetState(self.clone())),
            Arc::new(light::Light(self.clone())),
            Arc::new(light::OneLamp(self.clone())),
            Arc::new(limits::CountFolders(self.clone())),
            Arc::new(sync::KeepInStep(self.clone())),
            Arc::new(location::Locate(self.clone())),
            Arc::new(location::TellLocation(self.clone())),
        ]
    }

    /// The jobs of a node that exchanges nothing with mail systems: lights and locations follow what is known here.
    pub fn work_at_home(&self) -> Vec<Arc<dyn Work>> {
        vec![
            Arc::new(light::Light(self.clone())),
            Arc::new(light::OneLamp(self.clone())),
            Arc::new(location::Locate(self.clone())),
            Arc::new(location::TellLocation(self.clone())),
        ]
    }

    /// Reads the spool until `stop`, for such a node.
    pub async fn run_at_home(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.read_spools() => {}
        }
    }

    /// Watches mailboxes and the spool until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            ((), ()) = async { tokio::join!(self.watch(), self.read_spools()) } => {}
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn new_trace(&self) -> TraceId {
        TraceId::from_uuid(self.ids.uuid())
    }

    fn new_job_id(&self) -> JobId {
        JobId::from_uuid(self.ids.uuid())
    }
}

#[cfg(test)]
mod tests;
