//! GetItem and FindItem.

use tieline_proto_ews::{
    BaseFolderId, BaseItemId, Item as ItemElement, ItemShape, PropertyPath, ResponseCode, ResponseMessages,
    SearchExpression,
    operations::{
        FieldOrder, FindItem, FindItemMessage, FindItemParent, FoundItems, GetItem, IndexBasePoint, ItemInfo,
        ItemQueryTraversal, ItemView, SortDirection,
    },
};

use super::item_source::source_of;
use super::{
    calendar_facts, calendar_view,
    context::{Context, Failure, message, refuse},
    folder_find::{Page, page_of},
    grouping,
};
use crate::{
    aqs, content,
    document::{Document, escape},
    fault::FaultKind,
    filter::{self, Properties},
    mime,
    permission::Right,
    property::element_of,
    shape::Shape,
    store::{
        attachment,
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
    if let BaseItemId::RecurringMasterRanges(id) = id {
        return calendar_view::ranges(cx, id, shape).await;
    }
    let row = cx.item_or_occurrence(id).await?;
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
        true => attachment::of_row(&mut cx.tx, row).await?,
        false => Vec::new(),
    };
    let source = match shape.mime || shape.wants_headers() {
        true => Some(source_of(cx, row).await?),
        false => None,
    };
    let facts = calendar_facts::of_row(cx, row).await?;
    let facts = calendar_view::with_neighbours(cx, row, &shape, facts).await?;
    let mut view = View::new(&cx.mailbox, row, &attachments).with_facts(facts);
    if shape.wants_headers() && content::is_message(&view.document().kind) {
        view.headers = source.as_deref().map(headers);
    }
    Ok(shape.element(&view, source))
}

/// Inline attachments do not count as attachments, but they are listed; the document says if there may be any.
fn has_inline(row: &Item) -> bool {
    row.occurrence.is_some_and(|place| place.own_attachments.is_some())
        || Document::from_bytes(&row.document).parts.contains_key("InlineAttachments")
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
    cx.allow(&folder, Right::Read).await?;
    if request.query_string.is_some() && request.restriction.is_some() {
        let text = "A restriction and a query string cannot be combined.";
        return Err(refuse(ResponseCode::ErrorInvalidRequest, text));
    }
    if let Some(ItemView::Calendar(_)) = &request.view
        && !folder.class.as_deref().unwrap_or_default().starts_with("IPF.Appointment")
    {
        return Err(refuse(
            ResponseCode::ErrorCalendarFolderIsInvalidForCalendarView,
            "The folder specified is invalid for calendar view.",
        ));
    }
    if let Some(ItemView::Calendar(window)) = &request.view {
        return calendar_view::find(cx, &folder, request, window).await;
    }
    let restriction = request.restriction.as_ref().and_then(|restriction| restriction.expression.as_ref());
    let rows = candidates(cx, &folder, request, restriction).await?;
    let facts = calendar_facts::of_rows(cx, &rows).await?;
    let views = rows.iter().zip(facts).map(|(row, facts)| View::new(&cx.mailbox, row, &[]).with_facts(facts));
    let mut views: Vec<View<'_>> = views.collect();
    if let Some(expression) = restriction {
        views.retain(|view| filter::matches(expression, view));
    }
    if let Some(query) = request.query_string.as_deref().filter(|query| !query.trim().is_empty()) {
        let query = aqs::Query::parse(query);
        views.retain(|view| query.matches(view, cx.now_ms));
    }
    let keys: Vec<_> = request.sort_order.iter().filter_map(sort_key).collect();
    filter::sort(&mut views, &keys, View::values);
    match cx.fault {
        Some(FaultKind::EmptyListing) => views.clear(),
        Some(FaultKind::TruncatedListing { keep }) => views.truncate(keep),
        _ => {}
    }
    let limit = cx.server.settings.find_limit;
    let groups = request.grouping.as_ref().map(|wanted| grouping::arrange(wanted, &mut views));
    let total = views.len();
    let page = page(request, &views, limit);
    let shape = Shape::summary(&request.item_shape);
    let slice = views.get(page.from..page.to).unwrap_or_default();
    let items = slice.iter().map(|view| shape.element(view, None)).collect();
    let found = match groups {
        Some(names) => FoundItems::Groups(grouping::groups(&names, page.from, items)),
        None => FoundItems::Items(items),
    };
    let last = if ends(request) { page.from == 0 } else { page.to == total };
    Ok(FindItemMessage {
        root_folder: Some(FindItemParent {
            indexed_paging_offset: page.next(total),
            includes_last_item_in_range: Some(last),
            total_items_in_view: i32::try_from(total).ok(),
            found: Some(found),
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
        Some(ItemView::SeekToCondition(view)) => {
            view.condition.expression.iter().for_each(|expression| filter::paths(expression, &mut paths));
            false
        }
        _ => false,
    };
    let in_row = |path: &&PropertyPath| element_of(path).is_some_and(|name| IN_ROW.contains(&name));
    let queried = request.grouping.is_some()
        || request.query_string.as_deref().is_some_and(|query| !query.trim().is_empty());
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
        Some(ItemView::Contacts(view)) => Page { from: 0, to: most(view.max_entries_returned).min(total) },
        // A calendar view is expanded elsewhere.
        Some(ItemView::Calendar(_)) | None => Page { from: 0, to: limit.min(total) },
    }
}
