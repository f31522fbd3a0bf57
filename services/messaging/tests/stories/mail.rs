//! A mail system in memory: mailboxes with folders, items that move and change their ids, change logs with cursors,
//! answers that are lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use futures_util::StreamExt;
use jiff::Timestamp;
use tieline_model::{DeliveryKey, FolderPath, Refusal, SmtpAddress};
use tieline_ports::{
    Change, ChangePage, FolderRef, Hint, HintStream, ItemRef, Located, MailAccount, MailSystem, MailTarget,
    OutgoingMessage, PortError, PortFuture, RemoteItem, ServerInfo,
};
use tokio::sync::mpsc;

/// Changes in one page: small, so that stories meet the edges of pages.
const PAGE: usize = 3;

/// What goes wrong with a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Applied so many times, the answer is lost.
    Lost(u32),
    /// Applied, and the answer never comes.
    Hung,
    /// Refused.
    Refused(Refusal),
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) folder: String,
    pub(crate) read: bool,
    pub(crate) deleted: bool,
    pub(crate) key: Option<DeliveryKey>,
    pub(crate) message: Option<OutgoingMessage>,
}

#[derive(Default)]
struct State {
    items: Vec<Item>,
    /// By owner and path.
    folders: BTreeMap<(String, String), String>,
    /// Owner, folder, change.
    log: Vec<(String, String, Change)>,
    ids: u32,
    faults: VecDeque<Fault>,
    /// Mailboxes that cannot be reached, and why.
    unreachable: BTreeMap<String, Refusal>,
    /// Folders whose cursors are void.
    expired: BTreeSet<String>,
    /// Searches and listings find nothing, as in a mailbox that was restored or mixed up.
    blind: bool,
    calls: Vec<String>,
    users: BTreeSet<String>,
    counts: BTreeMap<String, u32>,
    hints: Vec<mpsc::UnboundedSender<Hint>>,
}

#[derive(Default)]
pub(crate) struct Mail(Mutex<State>);

type Answer<T> = Result<T, PortError>;

fn answer<'a, T: Send + 'a>(answer: Answer<T>) -> PortFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

fn owner(target: &MailTarget) -> String {
    target.address.key()
}

impl State {
    fn fresh(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{what}{}=", self.ids)
    }

    fn reach(&mut self, target: &MailTarget, call: &str) -> Answer<String> {
        let owner = owner(target);
        self.calls.push(format!("{call} {owner}"));
        self.users.insert(target.account.user.to_string());
        match self.unreachable.get(&owner) {
            Some(refusal) => Err(PortError::refused(refusal.clone())),
            None => Ok(owner),
        }
    }

    fn note(&mut self, owner: &str, folder: &str, change: Change) {
        self.log.push((owner.to_owned(), folder.to_owned(), change));
    }

    fn present(&mut self, nth: usize) {
        let item = self.items[nth].clone();
        if let Some(key) = item.key {
            self.note(&item.owner, &item.folder, Change::Present { key, item: remote(&item) });
        }
    }

    fn add(&mut self, owner: &str, folder: &str, message: OutgoingMessage) -> RemoteItem {
        let id = self.fresh("item");
        let (read, key) = (message.read, Some(message.key));
        let (owner, folder) = (owner.to_owned(), folder.to_owned());
        self.items.push(Item { id, owner, folder, read, deleted: false, key, message: Some(message) });
        let nth = self.items.len() - 1;
        self.present(nth);
        remote(&self.items[nth])
    }

    fn nth(&self, owner: &str, id: &str) -> Answer<usize> {
        self.items.iter().position(|item| item.owner == owner && item.id == id).ok_or(PortError::NotFound)
    }

    fn put(&mut self, nth: usize, folder: &str, deleted: bool) {
        let id = self.fresh("item");
        let item = &mut self.items[nth];
        let (owner, old_folder, old_id) = (item.owner.clone(), item.folder.clone(), item.id.clone());
        (item.id, item.folder, item.deleted) = (id, folder.to_owned(), deleted);
        self.note(&owner, &old_folder, Change::Gone { item: ItemRef(old_id) });
        self.present(nth);
    }
}

fn remote(item: &Item) -> RemoteItem {
    RemoteItem {
        item: ItemRef(item.id.clone()),
        folder: FolderRef(item.folder.clone()),
        read: item.read,
        deleted: item.deleted,
    }
}

/// What people and accidents do.
impl Mail {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// Everything in somebody's mailbox, in order of creation.
    pub(crate) fn items(&self, owner: &str) -> Vec<Item> {
        self.with(|state| state.items.iter().filter(|item| item.owner == owner).cloned().collect())
    }

    pub(crate) fn next_create(&self, fault: Fault) {
        self.with(|state| state.faults.push_back(fault));
    }

