//! FindFolder, and the pages of listings.

use tieline_proto_ews::{
    BaseFolderId, ResponseMessages,
    operations::{
        FindFolder, FindFolderMessage, FindFolderParent, FolderQueryTraversal, FolderView as FolderPageView,
        IndexBasePoint, IndexedPageView,
    },
};

use super::context::{Context, Failure, message};
use crate::{fault::FaultKind, filter, folder_view::FolderView, store::folder};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// FindFolder.
pub(crate) async fn find(cx: &mut Context, request: FindFolder) -> Outcome<FindFolderMessage> {
    let mut messages = Vec::new();
    for id in &request.parent_folder_ids {
        let outcome = find_below(cx, id, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn find_below(
    cx: &mut Context,
    parent: &BaseFolderId,
    request: &FindFolder,
) -> Result<FindFolderMessage, Failure> {
    let parent = cx.folder(parent).await?;
    let deep = request.traversal == FolderQueryTraversal::Deep;
    let rows = match request.traversal {
        FolderQueryTraversal::SoftDeleted => Vec::new(),
        _ => folder::below(&mut cx.tx, cx.mailbox.mailbox, parent.folder, deep).await?,
    };
    let restriction = request.restriction.as_ref().and_then(|restriction| restriction.expression.as_ref());
    let mut found = Vec::new();
    for row in &rows {
        let counts = folder::counts(&mut cx.tx, row).await?;
        let view = FolderView { mailbox: &cx.mailbox, row, counts };
        if restriction.is_none_or(|expression| filter::matches(expression, &view)) {
            found.push(view.element(&request.folder_shape));
        }
    }
    match cx.fault {
        Some(FaultKind::EmptyListing) => found.clear(),
        Some(FaultKind::TruncatedListing { keep }) => found.truncate(keep),
        _ => {}
    }
    let total = found.len();
    let page = match &request.view {
        Some(FolderPageView::Indexed(view)) => page_of(view, total, cx.server.settings.find_limit),
        _ => Page { from: 0, to: total.min(cx.server.settings.find_limit) },
    };
    let folders = found.drain(page.from..page.to).collect();
    Ok(FindFolderMessage {
        root_folder: Some(FindFolderParent {
            indexed_paging_offset: page.next(total),
            includes_last_item_in_range: Some(page.to == total),
            total_items_in_view: i32::try_from(total).ok(),
            folders,
            ..FindFolderParent::default()
        }),
    })
}

/// A slice of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Page {
    /// `IndexedPagingOffset`: where the next page begins.
    pub(crate) fn next(self, _total: usize) -> Option<i32> {
        i32::try_from(self.to).ok()
    }
}

/// The slice that an indexed view asks for, at most `limit` entries.
pub(crate) fn page_of(view: &IndexedPageView, total: usize, limit: usize) -> Page {
    let size = |number: i32| usize::try_from(number).unwrap_or(0);
    let most = view.max_entries_returned.map_or(limit, size).min(limit);
    let offset = size(view.offset).min(total);
    if view.base_point == IndexBasePoint::End {
        let to = total - offset;
        return Page { from: to.saturating_sub(most), to };
    }
    Page { from: offset, to: offset.saturating_add(most).min(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_from_either_end() {
        let view = |offset, most, base_point| IndexedPageView {
            max_entries_returned: Some(most),
            offset,
            base_point,
        };
        assert_eq!(page_of(&view(0, 3, IndexBasePoint::Beginning), 5, 1000), Page { from: 0, to: 3 });
        assert_eq!(page_of(&view(3, 3, IndexBasePoint::Beginning), 5, 1000), Page { from: 3, to: 5 });
        assert_eq!(page_of(&view(9, 3, IndexBasePoint::Beginning), 5, 1000), Page { from: 5, to: 5 });
        assert_eq!(page_of(&view(1, 3, IndexBasePoint::End), 5, 1000), Page { from: 1, to: 4 });
        assert_eq!(page_of(&view(0, 900, IndexBasePoint::Beginning), 500, 100), Page { from: 0, to: 100 });
    }
}
