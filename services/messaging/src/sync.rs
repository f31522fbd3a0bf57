//! Job `records`: a mailbox's contacts or calendar are kept in step with its mail system.
//!
//! `core/sync` decides, this file carries out: what the engine asks for is read from the store or the mail system, what it
//! decides is committed under the job's lease. A run may end anywhere: the next one begins with what is durable. The
//! first pass and the first after a change of policy end with a plan that a person approves.

mod carried;
mod courtesy;
mod picture;
mod snapshot;
mod spool;
mod state;
mod store;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::{
    CalendarMode, Contact, ContactField, Event as CalendarEvent, LinkId, Mailbox, MailboxId, Record,
    RecordHash, RecordKind,
};
use tieline_ports::{
    FolderRef, ItemRef, MailTarget, PortError, ReadRecord, RecordOperation, RecordStamp, RecordSystem,
    RecordWritten, RemoteChange, RemotePage, RemoteRecord, WriteRecord,
};
use tieline_store::{AnyRecord, NewJob, Write};
use tieline_sync::{
    Change, Command, Engine, Event, Fetched, Identity, Limits, Operation, Page, Policy, Query, Rendition,
    Rest, Resume, RightItem, Side, Stamp, Written,
};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Messaging;
use crate::deliver::failure;
use crate::jobs::{self, json};
use crate::reach::Reach;

use carried::Edits;
pub(crate) use courtesy::Courtesy;
use courtesy::Step;
use spool::Spool;
pub use state::{Standing, SyncStatus};

/// The mail system's contacts and calendars.
#[derive(Clone)]
pub struct RecordSystems {
    /// Contacts.
    pub contacts: Arc<dyn RecordSystem<Contact>>,
    /// Calendars; `None` where calendars are not kept in step.
    pub calendar: Option<Arc<dyn RecordSystem<CalendarEvent>>>,
}

/// What is kept in step.
pub(crate) trait InStep: Record + Into<AnyRecord> {
    fn system(systems: &RecordSystems) -> Option<Arc<dyn RecordSystem<Self>>>;

    /// The picture that belongs to a write of these fields.
    fn picture(&self, _fields: &[Self::Field]) -> Option<&RecordHash> {
        None
    }
}

impl InStep for Contact {
    fn system(systems: &RecordSystems) -> Option<Arc<dyn RecordSystem<Self>>> {
        Some(Arc::clone(&systems.contacts))
    }

    fn picture(&self, fields: &[ContactField]) -> Option<&RecordHash> {
        self.photo.as_ref().filter(|_| fields.contains(&ContactField::Photo))
    }
}

impl InStep for CalendarEvent {
    fn system(systems: &RecordSystems) -> Option<Arc<dyn RecordSystem<Self>>> {
        systems.calendar.clone()
    }
}

/// What a person says to a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Begin one now, also a dry run once more.
    Run,
    /// The same, with the items that were put aside.
    Retry,
    /// The plan with this fingerprint is approved.
    Approve(RecordHash),
    /// An answer to a pause.
    Resume(Resume),
}

impl Word {
    /// What a pause complained of is right; so many more edits and deletions are believed.
    #[must_use]
    pub const fn accept(edits: u32, deletes: u32) -> Self {
        Self::Resume(Resume::Accept { edits, deletes })
    }

    /// Both sides are joined anew, with a dry run; nothing is deleted.
    #[must_use]
    pub const fn rejoin() -> Self {
        Self::Resume(Resume::Rejoin)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordsPayload {
    mailbox: MailboxId,
    kind: RecordKind,
    #[serde(flatten)]
    spoken: Spoken,
}

/// What a person said, and when: by that it is known whether it was heard already.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Spoken {
    #[serde(default)]
    word: Option<Word>,
    #[serde(default)]
    said: Option<Timestamp>,
}

pub(crate) const RECORDS: &str = "records";
/// What can be kept in step.
pub(crate) const KINDS: [RecordKind; 2] = [RecordKind::Contacts, RecordKind::Calendar];
/// The shortest time between two passes that nobody asked for.
const SOON: SignedDuration = SignedDuration::from_secs(1);
/// A pass that goes on for longer lets the mailboxes go first that wait for theirs.
const TURN: SignedDuration = SignedDuration::from_secs(2);

/// Job `records`.
pub(crate) struct KeepInStep(pub(crate) Messaging);

impl Work for KeepInStep {
    fn kind(&self) -> &'static str {
        RECORDS
    }

