use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::folder_id::BaseFolderId;
use crate::item::Item;
use crate::item_shape::ItemShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::find_folder::Restriction;
use crate::property_path::PropertyPath;
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:ItemQueryTraversalType`.
    #[derive(Default)]
    pub enum ItemQueryTraversal { #[default] Shallow, SoftDeleted, Associated }
}

open_enum! {
    /// `t:IndexBasePointType`: which end offsets count from.
    #[derive(Default)]
    pub enum IndexBasePoint { #[default] Beginning, End }
}

sequence! {
    /// `t:IndexedPageViewType`: a page by offset.
    pub struct IndexedPageView in Types {
        attribute b"MaxEntriesReturned" => max_entries_returned: Option<i32>,
        required_attribute b"Offset" => offset: i32,
        required_attribute b"BasePoint" => base_point: IndexBasePoint,
    }
}

sequence! {
    /// `t:FractionalPageViewType`: a page by fraction of the whole.
    pub struct FractionalPageView in Types {
        attribute b"MaxEntriesReturned" => max_entries_returned: Option<i32>,
        required_attribute b"Numerator" => numerator: i32,
        required_attribute b"Denominator" => denominator: i32,
    }
}

sequence! {
    /// `t:SeekToConditionPageViewType`: a page from the first item that meets a condition.
    pub struct SeekToConditionPageView in Types {
        attribute b"MaxEntriesReturned" => max_entries_returned: Option<i32>,
        required_attribute b"BasePoint" => base_point: IndexBasePoint,
        required b"Condition" => condition: Restriction,
    }
}

sequence! {
    /// `t:CalendarViewType`: everything that overlaps a window, recurring items expanded.
    pub struct CalendarView in Types {
        attribute b"MaxEntriesReturned" => max_entries_returned: Option<i32>,
        attribute b"StartDate" => start_date: Option<DateTime>,
        attribute b"EndDate" => end_date: Option<DateTime>,
    }
}

sequence! {
    /// `t:ContactsViewType`: contacts whose names lie between two.
    pub struct ContactsView in Types {
        attribute b"MaxEntriesReturned" => max_entries_returned: Option<i32>,
        attribute b"InitialName" => initial_name: Option<String>,
        attribute b"FinalName" => final_name: Option<String>,
    }
}

choice! {
    /// How the answer is cut into pages.
    #[expect(clippy::large_enum_variant, reason = "one value per request")]
    pub enum ItemView in Messages {
        b"IndexedPageItemView" => Indexed(IndexedPageView),
        b"FractionalPageItemView" => Fractional(FractionalPageView),
        b"SeekToConditionPageItemView" => SeekToCondition(SeekToConditionPageView),
        b"CalendarView" => Calendar(CalendarView),
        b"ContactsView" => Contacts(ContactsView),
    }
}

open_enum! {
    /// `t:AggregateType`.
    #[derive(Default)]
    pub enum Aggregate { Minimum, #[default] Maximum }
}

sequence! {
    /// `t:AggregateOnType`: which item stands for its group.
    pub struct AggregateOn in Types {
        required_attribute b"Aggregate" => aggregate: Aggregate,
        choice b"(path)" => path: Option<PropertyPath>,
    }
}

open_enum! {
    /// `t:SortDirectionType`.
    #[derive(Default)]
    pub enum SortDirection { #[default] Ascending, Descending }
}

sequence! {
    /// `t:GroupByType`.
    pub struct GroupBy in Types {
        required_attribute b"Order" => order: SortDirection,
        choice b"(path)" => path: Option<PropertyPath>,
        required b"AggregateOn" => aggregate_on: AggregateOn,
    }
}

sequence! {
    /// `t:DistinguishedGroupByType`.
    pub struct DistinguishedGroupBy in Types {
        required_attribute b"Order" => order: SortDirection,
        required b"StandardGroupBy" => standard_group_by: String,
    }
}

choice! {
    /// How found items are grouped.
    #[expect(clippy::large_enum_variant, reason = "one value per request")]
    pub enum Grouping in Messages {
        b"GroupBy" => By(GroupBy),
        b"DistinguishedGroupBy" => Distinguished(DistinguishedGroupBy),
    }
}

sequence! {
    /// `t:FieldOrderType`: sort by a property.
    pub struct FieldOrder in Types {
        required_attribute b"Order" => order: SortDirection,
        choice b"(path)" => path: Option<PropertyPath>,
    }
}

sequence! {
    /// Lists items. Answers carry summary properties only: bodies, recipients and attachments need `GetItem`.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwssrch/> section 3.1.4.2
    pub struct FindItem in Messages {
        required_attribute b"Traversal" => traversal: ItemQueryTraversal,
        required b"ItemShape" => item_shape: ItemShape,
        choice b"(view)" => view: Option<ItemView>,
        choice b"(grouping)" => grouping: Option<Grouping>,
        element b"Restriction" => restriction: Option<Restriction>,
        list b"SortOrder" / b"FieldOrder" => sort_order: Vec<FieldOrder>,
        required_array b"ParentFolderIds" => parent_folder_ids: Vec<BaseFolderId>,
        /// Advanced Query Syntax; excludes a restriction.
        element b"QueryString" => query_string: Option<String>,
    }
}

operation!(FindItem, "FindItem" -> ResponseMessages<FindItemMessage>);

sequence! {
    /// `m:FindItemResponseMessageType`.
    pub struct FindItemMessage in Messages {
        element b"RootFolder" => root_folder: Option<FindItemParent>,
    }
}

sequence! {
    /// `t:GroupSummaryType`.
    pub struct GroupSummary in Types {
        required b"GroupCount" => group_count: i32,
        required b"UnreadCount" => unread_count: i32,
        element b"InstanceKey" => instance_key: Option<Binary>,
        required b"GroupByValue" => group_by_value: String,
    }
}

sequence! {
    /// `t:GroupedItemsType`.
    pub struct GroupedItems in Types {
        required b"GroupIndex" => group_index: String,
        required_array b"Items" => items: Vec<Item>,
        element b"GroupSummary" => group_summary: Option<GroupSummary>,
    }
}

/// The items of a page, or their groups.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundItems {
    /// Without grouping.
    Items(Vec<Item>),
    /// With grouping.
    Groups(Vec<GroupedItems>),
}

impl FoundItems {
    /// All items, out of their groups.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        let (items, groups) = match self {
            Self::Items(items) => (items.as_slice(), &[][..]),
            Self::Groups(groups) => (&[][..], groups.as_slice()),
        };
        items.iter().chain(groups.iter().flat_map(|group| &group.items))
    }
}

impl crate::xml::Choice for FoundItems {
    fn read_choice(
        r: &mut crate::xml::Reader<'_>,
        element: &crate::xml::Start<'_>,
    ) -> Result<Option<Self>, crate::Error> {
        match element.local() {
            "Items" => {
                let mut items = Vec::new();
                r.array(element, &mut items)?;
                Ok(Some(Self::Items(items)))
            }
            "Groups" => {
                let mut groups = Vec::new();
                r.list(element, b"GroupedItems", &mut groups)?;
                Ok(Some(Self::Groups(groups)))
            }
            _ => Ok(None),
        }
    }
    fn write_choice(&self, w: &mut crate::xml::Writer) {
        use crate::xml::Ns;
        match self {
            Self::Items(items) => w.array(Ns::Types, b"Items", items),
            Self::Groups(groups) => w.list(Ns::Types, b"Groups", b"GroupedItems", groups),
        }
    }
}

sequence! {
    /// `t:FindItemParentType`: one page of items.
    pub struct FindItemParent in Types {
        /// Where the next page begins.
        attribute b"IndexedPagingOffset" => indexed_paging_offset: Option<i32>,
        attribute b"NumeratorOffset" => numerator_offset: Option<i32>,
        attribute b"AbsoluteDenominator" => absolute_denominator: Option<i32>,
        attribute b"IncludesLastItemInRange" => includes_last_item_in_range: Option<bool>,
        attribute b"TotalItemsInView" => total_items_in_view: Option<i32>,
        choice b"(found)" => found: Option<FoundItems>,
    }
}

impl FindItemParent {
    /// All items of the page.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.found.iter().flat_map(FoundItems::iter)
    }
}
