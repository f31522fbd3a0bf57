//! The folder is read once. A first listing is read ahead while the engine takes in the page before; what is read for a
//! plan is kept until it is carried out, so that neither the snapshot nor the synchronization reads it again.
//!
//! What is kept of an item holds until a listing shows another version of it: it is forgotten in the commit that stores
//! that listing's cursor. The engine says for which items it will do ([`Wanted`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tieline_model::LinkId;
use tieline_ports::{
    FolderRef, ItemRef, MailTarget, PortError, ReadRecord, RecordStamp, RecordSystem, RemoteChange,
    RemotePage, RemoteRecord,
};
use tieline_store::{Spooled, Write};
use tieline_sync::{Event, Fetched, Wanted};
use tieline_worker::WorkError;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{InStep, Pass, Standing, fetched};
use crate::deliver::failure;

/// The most of a record that is kept, in bytes of JSON; a larger one is read again.
const LARGEST: usize = 64 * 1024;
/// Items that are kept in one transaction; more would let others wait.
const PORTION: usize = 128;

/// A page of a listing with its items, as far as they could be read.
type PageAhead<R> = (RemotePage, Vec<ReadRecord<R>>);

/// What is kept of the folder, and what is read ahead.
pub(crate) struct Spool<R: InStep> {
    /// Something may be kept.
    used: bool,
    /// A plan is made: what is read is kept.
    keeping: bool,
    /// Nothing is known of the folder's items yet: all of them will be read.
    all: bool,
    /// For the next commit.
    pending: Vec<Write>,
    /// The items in hand that were kept.
    taken: Vec<String>,
    ahead: Option<Ahead<R>>,
}

struct Ahead<R: InStep> {
    /// From where the next page was listed.
    cursor: String,
    /// How many items the pages have at most, one word for each.
    words: mpsc::Sender<u32>,
    /// The next page was asked for.
    asked: bool,
    pages: mpsc::Receiver<PageAhead<R>>,
    _reader: AbortOnDropHandle<()>,
}

/// What is known of an item besides its version and its record.
#[derive(Serialize, Deserialize)]
struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited: Option<jiff::Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<jiff::Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<LinkId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write: Option<tieline_model::WriteId>,
}

impl<R: InStep> Spool<R> {
    pub(crate) const fn new() -> Self {
        Self { used: false, keeping: false, all: false, pending: Vec::new(), taken: Vec::new(), ahead: None }
    }

    /// Begins with what is stored: the engine's state, if there is any, and whether something is kept.
    pub(crate) fn begin(&mut self, state: Option<&tieline_sync::State>, used: bool) {
        self.used = used;
        self.keeping = state.is_none_or(|state| state.approved.is_none());
        self.all = self.keeping && state.is_none_or(|state| state.listed.is_none());
    }

    pub(crate) const fn is_used(&self) -> bool {
        self.used
    }

    /// What is too much for the commit of a state, each to be committed by itself before. That is never too early: what is
    /// kept is compared with whatever is listed later, and what is forgotten is read again.
    pub(crate) fn portions(&mut self) -> Vec<Write> {
        let portions = self.pending.iter().filter(|write| matches!(write, Write::Spool { .. })).count();
        if portions > 1 { std::mem::take(&mut self.pending) } else { Vec::new() }
    }

    /// What belongs into the commit of this state.
    pub(crate) fn writes(&mut self, state: &tieline_sync::State, pass: PassId) -> Vec<Write> {
        self.keeping = state.approved.is_none();
        let mut writes = std::mem::take(&mut self.pending);
        let items = std::mem::take(&mut self.taken);
        if !self.keeping && !items.is_empty() {
            writes.push(Write::SpoolForget { mailbox: pass.0, kind: pass.1, items });
        }
        writes
    }

    /// The page that follows this cursor, if it is read ahead. The one behind it is asked for at once where nobody else feels
    /// that.
    async fn next(&mut self, cursor: Option<&str>, limit: u32, alone: bool) -> Option<PageAhead<R>> {
        let mut ahead = self.ahead.take().filter(|ahead| Some(ahead.cursor.as_str()) == cursor)?;
        ahead.ask(limit);
        let next = ahead.pages.recv().await?;
        ahead.asked = false;
        if !next.0.complete {
            ahead.cursor.clone_from(&next.0.cursor);
            if alone {
                ahead.ask(limit);
            }
            self.ahead = Some(ahead);
        }
        Some(next)
    }
}