    fn concurrency(&self) -> usize {
        self.0.policy.parallel_mailboxes
    }

    fn time_limit(&self) -> std::time::Duration {
        std::time::Duration::from_secs(1800)
    }

    fn span(&self, job: &tieline_store::Job) -> tracing::Span {
        tracing::info_span!("job.records", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(async move {
            let payload: RecordsPayload = jobs::payload(context.job())?;
            match payload.kind {
                RecordKind::Contacts => self.0.keep_in_step::<Contact>(context, payload).await,
                RecordKind::Calendar => self.0.keep_in_step::<CalendarEvent>(context, payload).await,
            }
        })
    }
}

/// What the mail system would give back of a record.
struct Rendered<R: Record>(Arc<dyn RecordSystem<R>>);

impl<R: Record> Rendition<R> for Rendered<R> {
    fn render(&self, record: &R) -> R {
        self.0.render(record)
    }

    fn is_told(&self, field: R::Field) -> bool {
        self.0.is_told(field)
    }
}

/// One pass over one mailbox.
pub(crate) struct Pass<'a, R: InStep> {
    pub(crate) messaging: &'a Messaging,
    pub(crate) context: &'a JobContext,
    pub(crate) mailbox: Mailbox,
    pub(crate) target: MailTarget,
    pub(crate) system: Arc<dyn RecordSystem<R>>,
    pub(crate) folder: Option<FolderRef>,
    /// What was shown to people last.
    pub(crate) standing: Standing,
    /// When the word was said that this pass goes by, if it does by any.
    said: Option<Timestamp>,
    /// When the last word was said whose pass came to its end.
    pub(crate) heard: Option<Timestamp>,
    /// When the last word was said whose doings are durable: it is not said to the engine again.
    pub(crate) taken: Option<Timestamp>,
    pub(crate) edits: Edits,
    /// Links that both sides agreed on when the batches began.
    pub(crate) linked: u64,
    pub(crate) spool: Spool<R>,
    /// Something was written to a side, and that is durable.
    advanced: bool,
    /// Where it is among the passes of others.
    step: Step<'a>,
    /// Items that it takes in hand at a time, at most.
    share: usize,
}

/// How a pass ended.
enum Ended {
    /// The engine rests.
    Rest(Rest),
    /// The process stops.
    Stopped,
    /// Others wait for their turn.
    GaveWay,
}

impl Messaging {
    /// Ties contacts and calendars to a mail system. Once, before the work begins.
    pub fn keep_records_in(&self, systems: RecordSystems) {
        // A second time changes nothing.
        let _ = self.0.records.set(systems);
    }

    /// Whether this kind is to be kept in step, or why not.
    fn may_be_kept(&self, mailbox: &Mailbox, reach: &Reach, kind: RecordKind) -> Result<(), String> {
        let settings = &reach.settings;
        match mailbox.may_synchronize() {
            Err(refusal) => return Err(refusal.what),
            Ok(false) => {
                return Err("the mailbox is switched off, or its Storage Mode is local-only".to_owned());
            }
            Ok(true) => {}
        }
        let kinds = settings.kinds.value;
        match kind {
            RecordKind::Contacts if kinds.contacts => Ok(()),
            RecordKind::Calendar
                if kinds.calendar && settings.calendar_mode.value == CalendarMode::SyncWithMailServer =>
            {
                Ok(())
            }
            RecordKind::Calendar if kinds.calendar => {
                Err(format!("the Calendar Mode is none ({})", settings.calendar_mode.origin))
            }
            _ => Err(format!("{} are not synchronized ({})", kind.label(), settings.kinds.origin)),
        }
    }

