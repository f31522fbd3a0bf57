//! Answers to meetings in CreateItem: AcceptItem, TentativelyAcceptItem, DeclineItem, CancelCalendarItem, RemoveItem.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmtgs/> section 3.1.4.2

use tieline_proto_ews::{
    Item as ItemElement, ItemBody, ResponseCode, ResponseObject, ResponseObjectKind, ResponseType,
    operations::{Disposal, ItemInfo, MessageDisposition},
};

use super::{
    appointment::cancel,
    context::{Context, Failure, refuse},
    item_create::id_element,
    item_delete::dispose,
};
use crate::{
    attendant::{Attendant, answer::Reply, delegation, entry, is_organizer, sequence},
    calendar::fragment,
    document::Document,
    permission::Right,
    property::{boolean, millisecond},
    store::item::{self, Item},
};

/// The refusals of an answer: to one's own meeting, and to one that was cancelled.
fn refusals(kind: &ResponseObjectKind) -> (ResponseCode, ResponseCode) {
    match kind {
        ResponseObjectKind::AcceptItem => {
            (ResponseCode::ErrorCalendarIsOrganizerForAccept, ResponseCode::ErrorCalendarIsCancelledForAccept)
        }
        ResponseObjectKind::DeclineItem => (
            ResponseCode::ErrorCalendarIsOrganizerForDecline,
            ResponseCode::ErrorCalendarIsCancelledForDecline,
        ),
        ResponseObjectKind::RemoveItem => {
            (ResponseCode::ErrorCalendarIsOrganizerForRemove, ResponseCode::ErrorCalendarIsCancelledForRemove)
        }
        _ => (
            ResponseCode::ErrorCalendarIsOrganizerForTentative,
            ResponseCode::ErrorCalendarIsCancelledForTentative,
        ),
    }
}

/// Whether a response object is about a meeting.
pub(crate) fn is_about_meetings(kind: &ResponseObjectKind) -> bool {
    matches!(
        kind,
        ResponseObjectKind::AcceptItem
            | ResponseObjectKind::TentativelyAcceptItem
            | ResponseObjectKind::DeclineItem
            | ResponseObjectKind::CancelCalendarItem
            | ResponseObjectKind::RemoveItem
    )
}

/// Answers a meeting; the items that it touched come back.
pub(crate) async fn answer(
    cx: &mut Context,
    kind: &ResponseObjectKind,
    fields: &ResponseObject,
    disposition: Option<&MessageDisposition>,
) -> Result<ItemInfo, Failure> {
    let Some(reference) = &fields.reference_item_id else {
        return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "The item to answer is missing."));
    };
    let row = cx.item_or_occurrence(&reference.clone().into()).await?;
    // In somebody else's mailbox an answer is a change, made in the owner's name.
    cx.allow_item(&row, Right::Edit).await?;
    match kind {
        ResponseObjectKind::CancelCalendarItem => cancelled(cx, &row, fields).await,
        ResponseObjectKind::RemoveItem => removed(cx, &row).await,
        _ => answered(cx, kind, &row, fields, disposition).await,
    }
}

/// The calendar's entry behind a message about a meeting, or the item itself.
async fn entry_of(cx: &mut Context, row: &Item) -> Result<Option<Item>, Failure> {
    let document = Document::from_bytes(&row.document);
    match document.kind.as_str() {
        "CalendarItem" => Ok(Some(row.clone())),
        "MeetingRequest" | "MeetingCancellation" => {
            let Some(uid) = document.text("UID") else { return Ok(None) };
            let recurrence_id = document.text("RecurrenceId").and_then(|text| millisecond(&text));
            Ok(entry::find(&mut cx.tx, cx.mailbox.mailbox, &uid, recurrence_id).await?)
        }
        _ => Err(refuse(
            ResponseCode::ErrorInvalidReferenceItem,
            "The item is neither a meeting nor a message about one.",
        )),
    }
}

