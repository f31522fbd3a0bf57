//! Job `sync`: what users did with their messages in the mail system comes back.
//!
//! A pass reads the changes of every folder in which messages live or lived, page by page; each page's effects become
//! durable together with the cursor behind it. A change is what differs from what was last seen of the item, so that our
//! own writes, coming back, change nothing. Items that left their folder, or turned up under another id, are looked for
//! in the whole mailbox at the end of the pass: moved by a rule or by hand they are followed, among the deleted they
//! count as deleted, nowhere twice as well; but too many that are nowhere trip the brake. What is taken out of Deleted
//! Items is seen when it comes into a folder that is read: one in which messages arrive, live or lived.

mod seen;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_delivery::Item;
use tieline_model::{Class, DeliveryKey, Mailbox, MessageId, Refusal};
use tieline_ports::{Change, ChangePage, FolderRef, Located, MailTarget, PortError};
use tieline_store::{Job, JobOutcome, RemoteItem, StateOrigin, StoredMessage, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::confirm::incomplete;
use crate::deliver::{engine_item, failure, stored_item};
use crate::health::is_paused;
use crate::jobs::{self, SyncPayload, json};
use crate::reach::Reach;
use crate::record::impersonated;
use crate::{LagStep, Messaging};
use seen::{Seen, choose, implied, trips_brake};

/// Job `sync`.
pub(crate) struct Follow(pub(crate) Messaging);

impl Work for Follow {
    fn kind(&self) -> &'static str {
        jobs::SYNC
    }

    fn concurrency(&self) -> usize {
        self.0.policy.parallel_mailboxes
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.sync", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.follow(context))
    }
}

/// What a pass remembers between runs and across crashes.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Pass {
    /// Folders whose changes were all read.
    done: BTreeSet<String>,
    /// Messages to be looked for at the end.
    look: BTreeSet<MessageId>,
    /// Messages that were nowhere, and since when.
    nowhere: BTreeMap<MessageId, Timestamp>,
    /// Cursors that had expired: what is missing now may be missing for other reasons than a deletion.
    expired: u32,
    /// Marks that we did not issue, or for another mailbox.
    foreign: u32,
    /// Something was changed in Tieline.
    changed: bool,
}

/// Keys looked for in one call.
const LOOK_AT_ONCE: usize = 50;

/// One pass over one mailbox.
struct Following<'a> {
    messaging: &'a Messaging,
    context: &'a JobContext,
    mailbox: Mailbox,
    target: MailTarget,
    approved: bool,
    pass: Pass,
}

