//! Finding items by our mark wherever they are: an item that a rule or a person moved has a new id.

use std::collections::{HashMap, HashSet};

use tieline_model::DeliveryKey;
use tieline_ports::{FolderRef, Located, PortError, RemoteItem};
use tieline_proto_ews::operations::{
    FindFolder, FindItem, FolderInfo, FolderQueryTraversal, FolderView, GetFolder, IndexBasePoint,
    IndexedPageView, ItemQueryTraversal, ItemView,
};
use tieline_proto_ews::{
    BaseFolderId, DistinguishedFolderName, FieldUri, Folder, FolderId, FolderKind, FolderShape, Item,
    ItemShape, ResponseMessage, SearchExpression,
};

use super::call::Call;
use super::failure::Stated;
use super::folder::is_missing;
use super::map::{self, property};

/// Folders searched by one request, and marks looked for by one request: Exchange checks its patience between
/// folders, and refuses filters that are too large.
const FOLDERS_AT_ONCE: usize = 100;
const KEYS_AT_ONCE: usize = 20;
/// A mark is on one item, or on a few when an effect came late.
const PAGE: i32 = 200;
const FOLDER_PAGE: i32 = 500;

/// The folders of a mailbox.
#[derive(Debug, Default)]
struct Tree {
    searched: Vec<FolderId>,
    /// Deleted Items, the recoverable items, and all below.
    deleted: HashSet<String>,
}

/// An item that carries a mark.
#[derive(Debug)]
struct Found {
    key: DeliveryKey,
    created: Option<jiff::Timestamp>,
    item: RemoteItem,
}

