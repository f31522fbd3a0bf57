//! Where a mailbox's contacts or calendar stand, as people are shown it, and what they may say to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tieline_model::{LinkId, Mailbox, MailboxId, RecordHash, RecordKind, Refusal};
use tieline_store::{LinkCounts, NewEvent, StoreError, Write};
use tieline_sync::{Pause, Plan, State, Trouble};
use tieline_worker::WorkError;

use super::{InStep, KINDS, Pass, Spoken, Word};
use crate::Messaging;
use crate::lag::Lag;
use crate::reach::Reach;

/// How the last pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// There was none yet.
    #[default]
    NotYet,
    /// What was approved is being carried out.
    UnderWay,
    /// Both sides hold the same.
    InStep,
    /// The mail system is busy or away.
    Waits {
        /// Until then.
        until: Timestamp,
    },
    /// A dry run is done; nothing is written before a person approves it.
    AwaitsApproval {
        /// What would be done.
        plan: Box<Plan>,
        /// Another plan was approved before, and the world has changed since.
        changed: bool,
    },
    /// A person must look.
    Paused {
        /// Why.
        pause: Pause,
    },
}

impl Standing {
    /// A pass by itself would only come to the same end.
    pub(crate) const fn waits_for_a_person(&self) -> bool {
        matches!(self, Self::AwaitsApproval { .. } | Self::Paused { .. })
    }
}

/// What is kept in the store's row.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) state: State,
    #[serde(default)]
    pub(crate) standing: Standing,
    /// When the last word was said whose pass came to its end.
    #[serde(default)]
    pub(crate) heard: Option<Timestamp>,
    /// When the last word was said whose doings are durable.
    #[serde(default)]
    pub(crate) taken: Option<Timestamp>,
}

/// What is told of an item that was put aside.
#[derive(Deserialize)]
struct Aside {
    id: LinkId,
    trouble: Option<Trouble>,
}

/// Where a mailbox's contacts or calendar stand.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncStatus {
    /// Contacts or calendar.
    pub kind: RecordKind,
    /// Why it is not kept in step; `None` when it is.
    pub off: Option<String>,
    /// A pass is under way, or about to begin.
    pub busy: bool,
    /// How the last pass ended.
    pub standing: Standing,
    /// By what the plan is approved.
    pub approval: Option<RecordHash>,
    /// When that was.
    pub at: Option<Timestamp>,
    /// When the last word was said whose pass came to its end: that pass began afterwards.
    pub heard: Option<Timestamp>,
    /// When the last snapshot was taken.
    pub snapshot: Option<Timestamp>,
    /// How many there are, and how much waits.
    pub counts: LinkCounts,
    /// Items that were put aside: the link and why.
    pub aside: Vec<(LinkId, String)>,
    /// How often both sides edited one field, or one edited what the other deleted; the losers are kept.
    pub conflicts: u64,
    /// How long edits take to the other side, over all mailboxes, since this process started: `to-mail`, `to-tieline`.
    pub lag: BTreeMap<&'static str, Lag>,
}

impl Messaging {
    pub(crate) async fn kept_state<R: InStep>(&self, mailbox: MailboxId) -> Result<Option<Kept>, StoreError> {
        self.kept(mailbox, R::KIND).await
    }

    async fn kept(&self, mailbox: MailboxId, kind: RecordKind) -> Result<Option<Kept>, StoreError> {
        let found = self.store.sync_state(mailbox, kind).await?;
        Ok(found.and_then(understood))
    }

