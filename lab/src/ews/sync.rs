//! SyncFolderItems and SyncFolderHierarchy.

use std::collections::HashSet;

use tieline_proto_ews::{
    FolderId, ItemId, ResponseCode, ResponseMessages,
    operations::{
        SyncFolder, SyncFolderDelete, SyncFolderHierarchy, SyncFolderHierarchyChange,
        SyncFolderHierarchyMessage, SyncFolderItems, SyncFolderItemsChange, SyncFolderItemsMessage, SyncItem,
        SyncItemDelete, SyncReadFlag, SyncScope, TargetFolderId,
    },
};

use super::{
    calendar_facts,
    context::{Context, Failure, message, refuse},
    folder::shown,
};
use crate::{
    fault::FaultKind,
    id::{self, SyncState},
    permission::Right,
    shape::Shape,
    store::{
        change::{self, Change, Event, Subject},
        folder::{self, Folder},
        item::{self, Item},
        roll_back,
    },
    view::{Facts, View},
};

const ITEMS: u8 = 1;
const ITEMS_AND_ASSOCIATED: u8 = 2;
const HIERARCHY: u8 = 3;

/// SyncFolderItems.
pub(crate) async fn items(
    cx: &mut Context,
    request: SyncFolderItems,
) -> Result<ResponseMessages<SyncFolderItemsMessage>, sqlx::Error> {
    let outcome = sync_items(cx, &request).await;
    let mut message = message(outcome)?;
    if message.ok().is_err() {
        // Exchange sends an empty state beside an error, which clients must not take for a state.
        message.payload.sync_state = Some(String::new());
        message.payload.includes_last_item_in_range = Some(true);
    }
    Ok(ResponseMessages::one(message))
}

async fn sync_items(cx: &mut Context, request: &SyncFolderItems) -> Result<SyncFolderItemsMessage, Failure> {
    let folder = sync_folder(cx, Some(&request.sync_folder_id)).await?;
    let scope = match request.sync_scope {
        Some(SyncScope::NormalAndAssociatedItems) => ITEMS_AND_ASSOCIATED,
        _ => ITEMS,
    };
    let most = usize::try_from(request.max_changes_returned.clamp(1, 512)).unwrap_or(1);
    let state = state(cx, request.sync_state.as_deref(), &folder, scope).await?;
    let ignored: HashSet<&str> = request.ignore.iter().map(|id| id.id.as_str()).collect();
    let (mut changes, next, mut last) = match state.below {
        Some(below) => first_listing(cx, request, &folder, state, below, most).await?,
        None => later_changes(cx, request, &folder, state, most).await?,
    };
    changes.retain(|change| !change_id(change).is_some_and(|id| ignored.contains(id)));
    match cx.fault {
        Some(FaultKind::EmptyListing) => {
            changes.clear();
            last = true;
        }
        Some(FaultKind::TruncatedListing { keep }) => {
            changes.truncate(keep);
            last = true;
        }
        _ => {}
    }
    Ok(SyncFolderItemsMessage {
        sync_state: Some(next.encode()),
        includes_last_item_in_range: Some(last),
        changes,
    })
}

async fn sync_folder(cx: &mut Context, target: Option<&TargetFolderId>) -> Result<Folder, Failure> {
    let found = match target.and_then(|target| target.folder.as_ref()) {
        Some(id) => cx.folder(id).await,
        None => {
            cx.home();
            cx.distinguished("root").await
        }
    };
    if let Ok(folder) = &found {
        cx.allow(folder, Right::Read).await?;
    }
    match found {
        Err(Failure::Refused(refusal)) if refusal.code == ResponseCode::ErrorFolderNotFound => Err(refuse(
            ResponseCode::ErrorSyncFolderNotFound,
            "The folder to synchronise could not be found in the store.",
        )),
        other => other,
    }
}

async fn state(
    cx: &mut Context,
    given: Option<&str>,
    folder: &Folder,
    scope: u8,
) -> Result<SyncState, Failure> {
    let last = change::last(&mut cx.tx).await?;
    let Some(given) = given.filter(|given| !given.trim().is_empty()) else {
        let below = (scope != HIERARCHY).then_some(i64::MAX);
        return Ok(SyncState { mailbox: cx.mailbox.guid, folder: folder.folder, scope, seq: last, below });
    };
    let ours = |state: &SyncState| {
        state.mailbox == cx.mailbox.guid
            && state.folder == folder.folder
            && state.scope == scope
            && state.seq <= last
    };
    let state = SyncState::decode(given).filter(ours);
    let seen = state.as_ref().map_or(0, |state| state.seq);
    let of_future = roll_back::is_of_future(&mut cx.tx, folder.mailbox, seen).await?;
    match state.filter(|_| !of_future) {
        Some(state) if cx.fault != Some(FaultKind::ExpiredSyncState) => Ok(state),
        _ => Err(refuse(
            ResponseCode::ErrorInvalidSyncStateData,
            "The synchronization state data is either corrupt or otherwise invalid.",
        )),
    }
}