    /// The kinds that are to be kept in step; none without a mail system for them.
    pub(crate) fn kept_kinds(&self, mailbox: &Mailbox, reach: &Reach) -> Vec<RecordKind> {
        let Some(systems) = self.0.records.get() else { return Vec::new() };
        let mut kinds = KINDS.to_vec();
        kinds.retain(|kind| {
            let there = *kind == RecordKind::Contacts || systems.calendar.is_some();
            there && self.may_be_kept(mailbox, reach, *kind).is_ok()
        });
        kinds
    }

    pub(crate) fn records_stream(&self, mailbox: MailboxId, kind: RecordKind) -> String {
        format!("{mailbox}/{RECORDS}/{}", kind.label())
    }

    /// Queues a pass: at a hint, at the interval, or because a person asks.
    fn records_job(
        &self,
        mailbox: MailboxId,
        kind: RecordKind,
        spoken: Spoken,
        not_before: Timestamp,
    ) -> NewJob {
        // One job for each: a word takes the place of the pass that waits for its time.
        let dedupe = Some(format!("{RECORDS}/{}/{mailbox}", kind.label()));
        NewJob {
            id: self.new_job_id(),
            stream: self.records_stream(mailbox, kind),
            kind: RECORDS.to_owned(),
            payload: json(&RecordsPayload { mailbox, kind, spoken }),
            not_before,
            trace: self.new_trace(),
            subject: mailbox.to_string(),
            dedupe,
        }
    }

    /// Jobs for the kinds that are to be kept in step; none without a mail system for them.
    pub(crate) async fn records_jobs(
        &self,
        mailbox: &Mailbox,
        kinds: &[RecordKind],
    ) -> Result<Vec<Write>, tieline_store::StoreError> {
        let mut writes = Vec::new();
        let Ok(reach) = Reach::of(&self.store, mailbox).await? else { return Ok(writes) };
        for kind in self.kept_kinds(mailbox, &reach) {
            if kinds.contains(&kind) {
                // A hint must not take the place of what a person said.
                let job = self.records_job(mailbox.id, kind, Spoken::default(), self.now());
                writes.push(Write::JobHint(job));
            }
        }
        Ok(writes)
    }

    async fn keep_in_step<R: InStep>(
        &self,
        context: &JobContext,
        payload: RecordsPayload,
    ) -> Result<Finish, WorkError> {
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        let Some(system) = self.0.records.get().and_then(R::system) else { return Ok(Finish::done()) };
        let reach = match Reach::of(&self.store, &mailbox).await? {
            Ok(reach) => reach,
            Err(refusal) => return Err(WorkError::failed(refusal)),
        };
        if self.may_be_kept(&mailbox, &reach, R::KIND).is_err() {
            // What was synchronized stays as it is on both sides; switching on again goes on from there.
            return Ok(Finish::done());
        }
        let target = match reach.target(&self.store, &mailbox).await? {
            Ok(target) => target,
            Err(refusal) => return Err(WorkError::failed(refusal)),
        };
        let kept = self.kept_state::<R>(mailbox.id).await?.unwrap_or_default();
        let standing = kept.standing;
        // What stands in the payload may have been heard by an earlier pass of the same job.
        let said = payload.spoken.said;
        let word = payload.spoken.word.filter(|_| said.is_none() || said != kept.taken);
        if word.is_none() && standing.waits_for_a_person() {
            return Ok(Finish::done());
        }
        if word == Some(Word::Retry) {
            self.retry_put_aside::<R>(context, mailbox.id).await?;
        }
        let edits = Edits::new(matches!(standing, Standing::InStep | Standing::Waits { .. }));
        let mut pass = Pass {
            messaging: self,
            context,
            mailbox,
            target,
            system,
            folder: None,
            standing,
            said,
            heard: kept.heard,
            taken: kept.taken,
            edits,
            linked: 0,
            spool: Spool::new(),
            advanced: false,
            step: self.0.courtesy.begin(context.now()),
            share: usize::MAX,
        };
        let ended = pass.run(word.as_ref()).await?;
        pass.finish(ended).await
    }

    pub(crate) fn sync_policy(&self) -> Policy {
        let limits = Limits { snapshot_every: Some(self.policy.snapshot_every), ..Limits::default() };
        Policy { times: self.policy.delivery.clone(), limits, ..Policy::default() }
    }
}