    /// Where a mailbox's contacts and calendar stand.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sync_status(&self, mailbox: &Mailbox) -> Result<Vec<SyncStatus>, Refusal> {
        let mut all = Vec::new();
        for kind in KINDS {
            let there = self
                .0
                .records
                .get()
                .is_some_and(|systems| kind == RecordKind::Contacts || systems.calendar.is_some());
            let off = match Reach::of(&self.store, mailbox).await? {
                Err(refusal) => Some(refusal.what),
                Ok(_) if !there => Some(format!("this release does not keep {} in step", kind.label())),
                Ok(reach) => self.may_be_kept(mailbox, &reach, kind).err(),
            };
            let stream = self.records_stream(mailbox.id, kind);
            let overview = self.store.sync_overview(mailbox.id, kind, &stream, self.now()).await?;
            let at = overview.state.as_ref().map(|(_, at)| *at);
            let kept = overview.state.and_then(understood).unwrap_or_default();
            let approval = match &kept.standing {
                Standing::AwaitsApproval { plan, .. } => Some(plan.approval()),
                _ => None,
            };
            all.push(SyncStatus {
                kind,
                off,
                busy: overview.busy,
                approval,
                at,
                heard: kept.heard,
                snapshot: kept.state.snapshot,
                standing: kept.standing,
                counts: overview.counts,
                aside: overview.aside.iter().filter_map(|link| aside(link)).collect(),
                conflicts: overview.conflicts,
                lag: self.0.lag.in_step(kind),
            });
        }
        Ok(all)
    }

    /// Says something to a mailbox's synchronization; the pass that hears it begins at once. Gives the time at which it
    /// was said: once [`SyncStatus::heard`] is not before it, such a pass has come to its end.
    ///
    /// # Errors
    /// When it is switched off, when the plan is not the one that waits, or the store cannot be written.
    pub async fn say_to_sync(
        &self,
        mailbox: &Mailbox,
        kind: RecordKind,
        word: Word,
    ) -> Result<Timestamp, Refusal> {
        let status = self.sync_status(mailbox).await?.into_iter().find(|status| status.kind == kind);
        let said = self.now();
        let Some(status) = status else { return Ok(said) };
        if let Some(why) = status.off {
            return Err(Refusal::permanent(
                "not-synchronized",
                why,
                "switch it on in the feature group or the mailbox: tieline mailbox edit",
            )
            .at(mailbox.address.as_str()));
        }
        match &word {
            Word::Run | Word::Retry => {}
            Word::Approve(plan) if status.approval.as_ref() == Some(plan) => {}
            Word::Approve(_) => {
                return Err(Refusal::permanent(
                    "no-such-plan",
                    "no plan with this fingerprint waits for approval",
                    "make a new one: tieline sync plan",
                )
                .at(mailbox.address.as_str()));
            }
            Word::Resume(_) if matches!(status.standing, Standing::Paused { .. }) => {}
            Word::Resume(_) => {
                return Err(Refusal::permanent(
                    "not-paused",
                    "the synchronization is not paused",
                    "tieline sync status",
                )
                .at(mailbox.address.as_str()));
            }
        }
        let spoken = Spoken { word: Some(word), said: Some(said) };
        self.commit(vec![Write::Job(self.records_job(mailbox.id, kind, spoken, said))]).await?;
        Ok(said)
    }
}

/// A state that this release does not understand begins anew, with a dry run.
fn understood((body, _): (serde_json::Value, Timestamp)) -> Option<Kept> {
    serde_json::from_value(body).ok()
}

fn aside(link: &str) -> Option<(LinkId, String)> {
    let link: Aside = serde_json::from_str(link).ok()?;
    Some((link.id, link.trouble?.reason))
}

impl<R: InStep> Pass<'_, R> {
    /// The state with how the pass ended, and the news when a person must look.
    pub(crate) async fn standing_writes(&self) -> Result<Vec<Write>, WorkError> {
        let kept = self.messaging.kept_state::<R>(self.mailbox.id).await?.unwrap_or_default();
        let news = (kept.standing != self.standing).then(|| {
            let what = match &self.standing {
                Standing::AwaitsApproval { .. } => "sync-awaits-approval",
                Standing::Paused { .. } => "sync-paused",
                Standing::InStep => "sync-in-step",
                Standing::UnderWay => "sync-under-way",
                Standing::NotYet | Standing::Waits { .. } => "sync-waits",
            };
            Write::Event(NewEvent {
                topic: "mailbox".to_owned(),
                subject: self.mailbox.id.to_string(),
                payload: json!({ "what": what, "kind": R::KIND.label() }),
            })
        });
        let kept = self.kept(kept.state);
        let mut writes = vec![self.state_write(&kept)];
        writes.extend(news);
        Ok(writes)
    }

    /// What is kept beside this state of the engine's.
    pub(crate) fn kept(&self, state: State) -> Kept {
        Kept { state, standing: self.standing.clone(), heard: self.heard, taken: self.taken }
    }

    pub(crate) fn state_write(&self, kept: &Kept) -> Write {
        Write::SyncState { mailbox: self.mailbox.id, kind: R::KIND, body: crate::jobs::json(kept) }
    }
}
