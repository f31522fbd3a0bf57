//! ExportItems, UploadItems, MarkAsJunk: whole items in and out, and where unwanted mail goes.
//!
//! Exchange's stream is a fast-transfer stream ([MS-OXCFXICS]) that clients pass on unread. The lab's is JSON of its
//! own behind a mark: what the lab exported, any lab takes back; a real Exchange takes neither from the other.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tieline_proto_ews::{
    BaseFolderId, BaseItemId, Binary, ItemId, ResponseCode, ResponseMessages,
    operations::{
        CreateAction, ExportItems, ExportItemsMessage, MarkAsJunk, MarkAsJunkMessage, UploadItem,
        UploadItems, UploadItemsMessage,
    },
};

use super::super::{
    context::{Context, Failure, item_not_found, message, refuse},
    item_create::content_of,
};
use crate::{
    content::{self, Incoming, NewAttachment},
    delivery,
    document::Document,
    id,
    mime::listed,
    permission::Right,
    store::{
        attachment,
        folder::Folder,
        item::{self, Content, Item},
        item_move, setting,
    },
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// What every stream of the lab begins with.
const MARK: &[u8] = b"LABFTS1\n";
/// Addresses whose mail goes to the junk folder, a line each.
const BLOCKED: &str = "blocked-senders";

/// An item outside its mailbox.
#[derive(Debug, Serialize, Deserialize)]
struct Stream {
    class: String,
    is_read: bool,
    is_draft: bool,
    associated: bool,
    subject: Option<String>,
    received_ms: i64,
    sent_ms: Option<i64>,
    document: Document,
    mime: Option<String>,
    attachments: Vec<StreamAttachment>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StreamAttachment {
    document: Document,
    content: String,
}

/// ExportItems.
pub(crate) async fn export(cx: &mut Context, request: ExportItems) -> Outcome<ExportItemsMessage> {
    let mut messages = Vec::new();
    for id in request.item_ids {
        let outcome = export_one(cx, id).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn export_one(cx: &mut Context, id: ItemId) -> Result<ExportItemsMessage, Failure> {
    let row = cx.item(&BaseItemId::ItemId(id)).await?;
    let document = Document::from_bytes(&row.document);
    let content = content_of(cx, &row, &document).await?;
    let mut attachments = Vec::new();
    for found in attachment::of_item(&mut cx.tx, row.item).await? {
        if let Some((_, content)) = attachment::with_content(&mut cx.tx, row.item, found.attachment).await? {
            attachments.push(StreamAttachment {
                document: Document::from_bytes(&found.document),
                content: STANDARD.encode(content),
            });
        }
    }
    let stream = Stream {
        class: row.class.clone(),
        is_read: row.is_read,
        is_draft: row.is_draft,
        associated: row.associated,
        subject: row.subject.clone(),
        received_ms: row.received_ms,
        sent_ms: row.sent_ms,
        document,
        mime: content.mime.as_deref().map(|mime| STANDARD.encode(mime)),
        attachments,
    };
    let json = serde_json::to_vec(&stream).unwrap_or_default();
    Ok(ExportItemsMessage {
        item_id: Some(item_id(cx, &row)),
        data: Some(Binary::from([MARK, &json].concat())),
    })
}

fn item_id(cx: &Context, row: &Item) -> ItemId {
    ItemId::with_key(id::item_id(cx.mailbox.guid, row.item), cx.change_key(row.version))
}

/// UploadItems.
pub(crate) async fn upload(cx: &mut Context, request: UploadItems) -> Outcome<UploadItemsMessage> {
    let mut messages = Vec::new();
    for new in &request.items {
        let outcome = upload_one(cx, new).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

fn read(data: &Binary) -> Option<Incoming> {
    let stream: Stream = serde_json::from_slice(data.as_ref().strip_prefix(MARK)?).ok()?;
    let attachments: Vec<_> = stream
        .attachments
        .into_iter()
        .map(|one| {
            Some(NewAttachment { document: one.document, content: STANDARD.decode(one.content).ok()? })
        })
        .collect::<Option<_>>()?;
    let mut content = Content {
        class: stream.class,
        is_read: stream.is_read,
        is_draft: stream.is_draft,
        associated: stream.associated,
        subject: stream.subject,
        received_ms: stream.received_ms,
        sent_ms: stream.sent_ms,
        mime: stream.mime.map(|mime| STANDARD.decode(mime)).transpose().ok()?,
        ..Content::default()
    };
    let mut document = stream.document;
    content::finish(&mut document, &mut content, &attachments);
    Some(Incoming { content, document, attachments })
}

async fn upload_one(cx: &mut Context, new: &UploadItem) -> Result<UploadItemsMessage, Failure> {
    let folder = cx.folder(&BaseFolderId::FolderId(new.parent_folder_id.clone())).await?;
    cx.allow(&folder, Right::Create).await?;
    let mut incoming = read(&new.data).ok_or_else(|| {
        refuse(ResponseCode::ErrorCorruptData, "The data is no item that this server exported.")
    })?;
    if let Some(associated) = new.is_associated {
        incoming.content.associated = associated;
    }
    let row = match (&new.create_action, &new.item_id) {
        (CreateAction::CreateNew, _) => create(cx, &folder, &incoming).await?,
        (action, Some(id)) => match cx.item(&BaseItemId::ItemId(id.clone())).await {
            Ok(old) => replace(cx, &folder, &old, &incoming).await?,
            Err(Failure::Refused(refusal))
                if *action == CreateAction::UpdateOrCreate
                    && refusal.code == ResponseCode::ErrorItemNotFound =>
            {
                create(cx, &folder, &incoming).await?
            }
            Err(failure) => return Err(failure),
        },
        (CreateAction::UpdateOrCreate, None) => create(cx, &folder, &incoming).await?,
        (_, None) => return Err(item_not_found()),
    };
    Ok(UploadItemsMessage { item_id: Some(item_id(cx, &row)) })
}

async fn create(cx: &mut Context, folder: &Folder, incoming: &Incoming) -> Result<Item, sqlx::Error> {
    let by = cx.account.display_name.clone();
    delivery::save(&mut cx.tx, folder, incoming, &by, cx.now_ms, false).await
}

async fn replace(
    cx: &mut Context,
    folder: &Folder,
    old: &Item,
    incoming: &Incoming,
) -> Result<Item, Failure> {
    if old.folder != folder.folder {
        return Err(refuse(ResponseCode::ErrorItemNotFound, "The item is not in this folder."));
    }
    for found in attachment::of_item(&mut cx.tx, old.item).await? {
        attachment::remove(&mut cx.tx, found.attachment).await?;
    }
    for new in &incoming.attachments {
        attachment::add(&mut cx.tx, old.item, &new.document.to_bytes(), &new.content, cx.now_ms).await?;
    }
    let by = cx.account.display_name.clone();
    Ok(item::update(&mut cx.tx, old, &incoming.content, false, &by, cx.now_ms).await?)
}

/// MarkAsJunk: blocks the sender or takes the block away, and moves the item if that is asked for.
pub(crate) async fn mark_as_junk(cx: &mut Context, request: MarkAsJunk) -> Outcome<MarkAsJunkMessage> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = mark_one(cx, id, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn mark_one(
    cx: &mut Context,
    id: &BaseItemId,
    request: &MarkAsJunk,
) -> Result<MarkAsJunkMessage, Failure> {
    let row = cx.item(id).await?;
    cx.allow_item(&row, Right::Delete).await?;
    let document = Document::from_bytes(&row.document);
    if let Some((_, sender)) = listed(&document, "From").into_iter().next() {
        let sender = sender.to_lowercase();
        let known = setting::get(&mut cx.tx, row.mailbox, BLOCKED).await?.unwrap_or_default();
        let mut lines: Vec<_> = known.lines().filter(|line| *line != sender).collect();
        if request.is_junk {
            lines.push(&sender);
        }
        setting::put(&mut cx.tx, row.mailbox, BLOCKED, &lines.join("\n")).await?;
    }
    if !request.move_item {
        return Ok(MarkAsJunkMessage::default());
    }
    let to = cx.distinguished(if request.is_junk { "junkemail" } else { "inbox" }).await?;
    let moved = item_move::move_to(&mut cx.tx, &row, to.folder, cx.now_ms).await?;
    Ok(MarkAsJunkMessage { moved_item_id: Some(item_id(cx, &moved)) })
}

/// Whether mail from this address goes to the junk folder.
pub(crate) async fn is_blocked(
    tx: &mut sqlx::SqliteConnection,
    mailbox: i64,
    sender: &str,
) -> Result<bool, sqlx::Error> {
    let known = setting::get(tx, mailbox, BLOCKED).await?.unwrap_or_default();
    let sender = sender.to_lowercase();
    Ok(known.lines().any(|line| line == sender))
}
