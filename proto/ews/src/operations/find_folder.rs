use crate::folder::Folder;
use crate::folder_id::BaseFolderId;
use crate::folder_shape::FolderShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::find_item::{FractionalPageView, IndexedPageView};
use crate::restriction::SearchExpression;
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:FolderQueryTraversalType`.
    #[derive(Default)]
    pub enum FolderQueryTraversal {
        /// Children only.
        #[default]
        Shallow,
        /// All descendants.
        Deep,
        SoftDeleted,
    }
}

choice! {
    /// How the answer is cut into pages.
    pub enum FolderView in Messages {
        b"IndexedPageFolderView" => Indexed(IndexedPageView),
        b"FractionalPageFolderView" => Fractional(FractionalPageView),
    }
}

sequence! {
    /// Lists folders.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwssrch/> section 3.1.4.1
    pub struct FindFolder in Messages {
        required_attribute b"Traversal" => traversal: FolderQueryTraversal,
        required b"FolderShape" => folder_shape: FolderShape,
        choice b"(view)" => view: Option<FolderView>,
        element b"Restriction" => restriction: Option<Restriction>,
        required_array b"ParentFolderIds" => parent_folder_ids: Vec<BaseFolderId>,
    }
}

operation!(FindFolder, "FindFolder" -> ResponseMessages<FindFolderMessage>);

sequence! {
    /// `t:RestrictionType`: the condition found folders and items must meet.
    pub struct Restriction in Types {
        choice b"(expression)" => expression: Option<SearchExpression>,
    }
}

impl From<SearchExpression> for Restriction {
    fn from(expression: SearchExpression) -> Self {
        Self { expression: Some(expression) }
    }
}

sequence! {
    /// `m:FindFolderResponseMessageType`.
    pub struct FindFolderMessage in Messages {
        element b"RootFolder" => root_folder: Option<FindFolderParent>,
    }
}

sequence! {
    /// `t:FindFolderParentType`: one page of folders.
    pub struct FindFolderParent in Types {
        /// Where the next page begins.
        attribute b"IndexedPagingOffset" => indexed_paging_offset: Option<i32>,
        attribute b"NumeratorOffset" => numerator_offset: Option<i32>,
        attribute b"AbsoluteDenominator" => absolute_denominator: Option<i32>,
        attribute b"IncludesLastItemInRange" => includes_last_item_in_range: Option<bool>,
        attribute b"TotalItemsInView" => total_items_in_view: Option<i32>,
        required_array b"Folders" => folders: Vec<Folder>,
    }
}