impl Call<'_> {
    /// Every item with one of these marks, in any folder; one answer for each mark, in order.
    ///
    /// What is found once is believed. None and several are looked for again: an empty listing may be a failure
    /// of the server that calls itself a success, and an item on the move is seen in both folders or in neither.
    pub(super) async fn locate(&self, keys: &[DeliveryKey]) -> Result<Vec<Located>, PortError> {
        let mut found = self.look(keys).await?;
        let doubtful: Vec<DeliveryKey> =
            keys.iter().filter(|key| found.get(key).is_none_or(|items| items.len() != 1)).copied().collect();
        found.extend(self.look(&doubtful).await?);
        let answer = keys.iter().map(|key| {
            let mut items = found.remove(key).unwrap_or_default();
            items.sort_by_key(|found| found.created);
            Located { key: *key, items: items.into_iter().map(|found| found.item).collect() }
        });
        Ok(answer.collect())
    }

    /// One look into all folders; marks that were not found are left out.
    async fn look(&self, keys: &[DeliveryKey]) -> Result<HashMap<DeliveryKey, Vec<Found>>, PortError> {
        let mut found: HashMap<DeliveryKey, Vec<Found>> = HashMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let tree = self.tree().await?;
        for keys in keys.chunks(KEYS_AT_ONCE) {
            for folders in tree.searched.chunks(FOLDERS_AT_ONCE) {
                for item in self.search(&tree, folders, keys).await? {
                    let items = found.entry(item.key).or_default();
                    // Paging a folder that changes can show the same item twice.
                    if items.iter().all(|known| known.item.item != item.item.item) {
                        items.push(item);
                    }
                }
            }
        }
        Ok(found)
    }

    async fn tree(&self) -> Result<Tree, PortError> {
        use DistinguishedFolderName as Name;
        let roots = [Name::MsgFolderRoot, Name::ArchiveMsgFolderRoot];
        let bins = [Name::RecoverableItemsDeletions, Name::DeletedItems, Name::ArchiveDeletedItems];
        let found = self.folders(roots.iter().chain(&bins)).await?;
        let (roots, bins) = found.split_at(roots.len());
        let ids = |folders: &[Option<Folder>]| -> Vec<FolderId> {
            folders.iter().flatten().filter_map(|folder| folder.folder_id.clone()).collect()
        };
        let mut tree = Tree::default();
        // The recoverable items are outside the visible tree.
        tree.searched.extend(ids(&bins[..1]));
        let mut parents: Vec<(String, String)> = Vec::new();
        for root in roots.iter().flatten() {
            let Some(id) = &root.folder_id else { continue };
            tree.searched.push(id.clone());
            for (folder, parent) in self.descendants(root, id).await? {
                parents.push((folder.id.clone(), parent));
                tree.searched.push(folder);
            }
        }
        let bins: Vec<String> = ids(bins).into_iter().map(|id| id.id).collect();
        tree.deleted = below(&bins, &parents);
        Ok(tree)
    }

    /// Folders by role, `None` for what this mailbox lacks.
    pub(super) async fn folders<'n>(
        &self,
        names: impl Iterator<Item = &'n DistinguishedFolderName>,
    ) -> Result<Vec<Option<Folder>>, PortError> {
        let folder_ids: Vec<BaseFolderId> = names.cloned().map(BaseFolderId::from).collect();
        let asked = folder_ids.len();
        let folder_shape = FolderShape {
            additional_properties: vec![FieldUri::FOLDER_CHILD_FOLDER_COUNT.into()],
            ..FolderShape::default()
        };
        let answer = self.send(&GetFolder { folder_shape, folder_ids }).await?;
        if answer.messages.len() != asked {
            return Err(self.short());
        }
        let one = |message: ResponseMessage<FolderInfo>| match Stated::message(&message) {
            Some(stated) if is_missing(&stated.code) => Ok(None),
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(message.payload.folders.into_iter().next()),
        };
        answer.messages.into_iter().map(one).collect()
    }

    /// All folders below `root`, with their parents' ids. A listing that is shorter than it says is an error: an
    /// item in a folder that was left out would count as gone.
    pub(super) async fn descendants(
        &self,
        root: &Folder,
        id: &FolderId,
    ) -> Result<Vec<(FolderId, String)>, PortError> {
        let mut all = Vec::new();
        let (mut offset, mut listed) = (0, 0);
        loop {
            let request = FindFolder {
                traversal: FolderQueryTraversal::Deep,
                folder_shape: FolderShape {
                    additional_properties: vec![FieldUri::FOLDER_PARENT_FOLDER_ID.into()],
                    ..FolderShape::default()
                },
                view: Some(FolderView::Indexed(page(offset, FOLDER_PAGE))),
                parent_folder_ids: vec![id.clone().into()],
                ..FindFolder::default()
            };
            let mut answer = self.send(&request).await?;
            let Some(message) = answer.messages.pop() else { return Err(self.short()) };
            if let Some(stated) = Stated::message(&message) {
                return Err(stated.into_error(&self.at(), None));
            }
            let Some(found) = message.payload.root_folder else { return Err(self.short()) };
            listed += found.folders.len();
            // A search folder would show the same items again.
            let folders = found.folders.into_iter().filter(|folder| folder.kind != FolderKind::SearchFolder);
            for folder in folders {
                let parent = folder.parent_folder_id.map(|id| id.id).unwrap_or_default();
                all.extend(folder.folder_id.map(|id| (id, parent)));
            }
            match next_page(offset, found.includes_last_item_in_range, found.indexed_paging_offset) {
                Some(next) => offset = next,
                None if is_short(listed, found.total_items_in_view.max(root.child_folder_count)) => {
                    return Err(self.short());
                }
                None => return Ok(all),
            }
        }
    }

    async fn search(
        &self,
        tree: &Tree,
        folders: &[FolderId],
        keys: &[DeliveryKey],
    ) -> Result<Vec<Found>, PortError> {
        let mut found = Vec::new();
        let mut round = vec![(folders.to_vec(), 0)];
        while let Some((folders, offset)) = round.pop() {
            let answer = self.send(&find(&folders, keys, offset)).await?;
            if answer.messages.len() != folders.len() {
                return Err(self.short());
            }
            for (folder, message) in folders.iter().zip(answer.messages) {
                match Stated::message(&message) {
                    // Removed since we listed it.
                    Some(stated) if is_missing(&stated.code) => continue,
                    Some(stated) => return Err(stated.into_error(&self.at(), None)),
                    None => {}
                }
                let Some(page) = message.payload.root_folder else { return Err(self.short()) };
                found.extend(page.items().filter_map(|item| found_in(tree, folder, item)));
                match next_page(offset, page.includes_last_item_in_range, page.indexed_paging_offset) {
                    Some(next) => round.push((vec![folder.clone()], next)),
                    None if is_short(offset as usize + page.items().count(), page.total_items_in_view) => {
                        return Err(self.short());
                    }
                    None => {}
                }
            }
        }
        found.retain(|item| keys.contains(&item.key));
        Ok(found)
    }
}