impl<R: InStep> Pass<'_, R> {
    /// Carries commands out until the engine rests, the process stops, or it is somebody else's turn.
    async fn run(&mut self, word: Option<&Word>) -> Result<Ended, WorkError> {
        let begun = self.context.now();
        let rendition = Rendered(Arc::clone(&self.system));
        let (mut engine, mut command) =
            Engine::<R>::new(self.messaging.sync_policy(), Some(Box::new(rendition)));
        let spoken = match word {
            Some(Word::Approve(plan)) => Some(Event::Approve(plan.clone())),
            Some(Word::Resume(resume)) => Some(Event::Resume(*resume)),
            Some(Word::Run | Word::Retry) | None => None,
        };
        if let Some(event) = spoken {
            command = engine.handle(event, self.context.now(), &*self.messaging.ids);
        }
        loop {
            engine.share(self.next_step().await);
            if self.context.stopping().is_cancelled() {
                return Ok(Ended::Stopped);
            }
            let (event, committed) = match command {
                Command::Rest(rest) => return Ok(Ended::Rest(rest)),
                other => {
                    let commits = matches!(other, Command::Commit(_));
                    (self.carry_out(other).await?, commits)
                }
            };
            // Only what is durable is kept, and only what was written is worth to be kept: a dry run has no other end.
            if committed && self.advanced && self.others_wait(begun).await? {
                return Ok(Ended::GaveWay);
            }
            command = engine.handle(event, self.context.now(), &*self.messaging.ids);
        }
    }

    /// Leaves the way to brief passes, and gives how many items may be taken in hand next.
    pub(crate) async fn next_step(&mut self) -> usize {
        self.share = self.step.next(|| self.context.now()).await;
        self.share
    }

    /// The turn is over, and there is a mailbox whose pass is due and that nobody carries out.
    async fn others_wait(&self, begun: Timestamp) -> Result<bool, WorkError> {
        let now = self.context.now();
        if now.duration_since(begun) < TURN {
            return Ok(false);
        }
        let next = self.messaging.store.next_due(&[RECORDS]).await?;
        Ok(next.is_some_and(|due| due <= now))
    }

    async fn carry_out(&mut self, command: Command<R>) -> Result<Event<R>, WorkError> {
        Ok(match command {
            Command::Load => {
                let kept = self.messaging.kept_state::<R>(self.mailbox.id).await?;
                let identity = kept.as_ref().and_then(|kept| kept.state.identity.as_ref());
                self.folder = identity.map(|identity| FolderRef(identity.folder.clone()));
                self.begin_spool(kept.as_ref().map(|kept| &kept.state)).await?;
                Event::Loaded(kept.map(|kept| Box::new(kept.state)))
            }
            Command::Identify => match self.system.identify(&self.target).await {
                Ok(identity) => {
                    self.folder = Some(identity.folder.clone());
                    let (mailbox, folder, high_water) =
                        (identity.mailbox, identity.folder.0, identity.high_water);
                    Event::Identified(Identity { mailbox, folder, high_water })
                }
                Err(PortError::NotFound) => Event::FolderGone,
                Err(error) => Event::Failed(failure(&error)),
            },
            Command::List { side: Side::Left, cursor, limit } => {
                Event::Page(self.left_page(cursor, limit).await?)
            }
            Command::List { side: Side::Right, cursor, limit } => self.right_page(cursor, limit).await?,
            Command::Links(query) => {
                if matches!(query, Query::Due { .. }) {
                    self.edits.forget();
                }
                let (links, backlog) = self.links(query).await?;
                self.edits.here(&links);
                Event::Links(links, backlog)
            }
            Command::Fetch { items } => self.fetch(items).await?,
            Command::Locate { links } => match self.locate(&links).await {
                Ok(found) => Event::Located(
                    found.into_iter().map(|items| items.into_iter().map(right).collect()).collect(),
                ),
                Err(PortError::NotFound) => Event::FolderGone,
                Err(error) => Event::Failed(failure(&error)),
            },
            Command::Snapshot => match self.snapshot().await? {
                Ok(at) => Event::SnapshotTaken(at),
                Err(error) => Event::Failed(failure(&error)),
            },
            Command::Commit(commit) => {
                let carried = self.edits_in(&commit);
                let writes_here = commit.units.iter().any(|unit| unit.left.is_some());
                if writes_here {
                    self.advance();
                }
                let refused = self.commit(*commit).await?;
                if refused.is_empty() {
                    self.carried_here(&carried);
                }
                Event::Committed { refused }
            }
            Command::Write { writes, deadline } => {
                let sent: Vec<_> = writes.iter().map(|write| (write.link, write.operation)).collect();
                self.forget_written(writes.iter().filter_map(|write| write.id.clone()).collect());
                let pictures = self.pictures_for(&writes).await?;
                let writes = writes.into_iter().zip(pictures);
                let writes: Vec<WriteRecord<R>> =
                    writes.filter_map(|(one, picture)| write(one, picture)).collect();
                match self.write(&writes, deadline).await {
                    Ok(written) => {
                        let written: Vec<Written<R>> = written.into_iter().map(written_of).collect();
                        self.carried_there(&sent, &written);
                        self.advance();
                        Event::Written(written)
                    }
                    Err(error) => Event::Failed(failure(&error)),
                }
            }
            Command::Rest(_) => Event::Wake,
        })
    }

    /// The folder that is kept in step. The engine asks who it is only when it matters; to be listed it must be known.
    pub(crate) async fn folder(&mut self) -> Result<FolderRef, PortError> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let identity = self.system.identify(&self.target).await?;
        self.folder = Some(identity.folder.clone());
        Ok(identity.folder)
    }

    pub(crate) async fn list(&mut self, cursor: Option<&str>, limit: u32) -> Result<RemotePage, PortError> {
        let folder = self.folder().await?;
        self.system.list(&self.target, &folder, cursor, limit).await
    }

    async fn locate(&mut self, links: &[LinkId]) -> Result<Vec<Vec<RemoteRecord<R>>>, PortError> {
        let folder = self.folder().await?;
        self.system.locate(&self.target, &folder, links).await
    }

    async fn write(
        &mut self,
        writes: &[WriteRecord<R>],
        deadline: Timestamp,
    ) -> Result<Vec<RecordWritten<R>>, PortError> {
        let folder = self.folder().await?;
        self.system.write(&self.target, &folder, writes, deadline).await
    }

    async fn right_page(&mut self, cursor: Option<String>, limit: usize) -> Result<Event<R>, WorkError> {
        let limit = u32::try_from(limit).unwrap_or(512);
        Ok(match self.remote_page(cursor.as_deref(), limit).await {
            Ok(page) => {
                let change = |change: RemoteChange| match change {
                    RemoteChange::Present { item, etag } => Change::Present { id: item.0, etag },
                    RemoteChange::Gone { item } => Change::Gone { id: item.0 },
                };
                let changes = page.changes.into_iter().map(change).collect();
                Event::Page(Page { changes, cursor: page.cursor, complete: page.complete })
            }
            Err(PortError::CursorExpired) => Event::CursorExpired,
            Err(PortError::NotFound) => Event::FolderGone,
            Err(error) => Event::Failed(failure(&error)),
        })
    }

    /// A side was written to. What a person was asked for is answered; what has no end yet is under way.
    fn advance(&mut self) {
        self.advanced = true;
        self.taken = self.said.or(self.taken);
        if self.standing.waits_for_a_person() || self.standing == Standing::NotYet {
            self.standing = Standing::UnderWay;
        }
    }

    /// Notes how the pass ended, and when the next one begins.
    async fn finish(mut self, ended: Ended) -> Result<Finish, WorkError> {
        let now = self.context.now();
        let interval = SignedDuration::try_from(self.messaging.policy.sync_interval)
            .unwrap_or(SignedDuration::from_mins(5));
        let rest = match ended {
            Ended::Rest(rest) => rest,
            Ended::Stopped | Ended::GaveWay => {
                let writes = self.standing_writes().await?;
                return Ok(Finish::give_way(now, serde_json::Value::Null).with_all(writes));
            }
        };
        let again = match &rest {
            Rest::Done { until } => Some(next_pass(*until, now, interval)),
            Rest::Until(until) => Some(*until),
            Rest::AwaitApproval(_) | Rest::WorldChanged(_) | Rest::Paused(_) => None,
        };
        self.standing = match rest {
            Rest::Done { .. } => Standing::InStep,
            Rest::Until(until) => Standing::Waits { until },
            Rest::AwaitApproval(plan) => Standing::AwaitsApproval { plan, changed: false },
            Rest::WorldChanged(plan) => Standing::AwaitsApproval { plan, changed: true },
            Rest::Paused(pause) => Standing::Paused { pause },
        };
        (self.heard, self.taken) = (self.said.or(self.heard), self.said.or(self.taken));
        let mut writes = self.standing_writes().await?;
        if self.standing == Standing::InStep && self.spool.is_used() {
            let (mailbox, kind) = self.id();
            writes.push(Write::SpoolClear { mailbox, kind });
        }
        // What was said meanwhile stands in the job by now, and begins the next pass at once.
        let finish = again.map_or_else(Finish::done, |at| Finish::wait(at, serde_json::Value::Null));
        Ok(finish.with_all(writes))
    }
}

