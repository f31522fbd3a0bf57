use crate::item_id::BaseItemId;
use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::create_item::CalendarItemCreateOrDelete;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:DisposalType`: where deleted things go.
    pub enum Disposal {
        HardDelete,
        SoftDelete,
        MoveToDeletedItems,
    }
}

open_enum! {
    /// `t:AffectedTaskOccurrencesType`.
    pub enum AffectedTaskOccurrences { AllOccurrences, SpecifiedOccurrenceOnly }
}

sequence! {
    /// Deletes items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.3
    pub struct DeleteItem in Messages {
        /// Required; there is no default, so that a missing value deletes nothing.
        attribute b"DeleteType" => delete_type: Option<Disposal>,
        /// Required for calendar items.
        attribute b"SendMeetingCancellations" => send_meeting_cancellations: Option<CalendarItemCreateOrDelete>,
        /// Required for tasks.
        attribute b"AffectedTaskOccurrences" => affected_task_occurrences: Option<AffectedTaskOccurrences>,
        attribute b"SuppressReadReceipts" => suppress_read_receipts: Option<bool>,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
    }
}

operation!(DeleteItem, "DeleteItem" -> ResponseMessages<NoPayload>);
