use crate::date_time::DateTime;
use crate::xml::{choice, sequence};

sequence! {
    /// `t:ItemIdType`: an item, and with the change key one version of it.
    ///
    /// Ids are opaque and differ by letter case alone: compare them as they are. A move gives a new id.
    #[derive(Eq, Hash)]
    pub struct ItemId in Types {
        required_attribute b"Id" => id: String,
        attribute b"ChangeKey" => change_key: Option<String>,
    }
}

impl ItemId {
    /// An id without a change key.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: None }
    }

    /// An id with its change key.
    pub fn with_key(id: impl Into<String>, change_key: impl Into<String>) -> Self {
        Self { id: id.into(), change_key: Some(change_key.into()) }
    }
}

sequence! {
    /// `t:OccurrenceItemIdType`: an occurrence by its place in the series, counted from 1.
    pub struct OccurrenceItemId in Types {
        required_attribute b"RecurringMasterId" => recurring_master_id: String,
        attribute b"ChangeKey" => change_key: Option<String>,
        required_attribute b"InstanceIndex" => instance_index: i32,
    }
}

sequence! {
    /// `t:RecurringMasterItemIdType`: the series an occurrence belongs to.
    pub struct RecurringMasterItemId in Types {
        required_attribute b"OccurrenceId" => occurrence_id: String,
        attribute b"ChangeKey" => change_key: Option<String>,
    }
}

sequence! {
    /// `t:OccurrencesRangeType`: occurrences of a series between two points in time, or so many of them.
    pub struct OccurrencesRange in Types {
        attribute b"Start" => start: Option<DateTime>,
        attribute b"End" => end: Option<DateTime>,
        attribute b"Count" => count: Option<i32>,
        /// Compare where the pattern puts an occurrence rather than where it was moved.
        attribute b"CompareOriginalStartTime" => compare_original_start_time: Option<bool>,
    }
}

sequence! {
    /// `t:RecurringMasterItemIdRangesType`: a series with ranges of its occurrences.
    pub struct RecurringMasterItemIdRanges in Types {
        required_attribute b"Id" => id: String,
        attribute b"ChangeKey" => change_key: Option<String>,
        list b"Ranges" / b"Range" => ranges: Vec<OccurrencesRange>,
    }
}

choice! {
    /// `t:NonEmptyArrayOfBaseItemIdsType`: how requests name an item.
    pub enum BaseItemId in Types {
        b"ItemId" => ItemId(ItemId),
        b"OccurrenceItemId" => Occurrence(OccurrenceItemId),
        b"RecurringMasterItemId" => RecurringMaster(RecurringMasterItemId),
        b"RecurringMasterItemIdRanges" => RecurringMasterRanges(RecurringMasterItemIdRanges),
    }
}

impl From<ItemId> for BaseItemId {
    fn from(id: ItemId) -> Self {
        Self::ItemId(id)
    }
}

sequence! {
    /// `t:RootItemIdType`: the item an attachment belonged to, with its new change key.
    #[derive(Eq, Hash)]
    pub struct RootItemId in Types {
        required_attribute b"RootItemId" => root_item_id: String,
        required_attribute b"RootItemChangeKey" => root_item_change_key: String,
    }
}
