//! CreateItem, SendItem, and the delivery of what is sent.

use std::collections::BTreeSet;

use tieline_proto_ews::{
    Item as ItemElement, ItemId, ItemKind, NoPayload, ResponseCode, ResponseMessages, ResponseObjectKind,
    operations::{CreateItem, ItemInfo, MessageDisposition, SendItem, TargetFolderId},
};

use super::{
    context::{Context, Failure, change_key_of, message, refuse},
    reply,
};
use crate::{
    content::{self, Incoming, Making, NewAttachment},
    document::{Document, decode},
    id,
    mime::{self, listed},
    store::{
        attachment,
        folder::{self, Folder},
        item::{self, Content, Item, Place},
        item_move, mailbox,
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
                create_one(cx, element, message_disposition.as_ref(), saved_item_folder_id.as_ref()).await
            }
        };
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn create_one(
    cx: &mut Context,
    element: ItemElement,
    disposition: Option<&MessageDisposition>,
    saved_to: Option<&TargetFolderId>,
) -> Result<ItemInfo, Failure> {
    let incoming = match element.kind {
        ItemKind::ResponseObject(ResponseObjectKind::SuppressReadReceipt, _) => {
            return Ok(ItemInfo::default());
        }
        ItemKind::ResponseObject(kind, fields) => reply::compose(cx, &kind, &fields).await?,
        _ => content::incoming(element, making(cx)).ok_or_else(|| {
            refuse(ResponseCode::ErrorMimeContentInvalid, "The MIME content is no message.")
        })?,
    };
    let is_message = incoming.document.kind == "Message";
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
            save(cx, &folder, &copy, false).await?;
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
            let row = save(cx, &folder, &incoming, false).await?;
            cx.saved.push(row.item);
            Ok(id_element(cx, &row).into())
        }
    }
}

pub(crate) fn making(cx: &Context) -> Making<'_> {
    Making {
        directory: &cx.server.directory,
        owner_name: &cx.account.display_name,
        owner_address: &cx.account.address,
        now_ms: cx.now_ms,
    }
}

async fn saved_folder(
    cx: &mut Context,
    wanted: Option<&TargetFolderId>,
    usual: &str,
) -> Result<Folder, Failure> {
    let folder = match wanted {
        Some(target) => cx.target(target).await?,
        None => cx.distinguished(usual).await?,
    };
    if folder.search_class.is_some() || folder.distinguished.as_deref() == Some("root") {
        return Err(refuse(
            ResponseCode::ErrorCreateItemAccessDenied,
            "Items cannot be created in this folder.",
        ));
    }
    Ok(folder)
}

/// An element that carries the item's id and nothing else.
pub(crate) fn id_element(cx: &Context, row: &Item) -> ItemElement {
    let mut element = ItemElement::new(ItemKind::from_item_class(&row.class));
    element.item_id =
        Some(ItemId::with_key(id::item_id(cx.mailbox.guid, row.item), cx.change_key(row.version)));
    element
}

async fn save(
    cx: &mut Context,
    folder: &Folder,
    incoming: &Incoming,
    delivered: bool,
) -> Result<Item, sqlx::Error> {
    let place = Place {
        mailbox: folder.mailbox,
        folder: folder.folder,
        by: &cx.account.display_name,
        now_ms: cx.now_ms,
        delivered,
    };
    let row = item::create(&mut cx.tx, &place, &incoming.content).await?;
    for new in &incoming.attachments {
        attachment::add(&mut cx.tx, row.item, &new.document.to_bytes(), &new.content, cx.now_ms).await?;
    }
    Ok(row)
}