impl<R: InStep> Ahead<R> {
    fn ask(&mut self, limit: u32) {
        if !self.asked {
            // A reader that ended gives no page either.
            self.asked = self.words.try_send(limit).is_ok();
        }
    }
}

type PassId = (tieline_model::MailboxId, tieline_model::RecordKind);

impl<R: InStep> Pass<'_, R> {
    pub(crate) const fn id(&self) -> PassId {
        (self.mailbox.id, R::KIND)
    }

    /// Begins with what is stored. Once both sides are in step nothing is kept.
    pub(crate) async fn begin_spool(&mut self, state: Option<&tieline_sync::State>) -> Result<(), WorkError> {
        let (mailbox, kind) = self.id();
        let used = self.standing != Standing::InStep
            && self.messaging.store.spool_portion(mailbox, kind, "", 1).await?.is_some();
        self.spool.begin(state, used);
        Ok(())
    }

    /// A page of the mail system's changes. Of a first listing the items come with it.
    pub(crate) async fn remote_page(
        &mut self,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RemotePage, PortError> {
        let (mailbox, kind) = self.id();
        if cursor.is_none() {
            self.spool.ahead = None;
            if self.spool.used {
                self.spool.pending.push(Write::SpoolClear { mailbox, kind });
            }
        }
        let (page, read) = if self.spool.all {
            self.page_with_items(cursor, limit).await?
        } else {
            (self.list(cursor, limit).await?, Vec::new())
        };
        self.spool.all &= !page.complete;
        let pictures = self.pictures(&read);
        self.spool.pending.extend(pictures);
        let items: Vec<Spooled> = read.iter().filter_map(spooled).collect();
        if self.spool.used && cursor.is_some() {
            let fresh: HashSet<&str> = items.iter().map(|item| item.item.as_str()).collect();
            let versions =
                page.changes.iter().map(version).filter(|(item, _)| !fresh.contains(item.as_str()));
            let versions: Vec<_> = versions.collect();
            if !versions.is_empty() {
                self.spool.pending.push(Write::SpoolCompare { mailbox, kind, versions });
            }
        }
        if !items.is_empty() {
            self.spool.used = true;
            let portions =
                items.chunks(PORTION).map(|items| Write::Spool { mailbox, kind, items: items.to_vec() });
            self.spool.pending.extend(portions);
        }
        Ok(page)
    }

    async fn page_with_items(&mut self, cursor: Option<&str>, limit: u32) -> Result<PageAhead<R>, PortError> {
        let alone = self.share == usize::MAX;
        if let Some(ahead) = self.spool.next(cursor, limit, alone).await {
            return Ok(ahead);
        }
        let folder = self.folder().await?;
        let (system, target) = (Arc::clone(&self.system), self.target.clone());
        let begin = cursor.map(str::to_owned);
        self.spool.ahead = Some(read_ahead(system, target, folder.clone(), begin));
        match self.spool.next(Some(cursor.unwrap_or_default()), limit, alone).await {
            Some(ahead) => Ok(ahead),
            // It says itself why.
            None => Ok((self.system.list(&self.target, &folder, cursor, limit).await?, Vec::new())),
        }
    }

    /// The items as they are, or, where that will do, as they were read before.
    pub(crate) async fn fetch(&mut self, items: Vec<Wanted>) -> Result<Event<R>, WorkError> {
        let (mailbox, kind) = self.id();
        let mut known: HashMap<String, Fetched<R>> = HashMap::new();
        if self.spool.used {
            let will_do = items.iter().filter(|item| !item.afresh).map(|item| item.id.clone());
            let will_do: Vec<String> = will_do.collect();
            for one in self.messaging.store.spooled(mailbox, kind, &will_do).await? {
                // What this release cannot read is read again.
                if let Some(item) = unspooled::<R>(&one) {
                    known.insert(one.item, fetched(ReadRecord::Found(Box::new(item))));
                }
            }
            if !self.spool.keeping {
                self.spool.taken.extend(known.keys().cloned());
            }
        }
        let missing = items.iter().filter(|item| !known.contains_key(&item.id));
        let missing: Vec<ItemRef> = missing.map(|item| ItemRef(item.id.clone())).collect();
        if !missing.is_empty() {
            let read = match self.system.read(&self.target, &missing).await {
                Ok(read) => read,
                Err(error) => return Ok(Event::Failed(failure(&error))),
            };
            let pictures = self.pictures(&read);
            if !pictures.is_empty() {
                self.context.commit(pictures).await?;
            }
            let kept: Vec<Spooled> = match self.spool.keeping {
                true => read.iter().filter_map(spooled).collect(),
                false => Vec::new(),
            };
            if !kept.is_empty() {
                self.spool.used = true;
                self.context.commit(vec![Write::Spool { mailbox, kind, items: kept }]).await?;
            }
            known.extend(missing.into_iter().map(|item| item.0).zip(read.into_iter().map(fetched)));
        }
        let found: Vec<Fetched<R>> = items.iter().filter_map(|item| known.remove(&item.id)).collect();
        self.edits.there(&found);
        Ok(Event::Fetched(found))
    }

    /// A write goes to these items: what was read of them does not hold any more.
    pub(crate) fn forget_written(&mut self, items: Vec<String>) {
        let (mailbox, kind) = self.id();
        if self.spool.used && !items.is_empty() {
            self.spool.pending.push(Write::SpoolForget { mailbox, kind, items });
        }
    }
}

