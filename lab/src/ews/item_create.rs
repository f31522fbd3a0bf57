//! CreateItem, SendItem, and the delivery of what is sent.

use tieline_proto_ews::{
    Item as ItemElement, ItemId, ItemKind, NoPayload, ResponseCode, ResponseMessages, ResponseObjectKind,
    operations::{
        CalendarItemCreateOrDelete, CreateItem, ItemInfo, MessageDisposition, SendItem, TargetFolderId,
    },
};

use super::{
    appointment,
    context::{Context, Failure, change_key_of, message, refuse},
    item_source, meeting_answer, reply,
};
use crate::{
    attendant::Attendant,
    content::{self, Incoming, Making, NewAttachment},
    delivery::{self, Mail},
    document::{Document, decode},
    id,
    mime::listed,
    permission::Right,
    store::{
        attachment,
        folder::{Folder, counts},
        item::{self, Content, Item},
        item_move,
    },
    view::View,
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// CreateItem.
pub(crate) async fn create(cx: &mut Context, request: CreateItem) -> Outcome<ItemInfo> {
    let mut messages = Vec::new();
    let CreateItem { message_disposition, send_meeting_invitations, saved_item_folder_id, items } = request;
    for element in items {
        let needs = match &element.kind {
            ItemKind::CalendarItem(_) if send_meeting_invitations.is_none() => Some(refuse(
                ResponseCode::ErrorSendMeetingInvitationsRequired,
                "SendMeetingInvitations is required for calendar items.",
            )),
            ItemKind::Message(_) if message_disposition.is_none() => Some(refuse(
                ResponseCode::ErrorMessageDispositionRequired,
                "MessageDisposition is required for messages.",
            )),
            _ => None,
        };
        let outcome = match needs {
            Some(refusal) => Err(refusal),
            None => {
                let how = (message_disposition.as_ref(), send_meeting_invitations.as_ref());
                create_one(cx, element, how, saved_item_folder_id.as_ref()).await
            }
        };
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn create_one(
    cx: &mut Context,
    element: ItemElement,
    (disposition, invitations): (Option<&MessageDisposition>, Option<&CalendarItemCreateOrDelete>),
    saved_to: Option<&TargetFolderId>,
) -> Result<ItemInfo, Failure> {
    let incoming = match element.kind {
        ItemKind::ResponseObject(ResponseObjectKind::SuppressReadReceipt, _) => {
            return Ok(ItemInfo::default());
        }
        ItemKind::ResponseObject(kind, fields) if meeting_answer::is_about_meetings(&kind) => {
            return meeting_answer::answer(cx, &kind, &fields, disposition).await;
        }
        ItemKind::ResponseObject(kind, fields) => reply::compose(cx, &kind, &fields).await?,
        _ => content::incoming(element, making(cx)).ok_or_else(|| {
            refuse(ResponseCode::ErrorMimeContentInvalid, "The MIME content is no message.")
        })?,
    };
    let is_message = content::is_message(&incoming.document.kind);
    if incoming.document.kind == "CalendarItem" {
        let source = incoming.content.mime.clone();
        let made = appointment::create(cx, incoming, invitations, saved_to).await?;
        return match (source, cx.saved.last().copied()) {
            (Some(source), Some(number)) => with_exceptions(cx, number, &source).await,
            _ => Ok(made),
        };
    }
    match disposition {
        Some(MessageDisposition::SendOnly) if is_message => {
            send(cx, &incoming).await?;
            Ok(ItemInfo::default())
        }
        Some(MessageDisposition::SendAndSaveCopy) if is_message => {
            let folder = saved_folder(cx, saved_to, "sentitems").await?;
            send(cx, &incoming).await?;
            let copy = Incoming {
                content: Content { is_draft: false, is_read: true, ..incoming.content.clone() },
                ..incoming
            };
            save(cx, &folder, &copy).await?;
            Ok(ItemInfo::default())
        }
        _ => {
            let usual = match incoming.document.kind.as_str() {
                "CalendarItem" => "calendar",
                "Contact" | "DistributionList" => "contacts",
                "Task" => "tasks",
                "PostItem" => "inbox",
                _ => "drafts",
            };
            let folder = saved_folder(cx, saved_to, usual).await?;
            let row = save(cx, &folder, &incoming).await?;
            cx.saved.push(row.item);
            Ok(id_element(cx, &row).into())
        }
    }
}

/// The answer about a calendar item that was made from iCalendar, after its exceptions are there.
async fn with_exceptions(cx: &mut Context, number: i64, source: &[u8]) -> Result<ItemInfo, Failure> {
    item_source::add_exceptions(cx, number, source).await?;
    let row = item::by_number(&mut cx.tx, cx.mailbox.mailbox, number).await?;
    Ok(row.map(|row| id_element(cx, &row).into()).unwrap_or_default())
}

pub(crate) fn making(cx: &Context) -> Making<'_> {
    Making {
        directory: &cx.server.directory,
        owner_name: &cx.account.display_name,
        owner_address: &cx.account.address,
        now_ms: cx.now_ms,
    }
}

pub(crate) async fn saved_folder(
    cx: &mut Context,
    wanted: Option<&TargetFolderId>,
    usual: &str,
) -> Result<Folder, Failure> {
    let folder = match wanted {
        Some(target) => cx.target(target).await?,
        None => {
            cx.home();
            cx.distinguished(usual).await?
        }
    };
    cx.allow(&folder, Right::Create).await?;
    check_room(cx, &folder).await?;
    if folder.search_class.is_some() || folder.distinguished.as_deref() == Some("root") {
        return Err(refuse(
            ResponseCode::ErrorCreateItemAccessDenied,
            "Items cannot be created in this folder.",
        ));
    }
    Ok(folder)
}

/// Refuses a folder that holds as many items as the limits allow.
async fn check_room(cx: &mut Context, folder: &Folder) -> Result<(), Failure> {
    let Some(most) = cx.server.settings.folder_limits.items else { return Ok(()) };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    match counts(&mut cx.tx, folder).await?.items < most {
        true => Ok(()),
        false => Err(refuse(
            ResponseCode::ErrorMessagePerFolderCountReceiveQuotaExceeded,
            "The folder holds as many items as the quota allows.",
        )),
    }
}

/// An element that carries the item's id and nothing else.
pub(crate) fn id_element(cx: &Context, row: &Item) -> ItemElement {
    let mut element = ItemElement::new(ItemKind::from_item_class(&row.class));
    element.item_id = Some(ItemId::with_key(id::of_row(cx.mailbox.guid, row), cx.change_key(row.version)));
    element
}

async fn save(cx: &mut Context, folder: &Folder, incoming: &Incoming) -> Result<Item, sqlx::Error> {
    delivery::save(&mut cx.tx, folder, incoming, &cx.account.display_name, cx.now_ms, false).await
}

/// Delivers a message of the mailbox's owner to its recipients.
async fn send(cx: &mut Context, sent: &Incoming) -> Result<(), Failure> {
    let from = listed(&sent.document, "From").into_iter().next();
    if from.is_some_and(|(_, from)| !from.eq_ignore_ascii_case(&cx.account.address)) {
        return Err(refuse(
            ResponseCode::ErrorSendAsDenied,
            "The user account which was used to submit this request does not have the right to send mail on behalf \
             of the specified sending account.",
        ));
    }
    let recipients = delivery::recipients(&sent.document);
    if recipients.is_empty() {
        return Err(refuse(ResponseCode::ErrorInvalidRecipients, "At least one recipient is not valid."));
    }
    let mail = Mail {
        server: &cx.server,
        content: sent,
        author: (&cx.account.display_name, &cx.account.address),
        with: "HTTP",
        now_ms: cx.now_ms,
    };
    mail.send(&mut cx.tx, &recipients).await?;
    if sent.document.kind == "MeetingRequest" {
        let attendant = Attendant { server: &cx.server, owner: &cx.own, now_ms: cx.now_ms };
        attendant.forwarded(&mut cx.tx, sent, &recipients).await?;
    }
    Ok(())
}

/// SendItem.
pub(crate) async fn send_saved(cx: &mut Context, request: SendItem) -> Outcome<NoPayload> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = async {
            if !request.save_item_to_folder && request.saved_item_folder_id.is_some() {
                return Err(refuse(
                    ResponseCode::ErrorInvalidSendItemSaveSettings,
                    "A folder was named although the item is not to be saved.",
                ));
            }
            let Some(key) = change_key_of(id) else {
                return Err(refuse(ResponseCode::ErrorChangeKeyRequired, "The change key is required."));
            };
            let row = cx.item(id).await?;
            if id::version_of(key) != Some(row.version) {
                return Err(refuse(
                    ResponseCode::ErrorIrresolvableConflict,
                    "The item changed since it was read.",
                ));
            }
            send_row(cx, &row, request.save_item_to_folder, request.saved_item_folder_id.as_ref()).await
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn send_row(
    cx: &mut Context,
    row: &Item,
    keep: bool,
    saved_to: Option<&TargetFolderId>,
) -> Result<NoPayload, Failure> {
    let incoming = outgoing(cx, row).await?;
    let folder = saved_folder(cx, saved_to, "sentitems").await?;
    send(cx, &incoming).await?;
    if !keep {
        item_move::delete(&mut cx.tx, row, cx.now_ms).await?;
        return Ok(NoPayload);
    }
    let content = Content { is_draft: false, is_read: true, sent_ms: Some(cx.now_ms), ..incoming.content };
    let by = cx.account.display_name.clone();
    let row = item::update(&mut cx.tx, row, &content, false, &by, cx.now_ms).await?;
    item_move::move_to(&mut cx.tx, &row, folder.folder, cx.now_ms).await?;
    Ok(NoPayload)
}

/// A stored draft as something that can be sent.
pub(crate) async fn outgoing(cx: &mut Context, row: &Item) -> Result<Incoming, sqlx::Error> {
    let document = View::new(&cx.mailbox, row, &[]).document().clone();
    let mut attachments = Vec::new();
    for found in attachment::of_row(&mut cx.tx, row).await? {
        if let Some((_, content)) = attachment::with_content(&mut cx.tx, row.item, found.attachment).await? {
            attachments.push(NewAttachment { document: Document::from_bytes(&found.document), content });
        }
    }
    let content = content_of(cx, row, &document).await?;
    Ok(Incoming { content, document, attachments })
}

/// The content of a row, to be changed and written again.
pub(crate) async fn content_of(
    cx: &mut Context,
    row: &Item,
    document: &Document,
) -> Result<Content, sqlx::Error> {
    let mut content = Content {
        class: row.class.clone(),
        is_read: row.is_read,
        is_draft: row.is_draft,
        associated: row.associated,
        has_attachments: row.has_attachments,
        subject: row.subject.clone(),
        received_ms: row.received_ms,
        sent_ms: row.sent_ms,
        size: row.size,
        mime: item::mime(&mut cx.tx, row.item).await?,
        ..Content::default()
    };
    let before = i64::try_from(row.document.len()).unwrap_or(0);
    let attachment_bytes = usize::try_from(row.size - before - 512).unwrap_or(0);
    content::store(document, &mut content, attachment_bytes);
    Ok(content)
}

/// Reads an item back from an attached item's text.
pub(crate) fn attached_item(content: &[u8]) -> Option<ItemElement> {
    decode(std::str::from_utf8(content).ok()?)
}
