//! GetFolder, CreateFolder, UpdateFolder, MoveFolder, CopyFolder, DeleteFolder, EmptyFolder,
//! MarkAllItemsAsRead.

use tieline_proto_ews::{
    BaseFolderId, Folder as FolderElement, FolderShape, NoPayload, PropertyPath, ResponseCode,
    ResponseMessages,
    operations::{
        CopyFolder, CreateFolder, DeleteFolder, Disposal, EmptyFolder, FolderChange, FolderChangeDescription,
        FolderInfo, GetFolder, MarkAllItemsAsRead, MoveFolder, UpdateFolder,
    },
};

use super::{
    context::{Context, Failure, message, refuse},
    item_delete::dispose,
};
use crate::{
    extended::{self, ExtendedValue},
    folder_view::{FolderView, properties},
    permission::{self, Right},
    property::element_of,
    store::{
        folder::{self, Folder, NewFolder},
        item, item_move,
    },
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// GetFolder.
pub(crate) async fn get(cx: &mut Context, request: GetFolder) -> Outcome<FolderInfo> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = get_one(cx, id, &request.folder_shape).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn get_one(cx: &mut Context, id: &BaseFolderId, shape: &FolderShape) -> Result<FolderInfo, Failure> {
    let row = cx.folder(id).await?;
    Ok(shown(cx, &row, shape).await?.into())
}

/// The folder's element in a shape.
pub(crate) async fn shown(
    cx: &mut Context,
    row: &Folder,
    shape: &FolderShape,
) -> Result<FolderElement, sqlx::Error> {
    let counts = folder::counts(&mut cx.tx, row).await?;
    let mut element = FolderView { mailbox: &cx.mailbox, row, counts }.element(shape);
    if element.effective_rights.is_some() && row.mailbox != cx.own.mailbox {
        let rights = permission::effective(&mut cx.tx, row, &cx.account.address).await?;
        element.effective_rights = Some(rights);
    }
    let wants = shape.additional_properties.iter().any(|path| element_of(path) == Some("PermissionSet"));
    if wants && row.search_class.is_none() {
        element.permission_set = Some(permission::shown(&mut cx.tx, row, &cx.server.directory).await?);
    }
    Ok(element)
}

/// CreateFolder.
pub(crate) async fn create(cx: &mut Context, request: CreateFolder) -> Outcome<FolderInfo> {
    let mut messages = Vec::new();
    let parent = match cx.target(&request.parent_folder_id).await {
        Err(Failure::Refused(refusal)) if refusal.code == ResponseCode::ErrorFolderNotFound => {
            Err(ResponseCode::ErrorParentFolderNotFound)
        }
        Err(Failure::Refused(refusal)) => Err(refusal.code),
        Err(Failure::Store(error)) => return Err(error),
        Ok(parent) => Ok(parent),
    };
    for new in &request.folders {
        let outcome = match &parent {
            Ok(parent) => create_one(cx, parent, new).await,
            Err(code) => Err(refuse(code.clone(), "The parent folder could not be used.")),
        };
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn create_one(cx: &mut Context, parent: &Folder, new: &FolderElement) -> Result<FolderInfo, Failure> {
    let name = new.display_name.as_deref().unwrap_or_default().trim();
    cx.allow(parent, Right::CreateSubFolder).await?;
    check_limits(cx, parent).await?;
    check_name(cx, parent.folder, name).await?;
    let class = new.folder_class.as_deref().or(match new.kind.element() {
        "CalendarFolder" => Some("IPF.Appointment"),
        "ContactsFolder" => Some("IPF.Contact"),
        "TasksFolder" => Some("IPF.Task"),
        _ => Some("IPF.Note"),
    });
    let mut set = std::collections::BTreeMap::new();
    for property in &new.extended_properties {
        let Some(name) = extended::canonical(&property.extended_field_uri) else { continue };
        let value = match &property.value {
            Some(value) => ExtendedValue::one(value.clone()),
            None => ExtendedValue { values: property.values.clone(), array: true },
        };
        set.insert(name, value);
    }
    let new = NewFolder {
        mailbox: cx.mailbox.mailbox,
        parent: parent.folder,
        name,
        class,
        search_class: None,
        properties: &serde_json::to_string(&set).unwrap_or_default(),
    };
    let row = folder::create(&mut cx.tx, &new, cx.now_ms).await?;
    Ok(shown(cx, &row, &FolderShape::default()).await?.into())
}

/// Refuses a parent that is as full or as deep as the limits allow.
async fn check_limits(cx: &mut Context, parent: &Folder) -> Result<(), Failure> {
    let limits = cx.server.settings.folder_limits;
    let children = folder::counts(&mut cx.tx, parent).await?.children;
    let mut depth = 1;
    let mut above = parent.parent;
    while let Some(number) = above.filter(|_| depth <= limits.depth) {
        depth += 1;
        let found = folder::by_number(&mut cx.tx, parent.mailbox, number).await?;
        above = found.and_then(|folder| folder.parent);
    }
    let full = usize::try_from(children).unwrap_or(usize::MAX) >= limits.children;
    match full || depth > limits.depth {
        true => Err(refuse(ResponseCode::ErrorQuotaExceeded, "The quota of folders is used up.")),
        false => Ok(()),
    }
}

async fn check_name(cx: &mut Context, parent: i64, name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(refuse(ResponseCode::ErrorFolderSavePropertyError, "A folder needs a display name."));
    }
    match folder::child_named(&mut cx.tx, parent, name).await? {
        Some(_) => {
            Err(refuse(ResponseCode::ErrorFolderExists, "A folder with the specified name already exists."))
        }
        None => Ok(()),
    }
}

/// UpdateFolder.
pub(crate) async fn update(cx: &mut Context, request: UpdateFolder) -> Outcome<FolderInfo> {
    let mut messages = Vec::new();
    for change in &request.folder_changes {
        let outcome = update_one(cx, change).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn update_one(cx: &mut Context, change: &FolderChange) -> Result<FolderInfo, Failure> {
    let Some(id) = &change.folder_id else {
        return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "Id cannot be empty."));
    };
    let old = cx.folder(id).await?;
    cx.allow(&old, Right::Own).await?;
    let mut new = old.clone();
    let mut set = properties(&old);
    for update in &change.updates {
        let (path, folder) = match update {
            FolderChangeDescription::Set(set) | FolderChangeDescription::Append(set) => {
                (set.path.as_ref(), set.folder.as_ref())
            }
            FolderChangeDescription::Delete(delete) => (delete.path.as_ref(), None),
        };
        let Some(path) = path else { continue };
        match (path, element_of(path), folder) {
            (PropertyPath::Extended(uri), _, folder) => {
                let Some(name) = extended::canonical(uri) else { continue };
                let value = folder.and_then(|folder| folder.extended_properties.first());
                match value {
                    None => drop(set.remove(&name)),
                    Some(value) if extended::tag(uri) == Some(0x10f4) => {
                        new.hidden =
                            value.value.as_deref().and_then(crate::property::boolean).unwrap_or(false);
                    }
                    Some(value) => {
                        let kept = match &value.value {
                            Some(text) => ExtendedValue::one(text.clone()),
                            None => ExtendedValue { values: value.values.clone(), array: true },
                        };
                        set.insert(name, kept);
                    }
                }
            }
            (_, Some("DisplayName"), Some(folder)) => {
                let name = folder.display_name.as_deref().unwrap_or_default().trim().to_owned();
                if let (Some(parent), false) = (old.parent, name.eq_ignore_ascii_case(&old.name)) {
                    check_name(cx, parent, &name).await?;
                }
                new.name = name;
            }
            (_, Some("FolderClass"), Some(folder)) => new.class = folder.folder_class.clone(),
            (_, Some("PermissionSet"), folder) => {
                let set = folder.and_then(|folder| folder.permission_set.clone()).unwrap_or_default();
                if permission::replace(&mut cx.tx, &old, &set, &cx.server.directory).await?.is_err() {
                    return Err(super::context::refuse_property(
                        ResponseCode::ErrorInvalidUserInfo,
                        "The permission set names a user who does not exist.",
                        path,
                    ));
                }
            }
            _ => {
                return Err(super::context::refuse_property(
                    ResponseCode::ErrorInvalidPropertySet,
                    "The property cannot be set on a folder.",
                    path,
                ));
            }
        }
    }
    new.properties = serde_json::to_string(&set).unwrap_or_default();
    let row = folder::update(&mut cx.tx, &new, cx.now_ms).await?;
    Ok(shown(cx, &row, &FolderShape::default()).await?.into())
}

/// MoveFolder.
pub(crate) async fn move_to(cx: &mut Context, request: MoveFolder) -> Outcome<FolderInfo> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = async {
            let target = cx.target(&request.to_folder_id).await?;
            cx.allow(&target, Right::CreateSubFolder).await?;
            let moved = cx.folder(id).await?;
            cx.allow(&moved, Right::Own).await?;
            same_mailbox(&moved, &target)?;
            move_one(cx, &moved, &target).await
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

fn same_mailbox(one: &Folder, other: &Folder) -> Result<(), Failure> {
    match one.mailbox == other.mailbox {
        true => Ok(()),
        false => Err(refuse(
            ResponseCode::ErrorCrossMailboxMoveCopy,
            "The lab moves and copies folders within a mailbox only.",
        )),
    }
}

async fn move_one(cx: &mut Context, moved: &Folder, target: &Folder) -> Result<FolderInfo, Failure> {
    if moved.distinguished.is_some() {
        return Err(refuse(
            ResponseCode::ErrorMoveDistinguishedFolder,
            "A distinguished folder cannot be moved.",
        ));
    }
    let inside = folder::below(&mut cx.tx, cx.mailbox.mailbox, moved.folder, true).await?;
    if target.folder == moved.folder || inside.iter().any(|child| child.folder == target.folder) {
        return Err(refuse(ResponseCode::ErrorMoveCopyFailed, "A folder cannot be moved into itself."));
    }
    check_name(cx, target.folder, &moved.name).await?;
    let row = folder::move_to(&mut cx.tx, moved, target.folder, cx.now_ms).await?;
    Ok(shown(cx, &row, &FolderShape::default()).await?.into())
}

/// CopyFolder: the folder, what is below it, and all their items.
pub(crate) async fn copy_to(cx: &mut Context, request: CopyFolder) -> Outcome<FolderInfo> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = async {
            let target = cx.target(&request.to_folder_id).await?;
            cx.allow(&target, Right::CreateSubFolder).await?;
            let original = cx.folder(id).await?;
            cx.allow(&original, Right::Read).await?;
            same_mailbox(&original, &target)?;
            copy_one(cx, &original, &target).await
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn copy_one(cx: &mut Context, original: &Folder, target: &Folder) -> Result<FolderInfo, Failure> {
    let inside = folder::below(&mut cx.tx, cx.mailbox.mailbox, original.folder, true).await?;
    if target.folder == original.folder || inside.iter().any(|child| child.folder == target.folder) {
        return Err(refuse(ResponseCode::ErrorMoveCopyFailed, "A folder cannot be copied into itself."));
    }
    check_name(cx, target.folder, &original.name).await?;
    let copy = copy_alone(cx, original, target.folder).await?;
    let mut copies = std::collections::BTreeMap::from([(original.folder, copy.folder)]);
    // Parents are copied before their children, wherever they stand in the list.
    let mut left = inside;
    while let Some(at) =
        left.iter().position(|row| row.parent.is_some_and(|parent| copies.contains_key(&parent)))
    {
        let row = left.remove(at);
        if let Some(parent) = row.parent.and_then(|parent| copies.get(&parent).copied()) {
            let copied = copy_alone(cx, &row, parent).await?;
            copies.insert(row.folder, copied.folder);
        }
    }
    Ok(shown(cx, &copy, &FolderShape::default()).await?.into())
}

async fn copy_alone(cx: &mut Context, original: &Folder, parent: i64) -> Result<Folder, sqlx::Error> {
    let new = NewFolder {
        mailbox: cx.mailbox.mailbox,
        parent,
        name: &original.name,
        class: original.class.as_deref(),
        search_class: original.search_class.as_deref(),
        properties: &original.properties,
    };
    let copy = folder::create(&mut cx.tx, &new, cx.now_ms).await?;
    if original.search_class.is_none() {
        for row in item::of_folder(&mut cx.tx, original, false, false).await? {
            item_move::copy_to(&mut cx.tx, &row, copy.mailbox, copy.folder, cx.now_ms).await?;
        }
    }
    Ok(copy)
}

/// DeleteFolder.
pub(crate) async fn delete(cx: &mut Context, request: DeleteFolder) -> Outcome<NoPayload> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = delete_one(cx, id, request.delete_type.as_ref()).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn delete_one(
    cx: &mut Context,
    id: &BaseFolderId,
    how: Option<&Disposal>,
) -> Result<NoPayload, Failure> {
    let gone = cx.folder(id).await?;
    cx.allow(&gone, Right::Own).await?;
    if gone.distinguished.is_some() {
        return Err(refuse(
            ResponseCode::ErrorDeleteDistinguishedFolder,
            "Distinguished folders cannot be deleted.",
        ));
    }
    if how == Some(&Disposal::MoveToDeletedItems) {
        let trash = cx.distinguished("deleteditems").await?;
        let mut moved = gone.clone();
        // Deleted Items may hold a namesake from an earlier deletion; Exchange counts up.
        for count in 1_u32.. {
            if folder::child_named(&mut cx.tx, trash.folder, &moved.name).await?.is_none() {
                break;
            }
            moved.name = format!("{} ({count})", gone.name);
        }
        if moved.name != gone.name {
            moved = folder::update(&mut cx.tx, &moved, cx.now_ms).await?;
        }
        folder::move_to(&mut cx.tx, &moved, trash.folder, cx.now_ms).await?;
        return Ok(NoPayload);
    }
    let mut doomed = folder::below(&mut cx.tx, cx.mailbox.mailbox, gone.folder, true).await?;
    doomed.insert(0, gone);
    // Children stand after their parents in the list, so the deepest go first.
    while !doomed.is_empty() {
        let leaf = |folder: &&Folder| !doomed.iter().any(|other| other.parent == Some(folder.folder));
        let Some(next) = doomed.iter().find(leaf).cloned() else { break };
        empty(cx, &next, how).await?;
        folder::delete(&mut cx.tx, &next, cx.now_ms).await?;
        doomed.retain(|folder| folder.folder != next.folder);
    }
    Ok(NoPayload)
}

async fn empty(cx: &mut Context, emptied: &Folder, how: Option<&Disposal>) -> Result<(), Failure> {
    for associated in [false, true] {
        for row in item::of_folder(&mut cx.tx, emptied, associated, false).await? {
            dispose(cx, &row, how).await?;
        }
    }
    Ok(())
}

/// EmptyFolder.
pub(crate) async fn empty_all(cx: &mut Context, request: EmptyFolder) -> Outcome<NoPayload> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = empty_one(cx, id, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn empty_one(cx: &mut Context, id: &BaseFolderId, request: &EmptyFolder) -> Result<NoPayload, Failure> {
    let emptied = cx.folder(id).await?;
    cx.allow(&emptied, Right::Delete(false)).await?;
    if emptied.search_class.is_some()
        || matches!(emptied.distinguished.as_deref(), Some("root" | "msgfolderroot"))
    {
        return Err(refuse(ResponseCode::ErrorCannotEmptyFolder, "This folder cannot be emptied."));
    }
    let how = request.delete_type.as_ref();
    empty(cx, &emptied, how).await?;
    if request.delete_sub_folders {
        for child in folder::below(&mut cx.tx, cx.mailbox.mailbox, emptied.folder, false).await? {
            if child.distinguished.is_none() {
                let id =
                    FolderView { mailbox: &cx.mailbox, row: &child, counts: folder::Counts::default() }.id();
                delete_one(cx, &id.into(), how).await?;
            }
        }
    }
    Ok(NoPayload)
}

/// MarkAllItemsAsRead.
pub(crate) async fn mark_all(cx: &mut Context, request: MarkAllItemsAsRead) -> Outcome<NoPayload> {
    let mut messages = Vec::new();
    for id in &request.folder_ids {
        let outcome = mark_one(cx, id, request.read_flag).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn mark_one(cx: &mut Context, id: &BaseFolderId, read: bool) -> Result<NoPayload, Failure> {
    let marked = cx.folder(id).await?;
    cx.allow(&marked, Right::Edit(false)).await?;
    let mut touched = std::collections::BTreeSet::new();
    for row in item::of_folder(&mut cx.tx, &marked, false, false).await? {
        if row.is_read != read {
            item::set_read(&mut cx.tx, &row, read, &cx.account.display_name, cx.now_ms).await?;
            touched.insert(row.folder);
        }
    }
    for number in touched {
        folder::touch(&mut cx.tx, cx.mailbox.mailbox, number, cx.now_ms).await?;
    }
    Ok(NoPayload)
}
