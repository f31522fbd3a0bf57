//! DeleteItem, MoveItem, CopyItem.

use tieline_proto_ews::{
    BaseItemId, Item as ItemElement, ItemKind, NoPayload, ResponseCode, ResponseMessages,
    operations::{CopyItem, DeleteItem, Disposal, ItemInfo, MoveItem},
};

use super::{
    appointment,
    context::{Context, Failure, message, refuse},
    item_create::id_element,
};
use crate::permission::Right;
use crate::store::{folder::Folder, item::Item, item_move};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// DeleteItem.
pub(crate) async fn delete(cx: &mut Context, request: DeleteItem) -> Outcome<NoPayload> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = delete_one(cx, id, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn delete_one(cx: &mut Context, id: &BaseItemId, request: &DeleteItem) -> Result<NoPayload, Failure> {
    let row = cx.item_or_occurrence(id).await?;
    cx.allow_item(&row, Right::Delete).await?;
    match ItemKind::from_item_class(&row.class) {
        ItemKind::CalendarItem(_) if request.send_meeting_cancellations.is_none() => Err(refuse(
            ResponseCode::ErrorSendMeetingCancellationsRequired,
            "SendMeetingCancellations is required for calendar items.",
        )),
        ItemKind::Task(_) if request.affected_task_occurrences.is_none() => Err(refuse(
            ResponseCode::ErrorAffectedTaskOccurrencesRequired,
            "AffectedTaskOccurrences is required for tasks.",
        )),
        ItemKind::CalendarItem(_) => {
            let (disposal, how) = (&request.delete_type, &request.send_meeting_cancellations);
            appointment::delete(cx, &row, disposal.as_ref(), how.as_ref()).await?;
            Ok(NoPayload)
        }
        _ => {
            dispose(cx, &row, request.delete_type.as_ref()).await?;
            Ok(NoPayload)
        }
    }
}

/// Deletes an item one of the three ways: away for good, to the recoverable items, to Deleted Items.
/// The item where it then lies, unless it is gone.
pub(crate) async fn dispose(
    cx: &mut Context,
    row: &Item,
    how: Option<&Disposal>,
) -> Result<Option<Item>, Failure> {
    let bin = match how {
        Some(Disposal::MoveToDeletedItems) => "deleteditems",
        Some(Disposal::SoftDelete) => "recoverableitemsdeletions",
        _ => {
            item_move::delete(&mut cx.tx, row, cx.now_ms).await?;
            return Ok(None);
        }
    };
    let bin = cx.distinguished(bin).await?;
    Ok(Some(item_move::move_to(&mut cx.tx, row, bin.folder, cx.now_ms).await?))
}

/// MoveItem.
pub(crate) async fn move_to(cx: &mut Context, request: MoveItem) -> Outcome<ItemInfo> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = async {
            let target = cx.target(&request.to_folder_id).await?;
            cx.allow(&target, Right::Create).await?;
            let row = cx.item(id).await?;
            cx.allow_item(&row, Right::Delete).await?;
            check_target(&target)?;
            if target.mailbox != row.mailbox {
                item_move::copy_to(&mut cx.tx, &row, target.mailbox, target.folder, cx.now_ms).await?;
                item_move::delete(&mut cx.tx, &row, cx.now_ms).await?;
                // Across mailboxes Exchange does not tell the new id.
                return Ok(ItemInfo::default());
            }
            let row = item_move::move_to(&mut cx.tx, &row, target.folder, cx.now_ms).await?;
            Ok(info(cx, &row, request.return_new_item_ids))
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

/// CopyItem.
pub(crate) async fn copy(cx: &mut Context, request: CopyItem) -> Outcome<ItemInfo> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = async {
            let target = cx.target(&request.to_folder_id).await?;
            cx.allow(&target, Right::Create).await?;
            let row = cx.item(id).await?;
            check_target(&target)?;
            let across = target.mailbox != row.mailbox;
            let row = item_move::copy_to(&mut cx.tx, &row, target.mailbox, target.folder, cx.now_ms).await?;
            Ok(info(cx, &row, if across { Some(false) } else { request.return_new_item_ids }))
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

fn check_target(target: &Folder) -> Result<(), Failure> {
    match &target.search_class {
        Some(_) => {
            Err(refuse(ResponseCode::ErrorMoveCopyFailed, "A search folder holds no items of its own."))
        }
        None => Ok(()),
    }
}

fn info(cx: &Context, row: &Item, wanted: Option<bool>) -> ItemInfo {
    let items: Vec<ItemElement> = match wanted {
        Some(false) => Vec::new(),
        _ => vec![id_element(cx, row)],
    };
    ItemInfo { items }
}