fn found_in(tree: &Tree, folder: &FolderId, item: &Item) -> Option<Found> {
    let key = property::key_of(item)?;
    let created = item.date_time_created.and_then(|time| time.timestamp());
    let item = map::message::remote(item, FolderRef(folder.id.clone()), tree.deleted.contains(&folder.id))?;
    Some(Found { key, created, item })
}

fn find(folders: &[FolderId], keys: &[DeliveryKey], offset: i32) -> FindItem {
    let any =
        keys.iter().map(|key| SearchExpression::equals(property::delivery_id(), key.to_string())).collect();
    FindItem {
        traversal: ItemQueryTraversal::Shallow,
        item_shape: ItemShape::ids_and([
            property::delivery_id().into(),
            FieldUri::MESSAGE_IS_READ.into(),
            FieldUri::ITEM_DATE_TIME_CREATED.into(),
        ]),
        view: Some(ItemView::Indexed(page(offset, PAGE))),
        restriction: Some(SearchExpression::any(any).into()),
        parent_folder_ids: folders.iter().cloned().map(BaseFolderId::from).collect(),
        ..FindItem::default()
    }
}

fn page(offset: i32, max: i32) -> IndexedPageView {
    IndexedPageView { max_entries_returned: Some(max), offset, base_point: IndexBasePoint::Beginning }
}

/// Where the next page begins: the server's word, which counts what changed meanwhile. A server that says "more"
/// without moving on is taken at its last item.
fn next_page(offset: i32, last: Option<bool>, next: Option<i32>) -> Option<i32> {
    match (last, next) {
        (Some(false), Some(next)) if next > offset => Some(next),
        _ => None,
    }
}

/// Whether a listing that claims to be complete has fewer entries than the server counts.
fn is_short(listed: usize, total: Option<i32>) -> bool {
    total.is_some_and(|total| usize::try_from(total).is_ok_and(|total| listed < total))
}

/// The roots and every folder below them.
fn below(roots: &[String], parents: &[(String, String)]) -> HashSet<String> {
    let mut set: HashSet<String> = roots.iter().cloned().collect();
    // Parents usually come first, so that one round is enough; each further round reaches one level deeper.
    loop {
        let before = set.len();
        for (folder, parent) in parents {
            if set.contains(parent) {
                set.insert(folder.clone());
            }
        }
        if set.len() == before {
            return set;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_deleted_items_is_deleted_in_whatever_order_it_is_listed() {
        let pair = |folder: &str, parent: &str| (folder.to_owned(), parent.to_owned());
        let parents = [pair("deep", "sub"), pair("inbox", "root"), pair("sub", "bin"), pair("bin", "root")];
        let deleted = below(&["bin".to_owned()], &parents);
        assert_eq!(deleted, ["bin", "sub", "deep"].map(str::to_owned).into());
    }

    #[test]
    fn paging_follows_the_server_and_never_stands_still() {
        assert_eq!(next_page(0, Some(false), Some(200)), Some(200));
        assert_eq!(next_page(200, Some(false), Some(200)), None);
        assert_eq!(next_page(0, Some(true), Some(200)), None);
        assert_eq!(next_page(0, None, None), None);
    }
}