/// Delivers a message to its recipients in the lab; mail to elsewhere leaves the lab without a trace.
async fn send(cx: &mut Context, sent: &Incoming) -> Result<(), Failure> {
    let from = listed(&sent.document, "From").into_iter().next();
    if from.is_some_and(|(_, from)| !from.eq_ignore_ascii_case(&cx.account.address)) {
        return Err(refuse(
            ResponseCode::ErrorSendAsDenied,
            "The user account which was used to submit this request does not have the right to send mail on behalf \
             of the specified sending account.",
        ));
    }
    let mut recipients = BTreeSet::new();
    for list in ["ToRecipients", "CcRecipients", "BccRecipients"] {
        recipients
            .extend(listed(&sent.document, list).into_iter().map(|(_, address)| address.to_lowercase()));
    }
    if recipients.is_empty() {
        return Err(refuse(ResponseCode::ErrorInvalidRecipients, "At least one recipient is not valid."));
    }
    for address in recipients {
        let known = cx.server.directory.by_address(&address).cloned();
        let ours = address.ends_with(&format!("@{}", crate::account::DOMAIN));
        match known {
            Some(account) => deliver(cx, &account.address, sent).await?,
            None if ours => bounce(cx, &address, sent).await?,
            None => tracing::debug!(%address, "lab: mail for elsewhere"),
        }
    }
    Ok(())
}

async fn deliver(cx: &mut Context, address: &str, sent: &Incoming) -> Result<(), sqlx::Error> {
    let Some(owner) = mailbox::by_address(&mut cx.tx, address).await? else { return Ok(()) };
    let Some(inbox) = folder::by_distinguished(&mut cx.tx, owner.mailbox, "inbox").await? else {
        return Ok(());
    };
    let mut document = sent.document.clone();
    let blind = document.parts.remove("BccRecipients").is_some();
    let id = document.text("InternetMessageId").unwrap_or_default();
    for name in ["ReceivedBy", "ReceivedRepresenting"] {
        let owner = [(Some(owner.display_name.clone()), owner.address.clone())];
        document.parts.insert(name.to_owned(), mime::recipients_fragment(name, &owner));
    }
    let mut content = Content {
        is_draft: false,
        is_read: false,
        received_ms: cx.now_ms,
        sent_ms: Some(cx.now_ms),
        // The source may name blind copies; what is delivered is built anew.
        mime: sent
            .content
            .mime
            .as_deref()
            .filter(|_| !blind)
            .map(|source| mime::stamped(source, &id, cx.now_ms)),
        ..sent.content.clone()
    };
    let bytes = sent.attachments.iter().map(|attachment| attachment.content.len()).sum();
    content::store(&document, &mut content, bytes);
    let delivered = Incoming { content, document, attachments: sent.attachments.clone() };
    save(cx, &inbox, &delivered, true).await?;
    Ok(())
}

/// A report that nobody has this address, to the sender.
async fn bounce(cx: &mut Context, address: &str, sent: &Incoming) -> Result<(), sqlx::Error> {
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    let text = format!("Delivery has failed to these recipients: {address}. The address was not found.");
    document.parts.insert("Body".to_owned(), format!("<t:Body BodyType=\"Text\">{text}</t:Body>"));
    let postmaster =
        [(Some("Microsoft Outlook".to_owned()), format!("postmaster@{}", crate::account::DOMAIN))];
    for name in ["From", "Sender"] {
        document.parts.insert(name.to_owned(), mime::recipients_fragment(name, &postmaster));
    }
    let to = [(Some(cx.account.display_name.clone()), cx.account.address.clone())];
    document.parts.insert("ToRecipients".to_owned(), mime::recipients_fragment("ToRecipients", &to));
    document.set_text("InternetMessageId", &mime::new_message_id());
    let subject = sent.content.subject.as_deref().unwrap_or_default();
    let mut content = Content {
        class: "REPORT.IPM.Note.NDR".to_owned(),
        subject: Some(format!("Undeliverable: {subject}")),
        received_ms: cx.now_ms,
        sent_ms: Some(cx.now_ms),
        ..Content::default()
    };
    content::store(&document, &mut content, 0);
    let report = Incoming { content, document, attachments: Vec::new() };
    let inbox = folder::by_distinguished(&mut cx.tx, cx.mailbox.mailbox, "inbox").await?;
    if let Some(inbox) = inbox {
        save(cx, &inbox, &report, true).await?;
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
    for found in attachment::of_item(&mut cx.tx, row.item).await? {
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