    pub(crate) fn unreachable(&self, owner: &str, why: Option<Refusal>) {
        self.with(|state| match why {
            Some(why) => drop(state.unreachable.insert(owner.to_owned(), why)),
            None => drop(state.unreachable.remove(owner)),
        });
    }

    pub(crate) fn blind(&self, blind: bool) {
        self.with(|state| state.blind = blind);
    }

    pub(crate) fn expire_cursors(&self) {
        self.with(|state| {
            let folders: Vec<String> = state.folders.values().cloned().collect();
            state.expired.extend(folders);
        });
    }

    /// How often something was asked.
    pub(crate) fn calls(&self, what: &str) -> usize {
        self.with(|state| state.calls.iter().filter(|call| call.starts_with(what)).count())
    }

    /// The accounts that requests were made with.
    pub(crate) fn users(&self) -> BTreeSet<String> {
        self.with(|state| state.users.clone())
    }

    pub(crate) fn folder(&self, owner: &str, path: &str) -> Option<String> {
        self.with(|state| state.folders.get(&(owner.to_owned(), path.to_owned())).cloned())
    }

    /// A folder with another name keeps its id.
    pub(crate) fn rename_folder(&self, owner: &str, path: &str, to: &str) {
        self.with(|state| {
            let id = state.folders.remove(&(owner.to_owned(), path.to_owned())).unwrap();
            state.folders.insert((owner.to_owned(), to.to_owned()), id);
        });
    }

    /// A folder is deleted with everything in it.
    pub(crate) fn remove_folder(&self, owner: &str, path: &str) {
        self.with(|state| {
            let id = state.folders.remove(&(owner.to_owned(), path.to_owned())).unwrap();
            state.items.retain(|item| item.folder != id);
        });
    }

    pub(crate) fn set_count(&self, folder: &str, items: u32) {
        self.with(|state| {
            state.counts.insert(folder.to_owned(), items);
        });
    }

    pub(crate) fn user_reads(&self, owner: &str, nth: usize, read: bool) {
        self.with(|state| {
            let at = position(state, owner, nth);
            state.items[at].read = read;
            let item = state.items[at].clone();
            // Both forms occur, as on a real server.
            if at.is_multiple_of(2) {
                let change = Change::ReadFlag { item: ItemRef(item.id), read };
                state.note(owner, &item.folder, change);
            } else {
                state.present(at);
            }
        });
    }

    pub(crate) fn user_moves(&self, owner: &str, nth: usize, folder: &str) {
        self.with(|state| {
            let at = position(state, owner, nth);
            state.put(at, folder, folder == "deleted");
        });
    }

    /// Gone without a trace.
    pub(crate) fn user_purges(&self, owner: &str, nth: usize) {
        self.with(|state| {
            let at = position(state, owner, nth);
            let item = state.items.remove(at);
            state.note(owner, &item.folder, Change::Gone { item: ItemRef(item.id) });
        });
    }

    /// Somebody puts an item there that carries this mark, or none.
    pub(crate) fn plant(&self, owner: &str, folder: &str, key: Option<DeliveryKey>, read: bool) {
        self.with(|state| {
            let id = state.fresh("item");
            let (owner, folder) = (owner.to_owned(), folder.to_owned());
            state.items.push(Item { id, owner, folder, read, deleted: false, key, message: None });
            let nth = state.items.len() - 1;
            state.present(nth);
        });
    }

    pub(crate) fn hint(&self, mailbox: tieline_model::MailboxId) {
        self.with(|state| state.hints.retain(|hints| hints.send(Hint { mailbox }).is_ok()));
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.with(|state| !state.hints.is_empty())
    }
}

fn position(state: &State, owner: &str, nth: usize) -> usize {
    let mut mine = state.items.iter().enumerate().filter(|(_, item)| item.owner == owner);
    mine.nth(nth).unwrap().0
}

impl MailSystem for Mail {
    fn probe<'a>(&'a self, _account: &'a MailAccount) -> PortFuture<'a, ServerInfo> {
        answer(Ok(ServerInfo { build: "15.1.2507.0".to_owned(), version: None }))
    }

    fn check<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()> {
        answer(self.with(|state| state.reach(target, "check").map(drop)))
    }