async fn answered(
    cx: &mut Context,
    kind: &ResponseObjectKind,
    row: &Item,
    fields: &ResponseObject,
    disposition: Option<&MessageDisposition>,
) -> Result<ItemInfo, Failure> {
    if disposition.is_none() {
        return Err(refuse(
            ResponseCode::ErrorMessageDispositionRequired,
            "MessageDisposition is required for answers to meetings.",
        ));
    }
    let document = Document::from_bytes(&row.document);
    let is_message = document.kind == "MeetingRequest";
    // A delegate answers in the name, and in the calendar, of whom the request was sent to.
    let represented = delegation::represented(&document).filter(|_| is_message);
    if let Some(owner) = &represented {
        cx.visit(owner).await?;
        let calendar = cx.distinguished("calendar").await?;
        cx.allow(&calendar, Right::Edit(false)).await?;
    }
    let (own, gone) = refusals(kind);
    if is_organizer(&document, &cx.mailbox.address) {
        return Err(refuse(own, "The organizer of a meeting cannot answer it."));
    }
    let mut entry = entry_of(cx, row).await?;
    if entry.is_none() && is_message {
        // Nothing was entered when the request came; the answer does it.
        let attendant = Attendant { server: &cx.server, owner: &cx.mailbox, now_ms: cx.now_ms };
        entry = attendant.enter_now(&mut cx.tx, row).await?;
    }
    let Some(entry) = entry else {
        return Err(refuse(
            ResponseCode::ErrorCalendarMeetingRequestIsOutOfDate,
            "The meeting request is out of date.",
        ));
    };
    let meeting = Document::from_bytes(&entry.document);
    if meeting.text("IsCancelled").and_then(|text| boolean(&text)) == Some(true) {
        return Err(refuse(gone, "The meeting was cancelled."));
    }
    if is_message && sequence(&document) < sequence(&meeting) {
        return Err(refuse(
            ResponseCode::ErrorCalendarMeetingRequestIsOutOfDate,
            "The meeting request is out of date.",
        ));
    }
    let proposed = fields.proposed_start.zip(fields.proposed_end);
    let response = match kind {
        ResponseObjectKind::AcceptItem => ResponseType::Accept,
        ResponseObjectKind::DeclineItem => ResponseType::Decline,
        _ => ResponseType::Tentative,
    };
    let reply = Reply {
        response,
        body: fields.body.as_ref().or(fields.new_body_content.as_ref()).map(body),
        proposed,
        send: disposition != Some(&MessageDisposition::SaveOnly),
        copy: disposition == Some(&MessageDisposition::SendAndSaveCopy),
    };
    let attendant = Attendant { server: &cx.server, owner: &cx.mailbox, now_ms: cx.now_ms };
    let entry = attendant.reply(&mut cx.tx, &entry, &reply).await?;
    let mut items: Vec<ItemElement> = entry.iter().map(|entry| id_element(cx, entry)).collect();
    if represented.is_some() {
        cx.home();
    }
    if is_message {
        items.push(put_away(cx, row).await?);
    }
    Ok(ItemInfo { items })
}

fn body(body: &ItemBody) -> String {
    fragment("Body", body)
}

/// Moves a message that is done with to Deleted Items.
async fn put_away(cx: &mut Context, row: &Item) -> Result<ItemElement, Failure> {
    let row = item::by_number(&mut cx.tx, row.mailbox, row.item).await?;
    let row = row.ok_or_else(super::context::item_not_found)?;
    let moved = dispose(cx, &row, Some(&Disposal::MoveToDeletedItems)).await?;
    Ok(id_element(cx, moved.as_ref().unwrap_or(&row)))
}

async fn cancelled(cx: &mut Context, row: &Item, fields: &ResponseObject) -> Result<ItemInfo, Failure> {
    let document = Document::from_bytes(&row.document);
    if document.kind != "CalendarItem" || !is_organizer(&document, &cx.mailbox.address) {
        return Err(refuse(
            ResponseCode::ErrorCalendarIsNotOrganizer,
            "Only the organizer can cancel a meeting.",
        ));
    }
    let text = fields.new_body_content.as_ref().or(fields.body.as_ref()).map(body);
    let text = text.map(|part| part.replace("t:NewBodyContent", "t:Body"));
    cancel(cx, row, text.as_deref(), true).await?;
    match row.occurrence {
        Some(place) => {
            entry::delete_occurrence(&mut cx.tx, row, place.day, cx.now_ms).await?;
            Ok(ItemInfo::default())
        }
        None => Ok(put_away(cx, row).await?.into()),
    }
}

async fn removed(cx: &mut Context, row: &Item) -> Result<ItemInfo, Failure> {
    let document = Document::from_bytes(&row.document);
    if document.parts.contains_key("Organizer") && is_organizer(&document, &cx.mailbox.address) {
        return Err(refuse(
            ResponseCode::ErrorCalendarIsOrganizerForRemove,
            "The organizer of a meeting cannot remove it so.",
        ));
    }
    let mut items = Vec::new();
    if let Some(entry) = entry_of(cx, row).await? {
        match entry.occurrence {
            Some(place) => entry::delete_occurrence(&mut cx.tx, &entry, place.day, cx.now_ms).await?,
            None => items.push(put_away(cx, &entry).await?),
        }
    }
    if document.kind != "CalendarItem" {
        items.push(put_away(cx, row).await?);
    }
    Ok(ItemInfo { items })
}
