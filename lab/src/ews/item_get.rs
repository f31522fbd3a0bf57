//! GetItem and FindItem.

use tieline_proto_ews::{
    BaseFolderId, BaseItemId, Item as ItemElement, ItemShape, PropertyPath, ResponseCode, ResponseMessages,
    SearchExpression,
    operations::{
        FieldOrder, FindItem, FindItemMessage, FindItemParent, FoundItems, GetItem, IndexBasePoint, ItemInfo,
        ItemQueryTraversal, ItemView, SortDirection,
    },
};

use super::{
    context::{Context, Failure, message, refuse},
    folder_find::{Page, page_of},
};
use crate::{
    document::{Document, escape},
    fault::FaultKind,
    filter::{self, Properties},
    mime::{self, Part},
    property::element_of,
    shape::Shape,
    store::{
        attachment::{self, Attachment},
        folder::Folder,
        item::{self, Item},
    },
    view::{IN_ROW, View},
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

impl Properties for View<'_> {
    fn values(&self, path: &PropertyPath) -> Vec<String> {
        View::values(self, path)
    }
}

/// GetItem.
pub(crate) async fn get(cx: &mut Context, request: GetItem) -> Outcome<ItemInfo> {
    let mut messages = Vec::new();
    for id in &request.item_ids {
        let outcome = get_one(cx, id, &request.item_shape).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn get_one(cx: &mut Context, id: &BaseItemId, shape: &ItemShape) -> Result<ItemInfo, Failure> {
    let row = cx.item(id).await?;
    Ok(shown(cx, &row, shape).await?.into())
}

/// The item's element with everything that `shape` asks for.
pub(crate) async fn shown(
    cx: &mut Context,
    row: &Item,
    shape: &ItemShape,
) -> Result<ItemElement, sqlx::Error> {
    let shape = Shape::full(shape);
    let attachments = match shape.wants_attachments() && (row.has_attachments || has_inline(row)) {
        true => attachment::of_item(&mut cx.tx, row.item).await?,
        false => Vec::new(),
    };
    let source = match shape.mime || shape.wants_headers() {
        true => Some(source_of(cx, row).await?),
        false => None,
    };
    let mut view = View::new(&cx.mailbox, row, &attachments);
    if shape.wants_headers() {
        view.headers = source.as_deref().map(headers);
    }
    Ok(shape.element(&view, source))
}

/// Inline attachments do not count as attachments, but they are listed; the document says if there are any.
fn has_inline(row: &Item) -> bool {
    Document::from_bytes(&row.document).parts.contains_key("InlineAttachments")
}

fn headers(mime: &[u8]) -> String {
    let mut xml = String::from("<t:InternetMessageHeaders>");
    for (name, value) in mime::headers(mime) {
        let (name, value) = (escape(&name).into_owned(), escape(&value).into_owned());
        xml.push_str(&format!(
            "<t:InternetMessageHeader HeaderName=\"{name}\">{value}</t:InternetMessageHeader>"
        ));
    }
    xml.push_str("</t:InternetMessageHeaders>");
    xml
}

/// The MIME form of an item: what it was made from, or what its properties say.
pub(crate) async fn source_of(cx: &mut Context, row: &Item) -> Result<Vec<u8>, sqlx::Error> {
    if let Some(source) = item::mime(&mut cx.tx, row.item).await? {
        return Ok(source);
    }
    let mut parts = Vec::new();
    for found in attachment::of_item(&mut cx.tx, row.item).await? {
        if let Some((_, content)) = attachment::with_content(&mut cx.tx, row.item, found.attachment).await? {
            parts.extend(mime_part(&found, content));
        }
    }
    let view = View::new(&cx.mailbox, row, &[]);
    let document = view.document();
    let id = document.text("InternetMessageId").unwrap_or_else(|| format!("<{}@lab.example>", row.item));
    let mut document = document.clone();
    if let Some(subject) = &row.subject {
        document.set_text("Subject", subject);
    }
    Ok(mime::build(&document, &row.class, row.sent_ms.unwrap_or(row.received_ms), &id, &parts))
}

fn mime_part(attachment: &Attachment, content: Vec<u8>) -> Option<Part> {
    let document = Document::from_bytes(&attachment.document);
    let name = document.text("Name").unwrap_or_else(|| "attachment".to_owned());
    if document.kind != "FileAttachment" {
        // An attached item travels as the text of its element; nobody has needed message/rfc822 of it.
        let content_type = "application/xml".to_owned();
        return Some(Part { name, content_type, content_id: None, inline: false, content });
    }
    let inline = document.text("IsInline").and_then(|text| crate::property::boolean(&text)).unwrap_or(false);
    let content_type = document.text("ContentType").unwrap_or_else(|| "application/octet-stream".to_owned());
    Some(Part { name, content_type, content_id: document.text("ContentId"), inline, content })
}

/// FindItem.
pub(crate) async fn find(cx: &mut Context, request: FindItem) -> Outcome<FindItemMessage> {
    let mut messages = Vec::new();
    for id in &request.parent_folder_ids {
        let outcome = find_in(cx, id, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn find_in(
    cx: &mut Context,
    id: &BaseFolderId,
    request: &FindItem,
) -> Result<FindItemMessage, Failure> {
    let folder = cx.folder(id).await?;
    if let Some(ItemView::Calendar(_)) = &request.view
        && !folder.class.as_deref().unwrap_or_default().starts_with("IPF.Appointment")
    {
        return Err(refuse(
            ResponseCode::ErrorCalendarFolderIsInvalidForCalendarView,
            "The folder specified is invalid for calendar view.",
        ));
    }
    let restriction = request.restriction.as_ref().and_then(|restriction| restriction.expression.as_ref());
    let rows = candidates(cx, &folder, request, restriction).await?;
    let mut views: Vec<View<'_>> = rows.iter().map(|row| View::new(&cx.mailbox, row, &[])).collect();
    if let Some(expression) = restriction {
        views.retain(|view| filter::matches(expression, view));
    }
    if let Some(query) = request.query_string.as_deref().filter(|query| !query.trim().is_empty()) {
        views.retain(|view| query_matches(query, view));
    }
    if let Some(ItemView::Calendar(window)) = &request.view {
        let bound = |time: &Option<tieline_proto_ews::DateTime>| {
            time.as_ref().and_then(|time| time.timestamp()).map(|time| time.as_millisecond())
        };
        let (start, end) = (bound(&window.start_date), bound(&window.end_date));
        views.retain(|view| overlaps(view, start, end));
    }
    let keys: Vec<_> = request.sort_order.iter().filter_map(sort_key).collect();
    filter::sort(&mut views, &keys, View::values);
    match cx.fault {
        Some(FaultKind::EmptyListing) => views.clear(),
        Some(FaultKind::TruncatedListing { keep }) => views.truncate(keep),
        _ => {}
    }
    let limit = cx.server.settings.find_limit;
    let total = views.len();
    let page = page(request, &views, limit);
    let shape = Shape::summary(&request.item_shape);
    let slice = views.get(page.from..page.to).unwrap_or_default();
    let items = slice.iter().map(|view| shape.element(view, None)).collect();
    let last = if ends(request) { page.from == 0 } else { page.to == total };
    Ok(FindItemMessage {
        root_folder: Some(FindItemParent {
            indexed_paging_offset: page.next(total),
            includes_last_item_in_range: Some(last),
            total_items_in_view: i32::try_from(total).ok(),
            found: Some(FoundItems::Items(items)),
            ..FindItemParent::default()
        }),
    })
}

async fn candidates(
    cx: &mut Context,
    folder: &Folder,
    request: &FindItem,
    restriction: Option<&SearchExpression>,
) -> Result<Vec<Item>, sqlx::Error> {
    let associated = match request.traversal {
        // Soft-deleted items live in the recoverable items folder, not in the folder they came from.
        ItemQueryTraversal::SoftDeleted => return Ok(Vec::new()),
        ItemQueryTraversal::Associated => true,
        _ => false,
    };
    match restriction.and_then(filter::required_extended) {
        Some((name, value)) if folder.search_class.is_none() => {
            item::of_folder_with_property(&mut cx.tx, folder.folder, associated, &name, &value).await
        }
        _ => item::of_folder(&mut cx.tx, folder, associated, needs_document(request, restriction)).await,
    }
}

/// Whether anything in the request is known only from the items' documents.
fn needs_document(request: &FindItem, restriction: Option<&SearchExpression>) -> bool {
    let mut paths: Vec<_> = request.sort_order.iter().filter_map(|order| order.path.as_ref()).collect();
    if let Some(expression) = restriction {
        filter::paths(expression, &mut paths);
    }
    let view = match &request.view {
        Some(ItemView::Calendar(_)) => true,
        Some(ItemView::SeekToCondition(view)) => {
            view.condition.expression.iter().for_each(|expression| filter::paths(expression, &mut paths));
            false
        }
        _ => false,
    };
    let in_row = |path: &&PropertyPath| element_of(path).is_some_and(|name| IN_ROW.contains(&name));
    let queried = request.query_string.as_deref().is_some_and(|query| !query.trim().is_empty());
    view || queried || !paths.iter().all(in_row) || !Shape::summary(&request.item_shape).in_row()
}

fn sort_key(order: &FieldOrder) -> Option<filter::SortKey<'_>> {
    Some((order.path.as_ref()?, order.order == SortDirection::Descending))
}

fn ends(request: &FindItem) -> bool {
    matches!(&request.view, Some(ItemView::Indexed(view)) if view.base_point == IndexBasePoint::End)
}

fn page(request: &FindItem, views: &[View<'_>], limit: usize) -> Page {
    let total = views.len();
    let most =
        |entries: Option<i32>| entries.map_or(limit, |most| usize::try_from(most).unwrap_or(0)).min(limit);
    match &request.view {
        Some(ItemView::Indexed(view)) => page_of(view, total, limit),
        Some(ItemView::Fractional(view)) => {
            let part = |number: i32| usize::try_from(number).unwrap_or(0);
            let from =
                part(view.numerator).saturating_mul(total).checked_div(part(view.denominator)).unwrap_or(0);
            let from = from.min(total);
            Page { from, to: from.saturating_add(most(view.max_entries_returned)).min(total) }
        }
        Some(ItemView::SeekToCondition(view)) => {
            let holds = |found: &View<'_>| {
                view.condition
                    .expression
                    .as_ref()
                    .is_some_and(|expression| filter::matches(expression, found))
            };
            let from = views.iter().position(holds).unwrap_or(total);
            Page { from, to: from.saturating_add(most(view.max_entries_returned)).min(total) }
        }
        Some(ItemView::Calendar(view)) => Page { from: 0, to: most(view.max_entries_returned).min(total) },
        Some(ItemView::Contacts(view)) => Page { from: 0, to: most(view.max_entries_returned).min(total) },
        None => Page { from: 0, to: limit.min(total) },
    }
}

fn overlaps(view: &View<'_>, start: Option<i64>, end: Option<i64>) -> bool {
    let time = |name: &str| view.document().text(name).and_then(|text| crate::property::millisecond(&text));
    let (Some(begins), Some(ends)) = (time("Start"), time("End")) else { return false };
    end.is_none_or(|end| begins < end) && start.is_none_or(|start| ends > start)
}

/// The part of AQS that clients use: words anywhere, and `subject:`, `from:`, `to:`, `body:`, `kind:`, `isread:`.
fn query_matches(query: &str, view: &View<'_>) -> bool {
    let has = |text: Option<String>, word: &str| text.is_some_and(|text| text.to_lowercase().contains(word));
    let subject = || view.row.subject.clone();
    let people = |name: &str| Some(view.document().texts_below(name, &["Name", "EmailAddress"]).join(" "));
    query.split_whitespace().all(|term| {
        let term = term.to_lowercase();
        let (field, word) = term.split_once(':').unwrap_or(("", &term));
        let word = word.trim_matches('"');
        match field {
            "subject" => has(subject(), word),
            "from" => has(people("From"), word),
            "to" => has(people("ToRecipients"), word),
            "body" => has(view.body_text(), word),
            "isread" => (word == "true" || word == "yes") == view.row.is_read,
            "kind" => match word {
                "email" => view.document().kind == "Message",
                "im" => view.row.class.starts_with("IPM.Note.Microsoft.Conversation"),
                "voicemail" => view.row.class.starts_with("IPM.Note.Microsoft.Voicemail"),
                "contacts" => view.document().kind == "Contact",
                "meetings" => view.document().kind == "CalendarItem",
                _ => false,
            },
            _ => has(subject(), word) || has(people("From"), word) || has(view.body_text(), word),
        }
    })
}