    fn ensure_folder<'a>(
        &'a self,
        target: &'a MailTarget,
        path: &'a FolderPath,
    ) -> PortFuture<'a, FolderRef> {
        answer(self.with(|state| {
            let owner = state.reach(target, "ensure_folder")?;
            let key = (owner, path.to_string());
            if let Some(id) = state.folders.get(&key) {
                return Ok(FolderRef(id.clone()));
            }
            let id = state.fresh("folder");
            state.folders.insert(key, id.clone());
            Ok(FolderRef(id))
        }))
    }

    fn create<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        message: &'a OutgoingMessage,
        _deadline: Timestamp,
    ) -> PortFuture<'a, RemoteItem> {
        if self.with(|state| state.faults.front() == Some(&Fault::Hung)) {
            self.with(|state| {
                state.faults.pop_front();
                state.add(&owner(target), &folder.0, message.clone());
            });
            return Box::pin(std::future::pending());
        }
        answer(self.with(|state| {
            let owner = state.reach(target, "create")?;
            if !state.folders.values().any(|id| *id == folder.0) {
                return Err(PortError::NotFound);
            }
            match state.faults.pop_front() {
                None | Some(Fault::Hung) => Ok(state.add(&owner, &folder.0, message.clone())),
                Some(Fault::Refused(refusal)) => Err(PortError::refused(refusal)),
                Some(Fault::Lost(times)) => {
                    for _ in 0..times {
                        state.add(&owner, &folder.0, message.clone());
                    }
                    Err(PortError::uncertain(Refusal::transient("reset", "the connection broke", "nothing")))
                }
            }
        }))
    }

    fn locate<'a>(&'a self, target: &'a MailTarget, keys: &'a [DeliveryKey]) -> PortFuture<'a, Vec<Located>> {
        answer(self.with(|state| {
            let owner = state.reach(target, "locate")?;
            let here = |key: DeliveryKey| {
                let mine = state.items.iter().filter(|item| item.owner == owner && item.key == Some(key));
                let items = if state.blind { Vec::new() } else { mine.map(remote).collect() };
                Located { key, items }
            };
            Ok(keys.iter().map(|key| here(*key)).collect())
        }))
    }

    fn changes<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        cursor: Option<&'a str>,
    ) -> PortFuture<'a, ChangePage> {
        answer(self.with(|state| {
            let owner = state.reach(target, "changes")?;
            if cursor.is_some() && state.expired.remove(&folder.0) {
                return Err(PortError::CursorExpired);
            }
            let folder_exists = state.folders.values().any(|id| *id == folder.0);
            if !folder_exists && folder.0.starts_with("folder") {
                return Err(PortError::NotFound);
            }
            let Some(cursor) = cursor else {
                let inside = |item: &&Item| !state.blind && item.owner == owner && item.folder == folder.0;
                let all = state
                    .items
                    .iter()
                    .filter(inside)
                    .filter_map(|item| Some(Change::Present { key: item.key?, item: remote(item) }));
                let changes = all.collect();
                return Ok(ChangePage { changes, cursor: state.log.len().to_string(), complete: true });
            };
            let mut at: usize = cursor.parse().unwrap();
            let mut changes = Vec::new();
            while at < state.log.len() && changes.len() < PAGE {
                let (whose, place, change) = &state.log[at];
                if *whose == owner && *place == folder.0 {
                    changes.push(change.clone());
                }
                at += 1;
            }
            Ok(ChangePage { changes, cursor: at.to_string(), complete: at == state.log.len() })
        }))
    }

    fn set_read<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef, read: bool) -> PortFuture<'a, ()> {
        answer(self.with(|state| {
            let owner = state.reach(target, "set_read")?;
            let nth = state.nth(&owner, &item.0)?;
            state.items[nth].read = read;
            state.present(nth);
            Ok(())
        }))
    }

    fn delete<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()> {
        answer(self.with(|state| {
            let owner = state.reach(target, "delete")?;
            let nth = state.nth(&owner, &item.0)?;
            state.put(nth, "deleted", true);
            Ok(())
        }))
    }

    fn remove_duplicate<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()> {
        answer(self.with(|state| {
            let owner = state.reach(target, "remove_duplicate")?;
            let nth = state.nth(&owner, &item.0)?;
            state.items.remove(nth);
            Ok(())
        }))
    }

    fn count<'a>(&'a self, target: &'a MailTarget, folder: &'a FolderRef) -> PortFuture<'a, u32> {
        answer(self.with(|state| {
            state.reach(target, "count")?;
            Ok(state.counts.get(&folder.0).copied().unwrap_or(0))
        }))
    }

    fn watch(&self, targets: Vec<MailTarget>) -> HintStream {
        let (hints, hinted) = mpsc::unbounded_channel();
        let mine: Vec<SmtpAddress> = targets.iter().map(|target| target.address.clone()).collect();
        self.with(|state| {
            state.calls.push(format!("watch {}", mine.len()));
            state.hints.push(hints);
        });
        futures_util::stream::unfold(hinted, |mut hinted| async { Some((hinted.recv().await?, hinted)) })
            .boxed()
    }
}