type Listing = (Vec<SyncFolderItemsChange>, SyncState, bool);

async fn first_listing(
    cx: &mut Context,
    request: &SyncFolderItems,
    folder: &Folder,
    state: SyncState,
    below: i64,
    most: usize,
) -> Result<Listing, sqlx::Error> {
    let with_associated = state.scope == ITEMS_AND_ASSOCIATED;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = item::page_below(&mut cx.tx, folder.folder, below, with_associated, limit).await?;
    let shape = Shape::summary(&request.item_shape);
    let facts = calendar_facts::of_rows(cx, &rows).await?;
    let create = |(row, facts): (&Item, Facts)| {
        let item = shape.element(&View::new(&cx.mailbox, row, &[]).with_facts(facts), None);
        SyncFolderItemsChange::Create(SyncItem { item: Some(item) })
    };
    let changes = rows.iter().zip(facts).map(create).collect();
    let more = (rows.len() == most).then(|| rows.last().map(|row| row.item)).flatten();
    let next = SyncState { below: more, ..state };
    let pending = !change::of_folder(&mut cx.tx, folder.folder, state.seq, 1).await?.is_empty();
    Ok((changes, next, more.is_none() && !pending))
}

/// What happened to one item in one folder.
#[derive(Debug, Default)]
struct Fate {
    item: i64,
    created: bool,
    updated: bool,
    read_flag: bool,
    deleted: bool,
}

async fn later_changes(
    cx: &mut Context,
    request: &SyncFolderItems,
    folder: &Folder,
    state: SyncState,
    most: usize,
) -> Result<Listing, sqlx::Error> {
    let lines = change::of_folder(&mut cx.tx, folder.folder, state.seq, 4096).await?;
    let (fates, seq, all) = fates(&lines, folder.folder, most);
    let last = all && lines.len() < 4096;
    let next = SyncState { seq: seq.unwrap_or(state.seq), ..state };
    let shape = Shape::summary(&request.item_shape);
    let mut changes = Vec::new();
    for fate in fates {
        let id = ItemId::new(id::item_id(cx.mailbox.guid, fate.item));
        if fate.deleted {
            if !fate.created {
                changes.push(SyncFolderItemsChange::Delete(SyncItemDelete { item_id: id }));
            }
            continue;
        }
        // Gone already: a line further on says so, and the next call brings it.
        let Some(row) = item::by_number(&mut cx.tx, cx.mailbox.mailbox, fate.item).await? else { continue };
        if row.associated && state.scope != ITEMS_AND_ASSOCIATED {
            continue;
        }
        let facts = calendar_facts::of_row(cx, &row).await?;
        let view = View::new(&cx.mailbox, &row, &[]).with_facts(facts);
        let element = || SyncItem { item: Some(shape.element(&view, None)) };
        changes.push(if fate.created {
            SyncFolderItemsChange::Create(element())
        } else if fate.updated {
            SyncFolderItemsChange::Update(element())
        } else {
            let item_id = ItemId { change_key: Some(cx.change_key(row.version)), ..id };
            SyncFolderItemsChange::ReadFlagChange(SyncReadFlag { item_id, is_read: row.is_read })
        });
    }
    Ok((changes, next, last))
}

/// Gathers the lines by item, up to `most` items; also the last line used and whether all were.
fn fates(lines: &[Change], folder: i64, most: usize) -> (Vec<Fate>, Option<i64>, bool) {
    let mut fates: Vec<Fate> = Vec::new();
    let mut seq = None;
    for line in lines {
        let Subject::Item(item) = line.subject else { continue };
        let mut touched = Vec::new();
        if line.event == Event::Moved && line.old_folder == Some(folder) {
            touched.extend(line.old_item.map(|old| (old, Event::Deleted)));
        }
        if line.folder == folder {
            let event = if line.event == Event::Moved { Event::Created } else { line.event };
            touched.push((item, event));
        }
        let new = touched.iter().filter(|(item, _)| !fates.iter().any(|fate| fate.item == *item)).count();
        if fates.len() + new > most && !fates.is_empty() {
            return (fates, seq, false);
        }
        for (item, event) in touched {
            let at = fates.iter().position(|fate| fate.item == item);
            let at = at.unwrap_or_else(|| {
                fates.push(Fate { item, ..Fate::default() });
                fates.len() - 1
            });
            let Some(fate) = fates.get_mut(at) else { continue };
            match event {
                Event::Created | Event::Copied => fate.created = true,
                Event::Deleted => fate.deleted = true,
                Event::Modified if line.read_flag.is_some() => fate.read_flag = true,
                Event::Modified => fate.updated = true,
                Event::NewMail | Event::Moved => {}
            }
        }
        seq = Some(line.seq);
    }
    fates.retain(|fate| fate.created || fate.updated || fate.read_flag || fate.deleted);
    (fates, seq, true)
}