/// What is left for the next pass may be due already: it waits for something that this pass settled, or for what another
/// has in hand. The next one begins soon, never at once, so that an item that cannot be settled keeps nobody busy.
fn next_pass(until: Option<Timestamp>, now: Timestamp, interval: SignedDuration) -> Timestamp {
    let after = |wait: SignedDuration| now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let (soon, later) = (after(SOON.min(interval)), after(interval));
    until.map_or(later, |until| until.clamp(soon, later))
}

fn right<R>(remote: RemoteRecord<R>) -> RightItem<R> {
    RightItem {
        id: remote.item.0,
        etag: remote.etag,
        edited: remote.edited,
        created: remote.created,
        stamp: remote.stamp.map(|stamp| Stamp { link: stamp.link, write: stamp.write }),
        record: remote.record,
    }
}

fn fetched<R>(read: ReadRecord<R>) -> Fetched<R> {
    match read {
        ReadRecord::Found(remote) => Fetched::Found(Box::new(right(*remote))),
        ReadRecord::NotFound => Fetched::NotFound,
        ReadRecord::Unreadable(error) => Fetched::Unreadable(failure(&error), error.refusal().to_string()),
    }
}

/// `None` for a write without what it needs, which the engine never sends.
fn write<R: Record>(write: tieline_sync::Write<R>, picture: Option<Vec<u8>>) -> Option<WriteRecord<R>> {
    let stamp = RecordStamp { link: write.link, write: write.write };
    let item = write.id.map(ItemRef);
    let operation = match write.operation {
        Operation::Create => RecordOperation::Create { record: write.record? },
        Operation::Update => RecordOperation::Update {
            item: item?,
            etag: write.if_etag.unwrap_or_default(),
            record: write.record?,
            fields: write.fields,
        },
        Operation::Delete => RecordOperation::Delete { item: item?, etag: write.if_etag.unwrap_or_default() },
    };
    Some(WriteRecord { stamp, operation, picture })
}

fn written_of<R>(written: RecordWritten<R>) -> Written<R> {
    match written {
        RecordWritten::Done { item, etag, stored } => Written::Done { id: item.0, etag, stored },
        RecordWritten::Stale => Written::Stale,
        RecordWritten::NotFound => Written::NotFound,
        RecordWritten::Failed(error) => Written::Failed(failure(&error), error.refusal().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_pass_is_never_at_once_and_never_later_than_the_interval() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        let after = |seconds| now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        let next = |until| next_pass(until, now, SignedDuration::from_mins(5));
        assert_eq!(next(None), after(300));
        assert_eq!(next(Some(Timestamp::UNIX_EPOCH)), after(1), "what was due long ago");
        assert_eq!(next(Some(now)), after(1));
        assert_eq!(next(Some(after(20))), after(20));
        assert_eq!(next(Some(after(4000))), after(300));
        assert_eq!(
            next_pass(Some(now), now, SignedDuration::from_millis(100)),
            now + SignedDuration::from_millis(100)
        );
    }
}
