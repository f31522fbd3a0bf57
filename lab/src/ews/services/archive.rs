//! ArchiveItem. A mailbox has an archive when it was given one (`POST /lab/archives`): a tree of folders beside its own.

use tieline_proto_ews::{
    BaseItemId, ResponseCode, ResponseMessages,
    operations::{ArchiveItem, ItemInfo},
};

use super::super::{
    context::{Context, Failure, folder_not_found, message, refuse},
    item_create::id_element,
};
use crate::{
    permission::Right,
    store::{
        folder::{self, Folder, NewFolder},
        item_move,
    },
};

/// ArchiveItem: items go to the folder of the archive that has the path of the one they come from.
pub(super) async fn archive(
    cx: &mut Context,
    request: ArchiveItem,
) -> Result<ResponseMessages<ItemInfo>, sqlx::Error> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = archive_one(cx, &request, id).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn archive_one(cx: &mut Context, request: &ArchiveItem, id: &BaseItemId) -> Result<ItemInfo, Failure> {
    let source = cx.target(&request.archive_source_folder_id).await?;
    let Some(top) = folder::by_distinguished(&mut cx.tx, source.mailbox, "archivemsgfolderroot").await?
    else {
        return Err(refuse(
            ResponseCode::ErrorArchiveMailboxNotEnabled,
            "The mailbox has no archive mailbox.",
        ));
    };
    let row = cx.item(id).await?;
    cx.allow_item(&row, Right::Delete).await?;
    let target = mirrored(cx, &source, top).await?;
    let moved = item_move::move_to(&mut cx.tx, &row, target.folder, cx.now_ms).await?;
    Ok(id_element(cx, &moved).into())
}

/// The archive's folder with the path of one of the mailbox; what is missing of it is made.
async fn mirrored(cx: &mut Context, source: &Folder, top: Folder) -> Result<Folder, Failure> {
    let mut path = Vec::new();
    let mut next = Some(source.clone());
    while let Some(folder) = next {
        if folder.distinguished.as_deref() == Some("msgfolderroot") {
            break;
        }
        // What lies beside the folders that people see has no place in an archive.
        let parent = folder.parent.ok_or_else(folder_not_found)?;
        next = folder::by_number(&mut cx.tx, folder.mailbox, parent).await?;
        path.push(folder);
    }
    let mut target = top;
    for folder in path.into_iter().rev() {
        target = match folder::child_named(&mut cx.tx, target.folder, &folder.name).await? {
            Some(found) => found,
            None => {
                let new = NewFolder {
                    mailbox: target.mailbox,
                    parent: target.folder,
                    name: &folder.name,
                    class: folder.class.as_deref(),
                    search_class: None,
                    properties: "{}",
                };
                folder::create(&mut cx.tx, &new, cx.now_ms).await?
            }
        };
    }
    Ok(target)
}
