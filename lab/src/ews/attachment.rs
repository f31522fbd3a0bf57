//! CreateAttachment, GetAttachment, DeleteAttachment.

use tieline_proto_ews::{
    Attachment as AttachmentElement, AttachmentFields, AttachmentId, BaseItemId, Binary, BodyType, ItemBody,
    MimeContent, ResponseCode, ResponseMessages, RootItemId,
    operations::{
        AttachmentInfo, CreateAttachment, DeleteAttachment, DeleteAttachmentMessage, GetAttachment,
    },
};

use super::{
    context::{Context, Failure, message, refuse},
    item_create::attached_item,
};
use crate::{
    attendant::entry,
    body,
    content::{self, NewAttachment},
    document::{Document, decode},
    id::{self, Named},
    mime,
    permission::Right,
    property::element_of,
    store::{
        attachment::{self, Attachment},
        item::{self, Item},
        occurrence::OWN_ATTACHMENTS,
    },
    view::View,
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// CreateAttachment.
pub(crate) async fn create(cx: &mut Context, request: CreateAttachment) -> Outcome<AttachmentInfo> {
    let mut messages = Vec::new();
    for element in request.attachments {
        let parent = request.parent_item_id.clone().into();
        let outcome = create_one(cx, &parent, element).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn create_one(
    cx: &mut Context,
    parent: &BaseItemId,
    element: AttachmentElement,
) -> Result<AttachmentInfo, Failure> {
    let row = cx.item_or_occurrence(parent).await?;
    cx.allow_item(&row, Right::Edit).await?;
    let file = matches!(element, AttachmentElement::File(_));
    let new = NewAttachment::from_element(element);
    let document = new.document.to_bytes();
    let day = own_day(cx, &row).await?;
    let owner = (row.item, day);
    let number = attachment::add_on(&mut cx.tx, owner, &document, &new.content, cx.now_ms).await?;
    let version = touch(cx, &row, day).await?;
    let id = AttachmentId {
        id: id::attachment_id(cx.mailbox.guid, row.item, number),
        root_item_id: Some(id::of_row(cx.mailbox.guid, &row)),
        root_item_change_key: Some(cx.change_key(version)),
    };
    let fields = AttachmentFields { attachment_id: Some(id), ..AttachmentFields::default() };
    let made = match file {
        true => AttachmentElement::File(tieline_proto_ews::FileAttachment {
            attachment: fields,
            ..Default::default()
        }),
        false => AttachmentElement::Item(tieline_proto_ews::ItemAttachment {
            attachment: fields,
            ..Default::default()
        }),
    };
    Ok(made.into())
}

/// Where the row's own attachments lie: 0 for an item, the day for an occurrence, which gets copies of those that its
/// series has the first time.
async fn own_day(cx: &mut Context, row: &Item) -> Result<i64, sqlx::Error> {
    let Some(place) = row.occurrence else { return Ok(0) };
    if place.own_attachments.is_none() {
        attachment::copy_to_day(&mut cx.tx, row.item, place.day).await?;
    }
    Ok(place.day)
}

/// Gives the parent a new version, size and attachment mark; an occurrence becomes an exception.
async fn touch(cx: &mut Context, row: &Item, day: i64) -> Result<i64, sqlx::Error> {
    let attachments = attachment::on(&mut cx.tx, row.item, day).await?;
    let inline = |attachment: &Attachment| {
        NewAttachment { document: Document::from_bytes(&attachment.document), content: Vec::new() }
            .is_inline()
    };
    let bytes = attachments.iter().map(|attachment| usize::try_from(attachment.size).unwrap_or(0)).sum();
    let has_attachments = attachments.iter().any(|attachment| !inline(attachment));
    let mut document = View::new(&cx.mailbox, row, &[]).document().clone();
    let by = cx.account.display_name.clone();
    if row.occurrence.is_some() {
        document.set_text(OWN_ATTACHMENTS, &has_attachments.to_string());
        let subject = row.subject.as_deref();
        return Ok(entry::save(&mut cx.tx, row, &document, subject, &by, cx.now_ms).await?.version);
    }
    content::mark_inline(&mut document, attachments.iter().any(inline));
    let document = document.to_bytes();
    let size = content::size(&document, bytes);
    item::touch(
        &mut cx.tx,
        row,
        &item::Touch { size, has_attachments, document: &document, by: &by },
        cx.now_ms,
    )
    .await
}

/// GetAttachment.
pub(crate) async fn get(cx: &mut Context, request: GetAttachment) -> Outcome<AttachmentInfo> {
    let shape = request.attachment_shape.as_ref();
    let asked = Asked {
        source: shape.and_then(|shape| shape.include_mime_content) == Some(true),
        text_body: shape.is_some_and(|shape| {
            shape.additional_properties.iter().filter_map(element_of).any(|name| name == "TextBody")
        }),
    };
    let mut messages = Vec::new();
    for id in &request.attachment_ids {
        let outcome = get_one(cx, &id.id, asked).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

/// What a client wants of an attached item beyond its own properties.
#[derive(Clone, Copy, Debug)]
struct Asked {
    source: bool,
    text_body: bool,
}

/// A body as text.
fn plain(body: &ItemBody) -> ItemBody {
    match body.body_type {
        BodyType::Html => ItemBody::text(body::text_of_html(&body.text)),
        _ => ItemBody::text(body.text.clone()),
    }
}

async fn get_one(cx: &mut Context, id: &str, asked: Asked) -> Result<AttachmentInfo, Failure> {
    let (row, number) = find(cx, id).await?;
    let Some((found, bytes)) = attachment::with_content(&mut cx.tx, row.item, number).await? else {
        return Err(not_found());
    };
    let view = View::new(&cx.mailbox, &row, &[]);
    let Some(mut element) = decode::<AttachmentElement>(&view.attachment_element(&found, None)) else {
        return Err(not_found());
    };
    match &mut element {
        AttachmentElement::File(file) => file.content = Some(Binary::from(bytes)),
        AttachmentElement::Item(item) => {
            item.item = attached_item(&bytes).map(Box::new);
            if let Some(item) = &mut item.item {
                let source = asked.source.then(|| mime::source_of_attached(&bytes)).flatten();
                item.mime_content = source.map(MimeContent::new);
                let text = item.body.as_ref().filter(|_| asked.text_body).map(plain);
                item.text_body = text;
            }
        }
        AttachmentElement::Reference(_) => {}
    }
    Ok(element.into())
}

async fn find(cx: &mut Context, id: &str) -> Result<(Item, i64), Failure> {
    match cx.number(id).await? {
        Named::Attachment { item, attachment } => {
            let row = item::by_number(&mut cx.tx, cx.mailbox.mailbox, item).await?;
            Ok((row.ok_or_else(not_found)?, attachment))
        }
        _ => Err(refuse(ResponseCode::ErrorInvalidAttachmentId, "The specified attachment Id is invalid.")),
    }
}

fn not_found() -> Failure {
    refuse(ResponseCode::ErrorInvalidAttachmentId, "The specified attachment was not found in the store.")
}

/// DeleteAttachment.
pub(crate) async fn delete(cx: &mut Context, request: DeleteAttachment) -> Outcome<DeleteAttachmentMessage> {
    let mut messages = Vec::new();
    for id in &request.attachment_ids {
        let outcome = delete_one(cx, &id.id).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn delete_one(cx: &mut Context, id: &str) -> Result<DeleteAttachmentMessage, Failure> {
    let (row, number) = find(cx, id).await?;
    cx.allow_item(&row, Right::Edit).await?;
    let found = attachment::with_content(&mut cx.tx, row.item, number).await?;
    let Some((found, _)) = found else { return Err(not_found()) };
    let row = match found.day {
        0 => row,
        day => cx.occurrence_on(row.item, day).await?,
    };
    attachment::remove(&mut cx.tx, number).await?;
    let version = touch(cx, &row, found.day).await?;
    Ok(DeleteAttachmentMessage {
        root_item_id: Some(RootItemId {
            root_item_id: id::of_row(cx.mailbox.guid, &row),
            root_item_change_key: cx.change_key(version),
        }),
    })
}