fn version(change: &RemoteChange) -> (String, Option<String>) {
    match change {
        RemoteChange::Present { item, etag } => (item.0.clone(), Some(etag.clone())),
        RemoteChange::Gone { item } => (item.0.clone(), None),
    }
}

/// Lists the folder from the cursor to its end and reads its items, a page for each word. Ends at the first failure.
fn read_ahead<R: InStep>(
    system: Arc<dyn RecordSystem<R>>,
    target: MailTarget,
    folder: FolderRef,
    cursor: Option<String>,
) -> Ahead<R> {
    let ((words, mut asked), (pages, taken)) = (mpsc::channel::<u32>(1), mpsc::channel(1));
    let begin = cursor.clone().unwrap_or_default();
    let read = async move {
        let mut listed = None;
        while let Some(limit) = asked.recv().await {
            let page = match listed.take() {
                Some(page) => Some(page),
                None => system.list(&target, &folder, cursor.as_deref(), limit).await.ok(),
            };
            let Some(this) = page else { return };
            let items = items_of(&this);
            let next = async {
                if this.complete {
                    return None;
                }
                system.list(&target, &folder, Some(&this.cursor), limit).await.ok()
            };
            let read =
                async { if items.is_empty() { Ok(Vec::new()) } else { system.read(&target, &items).await } };
            let (read, next) = tokio::join!(read, next);
            let ends = next.is_none();
            listed = next;
            if pages.send((this, read.unwrap_or_default())).await.is_err() || ends {
                return;
            }
        }
    };
    Ahead {
        cursor: begin,
        words,
        asked: false,
        pages: taken,
        _reader: AbortOnDropHandle::new(tokio::spawn(read)),
    }
}

/// A server may show an item twice.
fn items_of(page: &RemotePage) -> Vec<ItemRef> {
    let present = |change: &RemoteChange| match change {
        RemoteChange::Present { item, .. } => Some(item.0.clone()),
        RemoteChange::Gone { .. } => None,
    };
    let mut items: Vec<String> = page.changes.iter().filter_map(present).collect();
    items.sort_unstable();
    items.dedup();
    items.into_iter().map(ItemRef).collect()
}

/// An item as it is kept; `None` when there is none, or it is too large.
fn spooled<R: InStep>(read: &ReadRecord<R>) -> Option<Spooled> {
    let ReadRecord::Found(remote) = read else { return None };
    let stamp = remote.stamp;
    let about = About {
        edited: remote.edited,
        created: remote.created,
        link: stamp.map(|stamp| stamp.link),
        write: stamp.map(|stamp| stamp.write),
    };
    let body = serde_json::to_string(&remote.record).ok().filter(|body| body.len() <= LARGEST)?;
    Some(Spooled {
        item: remote.item.0.clone(),
        etag: remote.etag.clone(),
        headline: remote.record.headline(),
        about: serde_json::to_string(&about).ok()?,
        body,
    })
}

fn unspooled<R: InStep>(spooled: &Spooled) -> Option<RemoteRecord<R>> {
    let about: About = serde_json::from_str(&spooled.about).ok()?;
    let stamp = about.link.zip(about.write).map(|(link, write)| RecordStamp { link, write });
    Some(RemoteRecord {
        item: ItemRef(spooled.item.clone()),
        etag: spooled.etag.clone(),
        edited: about.edited,
        created: about.created,
        stamp,
        record: serde_json::from_str(&spooled.body).ok()?,
        // It was kept when the item was read.
        picture: None,
    })
}