/// How a pass may end before its end.
enum Stop {
    Work(WorkError),
    Port(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<tieline_store::StoreError> for Stop {
    fn from(error: tieline_store::StoreError) -> Self {
        Self::Work(error.into())
    }
}

impl Messaging {
    async fn follow(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: SyncPayload = jobs::payload(context.job())?;
        let pass: Pass = jobs::state(context.job())?;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else {
            return Ok(Finish::done());
        };
        if !payload.approved && is_paused(self.store.mailbox_health(mailbox.id).await?.as_ref()) {
            return Ok(Finish::done());
        }
        let (reach, target) = match self.tied_target(&mailbox).await? {
            Ok(Some(reached)) => reached,
            Ok(None) => return Ok(Finish::done()),
            Err(refusal) => {
                let health = self.fared_badly(&mailbox, &refusal, u32::MAX).await?;
                return Ok(Finish::done().with_all(health));
            }
        };
        let approved = payload.approved;
        let mut following = Following { messaging: self, context, mailbox, target, approved, pass };
        match following.run(payload.verify, &reach).await {
            Ok(finish) => Ok(finish),
            Err(Stop::Work(error)) => Err(error),
            Err(Stop::Port(error)) => following.failed(&error).await,
        }
    }
}

impl Following<'_> {
    async fn run(&mut self, verify: bool, reach: &Reach) -> Result<Finish, Stop> {
        if verify && self.pass.done.is_empty() && self.pass.nowhere.is_empty() {
            let live = self.live().await?;
            self.pass.look.extend(live.into_iter().map(|item| item.message));
        }
        let folders = self.folders().await?;
        if folders.is_empty() {
            // Nothing to read yet: a wrong password must not wait for the first message to be noticed.
            self.messaging.mail.check(&self.target).await?;
        }
        for folder in folders {
            if !self.pass.done.contains(&folder) {
                self.read_folder(&folder).await?;
                self.pass.done.insert(folder);
            }
        }
        let live = self.live().await?.len();
        self.look().await?;
        if !self.approved
            && trips_brake(self.pass.nowhere.len(), live, self.messaging.policy.brake, self.pass.expired > 0)
        {
            return Ok(self.pause(live));
        }
        if let Some(again) = self.nowhere_again_at() {
            return Ok(Finish::wait(again, json(&self.pass)));
        }
        let mut finish = Finish::done();
        for message in std::mem::take(&mut self.pass.nowhere).into_keys() {
            finish = finish.with_all(self.deleted_for_good(message).await?);
        }
        if self.pass.foreign > 0 {
            finish = finish.with(self.foreign_ignored());
        }
        if self.pass.changed {
            let action = "follow-state";
            finish = finish.with(impersonated(reach, &self.mailbox, action, self.context.job().trace));
        }
        Ok(finish.with_all(self.messaging.fared_well(&self.mailbox).await?))
    }

    /// Folders in which messages live, and those that were read before.
    async fn folders(&self) -> Result<BTreeSet<String>, Stop> {
        let known = self.messaging.known_folders(&self.mailbox).await?;
        let mut folders: BTreeSet<String> = known.read.into_iter().map(|(folder, _)| folder).collect();
        folders.extend(self.live().await?.into_iter().map(|item| item.folder));
        Ok(folders)
    }

    /// Items that are not deleted, as far as is known.
    async fn live(&self) -> Result<Vec<RemoteItem>, Stop> {
        let mut items = self.messaging.store.remote_items(self.mailbox.id, None).await?;
        items.retain(|item| !item.deleted);
        Ok(items)
    }

    async fn read_folder(&mut self, folder: &str) -> Result<(), Stop> {
        let reference = FolderRef(folder.to_owned());
        let mut cursor = self.messaging.store.cursor(self.mailbox.id, folder).await?;
        let mut expired = false;
        if cursor.is_none() {
            self.look_for_all_in(folder).await?;
        }
        loop {
            let page = self.messaging.mail.changes(&self.target, &reference, cursor.as_deref()).await;
            let page: ChangePage = match page {
                Ok(page) => page,
                Err(PortError::CursorExpired) if !expired => {
                    expired = true;
                    cursor = None;
                    self.begin_anew(folder, true).await?;
                    continue;
                }
                Err(PortError::NotFound) => return self.begin_anew(folder, false).await,
                Err(error) => return Err(error.into()),
            };
            let mut writes = self.effects(&page.changes).await?;
            if cursor.as_ref() != Some(&page.cursor) || !writes.is_empty() {
                self.pass.changed |= !writes.is_empty();
                writes.push(self.cursor(folder, Some(page.cursor.clone())));
                self.keep(writes).await?;
            }
            if page.complete {
                return Ok(());
            }
            cursor = Some(page.cursor);
        }
    }

    fn cursor(&self, folder: &str, cursor: Option<String>) -> Write {
        Write::Cursor { mailbox: self.mailbox.id, folder: folder.to_owned(), cursor }
    }

    /// The cursor is void, or the folder itself is gone: every message in it is looked for. Nothing is deleted for not
    /// being listed.
    async fn begin_anew(&mut self, folder: &str, expired: bool) -> Result<(), Stop> {
        self.pass.expired += u32::from(expired);
        self.look_for_all_in(folder).await?;
        let mut writes = vec![self.cursor(folder, None)];
        if !expired {
            let bound = self.messaging.known_folders(&self.mailbox).await?.bound;
            for (path, _) in bound.into_iter().filter(|(_, id)| id.0 == folder) {
                if let Ok(path) = path.parse() {
                    writes.push(crate::folders::bind(&self.mailbox, &path, None));
                }
            }
        }
        self.keep(writes).await
    }

    /// What lives in a folder, as far as is known, and is not listed there presently, is looked for: whatever happened to
    /// it before the first cursor is told by nobody.
    async fn look_for_all_in(&mut self, folder: &str) -> Result<(), Stop> {
        let live = self.live().await?;
        self.pass.look.extend(live.into_iter().filter(|item| item.folder == folder).map(|item| item.message));
        Ok(())
    }

    async fn keep(&self, mut writes: Vec<Write>) -> Result<(), Stop> {
        let outcome = JobOutcome::Keep { state: json(&self.pass) };
        writes.push(Write::JobOutcome { id: self.context.job().id, outcome });
        self.context.commit(writes).await?;
        Ok(())
    }

    /// What a page of changes means. Of several changes of one item only the last one counts.
    async fn effects(&mut self, changes: &[Change]) -> Result<Vec<Write>, Stop> {
        let mut latest = BTreeMap::new();
        for change in changes {
            self.take_in(change, &mut latest).await?;
        }
        let mut writes = Vec::new();
        for (id, item) in latest {
            let known = self.messaging.store.remote_item(id).await?;
            if let Some(stored) = self.messaging.store.message(id).await? {
                writes.extend(self.apply(&stored, known.as_ref(), &item));
            }
        }
        Ok(writes)
    }

    async fn take_in(&mut self, change: &Change, latest: &mut BTreeMap<MessageId, Item>) -> Result<(), Stop> {
        let store = &self.messaging.store;
        match change {
            Change::Present { key, item } => {
                let Some(stored) = self.ours(*key).await? else {
                    self.pass.foreign += 1;
                    return Ok(());
                };
                let id = stored.message.id;
                if let Some(delivered) = self.messaging.0.lag.seen(id) {
                    let lag = self.context.now().duration_since(delivered);
                    self.messaging.0.lag.record(LagStep::Seen, stored.message.kind, lag);
                }
                let item = engine_item(item.clone());
                match store.remote_item(id).await? {
                    // Its delivery is under way and will know it.
                    None if stored.delivered.is_none() => {}
                    // Moved, copied, or an old tale of an item that was deleted from here: where it is must be seen.
                    Some(known) if known.item != item.item || (known.deleted && !item.deleted) => {
                        self.pass.look.insert(id);
                    }
                    _ => {
                        self.pass.look.remove(&id);
                        latest.insert(id, item);
                    }
                }
            }
            Change::ReadFlag { item, read } => {
                if let Some(known) = store.remote_by_item(self.mailbox.id, &item.0).await? {
                    let item = latest.entry(known.message).or_insert_with(|| as_item(&known));
                    item.read = *read;
                }
            }
            Change::Gone { item } => {
                let known = store.remote_by_item(self.mailbox.id, &item.0).await?;
                if let Some(known) = known.filter(|known| !known.deleted) {
                    latest.remove(&known.message);
                    self.pass.look.insert(known.message);
                }
            }
        }
        Ok(())
    }

    /// The message with this mark, if we issued it, and for this mailbox. Whoever forges a mark gains nothing: nothing
    /// is ever copied from the mail system (AV-88).
    async fn ours(&self, key: DeliveryKey) -> Result<Option<StoredMessage>, Stop> {
        let stored = self.messaging.store.message_by_key(key).await?;
        Ok(stored.filter(|stored| stored.message.mailbox == self.mailbox.id))
    }

    /// What a sight of an item changes, compared with the last one.
    fn apply(&self, stored: &StoredMessage, known: Option<&RemoteItem>, item: &Item) -> Vec<Write> {
        let message = &stored.message;
        let fresh = stored_item(message.id, self.mailbox.id, item);
        if known == Some(&fresh) {
            return Vec::new();
        }
        let mut writes = vec![Write::RemoteItem(fresh)];
        if known.is_some_and(|known| known.folder != item.folder) {
            let outcome = "moved to another folder; followed there".to_owned();
            writes.push(Write::Decision(self.decision(message, "follow-move", outcome)));
        }
        if let Some(state) = implied(known.map(|known| (known.read, known.deleted)), item, message.state) {
            let outcome = format!("{} in the mailbox", state.name());
            let decision = self.decision(message, "state-follows-mailbox", outcome);
            writes.extend(self.messaging.state_writes(message, state, StateOrigin::Mail, decision));
        }
        writes
    }

    fn decision(
        &self,
        message: &tieline_model::Message,
        rule: &str,
        outcome: String,
    ) -> tieline_model::Decision {
        self.messaging.decision(message.trace, message.id, rule, outcome)
    }

    /// Looks for what left its folder, and once more for what was nowhere.
    async fn look(&mut self) -> Result<(), Stop> {
        let now = self.context.now();
        let due = now - self.messaging.policy.gone_grace;
        let again = self.pass.nowhere.iter().filter(|(_, since)| **since <= due).map(|(id, _)| *id);
        let wanted: Vec<MessageId> =
            self.pass.look.iter().copied().chain(again).collect::<BTreeSet<_>>().into_iter().collect();
        for chunk in wanted.chunks(LOOK_AT_ONCE) {
            let mut messages = Vec::with_capacity(chunk.len());
            for id in chunk {
                messages.extend(self.messaging.store.message(*id).await?);
            }
            let keys: Vec<DeliveryKey> = messages.iter().map(|stored| stored.message.delivery_key).collect();
            let found = self.messaging.mail.locate(&self.target, &keys).await?;
            if found.len() != keys.len() || found.iter().zip(&keys).any(|(found, key)| found.key != *key) {
                return Err(incomplete().into());
            }
            let mut writes = Vec::new();
            for (stored, found) in messages.iter().zip(found) {
                writes.extend(self.found(stored, found, now).await?);
            }
            for id in chunk {
                self.pass.look.remove(id);
            }
            self.pass.changed |= !writes.is_empty();
            self.keep(writes).await?;
        }
        Ok(())
    }

    async fn found(
        &mut self,
        stored: &StoredMessage,
        found: Located,
        now: Timestamp,
    ) -> Result<Vec<Write>, Stop> {
        let id = stored.message.id;
        let Some(known) = self.messaging.store.remote_item(id).await? else { return Ok(Vec::new()) };
        let items: Vec<Item> = found.items.into_iter().map(engine_item).collect();
        Ok(match choose(&items, &known.item) {
            Seen::At(item) => {
                self.pass.nowhere.remove(&id);
                self.apply(stored, Some(&known), item)
            }
            Seen::Nowhere if known.deleted => Vec::new(),
            Seen::Nowhere => {
                self.pass.nowhere.entry(id).or_insert(now);
                Vec::new()
            }
        })
    }

    /// When those must be looked for again that were nowhere once; `None` when all were nowhere twice.
    fn nowhere_again_at(&self) -> Option<Timestamp> {
        let grace = self.messaging.policy.gone_grace;
        let newest = self.pass.nowhere.values().max()?;
        let again = *newest + grace;
        (self.context.now() < again).then_some(again)
    }

    async fn deleted_for_good(&self, id: MessageId) -> Result<Vec<Write>, Stop> {
        let store = &self.messaging.store;
        let (Some(stored), Some(known)) = (store.message(id).await?, store.remote_item(id).await?) else {
            return Ok(Vec::new());
        };
        let outcome = "deleted for good in the mailbox: nowhere, twice".to_owned();
        let item = Item { deleted: true, ..as_item(&known) };
        let mut writes = vec![Write::RemoteItem(stored_item(id, self.mailbox.id, &item))];
        if let Some(state) = implied(Some((known.read, known.deleted)), &item, stored.message.state) {
            let decision = self.decision(&stored.message, "state-follows-mailbox", outcome);
            writes.extend(self.messaging.state_writes(&stored.message, state, StateOrigin::Mail, decision));
        }
        Ok(writes)
    }

    fn foreign_ignored(&self) -> Write {
        let outcome = format!("{} items with a mark that is not ours were ignored", self.pass.foreign);
        tracing::warn!(items = self.pass.foreign, "items with a forged or foreign mark were ignored");
        metrics::counter!("tieline_foreign_items_total").increment(u64::from(self.pass.foreign));
        let trace = self.context.job().trace;
        Write::Decision(self.messaging.decision(trace, self.mailbox.id, "one-way", outcome))
    }

    fn pause(&self, live: usize) -> Finish {
        let gone = self.pass.nowhere.len();
        let cause = Refusal::operator(
            "paused-by-brake",
            format!("{gone} of {live} messages vanished from the mailbox at once; none was deleted here"),
            "check the mailbox, then: tieline mailbox resume",
        )
        .at(self.mailbox.address.as_str());
        tracing::warn!(gone, live, "{cause}");
        Finish::done().with_all(self.messaging.pause_writes(&self.mailbox, cause))
    }

    async fn failed(&self, error: &PortError) -> Result<Finish, WorkError> {
        let refusal = error.refusal().at(self.mailbox.address.as_str());
        let attempts = self.context.job().attempts;
        let health = self.messaging.fared_badly(&self.mailbox, &refusal, attempts).await?;
        // A mailbox that says no for good is asked again all the same, slowly: somebody may mend it.
        let class = if refusal.class == Class::Permanent { Class::Operator } else { refusal.class };
        let failure = tieline_delivery::Failure { class, ..failure(error) };
        let policy = &self.messaging.policy.delivery;
        let again = policy.again(&failure, attempts, self.context.now(), self.context.random());
        Ok(Finish::again(again, json(&self.pass), refusal).with_all(health))
    }
}

fn as_item(known: &RemoteItem) -> Item {
    Item { item: known.item.clone(), folder: known.folder.clone(), read: known.read, deleted: known.deleted }
}