fn change_id(change: &SyncFolderItemsChange) -> Option<&str> {
    match change {
        SyncFolderItemsChange::Create(item) | SyncFolderItemsChange::Update(item) => {
            item.item.as_ref()?.item_id.as_ref().map(|id| id.id.as_str())
        }
        SyncFolderItemsChange::Delete(delete) => Some(&delete.item_id.id),
        SyncFolderItemsChange::ReadFlagChange(flag) => Some(&flag.item_id.id),
    }
}

/// SyncFolderHierarchy.
pub(crate) async fn hierarchy(
    cx: &mut Context,
    request: SyncFolderHierarchy,
) -> Result<ResponseMessages<SyncFolderHierarchyMessage>, sqlx::Error> {
    let outcome = sync_hierarchy(cx, &request).await;
    let mut message = message(outcome)?;
    if message.ok().is_err() {
        message.payload.sync_state = Some(String::new());
        message.payload.includes_last_folder_in_range = Some(true);
    }
    Ok(ResponseMessages::one(message))
}

async fn sync_hierarchy(
    cx: &mut Context,
    request: &SyncFolderHierarchy,
) -> Result<SyncFolderHierarchyMessage, Failure> {
    let root = sync_folder(cx, request.sync_folder_id.as_ref()).await?;
    let fresh = request.sync_state.as_deref().is_none_or(|state| state.trim().is_empty());
    let state = state(cx, request.sync_state.as_deref(), &root, HIERARCHY).await?;
    let last = change::last(&mut cx.tx).await?;
    let below = folder::below(&mut cx.tx, cx.mailbox.mailbox, root.folder, true).await?;
    let mut changes = Vec::new();
    if fresh {
        for row in &below {
            let folder = Some(shown(cx, row, &request.folder_shape).await?);
            changes.push(SyncFolderHierarchyChange::Create(SyncFolder { folder }));
        }
    } else {
        let lines = change::of_mailbox(&mut cx.tx, cx.mailbox.mailbox, state.seq, i64::MAX).await?;
        let mut seen = HashSet::new();
        let touched =
            lines.iter().filter(|line| line.unread.is_none()).filter_map(|line| match line.subject {
                Subject::Folder(number) => Some((number, line.event)),
                Subject::Item(_) => None,
            });
        for (number, event) in touched {
            if !seen.insert(number) {
                continue;
            }
            match below.iter().find(|row| row.folder == number) {
                Some(row) => {
                    let folder = SyncFolder { folder: Some(shown(cx, row, &request.folder_shape).await?) };
                    changes.push(match event {
                        Event::Created => SyncFolderHierarchyChange::Create(folder),
                        _ => SyncFolderHierarchyChange::Update(folder),
                    });
                }
                None if event == Event::Created => {}
                None => changes.push(SyncFolderHierarchyChange::Delete(SyncFolderDelete {
                    folder_id: FolderId::new(id::folder_id(cx.mailbox.guid, number)),
                })),
            }
        }
    }
    Ok(SyncFolderHierarchyMessage {
        sync_state: Some(SyncState { seq: last, ..state }.encode()),
        includes_last_folder_in_range: Some(true),
        changes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: i64, event: Event, folder: i64, item: i64) -> Change {
        Change { seq, ..Change::new(1, event, folder, Subject::Item(item)) }
    }

    #[test]
    fn lines_become_one_fate_an_item() {
        let moved = Change { old_folder: Some(5), old_item: Some(2), ..line(4, Event::Moved, 6, 9) };
        let lines = [
            line(1, Event::Created, 5, 1),
            line(2, Event::NewMail, 5, 1),
            Change { read_flag: Some(true), ..line(3, Event::Modified, 5, 2) },
            moved,
            line(5, Event::Modified, 5, 3),
            line(6, Event::Deleted, 5, 1),
        ];
        let (fates, seq, all) = fates(&lines, 5, 10);
        assert_eq!((seq, all), (Some(6), true));
        let told: Vec<_> =
            fates.iter().map(|fate| (fate.item, fate.created, fate.updated, fate.deleted)).collect();
        assert_eq!(told, [(1, true, false, true), (2, false, false, true), (3, false, true, false)]);
    }

    #[test]
    fn a_page_ends_between_lines() {
        let lines: Vec<_> = (1..=5).map(|seq| line(seq, Event::Created, 5, seq)).collect();
        let (page, seq, all) = fates(&lines, 5, 2);
        assert_eq!((page.len(), seq, all), (2, Some(2), false));
    }
}
